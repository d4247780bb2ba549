"""The config hash: what changes it, what never may."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paunchd.spec import SCHEME, ContainerSpec, changed_keys, config_hash

GOLDEN = Path(__file__).parent.parent / "golden" / "hashes.json"


def spec(**keys):
    return ContainerSpec.model_validate({"image": "x", **keys})


def same(one, other):
    return config_hash(spec(**one)) == config_hash(spec(**other))


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text()), ids=lambda case: case["about"])
def test_hashes_stay_as_they_are_for_ever(case):
    """A new version of the program replaces no container: these hashes are pinned."""
    assert config_hash(ContainerSpec.model_validate(case["definition"])) == case["hash"]


def test_the_scheme_is_in_the_hash():
    """A hash says under which scheme it was made."""
    assert config_hash(spec()).startswith(f"{SCHEME}:")
    assert len(config_hash(spec())) == len("v1:") + 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"environment": {"A": "1", "B": "2"}}, {"environment": ["B=2", "A=1"]}),
        ({"environment": {"A": 1}}, {"environment": {"A": "1"}}),
        ({"command": "a b"}, {"command": ["a", "b"]}),
        ({"stop_grace_period": "1m"}, {"stop_grace_period": 60.0}),
        ({"shm_size": "64m"}, {"shm_size": 67108864}),
        ({"net": "host"}, {"network_mode": "host"}),
        ({"volumes": ["/a:/b", "", "/c:/d"]}, {"volumes": ["/c:/d", "/a:/b", "/a:/b"]}),
        ({"privileged": "True"}, {"privileged": True}),
        ({"healthcheck": {"test": "x", "interval": "10s"}}, {"healthcheck": {"interval": 10, "test": "x"}}),
        ({"cap_add": "ALL"}, {"cap_add": ["ALL"]}),
        ({"ulimit": ["nofile=5:5"]}, {"ulimits": {"nofile": 5}}),
    ],
)
def test_the_form_does_not_count(one, other):
    """Two ways to write the same definition are one revision (T-003)."""
    assert same(one, other)


@pytest.mark.parametrize(
    "key", ["environment", "volumes", "command", "privileged", "net", "healthcheck", "labels", "user", "tty"]
)
@pytest.mark.parametrize("nothing", [None, "", [], [""]])
def test_nothing_hashes_as_unset(key, nothing):
    """A template's empty value is no change against the key left out."""
    assert same({key: nothing}, {})


@pytest.mark.parametrize(
    "metadata",
    [
        {"start_order": 5},
        {"depends_on": ["db"]},
        {"rollout": {"group": "g"}},
        {"retries": 3},
        {"timeout_seconds": 5},
        {"pull": "always"},
        {"on_unhealthy": "restart"},
        {"remove": True},
        {"exit_codes": [0, 2]},
        {"check_interval": 5},
        {"restart": "always"},
        {"mem_limit": "1g"},
        {"memswap_limit": "1g"},
        {"mem_reservation": "1g"},
        {"cpus": 2},
        {"cpu_shares": 2},
        {"cpu_quota": 2},
        {"cpuset_cpus": "0"},
        {"pids_limit": 2},
    ],
)
def test_what_needs_no_new_container_is_not_hashed(metadata):
    """Metadata, and what the engine changes on a living container, replace nothing."""
    assert same(metadata, {})
    assert changed_keys(spec(), spec(**metadata)) == ()


@pytest.mark.parametrize("change", [{"image": "y"}, {"detach": False}, {"environment": {"A": "1"}}, {"stop_signal": 9}])
def test_what_makes_another_container_is_hashed(change):
    """A change of the container, or of what kind it is, is a new revision."""
    assert not same(change, {})
    assert changed_keys(spec(), spec(**change)) == tuple(change)


def test_a_tasks_exit_codes_decide_about_it():
    """Other exit codes ask a task again; a container has no use for them."""
    assert not same({"detach": False, "exit_codes": [0, 2]}, {"detach": False})


def test_changed_keys_are_sorted_and_named_as_people_do():
    """The reason of a drift lists what changed."""
    old, new = spec(user="a", net="host"), spec(user="b", volumes=["/a:/b"], net="host")
    assert changed_keys(old, new) == ("user", "volumes")


def test_t115_any_unicode_and_any_number_hashes():
    """Emoji and 1e22 hash the same each time, however they were escaped (T-115)."""
    written = '{"image": "x", "environment": {"A": "\\ud83d\\ude00", "B": 1e22}}'
    plain = {"environment": {"A": "😀", "B": 1e22}}
    assert config_hash(ContainerSpec.model_validate(json.loads(written))) == config_hash(spec(**plain))


@given(st.permutations(["user", "net", "tty", "command", "volumes", "hostname"]))
def test_t003_key_order_does_not_count(keys):
    """Definitions that differ in the order of their keys are one revision (T-003)."""
    values = {"user": "a", "net": "b", "tty": True, "command": "c d", "volumes": ["/a:/b"], "hostname": "e"}
    assert same({key: values[key] for key in keys}, values)
