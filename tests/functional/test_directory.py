"""Broken is not absent: what cannot be read or understood changes nothing that runs."""

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


def test_an_empty_file_means_no_containers(good):
    """Empty, null and a bare header are understood: nothing is declared there (T-094)."""
    good.write_text("app", "")
    good.eventually(lambda: good.ps().keys() == {"db"})
    good.write("app", {"web": service()})
    good.proves()
    good.write_text("app", "null\n")
    good.eventually(lambda: good.ps().keys() == {"db"})


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
