"""S-13: files that cannot be understood, in every way there is."""

import json
from itertools import pairwise

import pytest

from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in pairwise("abcdefghij"))
BROKEN = [
    ("it ends in mid-word", "web: {image: x", "did not find expected ',' or '}'"),
    ("it is indented with tabs", "web:\n\timage: x\n", "a tab in the indentation"),
    ("it has a NUL byte", "web: {image: 'x\0'}", "NUL byte"),
    ("it names one container twice", "web: {image: x}\nweb: {image: y}\n", "twice"),
    ("it misspells a key", "web: {image: x, prigileged: true}", "did you mean `privileged`?"),
    ("it is a list", "[web]", "mapping"),
    ("it is a bomb of aliases", BOMB, "values, aliases counted in full"),
    ("it is 5 MB long", f"web: {{image: x}}\n#{'x' * 5 * 1024 * 1024}\n", "bytes are more than the 1048576"),
    ("it has 10 000 containers", "".join(f"c{n}: {{image: x}}\n" for n in range(10_000)), "at most 1000 are read"),
]


@pytest.fixture
def good(scenario):
    """One good container of each of two files."""
    return scenario.with_two_files()


def test_s13_a_broken_file_moves_nobody_and_says_what_is_wrong_with_it(good):
    """Whatever is wrong with it, the daemon lives, its container stays as last understood, also under the next daemon
    and where it must be made again, and the other files are followed.
    """
    before = good.node.ids()
    for number, (how, text, said) in enumerate(BROKEN):
        with good.step(f"a file is broken: {how}") as node:
            node.write_text("app", text)
            node.write("other", {"db": service(environment={"V": str(number)})})
            node.eventually(lambda said=said: said in told(node, "app"))
            assert "app.yaml" in told(node, "app")
            assert node.state("web") == "broken"
            assert node.metric("paunchd_broken_files") == 1
    with good.step("the other file has been followed all the time"):
        node.eventually(lambda: f"V={len(BROKEN) - 1}" in node.inspect("db")["Config"]["Env"])
        node.eventually(lambda: not node.leftovers())
        assert node.id("web") == before["web"]
    with good.step("the next daemon finds it broken as well, and moves nobody"):
        before = node.ids()
        node.restart()
        node.becomes("broken", "web")
        node.passes()
        assert node.ids() == before
    with good.step("its container is removed by hand, and made again as last understood"):
        good.destroyed_by_hand(before["web"])
        node.by_hand("DELETE", "web?force=1")
        node.eventually(lambda: node.id("web") not in ("", before["web"]) and node.running("web"))
        before = node.ids()
    with good.step("the file is mended, and nothing has happened"):
        node.write("app", {"web": service()})
        node.proves()
        assert node.ids() == before
    good.holds()


def test_s13_leftovers_of_editors_and_packagers_count_for_nothing(good):
    """A twin with another ending declares nothing, whatever is in it, and takes nobody's name."""
    with good.step("twins of a file with other endings appear") as node:
        before = node.ids()
        thief = json.dumps({node.full("web"): service(environment={"V": "2"})})
        for name in ("app.yaml.bak", "app.yaml~", ".app.yaml.swp", "app.yaml.rpmsave", "app.yaml.tmp", "README"):
            (node.desired / name).write_text(thief)
    with good.step("nothing happens"):
        node.passes()
        assert node.ids() == before
        assert node.get("/v1/containers")["settled"]
    good.holds()


def test_s13_one_name_in_two_files_changes_neither(good):
    """Both files say so, the container stays with the file that had it, and taking one claim back ends it (T-005,
    T-112).
    """
    with good.step("a second file declares a name of the first") as node:
        before = node.ids()
        node.write("thief", {"web": service(environment={"V": "2"})})
        node.eventually(lambda: all(node.full("web") in told(node, config) for config in ("app", "thief")))
    with good.step("the container stays with the file that had it"):
        node.passes()
        assert node.ids() == before
        assert node.row("web")["config_id"] == "app"
    with good.step("the second gives way, and nothing has happened"):
        node.delete("thief")
        node.proves()
        assert node.ids() == before
    good.holds()


def told(node, config):
    """Everything that is said of what is wrong with *config*."""
    status, text = node.status_of(f"/v1/configs/{config}")
    view = json.loads(text) if status == 200 else {"broken": "", "faults": []}
    return f"{view['broken'] or ''} {json.dumps(view['faults'], ensure_ascii=False)}"
