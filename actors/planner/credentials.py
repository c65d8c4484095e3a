"""With what a repository is fetched, pure. Only the planner has it: a runner finds the commit in the mirror."""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from models.settings import GitHubSettings


def authorization(github: GitHubSettings, clone_url: str) -> str:
    """The value of the Authorization header for this URL; empty where there is none to give.

    The token goes to GitHub and nowhere else, and never in the clear but on loopback: a clone URL comes from an event.
    """
    token = github.read_token.get_secret_value()
    url, api = urlsplit(clone_url), urlsplit(github.api_url)
    # https://api.github.com belongs to https://github.com, and https://HOST/api/v3 to https://HOST.
    home = (api.hostname or "").removeprefix("api.")
    sealed = url.scheme == "https" or (url.scheme == "http" and home in {"127.0.0.1", "localhost"})
    if not token or not sealed or url.hostname != home or url.port != api.port or url.scheme != api.scheme:
        return ""
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()
