"""What paunch and we make of the same definition is the same container, as the engine inspects it."""

import json

import pytest

from paunchd.formats.paunch import Origin, parse
from paunchd.render import render
from paunchd.spec import ContainerSpec, Kind
from tests.corpus_node import ABSENT, CORPUS, build_images, role, shared_root
from tests.oracle.inspected import comparable, differences

ROLES = [role("queens", "compute"), role("queens", "controller"), role("train", "compute"), role("train", "messaging")]

pytestmark = pytest.mark.engine
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT)


@pytest.fixture(scope="module")
def node(lab, engine_url):
    with shared_root(lab.directory / "node") as node:
        for one in ROLES:
            node.prepare(one)
        build_images(engine_url, {image for one in ROLES for image in one.images()})
        yield node


EVERY_KEY = {
    "command": ["a", "", "b"],
    "entrypoint": "sh",
    "environment": {"A": 1, "B": True, "C": "", "NOBODY_HAS_THIS": None},
    "tty": True,
    "read_only": True,
    "init": True,
    "net": "bridge",
    "ipc": "host",
    "pid": "host",
    "userns_mode": "host",
    "cgroupns": "host",
    "cgroup_parent": "lab",
    "hostname": "h",
    "domainname": "d",
    "user": "nova",
    "working_dir": "/w",
    "dns": ["1.1.1.1"],
    "dns_search": ["a.b"],
    "extra_hosts": ["x:1.2.3.4"],
    "ports": ["8080:80", "127.0.0.1:53:53/udp", "99", "1000-1001:2000-2001", "[::1]:5:5", "7000-7009:70"],
    "expose": ["90-92", "7/udp"],
    "volumes": ["/tmp:/x:ro", "oracle:/data", "/anon", "/tmp:/y:rw,z"],
    "tmpfs": ["/run:size=64m", "/tmp"],
    "devices": ["/dev/null:/dev/x", "/dev/zero:/dev/y:r", "/dev/full"],
    "shm_size": "64m",
    "ulimit": ["nofile=1024", "nproc=5:6"],
    "group_add": ["5"],
    "cap_add": ["SYS_ADMIN", "net_raw", "CAP_CHOWN"],
    "cap_drop": ["CHOWN", "mknod"],
    "security_opt": ["label=disable", "no-new-privileges"],
    "sysctls": {"net.core.somaxconn": 5},
    "log_driver": "json-file",
    "log_tag": "t",
    "log_opt": {"max-size": "1m"},
    "cpu_shares": 5,
    "cpus": 1.5,
    "mem_limit": "512m",
    "memswap_limit": -1,
    "mem_reservation": "10m",
    "mem_swappiness": 5,
    "pids_limit": 0,
    "stop_signal": "USR1",
    "stop_grace_period": "12s",
    "restart": "on-failure:3",
    "healthcheck": {
        "test": "/openstack/healthcheck 5672",
        "interval": "10s",
        "timeout": 1,
        "retries": 2,
        "start_period": "1.5s",
    },
}


def specs_of(role, node):
    """Read the plain definitions, which paunch's lines come from, the way the daemon does."""
    specs = {}
    for step, definitions in node.rewrite_steps(role.steps(hashed=False)).items():
        parsed = parse(json.dumps(definitions).encode(), Origin("step", f"tripleo_step{step}", step, strict=False))
        assert not parsed.faults
        specs |= parsed.definitions
    return specs


def created_by_line(docker, node, line, name):
    """Create, not run, what a ``docker run`` line says; only a client's own flags are left out."""
    options = []
    for word in line[2:]:
        if word.startswith("--volume="):
            word = f"--volume={node.rewritten_volume(word.removeprefix('--volume='))}"  # noqa: PLW2901
        options.append(word)
    place = options.index("--name")
    options[place : place + 2] = []
    return docker("create", "--name", name, *[word for word in options if word != "--detach=true"])


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("role", ROLES, ids=str)
async def test_a_container_of_ours_is_the_one_paunch_made(role, node, engine, docker, owner):
    """Config, HostConfig, mounts and networks are equal, except for the short list that says why it is not."""
    specs = specs_of(role, node)
    wrong = {}
    for name, line in role.paunch_lines().items():
        if line[1] != "run":
            continue
        theirs = created_by_line(docker, node, [*line[:2], f"--label=managed_by={owner}", *line[2:]], f"{owner}-theirs")
        ours = await engine.create(f"{owner}-ours", specs[name], {"managed_by": owner})
        answers = json.loads(docker("inspect", theirs, ours))
        docker("rm", theirs, ours)
        given = specs[name].hostname is not None or specs[name].net == "host"
        found = differences(*(comparable(answer, hostname_given=given) for answer in answers))
        if specs[name].pids_limit:  # paunch ignored the key in silence (T-054)
            assert found.pop("HostConfig.PidsLimit") == (None, specs[name].pids_limit)
        if found:
            wrong[name] = found
    assert not wrong, json.dumps(wrong, indent=1)


async def test_every_key_makes_what_the_docker_client_makes_of_it(engine, docker, stub_image, owner):
    """Keys that no template uses are translated as the client translates their flags."""
    spec = ContainerSpec(**EVERY_KEY, image=stub_image, labels={"managed_by": owner})
    line = render(f"{owner}-theirs", spec)
    theirs = docker("create", *[word for word in line[2:] if word != "--detach=true"])
    ours = await engine.create(f"{owner}-ours", spec, {})
    answers = json.loads(docker("inspect", theirs, ours))
    assert not differences(*(comparable(answer, hostname_given=True) for answer in answers))


@needs_corpus
@pytest.mark.corpus
@pytest.mark.parametrize("role", ROLES, ids=str)
def test_an_exec_of_ours_is_the_one_paunch_ran(role, node):
    """Target, command, user and environment of an exec are those of paunch's line (T-050)."""
    specs = specs_of(role, node)
    for name, line in role.paunch_lines().items():
        if line[1] != "exec":
            continue
        spec = specs[name]
        assert spec.kind is Kind.EXEC
        environment = [f"--env={key}={value}" for key, value in spec.environment]
        assert line[2:] == [f"--user={spec.user}", *environment, spec.exec_target, *spec.exec_command]
