"""Secrets over HTTP: set, listed and removed by whoever has the token, and read by nobody."""

from __future__ import annotations

from pathlib import Path

from cluster.store.store import Store
from cluster.vault import Vault
from models.secret import EVERYWHERE
from tests.integration.api.conftest import Api

VALUE = "tok-4f6a9c2e7b18d035"


async def test_one_is_set_listed_and_removed_and_never_read_back(api: Api, store: Store, tmp_path: Path) -> None:
    assert (await api.client.put("/v1/secrets/KEY", json={"value": VALUE})).status_code == 204
    near = {"repository": "octocat/hello"}
    assert (await api.client.put("/v1/secrets/KEY", json={"value": VALUE}, params=near)).status_code == 204
    answer = await api.client.get("/v1/secrets")
    assert [(each["name"], each["repository"]) for each in answer.json()] == [("KEY", None), ("KEY", "octocat/hello")]
    assert VALUE not in answer.text
    kept = await store.secrets.find([(EVERYWHERE, "KEY")])
    assert VALUE not in kept[0].sealed
    assert Vault(tmp_path / "secrets.key").open(kept[0]) == VALUE
    assert (await api.client.delete("/v1/secrets/KEY", params=near)).status_code == 204
    gone = await api.client.delete("/v1/secrets/KEY", params=near)
    assert (gone.status_code, gone.json()["error"]) == (404, "there is no secret KEY of octocat/hello")
    assert len((await api.client.get("/v1/secrets")).json()) == 1


async def test_a_bad_one_is_refused_without_being_repeated(api: Api) -> None:
    for name, value in (("key", VALUE), ("KEY", "short"), ("KEY", f"{VALUE}\0"), ("PATH", VALUE)):
        answer = await api.client.put(f"/v1/secrets/{name}", json={"value": value})
        assert answer.status_code == 400, name
        assert value not in answer.text
    strange = await api.client.put("/v1/secrets/KEY", json={"value": VALUE, "scope": VALUE})
    assert strange.status_code == 422
    assert VALUE not in strange.text


async def test_nobody_else_may_do_any_of_it(api: Api) -> None:
    assert (await api.stranger.get("/v1/secrets")).status_code == 401
    assert (await api.stranger.put("/v1/secrets/KEY", json={"value": VALUE})).status_code == 401
    assert (await api.stranger.delete("/v1/secrets/KEY")).status_code == 401
