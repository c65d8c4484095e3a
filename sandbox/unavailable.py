"""The error for what this installation does not have, apart from what merely broke: trying again would not help."""

from __future__ import annotations

from models.errors import InfrastructureError


class SandboxUnavailableError(InfrastructureError):
    """The sandbox that was asked for cannot be made here: no gVisor, no such image, an image that asks for too much."""
