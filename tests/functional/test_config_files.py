"""Config files that change on the host, on a real engine: who reads them is replaced, or told, and nobody else."""

import shutil
import time

import pytest

from tests.functional.node import running_script, service

pytestmark = pytest.mark.engine

QUIET = 0.4
ENDURES = "trap 'cat /c/* >> /tmp/seen' HUP; while :; do sleep 0.05; done"
FAILS_ON_BAD = "grep -q bad /c/* && exit 3; while :; do sleep 0.05; done"


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "config-data"
    made.mkdir()
    return made


@pytest.fixture
def node(make_node, root):
    node = make_node(config_files__roots=[str(root)], config_files__quiet_seconds=QUIET)
    node.start()
    return node


def write(path, text="one"):
    """Write as a person does; the directory is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def reading(source, make=service, **keys):
    return make(volumes=[f"{source}:/c:ro"], stop_signal="SIGKILL", **keys)


def script(text, source, **keys):
    return running_script(text, volumes=[f"{source}:/c:ro"], stop_signal="SIGKILL", **keys)


def stands(node, *names):
    """The containers of *names*, and since when they run."""
    return {name: (node.id(name), node.started_at(name)) for name in names}


def rests(node):
    """Wait until all is settled and proven, and nothing more comes of it."""
    node.proves()
    time.sleep(2 * QUIET)
    node.passes(2)
    node.proves()


def creates(node, name="web"):
    return node.actions(name).count("create")


def story(node, name="web"):
    return [(event["event"], event["detail"]) for event in node.history(name)]


def test_t085_of_three_that_share_a_root_one_is_replaced(node, root):
    """A file that one of them reads has changed: that one, once, and the reason names the file (T-085)."""
    for name in ("aa", "bb"):
        write(root / name / f"{name}.conf")
    node.write("app", {name: reading(root / name) for name in ("aa", "bb")} | {"plain": service()})
    node.proves()
    before = stands(node, "aa", "bb", "plain")
    write(root / "aa" / "aa.conf", "two")
    node.eventually(lambda: node.id("aa") != before["aa"][0] and node.running("aa"))
    rests(node)
    assert stands(node, "bb", "plain") == {name: before[name] for name in ("bb", "plain")}
    assert creates(node, "aa") == 2
    assert ("config-changed", "files: aa/aa.conf") in story(node, "aa")
    assert node.detail("aa")["config_files"] == {
        "files": ["aa/aa.conf"],
        "count": 1,
        "on_change": "replace",
        "trouble": None,
    }
    assert node.detail("plain")["config_files"] is None
    node.check_never_two_running()


def test_t081_t082_touching_and_dating_do_nothing(node, root):
    """Other times, and another date in the header that puppet writes, replace nobody (T-081, T-082)."""
    file = write(root / "nova" / "nova.conf", "# HEADER: one\nx=1\n")
    node.write("app", {"web": reading(root / "nova")})
    node.proves()
    before = stands(node, "web")
    file.touch()
    write(file, "# HEADER: two\nx=1\n")
    rests(node)
    assert stands(node, "web") == before


def test_t088_files_written_for_seconds_are_one_replacement(node, root):
    """As puppet does it: many files, one after the other, some of them away in the end (T-088)."""
    write(root / "nova" / "old.conf")
    node.write("app", {"web": reading(root / "nova")})
    node.proves()
    for number in range(20):
        write(root / "nova" / f"{number}.conf", str(number))
        time.sleep(QUIET / 4)
    (root / "nova" / "old.conf").unlink()
    node.eventually(lambda: creates(node) == 2)
    rests(node)
    assert creates(node) == 2
    assert "old.conf" not in node.run_in("web", "ls", "/c")


def test_a_directory_that_is_swapped_by_rename_is_one_change(node, root):
    """All new, in one moment: the new container mounts the new directory."""
    write(root / "nova" / "nova.conf", "one")
    node.write("app", {"web": reading(root / "nova")})
    node.proves()
    write(root / ".new" / "nova.conf", "two")
    (root / "nova").rename(root / ".old")
    (root / ".new").rename(root / "nova")
    shutil.rmtree(root / ".old")
    node.eventually(lambda: creates(node) == 2)
    rests(node)
    assert node.run_in("web", "cat", "/c/nova.conf").strip() == "two"
    assert creates(node) == 2


def test_t089_t124_a_single_file_and_an_env_file_count(node, root, tmp_path):
    """Kolla's config.json, renamed into place, and an env_file beside the roots (T-089, T-124)."""
    kolla, env = write(root / "web.json", "{}"), write(tmp_path / "web.env", "A=one\n")
    volumes = [f"{kolla}:/var/lib/kolla/config_files/config.json"]
    node.write("app", {"web": service(volumes=volumes, env_file=str(env))})
    node.proves()
    write(root / ".web.json", "[]").rename(kolla)
    node.eventually(lambda: creates(node) == 2)
    node.proves()
    assert node.run_in("web", "cat", "/var/lib/kolla/config_files/config.json") == "[]"
    write(env, "A=two\n")
    node.eventually(lambda: creates(node) == 3)
    rests(node)
    assert "A=two" in node.inspect("web")["Config"]["Env"]


@pytest.mark.parametrize("on_change", ["signal:SIGHUP", {"exec": ["sh", "-c", "cat /c/* >> /tmp/seen"]}])
def test_t091_t092_the_same_container_is_told_once(node, root, on_change):
    """A signal or a command instead of another container, once for each change, also over a restart (T-091, T-092)."""
    file = write(root / "nova" / "nova.conf", "one\n")
    node.write("app", {"web": script(ENDURES, root / "nova", config_files={"on_change": on_change})})
    node.proves()
    before = stands(node, "web")
    write(file, "two\n")
    node.eventually(lambda: "two" in node.run_in("web", "cat", "/tmp/seen"))
    rests(node)
    node.restart()
    rests(node)
    assert node.run_in("web", "cat", "/tmp/seen").split() == ["two"]
    assert stands(node, "web") == before
    assert ("files-changed", "nova/nova.conf") in story(node)


def test_t091_a_restart_and_nothing_are_to_be_had_as_well(node, root):
    """One is started again, once; the other runs on (T-091)."""
    file = write(root / "nova" / "nova.conf")
    node.write(
        "app",
        {
            "web": reading(root / "nova", config_files={"on_change": "restart"}),
            "none": reading(root / "nova", config_files={"on_change": "none"}),
        },
    )
    node.proves()
    before = stands(node, "web", "none")
    write(file, "two")
    node.eventually(lambda: node.started_at("web") != before["web"][1])
    rests(node)
    assert (node.id("web"), node.actions("web").count("start")) == (before["web"][0], 2)
    assert stands(node, "none")["none"] == before["none"]


def test_a_command_that_fails_is_told_and_tried_again(node, root):
    """What runs is left as it is; once the command works the matter is settled."""
    file = write(root / "nova" / "nova.conf")
    on_change = {"exec": ["test", "-e", "/tmp/ready"]}
    node.write("app", {"web": reading(root / "nova", config_files={"on_change": on_change})})
    node.proves()
    before = stands(node, "web")
    write(file, "two")
    node.becomes("failed", "web")
    assert "exit code 1; it runs on as it is" in node.row("web")["reason"]
    node.run_in("web", "touch", "/tmp/ready")
    node.ask_to("retry", "web")
    node.proves()
    assert stands(node, "web") == before


def test_content_that_fails_is_taken_back_and_held_until_it_changes(node, root):
    """The good container comes back, reads what is there, and cannot run with it: parked until the files are mended."""
    file = write(root / "nova" / "nova.conf", "good\n")
    node.write("app", {"web": script(FAILS_ON_BAD, root / "nova", restart="no")})
    node.proves()
    good = node.id("web")
    write(file, "bad\n")
    node.becomes("parked", "web")
    made = creates(node)
    assert node.id("web") == good
    node.restart()
    node.eventually(lambda: node.state("web") == "parked")
    assert creates(node) == made == 2
    write(file, "good\n")
    node.proves()
    assert node.id("web") == good
    assert creates(node) == 2


def test_under_start_first_the_one_that_read_the_good_files_is_never_stopped(node, root):
    """The new one fails beside it, and is rejected."""
    file = write(root / "nova" / "nova.conf", "good\n")
    node.write("app", {"web": script(FAILS_ON_BAD, root / "nova", restart="no", rollout={"strategy": "start-first"})})
    node.proves()
    before = stands(node, "web")
    write(file, "bad\n")
    node.becomes("rolled-back", "web")
    node.passes(3)
    assert stands(node, "web") == before
    assert creates(node) == 2


def test_a_change_while_the_daemon_is_down_is_seen_when_it_is_back(node, root):
    """What a container has read is remembered with it."""
    file = write(root / "nova" / "nova.conf")
    node.write("app", {"web": reading(root / "nova")})
    node.proves()
    node.stop()
    write(file, "two")
    node.start()
    node.eventually(lambda: creates(node) == 2)
    rests(node)
    assert ("config-changed", "files: nova/nova.conf") in story(node)


def test_an_upgrade_of_paunchd_replaces_nobody(make_node, root):
    """Containers from before files counted are taken as they are, and replaced at the next change."""
    file = write(root / "nova" / "nova.conf")
    node = make_node(config_files__roots=[], config_files__quiet_seconds=QUIET)
    node.start()
    node.write("app", {"web": reading(root / "nova")})
    node.proves()
    assert "io.paunchd.files" not in node.inspect("web")["Config"]["Labels"]
    node.configure(config_files__roots=[str(root)])
    node.restart()
    rests(node)
    assert creates(node) == 1
    node.restart()
    write(file, "two")
    node.eventually(lambda: creates(node) == 2)
    rests(node)
    assert "io.paunchd.files" in node.inspect("web")["Config"]["Labels"]


def test_a_root_that_goes_away_costs_no_container_anything(node, root):
    """Unmounted or moved: told, and nothing is done, also by a daemon that is started meanwhile."""
    write(root / "nova" / "nova.conf")
    node.write("app", {"web": reading(root / "nova")})
    node.proves()
    before = stands(node, "web")
    root.rename(root.with_name("away"))
    node.eventually(lambda: "is not there" in node.row("web")["reason"])
    node.restart()
    node.eventually(lambda: "is not there" in node.row("web")["reason"])
    root.with_name("away").rename(root)
    node.eventually(lambda: node.row("web")["reason"] == "")
    assert stands(node, "web") == before
