"""What every shell shares: the thin class that a component is to Ray, beside the plain one that does the work.

Each component has its shell in a module of its own, so that a process of Ray's imports what it runs and nothing else:
it is most of the memory that Delta takes at rest.
"""

from __future__ import annotations

import asyncio
from typing import Any

import ray
from ray.exceptions import RayError

from actors import handles
from actors.handles import OrchestratorHandle
from models.errors import InfrastructureError

# How every actor is made. A call to one that restarts waits for it, and every method can be called twice.
OPTIONS: dict[str, Any] = {
    "namespace": handles.NAMESPACE,
    "lifetime": "detached",
    "max_restarts": -1,
    "max_task_retries": -1,
    "num_cpus": 0,
    # Calls that wait (`lease`, `renew`) are most of them; Ray's default of 1000 would be full with a thousand runners.
    "max_concurrency": 20_000,
    "get_if_exists": True,
}


class Named:
    """An actor by name, looked up at the first call."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._actor: Any = None

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - Ray types an actor's methods as Any
        if self._actor is None:
            try:
                self._actor = ray.get_actor(self._name, namespace=handles.NAMESPACE)
            except ValueError as error:
                message = f"the actor {self._name!r} has not been made yet"
                raise InfrastructureError(message, remedy="it is tried again") from error
        return getattr(self._actor, method)


class Starting:
    """Starts a component as soon as Ray has made it, also when Ray makes it anew: nobody else would."""

    def _begin(self, starting: Any) -> None:  # noqa: ANN401 - a coroutine
        self._started = asyncio.get_running_loop().create_task(starting)

    async def ready(self) -> str:
        """Waits until it has started; raises what kept it from starting."""
        await self._started
        return type(self).__name__


def orchestrator_handle() -> OrchestratorHandle:
    """The orchestrator, for a process that Ray runs."""
    return OrchestratorHandle(Named(handles.ORCHESTRATOR))


def living_nodes() -> dict[str, dict[str, float]]:
    """What each node that lives has of what Ray counts, by Ray's id of the node. Asks Ray, and waits for its answer."""
    untyped: Any = ray
    try:
        return {str(node["NodeID"]): dict(node["Resources"]) for node in untyped.nodes() if node["Alive"]}
    except RayError as error:
        raise InfrastructureError(f"Ray does not say which nodes live: {error}") from error
