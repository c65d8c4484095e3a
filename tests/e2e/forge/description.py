"""GitHub's OpenAPI description, reduced to what Delta calls, in the form Prism needs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

USED: dict[str, frozenset[str]] = {
    "/app/installations/{installation_id}/access_tokens": frozenset({"post"}),
    "/repos/{owner}/{repo}/check-runs": frozenset({"post"}),
    "/repos/{owner}/{repo}/check-runs/{check_run_id}": frozenset({"get", "patch"}),
    "/repos/{owner}/{repo}/commits/{ref}/check-runs": frozenset({"get"}),
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": frozenset({"get", "post"}),
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": frozenset({"patch"}),
    "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions": frozenset({"post"}),
    "/repos/{owner}/{repo}/collaborators/{username}/permission": frozenset({"get"}),
    "/user": frozenset({"get"}),
}
_MEDIA_TYPE = "application/vnd.github+json"


def reduced(whole: dict[str, Any]) -> dict[str, Any]:
    """The description with only the operations of `USED` and what they refer to.

    Four things are changed: clients send `Accept: application/vnd.github+json`, which the description does not list,
    so it is listed beside `application/json`; the servers go, because they are elsewhere; because Prism remembers
    nothing, its example of a check says that nobody has annotated it yet; and its example of a permission gets the
    name of a role, which the description asks for and the example lacks.
    """
    whole = copy.deepcopy(whole)
    paths = {path: {verb: whole["paths"][path][verb] for verb in verbs} for path, verbs in USED.items()}
    small: dict[str, Any] = {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": {}}
    pending = list(_references(paths))
    while pending:
        _, _, section, name = pending.pop().split("/")
        kept = small["components"].setdefault(section, {})
        if name not in kept:
            kept[name] = whole["components"][section][name]
            pending += _references(kept[name])
    for content in _contents(small):
        if "application/json" in content:
            content.setdefault(_MEDIA_TYPE, content["application/json"])
    small["components"]["examples"]["check-run"]["value"]["output"]["annotations_count"] = 0
    permission = "repository-collaborator-permission-response-if-user-has-admin-permissions"
    small["components"]["examples"][permission]["value"]["user"].setdefault("role_name", "admin")
    return small


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            yield reference
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _contents(small: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The `content` of every response: those of the operations and the shared ones."""
    responses = [*small["components"].get("responses", {}).values()]
    for operations in small["paths"].values():
        for operation in operations.values():
            responses += operation["responses"].values()
    return (response["content"] for response in responses if "content" in response)
