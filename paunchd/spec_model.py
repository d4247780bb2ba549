"""The container spec: the pydantic model behind ``paunchd.spec``, which is where to import it from.

Pure. Every key is brought to one name and one form before pydantic sees it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

from paunchd import spec_forms as forms
from paunchd import units
from paunchd.spec_files import ConfigFiles, plain, read_sources
from paunchd.spec_limits import Limits
from paunchd.spec_parts import NO_RESTART, Dependency, Healthcheck, Kind, RestartPolicy, Rollout, Ulimit

#: Other spellings people use, and the one this program uses.
ALIASES: Mapping[str, str] = {
    "network_mode": "net",
    "network": "net",
    "ulimits": "ulimit",
    "stdin_open": "interactive",
    "device": "devices",
    "sysctl": "sysctls",
    "annotation": "annotations",
    "cgroup": "cgroupns",
    "memory_reservation": "mem_reservation",
    "memory": "mem_limit",
    "memory_swap": "memswap_limit",
    "memory_swappiness": "mem_swappiness",
    "log_options": "log_opt",
    "workdir": "working_dir",
    "userns": "userns_mode",
}

#: Keys of paunch and its successors that say nothing to this engine: accepted, with a warning.
NO_EFFECT = frozenset(
    {
        "check_interval",
        "systemd_exec_flags",
        "recreate",
        "pre_stop_exec",
        "post_stop_exec",
        "kill_mode",
        "reload_signal",
        "no_reload",
        "retry_sleep",
        "kernel_memory",
        "volume_driver",
    }
)

Text = Annotated[str | None, BeforeValidator(forms.optional(units.text))]
Bool = Annotated[bool, BeforeValidator(units.boolean)]
Int = Annotated[int | None, BeforeValidator(forms.optional(units.integer))]
Size = Annotated[int | None, BeforeValidator(forms.optional(units.size))]
Strings = Annotated[tuple[str, ...], BeforeValidator(forms.strings)]
Words = Annotated[tuple[str, ...], BeforeValidator(forms.words)]
Pairs = Annotated[forms.Pairs, BeforeValidator(forms.pairs), PlainSerializer(dict)]
Policy = Annotated[str, BeforeValidator(lambda value: str(RestartPolicy.parse(value)))]


class ContainerSpec(BaseModel):
    """One definition. Paths are absolute, sizes bytes, durations seconds, pairs sorted by key.

    ``volumes``, ``ports``, ``expose``, ``devices``, ``tmpfs`` and ``extra_hosts`` keep Docker's short text
    form. A value of ``None`` or ``()`` leaves the matter to the engine and the image.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["run", "exec"] = "run"
    detach: Bool = True
    start_order: Annotated[int, BeforeValidator(units.integer)] = 0
    exit_codes: Annotated[tuple[int, ...], BeforeValidator(forms.integers)] = (0,)

    image: Annotated[str, BeforeValidator(units.text)] = ""
    command: Words = ()
    entrypoint: Annotated[tuple[str, ...], BeforeValidator(forms.entrypoint)] = ()
    env_file: Strings = ()
    environment: Annotated[forms.OptionalPairs, BeforeValidator(forms.variables), PlainSerializer(dict)] = ()
    remove: Bool = False
    interactive: Bool = False
    tty: Bool = False
    privileged: Bool = False
    read_only: Bool = False
    init: Bool | None = None

    net: Text = None
    ipc: Text = None
    pid: Text = None
    uts: Text = None
    userns_mode: Text = None
    cgroupns: Text = None
    cgroup_parent: Text = None
    hostname: Text = None
    domainname: Text = None
    mac_address: Text = None
    user: Text = None
    working_dir: Text = None
    dns: Strings = ()
    dns_search: Strings = ()
    extra_hosts: Annotated[tuple[str, ...], BeforeValidator(forms.hosts)] = ()
    ports: Annotated[tuple[str, ...], BeforeValidator(forms.ports)] = ()
    expose: Annotated[tuple[str, ...], BeforeValidator(forms.exposed)] = ()

    volumes: Annotated[tuple[str, ...], BeforeValidator(forms.volumes)] = ()
    volumes_from: Strings = ()
    tmpfs: Annotated[tuple[str, ...], BeforeValidator(forms.mounts)] = ()
    devices: Strings = ()
    shm_size: Size = None
    ulimit: Annotated[
        tuple[Ulimit, ...],
        BeforeValidator(forms.ulimits),
        PlainSerializer(lambda limits: [str(limit) for limit in limits]),
    ] = ()
    group_add: Strings = ()
    cap_add: Strings = ()
    cap_drop: Strings = ()
    security_opt: Strings = ()
    sysctls: Pairs = ()
    labels: Pairs = ()
    annotations: Pairs = ()
    log_driver: Text = None
    log_tag: Text = None
    log_opt: Pairs = ()

    cpu_shares: Int = None
    cpus: Annotated[float | None, BeforeValidator(forms.optional(units.positive))] = None
    cpu_quota: Int = None
    cpuset_cpus: Annotated[str | None, BeforeValidator(forms.optional(forms.processors))] = None
    mem_limit: Size = None
    memswap_limit: Annotated[int | None, BeforeValidator(forms.optional(units.size_or_unlimited))] = None
    mem_reservation: Size = None
    mem_swappiness: Int = None
    pids_limit: Int = None

    stop_signal: Annotated[str | None, BeforeValidator(forms.optional(forms.signal))] = None
    stop_grace_period: Annotated[int | None, BeforeValidator(forms.optional(units.whole_seconds))] = None
    restart: Policy = "no"
    healthcheck: Annotated[
        Healthcheck | None,
        BeforeValidator(forms.optional(Healthcheck.from_declared)),
        PlainSerializer(lambda check: check and check.declared()),
    ] = None

    depends_on: Annotated[
        tuple[Dependency, ...],
        BeforeValidator(lambda value: forms.dependencies(value)[0]),
        PlainSerializer(lambda found: {item.name: item.condition for item in found}),
    ] = ()
    host_dependencies: Strings = ()
    rollout: Annotated[
        Rollout | None,
        BeforeValidator(forms.optional(Rollout.from_declared)),
        PlainSerializer(lambda rollout: rollout and rollout.declared()),
    ] = None
    config_files: Annotated[
        ConfigFiles | None,
        BeforeValidator(forms.optional(ConfigFiles.from_declared)),
        PlainSerializer(lambda files: files and files.declared()),
    ] = None
    pull: Literal["missing", "always", "never"] = "missing"
    on_unhealthy: Literal["none", "restart"] = "none"
    retries: Annotated[int, BeforeValidator(units.natural)] = 0
    timeout_seconds: Annotated[float | None, BeforeValidator(forms.optional(units.duration))] = None

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, data: Any) -> Any:
        """Bring every key to its one name; one that says nothing does not count as set."""
        if not isinstance(data, Mapping):
            raise ValueError("a definition is a mapping of keys to values")  # noqa: TRY004
        named: dict[str, Any] = {}
        for key, value in data.items():
            name = ALIASES.get(key, key)
            if key in NO_EFFECT or _is_unset(name, value):
                continue
            if name in named and named[name] != value:
                raise ValueError(f"`{key}` and `{name}` are the same key with different values")
            named[name] = value
        return cls._split_dependencies(named)

    @staticmethod
    def _split_dependencies(named: dict[str, Any]) -> dict[str, Any]:
        if "depends_on" not in named:
            return named
        try:
            containers, units_named = forms.dependencies(named["depends_on"])
        except ValueError:
            return named  # the field's own validator says it again, and where
        found = {
            "depends_on": {item.name: item.condition for item in containers},
            "host_dependencies": units_named,
        }
        rest = {key: value for key, value in named.items() if key != "depends_on"}
        return {**rest, **{key: value for key, value in found.items() if value}}

    @model_validator(mode="after")
    def _complete(self) -> "ContainerSpec":
        if self.action == "exec" and len(self.command) < 2:  # noqa: PLR2004
            raise ValueError("command: an exec names its container first, then what to run in it")
        if self.action == "run" and not self.image:
            raise ValueError("image: a container needs one")
        return self

    @property
    def kind(self) -> Kind:
        if self.action == "exec":
            return Kind.EXEC
        return Kind.CONTAINER if self.detach else Kind.TASK

    @property
    def restart_policy(self) -> RestartPolicy:
        """A task's is always ``no``: what runs once must be able to end, and is retried by us alone."""
        return NO_RESTART if self.kind is Kind.TASK else RestartPolicy.parse(self.restart)

    @property
    def limits(self) -> Limits:
        return Limits(
            memory=self.mem_limit,
            memory_swap=self.memswap_limit,
            memory_reservation=self.mem_reservation,
            cpu_shares=self.cpu_shares,
            nano_cpus=None if self.cpus is None else round(self.cpus * 1_000_000_000),
            cpu_quota=self.cpu_quota,
            cpuset_cpus=self.cpuset_cpus,
            pids_limit=self.pids_limit,
        )

    @property
    def bind_sources(self) -> tuple[str, ...]:
        """Host paths, no volumes of any kind, that must exist before anything is stopped (T-047)."""
        return forms.bind_sources(self.volumes)

    @property
    def reads(self) -> ConfigFiles:
        """Which config files count, and what a change of them does."""
        return self.config_files or ConfigFiles()

    def read_below(self, roots: tuple[str, ...]) -> tuple[str, ...]:
        """The host paths whose content counts: what it mounts from *roots*, its env_files, and what it says itself."""
        named = (plain(path) for path in (*self.env_file, *self.reads.paths) if path.startswith("/"))
        return tuple(dict.fromkeys((*read_sources(self.volumes, roots), *named)))

    @property
    def host_ports(self) -> tuple[str, ...]:
        """What two copies of it could not both have."""
        return forms.host_ports(self.ports, self.expose, self.net or "")

    @property
    def has_healthcheck(self) -> bool:
        """Whether we know what to run; timing alone leaves the image's test, which we cannot see."""
        return bool(self.healthcheck and self.healthcheck.test and self.healthcheck.test != ("NONE",))

    @property
    def exec_target(self) -> str:
        """The declared name an exec runs in."""
        return self.command[0]

    @property
    def exec_command(self) -> tuple[str, ...]:
        return self.command[1:]


#: Every key a person may write, in any spelling.
KEYS = (frozenset(ContainerSpec.model_fields) - {"host_dependencies"}) | frozenset(ALIASES) | NO_EFFECT


def _is_unset(name: str, value: object) -> bool:
    """An empty ``entrypoint`` says something (no entrypoint); ``cpuset_cpus: all`` says nothing (T-055)."""
    if name == "entrypoint":
        return value is None
    return forms.is_nothing(value) or (name == "cpuset_cpus" and value == "all")
