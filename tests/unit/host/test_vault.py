"""The key file: made once, its owner's alone, and what is sealed with it opens with it and as nothing else."""

from __future__ import annotations

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actors.secrets import list_secrets, remove_secret, rotate, set_secret
from cluster.store.store import Store
from cluster.vault import Vault
from models.errors import InfrastructureError, NotFound

VALUE = "tok-4f6a9c2e7b18d035"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "state" / "secrets.key"


def keys(file: Path) -> list[str]:
    """And they are the owner's alone."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return file.read_text().split()


@pytest.fixture
def vault(key: Path) -> Vault:
    return Vault(key)


def test_what_was_sealed_opens_and_says_nothing_before(vault: Vault, key: Path) -> None:
    sealed = vault.seal("a/b", "KEY", VALUE)
    assert VALUE not in sealed.model_dump_json()
    assert vault.open(sealed) == VALUE
    assert Vault(key).open(sealed) == VALUE
    assert len(keys(key)) == 1
    assert vault.seal("a/b", "KEY", VALUE).sealed != sealed.sealed


def test_one_cannot_be_passed_off_as_another(vault: Vault) -> None:
    sealed = vault.seal("a/b", "KEY", VALUE)
    for other in (sealed.having(scope="c/d"), sealed.having(name="OTHER"), sealed.having(scope="*")):
        with pytest.raises(InfrastructureError, match="is another one"):
            vault.open(other)
    with pytest.raises(InfrastructureError, match="cannot be decrypted"):
        vault.open(sealed.having(sealed=sealed.sealed[:-4] + "AAA="))


def test_opening_makes_no_key(vault: Vault, key: Path, tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "other.key").seal("*", "KEY", VALUE)
    with pytest.raises(InfrastructureError, match="is not there"):
        vault.open(sealed)
    assert not key.exists()
    vault.seal("*", "KEY", VALUE)
    with pytest.raises(InfrastructureError, match="cannot be decrypted"):
        vault.open(sealed)
    key.write_text("rubbish\n")
    with pytest.raises(InfrastructureError, match="not a file of keys"):
        vault.open(sealed)


def test_many_who_begin_at_once_have_one_key(vault: Vault, key: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(lambda _: Vault(key).seal("*", "KEY", VALUE), range(16)))
    assert [vault.open(each) for each in sealed] == [VALUE] * 16
    assert len(keys(key)) == 1
    assert [each.name for each in key.parent.iterdir()] == ["secrets.key"]


async def test_a_new_key_leaves_every_secret_and_no_old_key(vault: Vault, key: Path) -> None:
    store = Store.in_memory()
    for name in ("A", "B"):
        await set_secret(store, vault, name, "", f"{VALUE}{name}")
    before, old = await list_secrets(store), keys(key)
    assert await rotate(store, vault) == 2
    after = await list_secrets(store)
    assert [vault.open(each) for each in after] == [f"{VALUE}A", f"{VALUE}B"]
    assert [each.set_at for each in after] == [each.set_at for each in before]
    assert len(keys(key)) == 1
    assert keys(key) != old
    with pytest.raises(InfrastructureError):
        vault.open(before[0])


async def test_one_that_cannot_be_read_keeps_the_keys_as_they_are(vault: Vault, key: Path, tmp_path: Path) -> None:
    store = Store.in_memory()
    await set_secret(store, vault, "A", "", VALUE)
    await store.secrets.put(Vault(tmp_path / "other.key").seal("*", "B", VALUE))
    old = keys(key)
    with pytest.raises(InfrastructureError, match="the secret B"):
        await rotate(store, vault)
    assert keys(key) == old


async def test_who_sets_while_keys_change_waits_and_nothing_hangs_or_is_lost(vault: Vault) -> None:
    store = Store.in_memory()
    await set_secret(store, vault, "A", "", VALUE)
    setting = (set_secret(store, vault, f"B{number}", "", VALUE) for number in range(8))
    await asyncio.gather(rotate(store, vault), *setting, rotate(store, vault))
    assert [vault.open(each) for each in await list_secrets(store)] == [VALUE] * 9


async def test_what_is_not_there_cannot_be_removed(vault: Vault) -> None:
    store = Store.in_memory()
    await set_secret(store, vault, "A", "a/b", VALUE)
    with pytest.raises(NotFound, match="all repositories"):
        await remove_secret(store, "A", "")
    await remove_secret(store, "A", "a/b")
    assert await list_secrets(store) == []
