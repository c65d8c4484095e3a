"""Prism, a server we did not write, speaking for a forge out of the forge's own description."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.forge import material
from tests.e2e.forge.description import reduced


def github() -> dict[str, Any]:
    """GitHub's description, of what Delta calls."""
    return reduced(material.github_description())


def gitea() -> dict[str, Any]:
    """Gitea's, which its `README.md` says where from; Forgejo keeps to it."""
    material.installed()
    description: dict[str, Any] = json.loads((Path(__file__).parent / "gitea_api.json").read_bytes())
    base = description.pop("basePath")  # which Prism does not serve
    description["paths"] = {base + path: operations for path, operations in description["paths"].items()}
    return description


@contextmanager
def running(folder: Path, description: dict[str, Any]) -> Iterator[str]:
    """Prism's base URL, on a free port of loopback. `folder` takes the description.

    With `--errors` it answers 422 to whatever the description does not allow.
    """
    document = folder / "forge.json"
    document.write_text(json.dumps(description))
    port = _free_port()
    command = [str(material.PRISM), "mock", "--errors", "--host", "127.0.0.1", "--port", str(port), str(document)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as prism:
        try:
            _await_ready(prism)
            yield f"http://127.0.0.1:{port}"
        finally:
            prism.terminate()
            # What it still says must go somewhere, or it would wait for a reader instead of ending.
            prism.communicate(timeout=20)


def _await_ready(prism: subprocess.Popen[str]) -> None:
    assert prism.stdout is not None
    said = []
    for line in prism.stdout:
        said.append(line)
        if "Prism is listening" in line:
            return
    raise AssertionError(f"Prism did not start: {''.join(said)[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
