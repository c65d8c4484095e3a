"""Every setting, in one frozen tree that is read once. Names, defaults and units are the documentation.

Read from the environment: `DELTA_STATE_DIR`, `DELTA_GITHUB__TOKEN` … two underscores go one level down. A value that
does not parse stops the start with its name and the reason; nothing is ever guessed.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.addresses import networks_in
from models.change import Forge
from models.labels import labels_in


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def default_state_dir() -> Path:
    """`$XDG_STATE_HOME/delta`, by default `~/.local/state/delta` (XDG base directory specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "delta"


class LeaseSettings(_Section):
    """How long a runner may be silent. Times in seconds."""

    ttl_s: float = Field(default=15.0, gt=0)
    renew_s: float = Field(default=5.0, gt=0)
    wait_s: float = Field(default=2.0, gt=0, description="how long an idle runner waits for work before it ends")


class TimeoutSettings(_Section):
    """How long a run may take beside its jobs' own time-outs. Times in seconds."""

    queue_s: float = Field(default=3600.0, gt=0, description="how long an attempt may wait for a runner")
    run_s: float = Field(default=21_600.0, gt=0, description="how long a run may take from its creation")


class OwnershipSettings(_Section):
    """How it is noticed that a supervisor is gone for good, so that others take its runs. Times in seconds."""

    ttl_s: float = Field(default=5.0, gt=0, description="silent for longer: dead")
    beat_s: float = Field(default=1.0, gt=0, description="how often a supervisor says that it lives")


class StoreSettings(_Section):
    """What is asked of Redis, and how long it keeps finished runs before they move to the archive."""

    keep_finished_s: float = Field(default=604_800.0, ge=0)
    tolerate: bool = Field(default=False, description="use a Redis that may lose what it acknowledged")


class RunnerSettings(_Section):
    """How many runner tasks the controller keeps asking Ray for, and what this machine's own can do."""

    max_pending: int = Field(default=64, ge=1)
    labels: str = Field(default="", description="labels, divided by commas, that the Ray which Delta starts offers")

    @field_validator("labels")
    @classmethod
    def _labels(cls, text: str) -> str:
        labels_in(text)
        return text


class SandboxSettings(_Section):
    """The boundary around a job."""

    unsafe_runtime: str = Field(default="", description="`runc` gives up gVisor's protection; shown in red everywhere")
    log_limit_mb: int = Field(default=64, ge=1)
    artifact_limit_mb: int = Field(default=256, ge=1)
    artifact_limit_count: int = Field(default=1000, ge=1)
    egress_networks: str = Field(
        default="", description="networks, divided by commas, that jobs may reach although they are not public"
    )
    ca_bundle: Path | None = Field(default=None, description="CA certificates for jobs with egress; else the system's")
    cache_limit_mb: int = Field(default=1024, ge=1, description="what one job may save")
    warm_per_shape: int = Field(default=2, ge=0, description="idle sandboxes of one image and size on a node")
    warm_total: int = Field(default=8, ge=0, description="idle sandboxes on a node, about 60 MB each")

    @field_validator("egress_networks")
    @classmethod
    def _networks(cls, text: str) -> str:
        networks_in(text)  # whose ValueError names the network and what is wrong with it
        return text


class CacheSettings(_Section):
    """How many caches of jobs are kept, of all repositories together: the least recently used go first."""

    limit_mb: int = Field(default=10_240, ge=0)
    keep_s: float = Field(default=604_800.0, ge=0, description="one that nobody used for longer goes")


class PlannerSettings(_Section):
    """How plans are looked after."""

    audit_share: float = Field(default=0.02, ge=0, le=1, description="of the tests left out, how many are run later")


class AnalyzerSettings(_Section):
    """What is run to find out more about a failure, in idle capacity: see `docs/architecture.md`."""

    four_way: bool = Field(default=False, description="run a failed job again, on head and base, here and elsewhere")
    proposals: bool = Field(default=True, description="try a mechanical fix that the log names, and show it")
    probed_jobs: int = Field(default=3, ge=0, le=200, description="of how many failed jobs of one run")


class ForgeSettings(_Section):
    """What Delta needs of any forge. Without a `token` it only listens there."""

    webhook_secret: SecretStr = SecretStr("")
    token: SecretStr = SecretStr("")
    read_token: SecretStr = Field(
        default=SecretStr(""), description="to fetch private repositories with; reads contents"
    )
    coalesce_s: float = Field(default=1.0, ge=0, description="least time between two writes about one run")

    @property
    def listens(self) -> bool:
        """Whether its webhooks can be proven, and so are accepted."""
        return bool(self.webhook_secret.get_secret_value())

    @property
    def writes(self) -> bool:
        """Whether there is a credential to write with."""
        return bool(self.token.get_secret_value())


def signing_key(token: SecretStr) -> bytes:
    """The key that a Standard Webhooks secret stands for: `whsec_` and 24 to 64 bytes in base64.

    Raises `ValueError`, which does not say what was there.
    """
    text = token.get_secret_value()
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not text.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("it must be `whsec_` followed by 24 to 64 bytes in base64, as GitLab shows it")
    return key


class GitHubSettings(ForgeSettings):
    """How Delta speaks with GitHub: a token, or an App (`app_id` and `private_key`). Without either it only listens."""

    api_url: str = "https://api.github.com"
    app_id: str = ""
    private_key: SecretStr = SecretStr("")

    @property
    def writes(self) -> bool:
        """By either of the two."""
        return super().writes or bool(self.app_id)


class GitLabSettings(ForgeSettings):
    """How Delta speaks with GitLab: its address, and an access token of the project, group or instance."""

    url: str = "https://gitlab.com"
    signing_token: SecretStr = Field(default=SecretStr(""), description="the webhook's, where it signs: `whsec_…`")

    @property
    def listens(self) -> bool:
        """By its token, or by the signature."""
        return super().listens or bool(self.signing_token.get_secret_value())

    @field_validator("signing_token")
    @classmethod
    def _signing_token(cls, token: SecretStr) -> SecretStr:
        if token.get_secret_value():
            signing_key(token)
        return token


class GiteaSettings(ForgeSettings):
    """How Delta speaks with Gitea or Forgejo: its address, and a token of the user that Delta is there."""

    url: str = ""


class ApiSettings(_Section):
    """The HTTP server. `public_url` is what links in checks and comments start with."""

    host: str = "127.0.0.1"
    port: int = Field(default=8400, ge=0, le=65_535)
    public_url: str = ""
    token: SecretStr = Field(default=SecretStr(""), description="by default made once and kept in `api.token`")
    max_body_mb: int = Field(default=25, ge=1)


class Settings(BaseSettings):
    """The whole tree. `redis_url` and `ray_address` empty: Delta starts its own as children, under `state_dir`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix="DELTA_", env_nested_delimiter="__", env_ignore_empty=True
    )

    state_dir: Path = Field(default_factory=default_state_dir)
    policy: Path | None = Field(default=None, description="policy.yml; by default the one in the state directory")
    redis_url: str = ""
    ray_address: str = ""
    supervisors: int = Field(default=2, ge=1, le=64)
    lease: LeaseSettings = LeaseSettings()
    timeouts: TimeoutSettings = TimeoutSettings()
    ownership: OwnershipSettings = OwnershipSettings()
    store: StoreSettings = StoreSettings()
    runners: RunnerSettings = RunnerSettings()
    sandbox: SandboxSettings = SandboxSettings()
    caches: CacheSettings = CacheSettings()
    planner: PlannerSettings = PlannerSettings()
    analyzer: AnalyzerSettings = AnalyzerSettings()
    github: GitHubSettings = GitHubSettings()
    gitlab: GitLabSettings = GitLabSettings()
    gitea: GiteaSettings = GiteaSettings()
    api: ApiSettings = ApiSettings()

    def of(self, forge: Forge) -> ForgeSettings:
        """What is set for one forge; for a local run, what would be without a word."""
        known: dict[Forge, ForgeSettings] = {
            Forge.GITHUB: self.github, Forge.GITLAB: self.gitlab, Forge.GITEA: self.gitea,
        }  # fmt: skip
        return known.get(forge, ForgeSettings())
