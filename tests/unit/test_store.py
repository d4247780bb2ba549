import sqlite3
import stat
import threading
import time
from contextlib import closing

import pytest

from paunchd import store_schema
from paunchd.errors import StoreError
from paunchd.reconcile.model import Past, Read, Result, Revision
from paunchd.store import EVENTS_KEPT, OUTPUT_BYTES, STORY_KEPT_SECONDS, Store
from paunchd.store_records import REVISIONS_KEPT, Event, Rejection
from paunchd.store_schema import MIGRATIONS
from tests.unit.places import item, spec


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def store(path):
    with closing(Store(path)) as store:
        yield store


def reopened(store, path):
    """What a next daemon reads of the same file."""
    store.close()
    with closing(Store(path)) as again:
        return again.names()


def filled(store):
    """Remember something of every kind about one name."""
    store.begin("web", (3, 2))
    store.accept("web", Revision("v1:good", spec(environment={"A": "1"})))
    store.reject("web", Rejection("v1:bad", "exited with code 3", {"logs": "no such option", "exit_code": 3}))
    store.finish("web", "v1:task", Result(succeeded=False, exit_code=5, container_id="c1"), "output")
    store.set_hold("web", hold=True)
    store.save_read("web", Read("c0", "s1.old", {}))
    store.save_read("web", Read("c1", "s1.digest", {"nova/nova.conf": "644:1"}))
    store.set_last_error("web", "cannot pull")
    return store.names()


def test_everything_that_is_remembered_of_a_name_outlives_the_daemon(store, path):
    """What was written is read back field by field, specs included."""
    before = filled(store)
    assert before["web"].good.spec == spec(environment={"A": "1"})
    assert before["web"].rank == (3, 2)
    assert before["web"].last_error == "cannot pull"
    assert reopened(store, path) == before


def test_a_new_store_remembers_nothing(store):
    """The first start finds no names, no story and no definitions."""
    assert store.names() == {}
    assert store.events("web") == []
    assert store.definitions() == {}


def test_the_file_is_readable_by_its_owner_only(store, path):
    """Output and evidence may hold secrets, so nobody else may read the file or its journal."""
    filled(store)
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes


def test_accepting_a_revision_takes_its_rejection_back(store, path):
    """What has proven itself is good, whatever was said of it before."""
    store.reject("web", Rejection("v1:one", "it failed", {}))
    store.reject("web", Rejection("v1:two", "it failed as well", {}))
    store.accept("web", Revision("v1:one", spec()))
    assert store.names()["web"].rejected == {"v1:two": "it failed as well"}
    assert reopened(store, path)["web"].rejected == {"v1:two": "it failed as well"}


def test_a_good_revision_without_its_spec_is_kept_as_such(store, path):
    """After the loss of a store only a hash may be known, and that is what is remembered."""
    store.accept("web", Revision("v1:good"))
    assert reopened(store, path)["web"].good == Revision("v1:good")


def test_a_spec_this_version_cannot_read_keeps_its_hash(store, path):
    """A spec written by another version of paunchd is unknown, its hash still tells what was good."""
    store.accept("web", Revision("v1:good", spec()))
    store._connection.execute("""UPDATE names SET good_spec = '{"a_key_of_tomorrow": 1}'""")
    assert reopened(store, path)["web"].good == Revision("v1:good")


def test_evidence_of_a_rejected_revision_can_be_read(store):
    """Logs, exit code and whatever else was gathered is given back with the cause."""
    store.reject("web", Rejection("v1:bad", "exited with code 3", {"logs": "no such option", "exit_code": 3}))
    (evidence,) = store.evidence("web")
    assert (evidence["hash"], evidence["cause"]) == ("v1:bad", "exited with code 3")
    assert (evidence["logs"], evidence["exit_code"]) == ("no such option", 3)


def test_each_run_of_the_same_hash_counts_as_an_attempt(store, path):
    """A task's attempts are counted by its hash, and over a restart of the daemon."""
    failed = Result(succeeded=False, exit_code=1)
    store.finish("sync", "v1:a", failed, "")
    store.finish("sync", "v1:a", failed, "")
    store.finish("sync", "v1:b", failed, "")
    results = reopened(store, path)["sync"].results
    assert {key: result.attempts for key, result in results.items()} == {"v1:a": 2, "v1:b": 1}


def test_only_the_tail_of_an_output_is_kept(store):
    """A task that prints for hours does not fill the disk; what it said last is what is wanted."""
    store.finish("sync", "v1:a", Result(succeeded=True, exit_code=0), "x" * OUTPUT_BYTES + "the end")
    ((output,),) = store._select("SELECT output FROM results", ())
    assert len(output) == OUTPUT_BYTES
    assert output.endswith("the end")


def test_a_success_leaves_the_last_error_and_a_failure_sets_it(store):
    """The last error is sticky: it tells what went wrong last, also when all is well again."""
    store.finish("sync", "v1:a", Result(succeeded=False, exit_code=7), "")
    assert store.names()["sync"].last_error == "exit code 7"
    store.finish("sync", "v1:a", Result(succeeded=True, exit_code=0), "")
    assert store.names()["sync"].last_error == "exit code 7"


def test_retry_gives_another_chance_to_what_failed_and_leaves_what_succeeded(store, path):
    """The revision is not rejected any more and failed runs count from nought; what is kept of others stays."""
    store.reject("web", Rejection("v1:old", "it failed before", {}))
    store.reject("web", Rejection("v1:bad", "it failed", {}))
    store.finish("web", "v1:done", Result(succeeded=True, exit_code=0), "")
    store.finish("web", "v1:failed", Result(succeeded=False, exit_code=1), "")
    store.retry("web", "v1:bad")
    for past in (store.names()["web"], reopened(store, path)["web"]):
        assert past.rejected == {"v1:old": "it failed before"}
        assert {key: result.attempts for key, result in past.results.items()} == {"v1:done": 1, "v1:failed": 0}


def test_a_forgotten_name_is_gone_but_for_its_story(store, path):
    """What is neither declared nor there leaves nothing but what happened to it."""
    filled(store)
    store.tell(Event("web", "orphaned"))
    store.forget("web")
    assert store.names() == {}
    assert [event["event"] for event in store.events("web")] == ["orphaned"]
    assert reopened(store, path) == {}


def test_the_story_of_a_name_that_is_long_gone_goes_as_well(store, monkeypatch):
    """Names come and go for years on a node; of those that are gone only what may still be asked for is kept."""
    now = time.time()
    for name, age in (("old", STORY_KEPT_SECONDS + 60), ("recent", 60), ("there", STORY_KEPT_SECONDS + 60)):
        monkeypatch.setattr(time, "time", lambda moment=now - age: moment)
        store.begin(name, (0, 0))
        store.tell(Event(name, "new"))
    monkeypatch.setattr(time, "time", lambda: now)
    store.forget("old")
    store.forget("recent")
    assert [bool(store.events(name)) for name in ("old", "recent", "there")] == [False, True, True]


def test_only_the_newest_rejections_and_results_of_a_name_are_kept(store, path):
    """A name that fails with every release, and a task that runs at each deployment, do not grow for ever (S-25)."""
    for number in range(REVISIONS_KEPT + 3):
        store.reject("web", Rejection(f"v1:{number}", "exited"))
        store.finish("sync", f"v1:{number}", Result(succeeded=True, exit_code=0), "output")
    store.reject("web", Rejection("v1:3", "exited again"))
    store.reject("web", Rejection("v1:new", "exited"))
    names = store.names()
    newest = [f"v1:{number}" for number in range(3, REVISIONS_KEPT + 3)]
    assert list(names["sync"].results) == newest
    assert list(names["web"].rejected) == [*newest[2:], "v1:3", "v1:new"]
    assert [one["hash"] for one in store.evidence("web")] == list(names["web"].rejected)
    assert reopened(store, path) == names


def test_a_hold_or_an_error_does_not_make_a_name_known(store, path):
    """Known means that something was made for the name here. After the loss of the store a hold must not make what runs
    look like a version that was tried and never got good.
    """
    store.set_hold("web", hold=True)
    store.set_last_error("web", "cannot remove")
    store.retry("web", "v1:a")
    assert not store.names()["web"].known
    store.close()
    with closing(Store(path)) as again:
        assert again.names()["web"] == Past(known=False, hold=True, last_error="cannot remove")
        again.begin("web", (0, 0))
        assert again.names()["web"].known


def test_a_story_is_told_newest_first_and_says_how_it_went(store):
    """Each event has what was begun, how it ended, how long it took, and for which revision and image."""
    first = store.tell(Event("web", "new", "v1:a", "stub:1"))
    store.tell(Event("web", "config-changed", "v1:b", "stub:2", "image"))
    store.conclude(first, "done")
    newest, oldest = store.events("web")
    assert (newest["event"], newest["outcome"], newest["detail"]) == ("config-changed", "", "image")
    assert (oldest["event"], oldest["outcome"], oldest["hash"], oldest["image"]) == ("new", "done", "v1:a", "stub:1")
    assert oldest["seconds"] >= 0
    store.conclude(first, "broke", "what went wrong")
    assert store.events("web")[1]["detail"] == "what went wrong"


def test_what_is_tried_again_and_again_is_one_event(store):
    """It counts them, says when it began, and leaves what else happened in the story."""

    def tried(outcome, detail, revision="v1:b"):
        store.conclude(store.tell(Event("web", "config-changed", revision, "stub:2")), outcome, detail)

    tried("done", "", "v1:a")
    for _ in range(EVENTS_KEPT * 2):
        tried("broke", "no such image")
    store.tell(Event("db", "new"))
    tried("broke", "no such image")
    tried("broke", "the disk is full")
    told = store.events("web")
    assert [(row["detail"], row["times"]) for row in told] == [
        ("the disk is full", 1),
        ("no such image", EVENTS_KEPT * 2 + 1),
        ("", 1),
    ]
    assert told[1]["first_at"] < told[1]["at"] < told[0]["at"]
    assert told[0]["first_at"] is None


def test_what_happened_last_is_told_of_everyone(store):
    """All stories together, newest first, each line with its name."""
    for name in ("web", "db", "web"):
        store.tell(Event(name, "new"))
    assert [row["name"] for row in store.recent(2)] == ["web", "db"]
    assert store.recent(0) == []


def test_the_oldest_of_a_long_story_goes(store):
    """A name that flaps for weeks does not fill the disk, and costs no other name its story."""
    store.tell(Event("db", "new"))
    for number in range(EVENTS_KEPT + 5):
        store.tell(Event("web", f"event {number}"))
    told = [event["event"] for event in store.events("web")]
    assert len(told) == EVENTS_KEPT
    assert told[0] == f"event {EVENTS_KEPT + 4}"
    assert len(store.events("db")) == 1


def test_the_last_understood_definitions_outlive_the_daemon(store, path):
    """A file that is broken at the next start still has what it said before."""
    items = {"web": item("web", step=3, environment={"A": "1"}), "sync": item("sync", detach=False, restart="no")}
    store.save_definitions({"old": item("old")})
    store.save_definitions(items)
    store.close()
    with closing(Store(path)) as again:
        assert again.definitions() == items


def test_of_the_definitions_only_what_changed_is_written(store, path):
    """One of many changes at a time; a write that was refused has changed nothing, and is made up for."""
    web, db, old, new = item("web"), item("db"), item("old"), item("web", environment={"A": "1"})
    store.save_definitions({"web": web, "db": db, "old": old})
    before = store._connection.total_changes
    store._connection.execute("PRAGMA query_only=1")
    with pytest.raises(StoreError, match="cannot write the store"):
        store.save_definitions({"web": new, "db": db})
    store._connection.execute("PRAGMA query_only=0")
    store.save_definitions({"web": new, "db": db})
    assert store._connection.total_changes - before == 2
    store.close()
    with closing(Store(path)) as again:
        assert again.definitions() == {"web": new, "db": db}
        again.save_definitions({"db": db})
        assert again.definitions() == {"db": db}


def test_a_definition_this_version_cannot_read_is_left_out(store):
    """One definition from another version of paunchd costs nobody else theirs."""
    store.save_definitions({"web": item("web"), "db": item("db")})
    store._connection.execute("UPDATE definitions SET item = '{\"name\": \"db\"}' WHERE name = 'db'")
    assert store.definitions().keys() == {"web"}


def test_what_the_directory_stood_on_outlives_the_daemon(store, path):
    """One number, the newest; none at first."""
    assert store.device() == 0
    for device in (7, 8):
        store.save_device(device)
    store.close()
    again = Store(path)
    assert again.device() == 8
    again.close()


def test_the_schema_has_a_version(store):
    """A later paunchd can tell what it has before it."""
    assert store._select("PRAGMA user_version", ()) == [(len(MIGRATIONS),)]


def test_a_store_that_was_cut_off_in_its_making_is_made(path, monkeypatch):
    """A crash in the first start leaves no half of a schema that would keep every next one from starting."""
    first_table = MIGRATIONS[0].split(";")[0]
    monkeypatch.setattr(store_schema, "MIGRATIONS", (f"{first_table}; this is where it ends;",))
    with closing(Store(path)) as cut_off, pytest.raises(StoreError):
        cut_off.definitions()
    monkeypatch.undo()
    with closing(Store(path)) as store:
        assert filled(store).keys() == {"web"}


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to be read as one" * 50, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_a_corrupt_store_is_moved_aside_and_a_new_one_begun(path, content):
    """Memory is not worth refusing to start for; what was there is kept for people (S-22)."""
    path.write_bytes(content)
    aside = []
    with closing(Store(path, on_moved_aside=aside.append)) as store:
        assert store.names() == {}
        assert [file.read_bytes() for file in aside] == [content]
        filled(store)
    with closing(Store(path, on_moved_aside=aside.append)) as again:
        assert again.names().keys() == {"web"}
    assert len(aside) == 1


def test_of_two_stores_moved_aside_at_once_both_are_kept(path):
    """A daemon that is started again and again may meet another each time (S-22)."""
    aside = []
    for number in range(2):
        path.write_bytes(b"SQLite format 3\0" + bytes([number]) * 9000)
        Store(path, on_moved_aside=aside.append).close()
    assert [file.read_bytes()[-1] for file in aside] == [0, 1]


def test_a_store_of_a_newer_paunchd_is_moved_aside(store, path):
    """Its schema cannot be guessed, and a downgrade must start; nothing of it is lost (S-22)."""
    filled(store)
    store._connection.execute("PRAGMA user_version=999")
    store.close()
    aside = []
    with closing(Store(path, on_moved_aside=aside.append)) as again:
        assert again.names() == {}
    assert [file.exists() for file in aside] == [True]


def test_an_empty_file_is_a_new_store(path):
    """A file that was made and never written to is no reason for anything."""
    path.touch()
    aside = []
    with closing(Store(path, on_moved_aside=aside.append)) as store:
        assert store.names() == {}
    assert aside == []


def test_a_store_that_cannot_be_opened_is_opened_once_it_can(tmp_path):
    """Until then each question is a typed error that names the file, and nothing is remembered."""
    path = tmp_path / "later" / "state.db"
    with closing(Store(path)) as store:
        with pytest.raises(StoreError, match=f"cannot open the store {path}"):
            store.definitions()
        with pytest.raises(StoreError, match="cannot open the store"):
            store.set_hold("web", hold=True)
        assert store.names() == {}
        path.parent.mkdir()
        with closing(Store(path)) as other:
            expected = filled(other)
        assert store.definitions() == {}
        assert store.names() == expected


WRITES = {
    "begin": lambda store: store.begin("web", (9, 9)),
    "accept": lambda store: store.accept("web", Revision("v1:new", spec())),
    "reject": lambda store: store.reject("web", Rejection("v1:new", "x" * 9000, {"logs": "y" * 9000})),
    "finish": lambda store: store.finish("web", "v1:new", Result(succeeded=True, exit_code=0), "z" * 9000),
    "hold": lambda store: store.set_hold("web", hold=False),
    "last error": lambda store: store.set_last_error("web", "another"),
    "retry": lambda store: store.retry("web", "v1:a"),
    "forget": lambda store: store.forget("web"),
    "tell": lambda store: store.tell(Event("web", "e" * 9000)),
    "conclude": lambda store: store.conclude(1, "done"),
    "definitions": lambda store: store.save_definitions({f"c{n}": item(f"c{n}") for n in range(200)}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_the_disk_refuses_changes_neither_file_nor_memory(store, path, write):
    """Where it is read-only a write is a ``StoreError`` and nothing is half done; afterwards all works again (S-11)."""
    before = filled(store)
    store.tell(Event("web", "new"))
    story = store.events("web")
    store._connection.execute("PRAGMA query_only=1")
    with pytest.raises(StoreError, match="cannot write the store"):
        write(store)
    assert store.names() == before
    assert store.events("web") == story
    store._connection.execute("PRAGMA query_only=0")
    assert not store._connection.in_transaction
    write(store)
    assert reopened(store, path) is not None


def test_each_refused_write_is_told(path):
    """Whoever watches the node hears of it, whatever the write was for."""
    told = []
    with closing(Store(path, lambda: told.append("refused"))) as store:
        store.set_hold("web", hold=True)
        assert told == []
        store._connection.execute("PRAGMA query_only=1")
        with pytest.raises(StoreError):
            store.set_hold("web", hold=False)
        with pytest.raises(StoreError):
            store.tell(Event("web", "new"))
    assert told == ["refused", "refused"]


def test_a_full_disk_is_an_error_and_costs_nothing_that_was_there(store, path):
    """Whatever no longer fits is refused as a whole (S-11)."""
    before = filled(store)
    ((pages,),) = store._select("PRAGMA page_count", ())
    store._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreError, match="full"):
        store.reject("web", Rejection("v1:other", "it failed", {"logs": "y" * 200_000}))
    assert store.names() == before
    assert reopened(store, path) == before


def test_a_write_that_fails_in_the_middle_leaves_nothing_of_itself(store, path):
    """Whatever is raised inside a transaction, it is rolled back and the next one works."""
    before = filled(store)
    with pytest.raises(TypeError):
        store.finish("web", "v1:x", Result(succeeded=True, exit_code=0, cause=object()), None)
    assert store.names() == before
    store.set_hold("web", hold=False)
    assert not reopened(store, path)["web"].hold


def test_reading_never_waits_for_a_write(store, path):
    """While somebody else locks the file, a write waits and fails, and the loop still reads what is remembered."""
    before = filled(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        failed = []

        def write():
            try:
                store.set_hold("web", hold=False)
            except StoreError as error:
                failed.append(error)

        writing = threading.Thread(target=write)
        writing.start()
        while writing.is_alive():
            assert store.names() == before
        writing.join()
        assert failed
        other.execute("ROLLBACK")


def test_two_writers_of_one_name_lose_nothing(store, path):
    """An operator's hold and a lane's record may come at the same moment from two threads; both are remembered."""
    store.begin("web", (0, 0))

    def hold():
        for number in range(100):
            store.set_hold("web", hold=number % 2 == 0)

    def run():
        for _ in range(100):
            store.finish("web", "v1:task", Result(succeeded=False, exit_code=1), "")

    threads = [threading.Thread(target=hold), threading.Thread(target=run)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    past = store.names()["web"]
    assert past.results["v1:task"].attempts == 100
    assert reopened(store, path)["web"] == past
