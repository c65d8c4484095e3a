"""A job that tries to get out: by the proxy it was given, around it, and without one. On real gVisor.

Hosts outside are played on the node's loopback where nothing real is meant, so the world is the same everywhere.
"""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import psutil
import pytest

from models.logs import LogChunk, LogSource
from models.result import Outcome
from models.settings import SandboxSettings
from sandbox.carry import Streams
from sandbox.egress.outside import World
from tests.integration.sandbox.played_host import PlayedHost

if TYPE_CHECKING:
    from tests.integration.sandbox.conftest import Laboratory

PUBLIC = "93.184.216.34"
NOTHING_CONNECTS = """
import socket
for family, address in (
    (socket.AF_INET, ("127.0.0.1", 3128)), (socket.AF_INET, ("169.254.169.254", 80)),
    (socket.AF_INET, ("8.8.8.8", 53)), (socket.AF_INET6, ("2001:4860:4860::8888", 53)),
    (socket.AF_UNIX, "/run/delta/egress.sock"), (socket.AF_UNIX, "/var/run/docker.sock"),
    (socket.AF_UNIX, "/run/delta/docker.sock"), (socket.AF_UNIX, "\\0egress"),
):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        if (address[0], kind) == ("127.0.0.1", socket.SOCK_DGRAM):
            continue  # loopback takes what nobody reads
        try:
            with socket.socket(family, kind) as attempt:
                attempt.settimeout(2)
                attempt.connect(address)
                if kind == socket.SOCK_DGRAM:
                    attempt.send(b"hello")
                print("reached", address, kind)
        except OSError:
            pass
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    print("reached a raw socket")
except OSError:
    pass
print("tried")
"""
ASK = b"""
import socket, sys
def ask(request, timeout=20):
    with socket.create_connection(("127.0.0.1", 3128)) as proxy:
        proxy.settimeout(timeout)
        said = b""
        try:
            proxy.sendall(request)
            while piece := proxy.recv(65536):
                said += piece
        except OSError:
            pass
        return said
def first(target):
    method = "GET" if "//" in target else "CONNECT"
    said = ask(f"{method} {target} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
    print(target, said.partition(b"\\r\\n")[0].decode(), flush=True)
    return said
if __name__ == "__main__":
    for target in sys.argv[1:]:
        first(target)
"""


@pytest.fixture
def server() -> Iterator[PlayedHost]:
    made = PlayedHost()
    yield made
    made.close()


@pytest.fixture
def out(lab: Laboratory, server: PlayedHost) -> Laboratory:
    """A laboratory whose world is one server; every name stands for a public address."""
    lab.tree = {"ask.py": ASK}
    lab.world = World(lambda *_: [PUBLIC], server.dial)
    return lab


def test_without_egress_there_is_no_door_and_nothing_connects(lab: Laboratory) -> None:
    lab.tree = {"try.py": NOTHING_CONNECTS.encode()}
    result = lab.run("test ! -e /run/delta; env | grep -i _proxy && exit 1; python3 try.py")
    assert (result.outcome, lab.output) == (Outcome.PASSED, "tried\n")
    assert result.egress == ()


def test_with_egress_nothing_connects_but_the_proxy(out: Laboratory, server: PlayedHost) -> None:
    out.tree["try.py"] = NOTHING_CONNECTS.encode()
    out.run("python3 try.py", egress=("pypi.org",))
    reached = [line for line in out.output.splitlines() if line.startswith("reached")]
    assert [line for line in reached if "3128" not in line and "egress.sock" not in line] == []
    assert out.output.endswith("tried\n")
    assert server.visits == 0


def test_what_is_listed_is_reached_and_everything_else_is_denied_and_told(out: Laboratory, server: PlayedHost) -> None:
    granted = ["pypi.org:443", "http://pypi.org/", "a.example.com:80"]
    denied = [
        *("evil.net:443", "http://evil.net/", "example.com:443", "pypi.org.evil.net:443", "pypi.org:22"),
        *("169.254.169.254:80", "http://169.254.169.254/latest/meta-data/", "127.0.0.1:443", "[::1]:443"),
        *("2130706433:443", "0x7f.1:443", "localhost:80", "http://pypi.org:8080/", "http://u@pypi.org/"),
    ]
    result = out.run(f"python3 ask.py {' '.join([*granted, *denied])}", egress=("pypi.org", "*.example.com"))
    lines = out.output.splitlines()
    assert [line.rsplit(" HTTP/1.1 ")[1][:3] for line in lines] == ["200"] * len(granted) + ["403"] * len(denied)
    assert server.visits <= len(granted)
    told = [line for line in out.told.splitlines() if line.startswith("egress:")]
    assert len(told) == len(granted) + len(denied)
    assert f"egress: CONNECT pypi.org:443 allowed → {PUBLIC}" in told
    assert "egress: CONNECT evil.net:443 denied: not in the job's egress" in told
    assert sum(use.count for use in result.egress if use.allowed) == len(granted)
    assert sum(use.count for use in result.egress if not use.allowed) == len(denied)
    assert next(use for use in result.egress if use.port == 80 and use.host == "pypi.org").received_bytes > 2


@pytest.mark.parametrize("answers", [["127.0.0.1"], ["169.254.169.254"], [PUBLIC, "10.0.0.1"], ["::ffff:127.0.0.1"]])
def test_a_listed_name_does_not_lead_to_the_node_or_its_network(
    out: Laboratory, server: PlayedHost, answers: list[str]
) -> None:
    out.world = out.world._replace(resolve=lambda *_: answers)
    result = out.run("python3 ask.py pypi.org:443 http://pypi.org/", egress=("pypi.org",))
    assert out.output.count("403 denied by Delta: its address is not public") == 2
    assert server.visits == 0
    assert {use.allowed for use in result.egress} == {False}


def test_services_of_the_node_are_not_reached_by_its_own_addresses(out: Laboratory, server: PlayedHost) -> None:
    """With the real way out: names that stand for each address that this node has."""
    cards = [entry for card in psutil.net_if_addrs().values() for entry in card]
    addresses = [str(entry.address) for entry in cards if entry.family in {socket.AF_INET, socket.AF_INET6}]
    left = iter(addresses)
    out.world = World(lambda *_: [next(left)])
    out.settings = SandboxSettings(egress_networks="0.0.0.0/0,::/0")
    result = out.run(f"python3 ask.py {'pypi.org:443 ' * len(addresses)}", egress=("pypi.org",))
    assert len(addresses) >= 1
    assert out.output.count("403 denied by Delta: its address is not public") == len(addresses)
    assert sum(use.count for use in result.egress) == len(addresses)
    assert server.visits == 0


def test_dns_rebinding_leads_to_what_was_checked(out: Laboratory, server: PlayedHost) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    dialled: list[str] = []

    async def dial(address: str, _: int) -> Streams:
        dialled.append(address)
        return await server.dial()

    out.world = World(lambda *_: next(answers), dial)
    out.run("python3 ask.py http://pypi.org/ http://pypi.org/", egress=("pypi.org",))
    first, second = out.output.splitlines()
    assert "200" in first
    assert "403" in second
    assert dialled == [PUBLIC]


def test_no_second_request_is_smuggled_behind_an_allowed_one(out: Laboratory, server: PlayedHost) -> None:
    out.tree["smuggle.py"] = (
        b"from ask import ask\n"
        b"said = ask(b'POST http://pypi.org/ HTTP/1.1\\r\\nHost: evil.net\\r\\nContent-Length: 70\\r\\n'\n"
        b"           b'Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n'\n"
        b"           b'GET http://evil.net/ HTTP/1.1\\r\\nHost: e\\r\\n\\r\\n')\n"
        b"print(said.count(b'HTTP/1.1'))\n"
    )
    out.run("python3 smuggle.py", egress=("pypi.org",))
    assert out.output == "1\n"
    assert server.visits == 1


def test_another_sandbox_is_not_reached(out: Laboratory, docker_url: str, image: str) -> None:
    """Given one that listens on everything it can, another one beside it with a door of its own finds nothing."""
    listening, done = threading.Event(), threading.Event()
    out.tree["listen.py"] = (
        b"import socket, sys, time\n"
        b"tcp = socket.create_server(('0.0.0.0', 5000))\n"
        b"for name in ('\\0meet', '/tmp/meet'):\n"
        b"    unix = socket.socket(socket.AF_UNIX); unix.bind(name); unix.listen()\n"
        b"try:\n"
        b"    open('/run/delta/meet', 'w'); print('wrote', flush=True)\n"
        b"except OSError:\n"
        b"    pass\n"
        b"print('listening', flush=True)\n"
        b"time.sleep(600)\n"
    )

    def seen(chunk: LogChunk) -> None:
        if chunk.source is LogSource.JOB and "listening" in chunk.text:
            listening.set()

    def run() -> None:
        out.run("python3 listen.py", egress=("pypi.org",))
        done.set()

    out.seen = seen
    first = threading.Thread(target=run)
    first.start()
    try:
        assert listening.wait(60)
        other = type(out)(docker_url, image, doors=out.doors, world=out.world)
        other.tree = {
            "meet.py": b"import os, socket\n"
            b"print(sorted(os.listdir('/run/delta')))\n"
            b"for family, address in ((socket.AF_INET, ('127.0.0.1', 5000)), (socket.AF_UNIX, '\\0meet'),\n"
            b"                        (socket.AF_UNIX, '/tmp/meet'), (socket.AF_UNIX, '/run/delta/../meet')):\n"
            b"    try:\n"
            b"        socket.socket(family).connect(address); print('reached', address)\n"
            b"    except OSError: pass\n"
        }
        assert other.run("python3 meet.py", egress=("pypi.org",)).outcome is Outcome.PASSED
        assert other.output.splitlines()[-1].startswith("['ca.pem', 'egress.sock', 'forwarder.py']")
        assert other.left() == []
    finally:
        out.cancelled.set()
        first.join()
    assert done.is_set()
    assert "wrote" not in out.output


def test_a_flood_hurts_nobody_and_the_proxy_still_answers(out: Laboratory, server: PlayedHost) -> None:
    out.tree["flood.py"] = (
        b"import socket, threading\n"
        b"from ask import ask, first\n"
        b"huge = b'GET http://pypi.org/ HTTP/1.1\\r\\nHost: x\\r\\nX: ' + b'x' * 4_000_000\n"
        b"def opened():\n"
        b"    connection = socket.socket(socket.AF_UNIX)\n"
        b"    try:\n"
        b"        connection.settimeout(0.1); connection.connect('/run/delta/egress.sock'); return connection\n"
        b"    except OSError:\n"
        b"        connection.close()\n"
        b"idle = [opened() for _ in range(150)]\n"
        b"print('idle', sum(c is not None for c in idle) > 50, flush=True)\n"
        b"for connection in idle:\n"
        b"    connection and connection.close()\n"
        b"threads = [threading.Thread(target=ask, args=(huge,)) for _ in range(40)]\n"
        b"for thread in threads: thread.start()\n"
        b"for thread in threads: thread.join()\n"
        b"for number in range(1100): ask(f'CONNECT h{number}.net:443 HTTP/1.0\\r\\n\\r\\n'.encode())\n"
        b"first('http://pypi.org/')\n"
    )
    gc.collect()
    myself = psutil.Process()
    before, files, threads = myself.memory_info().rss, myself.num_fds(), threading.active_count()
    result = out.run("python3 flood.py", egress=("pypi.org",), timeout_s=200)
    assert out.output.splitlines() == ["idle True", "http://pypi.org/ HTTP/1.1 200 OK"], result
    assert server.visits == 1
    assert myself.memory_info().rss - before < 100 * 1024 * 1024
    assert myself.num_fds() <= files + 4
    assert threading.active_count() <= threads + 4
    assert len(result.egress) <= 70
    assert sum(use.count for use in result.egress) >= 1101
    assert out.told.count("egress: ") <= 1001


def test_what_a_job_leaves_behind_does_not_get_out_after_its_steps(out: Laboratory, server: PlayedHost) -> None:
    out.tree["late.py"] = (
        b"import os, time\n"
        b"from ask import ask\n"
        b"if os.fork() == 0:\n"
        b"    os.setsid()\n"
        b"    for fd in (0, 1, 2): os.close(fd)\n"
        b"    while True: ask(b'GET http://pypi.org/ HTTP/1.0\\r\\n\\r\\n'); time.sleep(0.01)\n"
    )
    visits: list[int] = []
    out.report = lambda _: visits.append(server.visits)
    out.run("python3 late.py", "sleep 0.5", egress=("pypi.org",))
    assert visits[0] > 0
    assert visits == [server.visits]


def test_a_door_is_gone_with_its_runner(out: Laboratory) -> None:
    """Whatever ends the attempt."""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    out.report = interrupted
    with pytest.raises(KeyboardInterrupt):
        out.run("true", egress=("pypi.org",))
    assert out.left() == []
    assert out.doors is not None
    assert [path for _, folders, _ in os.walk(out.doors.root / os.uname().nodename) for path in folders] == []
