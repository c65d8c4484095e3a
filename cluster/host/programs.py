"""Find installed programs. Standard library only: set-up asks before `.venv` exists."""

from __future__ import annotations

import os
import shutil


def find(name: str) -> str | None:
    """Return the path of a program, or None. An ordinary user's PATH lacks `/usr/sbin`, where `dockerd` lies."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin")
