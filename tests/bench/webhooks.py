"""How fast a webhook is answered, and how many accepted ones are lost.

`answered`: from sending it to 202, which means that it is on disk; one after another, `AT_ONCE` at a time, and with the
orchestrator stopped (SIGSTOP: it neither works nor is it started anew). `killed`: while webhooks come in, everything is
killed at a random instant with SIGKILL, then started again; each one that was answered 202 must have its run.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from cluster.store.store import Store
from models.ids import RunId
from tests.bench.figures import show, spread
from tests.bench.pushes import SETTINGS, Pushes, client_of, post
from tests.e2e.forge.githttp import serving
from tests.e2e.server import Delta, delta
from tests.fault.processes import actors

COUNT = 200
AT_ONCE = 8
ACCEPTED = 1_000
SEED = 1


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as git_server:
        pushes = Pushes.make(Path(folder, "noop"), git_server)
        with delta(SETTINGS) as server:
            server.up()
            _answered("webhook_answered_s", server, pushes, 1)
            _answered("webhook_answered_8_at_once_s", server, pushes, AT_ONCE)
            [orchestrator] = actors(server, "OrchestratorActor")
            orchestrator.suspend()
            try:
                _answered("webhook_answered_without_orchestrator_s", server, pushes, 1)
            finally:
                orchestrator.resume()
        _killed(pushes)


def _answered(figure: str, server: Delta, pushes: Pushes, at_once: int) -> None:
    bodies = [pushes.push() for _ in range(COUNT)]
    clients = threading.local()

    def one(body: bytes) -> float:
        if not hasattr(clients, "own"):
            clients.own = client_of(server)
        return post(clients.own, body)[1]

    with ThreadPoolExecutor(at_once) as pool:
        show(figure, webhooks=COUNT, at_once=at_once, **spread(list(pool.map(one, bodies))))


def _killed(pushes: Pushes) -> None:
    chance = random.Random(SEED)  # noqa: S311 - it chooses instants, not secrets
    accepted = lost = rounds = 0
    with delta(SETTINGS) as server:
        while accepted < ACCEPTED:
            server.up()
            answered = _post_until_killed(server, [pushes.push() for _ in range(COUNT)], chance.uniform(0.2, 1.5))
            server.up()
            accepted += len(answered)
            lost += len(asyncio.run(_without_run(server, answered)))
            rounds += 1
    show("webhooks_lost_by_sigkill_of_everything", rounds=rounds, accepted=accepted, lost=lost)


def _post_until_killed(server: Delta, bodies: Sequence[bytes], after_s: float) -> list[RunId]:
    """The runs of those that were answered before everything was killed."""
    answered: list[RunId] = []

    def send(part: Sequence[bytes]) -> None:
        with client_of(server) as client:
            for body in part:
                try:
                    answered.append(post(client, body)[0])
                except httpx.HTTPError:
                    return

    senders = [threading.Thread(target=send, args=(bodies[number::AT_ONCE],)) for number in range(AT_ONCE)]
    for sender in senders:
        sender.start()
    threading.Event().wait(after_s)
    server.kill()
    for sender in senders:
        sender.join()
    return answered


async def _without_run(server: Delta, runs: Sequence[RunId]) -> list[RunId]:
    """Those that get no run."""
    store = Store.connect(f"unix://{server.state_dir}/run/redis.sock")
    try:
        return [run for run in runs if not await store.runs.events(run, block_ms=20_000)]
    finally:
        await store.close()


if __name__ == "__main__":
    main()
