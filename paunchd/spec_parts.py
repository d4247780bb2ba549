"""The composite values inside a container spec.

Pure, frozen. Each part knows how it is declared (``from_declared``) and how to write itself back
(``declared``), and reading what it wrote gives the same value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

from paunchd.units import boolean, duration, integer, natural, text


class Kind(StrEnum):
    """What a declared name is: something that runs on, runs once, or runs once inside a container."""

    CONTAINER = "container"
    TASK = "task"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When the engine starts a container again by itself. *max_retries* 0: no limit."""

    name: Literal["no", "always", "unless-stopped", "on-failure"]
    max_retries: int = 0

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read the text form; the engine's empty name and YAML's bare ``no`` (false) mean ``no``."""
        if value is False or value == "":
            return cls("no")
        name, _, retries = text(value).partition(":")
        if retries and name != "on-failure":
            raise ValueError(f"only on-failure takes a number of retries, not {name}")
        match name:
            case "no" | "always" | "unless-stopped":
                return cls(name)
            case "on-failure":
                return cls(name, natural(retries or 0))
        raise ValueError(f"{value!r} is no restart policy; write no, always, unless-stopped or on-failure[:N]")

    def __str__(self) -> str:
        return f"{self.name}:{self.max_retries}" if self.max_retries else self.name

    def wants_up(self, exit_code: int) -> bool:
        """Whether a container that ended with *exit_code* should be running again."""
        match self.name:
            case "always" | "unless-stopped":
                return True
            case "on-failure":
                return exit_code != 0
            case "no":
                return False


NO_RESTART = RestartPolicy("no")


_CONDITIONS = {
    "started": "started",
    "healthy": "healthy",
    "completed": "completed",
    "service_started": "started",
    "service_healthy": "healthy",
    "service_completed_successfully": "completed",
}


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another declared name that has to be *condition* first."""

    name: str
    condition: Literal["started", "healthy", "completed"] = "started"

    @classmethod
    def from_declared(cls, name: object, how: object = None) -> Self:
        """Read one entry: *how* is Compose's ``{condition: service_healthy}``, our short word, or nothing."""
        declared = how.get("condition") if isinstance(how, Mapping) else how
        condition = _CONDITIONS.get(text(declared or "started"))
        if condition is None:
            raise ValueError(f"{declared!r} is no condition; write started, healthy or completed")
        return cls(text(name), condition)  # type: ignore[arg-type]  # one of the three, by the table


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """*test* is in Docker's form, empty where only the timing of the image's own test is changed."""

    test: tuple[str, ...] = ()
    interval_seconds: float | None = None
    timeout_seconds: float | None = None
    start_period_seconds: float | None = None
    retries: int | None = None

    KEYS = ("test", "interval", "timeout", "start_period", "retries", "disable")

    @classmethod
    def from_declared(cls, value: object) -> "Healthcheck":
        if isinstance(value, cls):
            return value
        if isinstance(value, str | list):
            value = {"test": value}
        if not isinstance(value, Mapping):
            raise ValueError("a healthcheck is a mapping with a test")  # noqa: TRY004
        given = {key: item for key, item in value.items() if item is not None and item != ""}
        if "disable" in given and boolean(given["disable"]):
            return cls(("NONE",))
        return cls(
            test=_health_test(given.get("test", ())),
            interval_seconds=_when_given(given, "interval", duration),
            timeout_seconds=_when_given(given, "timeout", duration),
            start_period_seconds=_when_given(given, "start_period", duration),
            retries=_when_given(given, "retries", natural),
        )

    def declared(self) -> dict[str, Any]:
        values = {
            "test": list(self.test) or None,
            "interval": self.interval_seconds,
            "timeout": self.timeout_seconds,
            "start_period": self.start_period_seconds,
            "retries": self.retries,
        }
        return {key: value for key, value in values.items() if value is not None}


def _when_given(given: Mapping[str, Any], key: str, read: Any) -> Any:
    if key not in given:
        return None
    try:
        return read(given[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _health_test(value: object) -> tuple[str, ...]:
    """A string is one shell command, handed over as one argument (T-046)."""
    if isinstance(value, str):
        return ("CMD-SHELL", text(value))
    if not isinstance(value, list | tuple):
        raise ValueError("test: write a string, or a list that begins with CMD, CMD-SHELL or NONE")  # noqa: TRY004
    test = tuple(text("" if item is None else item) for item in value)
    if test and test[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise ValueError("test: a list begins with CMD, CMD-SHELL or NONE")
    return test


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a replacement proves itself. ``None``: the setting decides."""

    group: str | None = None
    strategy: Literal["stop-first", "start-first"] | None = None
    min_healthy_seconds: float | None = None
    healthy_deadline_seconds: float | None = None
    probation_seconds: float | None = None
    max_restarts: int | None = None
    moved_image: Literal["report", "replace"] | None = None

    KEYS = (
        "group",
        "strategy",
        "min_healthy_seconds",
        "healthy_deadline_seconds",
        "probation_seconds",
        "max_restarts",
        "moved_image",
    )
    CHOICES: ClassVar[Mapping[str, tuple[str, str]]] = {
        "strategy": ("stop-first", "start-first"),
        "moved_image": ("report", "replace"),
    }

    @classmethod
    def from_declared(cls, value: object) -> "Rollout":
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError(f"a rollout is a mapping of {', '.join(cls.KEYS)}")  # noqa: TRY004
        given = {key: item for key, item in value.items() if item is not None and item != ""}
        unknown = sorted(set(given) - set(cls.KEYS))
        if unknown:
            raise ValueError(f"unknown key `{unknown[0]}`; a rollout has {', '.join(cls.KEYS)}")
        for key, (usual, other) in cls.CHOICES.items():
            if given.get(key, usual) not in (usual, other):
                raise ValueError(f"{key}: {given[key]!r} is neither {usual} nor {other}")
        return cls(
            group=_when_given(given, "group", text),
            strategy=given.get("strategy"),
            min_healthy_seconds=_when_given(given, "min_healthy_seconds", duration),
            healthy_deadline_seconds=_when_given(given, "healthy_deadline_seconds", duration),
            probation_seconds=_when_given(given, "probation_seconds", duration),
            max_restarts=_when_given(given, "max_restarts", natural),
            moved_image=given.get("moved_image"),
        )

    def declared(self) -> dict[str, Any]:
        values = ((key, getattr(self, key)) for key in self.KEYS)
        return {key: value for key, value in values if value is not None}

    def under(self, nearer: "Rollout | None") -> "Rollout":
        """*nearer*'s values where it has them, these otherwise: a file's rollout under a container's."""
        return replace(self, **nearer.declared()) if nearer else self


@dataclass(frozen=True, slots=True, order=True)
class Ulimit:
    """One resource limit; -1 is unlimited."""

    name: str
    soft: int
    hard: int

    @classmethod
    def from_declared(cls, name: str, value: object) -> Self:
        """*value* is a number, ``"soft:hard"``, or ``{soft: …, hard: …}``."""
        if isinstance(value, Mapping):
            soft, hard = value.get("soft"), value.get("hard")
            value = f"{hard if soft is None else soft}:{soft if hard is None else hard}"
        first, _, second = text(value).partition(":")
        try:
            return cls(clean_name(name), integer(first), integer(second or first))
        except ValueError:
            raise ValueError(f"{name}={value} is no ulimit; write nofile=1024 or nofile=1024:2048") from None

    def __str__(self) -> str:
        return f"{self.name}={self.soft}" if self.soft == self.hard else f"{self.name}={self.soft}:{self.hard}"


def clean_name(name: str) -> str:
    if not name.strip():
        raise ValueError("a name is missing")
    return name.strip()
