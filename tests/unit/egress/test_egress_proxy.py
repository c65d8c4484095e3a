"""The proxy on its socket, with a played resolver and hosts on loopback: what gets through, and what arrives there."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from models.addresses import networks_in
from models.result import EgressUse
from sandbox.carry import Streams
from sandbox.egress.ledger import Ledger
from sandbox.egress.outside import Outside, World
from sandbox.egress.proxy import EgressProxy, Limits

PUBLIC = "93.184.216.34"
HOSTS = ("pypi.org", "*.example.com")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def until_closed(connection: socket.socket) -> bytes:
    data = bytearray()
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionError:
        pass
    return bytes(data)


class Host:
    """One server on loopback. It reads until it has seen `until`, answers, and closes."""

    def __init__(self, answer: bytes = OK, until: bytes = b"\r\n\r\n") -> None:
        self.received: list[bytes] = []
        self._answer, self._until = answer, until
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                data = b""
                while self._until not in data and (piece := connection.recv(65536)):
                    data += piece
                self.received.append(data)
                connection.sendall(self._answer)

    def close(self) -> None:
        with suppress(OSError):  # the second time
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@dataclass
class Stand:
    """A proxy, and what it is asked to believe of the world."""

    path: Path
    host: Host
    answers: Callable[[str], list[str]] = lambda _: [PUBLIC]
    networks: str = ""
    limits: Limits = field(default_factory=Limits)
    dialled: list[tuple[str, int]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    _proxy: EgressProxy | None = None

    def start(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()
        self._ledger = Ledger(self.lines.append)
        outside = Outside(World(self._resolve, self._dial), networks_in(self.networks))
        self._proxy = EgressProxy(listener, HOSTS, outside, self._ledger, self.limits)

    def connect(self) -> socket.socket:
        if self._proxy is None:
            self.start()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(str(self.path))
        return connection

    def ask(self, request: bytes) -> bytes:
        with self.connect() as connection:
            connection.sendall(request)
            return until_closed(connection)

    def uses(self) -> tuple[EgressUse, ...]:
        """After everything is over."""
        self.stop()
        return self._ledger.uses()

    def stop(self) -> None:
        if self._proxy is not None:
            self._proxy.close()

    def _resolve(self, host: str, _: int) -> list[str]:
        self.resolved.append(host)
        return self.answers(host)

    async def _dial(self, address: str, port: int) -> Streams:
        self.dialled.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.host.port)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


@pytest.fixture
def stand(tmp_path: Path, host: Host) -> Iterator[Stand]:
    made = Stand(tmp_path / "s", host)
    yield made
    made.stop()


def test_a_tunnel_carries_both_directions_and_is_counted(stand: Stand) -> None:
    with stand.connect() as connection:
        connection.sendall(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org:443\r\n\r\nearly ")
        connection.sendall(b"words\r\n\r\n")
        said = until_closed(connection)
    assert said == b"HTTP/1.1 200 Connection established\r\n\r\n" + OK
    assert stand.host.received == [b"early words\r\n\r\n"]
    assert stand.dialled == [(PUBLIC, 443)]
    assert stand.uses() == (
        EgressUse(host="pypi.org", port=443, allowed=True, count=1, sent_bytes=15, received_bytes=len(OK)),
    )
    assert stand.lines == [f"egress: CONNECT pypi.org:443 allowed → {PUBLIC}"]


def test_a_plain_request_is_written_anew(stand: Stand) -> None:
    said = stand.ask(
        b"GET http://PYPI.org/simple/?a=b HTTP/1.1\r\nHost: evil.net\r\nAccept: */*\r\nProxy-Authorization: x\r\n"
        b"Proxy-Connection: keep-alive\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nUpgrade: h2c\r\n"
        b"TE: trailers\r\n\r\n"
    )
    [received] = stand.host.received
    head = received.decode().split("\r\n")
    assert head[0] == "GET /simple/?a=b HTTP/1.1"
    assert sorted(head[1:]) == ["", "", "accept: */*", "connection: close", "host: pypi.org"]
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\nhi")
    assert b"connection: close" in said.lower()


def test_a_body_is_carried_whatever_its_framing(tmp_path: Path) -> None:
    for number, framed in enumerate(
        (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    ):
        host = Host(until=b"hello")
        other = Stand(tmp_path / f"s{number}", host)
        other.ask(b"POST http://pypi.org/ HTTP/1.1\r\nHost: pypi.org\r\n" + framed)
        assert b"hello" in host.received[0]
        other.stop()
        host.close()


def test_no_second_request_hides_in_the_first(stand: Stand) -> None:
    """Given a request with two framings, and one that follows it, what arrives has one framing and nothing follows."""
    stand.ask(
        b"POST http://pypi.org/ HTTP/1.1\r\nHost: pypi.org\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\nGET http://pypi.org/secret HTTP/1.1\r\nHost: evil.net\r\n\r\n"
    )
    [received] = stand.host.received
    assert b"content-length" not in received.lower()
    assert b"secret" not in received
    assert len(stand.dialled) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        b"GET http://pypi.org/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET http://pypi.org/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        b"GET http://pypi.org/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        b"GET http://pypi.org/ HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET http://pypi.org/ HTTP/1.1\r\n\r\n",
        b"GET http://pypi.org/\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n",
        b"GET http://pypi.org/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_clean_http_is_refused_and_told(stand: Stand, hostile: bytes) -> None:
    said = stand.ask(hostile)
    assert said == b"" or said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501"))
    assert stand.dialled == []
    assert [use.reason for use in stand.uses()] == ["a malformed request"]


def test_what_is_not_listed_is_neither_looked_up_nor_connected_to(stand: Stand) -> None:
    for target in (b"evil.net:443", b"127.0.0.1:443", b"pypi.org:22", b"[::1]:443"):
        assert stand.ask(b"CONNECT " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(
            b"HTTP/1.1 403 denied by Delta"
        )
    assert stand.ask(b"GET http://169.254.169.254/latest/ HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 403 ")
    assert (stand.resolved, stand.dialled) == ([], [])
    assert len(stand.lines) == 5


@pytest.mark.parametrize("answers", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::ffff:169.254.169.254"], ["fe80::1%lo"]])
def test_a_name_with_any_address_that_is_not_public_is_denied(stand: Stand, answers: list[str]) -> None:
    stand.answers = lambda _: answers
    assert b"403 denied by Delta: its address is not public" in stand.ask(b"CONNECT a.example.com:443 HTTP/1.0\r\n\r\n")
    assert stand.dialled == []
    assert f"it resolves to {answers[-1]}, which is not public" in stand.lines[0]


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(stand: Stand) -> None:
    """DNS rebinding: the second answer would be the node's loopback."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    stand.answers = lambda _: next(answers)
    assert stand.ask(b"GET http://a.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"hi")
    assert (stand.resolved, stand.dialled) == (["a.example.com"], [(PUBLIC, 80)])


def test_networks_of_the_operator_are_reached(stand: Stand) -> None:
    stand.answers = lambda _: ["10.1.2.3"]
    stand.networks = "10.1.0.0/16"
    assert stand.ask(b"GET http://pypi.org/ HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"hi")


def test_a_host_that_does_not_answer_is_502_and_told(stand: Stand) -> None:
    def nothing(_: str) -> list[str]:
        raise OSError

    stand.answers = nothing
    assert stand.ask(b"CONNECT pypi.org:443 HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 502 its name could not be")
    stand.host.close()
    stand.answers = lambda _: [PUBLIC]
    assert stand.ask(b"CONNECT pypi.org:443 HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 502 it could not be reached")
    assert [use.reason for use in stand.uses()] == ["its name could not be resolved", "it could not be reached"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", b"204 No Content"),
        (b"not http at all\r\n\r\n", b"HTTP/1.1 502 its answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n\r\nhidden", b"hi"),
    ],
)
def test_answers_of_every_framing(tmp_path: Path, answer: bytes, expected: bytes) -> None:
    host = Host(answer)
    stand = Stand(tmp_path / "s", host)
    said = stand.ask(b"GET http://pypi.org/ HTTP/1.1\r\nHost: x\r\n\r\n")
    assert expected in said
    assert b"hidden" not in said
    stand.stop()
    host.close()


def test_connections_above_the_limit_wait_and_are_served_in_the_end(stand: Stand) -> None:
    stand.limits = Limits(connections=2)
    idle = [stand.connect(), stand.connect()]
    with stand.connect() as third:
        third.sendall(b"CONNECT evil.net:443 HTTP/1.0\r\n\r\n")
        third.settimeout(0.3)
        with pytest.raises(TimeoutError):
            third.recv(1)
        for connection in idle:
            connection.close()
        third.settimeout(20)
        assert third.recv(12) == b"HTTP/1.1 403"


def test_a_client_that_says_nothing_is_cut(stand: Stand) -> None:
    stand.limits = Limits(head_s=0.05)
    with stand.connect() as slow:
        slow.sendall(b"GET http://pypi.org/ HTTP/1.1\r\nHost: ")
        assert until_closed(slow) == b""


def test_closing_cuts_what_is_open(stand: Stand) -> None:
    with stand.connect() as connection:
        connection.sendall(b"CONNECT pypi.org:443 HTTP/1.0\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        threads = threading.active_count()
        stand.stop()
        assert until_closed(connection).count(b"HTTP/1.1 200") == 0
        assert threading.active_count() < threads
