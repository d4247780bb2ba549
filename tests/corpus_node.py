"""Real TripleO roles on a test host: their definitions under a root of one's own, and images that play their parts.

The corpus is data beside the checkout; PAUNCHD_CORPUS names another place.
"""

import json
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stub_image

CORPUS = Path(os.environ.get("PAUNCHD_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
ABSENT = f"there is no corpus at {CORPUS}; set PAUNCHD_CORPUS"

Definition = dict[str, Any]
Steps = dict[int, dict[str, Definition]]

USERS = [
    "aodh",
    "apache",
    "ceilometer",
    "cinder",
    "glance",
    "gnocchi",
    "haproxy",
    "heat",
    "keystone",
    "libvirt",
    "memcached",
    "mysql",
    "neutron",
    "nova",
    "panko",
    "qemu",
    "rabbitmq",
    "redis",
    "rsync",
    "swift",
]

SERVE = f"#!/bin/sh\n{stub_image.SERVICE}\n"
SUCCEED = "#!/bin/sh\nexit 0\n"
KOLLA_START = f"""#!/bin/sh
[ -z "${{KOLLA_BOOTSTRAP+x}}" ] || exit 0
! grep -q bootstrap_host_exec /var/lib/kolla/config_files/config.json 2>/dev/null || exit 0
{stub_image.SERVICE}
"""
HEALTHCHECK = """#!/bin/sh
[ ! -e /tmp/unhealthy ] || { echo "told to be unhealthy"; exit 1; }
echo "fine: $*"
"""

#: Programs of the real images, as far as some definition runs them itself.
PROGRAMS = {
    "/usr/local/bin/kolla_start": KOLLA_START,
    "/openstack/healthcheck": HEALTHCHECK,
    "/usr/share/openstack-tripleo-common/healthcheck/cron": HEALTHCHECK,
    "/bin/bash": '#!/bin/sh\nexec /bin/sh "$@"\n',
    "/usr/local/bin/kolla_set_configs": SUCCEED,
    "/usr/sbin/crond": SERVE,
    "/usr/bin/memcached": SERVE,
    **{
        f"/usr/bin/{name}": SUCCEED
        for name in [
            "bootstrap_host_exec",
            "hiera",
            "mysql",
            "mysqladmin",
            "mysqld_safe",
            "ovs-vsctl",
            "pkill",
            "puppet",
            "sudo",
            "nova-manage",
        ]
    },
}

#: Files that a task reads by name in a directory it has bound.
READ_BY_TASKS = (
    "/var/lib/config-data/puppet-generated/mysql/root/.my.cnf",
    "/var/lib/config-data/puppet-generated/swift/etc/rsyncd.conf",
    "/var/lib/config-data/swift_ringbuilder/etc/swift/account.ring.gz",
    "/var/lib/config-data/swift_ringbuilder/etc/swift/account.builder",
    "/var/lib/config-data/swift_ringbuilder/etc/swift/backups/1.builder",
)

_FILE_NAMES = frozenset({"config", "hosts", "localtime", "log", "memcached", "ssh_known_hosts"})
_PROGRAM_ENDS = (".py", ".sh", "_wrapper")
_FILE_ENDS = (".cnf", ".conf", ".crt", ".json", ".pem", *_PROGRAM_ENDS)
_DEVICES = {"full": (1, 7), "null": (1, 3), "random": (1, 8), "tty": (5, 0), "urandom": (1, 9), "zero": (1, 5)}


@dataclass(frozen=True)
class Role:
    """One node role of one release."""

    path: Path

    def __str__(self) -> str:
        return f"{self.path.parent.parent.name}-{self.path.name}"

    def steps(self, *, hashed: bool = True) -> Steps:
        """Read the definitions: as paunch was handed them, or as TripleO wrote them first."""
        directory = self.path / "hashed" if hashed else self.path
        files = sorted(directory.glob("step_*.json"))
        return {int(file.stem.removeprefix("step_")): json.loads(file.read_text()) for file in files}

    def definitions(self, *, hashed: bool = True) -> dict[str, Definition]:
        steps = self.steps(hashed=hashed).values()
        return {name: definition for step in steps for name, definition in step.items()}

    def images(self) -> list[str]:
        found = {one["image"] for one in self.definitions().values() if one.get("image")}
        return sorted(found)

    def kolla_files(self) -> Mapping[str, Any]:
        files: Mapping[str, Any] = json.loads((self.path / "kolla_config.json").read_text())
        return files

    def paunch_lines(self) -> dict[str, list[str]]:
        """Map each name to the command line paunch made of its plain definition."""
        steps = json.loads((self.path / "paunch-docker.json").read_text())
        return {one["name"]: one["cmd"] for step in steps.values() for one in step}


def roles() -> list[Role]:
    """Find every role there is; none where there is no corpus."""
    return [Role(path) for path in sorted(CORPUS.glob("*/nodes/*")) if path.is_dir()]


def role(release: str, name: str) -> Role:
    return Role(CORPUS / release / "nodes" / name)


@dataclass(frozen=True)
class Node:
    """A directory that stands for the root of a node, so that bind sources exist and no real file is touched."""

    root: Path

    def under(self, source: str) -> str:
        """Move a bind source below the root; a volume's name stays what it is."""
        return f"{self.root}{source}" if source.startswith("/") else source

    def rewritten_volume(self, volume: str) -> str:
        source, colon, rest = volume.partition(":")
        return f"{self.under(source)}{colon}{rest}" if colon else volume

    def rewrite(self, definition: Definition) -> Definition:
        """Move every bind source of *definition* below the root; the rest stays as it is."""
        if not definition.get("volumes"):
            return definition
        volumes = [volume and self.rewritten_volume(volume) for volume in definition["volumes"]]
        return {**definition, "volumes": volumes}

    def runnable(self, definition: Definition) -> Definition:
        """Rewrite, and leave out what is mounted on a part of /sys that this host's kernel does not have."""
        moved = self.rewrite(definition)
        volumes = [volume for volume in moved.get("volumes") or [] if not _needs_kernel_part(volume)]
        return {**moved, "volumes": volumes} if volumes else moved

    def rewrite_steps(self, steps: Steps, *, runnable: bool = False) -> Steps:
        rewrite = self.runnable if runnable else self.rewrite
        return {step: {name: rewrite(one) for name, one in names.items()} for step, names in steps.items()}

    def prepare(self, role: Role) -> None:
        """Make every bind source of *role*, with the scripts its tasks run and kolla's configuration files."""
        self._make_devices()
        for path, content in role.kolla_files().items():
            self._write(path, content if isinstance(content, str) else json.dumps(content))
        for path in READ_BY_TASKS:
            self._write(path, "")
        for definition in role.definitions().values():
            for volume in definition.get("volumes") or []:
                self._make_source(volume)
            self._make_scripts(definition)

    def _make_source(self, volume: str) -> None:
        source = volume.partition(":")[0]
        if not source.startswith("/") or Path(self.under(source)).exists():
            return
        name = Path(source).name
        is_file = not source.endswith("/") and (name in _FILE_NAMES or name.endswith(_FILE_ENDS))
        if is_file:
            self._write(source, SUCCEED if name.endswith(_PROGRAM_ENDS) else "")
        else:
            Path(self.under(source)).mkdir(parents=True, exist_ok=True)

    def _make_scripts(self, definition: Definition) -> None:
        """Give a bound directory the scripts that the command runs from there."""
        command = definition.get("command") or []
        words = command.split() if isinstance(command, str) else command
        for volume in definition.get("volumes") or []:
            source, _, rest = volume.partition(":")
            target = rest.partition(":")[0]
            for word in words:
                if target.endswith("/") and word.startswith(target) and "config-scripts" in target:
                    self._write(source + word.removeprefix(target), SUCCEED)

    def _write(self, path: str, content: str) -> None:
        place = Path(self.under(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        place.chmod(0o755)

    def _make_devices(self) -> None:
        """Make what any process expects in /dev, because some containers bind the node's."""
        for directory in ("pts", "shm", "mqueue"):
            Path(self.under(f"/dev/{directory}")).mkdir(parents=True, exist_ok=True)
        for name, numbers in _DEVICES.items():
            path = Path(self.under(f"/dev/{name}"))
            if not path.exists():
                os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(*numbers))
        ptmx = Path(self.under("/dev/ptmx"))
        if not ptmx.is_symlink():
            ptmx.symlink_to("pts/ptmx")


def _needs_kernel_part(volume: str) -> bool:
    target = volume.split(":")[1] if ":" in volume else ""
    return target.startswith("/sys/") and not Path(target).exists()


@contextmanager
def shared_root(directory: Path) -> Iterator[Node]:
    """Mount a root that mounts propagate from, as ``shared`` and ``slave`` volumes demand."""
    directory.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "paunchd-node", directory], check=True)
    try:
        subprocess.run(["mount", "--make-shared", directory], check=True)
        yield Node(directory)
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def build_images(url: str, images: Iterable[str]) -> None:
    """Give the engine at *url* one stub image under all the names of the real ones."""
    files = {path: content.encode() for path, content in PROGRAMS.items()}
    recipe = stub_image.Recipe(files, USERS, ['CMD ["/usr/local/bin/kolla_start"]'])
    stub_image.build(url, sorted(images), recipe)


def write_desired(directory: Path, steps: Steps, layout: str = "paunch") -> None:
    """Write *steps* as a deployment does.

    *layout*: ``paunch`` (one hashed file a step, pike to stein), ``train`` (one hashed file a container), ``file``
    (one file a config, with the step in its header).
    """
    for step, definitions in steps.items():
        match layout:
            case "paunch":
                files = {f"hashed-docker-container-startup-config-step_{step}.json": definitions}
            case "train":
                files = {f"step_{step}/hashed-{name}.json": one for name, one in definitions.items()}
            case "file":
                files = {f"tripleo_step{step}.json": {"x-paunchd": {"step": step}, **definitions}}
            case _:
                raise ValueError(f"{layout} is no layout")
        for name, content in files.items():
            place = directory / name
            place.parent.mkdir(parents=True, exist_ok=True)
            pending = place.with_name(f".{place.name}.tmp")
            pending.write_text(json.dumps(content))
            pending.chmod(0o600)
            pending.rename(place)
