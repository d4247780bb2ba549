"""What Heat no longer deploys goes; what is not Heat's, and what is not known for sure, stays."""

import asyncio

import pytest

from tests.heat.fake_daemon import FakeDaemon
from tests.heat.programs import HOOK, PRUNE, Place, entry, run

KEPT, GONE = entry(resource="Kept", id_="kept"), entry(resource="Gone", id_="gone")
OTHERS = {**entry(resource="Script", id_="script"), "group": "script"}


@pytest.fixture
async def deployed(place: Place, daemon: FakeDaemon) -> Place:
    """Have two deployments, and a file that an operator wrote."""
    await asyncio.gather(place.deploy(KEPT), place.deploy(GONE))
    (place.desired / "heat-mine.json").write_text('{"mine": {"image": "registry.example/mine:1"}}')
    (place.desired / "other.yaml").write_text("x-heat: {stack: s, resource: r}\n")
    return place


def names(place: Place) -> set[str]:
    """The resources whose files are there, and the names of files that are nobody's resource."""
    return {name.split("-")[2] if name.count("-") == 3 else name for name in place.files()}


ALL = {"Kept", "Gone", "heat-mine.json", "other.yaml"}


async def test_what_is_not_listed_is_dropped(deployed):
    """Heat calls no hook for what has vanished from the list, so its file goes here, really (T-105)."""
    said = await deployed.prune([KEPT, OTHERS])
    assert names(deployed) == ALL - {"Gone"}
    assert "dropped" in said
    assert "Gone" in said


@pytest.mark.parametrize("argument", ["--help", "-h", "help"])
async def test_asked_what_it_is_it_says_so_and_does_nothing(deployed, argument):
    """Whoever looks at a program that removes files must not have started it by that."""
    deployed.lists([KEPT])
    named = {"PAUNCHD_CONFIG": str(deployed.settings), "HEAT_SHELL_CONFIG": str(deployed.listed)}
    code, said, _ = await run(PRUNE, argument, **named)
    assert (code, said.startswith(b"Drops from the desired directory")) == (0, True)
    assert names(deployed) == ALL


async def test_what_is_listed_stays(deployed):
    """The same list again and again drops nothing and says nothing, whatever id Heat has given it meanwhile."""
    assert await deployed.prune([KEPT, {**GONE, "id": "another"}]) == ""
    assert names(deployed) == ALL


async def test_another_hooks_deployment_of_that_name_keeps_nothing(deployed):
    """A deployment that is a script now is no longer ours."""
    await deployed.prune([KEPT, {**GONE, "group": "script"}])
    assert names(deployed) == ALL - {"Gone"}


async def test_it_knows_its_files_without_any_state(deployed, tmp_path):
    """A state file may be lost with /var/run; whose a file is stands in the file itself (T-100)."""
    (path,) = (one for one in deployed.desired.iterdir() if "Gone" in one.name)
    path.rename(path.with_name("renamed.json"))
    await deployed.prune([KEPT], HEAT_CONFIG_DEPLOYED=str(tmp_path / "nowhere"))
    assert names(deployed) == ALL - {"Gone"}


@pytest.mark.parametrize(
    "listed", [None, b"", b"{", b"null", b"{}", b"[]", b"[null]", b"[{}]", b'"deployments"'], ids=repr
)
async def test_a_list_that_says_nothing_deletes_nothing(deployed, listed):
    """Missing, unparsable or empty, the run goes on and everything stays (T-101).

    Also a valid empty list: it would end everything on the node at once, and a node that really has no deployment
    any more is mostly about to be deleted itself.
    """
    said = await deployed.prune(listed)
    assert names(deployed) == ALL
    assert said.count("\n") == 1


async def test_an_entry_without_a_group_is_tolerated(deployed):
    """It may be anybody's, so it keeps its file, and the others are looked after as ever (T-123)."""
    nobodys = {key: value for key, value in KEPT.items() if key != "group"}
    await deployed.prune([nobodys, {"id": "x"}, None, "odd", OTHERS])
    assert names(deployed) == ALL - {"Gone"}


@pytest.mark.parametrize(
    ("action", "configs", "kept"),
    [
        ("UPDATE", [{"actions": ["CREATE", "UPDATE"], "tool": "paunchd", "config": {}}], True),
        ("UPDATE", [{"actions": ["UPDATE"], "tool": "script", "config": ""}], False),
        (
            "DELETE",
            [
                {"actions": ["CREATE"], "tool": "paunchd", "config": {}},
                {"actions": ["DELETE"], "tool": "script", "config": ""},
            ],
            False,
        ),
        ("SUSPEND", [{"actions": ["CREATE", "UPDATE"], "tool": "paunchd", "config": {}}], True),
        ("SUSPEND", [{"actions": ["CREATE", "UPDATE"], "tool": "script", "config": ""}], False),
    ],
)
async def test_a_component_is_whose_hook_is_called_for_its_action(deployed, action, configs, kept):
    """Unwrapped as 55-heat-config does; an action that none of its configs is for changes nothing."""
    component = entry({"configs": configs}, resource="Gone", deploy_action=action) | {"group": "component"}
    await deployed.prune([KEPT, component])
    assert ("Gone" in names(deployed)) is kept


async def test_a_list_that_makes_no_sense_is_not_acted_on(deployed):
    """What cannot be understood to the end drops nothing, and does not end the run."""
    said = await deployed.prune([KEPT, {"group": "component", "config": {"configs": [{"actions": ["CREATE"]}]}}])
    assert names(deployed) == ALL
    assert "KeyError" in said


async def test_the_word_docker_cmd_may_lead_to_our_hook_as_well(deployed, tmp_path):
    """Where a node links docker-cmd to our hook, such deployments are ours; where docker-cmd is itself, they go."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    moved = {**GONE, "group": "docker-cmd"}
    (hooks / "docker-cmd").symlink_to(HOOK)
    await deployed.prune([KEPT, moved], HEAT_CONFIG_HOOKS=str(hooks))
    assert names(deployed) == ALL
    (hooks / "docker-cmd").unlink()
    (hooks / "docker-cmd").write_text("#!/bin/sh\n")
    await deployed.prune([KEPT, moved], HEAT_CONFIG_HOOKS=str(hooks))
    assert names(deployed) == ALL - {"Gone"}


async def test_a_hook_that_was_cut_off_is_called_again(deployed, tmp_path):
    """The agents take what was begun for done, also where they were killed in the middle and Heat still waits."""
    state = tmp_path / "deployed"
    state.mkdir()
    for name in ("kept.json", "gone.json", "gone.notify.json", "script.json"):
        (state / name).write_text("{}")
    said = await deployed.prune([KEPT, GONE, OTHERS])
    assert sorted(path.name for path in state.iterdir()) == ["gone.json", "gone.notify.json", "script.json"]
    assert "kept.json" in said


async def test_it_never_ends_the_run_of_the_agents(place):
    """Not even without settings: 55-heat-config must run, or Heat hears nothing at all."""
    place.settings.unlink()
    assert "cannot read settings" in await place.prune([KEPT])
    place.settings.mkdir()
    assert "cannot read settings" in await place.prune([KEPT])
