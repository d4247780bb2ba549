"""S-22: two daemons, and a store that is corrupt, older, newer or cannot be written."""

import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.functional.node import service as plain_service
from tests.functional.node import task as plain_task
from tests.scenarios.scenario import running_script, service, task

pytestmark = pytest.mark.engine

GOLDEN = Path(__file__).with_name("store_of_schema_1.sql").read_text()
GOLDEN_HASH = "v1:38a58017fe2e445fd305be3a36f27a491a41c2e0d7c213ddc4a225ec80011ab0"
GOLDEN_TASK_HASH = "v1:1e4afc085812726e5e4ecaff01611791cdd0c6b1b965c589ce2b9a7c95bff151"
REJECTED = plain_service(command=["sh", "-c", "exit 3"], restart="no")
MANY = [f"web{number}" for number in range(98)]
CHANGES = ("create", "start", "stop", "remove", "rename", "update")


def begun(node):
    """Where each container is in its life."""
    return {name: (node.id(name), node.started_at(name)) for name in node.ps()}


def daemon(node):
    """Run another daemon with the node's settings until it ends by itself."""
    return subprocess.run(node.command, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def good(scenario):
    with scenario.step("two good containers run, and a task is done") as node:
        node.start()
        node.write("app", {"web": service(), "db": service(), "sync": task("exit 0")})
        node.proves()
    return scenario


def test_s22_a_second_daemon_refuses_to_start(good):
    """It says who is there and ends, and the first goes on (T-017, T-122)."""
    with good.step("a second daemon is started with the same settings") as node:
        before = begun(node)
        done = daemon(node)
    with good.step("it says why it does not start, and nobody notices it"):
        assert done.returncode == 1
        assert f"another paunchd uses {node.state_dir}" in done.stderr
        node.passes()
        assert begun(node) == before
    good.holds()


def corrupted(store):
    store.write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)


def newer(store):
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("ALTER TABLE names ADD COLUMN of_tomorrow")
        connection.execute("PRAGMA user_version=999")
        connection.commit()


def deleted(store):
    for suffix in ("", "-wal", "-shm"):
        store.with_name(store.name + suffix).unlink(missing_ok=True)


def test_s22_a_store_that_cannot_be_used_restarts_nothing(good):
    """It is moved aside and made anew, no container notices, not even a task that was done, and a version that fails
    afterwards still goes back to the good one.
    """
    node = good.node
    before = begun(node)
    for how in (corrupted, newer, deleted):
        with good.step(f"the store is {how.__name__} while no daemon runs"):
            aside = len(list(node.state_dir.glob("state.db.unusable-*")))
            node.stop()
            how(node.state_dir / "state.db")
        with good.step("the next daemon restarts nothing, and what there was is kept for people"):
            node.start()
            node.proves()
            node.passes()
            assert begun(node) == before
            assert [node.calls(verb) for verb in CHANGES] == [0] * len(CHANGES)
            assert len(list(node.state_dir.glob("state.db.unusable-*"))) == aside + (how is not deleted)
    with good.step("a version that fails goes back to the container that was good"):
        node.write("app", {"web": running_script("exit 3", restart="no"), "db": service(), "sync": task("exit 0")})
        node.becomes("rolled-back", "web")
        node.eventually(lambda: node.id("web") == before["web"][0] and node.running("web"))
    with good.step("it is mended"):
        node.write("app", {"web": service(), "db": service(), "sync": task("exit 0")})
        node.proves()
    good.holds()


def test_s22_a_store_that_cannot_be_written_is_said_and_costs_nothing(scenario):
    """A daemon that finds its state on a read-only file system says so, looks on and changes nothing; once it can
    write, it goes on by itself.
    """
    node = scenario.node
    node.state_dir.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "state", node.state_dir], check=True)
    try:
        with scenario.step("a good container runs"):
            node.start()
            node.write("app", {"web": service()})
            node.proves()
            before = begun(node)
        with scenario.step("the daemon is started again, with its state on a read-only file system"):
            node.stop()
            subprocess.run(["mount", "-o", "remount,ro", node.state_dir], check=True)
            node.start()
        with scenario.step("it says what is wrong, and changes nothing, whatever it is to run"):
            node.eventually(lambda: "Read-only file system" in node.get("/v1/status")["source"])
            assert node.status_of("/readyz")[0] == 503
            node.write("app", {"web": service(environment={"V": "2"}), "db": service()})
            node.passes(3)
            assert begun(node) == before
            assert node.state("web") == "held"
        with scenario.step("the file system can be written again, and what it is to run runs"):
            subprocess.run(["mount", "-o", "remount,rw", node.state_dir], check=True)
            node.proves()
            assert begun(node).keys() == {*before, "db"}
            assert node.id("web") != before["web"][0]
        scenario.holds()
    finally:
        node.kill9()
        subprocess.run(["umount", "--lazy", node.state_dir], check=True)


def as_an_older_paunchd_left_it(node):
    """Make a hundred containers and a store as a paunchd of the first schema did."""

    def made(name, hash_, kind="container", restart="always", **keys):
        labels = {"config_id": "app", "container_name": node.full(name), "managed_by": node.owner}
        labels |= {"io.paunchd.hash": hash_, "io.paunchd.kind": kind, "io.paunchd.restart": restart}
        host = {"NetworkMode": "none", "RestartPolicy": {"Name": restart}}
        body = {"Image": "paunchd.test/stub:1", "Labels": labels, "HostConfig": host, **keys}
        found = node.engine.call("POST", f"/containers/create?name={node.full(name)}", body)
        node.engine.call("POST", f"/containers/{found['Id']}/start")

    made("sync", GOLDEN_TASK_HASH, "task", "no", Cmd=["sh", "-c", "exit 0"])
    with ThreadPoolExecutor(4) as hands:
        list(hands.map(lambda name: made(name, GOLDEN_HASH), [*MANY, "bad"]))
    lines = []
    for line in GOLDEN.replace("/var/lib/paunchd/desired", str(node.desired)).splitlines():
        of_one = "'golden-web'" in line and '"events"' not in line
        lines += [line.replace("golden-web", node.full(name)) for name in MANY] if of_one else [line]
    node.state_dir.mkdir(mode=0o700)
    with closing(sqlite3.connect(node.state_dir / "state.db")) as store:
        store.executescript("\n".join(lines).replace("golden-", node.prefix))


@pytest.mark.timeout(300)  # on a busy host a hundred containers take their time
def test_s22_an_upgrade_and_a_downgrade_of_paunchd_restart_no_container(scenario):
    """A hundred containers, made and remembered by an older paunchd: the newer one takes them over, with what had been
    rejected, held and done; and so does an older one after it.
    """
    fine = {name: plain_service() for name in MANY} | {"sync": plain_task("exit 0")}
    with scenario.step("an older paunchd has left a hundred containers, one of them held at its good version") as node:
        as_an_older_paunchd_left_it(node)
        node.write("app", fine | {"bad": REJECTED})
        before = begun(node)
        assert len(before) == 101
    with scenario.step("this paunchd takes them over, and restarts none"):
        node.start()
        node.becomes("running", *MANY)
        node.passes()
        assert begun(node) == before
        assert [node.calls(verb) for verb in CHANGES] == [0] * len(CHANGES)
    with scenario.step("it knows what was rejected, held and done"):
        assert node.state("sync") == "succeeded"
        assert node.state("bad") == "rolled-back"
        assert node.row("bad")["last_error"] == "exited with code 3"
        assert node.detail("bad")["hold"]
        assert node.history("bad")[0]["event"] == "asked to hold"
    with scenario.step("what was rejected is mended"):
        node.ask_to("release", "bad")
        node.write("app", fine | {"bad": plain_service()})
        node.proves()
        assert begun(node) == before
    with scenario.step("an older paunchd comes, to which the store is of a newer one, and it restarts none"):
        node.stop()
        newer(node.state_dir / "state.db")
        node.start()
        node.proves()
        node.passes()
        assert begun(node) == before
        assert [node.calls(verb) for verb in CHANGES] == [0] * len(CHANGES)
    scenario.holds()
