"""Secrets as every store keeps them: by scope and name, and only as ciphertext."""

from __future__ import annotations

from cluster.store.store import Store
from models.secret import EVERYWHERE, SealedSecret
from tests.contract.store.conftest import Join
from tests.unit.core.samples import NOW


def sealed(name: str, scope: str = EVERYWHERE, text: str = "ciphertext") -> SealedSecret:
    return SealedSecret(scope=scope, name=name, sealed=text, set_at=NOW)


async def test_what_was_put_is_found_by_everybody_and_replaced_by_the_next(store: Store, join: Join) -> None:
    assert await store.secrets.put(sealed("KEY"))
    assert not await store.secrets.put(sealed("KEY", text="newer"))
    assert await join().secrets.find([(EVERYWHERE, "KEY")]) == [sealed("KEY", text="newer")]


async def test_one_name_may_be_in_several_scopes(store: Store) -> None:
    both = [sealed("KEY", "/srv/kitchen", "near"), sealed("KEY", text="far")]
    for secret in both:
        assert await store.secrets.put(secret)
    asked = [("/srv/kitchen", "KEY"), ("another", "KEY"), (EVERYWHERE, "KEY")]
    assert await store.secrets.find(asked) == both
    assert await store.secrets.find([("another", "KEY"), (EVERYWHERE, "OTHER")]) == []
    assert await store.secrets.find([]) == []


async def test_all_are_listed_by_name_and_scope(store: Store) -> None:
    kept = [sealed("A"), sealed("A", "b/c"), sealed("B", "a/a")]
    for secret in reversed(kept):
        await store.secrets.put(secret)
    assert await store.secrets.everything() == kept


async def test_what_was_removed_is_gone_and_nothing_else(store: Store) -> None:
    await store.secrets.put(sealed("KEY"))
    await store.secrets.put(sealed("KEY", "a/b"))
    assert await store.secrets.remove("a/b", "KEY")
    assert not await store.secrets.remove("a/b", "KEY")
    assert await store.secrets.everything() == [sealed("KEY")]
