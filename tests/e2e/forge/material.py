"""What others wrote about GitHub, from npm as `tests/npm/package-lock.json` pins it: installed once, then reused."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from cluster.host.locks import alone

HERE = Path(__file__).resolve().parents[2] / "npm"
MODULES = HERE / "node_modules"
PRISM = MODULES / ".bin" / "prism"
_DESCRIPTIONS = MODULES / "@octokit" / "openapi" / "generated"
_DESCRIPTION = _DESCRIPTIONS / "api.github.com.json"
_EXAMPLES = MODULES / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"


def installed() -> Path:
    """The `node_modules` folder, after `npm ci` if the lock file asks for something else than what is there.

    Raises `AssertionError` with npm's own words when it cannot be installed: a test that needs it must fail.
    """
    lock_file = HERE / "package-lock.json"
    lock = hashlib.sha256(lock_file.read_bytes()).hexdigest()
    stamp = MODULES / ".delta-lock"
    with alone(lock_file):
        if stamp.is_file() and stamp.read_text() == lock:
            return MODULES
        npm = shutil.which("npm")
        assert npm, "npm is missing: `apt-get install npm` (tests hold Delta against GitHub's own description)"
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--loglevel=error"],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"npm ci failed in tests/npm: {done.stderr[-2000:]}"
        for other in _DESCRIPTIONS.glob("*.json"):
            if other != _DESCRIPTION:  # other products and expanded copies: 380 MB that nothing here reads
                other.unlink()
        stamp.write_text(lock)
    return MODULES


def github_description() -> dict[str, Any]:
    """GitHub's OpenAPI description of api.github.com."""
    installed()
    description: dict[str, Any] = json.loads(_DESCRIPTION.read_bytes())
    return description


def webhook_examples() -> list[tuple[str, dict[str, Any]]]:
    """Every example delivery that octokit collected, as (event name, payload)."""
    installed()
    kinds = json.loads(_EXAMPLES.read_bytes())
    return [(kind["name"], payload) for kind in kinds for payload in kind["examples"]]
