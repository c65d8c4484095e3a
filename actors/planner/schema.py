"""The schema of `.delta.yml`, version 1: the pydantic models below are it, and unknown keys are errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from actors.planner.glob import compile_glob
from actors.planner.matrix import Matrix, variables
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
from models.notation import DURATION, WORDS, JobName, Written, spelt
from models.policy import Rules
from models.record import Record

MAX_JOBS: Final = 200
NO_COMMANDS: Final = "no_commands"

_JOB_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_job_name(text: str) -> bool:
    """Whether a job can be called so."""
    return _JOB_NAME.fullmatch(text) is not None


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


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a value cannot hold a NUL character")
    return value


ImageName = Annotated[
    str,
    *spelt(
        r"[a-z0-9][a-z0-9._/:@-]{0,254}",
        f"not an image name; the one that is always there is `{DEFAULT_IMAGE}`",
        fillable=True,
    ),
]
VariableName = Annotated[
    str,
    *spelt(
        r"[A-Za-z_][A-Za-z0-9_]*",
        "a variable's name is letters, digits and `_`, and does not begin with a digit",
    ),
]
SecretName = Annotated[
    str,
    *spelt(
        r"[A-Z_][A-Z0-9_]{0,127}",
        "a secret's name is A-Z, 0-9 and `_`, and does not begin with a digit",
        fillable=True,
    ),
]
Commands = Annotated[tuple[Annotated[str, AfterValidator(_command)], ...], Field(min_length=1, max_length=100), *WORDS]
Paths = Annotated[tuple[Annotated[str, AfterValidator(_pattern)], ...], Field(min_length=1, max_length=200), *WORDS]
Files = Annotated[tuple[Annotated[str, AfterValidator(_file_pattern)], ...], Field(max_length=200), *WORDS]
VariableText = Annotated[str, AfterValidator(_without_nul), Written()]
Environment = Annotated[dict[VariableName, VariableText], Field(max_length=200)]


def _kept_path(value: str) -> str:
    body = value.removeprefix("~/").removesuffix("/")
    if not body or body.startswith(("/", "~")) or any(part in {"", ".", ".."} for part in body.split("/")):
        raise ValueError("a path to keep lies in the workspace, or in the home folder (`~/…`), and names no `..`")
    return value.removesuffix("/")


def _secret(value: object) -> object:
    """`NAME` is a variable of the step; `{name: NAME, file: true}` is a file that the variable names."""
    return {"name": value} if isinstance(value, str) else value


class _NameOrMore:
    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(core)]}


class SecretConfig(Record):
    """A secret that a step gets."""

    name: SecretName
    file: bool = False


Secrets = Annotated[
    tuple[Annotated[SecretConfig, BeforeValidator(_secret), _NameOrMore()], ...], Field(max_length=50), *WORDS
]


class StepConfig(Record):
    """One command, with what is particular to it."""

    run: Annotated[str, AfterValidator(_command)]
    name: str = Field(default="", max_length=100)
    env: Environment = Field(default_factory=dict)
    secrets: Secrets = ()


class CacheConfig(Record):
    """What is worth keeping. `key`: the files whose content decides what is in it."""

    key: Paths
    paths: Annotated[tuple[Annotated[str, AfterValidator(_kept_path)], ...], Field(min_length=1, max_length=20), *WORDS]


class ServiceConfig(Record):
    """A program beside the job."""

    image: ImageName
    port: int | None = Field(default=None, ge=1, le=65_535)
    command: str = Field(default="", max_length=4096)
    env: Environment = Field(default_factory=dict)
    ready: str = Field(default="", max_length=4096)
    memory_mb: int = Field(default=512, ge=64, le=262_144)


def _chosen(value: object) -> object:
    """`true`: there are tests, in the files where the language usually has them."""
    return {} if value is True else None if value is False else value


class _YesOrMore:
    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "boolean"}, handler(core)]}


class TestsConfig(Record):
    """The job runs tests that Delta may choose from. `files`: which files are tests; empty: the language's usual."""

    __test__: ClassVar[bool] = False  # pytest takes a class of this name for one of its own

    files: Files = ()


def _with_commands_once(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [key]} for key in ("run", "steps")]
    for key in ("run", "steps"):
        shape = schema["properties"][key]
        shape["anyOf"] = [each for each in shape["anyOf"] if each != {"type": "null"}]
        del shape["default"]


class JobConfig(Record):
    """One job. `timeout` is seconds of wall time; `paths` is None where the job looks at every change."""

    model_config = ConfigDict(json_schema_extra=_with_commands_once)

    run: Commands | None = None
    steps: Annotated[tuple[StepConfig, ...], Field(min_length=1, max_length=100)] | None = None
    image: ImageName = DEFAULT_IMAGE
    needs: Annotated[tuple[str, ...], Field(max_length=MAX_JOBS), *WORDS] = ()
    matrix: Matrix | None = None
    paths: Paths | None = None
    always: bool = False
    allow_failure: bool = False
    tests: Annotated[TestsConfig | None, BeforeValidator(_chosen), _YesOrMore()] = None
    env: Environment = Field(default_factory=dict)
    secrets: Secrets = ()
    egress: Annotated[tuple[Host, ...], Field(max_length=100), *WORDS] = ()
    cache: Annotated[tuple[CacheConfig, ...], Field(max_length=10)] = ()
    services: dict[JobName, ServiceConfig] = Field(default_factory=dict, max_length=5)
    timeout: Annotated[float, Field(gt=0, le=86_400), *DURATION] = DEFAULT_TIMEOUT_S
    retries: int = Field(default=0, ge=0, le=10)
    artifacts: Files = ()
    junit: Files = ()
    resources: Resources = Resources()
    concurrency: Concurrency | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_commands_once(cls, data: Any) -> Any:  # noqa: ANN401 - anything that YAML can say
        if isinstance(data, dict) and data.get("run") is None and data.get("steps") is None:
            raise PydanticCustomError(NO_COMMANDS, "there are no commands")
        if isinstance(data, dict) and "run" in data and "steps" in data:
            raise ValueError("there are `run` and `steps`, which say the same: leave one out")
        return data

    @property
    def values(self) -> Mapping[str, str]:
        """The values of its combination, where it is one of a matrix."""
        return {}

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
            always=self.always,
            allow_failure=self.allow_failure,
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


class CombinedJob(JobConfig):
    """The job of one combination of a matrix, that of the job that the file calls `matrix_of`."""

    matrix_of: str
    combination: dict[str, str]

    @property
    def values(self) -> Mapping[str, str]:
        """The values of its combination."""
        return self.combination

    @classmethod
    def of(cls, job: JobConfig, matrix_of: str, values: Mapping[str, str]) -> CombinedJob:
        """`job` has the values in it already."""
        fields = {name: getattr(job, name) for name in type(job).model_fields}
        return cls.model_construct(**fields, matrix_of=matrix_of, combination=dict(values))

    def spec(self, job: str) -> JobSpec:
        """As every job's, with a variable for each value; the job's own variables win."""
        env = {**variables(self.values), **self.env}
        return super().spec(job).having(env=env, matrix_of=JobId(self.matrix_of))


class Config(Record):
    """A whole `.delta.yml`. Jobs keep the order in which they are written. `policy` counts on the base branch."""

    version: Literal[1]
    policy: Rules = Rules()
    jobs: dict[JobName, JobConfig] = Field(min_length=1, max_length=MAX_JOBS)


def _uses(secrets: tuple[SecretConfig, ...]) -> tuple[SecretUse, ...]:
    by_name = {secret.name: SecretUse(name=secret.name, as_file=secret.file) for secret in secrets}
    return tuple(by_name.values())
