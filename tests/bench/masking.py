"""How fast a log goes through masking: with no secret at all, with one, with ten, and with a long key among them."""

from __future__ import annotations

import secrets
import time

from pydantic import SecretStr

from sandbox.log import AttemptLog
from sandbox.mask import Secrets
from tests.bench.figures import show

PIECE = (b"tests/test_units.py::test_an_oven_at_350_fahrenheit PASSED   [ 42%] and so on\n" * 900)[: 64 * 1024]
PIECES = 500


def main() -> None:
    """Measures and prints."""
    tokens = {f"TOKEN_{number}": SecretStr(secrets.token_urlsafe(30)) for number in range(10)}
    key = "\n".join(secrets.token_urlsafe(48) for _ in range(50))
    cases: dict[str, Secrets | None] = {
        "none": None,
        "1": Secrets(dict(list(tokens.items())[:1])),
        "10": Secrets(tokens),
        "10, one of them 50 lines": Secrets({**tokens, "TOKEN_0": SecretStr(key)}),
    }
    for name, masked in cases.items():
        log = AttemptLog(lambda _: None, 1 << 40, secrets=masked)
        began = time.perf_counter()
        for _ in range(PIECES):
            log.job(PIECE)
        log.finish()
        spent = time.perf_counter() - began
        show("masking_mb_per_s", secrets=name, measured=round(PIECES * len(PIECE) / spent / 1e6))


if __name__ == "__main__":
    main()
