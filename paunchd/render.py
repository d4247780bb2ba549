"""The ``docker run`` line that makes the same container: paunch's print-cmd.

Pure. For the eyes of whoever may read the definition: environment values are shown, so nothing here may reach
a log, a label or the read-only API. What docker's command line cannot say (rollout, dependencies) is left
out.
"""

import shlex
from collections.abc import Iterable, Iterator

from paunchd.spec import ContainerSpec, Healthcheck, Kind

_SWITCHES = {
    "interactive": "--interactive",
    "tty": "--tty",
    "remove": "--rm",
    "read_only": "--read-only",
    "init": "--init",
}
_SCALARS = {
    "net": "--net",
    "ipc": "--ipc",
    "pid": "--pid",
    "uts": "--uts",
    "userns_mode": "--userns",
    "cgroupns": "--cgroupns",
    "cgroup_parent": "--cgroup-parent",
    "hostname": "--hostname",
    "domainname": "--domainname",
    "mac_address": "--mac-address",
    "user": "--user",
    "working_dir": "--workdir",
    "shm_size": "--shm-size",
    "log_driver": "--log-driver",
    "cpu_shares": "--cpu-shares",
    "cpus": "--cpus",
    "cpu_quota": "--cpu-quota",
    "cpuset_cpus": "--cpuset-cpus",
    "mem_limit": "--memory",
    "memswap_limit": "--memory-swap",
    "mem_reservation": "--memory-reservation",
    "mem_swappiness": "--memory-swappiness",
    "pids_limit": "--pids-limit",
    "stop_signal": "--stop-signal",
    "stop_grace_period": "--stop-timeout",
    "restart": "--restart",
}
_LISTS = {
    "ulimit": "--ulimit",
    "volumes": "--volume",
    "volumes_from": "--volumes-from",
    "tmpfs": "--tmpfs",
    "devices": "--device",
    "ports": "--publish",
    "expose": "--expose",
    "group_add": "--group-add",
    "cap_add": "--cap-add",
    "cap_drop": "--cap-drop",
    "security_opt": "--security-opt",
    "extra_hosts": "--add-host",
    "dns": "--dns",
    "dns_search": "--dns-search",
}
_PAIRS = {"labels": "--label", "annotations": "--annotation", "sysctls": "--sysctl", "log_opt": "--log-opt"}


def render(name: str, spec: ContainerSpec) -> list[str]:
    """The arguments, ``docker`` first. An exec names the container it runs in by its declared name."""
    if spec.kind is Kind.EXEC:
        return ["docker", "exec", *_exec_options(spec), spec.exec_target, *spec.exec_command]
    front = ["docker", "run", "--name", name]
    if spec.kind is Kind.CONTAINER:
        front.append("--detach=true")
    options = [*_environment(spec), *_privileged(spec), *_plain(spec), *_log_tag(spec)]
    entrypoint = [f"--entrypoint={spec.entrypoint[0]}"] if spec.entrypoint else []
    health = _health(spec.healthcheck) if spec.healthcheck else []
    return [*front, *options, *health, *entrypoint, spec.image, *spec.entrypoint[1:], *spec.command]


def quoted(arguments: Iterable[str]) -> str:
    """One line a shell reads back as the same arguments (T-046)."""
    return shlex.join(arguments)


def _exec_options(spec: ContainerSpec) -> Iterator[str]:
    for field in ("user", "working_dir"):
        if getattr(spec, field) is not None:
            yield f"{_SCALARS[field]}={getattr(spec, field)}"
    yield from _environment(spec)
    yield from _privileged(spec)


def _environment(spec: ContainerSpec) -> Iterator[str]:
    """Files first, so that the definition's own values win (T-040)."""
    yield from (f"--env-file={path}" for path in spec.env_file)
    for key, value in spec.environment:
        yield f"--env={key}" if value is None else f"--env={key}={value}"


def _privileged(spec: ContainerSpec) -> Iterator[str]:
    if "privileged" in spec.model_fields_set:
        yield f"--privileged={str(spec.privileged).lower()}"


def _plain(spec: ContainerSpec) -> Iterator[str]:
    for field, option in _SCALARS.items():
        if field in spec.model_fields_set:
            yield f"{option}={_number(getattr(spec, field))}"
    for field, option in _LISTS.items():
        yield from (f"{option}={value}" for value in getattr(spec, field))
    for field, option in _PAIRS.items():
        yield from (f"{option}={key}={value}" for key, value in getattr(spec, field))
    for field, option in _SWITCHES.items():
        if getattr(spec, field):
            yield option


def _log_tag(spec: ContainerSpec) -> Iterator[str]:
    if spec.log_tag is not None:
        yield f"--log-opt=tag={spec.log_tag}"


def _health(check: Healthcheck) -> Iterator[str]:
    match check.test:
        case ("NONE",):
            yield "--no-healthcheck"
            return
        case ("CMD-SHELL", command):
            yield f"--health-cmd={command}"
        case ("CMD", *words):
            yield f"--health-cmd={shlex.join(words)}"
    timing = {
        "--health-interval": check.interval_seconds,
        "--health-timeout": check.timeout_seconds,
        "--health-start-period": check.start_period_seconds,
    }
    yield from (f"{option}={_number(value)}s" for option, value in timing.items() if value is not None)
    if check.retries is not None:
        yield f"--health-retries={check.retries}"


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
