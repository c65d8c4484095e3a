from __future__ import annotations

import base64

import pytest
from pydantic import SecretStr

from actors.planner.credentials import Home, authorization, homes
from models.settings import GiteaSettings, GitHubSettings, GitLabSettings, Settings


def github(api_url: str = "https://api.github.com", read: str = "t0ken") -> tuple[Home, ...]:
    return homes(Settings(github=GitHubSettings(api_url=api_url, read_token=SecretStr(read))))


@pytest.mark.parametrize(
    ("api_url", "clone_url"),
    [
        ("https://api.github.com", "https://github.com/ada/shop.git"),
        ("https://git.example.com/api/v3", "https://git.example.com/ada/shop.git"),
        ("http://127.0.0.1:3000/api/v3", "http://127.0.0.1:3000/ada/shop.git"),
    ],
)
def test_it_goes_to_github(api_url: str, clone_url: str) -> None:
    kind, _, value = authorization(github(api_url), clone_url).partition(" ")
    assert (kind, base64.b64decode(value)) == ("Basic", b"x-access-token:t0ken")


@pytest.mark.parametrize(
    "clone_url",
    [
        "https://evil.example/ada/shop.git",
        "https://github.com.evil.example/ada/shop.git",
        "https://evil.example/github.com",
        "https://github.com@evil.example/ada/shop.git",
        "https://github.com:8443/ada/shop.git",
        "http://github.com/ada/shop.git",
        "git://github.com/ada/shop.git",
        "ssh://git@github.com/ada/shop.git",
        "git@github.com:ada/shop.git",
        "/home/ada/shop",
        "file:///home/ada/shop",
    ],
)
def test_it_goes_nowhere_else(clone_url: str) -> None:
    assert authorization(github(), clone_url) == ""


def test_each_forge_gets_its_own() -> None:
    settings = Settings(
        gitlab=GitLabSettings(url="https://lab.example", read_token=SecretStr("lab")),
        gitea=GiteaSettings(url="http://localhost:3000", read_token=SecretStr("tea")),
    )

    def sent(url: str) -> bytes:
        return base64.b64decode(authorization(homes(settings), url).removeprefix("Basic "))

    assert sent("https://lab.example/ada/shop.git") == b"oauth2:lab"
    assert sent("http://localhost:3000/ada/shop.git") == b"delta:tea"
    assert sent("https://github.com/ada/shop.git") == b""
    assert sent("http://lab.example/ada/shop.git") == b""
    assert homes(Settings(gitea=GiteaSettings(read_token=SecretStr("tea")))) == ()


def test_without_one_nothing_is_sent() -> None:
    assert authorization(github(read=""), "https://github.com/ada/shop.git") == ""
