"""Attacks run where the sandbox's own tests do: on a real engine, and nothing may be left afterwards."""

from __future__ import annotations

from tests.e2e.conftest import server
from tests.integration.sandbox.conftest import image, lab

__all__ = ["image", "lab", "server"]
