"""The way in for one forge: how its events are proven, and what they ask. A table; the route is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from starlette.datastructures import Headers

from api.webhooks import gitea, github, gitlab, gitlab_proof
from api.webhooks.signature import GITHUB, Signature
from models.change import Forge
from models.inbox import Message
from models.settings import ForgeSettings, Settings


class Hook(NamedTuple):
    """`claimed` refuses before the body is read, `verify` after; both raise `Unauthorized`.

    `event` and `delivery` are names of headers, `instead` is what the same two may be called otherwise.
    `parse` takes the event's name, the delivery's id and the body: see `github.parse`.
    """

    event: str
    delivery: str
    claimed: Callable[[Settings, Headers], None]
    verify: Callable[[Settings, Headers, bytes], None]
    parse: Callable[[str, str, bytes], Message | None]
    instead: tuple[str, str] = ("", "")

    def named(self, headers: Headers) -> tuple[str, str]:
        """The event's name and the delivery's id; empty where they are missing."""
        names = zip((self.event, self.delivery), self.instead, strict=True)
        event, delivery = (headers.get(name) or headers.get(other, "") for name, other in names)
        return event, delivery


def _signed(
    signature: Signature,
    of: Callable[[Settings], ForgeSettings],
    event: str,
    delivery: str,
    parse: Callable[[str, str, bytes], Message | None],
) -> Hook:
    def claimed(settings: Settings, headers: Headers) -> None:
        signature.claimed(of(settings).webhook_secret.get_secret_value(), headers.get(signature.header))

    def verify(settings: Settings, headers: Headers, body: bytes) -> None:
        signature.verify(of(settings).webhook_secret.get_secret_value(), body, headers.get(signature.header))

    return Hook(event, delivery, claimed, verify, parse)


HOOKS: Final[Mapping[Forge, Hook]] = {
    Forge.GITHUB: _signed(
        GITHUB, lambda settings: settings.github, "X-GitHub-Event", "X-GitHub-Delivery", github.parse
    ),
    Forge.GITEA: Hook(
        "X-Gitea-Event",
        "X-Gitea-Delivery",
        gitea.claimed,
        gitea.verify,
        gitea.parse,
        instead=("X-Forgejo-Event", "X-Forgejo-Delivery"),
    ),
    # A signed delivery has its id signed as `webhook-id`: another header could be changed to play it back.
    # `X-Gitlab-Event-UUID` is no id, because events with one cause share it.
    Forge.GITLAB: Hook(
        "X-Gitlab-Event",
        "webhook-id",
        gitlab_proof.claimed,
        gitlab_proof.verify,
        gitlab.parse,
        instead=("X-Gitlab-Event", "Idempotency-Key"),
    ),
}
