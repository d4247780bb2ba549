"""The parts of a definition: limits, restart policy, rollout, dependencies, names."""

import pytest
from pydantic import ValidationError

from paunchd.spec import NO_RESTART, ContainerSpec, Dependency, Limits, RestartPolicy, Rollout, name_problem


def spec(**keys):
    return ContainerSpec.model_validate({"image": "x", **keys})


def refused(**keys):
    with pytest.raises(ValidationError) as caught:
        spec(**keys)
    return str(caught.value)


# --- limits --------------------------------------------------------------------------------------------------------


def test_t054_limits_of_a_definition():
    """Memory, cpu and pids limits are read (T-054)."""
    found = spec(mem_limit="512m", cpus="1.5", pids_limit="10", cpu_shares=5, memswap_limit=-1).limits
    assert str(found) == "memory=536870912, memory_swap=-1, cpu_shares=5, nano_cpus=1500000000, pids_limit=10"
    assert found
    assert not spec().limits


@pytest.mark.parametrize("written", [None, "", "all"])
def test_t055_cpuset_all_is_no_cpuset(written):
    """Unset, empty and `all` leave the processors to the engine (T-055)."""
    assert spec(cpuset_cpus=written).limits == Limits()


def test_t039_a_number_left_out_is_not_zero():
    """A template's empty string does not limit anything to zero (T-039)."""
    assert not spec(cpu_shares="", mem_limit=None).limits


# --- restart, rollout, dependencies --------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["no", "always", "unless-stopped", "on-failure", "on-failure:3"])
def test_restart_policies_have_a_text_form(written):
    """What is read is what is written."""
    assert str(RestartPolicy.parse(written)) == written == str(spec(restart=written).restart_policy)


def test_no_restart_is_the_default():
    """YAML's bare `no` and the engine's empty name mean `no`."""
    assert spec().restart_policy == spec(restart=False).restart_policy == RestartPolicy.parse("") == NO_RESTART
    refused(restart="sometimes")
    refused(restart="always:3")


def test_a_task_is_never_restarted_by_the_engine():
    """What runs once must be able to end, so a task's restart policy is `no`, whatever it declares."""
    assert spec(detach=False, restart="always").restart_policy == NO_RESTART


def test_who_wants_to_be_up():
    """A failed exit matters to on-failure only."""
    wants = {
        name: [RestartPolicy.parse(name).wants_up(code) for code in (0, 1)] for name in ("no", "always", "on-failure")
    }
    assert wants == {"no": [False, False], "always": [True, True], "on-failure": [False, True]}


def test_the_nearer_rollout_wins():
    """A file's rollout is the ground on which a container's stands."""
    file = Rollout(group="g", probation_seconds=5)
    assert file.under(Rollout(probation_seconds=0)) == Rollout(group="g", probation_seconds=0)
    assert file.under(None) == file
    assert "unknown key" in refused(rollout={"grup": "x"})
    assert "stop-first" in refused(rollout={"strategy": "yolo"})


def test_dependencies_in_all_forms():
    """A list, or Compose's mapping with its words or ours."""
    assert spec(depends_on="a").depends_on == (Dependency("a", "started"),)
    found = spec(depends_on={"a": {"condition": "service_healthy"}, "b": "completed", "c": None}).depends_on
    assert [item.condition for item in found] == ["healthy", "completed", "started"]
    refused(depends_on={"a": "alive"})


def test_units_are_host_dependencies():
    """TripleO names systemd units in the same list; they are kept apart."""
    found = spec(depends_on=["openvswitch.service", "db", "tripleo_nova_libvirt.target"])
    assert found.depends_on == (Dependency("db"),)
    assert found.host_dependencies == ("openvswitch.service", "tripleo_nova_libvirt.target")
    only = spec(depends_on=["openvswitch.service"])
    assert (only.depends_on, only.model_fields_set) == ((), {"image", "host_dependencies"})


@pytest.mark.parametrize("name", ["nova_api", "a1", "A.b-c"])
def test_good_names(name):
    """What Docker takes is a name."""
    assert not name_problem(name)


@pytest.mark.parametrize("name", ["a", "_a", "a b", "web.next", "web.prev", "", "ä1", "a\n"])
def test_bad_names(name):
    """What Docker refuses is none, nor is a name the rollout needs."""
    assert name_problem(name)
