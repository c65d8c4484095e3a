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

EVENT_WAIT_S = 2.0


class Watch:
    """Listens from construction until the container ends. `ended` is also set when Docker stops answering."""

    def __init__(self, docker_url: str, container_id: str) -> None:
        """Docker has confirmed the subscription when this returns: no later event is missed."""
        self.ended = Event()
        self.out_of_memory = Event()
        self._finished: set[str] = set()
        self._changed = Condition()
        # A client of its own: its one connection is busy for as long as the container lives.
        self._api = docker.APIClient(base_url=docker_url, version="auto")
        self._stream = self._api.events(decode=True, filters={"container": container_id, "type": "container"})
        Thread(target=self._listen, name=f"watch-{container_id[:12]}", daemon=True).start()

    def wait_for_end(self) -> None:
        """Wait until the end of the container is in the events, at most `EVENT_WAIT_S` seconds."""
        self.ended.wait(EVENT_WAIT_S)

    def settle(self, exec_id: str) -> None:
        """Wait until the end of this exec is in the events, so that what happened before it is known too.

        At most `EVENT_WAIT_S` seconds: a dead container's last exec may never be told.
        """
        with self._changed:
            self._changed.wait_for(lambda: exec_id in self._finished or self.ended.is_set(), timeout=EVENT_WAIT_S)

    def _listen(self) -> None:
        try:
            for event in self._stream:
                self._note(event["Action"], event["Actor"]["Attributes"].get("execID", ""))
                if event["Action"] in {"die", "destroy"}:
                    break
        except (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            return  # the engine is gone, and `finally` tells
        finally:
            self._note("die", "")
            self._api.close()

    def _note(self, action: str, exec_id: str) -> None:
        with self._changed:
            if action == "oom":
                self.out_of_memory.set()
            elif action == "exec_die":
                self._finished.add(exec_id)
            elif action in {"die", "destroy"}:
                self.ended.set()
            self._changed.notify_all()
