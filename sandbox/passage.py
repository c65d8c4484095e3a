"""What an attempt's door holds while it runs: the egress proxy, and what the job must be told to find it.

A stage of `attempt.py`. Open it once the sandbox is there, close it before anything is collected: what a left-over
process does after the steps reaches nobody.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from models.addresses import networks_in
from models.errors import InternalError
from models.job import JobSpec
from models.result import EgressUse
from models.settings import SandboxSettings
from sandbox.container import Sandbox
from sandbox.door import CA_FILE, INSIDE
from sandbox.egress.ledger import Ledger
from sandbox.egress.outside import Outside, World
from sandbox.egress.proxy import EgressProxy
from sandbox.forward import Forward
from sandbox.log import AttemptLog

PROXY_PORT = 3128
PROXY_SOCKET = "egress"
_PROXY = f"http://127.0.0.1:{PROXY_PORT}"
_DIRECT = "localhost,127.0.0.1,::1"
_CERTIFICATES = f"{INSIDE}/{CA_FILE}"

# Lower case too: curl takes `http_proxy` only so, others look at one of both.
PROXY_ENVIRONMENT = {
    "HTTP_PROXY": _PROXY,
    "http_proxy": _PROXY,
    "HTTPS_PROXY": _PROXY,
    "https_proxy": _PROXY,
    "NO_PROXY": _DIRECT,
    "no_proxy": _DIRECT,
    "npm_config_proxy": _PROXY,
    "npm_config_https_proxy": _PROXY,
}
CERTIFICATE_ENVIRONMENT = dict.fromkeys(
    (
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "PIP_CERT",
        "NODE_EXTRA_CA_CERTS",
        "npm_config_cafile",
        "GIT_SSL_CAINFO",
    ),
    _CERTIFICATES,
)


class Passage:
    """Use as a context manager. For a job that needs no door there is nothing in it."""

    def __init__(
        self, job: JobSpec, sandbox: Sandbox, settings: SandboxSettings, world: World, log: AttemptLog
    ) -> None:
        self.environment: dict[str, str] = {}
        self.forwards: tuple[Forward, ...] = ()
        self._job = job
        self._sandbox = sandbox
        self._networks = networks_in(settings.egress_networks)
        self._world = world
        self._ledger = Ledger(log.aside)
        self._proxy: EgressProxy | None = None

    def __enter__(self) -> Self:
        if self._job.egress:
            self._open_proxy()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._proxy is not None:
            self._proxy.close()

    def uses(self) -> tuple[EgressUse, ...]:
        """What the job has asked of the proxy so far."""
        return self._ledger.uses()

    def _open_proxy(self) -> None:
        door = self._sandbox.door
        if door is None:
            raise InternalError("a job with egress has a sandbox without a door")
        listener = door.listen(PROXY_SOCKET)
        outside = Outside(self._world, self._networks)
        self._proxy = EgressProxy(listener, self._job.egress, outside, self._ledger)
        self.forwards = (Forward(PROXY_PORT, PROXY_SOCKET),)
        self.environment = {**PROXY_ENVIRONMENT, **(CERTIFICATE_ENVIRONMENT if door.has_certificates else {})}
