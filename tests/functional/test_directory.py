"""Broken is not absent: what cannot be read or understood changes nothing that runs."""

import json

import pytest

from tests.functional.node import service

pytestmark = pytest.mark.engine


@pytest.fixture
def good(started):
    """A node with one proven container of each of two files."""
    started.write("app", {"web": service()})
    started.write("other", {"db": service()})
    started.proves()
    return started


def unmoved(node, before):
    node.passes()
    assert node.ids() == before
    assert all(node.running(name) for name in before)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web: {image: x", "line"),
        ("web:\n\timage: x\n", "tab"),
        ("web: {image: x, prigileged: true}", "privileged"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", "a definition is a mapping"),
        ("web: {image: x}\nweb: {image: y}\n", "twice"),
        ("web: {image: 'x\0'}", "NUL byte"),
        ("[web]", "mapping"),
    ],
)
def test_a_broken_file_keeps_its_containers_and_says_where_it_is_broken(good, text, said):
    """Its containers stay as last understood, the reason is told, and the rest of the node goes on (S-13)."""
    before = good.ids()
    good.write_text("app", text)
    good.becomes("broken", "web")
    good.write("other", {"db": service(environment={"V": "2"})})
    good.eventually(lambda: good.id("db") not in ("", before["db"]))
    assert good.id("web") == before["web"]
    view = good.get("/v1/configs/app")
    assert view["broken"]
    assert said in json.dumps(view["faults"]) + view["broken"]
    assert good.metric("paunchd_broken_files") == 1
    good.write("app", {"web": service()})
    good.proves()
    assert good.id("web") == before["web"]


def test_a_broken_file_is_broken_over_a_restart_of_the_daemon_as_well(good):
    """What was last understood outlives the daemon: nothing is removed, and a lost container is made again (S-13)."""
    before = good.ids()
    good.write_text("app", "web: {image: x")
    good.becomes("broken", "web")
    good.restart()
    good.becomes("broken", "web")
    unmoved(good, before)
    good.by_hand("DELETE", "web?force=1")
    good.eventually(lambda: good.id("web") not in ("", before["web"]) and good.running("web"))


def test_an_empty_file_means_no_containers(good):
    """Empty, null and a bare header are understood: nothing is declared there (T-094)."""
    good.write_text("app", "")
    good.eventually(lambda: good.ps().keys() == {"db"})
    good.write("app", {"web": service()})
    good.proves()
    good.write_text("app", "null\n")
    good.eventually(lambda: good.ps().keys() == {"db"})


def test_one_name_in_two_files_changes_neither(good):
    """Both files say so, the container stays with the file that had it, and taking one claim back ends it (T-112,
    T-005).
    """
    before = good.ids()
    good.write("thief", {"web": service(environment={"V": "2"})})

    def both_say_so():
        app, thief = good.get("/v1/configs/app"), good.get("/v1/configs/thief")
        return "web" in (app["broken"] or "") and "web" in (thief["broken"] or "")

    good.eventually(both_say_so)
    unmoved(good, before)
    assert good.row("web")["config_id"] == "app"
    good.delete("thief")
    good.proves()
    assert good.ids() == before


def test_one_name_in_two_new_files_is_made_by_neither(started):
    """Where nobody had it before, nobody gets it, until one gives way (T-112)."""
    started.write("one", {"web": service()})
    started.write("two", {"web": service(environment={"V": "2"})})
    started.eventually(lambda: started.knows_the_directory() and started.get("/v1/configs/two")["broken"])
    first_seen = started.ps().keys()
    assert first_seen <= {"web"}
    started.delete("one" if not first_seen else "two")
    started.proves()
    assert started.ps().keys() == {"web"}


def test_a_directory_that_is_gone_changes_nothing_but_is_said(good):
    """Without its directory the node keeps running what it runs, also over a restart, and repairs it (S-12)."""
    before = good.ids()
    away = good.desired.with_name("away")
    good.desired.rename(away)
    good.eventually(lambda: good.get("/v1/containers")["source"] == "degraded")
    assert good.status_of("/readyz")[0] == 503
    assert str(good.desired) in good.status_of("/readyz")[1]
    unmoved(good, before)
    good.restart()
    good.eventually(lambda: good.get("/v1/containers")["source"] == "degraded")
    unmoved(good, before)
    good.by_hand("POST", "web", "stop")
    good.eventually(lambda: good.running("web"))
    away.rename(good.desired)
    good.proves()
    assert good.ids() == before
    assert good.status_of("/readyz")[0] == 200


def test_a_file_that_others_may_write_is_not_believed(good):
    """Whoever may write a file could run anything as root, so such a file is broken and its containers stay."""
    before = good.ids()
    (good.desired / "app.yaml").chmod(0o666)
    good.becomes("broken", "web")
    unmoved(good, before)
    (good.desired / "app.yaml").chmod(0o600)
    good.proves()


def test_files_that_are_none_of_ours_are_not_read(good):
    """Editors' and packagers' leftovers and dot-files count for nothing (S-12, S-13)."""
    before = good.ids()
    for name in ("app.yaml~", ".app.yaml.swp", "app.yaml.bak", "app.yaml.rpmsave", "README", "app.yaml.tmp"):
        (good.desired / name).write_text("not: [even yaml")
    unmoved(good, before)
    assert good.get("/v1/containers")["settled"]
