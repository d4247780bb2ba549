"""Real input: roles of TripleO nodes come up from what TripleO wrote, on a real engine, and stay as they are."""

import json
import sys
import time
from collections import Counter

import pytest

from tests.corpus_node import ABSENT, CORPUS, build_images, role, shared_root, write_desired

pytestmark = [
    pytest.mark.engine,
    pytest.mark.corpus,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not CORPUS.is_dir(), reason=ABSENT),
]

PATIENCE_SECONDS = 300.0
SALT = "TRIPLEO_CONFIG_HASH"
HASHED = [("queens", "compute"), ("queens", "controller"), ("train", "compute")]


@pytest.fixture(scope="module")
def root(lab, engine_url):
    """A node's root with everything the roles bind, and stub images under the names of the real ones."""
    roles = [role(release, name) for release, name in HASHED]
    with shared_root(lab.directory / "corpus") as root:
        for one in roles:
            root.prepare(one)
        build_images(engine_url, {image for one in roles for image in one.images()})
        yield root


@pytest.fixture
def says(capsys):
    """Tell how long something took, in the session's output."""

    def say(text, began):
        with capsys.disabled():
            sys.stdout.write(f"\n  {text}: {time.monotonic() - began:.1f} s")

    return say


def write(node, steps, layout):
    """Write *steps* as TripleO did in that layout."""
    match layout:
        case "plain":
            for step, definitions in steps.items():
                place = node.desired / f"docker-container-startup-config-step_{step}.json"
                place.write_text(json.dumps(definitions))
                place.chmod(0o600)
        case "hashed":
            write_desired(node.desired, steps, "paunch")
        case _:
            write_desired(node.desired, steps, "train")


def settles(node, names):
    """Wait until every one of *names* is proven or has succeeded."""

    def settled():
        states = node.states()
        assert states.keys() == names, states.keys() ^ names
        waiting = {name: state for name, state in states.items() if state not in ("running", "succeeded")}
        assert not waiting, waiting
        return node.lanes() == [] and not node.leftovers()

    node.eventually(settled, PATIENCE_SECONDS)


def salts(definition):
    """The configuration hash that *definition* carries, or nothing."""
    environment = definition.get("environment") or []
    pairs = environment if isinstance(environment, dict) else dict(one.partition("=")[::2] for one in environment)
    return pairs.get(SALT, "")


def with_another_salt(steps, salt):
    text = json.dumps({str(step): definitions for step, definitions in steps.items()})
    return {int(step): definitions for step, definitions in json.loads(text.replace(salt, f"{salt}-2")).items()}


def check_order(node, steps):
    """By the engine's own clock: nothing began before everything of earlier steps had begun and their tasks ended."""
    began, ended = {}, {}
    for one in node.story.told():
        if one.action == "start":
            began.setdefault(one.name, one.at)
        elif one.action == "die":
            ended.setdefault(one.name, one.at)
    stages = []
    for step, definitions in sorted(steps.items()):
        orders = sorted({one.get("start_order", 0) for one in definitions.values()})
        for order in orders:
            members = [name for name, one in definitions.items() if one.get("start_order", 0) == order]
            stages.append((step, order, [name for name in members if name in began], definitions))
    over, last = 0, "nothing"
    for step, order, members, definitions in stages:
        for name in members:
            assert began[name] > over, f"{name} of step {step}, order {order}, began before {last} was through"
        for name in members:
            is_task = definitions[name].get("detach") is False
            through = ended[name] if is_task else began[name]
            over, last = max((over, last), (through, name))


def comes_up(node, steps, layout, say):
    """Everything is started in the order of its steps and start orders, settles, and is left alone by the next passes
    and the next daemon.
    """
    names = {one for definitions in steps.values() for one in definitions}
    node.start()
    began = time.monotonic()
    write(node, steps, layout)
    settles(node, names)
    say(f"{len(names)} came up and were proven", began)
    check_order(node, steps)
    before = node.ids()
    node.passes()
    assert node.get("/v1/plan")["text"] == ""
    node.restart()
    settles(node, names)
    assert node.ids() == before
    assert node.calls("create") == node.calls("start") == node.calls("exec") == 0
    assert node.metric("paunchd_broken_files") == 0
    node.check_never_two_running()


@pytest.mark.parametrize(("release", "layout"), [("queens", "plain"), ("train", "plain"), ("train", "single")])
def test_a_role_comes_up_in_order_and_stays_as_it_is(make_node, root, says, release, layout):
    """Plain files, and one file a container, bring a compute node up as its steps say (T-003, T-022, T-060, T-095)."""
    node = make_node()
    node.prefix = ""
    steps = root.rewrite_steps(role(release, "compute").steps(hashed=layout != "plain"), runnable=True)
    comes_up(node, steps, layout, lambda text, began: says(f"{release} compute, {layout}: {text}", began))


@pytest.mark.parametrize(("release", "name"), HASHED)
def test_a_changed_config_hash_replaces_exactly_what_carries_it(make_node, root, says, release, name):
    """What paunch was handed brings a role up as well; then one configuration file of the node changes: its containers
    are replaced, its tasks run again, and no other container's id changes (T-003, T-013, T-085, T-095).
    """
    node = make_node()
    node.prefix = ""
    steps = root.rewrite_steps(role(release, name).steps(), runnable=True)
    comes_up(node, steps, "hashed", lambda text, began: says(f"{release} {name}, hashed: {text}", began))
    definitions = {one: definition for those in steps.values() for one, definition in those.items()}
    salt = Counter(filter(None, map(salts, definitions.values()))).most_common(1)[0][0]
    carriers = {one for one, definition in definitions.items() if salts(definition) == salt}
    assert 0 < len(carriers) < len(definitions)
    before = node.ids()
    generation = node.get("/v1/containers")["generation"]
    began = time.monotonic()
    write(node, with_another_salt(steps, salt), "hashed")
    node.eventually(lambda: node.get("/v1/containers")["observed_generation"] > generation)
    node.eventually(lambda: all(node.id(one) not in ("", before[one]) for one in carriers), PATIENCE_SECONDS)
    settles(node, definitions.keys())
    says(f"{release} {name}: {len(carriers)} of {len(definitions)} were replaced", began)
    after = node.ids()
    assert {one for one in before if before[one] != after.get(one)} == carriers
    assert after.keys() == before.keys()
    node.check_never_two_running()
