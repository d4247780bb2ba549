"""Paunch's format: ``{container name: {key: value}}`` in one file, or one file a container.

Pure. Every fault of a file is reported, not only the first. A fault's text names keys and never quotes an
environment value or a command.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from paunchd.formats.document import Document, DocumentError, Path, read_json, with_places
from paunchd.formats.yaml_document import read_yaml
from paunchd.reconcile.model import Fault
from paunchd.spec import ALIASES, KEYS, NO_EFFECT, ContainerSpec, Healthcheck, Kind, Rollout, name_problem
from paunchd.spec_forms import is_nothing
from paunchd.units import natural, text
from paunchd.wording import unknown_key

MAX_DEFINITIONS = 1000
HEADER = "x-paunchd"
HEADER_KEYS = ("config_id", "step", "rollout")

_CONFIG_ID = re.compile(r"[\w.:@-]{1,128}")
_LEADING_KEY = re.compile(r"`?(\w+)`?(?:: | and )")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the place of a file says about its content. *name*: it holds one definition, of that name."""

    path: str
    config_id: str
    step: int | None = None
    name: str = ""
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Parsed:
    """One file as understood. *definitions* is empty where there are faults; *names* are the readable ones
    anyway.
    """

    origin: Origin
    config_id: str
    step: int | None
    definitions: Mapping[str, ContainerSpec] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def parse(data: bytes, origin: Origin) -> Parsed:
    """Read one file. Never raises."""
    try:
        content = _decoded(data)
        document = _read(content, origin.path)
        return _Reading(document, content, origin).result()
    except DocumentError as error:
        return broken(origin, str(error), error.line, error.column, error.key)


def broken(origin: Origin, reason: str, line: int = 0, column: int = 0, key: str = "") -> Parsed:
    """The result for a file of which nothing is understood."""
    fault = Fault(origin.path, reason, line, column, key)
    return Parsed(origin, origin.config_id, origin.step, faults=(fault,))


def _decoded(data: bytes) -> str:
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentError("the text is not UTF-8", _place_in(data, error.start)) from None
    if b"\0" in data:
        raise DocumentError("a NUL byte in the text", _place_in(data, data.index(b"\0")))
    return content


def _place_in(data: bytes, at: int) -> tuple[int, int]:
    return data.count(b"\n", 0, at) + 1, at - data.rfind(b"\n", 0, at)


def _read(content: str, path: str) -> Document:
    if not content.strip():
        return Document(None)
    if path.endswith(".json"):
        return read_json(content)
    if content.lstrip().startswith("{"):
        try:
            return read_json(content)
        except DocumentError:
            pass  # YAML's own braces
    return read_yaml(content)


class _Reading:
    """One document being turned into specs, collecting what is wrong with it."""

    def __init__(self, document: Document, content: str, origin: Origin) -> None:
        self._document = document
        self._content = content
        self._origin = origin
        self._faults: list[tuple[Path, str]] = []
        self._strays: list[tuple[Path, str]] = []
        self._config_id = origin.config_id
        self._step = origin.step
        self._rollout = Rollout()

    def result(self) -> Parsed:
        value = self._document.value
        if is_nothing(value):
            return Parsed(self._origin, self._config_id, self._step)
        if not isinstance(value, Mapping):
            raise DocumentError("a mapping of container names to definitions is expected", (1, 1))
        self._read_header(value.get(HEADER))
        written = {key: item for key, item in value.items() if not key.startswith("x-")}
        if self._origin.name:
            declared: list[tuple[Path, str, Any]] = [((), self._origin.name, written)] if written else []
        else:
            declared = [((name,), name, item) for name, item in written.items()]
        if len(declared) > MAX_DEFINITIONS:
            raise DocumentError(f"{len(declared)} definitions in one file; at most {MAX_DEFINITIONS} are read")
        specs = {name: self._spec(path, name, item) for path, name, item in declared}
        understood = {} if self._faults else {name: spec for name, spec in specs.items() if spec}
        return Parsed(
            origin=self._origin,
            config_id=self._config_id,
            step=self._step,
            definitions=understood,
            names=frozenset(specs),
            faults=self._placed(self._faults),
            warnings=self._placed(self._strays),
        )

    def _placed(self, found: list[tuple[Path, str]]) -> tuple[Fault, ...]:
        if not found:
            return ()
        document = with_places(self._document, self._content)
        return tuple(
            Fault(self._origin.path, reason, *document.place(path), ".".join(map(str, path))) for path, reason in found
        )

    def _read_header(self, header: object) -> None:
        if is_nothing(header):
            return
        if not isinstance(header, Mapping):
            self._faults.append(((HEADER,), f"a mapping of {', '.join(HEADER_KEYS)} is expected"))
            return
        self._report_strays((HEADER,), header, HEADER_KEYS)
        readers = {"config_id": _config_id, "step": natural, "rollout": Rollout.from_declared}
        found = {
            key: self._header_value(key, read, header[key])
            for key, read in readers.items()
            if not is_nothing(header.get(key))
        }
        self._config_id = found.get("config_id") or self._config_id
        self._step = found.get("step", self._step)
        self._rollout = found.get("rollout") or self._rollout

    def _header_value(self, key: str, read: Any, value: object) -> Any:
        try:
            return read(value)
        except ValueError as error:
            self._faults.append(((HEADER, key), str(error)))
            return None

    def _spec(self, path: Path, name: str, item: object) -> ContainerSpec | None:
        problem = name_problem(name)
        if problem:
            self._faults.append((path, problem))
        if not isinstance(item, Mapping):
            self._faults.append((path, "a definition is a mapping of keys to values"))
            return None
        self._report_strays(path, item, KEYS)
        check = item.get("healthcheck")
        if isinstance(check, Mapping):
            self._report_strays((*path, "healthcheck"), check, Healthcheck.KEYS)
        try:
            spec = ContainerSpec.model_validate({key: value for key, value in item.items() if key in KEYS})
        except ValidationError as error:
            self._faults += [((*path, *inner), reason) for inner, reason in _problems(error, item)]
            return None
        spec = self._with_rollout(spec)
        self._report_collision(path, spec, item)
        return spec

    def _report_collision(self, path: Path, spec: ContainerSpec, item: Mapping[str, Any]) -> None:
        """Under start-first the old and the new copy run at once; wherever the strategy is written, it cannot work."""
        first = spec.kind is Kind.CONTAINER and spec.rollout is not None and spec.rollout.strategy == "start-first"
        if not first or not spec.host_ports:
            return
        own = item.get("rollout")
        written = isinstance(own, Mapping) and own.get("strategy")
        key = ("rollout", "strategy") if written else ("ports" if "ports" in item else "expose",)
        ports = ", ".join(spec.host_ports)
        reason = f"start-first runs two copies at once, and only one can have host port {ports}; use stop-first"
        self._faults.append(((*path, *key), reason))

    def _report_strays(self, path: Path, item: Mapping[str, Any], known: Any) -> None:
        for key in item:
            if key in NO_EFFECT and known is KEYS:
                self._strays.append(((*path, key), f"`{key}` has no effect with this engine"))
            elif key not in known and not key.startswith("x-"):
                found = self._faults if self._origin.strict else self._strays
                found.append(((*path, key), unknown_key(key, known)))

    def _with_rollout(self, spec: ContainerSpec) -> ContainerSpec:
        rollout = self._rollout.under(spec.rollout)
        if rollout == Rollout():
            return spec
        if rollout.group == "config":
            rollout = rollout.under(Rollout(group=self._config_id))
        return spec.model_copy(update={"rollout": rollout})


def _config_id(value: object) -> str:
    written = text(value)
    if not _CONFIG_ID.fullmatch(written):
        raise ValueError("a config_id is a word of letters, digits and `_.:@-`")
    return written


def _problems(error: ValidationError, item: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Each thing wrong, under the key as it was spelt; a reason may itself begin with the key it is about."""
    for problem in error.errors(include_url=False, include_input=False):
        cause = problem.get("ctx", {}).get("error")
        reason = str(cause) if cause else problem["msg"]
        field_name = str(problem["loc"][0]) if problem["loc"] else ""
        path: Path = tuple(key for key in item if field_name and ALIASES.get(key, key) == field_name)[:1]
        inside = item.get(str(path[0])) if path else item
        leading = _LEADING_KEY.match(reason)
        if leading and isinstance(inside, Mapping) and leading[1] in inside:
            path = (*path, leading[1])
        yield path, reason
