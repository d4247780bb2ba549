"""The many forms a key's value may have, each read into one.

Pure. A string is one element and never a row of characters, ``null`` and ``''`` elements are what a
template's ``if`` left behind and are dropped (T-041, T-042). Every function accepts its own result.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from paunchd.spec_limits import cpu_set
from paunchd.spec_parts import Dependency, Ulimit, clean_name
from paunchd.units import integer, natural, text

T = TypeVar("T")
Pairs = tuple[tuple[str, str], ...]
OptionalPairs = tuple[tuple[str, str | None], ...]

_PORT = re.compile(
    r"(?:(?P<ip>\[[0-9a-fA-F:.]+\]|\d+(?:\.\d+){3}):)?(?:(?P<host>\d*(?:-\d+)?):)?(?P<port>\d+(?:-\d+)?)"
    r"(?:/(?P<protocol>tcp|udp|sctp))?"
)
_EXPOSED = re.compile(r"(\d+(?:-\d+)?)(?:/(tcp|udp|sctp))?")
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_VOLUME_OPTIONS = re.compile(r"[a-zA-Z0-9_=,]*")
_UNIT = re.compile(r".+\.(service|target|socket|mount|timer|path|device|slice|scope)")
_SIGNAL = re.compile(r"(?:SIG)?([A-Z][A-Z0-9+-]*)")


def is_nothing(value: object) -> bool:
    """What a template leaves for "not set": null, an empty string, a list or mapping without content."""
    if isinstance(value, list | tuple):
        return all(item is None or item == "" for item in value)
    return value is None or value in ("", {})


def elements(value: object) -> list[object]:
    """The elements of a list, or the one element that stands for it."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    return [item for item in items if item is not None and item != ""]


def strings(value: object) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        raise ValueError("a mapping where a list is expected")  # noqa: TRY004 - pydantic wants ValueError
    return _unique(text(item) for item in elements(value))


def integers(value: object) -> tuple[int, ...]:
    return _unique(integer(item) for item in elements(value))


def words(value: object) -> tuple[str, ...]:
    """Read a command (T-049): a string is split at white space only, never by shell rules.

    Empty arguments are arguments. TripleO's ``bootstrap_host_exec`` evaluates its arguments again and
    depends on the quotes surviving.
    """
    if isinstance(value, str):
        return tuple(text(value).split())
    if not isinstance(value, list | tuple):
        raise ValueError("write a string or a list of strings")  # noqa: TRY004
    return tuple(text("" if item is None else item) for item in value)


def entrypoint(value: object) -> tuple[str, ...]:
    """As in Compose, an empty one removes the image's; the engine spells that as one empty string."""
    return words(value) or ("",)


def pairs(value: object) -> Pairs:
    """``K=V`` from a list, a mapping or a string, sorted by key; the last of a key counts."""
    return tuple((key, item or "") for key, item in variables(value))


def variables(value: object) -> OptionalPairs:
    """Like ``pairs``, but a bare name has no value: it stands for the daemon's own variable.

    Booleans of a mapping print as ``True`` and ``False``, which TripleO's images were written for.
    """
    if isinstance(value, Mapping):
        found = {clean_name(str(key)): None if item is None else _printed(item) for key, item in value.items()}
        return tuple(sorted(found.items()))
    entries: dict[str, str | None] = {}
    for item in elements(value):
        name, equals, content = text(item).partition("=")
        entries[clean_name(name)] = content if equals else None
    return tuple(sorted(entries.items()))


def _printed(value: object) -> str:
    return str(value) if isinstance(value, bool) else text(value)


def hosts(value: object) -> tuple[str, ...]:
    """``name:address`` for each extra host, also from a mapping or from Compose's ``name=address``."""
    if isinstance(value, Mapping):
        value = [f"{name}:{text(address)}" for name, address in value.items()]
    found = tuple(text(item) for item in elements(value))
    entries = _unique(re.sub("[:=]", ":", item, count=1) for item in found)
    for entry in entries:
        if not re.fullmatch(r"[^:\s]+:\S+", entry):
            raise ValueError(f"{entry!r} is no host; write name:address")
    return entries


def ulimits(value: object) -> tuple[Ulimit, ...]:
    if isinstance(value, Mapping):
        return _by_name(Ulimit.from_declared(str(name), limit) for name, limit in value.items())
    ready = (item if isinstance(item, Ulimit) else _ulimit(item) for item in elements(value))
    return _by_name(ready)


def _ulimit(item: object) -> Ulimit:
    name, equals, limit = text(item).partition("=")
    if not equals:
        raise ValueError(f"{item!r} is no ulimit; write nofile=1024 or nofile=1024:2048")
    return Ulimit.from_declared(name, limit)


def _by_name(limits: Iterable[Ulimit]) -> tuple[Ulimit, ...]:
    return tuple(sorted({limit.name: limit for limit in limits}.values()))


def volumes(value: object) -> tuple[str, ...]:
    """``source:target[:options]``, ``name:target`` or an anonymous ``/target``; twice the same is one."""
    if isinstance(value, Mapping):
        value = [f"{source}:{text(target)}" for source, target in value.items()]
    return _unique(_volume(item) for item in elements(value))


def _volume(item: object) -> str:
    if isinstance(item, Mapping):
        mode = ":ro" if item.get("read_only") is True else ""
        item = f"{item.get('source', '')}:{item.get('target', '')}{mode}".lstrip(":")
    written = text(item).strip()
    source, *rest = written.split(":")
    target = rest[0] if rest else source
    if len(rest) > 2:  # noqa: PLR2004 - target and options
        raise ValueError(f"volume {written!r} has too many colons; write source:target[:options]")
    if not source.startswith("/") and (source.startswith((".", "~")) or "/" in source):
        raise ValueError(f"volume {written!r} has a relative source; write an absolute path or a volume's name")
    if rest and not source.startswith("/") and not _VOLUME_NAME.fullmatch(source):
        raise ValueError(f"{source!r} is neither an absolute path nor a volume's name, in volume {written!r}")
    if not target.startswith("/"):
        raise ValueError(f"volume {written!r} has no absolute target; write source:target[:options]")
    if not _VOLUME_OPTIONS.fullmatch("".join(rest[1:])):
        raise ValueError(f"volume {written!r} has odd options; write letters separated by commas")
    return written.rstrip(":") if rest else written


def bind_sources(entries: Iterable[str]) -> tuple[str, ...]:
    """The host paths among *entries* as ``volumes`` returns them."""
    return _unique(entry.split(":")[0] for entry in entries if entry.startswith("/") and ":" in entry)


def ports(value: object) -> tuple[str, ...]:
    """``[[ip:]host:]port[/protocol]``, ranges too, with ``/tcp`` left out."""
    return _unique(_port(item) for item in elements(value))


def _port(item: object) -> str:
    if isinstance(item, Mapping):
        item = _long_port(item)
    match = _PORT.fullmatch(text(item).strip())
    if not match or (match["ip"] and match["host"] is None):
        raise ValueError(f"{item!r} is no port; write 8080:80, 127.0.0.1:8080:80 or 53:53/udp")
    protocol = "" if match["protocol"] in (None, "tcp") else f"/{match['protocol']}"
    for number in re.findall(r"\d+", f"{match['host'] or ''} {match['port']}"):
        _port_number(number)
    front = "".join(f"{match[part]}:" for part in ("ip", "host") if match[part] is not None)
    return f"{front}{match['port']}{protocol}"


def _long_port(item: Mapping[object, object]) -> str:
    address = f"{text(item['host_ip'])}:" if item.get("host_ip") else ""
    published = f"{text(item['published'])}:" if item.get("published") else ":" if address else ""
    return f"{address}{published}{text(item.get('target') or '')}/{text(item.get('protocol') or 'tcp')}"


def exposed(value: object) -> tuple[str, ...]:
    return _unique(_exposed(text(item).strip()) for item in elements(value))


def _exposed(item: str) -> str:
    match = _EXPOSED.fullmatch(item)
    if not match:
        raise ValueError(f"{item!r} is no port; write 80 or 53/udp")
    for number in match[1].split("-"):
        _port_number(number)
    return match[1] if match[2] in (None, "tcp") else item


def host_ports(published: Iterable[str], declared: Iterable[str], net: str) -> tuple[str, ...]:
    """The ports of the host that only one copy of a container can have, as ``8080`` or ``53/udp``.

    Without a network of its own a container has there whatever it says it listens on, published or not.
    """
    if net == "host" or net.startswith("container:"):
        return _unique(entry.rpartition(":")[2] for entry in (*published, *declared))
    found = []
    for entry in published:
        port, slash, protocol = entry.partition("/")
        host = port.rpartition(":")[0].rpartition(":")[2]
        found += [f"{host}{slash}{protocol}"] if host else []
    return _unique(found)


def _port_number(number: str) -> None:
    if not 0 < natural(number) <= 65535:  # noqa: PLR2004
        raise ValueError(f"{number} is no port number")


def mounts(value: object) -> tuple[str, ...]:
    """``/target[:options]`` for each tmpfs."""
    if isinstance(value, Mapping):
        value = [f"{target}:{options}" if options else target for target, options in value.items()]
    found = strings(value)
    for mount in found:
        if not mount.startswith("/"):
            raise ValueError(f"tmpfs {mount!r} is no absolute path")
    return found


def dependencies(value: object) -> tuple[tuple[Dependency, ...], tuple[str, ...]]:
    """The declared names and, apart from them, the systemd units: TripleO names both in one list."""
    if isinstance(value, Mapping):
        found = [Dependency.from_declared(name, how) for name, how in value.items()]
    else:
        found = [Dependency.from_declared(item) for item in elements(value)]
    containers = {item.name: item for item in found if not _UNIT.fullmatch(item.name)}
    units = _unique(item.name for item in found if _UNIT.fullmatch(item.name))
    return tuple(containers[name] for name in sorted(containers)), units


def processors(value: object) -> str:
    written = text(value).replace(" ", "")
    cpu_set(written)
    return written


def signal(value: object) -> str:
    """``SIGTERM`` from ``term``, ``TERM``, ``SIGTERM``; a number stays a number."""
    written = text(value).strip().upper()
    if written.isdigit():
        return str(int(written))
    match = _SIGNAL.fullmatch(written)
    if not match:
        raise ValueError(f"{value!r} is no signal; write SIGTERM or 15")
    return f"SIG{match[1]}"


def optional(read: Callable[[object], T]) -> Callable[[object], T | None]:
    """*read*, for a field whose default ``None`` may be given again."""
    return lambda value: None if value is None else read(value)


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
