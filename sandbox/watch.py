"""Docker's account of one container while it runs: did it end, was something in it killed for want of memory?

Both come from Docker's event stream. The exit code alone cannot tell: under gVisor a process that the kernel's OOM
killer takes ends with code 1, and the rest of the sandbox lives on.
"""

from __future__ import annotations

from threading import Condition, Event, Thread

import docker
import requests
import urllib3
from docker.errors import DockerException

from sandbox.engine import api_version

EVENT_WAIT_S = 2.0


class Watch:
    """Listens from construction until the container ends. `ended` is also set when Docker stops answering."""

    def __init__(self, docker_url: str, container_id: str) -> None:
        """Docker has confirmed the subscription when this returns: no later event is missed."""
        self.ended = Event()
        self.out_of_memory = Event()
        self._exit_codes: dict[str, int | None] = {}
        self._changed = Condition()
        # A client of its own: its one connection is busy for as long as the container lives.
        self._api = docker.APIClient(base_url=docker_url, version=api_version(docker_url))
        self._stream = self._api.events(decode=True, filters={"container": container_id, "type": "container"})
        Thread(target=self._listen, name=f"watch-{container_id[:12]}", daemon=True).start()

    def wait_for_end(self) -> None:
        """Wait until the end of the container is in the events, at most `EVENT_WAIT_S` seconds."""
        self.ended.wait(EVENT_WAIT_S)

    def settle(self, exec_id: str) -> int | None:
        """Wait until the end of this exec is in the events, so that what was before it is known too; its exit code.

        At most `EVENT_WAIT_S` seconds, and None then: a dead container's last exec may never be told.
        """
        with self._changed:
            self._changed.wait_for(lambda: exec_id in self._exit_codes or self.ended.is_set(), timeout=EVENT_WAIT_S)
            return self._exit_codes.get(exec_id)

    def close(self) -> None:
        """Stop listening to a container that lives on. `ended` is set, and means nothing any more."""
        self._stream.close()

    def _listen(self) -> None:
        try:
            for event in self._stream:
                attributes = event["Actor"]["Attributes"]
                self._note(event["Action"], attributes.get("execID", ""), attributes.get("exitCode", ""))
                if event["Action"] in {"die", "destroy"}:
                    break
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            return  # the engine is gone, and `finally` tells
        finally:
            self._note("die")
            self._api.close()

    def _note(self, action: str, exec_id: str = "", exit_code: str = "") -> None:
        with self._changed:
            if action == "oom":
                self.out_of_memory.set()
            elif action == "exec_die":
                self._exit_codes[exec_id] = int(exit_code) if exit_code else None
            elif action in {"die", "destroy"}:
                self.ended.set()
            self._changed.notify_all()
