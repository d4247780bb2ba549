"""A definition, read into one form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from paunchd.spec import (
    ALIASES,
    KEYS,
    NO_EFFECT,
    ContainerSpec,
    Kind,
    dump,
    load,
)


def spec(**keys):
    return ContainerSpec.model_validate({"image": "x", **keys})


def refused(**keys):
    with pytest.raises(ValidationError) as caught:
        spec(**keys)
    return str(caught.value)


# --- kinds ---------------------------------------------------------------------------------------------------------


def test_the_kind_follows_from_detach_and_action():
    """A definition is a container unless it does not detach (task) or is an exec."""
    assert spec().kind is Kind.CONTAINER
    assert spec(detach="False").kind is Kind.TASK
    assert ContainerSpec.model_validate({"action": "exec", "command": "keystone true"}).kind is Kind.EXEC


@pytest.mark.parametrize(
    "command", ["keystone keystone-manage  bootstrap", ["keystone", "keystone-manage", "bootstrap"]]
)
def test_an_exec_names_its_target_first(command):
    """The first word of an exec's command is the container; a string is split before, not by characters."""
    found = ContainerSpec.model_validate({"action": "exec", "command": command})
    assert found.exec_target == "keystone"
    assert found.exec_command == ("keystone-manage", "bootstrap")


def test_t050_an_exec_keeps_environment_user_and_privileged():
    """An exec carries its environment, user and privileged (T-050)."""
    found = ContainerSpec.model_validate(
        {"action": "exec", "command": "a b", "environment": ["K=v"], "privileged": True, "user": 0}
    )
    assert (found.environment, found.privileged, found.user) == ((("K", "v"),), True, "0")


def test_what_is_needed_is_asked_for():
    """A container without an image and an exec without a command are mistakes, as is an unknown action."""
    for definition in ({}, {"image": ""}, {"action": "exec", "command": "a"}, {"action": "dance", "image": "x"}):
        with pytest.raises(ValidationError):
            ContainerSpec.model_validate(definition)


# --- laxity --------------------------------------------------------------------------------------------------------

LISTS = ["env_file", "volumes_from", "group_add", "cap_add", "cap_drop", "security_opt", "dns", "dns_search", "devices"]


@pytest.mark.parametrize("key", LISTS)
def test_t041_t043_a_string_is_one_element(key):
    """`cap_add: ALL` is one capability, never `A`, `L`, `L` (T-041); `volumes_from` is spelt right (T-043)."""
    assert getattr(spec(**{key: "ALL"}), key) == ("ALL",)
    assert getattr(spec(**{key: ["ALL", "", None, "b"]}), key) == ("ALL", "b")


@pytest.mark.parametrize("key", sorted(KEYS - NO_EFFECT - {"image", "entrypoint"}))
@pytest.mark.parametrize("nothing", [None, "", [], [""], [None, ""], {}])
def test_t041_t042_what_a_template_leaves_empty_is_not_set(key, nothing):
    """null, '', an empty list and a list of empties all mean "not set" (T-041, T-042)."""
    assert spec(**{key: nothing}).model_fields_set == {"image"}


@pytest.mark.parametrize("key", [*LISTS, "command", "volumes", "ports"])
def test_t041_a_mapping_in_the_wrong_place_is_refused(key):
    """A mapping where only a list has a meaning is an error and is not iterated by its keys (T-041)."""
    assert "Value error" in refused(**{key: {"a": {"b": "c"}}})


def test_t049_a_command_string_is_split_at_white_space_only():
    """Quotes survive for `bootstrap_host_exec` to evaluate (T-049)."""
    assert spec(command="su nova -c '/usr/bin/x  y'").command == ("su", "nova", "-c", "'/usr/bin/x", "y'")


def test_t042_empty_arguments_of_a_command_are_kept():
    """In a command an empty string is an argument (T-042)."""
    assert spec(command=["a", "", None, 5]).command == ("a", "", "", "5")


def test_a_boolean_in_a_command_is_a_mistake():
    """YAML makes `true` of the program of that name; nobody can tell what was meant."""
    assert "put it in quotes" in refused(command=["sleep", True])


def test_environment_forms():
    """A list, a mapping and a string say the same; booleans print as Python does; a bare name passes through."""
    assert spec(environment=["B=2", "A=1=x", "C", ""]).environment == (("A", "1=x"), ("B", "2"), ("C", None))
    assert spec(environment={"B": 2, "A": True, "C": None, "D": "", "E": 1.5}).environment == (
        ("A", "True"),
        ("B", "2"),
        ("C", None),
        ("D", ""),
        ("E", "1.5"),
    )
    assert spec(environment="A=1").environment == (("A", "1"),)


def test_the_last_of_a_variable_counts():
    """The engine takes the last of two equal names, so do we."""
    assert spec(environment=["A=1", "A=2"]).environment == (("A", "2"),)


def test_t045_all_labels_are_kept():
    """Each of several labels is there (T-045)."""
    assert spec(labels=["a=1", "b"]).labels == (("a", "1"), ("b", ""))


def test_t052_numbers_are_text_where_text_is_meant():
    """`user: 0` is the user 0 (T-052)."""
    assert spec(user=0, hostname=7).user == "0"


def test_t053_ulimits_in_all_forms():
    """A container's own ulimit is honoured in each way it is written (T-053)."""
    for written in (["nofile=1024:2048", "nproc=5"], {"nofile": {"soft": 1024, "hard": 2048}, "nproc": 5}):
        assert [str(limit) for limit in spec(ulimit=written).ulimit] == ["nofile=1024:2048", "nproc=5"]
    assert [str(limit) for limit in spec(ulimits="memlock=-1").ulimit] == ["memlock=-1"]
    assert "no ulimit" in refused(ulimit="nofile")


def test_t056_a_health_test_is_what_the_definition_says():
    """The test comes from the definition; a string is one shell command (T-056, T-046)."""
    check = spec(healthcheck={"test": "a 'b c'", "interval": "1m", "retries": "3", "start_period": 5}).healthcheck
    assert check.test == ("CMD-SHELL", "a 'b c'")
    assert (check.interval_seconds, check.start_period_seconds, check.timeout_seconds, check.retries) == (
        60,
        5,
        None,
        3,
    )
    assert spec(healthcheck={"test": ["CMD", "true"]}).healthcheck.test == ("CMD", "true")
    assert "begins with CMD" in refused(healthcheck={"test": ["curl", "-f"]})


def test_a_healthcheck_can_be_off():
    """`disable: true` and NONE leave no health check; timing alone has no test we know."""
    assert not spec().has_healthcheck
    assert spec(healthcheck="true").has_healthcheck
    for written in ({"disable": True, "test": "x"}, {"test": ["NONE"]}, {"interval": 3}):
        assert not spec(healthcheck=written).has_healthcheck


def test_aliases_are_the_same_key():
    """Two spellings of a key may agree and must not differ."""
    assert spec(network_mode="host").net == spec(net="host").net == spec(net="host", network_mode="host").net
    assert "same key" in refused(net="host", network_mode="none")
    assert set(ALIASES.values()) <= set(ContainerSpec.model_fields)


def test_t044_an_unknown_key_is_refused():
    """A misspelt key never passes silently (T-044)."""
    assert "prigileged" in refused(prigileged=True)


def test_keys_of_other_supervisors_have_no_effect():
    """`check_interval` and its like are accepted and change nothing."""
    assert spec(check_interval=5, systemd_exec_flags={"a": "b"}) == spec()


def test_stop_signal_and_grace():
    """A signal may be a number or a name in any spelling; a grace period a number or a duration."""
    assert {spec(stop_signal=name).stop_signal for name in ("term", "TERM", "SIGTERM")} == {"SIGTERM"}
    assert spec(stop_signal=9).stop_signal == "9"
    assert spec(stop_grace_period="1m30s").stop_grace_period == spec(stop_grace_period=90).stop_grace_period == 90


def test_an_empty_entrypoint_removes_the_images():
    """As in Compose: null leaves the image's entrypoint, an empty one takes it away."""
    assert spec(entrypoint=None).entrypoint == ()
    assert spec(entrypoint="").entrypoint == spec(entrypoint=[]).entrypoint == ("",)


# --- volumes, ports ------------------------------------------------------------------------------------------------


def test_t047_volumes_and_bind_sources():
    """Only absolute host paths are bind sources; named and anonymous volumes are the engine's (T-047)."""
    found = spec(volumes=["/a:/b:ro", "/a:/b:ro", "/a:/c:shared,z", "data:/d", "/e", "/f:/g:slave", ""])
    assert found.volumes == ("/a:/b:ro", "/a:/c:shared,z", "data:/d", "/e", "/f:/g:slave")
    assert found.bind_sources == ("/a", "/f")


@pytest.mark.parametrize("volume", ["./a:/b", "../a:/b", "a/b:/c", "~/a:/b", ".:/b", "a/b"])
def test_t051_a_relative_source_is_an_error(volume):
    """A relative path never becomes a named volume (T-051)."""
    assert "relative source" in refused(volumes=[volume])


@pytest.mark.parametrize("volume", ["a", "/a:b", "/a:/b:ro:x", ":/b", "/a:/b:r w"])
def test_a_malformed_volume_is_an_error(volume):
    """What is no volume says which one and how to write it."""
    assert "volume" in refused(volumes=[volume])


def test_volumes_in_long_form():
    """Compose's long form is the short one spelt out."""
    assert spec(volumes=[{"type": "bind", "source": "/a", "target": "/b", "read_only": True}]).volumes == ("/a:/b:ro",)


def test_ports_in_all_forms():
    """Short forms, numbers, ranges and the long form; tcp is what everybody means."""
    written = [80, "8080:80/tcp", "127.0.0.1:53:53/udp", "[::1]:1:2", "8000-8001:80-81", "10.0.0.1::80"]
    assert spec(ports=written).ports == (
        "80",
        "8080:80",
        "127.0.0.1:53:53/udp",
        "[::1]:1:2",
        "8000-8001:80-81",
        "10.0.0.1::80",
    )
    long = {"target": 80, "published": "8080", "host_ip": "127.0.0.1", "protocol": "tcp"}
    assert spec(ports=[long]).ports == ("127.0.0.1:8080:80",)
    assert spec(expose=[80, "53/udp", "81/tcp"]).expose == ("80", "53/udp", "81")
    for wrong in ("http", "0:1", "70000", "127.0.0.1:80"):
        refused(ports=[wrong])


def test_extra_hosts_from_a_list_or_a_mapping():
    """Paunch's list and the role's mapping say the same."""
    assert spec(extra_hosts={"a": "10.0.0.1"}).extra_hosts == spec(extra_hosts=["a=10.0.0.1"]).extra_hosts
    assert spec(extra_hosts="a:::1").extra_hosts == ("a:::1",)


# --- the store's form ----------------------------------------------------------------------------------------------

VALUES = {
    "command": st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1),
    "environment": st.dictionaries(st.from_regex(r"[A-Z]{1,5}", fullmatch=True), st.integers() | st.none(), min_size=1),
    "volumes": st.lists(st.sampled_from(["/a:/b", "/a:/b:ro", "data:/d", "/e"]), min_size=1),
    "ulimit": st.lists(st.sampled_from(["nofile=5", "nproc=1:2", "memlock=-1"]), min_size=1),
    "healthcheck": st.fixed_dictionaries({"test": st.just("x")}, optional={"interval": st.integers(0, 99)}),
    "depends_on": st.lists(st.sampled_from(["db", "web", "a.service"]), min_size=1),
    "rollout": st.fixed_dictionaries({"probation_seconds": st.integers(0, 9)}),
    "cpus": st.floats(0, 64),
    "mem_limit": st.integers(1, 2**40),
    "restart": st.sampled_from(["no", "always", "on-failure:2"]),
    "privileged": st.booleans(),
    "stop_grace_period": st.integers(0, 999),
    "detach": st.booleans(),
    "entrypoint": st.sampled_from(["", "a b", ["x"]]),
}
definitions = st.fixed_dictionaries({"image": st.just("x")}, optional=VALUES)


@given(definitions)
def test_a_spec_survives_the_store(definition):
    """Loading what was dumped gives the same values with the same keys set."""
    found = ContainerSpec.model_validate(definition)
    again = load(dump(found))
    assert again == found
    assert again.model_fields_set == found.model_fields_set
    assert dump(again) == dump(found)


def test_only_what_was_dumped_loads():
    """Anything else is an error the store can catch."""
    for text in ("", "[]", "{}", json.dumps({"image": "x", "nope": 1})):
        with pytest.raises(ValueError):  # noqa: PT011 - two kinds, one family
            load(text)
