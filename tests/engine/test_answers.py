"""The engine's JSON as other engines, older ones and odd containers have it."""

import pytest

from paunchd.engine.answers import details, grace_seconds, labels_in, listed
from paunchd.reconcile.model import ContainerState, Health
from paunchd.spec import NO_RESTART, RestartPolicy

ID = "4f" * 32


def row(**fields):
    return {"Id": ID, "Names": ["/web"], "Image": "web:1", "State": "running", "Status": "Up 2 hours", **fields}


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        (b'{"Type":"container","Action":"die","Actor":{"ID":"4f","Attributes":{"name":"web","x":"1"}}}\n', {"x": "1"}),
        (b'{"Name":"web","Status":"died","Actor":{"Attributes":{"x":"1","list":["2"],"none":null}}}', {"x": "1"}),
        (b'{"Actor":{"Attributes":null}}', {}),
        (b'{"Actor":["Attributes"]}', {}),
        (b"{}", {}),
        (b"\xff\n", {}),
        (b"", {}),
        (b"[" * 200_000, {}),
    ],
)
def test_an_event_that_says_nothing_of_its_container_is_of_any(line, labels):
    """Whatever an engine sends, somebody is woken and nobody ends."""
    assert {name: value for name, value in labels_in(line).items() if name != "name"} == labels


@pytest.mark.parametrize("fields", [{"Labels": None}, {}, {"Labels": {}}])
def test_t015_a_container_without_labels_is_nobodys_and_does_no_harm(fields):
    """Ceph and pacemaker label as they like, or not at all."""
    assert listed(row(**fields)).labels == {}


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["/other/alias", "/web"], "web"),
        (["/web", "/other/alias"], "web"),
        (["web"], "web"),
        ([], ID[:12]),
        (None, ID[:12]),
    ],
)
def test_t080_a_container_has_its_own_name_whatever_its_links(names, name):
    """Docker begins names with a slash, podman does not; a link's name has two; one being removed has none."""
    assert listed(row(Names=names)).engine_name == name


@pytest.mark.parametrize(
    ("status", "health"),
    [
        ("Up 3 seconds (health: starting)", Health.STARTING),
        ("Up 3 minutes (healthy)", Health.HEALTHY),
        ("Up 3 minutes (unhealthy)", Health.UNHEALTHY),
        ("Up 3 minutes (Paused)", Health.NONE),
        ("Exited (137) 2 days ago", Health.NONE),
        (None, Health.NONE),
    ],
)
def test_health_is_read_from_the_status_text(status, health):
    """The list has no other place for it."""
    assert listed(row(Status=status)).health is health


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("exited", ContainerState.EXITED),
        ("configured", ContainerState.CREATED),
        ("stopped", ContainerState.EXITED),
        ("removing", ContainerState.REMOVING),
        ("some-new-state", ContainerState.RUNNING),
        (None, ContainerState.RUNNING),
    ],
)
def test_t080_a_state_nobody_knows_is_never_taken_for_dead(word, state):
    """Podman has words of its own, and a later engine may have more."""
    assert listed(row(State=word)).state is state


def test_t080_an_inspect_with_next_to_nothing_in_it_can_be_read():
    """Every field may be missing or null."""
    found = details({"State": None, "HostConfig": None})
    assert found.restart == NO_RESTART
    assert (found.exit_code, found.restart_count, found.health_output) == (0, 0, "")


@pytest.mark.parametrize(
    ("policy", "restart"),
    [
        ({"Name": "", "MaximumRetryCount": 0}, NO_RESTART),
        ({"Name": "on-failure", "MaximumRetryCount": 3}, RestartPolicy("on-failure", 3)),
        ({"Name": "always", "MaximumRetryCount": 3}, RestartPolicy("always")),
        ({"Name": "tomorrow"}, NO_RESTART),
    ],
)
def test_a_restart_policy_is_read_in_every_spelling(policy, restart):
    """An empty name is the engine's way to say that there is none."""
    assert details({"HostConfig": {"RestartPolicy": policy}}).restart == restart


@pytest.mark.parametrize("key", ["Health", "Healthcheck"])
def test_t080_the_last_health_output_is_found_under_both_names(key):
    """Podman renamed the field."""
    checks = [{"Output": "first"}, {"Output": "last"}]
    assert details({"State": {key: {"Log": checks}}}).health_output == "last"


@pytest.mark.parametrize(("declared", "seconds"), [(None, 10), (0, 0), (42, 42), (-1, 0)])
def test_the_grace_is_the_containers_own(declared, seconds):
    """Ten seconds where it has none, as the engine has it."""
    assert grace_seconds({"Config": {"StopTimeout": declared}}) == seconds
