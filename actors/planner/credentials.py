"""With what a repository is fetched, pure. Only the planner has it: a runner finds the commit in the mirror."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from models.settings import Settings


class Home(NamedTuple):
    """One forge that a token is for: where its repositories are cloned from, and who the token's user is for git."""

    url: SplitResult
    user: str
    token: str


def homes(settings: Settings) -> tuple[Home, ...]:
    """The forges that Delta was given a token for, to read with."""
    api = urlsplit(settings.github.api_url)
    # https://api.github.com belongs to https://github.com, and https://HOST/api/v3 to https://HOST.
    github = api._replace(netloc=api.netloc.removeprefix("api."))
    found = (
        Home(github, "x-access-token", settings.github.read_token.get_secret_value()),
        Home(urlsplit(settings.gitlab.url), "oauth2", settings.gitlab.read_token.get_secret_value()),
        Home(urlsplit(settings.gitea.url), "delta", settings.gitea.read_token.get_secret_value()),
    )
    return tuple(home for home in found if home.token and home.url.hostname)


def authorization(known: Sequence[Home], clone_url: str) -> str:
    """The value of the Authorization header for this URL; empty where there is none to give.

    A token goes to its own forge and nowhere else, and never in the clear but on loopback: a clone URL comes from an
    event.
    """
    url = urlsplit(clone_url)
    for home in known:
        at_home = (url.scheme, url.hostname, url.port) == (home.url.scheme, home.url.hostname, home.url.port)
        sealed = url.scheme == "https" or (url.scheme == "http" and url.hostname in {"127.0.0.1", "localhost"})
        if at_home and sealed:
            return "Basic " + base64.b64encode(f"{home.user}:{home.token}".encode()).decode()
    return ""
