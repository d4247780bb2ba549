"""What the engine is sent, where that needs no engine to see."""

import pytest

from paunchd.engine.config import create_config, update_config
from paunchd.engine.inputs import Inputs, read_inputs
from paunchd.spec import ContainerSpec, Limits, RestartPolicy


def made(**keys):
    spec = ContainerSpec(**{"image": "web:1", **keys})
    return create_config(spec, {}, read_inputs(spec))


def test_t040_environment_beats_env_file_and_a_later_file_an_earlier_one(tmp_path):
    """Each variable is sent once, with the value that counts."""
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    first.write_text("A=file\nB=file\n# a comment\n\n  C=two words = one value \n")
    second.write_text("\ufeffB=second\r\n")
    sent = made(env_file=[str(first), str(second)], environment=["A=own"])["Env"]
    assert sorted(sent) == ["A=own", "B=second", "C=two words = one value "]


def test_a_bare_name_takes_the_daemons_variable(monkeypatch, tmp_path):
    """In a definition and in a file alike; one the daemon has not either takes the image's away, as docker's does."""
    monkeypatch.setenv("OURS", "ours")
    monkeypatch.delenv("NOBODYS", raising=False)
    file = tmp_path / "env"
    file.write_text("NOBODYS\nOURS\n")
    assert made(env_file=str(file))["Env"] == ["OURS=ours"]
    assert sorted(made(environment=["NOBODYS", "OURS", "EMPTY="])["Env"]) == ["EMPTY=", "NOBODYS", "OURS=ours"]


@pytest.mark.parametrize("line", ["= secret", "two words=secret"])
def test_a_malformed_env_file_is_named_with_its_line_and_never_quoted(tmp_path, line):
    """Environment values never leave by an error (T-097)."""
    file = tmp_path / "env"
    file.write_text(f"A=1\n{line}\n")
    with pytest.raises(ValueError, match=rf"^{file}:2: ") as raised:
        made(env_file=str(file))
    assert "secret" not in str(raised.value)


def test_a_missing_env_file_is_named():
    """What cannot be read cannot be left out in silence."""
    with pytest.raises(ValueError, match=r"^/nowhere/env: No such file or directory$"):
        made(env_file="/nowhere/env")


def test_a_seccomp_profile_is_sent_and_not_its_path(tmp_path):
    """The engine cannot read the client's files."""
    profile = tmp_path / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    options = made(security_opt=[f"seccomp={profile}", "label=disable"])["HostConfig"]["SecurityOpt"]
    assert options == ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}', "label=disable"]
    assert made(security_opt="seccomp=unconfined")["HostConfig"]["SecurityOpt"] == ["seccomp=unconfined"]


def test_unconfined_system_paths_mask_nothing():
    """The client's own word, which the engine does not know."""
    host = made(security_opt=["systempaths=unconfined"])["HostConfig"]
    assert (host["MaskedPaths"], host["ReadonlyPaths"]) == ([], [])
    assert "SecurityOpt" not in host


def test_remove_is_never_left_to_the_engine():
    """The engine's auto-remove would delete the container kept for a rollback."""
    assert made(remove=True)["HostConfig"]["AutoRemove"] is False


@pytest.mark.parametrize("cpuset", [None, "", "all"])
def test_t055_without_a_cpuset_the_engine_decides(cpuset):
    """Nothing is sent; paunch sent its own affinity, and an empty one is refused by some kernels."""
    assert "CpusetCpus" not in made(cpuset_cpus=cpuset)["HostConfig"]


def test_t055_a_cpuset_is_passed_on():
    """As it was written."""
    assert made(cpuset_cpus="0-1")["HostConfig"]["CpusetCpus"] == "0-1"


def test_t046_a_health_command_is_one_argument():
    """Quotes and spaces in it are the shell's business, in the container."""
    check = made(healthcheck={"test": "curl -f 'http://x/ y' || exit 1"})["Healthcheck"]
    assert check == {"Test": ["CMD-SHELL", "curl -f 'http://x/ y' || exit 1"]}


def test_a_disabled_healthcheck_is_said_to_be_none():
    """Otherwise the image's own would run."""
    assert made(healthcheck={"disable": True})["Healthcheck"] == {"Test": ["NONE"]}


@pytest.mark.parametrize("port", ["8000-8001:80-82"])
def test_port_ranges_of_different_length_are_refused(port):
    """The docker client refuses them too."""
    with pytest.raises(ValueError, match="differ in length"):
        made(ports=[port])


@pytest.mark.parametrize(
    ("memory", "swap", "sent"),
    [
        (0, 0, 2048),  # no limit yet
        (512, 1024, 2048),  # the engine's default of twice the memory
        (512, -1, -1),  # somebody allowed unlimited swap
        (512, 9999, 9999),  # somebody chose
    ],
)
def test_a_new_memory_limit_takes_its_swap_limit_along(memory, swap, sent):
    """The engine refuses a memory limit above the swap limit, which it had set itself."""
    host = {"Memory": memory, "MemorySwap": swap}
    assert update_config(None, Limits(memory=1024), host) == {"Memory": 1024, "MemorySwap": sent}


def test_an_update_sends_only_what_changes():
    """Zero means "as it is" to the engine, so nothing is filled in; 0 pids mean unlimited (T-054)."""
    policy = {"Name": "no", "MaximumRetryCount": 0}
    assert update_config(RestartPolicy("no"), None, {}) == {"RestartPolicy": policy}
    assert update_config(None, Limits(pids_limit=0), {}) == {"PidsLimit": 0}


def test_no_input_is_read_that_the_spec_does_not_name():
    """A plain spec creates without looking at anything."""
    assert read_inputs(ContainerSpec(image="web:1")) == Inputs()
