"""Encrypts secrets before they go to the store, and decrypts what comes from there. The key never goes to the store.

Fernet (https://cryptography.io/en/latest/fernet/): AES-128-CBC and HMAC-SHA256. The key file holds one key a line: the
first one encrypts, all of them decrypt. Scope and name are encrypted with the value and compared when it is opened, so
whoever can write to the store cannot pass one secret off as another.

The library is imported where it is used: each of Delta's processes has a vault, few ever open it, and it takes 6 MB.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cluster.host.locks import alone
from models.errors import InfrastructureError
from models.secret import SealedSecret

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FILE: Final = "secrets.key"


class Vault:
    """The key file at `path`, made when the first secret is sealed; only its owner can read it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """One writer at a time: what is sealed while keys change would be lost with the old one.

        It is waited for in a thread: whoever has it may need this one's loop to go on.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = ExitStack()
        entering = asyncio.ensure_future(asyncio.to_thread(held.enter_context, alone(self._path.with_suffix(".lock"))))
        try:
            await asyncio.shield(entering)
            yield
        finally:
            if entering.done():
                held.close()
            else:  # nobody waits for it any more
                entering.add_done_callback(lambda _: held.close())

    def seal(self, scope: str, name: str, value: str) -> SealedSecret:
        """A secret as the store may have it."""
        if not self._path.exists():
            self._write_first()
        inside = json.dumps([scope, name, value]).encode()
        return SealedSecret(scope=scope, name=name, sealed=self._keys().encrypt(inside).decode(), set_at=time.time())

    def open(self, secret: SealedSecret) -> str:
        """Its value. Raises `InfrastructureError` when no key fits, or it is not the secret that it says it is."""
        from cryptography.fernet import InvalidToken

        try:
            scope, name, value = json.loads(self._keys().decrypt(secret.sealed.encode()))
        except InvalidToken as error:
            raise InfrastructureError(
                f"the secret {secret.name} cannot be decrypted with the keys in {self._path}",
                remedy="put the key file's backup back, or set the secret again",
            ) from error
        if (scope, name) != (secret.scope, secret.name):
            raise InfrastructureError(
                f"what the store has as the secret {secret.name} of {secret.scope} is another one",
                remedy="set it again, and find out who else writes to the store",
            )
        return str(value)

    def add_key(self) -> None:
        """From now on a new key encrypts. The old ones still decrypt."""
        self._write([_new_key(), *self._lines()])

    def drop_old_keys(self) -> None:
        """Only the key that encrypts stays. What was not sealed with it is lost."""
        self._write(self._lines()[:1])

    def _keys(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        try:
            return MultiFernet([Fernet(line) for line in self._lines()])
        except ValueError as error:  # not base64, not 32 bytes, or no line at all
            raise InfrastructureError(
                f"{self._path} is not a file of keys", remedy="put its backup back; without it, secrets are lost"
            ) from error

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text().split()
        except FileNotFoundError as error:
            raise InfrastructureError(
                f"the key of the secrets, {self._path}, is not there",
                remedy="put its backup back; without it, set every secret again",
            ) from error

    def _write_first(self) -> None:
        """Two who do this at once end with one key: a link is made only where there is none."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._prepared([_new_key()])
        try:
            os.link(fresh, self._path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()

    def _write(self, lines: list[str]) -> None:
        self._prepared(lines).replace(self._path)

    def _prepared(self, lines: list[str]) -> Path:
        """On disk before it is used: what it encrypts is."""
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}-")  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        return Path(name)


def _new_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()
