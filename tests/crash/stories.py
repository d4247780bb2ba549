"""The stories in which the daemon is killed: what there was, the one thing that then happens, and where it must end."""

from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from tests.crash.victim import CONFIG, Victim
from tests.functional.daemon_side import Definition
from tests.functional.faults import Call, changes, changes_or_executes
from tests.functional.node import running_script, service, task

BESIDE = {"strategy": "start-first"}
PAIR = {"group": "pair"}
LONG = {"probation_seconds": 300}
NEW = {"V": "2"}
NEWEST = {"V": "3"}

Definitions = dict[str, Definition]


def fails(**keys: object) -> Definition:
    return running_script("exit 3", restart="no", **keys)


def fails_late() -> Definition:
    """It is healthy for a while, and its probation is much longer than that, however slow the engine is."""
    return running_script("sleep 2; exit 3", restart="no", rollout=LONG)


def nothing(victim: Victim) -> None:
    """What most stories need no more of."""


@dataclass(frozen=True)
class Story:
    """*before* are the files there were, one after the other, each proven; *begin* is what happens then.

    *on_trial* is a further file, in its probation when the story begins. *states* is what the daemon says in the end of
    those it knows, *check* looks at the containers; *after_start* is what an operator does once the daemon is back.
    *kept*: the containers there were must be there in the end; *removed*: they go, and not for a successor.
    """

    name: str
    before: tuple[Definitions, ...]
    begin: Callable[[Victim], None]
    states: dict[str, str]
    check: Callable[[Victim], None] = nothing
    after_start: Callable[[Victim], None] = nothing
    on_trial: Definitions = field(default_factory=dict)
    kept: bool = False
    removed: bool = False
    at_once: int = 1
    counts: Callable[[Call], bool] = field(default=changes)


def writing(**definitions: Definition) -> Callable[[Victim], None]:
    return lambda victim: victim.write("app", definitions)


def serves(value: str) -> Callable[[Victim], None]:
    """Check that the container of this value of V has the name, and runs."""

    def check(victim: Victim) -> None:
        assert victim.running("web")
        assert f"V={value}" in victim.inspect("web")["Config"]["Env"]

    return check


def change_again(victim: Victim) -> None:
    victim.write("app", {"web": service(environment=NEWEST)})


def serves_what_is_declared(victim: Victim) -> None:
    """The newest, where the first daemon was killed before its story was over."""
    declared = yaml.safe_load((victim.desired / "app.yaml").read_text())
    serves(declared[victim.full("web")]["environment"]["V"])(victim)


def was_never_touched(victim: Victim) -> None:
    assert victim.started_at("web") == victim.good["web"]["started"]


def ran_once(victim: Victim) -> None:
    assert victim.actions("sync").count("start") == 1
    assert victim.kept_output("sync").strip() == "done"


def counts_once(victim: Victim) -> None:
    """An exec whose end nobody saw is run again, once for each life of the daemon: that is all it may be."""
    runs = victim.run_in("web", "cat", "/tmp/seen").split()
    lives = victim.log_file.read_text().count('"daemon_began"')
    assert set(runs) == {"ran"}
    assert len(runs) <= lives, (runs, lives)
    assert len(victim.results("refresh")) == 1


def remove(victim: Victim) -> None:
    victim.delete("app")


def remove_by_hand(victim: Victim) -> None:
    victim.by_hand("DELETE", "web?force=1")


def execute(victim: Victim) -> None:
    script = "echo ran >> /tmp/seen"
    victim.write("exec", {"refresh": {"action": "exec", "command": ["web", "sh", "-c", script]}})


def change_its_file(victim: Victim) -> None:
    victim.change_config_of("web", "two")


def reads_the_new_file(victim: Victim) -> None:
    """It is another container, made for what the file says now, and nobody made a third."""
    assert victim.id("web") != victim.good["web"]["id"]
    assert victim.actions("web").count("create") == 2
    assert victim.run_in("web", "cat", "/c/web.conf") == "two"


def take_back(victim: Victim) -> None:
    """Ask for the version before; nobody answers where the daemon is killed at it."""
    try:
        victim.ask_to("rollback", "web")
    except OSError:
        return


def take_back_unless_done(victim: Victim) -> None:
    """Who got no answer looks, and asks again where nothing has come of it."""

    def asked() -> bool:
        if victim.ended:
            return True
        if not victim.detail("web")["rejected"]:
            victim.ask_to("rollback", "web")
        return True

    victim.eventually(asked)


OLD = {"V": "1"}
RUNNING = {"web": "running"}
TAKEN_BACK = {"web": "rolled-back"}
STORIES = (
    Story("create", (), writing(web=service(environment=NEW)), RUNNING, serves("2")),
    Story("replace", ({"web": service()},), writing(web=service(environment=NEW)), RUNNING, serves("2")),
    Story(
        "overtaken",
        ({"web": service(environment=OLD)},),
        writing(web=service(environment=NEW)),
        RUNNING,
        serves_what_is_declared,
        change_again,
    ),
    Story(
        "changed file",
        ({"web": service(volumes=[f"{CONFIG}:/c:ro"])},),
        change_its_file,
        RUNNING,
        reads_the_new_file,
    ),
    Story(
        "failed replace", ({"web": service(environment=OLD)},), writing(web=fails()), TAKEN_BACK, serves("1"), kept=True
    ),
    Story(
        "failed late",
        ({"web": service(environment=OLD)},),
        writing(web=fails_late()),
        TAKEN_BACK,
        serves("1"),
        kept=True,
    ),
    Story(
        "group",
        ({"web": service(rollout=PAIR, environment=OLD), "db": service(rollout=PAIR, environment=OLD)},),
        writing(web=service(rollout=PAIR, environment=NEW), db=service(rollout=PAIR, environment=NEW)),
        {"web": "running", "db": "running"},
        serves("2"),
    ),
    Story(
        "failed group",
        ({"web": service(rollout=PAIR, environment=OLD), "db": service(rollout=PAIR)},),
        writing(web=service(rollout=PAIR, environment=NEW), db=fails(rollout=PAIR)),
        {"web": "rolled-back", "db": "rolled-back"},
        serves("1"),
        kept=True,
    ),
    Story(
        "start-first",
        ({"web": service(rollout=BESIDE)},),
        writing(web=service(rollout=BESIDE, environment=NEW)),
        RUNNING,
        serves("2"),
        at_once=2,
    ),
    Story(
        "failed start-first",
        ({"web": service(rollout=BESIDE)},),
        writing(web=fails(rollout=BESIDE)),
        TAKEN_BACK,
        was_never_touched,
        kept=True,
        at_once=2,
    ),
    Story("repair", ({"web": service(environment=OLD)},), remove_by_hand, RUNNING, serves("1"), removed=True),
    Story("removal", ({"web": service()},), remove, {}, removed=True),
    Story("task", (), writing(sync=task("echo done")), {"sync": "succeeded"}, ran_once),
    Story(
        "exec",
        ({"web": service(environment=OLD)},),
        execute,
        {"web": "running", "refresh": "succeeded"},
        counts_once,
        kept=True,
        counts=changes_or_executes,
    ),
    Story(
        "rollback by hand",
        ({"web": service(environment=OLD)}, {"web": service(environment=NEW)}),
        take_back,
        TAKEN_BACK,
        serves("1"),
        take_back_unless_done,
    ),
    Story(
        "rollback by hand in probation",
        ({"web": service(environment=OLD)},),
        take_back,
        TAKEN_BACK,
        serves("1"),
        take_back_unless_done,
        {"web": service(environment=NEW, rollout=LONG)},
        kept=True,
    ),
)
