"""Secrets as people keep them: set, listed, removed, and sealed anew with another key. No value is ever read back."""

from __future__ import annotations

from cluster.store.store import Store
from cluster.vault import Vault
from models.errors import NotFound
from models.secret import EVERYWHERE, SealedSecret, checked_name, checked_scope, checked_value


async def set_secret(store: Store, vault: Vault, name: str, repository: str, value: str) -> bool:
    """Keeps a value, of one repository or, without one, of all. False: it replaced another. Raises `CallerError`."""
    name, scope, value = checked_name(name), checked_scope(repository), checked_value(value)
    async with vault.turn():
        return await store.secrets.put(vault.seal(scope, name, value))


async def remove_secret(store: Store, name: str, repository: str) -> None:
    """Forgets one. Jobs that run have it still. Raises `NotFound`."""
    scope = checked_scope(repository)
    if not await store.secrets.remove(scope, name):
        raise NotFound(f"there is no secret {name} of {shown_scope(scope)}", remedy="`delta secret list`")


async def list_secrets(store: Store) -> list[SealedSecret]:
    """All there are, as ciphertext."""
    return await store.secrets.everything()


async def rotate(store: Store, vault: Vault) -> int:
    """Seals everything with a new key and forgets the old ones; gives how many there were.

    May be repeated after it broke off: until everything is sealed anew, the old keys stay.
    """
    async with vault.turn():
        kept = await store.secrets.everything()
        values = [(secret, vault.open(secret)) for secret in kept]  # before anything is changed: each can be read
        vault.add_key()
        for secret, value in values:
            sealed = vault.seal(secret.scope, secret.name, value)
            await store.secrets.put(sealed.having(set_at=secret.set_at))
        vault.drop_old_keys()
    return len(kept)


def shown_scope(scope: str) -> str:
    """A scope for a person."""
    return "all repositories" if scope == EVERYWHERE else scope
