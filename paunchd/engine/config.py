"""A spec in the engine's create format. Pure.

It sends what the docker client sends for the equivalent command line, so that a container of ours and one of
paunch's are the same when inspected. The engine's auto-remove is never asked for: it would delete a kept
container.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from paunchd.engine.inputs import Inputs
from paunchd.spec import ContainerSpec, Healthcheck, Limits, RestartPolicy

Json = dict[str, Any]

_DEVICE_MODE = re.compile(r"[rwm]+")


def create_config(spec: ContainerSpec, labels: Mapping[str, str], inputs: Inputs) -> Json:
    """*labels* win over the spec's own; ``ValueError`` where ports make no sense together."""
    published = list(_published(spec.ports))
    ports = [*_exposed(spec.expose), *(port for port, _ in published)]
    config: Json = {
        "Image": spec.image,
        "Hostname": spec.hostname or "",
        "Domainname": spec.domainname or "",
        "User": spec.user or "",
        "AttachStdin": False,
        "AttachStdout": not spec.detach,
        "AttachStderr": not spec.detach,
        "Tty": spec.tty,
        "OpenStdin": spec.interactive,
        "StdinOnce": False,
        "Env": list(inputs.environment) or None,
        "Cmd": list(spec.command) or None,
        "Entrypoint": list(spec.entrypoint) or None,
        "Volumes": {entry: {} for entry in spec.volumes if ":" not in entry},
        "WorkingDir": spec.working_dir or "",
        "Labels": {**dict(spec.labels), **labels},
        "Healthcheck": _healthcheck(spec.healthcheck) if spec.healthcheck else None,
        "ExposedPorts": {port: {} for port in ports} or None,
        "StopSignal": spec.stop_signal,
        "StopTimeout": spec.stop_grace_period,
        "MacAddress": spec.mac_address,
        "HostConfig": _host_config(spec, inputs) | {"PortBindings": _bindings(published)},
    }
    return {key: value for key, value in config.items() if value is not None}


def _host_config(spec: ContainerSpec, inputs: Inputs) -> Json:
    host: Json = {
        "Binds": [entry for entry in spec.volumes if ":" in entry] or None,
        "VolumesFrom": list(spec.volumes_from) or None,
        "Tmpfs": _keyed(spec.tmpfs, ":") or None,
        "Devices": [_device(entry) for entry in spec.devices],
        "LogConfig": _log_config(spec),
        "NetworkMode": spec.net or "default",
        "IpcMode": spec.ipc or "",
        "PidMode": spec.pid or "",
        "UTSMode": spec.uts or "",
        "UsernsMode": spec.userns_mode or "",
        "CgroupnsMode": spec.cgroupns or "",
        "CgroupParent": spec.cgroup_parent or "",
        "RestartPolicy": restart_policy(spec.restart_policy),
        "AutoRemove": False,
        "Privileged": spec.privileged,
        "ReadonlyRootfs": spec.read_only,
        "Init": spec.init,
        "CapAdd": _capabilities(spec.cap_add),
        "CapDrop": _capabilities(spec.cap_drop),
        "GroupAdd": list(spec.group_add) or None,
        "Dns": list(spec.dns),
        "DnsOptions": [],
        "DnsSearch": list(spec.dns_search),
        "ExtraHosts": list(spec.extra_hosts) or None,
        "Sysctls": dict(spec.sysctls) or None,
        "Annotations": dict(spec.annotations) or None,
        "ShmSize": spec.shm_size or 0,
        "MemorySwappiness": -1 if spec.mem_swappiness is None else spec.mem_swappiness,
        "Ulimits": [{"Name": item.name, "Soft": item.soft, "Hard": item.hard} for item in spec.ulimit],
        **_security(inputs.security_opt),
        **limits_config(spec.limits),
    }
    return {key: value for key, value in host.items() if value is not None}


def restart_policy(policy: RestartPolicy) -> Json:
    return {"Name": policy.name, "MaximumRetryCount": policy.max_retries}


def limits_config(limits: Limits) -> Json:
    """Only what is declared: the engine takes 0 for "as it is" when updating."""
    named = {
        "Memory": limits.memory,
        "MemorySwap": limits.memory_swap,
        "MemoryReservation": limits.memory_reservation,
        "CpuShares": limits.cpu_shares,
        "NanoCpus": limits.nano_cpus,
        "CpuQuota": limits.cpu_quota,
        "CpusetCpus": limits.cpuset_cpus or None,
        "PidsLimit": limits.pids_limit,
    }
    return {key: value for key, value in named.items() if value is not None}


def update_config(restart: RestartPolicy | None, limits: Limits | None, host: Mapping[str, Any]) -> Json:
    """*host* is the inspected HostConfig. A new memory limit alone takes its swap limit along.

    The engine sets swap to twice the memory when it creates, and then refuses a memory limit above that.
    """
    config = limits_config(limits) if limits else {}
    if config.get("Memory") and "MemorySwap" not in config:
        memory, swap = host.get("Memory") or 0, host.get("MemorySwap") or 0
        by_default = swap in (0, 2 * memory)
        config["MemorySwap"] = 2 * config["Memory"] if by_default else swap
    return config | ({"RestartPolicy": restart_policy(restart)} if restart else {})


def _healthcheck(check: Healthcheck) -> Json:
    """Durations are nanoseconds; what is not declared is the image's."""
    values: Json = {
        "Test": list(check.test) or None,
        "Interval": _nanoseconds(check.interval_seconds),
        "Timeout": _nanoseconds(check.timeout_seconds),
        "StartPeriod": _nanoseconds(check.start_period_seconds),
        "Retries": check.retries,
    }
    return {key: value for key, value in values.items() if value is not None}


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1_000_000_000)


def _log_config(spec: ContainerSpec) -> Json:
    options = dict(spec.log_opt) | ({"tag": spec.log_tag} if spec.log_tag else {})
    return {"Type": spec.log_driver or "", "Config": options}


def _capabilities(names: Iterable[str]) -> list[str] | None:
    """Spell them the engine's way; ``ALL`` stands for all others."""
    found = {f"CAP_{name.upper().removeprefix('CAP_')}" for name in names}
    return ["ALL"] if "CAP_ALL" in found else sorted(found) or None


def _security(options: Iterable[str]) -> Json:
    """``systempaths=unconfined`` is the client's word for masking no path."""
    rest = [option for option in options if option != "systempaths=unconfined"]
    unmasked: Json = {"MaskedPaths": [], "ReadonlyPaths": []} if len(rest) < len(tuple(options)) else {}
    return {**unmasked, **({"SecurityOpt": rest} if rest else {})}


def _keyed(entries: Iterable[str], separator: str) -> dict[str, str]:
    return {key: value for key, _, value in (entry.partition(separator) for entry in entries)}


def _device(entry: str) -> Json:
    """Read ``host[:container][:mode]``."""
    host, *rest = entry.split(":")
    mode = rest.pop() if rest and _DEVICE_MODE.fullmatch(rest[-1]) else "rwm"
    return {"PathOnHost": host, "PathInContainer": rest[0] if rest else host, "CgroupPermissions": mode}


def _numbers(written: str) -> range:
    first, _, last = written.partition("-")
    return range(int(first), int(last or first) + 1)


def _exposed(entries: Iterable[str]) -> Iterator[str]:
    for entry in entries:
        numbers, _, protocol = entry.partition("/")
        yield from (f"{number}/{protocol or 'tcp'}" for number in _numbers(numbers))


def _published(entries: Iterable[str]) -> Iterator[tuple[str, Json]]:
    """Pair each container port with its binding; the engine chooses from a host's range for one port."""
    for entry in entries:
        numbers, _, protocol = entry.partition("/")
        rest, _, container = numbers.rpartition(":")
        address, _, host = rest.rpartition(":")
        inside = _numbers(container)
        outside = _numbers(host) if host else None
        if outside and len(outside) != len(inside) and len(inside) > 1:
            raise ValueError(f"the ranges of {entry!r} differ in length")
        for index, number in enumerate(inside):
            chosen = host if outside is None or len(inside) == 1 else str(outside[index])
            yield f"{number}/{protocol or 'tcp'}", {"HostIp": address.strip("[]"), "HostPort": chosen}


def _bindings(published: Iterable[tuple[str, Json]]) -> dict[str, list[Json]]:
    bindings: dict[str, list[Json]] = {}
    for port, binding in published:
        bindings.setdefault(port, []).append(binding)
    return bindings
