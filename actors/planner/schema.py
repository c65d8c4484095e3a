"""The schema of `.delta.yml`, version 1: the pydantic models below are it, and unknown keys are errors."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from actors.planner.glob import compile_glob
from models.hosts import Host
from models.ids import JobId
from models.job import (
    DEFAULT_IMAGE,
    DEFAULT_TIMEOUT_S,
    Concurrency,
    JobSpec,
    Resources,
    SecretUse,
    ServiceSpec,
    Step,
)
from models.record import Record

MAX_JOBS: Final = 200
NO_COMMANDS: Final = "no_commands"

_JOB_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._/:@-]{0,254}")
_SECRET: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,127}")
_DURATION: Final = re.compile(r"(?:(\d{1,5}) ?h)? ?(?:(\d{1,5}) ?m(?:in)?)? ?(?:(\d{1,6}) ?s)?")


def _listed(value: object) -> object:
    """One word stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _command(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("a command is empty")
    return value


def _pattern(value: str) -> str:
    compile_glob(value)
    return value


def _file_pattern(value: str) -> str:
    if value.startswith("!"):
        raise ValueError("only `paths` may take something away again with `!`")
    return _pattern(value)


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if not found or not any(found.groups()):
        raise ValueError('a time is a number of seconds or like "90s", "10m", "1h 30m"')
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _named_like_a_job(value: str) -> str:
    if not _JOB_ID.fullmatch(value):
        raise ValueError("a job's name is 1 to 64 of a-z, 0-9, `-` and `_`, and begins with a letter or digit")
    return value


def _named_like_a_variable(value: str) -> str:
    if not _ENV_NAME.fullmatch(value):
        raise ValueError("a variable's name is letters, digits and `_`, and does not begin with a digit")
    return value


def _named_like_an_image(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        raise ValueError(f"not an image name; the one that is always there is `{DEFAULT_IMAGE}`")
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a value cannot hold a NUL character")
    return value


_Words = BeforeValidator(_listed)
JobName = Annotated[str, AfterValidator(_named_like_a_job)]
Commands = Annotated[tuple[Annotated[str, AfterValidator(_command)], ...], _Words, Field(min_length=1, max_length=100)]
Paths = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], _Words, Field(min_length=1, max_length=200)]
Files = Annotated[tuple[Annotated[str, AfterValidator(_file_pattern)], ...], _Words, Field(max_length=200)]
VariableName = Annotated[str, AfterValidator(_named_like_a_variable)]
VariableText = Annotated[str, AfterValidator(_without_nul)]
ImageName = Annotated[str, AfterValidator(_named_like_an_image)]
Environment = Annotated[dict[VariableName, VariableText], Field(max_length=200)]


def _kept_path(value: str) -> str:
    body = value.removeprefix("~/").removesuffix("/")
    if not body or body.startswith(("/", "~")) or any(part in {"", ".", ".."} for part in body.split("/")):
        raise ValueError("a path to keep lies in the workspace, or in the home folder (`~/…`), and names no `..`")
    return value.removesuffix("/")


def _secret(value: object) -> object:
    """`NAME` is a variable of the step; `{name: NAME, file: true}` is a file that the variable names."""
    return {"name": value} if isinstance(value, str) else value


def _named_like_a_secret(value: str) -> str:
    if not _SECRET.fullmatch(value):
        raise ValueError("a secret's name is A-Z, 0-9 and `_`, and does not begin with a digit")
    return value


class SecretConfig(Record):
    """A secret that a step gets."""

    name: Annotated[str, AfterValidator(_named_like_a_secret)]
    file: bool = False


Secrets = Annotated[tuple[Annotated[SecretConfig, BeforeValidator(_secret)], ...], _Words, Field(max_length=50)]


class StepConfig(Record):
    """One command, with what is particular to it."""

    run: Annotated[str, AfterValidator(_command)]
    name: str = Field(default="", max_length=100)
    env: Environment = Field(default_factory=dict)
    secrets: Secrets = ()


class CacheConfig(Record):
    """What is worth keeping. `key`: the files whose content decides what is in it."""

    key: Paths
    paths: Annotated[tuple[Annotated[str, AfterValidator(_kept_path)], ...], _Words, Field(min_length=1, max_length=20)]


class ServiceConfig(Record):
    """A program beside the job."""

    image: ImageName
    port: int | None = Field(default=None, ge=1, le=65_535)
    command: str = Field(default="", max_length=4096)
    env: Environment = Field(default_factory=dict)
    ready: str = Field(default="", max_length=4096)
    memory_mb: int = Field(default=512, ge=64, le=262_144)


class JobConfig(Record):
    """One job. `timeout` is seconds of wall time; `paths` is None where the job looks at every change."""

    run: Commands | None = None
    steps: Annotated[tuple[StepConfig, ...], Field(min_length=1, max_length=100)] | None = None
    image: ImageName = DEFAULT_IMAGE
    needs: Annotated[tuple[str, ...], _Words] = ()
    paths: Paths | None = None
    env: Environment = Field(default_factory=dict)
    secrets: Secrets = ()
    egress: Annotated[tuple[Host, ...], _Words, Field(max_length=100)] = ()
    cache: Annotated[tuple[CacheConfig, ...], Field(max_length=10)] = ()
    services: dict[JobName, ServiceConfig] = Field(default_factory=dict, max_length=5)
    timeout: Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=86_400)] = DEFAULT_TIMEOUT_S
    retries: int = Field(default=0, ge=0, le=10)
    artifacts: Files = ()
    junit: Files = ()
    resources: Resources = Resources()
    concurrency: Concurrency | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_commands_once(cls, data: Any) -> Any:  # noqa: ANN401 - anything that YAML can say
        if isinstance(data, dict) and "run" not in data and "steps" not in data:
            raise PydanticCustomError(NO_COMMANDS, "there are no commands")
        if isinstance(data, dict) and "run" in data and "steps" in data:
            raise ValueError("there are `run` and `steps`, which say the same: leave one out")
        return data

    def spec(self, job: str) -> JobSpec:
        """The part of it that a runner needs, but for caches: what their files hold, only the tree knows."""
        return JobSpec(
            id=JobId(job),
            run=self.run or tuple(step.run for step in self.steps or ()),
            image=self.image,
            needs=tuple(JobId(need) for need in dict.fromkeys(self.needs)),
            env=dict(self.env),
            timeout_s=self.timeout,
            retries=self.retries,
            artifacts=self.artifacts,
            junit=self.junit,
            resources=self.resources,
            concurrency=self.concurrency,
            steps=self._steps(),
            egress=tuple(dict.fromkeys(self.egress)),
            services=tuple(
                ServiceSpec(
                    name=name,
                    image=service.image,
                    port=service.port,
                    command=service.command,
                    env=dict(service.env),
                    ready=service.ready,
                    memory_mb=service.memory_mb,
                )
                for name, service in self.services.items()
            ),
        )

    def _steps(self) -> tuple[Step, ...]:
        """The job's secrets are every step's. Empty where there is nothing particular to any."""
        steps = self.steps or tuple(StepConfig(run=command) for command in self.run or ())
        made = tuple(
            Step(name=step.name, env=dict(step.env), secrets=_uses((*self.secrets, *step.secrets))) for step in steps
        )
        return made if any(step != Step() for step in made) else ()


class Config(Record):
    """A whole `.delta.yml`. Jobs keep the order in which they are written."""

    version: Literal[1]
    jobs: dict[JobName, JobConfig] = Field(min_length=1, max_length=MAX_JOBS)


def _uses(secrets: tuple[SecretConfig, ...]) -> tuple[SecretUse, ...]:
    by_name = {secret.name: SecretUse(name=secret.name, as_file=secret.file) for secret in secrets}
    return tuple(by_name.values())
