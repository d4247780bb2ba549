"""No failure is lost: whatever happens, Heat is told of it in one JSON object, with what helps to mend it."""

import json

import pytest

from paunchd.source import Source
from tests.heat.fake_daemon import config, container, failed
from tests.heat.programs import entry
from tests.unit.desired import Notebook

SECRETS = {
    "deploy_password": "s3cret-password",
    "deploy_signal_id": "http://heat.example/signal/s3cret-signature",
    "deploy_user_id": "s3cret-user",
    "deploy_auth_url": "http://s3cret.example:5000/v3",
    "database_password": "s3cret-input",
}


async def test_a_defect_of_the_hook_is_told_as_a_failure(place, daemon):
    """A traceback, too, ends in one JSON object with a status and where it happened (T-102)."""
    daemon.waits = ["this is no JSON"]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert "JSONDecodeError" in answer["deploy_stderr"]
    assert "paunchd_heat.py" in answer["deploy_stderr"]


async def test_without_a_daemon_it_fails_and_leaves_the_file_for_it(place):
    """Heat learns that nothing was done, and the daemon does it when it comes."""
    answer = await place.deploy(entry(timeout_seconds=1))
    assert answer["deploy_status_code"] == 1
    assert f"does not answer at {place.socket}" in answer["deploy_stderr"]
    assert f"{place.only_file()} is written" in answer["deploy_stderr"]


async def test_a_daemon_that_is_just_being_restarted_is_waited_for(place, daemon):
    """An answer of 503 is no failure of the deployment."""
    daemon.waits = [503, 503, config()]
    assert (await place.deploy(entry()))["deploy_status_code"] == 0


@pytest.mark.parametrize("known", [None, config(waited="timed out", digest="another")], ids=["none", "another content"])
async def test_a_daemon_that_reads_another_directory_is_found_out(place, daemon, known):
    """It is not waited for in vain: Heat hears of it after a minute, whatever the daemon knows under the name."""
    daemon.waits = [known]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert f"cannot tell what became of {place.only_file()}: the daemon has not read it" in answer["deploy_stderr"]
    assert "desired_dir" in answer["deploy_stderr"]
    assert float(daemon.queries[0]["timeout_seconds"]) == pytest.approx(60)
    assert len(daemon.queries) == 1


async def test_what_is_read_is_waited_for_to_the_end(place, daemon):
    """A pull may take longer than the minute in which a file is read."""
    daemon.waits = [*[config(waited="timed out", settled=False)] * 3, config()]
    assert (await place.deploy(entry()))["deploy_status_code"] == 0


async def test_a_file_that_the_daemon_cannot_open_is_told_as_broken(place, daemon):
    """It has no digest then, which is not the same as another file."""
    cannot = "/desired/heat-x.json: cannot read the file: permission denied"
    daemon.waits = [config(waited="timed out", digest="", broken=cannot)]
    answer = await place.deploy(entry(timeout_seconds=0.2))
    assert answer["deploy_status_code"] == 1
    assert f"broken, and changes nothing: {cannot}" in answer["deploy_stderr"]


async def test_a_failure_is_told_with_its_reason_its_last_words_and_what_runs_now(place, daemon):
    """Whoever reads `openstack stack failures list` need not log in to the node."""
    rejected = {
        "revision": "v1:new",
        "exit_code": 3,
        "oom_killed": True,
        "restart_count": 2,
        "health_output": "connection refused\n",
        "logs": [f"line {number}" for number in range(200)],
    }
    older = {"revision": "v1:older", "exit_code": 9, "logs": ["long ago"]}
    daemon.has(
        container("db"),
        container("web", state="rolled-back", reason="exited with code 3", settled=False, rejected=[older, rejected]),
    )
    daemon.waits = [failed("web", names=["db", "web"])]
    answer = await place.deploy(entry())
    told = answer["deploy_stderr"]
    assert "web: rolled-back: exited with code 3" in told
    assert "rolled back to registry.example/web:1, v1:old; rejected: registry.example/web:2" in told
    assert "exit code: 3" in told
    assert "out of memory" in told
    assert "health test: connection refused" in told
    assert told.endswith("| line 199")
    assert "| line 179" not in told
    assert "long ago" not in told
    assert answer["deploy_stdout"] == "db: running registry.example/web:1"


async def test_what_the_good_one_prints_is_not_told_as_the_failures(place, daemon):
    """A rejected container that printed nothing has no last words; what can be read now is the one that serves."""
    rejected = {"revision": "v1:new", "exit_code": 3, "logs": None}
    daemon.has(container("web", state="rolled-back", reason="exited", settled=False, rejected=[rejected]))
    daemon.logs = {"web": b"GET / 200\n"}
    daemon.waits = [failed("web")]
    told = (await place.deploy(entry()))["deploy_stderr"]
    assert "exit code: 3" in told
    assert "GET /" not in told


@pytest.mark.parametrize("revision", ["v1:new", "v1:new@v1:target"])
async def test_a_result_of_another_revision_is_not_told(place, daemon, revision):
    """The newest result of what is declared counts, a task's or an exec's, and none of what was declared before."""
    old, new = (
        {"revision": one, "succeeded": False, "exit_code": code, "cause": ""}
        for one, code in (("v1:older@v1:target", 9), (revision, 4))
    )
    daemon.has(container("db_sync", state="failed", reason="failed", settled=False, results=[new, old]))
    daemon.waits = [failed("db_sync")]
    assert (await place.deploy(entry()))["deploy_status_code"] == 4


async def test_the_exit_code_of_what_failed_in_the_middle_is_heats_status(place, daemon):
    """What succeeds before and after it does not hide it, and what waits for it says so (T-119)."""
    result = {"revision": "v1:new", "succeeded": False, "exit_code": 42, "cause": "exit code 42"}
    daemon.has(
        container("a"),
        container("db_sync", state="failed", reason="exit code 42", settled=False, results=[result]),
        container(
            "z", state="blocked", reason="waits for an earlier start_order", settled=False, blocked_by=["db_sync"]
        ),
    )
    daemon.logs = {"db_sync": b"access denied for nova \xff\n"}
    daemon.waits = [failed("db_sync", names=["a", "db_sync", "z"])]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 42
    assert "heat-overcloud-Step4: failed: db_sync" in answer["deploy_stderr"]
    assert "| access denied for nova" in answer["deploy_stderr"]
    assert "z: blocked: waits for an earlier start_order (db_sync)" in answer["deploy_stderr"]


@pytest.mark.parametrize(("exit_code", "status"), [(3, 3), (None, 1)])
async def test_the_exit_code_of_a_first_start_is_heats_status(place, daemon, exit_code, status):
    """Nothing was rejected, as there is nothing to return to: the container itself is there yet, and tells."""
    ended = [{"hash": "v1:old", "exit_code": 9}, {"hash": "v1:new", "exit_code": exit_code}]
    daemon.has(container("web", state="failed", reason="failed", settled=False, engine_containers=ended))
    daemon.waits = [failed("web")]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == status
    assert ("  exit code: 3" in answer["deploy_stderr"]) is (status == 3)


async def test_a_failure_of_which_nothing_more_can_be_had_is_one(place, daemon):
    """The name that failed is gone again, or the daemon is: Heat is told of the failure all the same."""
    daemon.waits = [failed("web")]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert "failed: web" in answer["deploy_stderr"]


async def test_a_broken_file_is_told_with_place_key_and_cause(place, daemon):
    """What the daemon says of the file is what Heat shows."""
    daemon.waits = [failed(names=["web"], broken="/desired/heat-x.json:4:5 at web.imgae: unknown key `imgae`")]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert "broken, and changes nothing: /desired/heat-x.json:4:5 at web.imgae" in answer["deploy_stderr"]


async def test_a_container_in_two_deployments_is_told_with_the_other_file(place, daemon, tmp_path):
    """What is moved to another deployment is declared twice until the old file is gone: Heat hears which file that is,
    in the words of the daemon.
    """
    directory = tmp_path / "as-the-daemon-reads-it"
    directory.mkdir()
    for name in ("heat-old", "heat-new"):
        (directory / f"{name}.json").write_text('{"web": {"image": "registry.example/web:1"}}')
        (directory / f"{name}.json").chmod(0o600)
    broken = "; ".join(str(fault) for fault in Source(directory, Notebook()).load().configs["heat-new"].faults)
    assert f"`web` is declared in {directory}/heat-old.json as well; take it out of all but one" in broken
    daemon.waits = [failed(names=["web"], broken=broken)]
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert f"broken, and changes nothing: {broken}" in answer["deploy_stderr"]


async def test_what_takes_too_long_is_told_with_what_it_waits_for(place, daemon):
    """Heat's own time-out would say nothing; this says who is not there yet, and why."""
    daemon.has(container("web", state="waiting", reason="cannot pull image", settled=False))
    daemon.waits = [config(waited="timed out", settled=False)]
    answer = await place.deploy(entry(timeout_seconds=0.2))
    assert answer["deploy_status_code"] == 1
    assert "neither settled nor failed after 0.2 s" in answer["deploy_stderr"]
    assert "web: waiting: cannot pull image" in answer["deploy_stderr"]


async def test_an_answer_stays_far_below_what_the_agents_can_carry(place, daemon):
    """Past 950 000 bytes heat-config-notify dies, and Heat waits in vain (T-120)."""
    names = [f"web{number}" for number in range(40)]
    rejected = {"revision": "v1:new", "exit_code": 1, "logs": ["\U0001f600" * 1000] * 20}
    daemon.has(*(container(name, state="rolled-back", settled=False, rejected=[rejected]) for name in names))
    daemon.waits = [failed(*names)]
    answer = await place.deploy(entry())
    assert len(json.dumps(answer)) < 950_000 / 2
    assert "web0: rolled-back" in answer["deploy_stderr"]
    assert "paunchctl status" in answer["deploy_stderr"]


@pytest.mark.parametrize("waits", [[config()], ["no JSON"], [None], [500]], ids=["settled", "defect", "unread", "away"])
async def test_no_credential_is_written_or_told(place, daemon, waits):
    """Passwords, signed addresses and values of inputs stay in what the agents handed over."""
    daemon.waits = waits
    answer = await place.deploy(entry(timeout_seconds=0.2, **SECRETS))
    assert "s3cret" not in json.dumps(answer) + place.only_file().read_text() + str(daemon.queries)


async def test_a_document_that_does_not_parse_is_not_quoted(place, daemon):
    """The line with the fault may be the one with the password."""
    answer = await place.deploy(entry("web:\n  environment: {A: !s3cret B\n  *s3cret\n"))
    assert answer["deploy_status_code"] == 1
    assert "s3cret" not in json.dumps(answer)


async def test_a_directory_that_is_not_there_is_told(place, daemon):
    """An agents' container without the mount fails loudly; it makes no directory that nobody reads."""
    place.desired.rmdir()
    answer = await place.deploy(entry())
    assert answer["deploy_status_code"] == 1
    assert f"cannot write {place.desired}/" in answer["deploy_stderr"]
    assert "mounted" in answer["deploy_stderr"]
