"""What Heat may want of a deployment, and where the hook finds directory and daemon."""

import asyncio
import hashlib
import re
import sys

import pytest

from paunchd.settings import DEFAULT_PATH, Settings
from tests.conftest import ROOT
from tests.heat.fake_daemon import config, container, failed
from tests.heat.programs import HEAT, HOOK, entry


async def test_delete_takes_the_file_away_and_waits_until_its_containers_are_gone(place, daemon):
    """Heat goes on with what the deployment depended on only once nothing of it is left."""
    await place.deploy(entry())
    answer = await place.deploy(entry(deploy_action="DELETE"))
    assert answer["deploy_status_code"] == 0
    assert place.files() == []
    assert daemon.queries[-1]["digest"] == ""


DELETED = entry(id_="old", deploy_action="DELETE")


@pytest.mark.parametrize("group", ["paunchd", None])
async def test_delete_of_what_was_replaced_keeps_what_replaced_it(place, daemon, group):
    """Heat replaces a deployment that has failed: creates it anew, of the same stack and resource, and deletes the old
    one then.
    """
    anew = {**entry(id_="new"), "group": group}
    place.lists([DELETED, anew])
    await place.deploy(anew)
    before = place.only_file().read_bytes()
    answer = await place.deploy(DELETED)
    assert answer["deploy_status_code"] == 0
    assert "replaced, and kept" in answer["deploy_stdout"]
    assert place.only_file().read_bytes() == before


@pytest.mark.parametrize(
    "listed",
    [
        None,
        b"{",
        [DELETED],
        [DELETED, entry(id_="other", deploy_action="DELETE")],
        [DELETED, entry(resource="Step5")],
        [DELETED, entry(deploy_stack_id="overcloud/another")],
        [DELETED, {**entry(), "group": "script"}],
        [DELETED, {**entry(), "group": "component", "config": {"configs": [{"actions": ["CREATE"]}]}}],
        [DELETED, {"inputs": 4}, {"inputs": ["x"]}],
    ],
)
async def test_delete_keeps_nothing_for_anything_else(place, daemon, listed):
    """No list, one that makes no sense, and deployments of others are no successors."""
    await place.deploy(entry())
    place.lists(listed)
    assert (await place.deploy(DELETED))["deploy_status_code"] == 0
    assert place.files() == []


async def test_delete_succeeds_where_nothing_is_left(place, daemon):
    """A delete that is asked for again, or of what never came to be, is done already."""
    daemon.waits = [config(names=[])]
    assert (await place.deploy(entry(deploy_action="DELETE", timeout_seconds=0)))["deploy_status_code"] == 0


async def test_delete_is_not_done_where_nobody_has_looked(place, daemon):
    """A daemon that has not seen its engine yet knows of no container, and of none that is gone."""
    daemon.waits = [None]
    answer = await place.deploy(entry(deploy_action="DELETE", timeout_seconds=0))
    assert answer["deploy_status_code"] == 1
    assert "cannot tell whether anything of heat-overcloud-Step4-" in answer["deploy_stderr"]


async def test_delete_of_a_file_that_the_daemon_reads_elsewhere_is_told(place, daemon):
    """What is to go stands in another directory yet; neither success nor a time-out would be the truth."""
    daemon.waits = [config(waited="timed out", settled=True, digest="another")]
    answer = await place.deploy(entry(deploy_action="DELETE"))
    assert answer["deploy_status_code"] == 1
    assert "the daemon reads a file of it yet" in answer["deploy_stderr"]
    assert f"is {place.desired} its desired_dir?" in answer["deploy_stderr"]
    assert len(daemon.queries) == 1


async def test_delete_goes_on_waiting_while_nobody_has_looked(place, daemon):
    """A daemon without its engine says nothing of what it has never seen; it may be there in a moment."""
    daemon.waits = [None, None, config(names=[])]
    assert (await place.deploy(entry(deploy_action="DELETE")))["deploy_status_code"] == 0


async def test_a_removal_that_does_not_happen_is_a_failure(place, daemon):
    """Held by the guard, or by an operator: Heat is told by whom."""
    daemon.has(container("web", state="held", reason="many would be removed", settled=False))
    daemon.waits = [config(waited="timed out", settled=False)]
    answer = await place.deploy(entry(deploy_action="DELETE", timeout_seconds=0.2))
    assert answer["deploy_status_code"] == 1
    assert "web: held: many would be removed" in answer["deploy_stderr"]


async def test_delete_without_a_daemon_fails_and_leaves_it_to_be_done(place):
    """The file is gone, so the containers go once the daemon is back; Heat learns that they are there yet."""
    answer = await place.deploy(entry(deploy_action="DELETE", timeout_seconds=0.2))
    assert answer["deploy_status_code"] == 1
    assert "is removed, and so will be its containers" in answer["deploy_stderr"]


async def test_suspend_leaves_everything_as_it_is(place, daemon):
    """A server that is suspended keeps its containers, and has them when it is resumed."""
    await place.deploy(entry())
    before = place.only_file().read_bytes()
    asked = len(daemon.asked)
    answer = await place.deploy(entry({}, deploy_action="SUSPEND"))
    assert answer["deploy_status_code"] == 0
    assert place.only_file().read_bytes() == before
    assert len(daemon.asked) == asked


async def test_resume_makes_sure_that_all_is_there(place, daemon):
    """It is as good as an update: a file that was lost meanwhile is back, and waited for."""
    assert (await place.deploy(entry(deploy_action="RESUME")))["deploy_status_code"] == 0
    assert daemon.queries
    assert len(place.files()) == 1


REJECTED = {"revision": "v1:new", "cause": "exited with code 3", "at": "2026-11-29T21:00:00Z", "exit_code": 3}
RESULT = {"revision": "v1:new", "succeeded": False, "exit_code": 3, "cause": "exit code 3", "attempts": 1}
SUCCEEDED = {**RESULT, "succeeded": True, "exit_code": 0, "cause": ""}
BACK = {"state": "rolled-back", "settled": False}
OUT = {"state": "failed", "settled": False}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"rejected": [REJECTED], "desired_hash": "v1:old"}, {"rejected": [REJECTED], **BACK}),
        ({"rejected": [REJECTED], **BACK}, {"rejected": [REJECTED], **BACK}),
        ({"results": [RESULT], "desired_hash": "v1:old"}, {"results": [RESULT], **OUT}),
        (OUT, OUT),
    ],
    ids=["the good one was deployed between", "the same again", "a task", "a first start"],
)
async def test_a_failure_from_before_is_tried_again_and_not_told(place, daemon, before, after):
    """The host was mended and Heat asked again: the answer must not be the old failure, whatever was declared between
    (T-110).
    """
    daemon.has(container("a", **before))
    daemon.waits = [failed("a"), config()]
    daemon.later = {"a": container("a", **after)}
    assert (await place.deploy(entry({"a": {}})))["deploy_status_code"] == 0
    config_asked = f"GET /v1/configs/{place.only_file().stem}"
    retried = daemon.asked.index("POST /v1/containers/a/retry")
    assert daemon.asked.index(config_asked) < retried < len(daemon.asked) - daemon.asked[::-1].index(config_asked)
    assert [query["digest"] for query in daemon.queries] == [
        hashlib.sha256(place.only_file().read_bytes()).hexdigest()
    ] * 2, "it is tried again once the daemon has read what is new, and not beside what it is to follow"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"rejected": [REJECTED], **BACK}),
        ({"rejected": [REJECTED], **BACK}, {"rejected": [{**REJECTED, "at": "2026-11-29T21:05:00Z"}], **BACK}),
        ({"results": [SUCCEEDED]}, {"results": [RESULT], **OUT}),
        ({"results": [{**RESULT, "revision": "v1:old"}], **OUT}, {"results": [RESULT], **OUT}),
        ({"results": [{**RESULT, "attempts": 0}]}, {"results": [RESULT], **OUT}),
        (
            {"results": [{**RESULT, "revision": "v1:new@v1:a"}], **OUT},
            {"results": [{**RESULT, "revision": f"v1:new@v1:{one}"} for one in "ab"], **OUT},
        ),
        ({**OUT, "desired_hash": "v1:old"}, OUT),
    ],
    ids=["new", "the same again", "a task", "a task as changed", "a task that was retried", "an exec", "a first start"],
)
async def test_what_has_failed_just_now_is_not_tried_again(place, daemon, before, after):
    """A migration that fails runs once for each time that Heat asks."""
    daemon.has(container("a", **before))
    daemon.waits = [failed("a")]
    daemon.later = {"a": container("a", **after)}
    assert (await place.deploy(entry({"a": {}})))["deploy_status_code"] != 0
    assert not [one for one in daemon.asked if one.startswith("POST")]


async def test_each_failure_from_before_is_tried_again_once(place, daemon):
    """Also one that shows only when what it waited for is there; and what fails again is told."""
    daemon.has(container("a", **OUT), container("b", results=[RESULT], **OUT))
    daemon.waits = [failed("a"), failed("b"), failed("a", "b")]
    daemon.later = {"b": container("b", results=[RESULT], **OUT)}
    assert (await place.deploy(entry({"a": {}, "b": {}})))["deploy_status_code"] != 0
    tried = [one for one in daemon.asked if one.startswith("POST")]
    assert tried == ["POST /v1/containers/a/retry", "POST /v1/containers/b/retry"]


async def test_what_has_failed_in_a_broken_file_is_not_tried_again(place, daemon):
    """It would run as it was last understood, which is not what Heat has asked for."""
    daemon.has(container("web", **OUT))
    daemon.waits = [failed("web", broken="/desired/heat-x.json: odd")]
    assert (await place.deploy(entry()))["deploy_status_code"] == 1
    assert not [one for one in daemon.asked if one.startswith("POST")]


async def test_deployed_again_unchanged_it_is_a_new_content_to_wait_for(place, daemon):
    """So whoever says that it has settled or failed has read this very file, and not its like in another directory."""
    await place.deploy(entry())
    await place.deploy(entry())
    first, second = (query["digest"] for query in daemon.queries)
    assert first != second


async def test_what_is_odd_about_a_file_is_told_and_fails_nothing(place, daemon):
    """A warning of the daemon's is seen in Heat, and the deployment is complete."""
    daemon.waits = [config(warnings=["`links` has no effect with this engine"])]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 0
    assert "`links` has no effect" in answer["deploy_stderr"]


async def test_what_is_settled_with_a_reservation_is_told_and_fails_nothing(place, daemon):
    """Config files that cannot be read hold nothing up, and Heat hears of more than a plain success."""
    unknown = "its config files cannot be told: more than 5000 files"
    daemon.has(
        container("a", reason=f"{unknown}; it runs on as it is"),
        container(
            "b", state="proving", reason="healthy, in probation", config_files={"trouble": "more than 5000 files"}
        ),
        container("c", state="proving", reason="healthy, in probation", config_files={"trouble": None}),
        container("d", state="proving", reason="proven", config_files=None),
        container("e"),
    )
    daemon.waits = [config(names=["a", "b", "c", "d", "e"], warnings=["odd"])]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 0
    assert answer["deploy_stderr"].splitlines() == ["odd", f"a: {unknown}; it runs on as it is", f"b: {unknown}"]


async def test_variables_beat_the_settings_file(place, daemon, tmp_path):
    """As for the client: PAUNCHD_SOCKET and PAUNCHD_DESIRED_DIR, else what the settings file says."""
    other = tmp_path / "other"
    other.mkdir()
    named = {"PAUNCHD_DESIRED_DIR": str(other), "PAUNCHD_SOCKET": str(place.socket)}
    place.settings.write_text("{}")
    assert (await place.deploy(entry(), **named))["deploy_status_code"] == 0
    assert place.files() == []
    assert len(list(other.iterdir())) == 1


async def test_a_setting_that_only_the_daemon_knows_stops_nothing(place, daemon):
    """The agents' image may be older than the daemon, which itself refuses what nobody knows."""
    place.settings.write_text(f'{place.settings.read_text()[:-1]}, "of_a_later_version": 1}}')
    assert (await place.deploy(entry()))["deploy_status_code"] == 0
    assert len(place.files()) == 1


@pytest.mark.parametrize("content", [None, "[1]", "{", "api: 4"])
async def test_settings_that_cannot_be_read_are_refused(place, content):
    """Nobody guesses where containers are to be written."""
    if content is None:
        place.settings.unlink()
    else:
        place.settings.write_text(content)
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert f"cannot read settings {place.settings}" in answer["deploy_stderr"]


async def test_the_example_to_try_by_hand_does_what_the_guide_says(place, daemon, tmp_path):
    """The lines of docs/heat.md, run as they are, and what they print."""
    text = (ROOT / "docs" / "heat.md").read_text().partition("## By hand")[2]
    lines, printed = re.findall(r"^```(?:sh)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[:2]
    daemon.has(container("web", state="proving", image="busybox:1.36"))
    daemon.waits = [config(config_id="heat-shop-web_containers-NNNNNNNN")]
    program = lines.replace("/usr/libexec/heat-config/hooks/paunchd", f"{sys.executable} {HOOK}")
    named = {"PATH": "/usr/bin:/bin", "PAUNCHD_CONFIG": str(place.settings), "HEAT_SHELL_CONFIG": str(place.listed)}
    process = await asyncio.create_subprocess_exec(
        "sh", "-ec", program, cwd=tmp_path, env=named, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert re.sub("-[0-9a-f]{8}:", "-NNNNNNNN:", said.decode()) == printed
    assert process.returncode == 0


async def test_its_defaults_are_those_of_the_daemon():
    """The hook cannot import them where the agents run, so there is a second copy, and it must not differ."""
    text = (HEAT / "paunchd_heat.py").read_text()
    known = dict(re.findall(r'^_DEFAULT_(\w+) = "(.*)"$', text, re.MULTILINE))
    settings = Settings.model_construct()
    assert known == {
        "SETTINGS": str(DEFAULT_PATH),
        "DIRECTORY": str(settings.desired_dir),
        "SOCKET": str(settings.api.socket),
    }


def test_the_agents_image_has_no_hook_whose_work_is_lost():
    """Their container is made anew at each start, and what is deployed is not deployed again: of hiera's hook nothing
    would be left, as it writes below /etc/puppet.
    """
    (hooks,) = re.findall(r"for hook in (.*); do", (HEAT / "agents" / "Containerfile").read_text())
    assert hooks.split() == ["apply-config", "json-file", "puppet", "script"]
