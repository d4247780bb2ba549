"""The acts. Each tells what is done, waits for what should come of it, and checks that in the engine itself."""

import time
from collections.abc import Callable, Mapping

from node import Document
from scene import Look, Scene

_SERVICES = "step4.yaml"
_STOP_SECONDS = 2.0


def come_up(scene: Scene) -> None:
    """Drop the whole node into the directory, and see it come up in order."""
    stage, node = scene.stage, scene.node
    stage.act("act 1: a node comes up", "Five files, five steps; each waits for the one before. Nothing runs yet.")
    node.drop()
    began = time.monotonic()
    names = set(node.steps)
    scene.until(lambda look: look.at_rest and set(look.containers) == names, "the node comes up")
    stage.figure("an empty engine to everything proven", f"{time.monotonic() - began:.1f} s")
    moments = scene.witness.moments()
    begun, done = _begun(scene, moments), _done(scene, moments)
    stage.check("all five steps took place", begun.keys() == done.keys() == names, f"{len(done)} of {len(names)} names")
    late = _out_of_order(node.steps, begun, done)
    stage.check("every step began after the one before was done", not late, "; ".join(late) or "by the engine's events")
    there = scene.witness.containers()
    running = {node.short(name) for name, one in there.items() if one.running}
    wanted = {"database", "api", "worker"}
    stage.check("the services run, and only they", running == wanted, ", ".join(sorted(running)))
    stage.check("the service answers on its port", scene.visitor.served, f"127.0.0.1:{node.service_port}")


def upgrade(scene: Scene) -> None:
    """Give one service a new image, and see only that one replaced."""
    stage, node = scene.stage, scene.node
    stage.act(
        "act 2: an upgrade", "One service gets another image. The new container is prepared while the old serves."
    )
    api = node.name("api")
    before, since = scene.witness.containers(), time.time()
    generation = scene.look().generation
    stage.change(node.change(_SERVICES, _wants_image(scene, 2)))
    scene.until(lambda look: look.is_at_rest_after(generation), "the upgrade is proven")
    outage = scene.visitor.longest(since)
    answered, asked = scene.visitor.count(since)
    if outage:
        stage.figure("not answering, measured from outside", f"{outage.seconds:.2f} s ({answered} of {asked} answered)")
    inside = scene.supervisor.metric("paunchd_switch_downtime_seconds_sum") or 0
    stage.figure("stop of the old to start of the new, the daemon's own figure", f"{inside:.2f} s")
    stage.check("the gap was measured from both sides", bool(outage) and inside > 0)
    after = scene.check_untouched("nothing but api was touched", before, but=(api,))
    old, new = before[api].short_id, after[api].short_id if api in after else "gone"
    stage.check("api is another container", new not in (old, "gone"), f"{old} → {new}")
    stage.check("it runs the new image", api in after and after[api].image.endswith(":2"), after[api].image)
    stage.check("the service answers", scene.visitor.served)


def broken_upgrade(scene: Scene) -> None:
    """Give it an image that does not serve, and see the kept container come back by itself."""
    stage, node = scene.stage, scene.node
    stage.act("act 3: a broken upgrade", "The next image does not serve. Nobody will do anything about it.")
    api = node.name("api")
    before, since = scene.witness.containers(), time.time()
    generation = scene.look().generation
    stage.change(node.change(_SERVICES, _wants_image(scene, 3)))
    look = scene.until(
        lambda look: _rolled_back(look, api, generation) and scene.visitor.served, "it rolls back and answers again"
    )
    stage.say(f"  why, in the daemon's words: {look.containers[api]['reason']}", "yellow")
    outage = scene.visitor.longest(since)
    rejected = scene.supervisor.logged("revision_rejected", api, since)
    if outage and rejected:
        stage.figure("rejected to serving again", f"{outage.ended - rejected:.2f} s")
        stage.figure("not answering in all, the trial included", f"{outage.seconds:.2f} s")
    stage.check("the failure was seen from outside, and is over", bool(outage) and scene.visitor.served)
    after = scene.check_untouched("nothing but api was touched", before, but=(api,))
    same = api in after and after[api].id == before[api].id and after[api].running
    stage.check("the very container that served before serves again", same, before[api].short_id)
    stage.check("nothing is left of the attempt", after.keys() == before.keys(), f"{len(after)} containers")
    _mend(scene)


def _mend(scene: Scene) -> None:
    before, generation = scene.witness.containers(), scene.look().generation
    scene.stage.say("  the file is put right again:")
    scene.stage.change(scene.node.change(_SERVICES, _wants_image(scene, 2)))
    scene.until(lambda look: look.is_at_rest_after(generation), "everything is at rest", leave=False)
    scene.check_untouched("that needed no container touched", before)


def broken_file(scene: Scene) -> None:
    """Write a file with a misspelt key, and see that nothing of it is carried out."""
    stage, node = scene.stage, scene.node
    stage.act("act 4: a broken file", "A key is misspelt. The worker's image, in the same file, is changed as well.")
    before, generation = scene.witness.containers(), scene.look().generation
    stage.change(node.overwrite(_SERVICES, _misspelt(scene)))
    told = scene.supervisor.paunchctl("check", str(node.path(_SERVICES)))
    stage.say("  paunchctl check says:")
    stage.say(f"    {told.stderr.strip()}", "yellow")
    place = f"{node.path(_SERVICES)}:"
    key = f"{node.name('api')}.restrat"
    pointed = place in told.stderr and key in told.stderr and "did you mean `restart`?" in told.stderr
    stage.check("`paunchctl check` names file, line, column and key, and exits 1", pointed and told.returncode == 1)
    scene.until(lambda look: look.generation > generation and look.planned, "the file is read")
    passes = scene.supervisor.metric("paunchd_pass_duration_seconds_count") or 0
    scene.supervisor.paunchctl("reconcile")
    scene.until(lambda _: _passes(scene) > passes, "another pass", leave=False)
    status = scene.supervisor.ask("status") or {}
    said = any(key in fault for fault in status.get("broken_files", ()))
    stage.check(
        "the daemon says the same, and counts it", said and scene.supervisor.metric("paunchd_broken_files") == 1
    )
    scene.check_untouched("no container was touched, the worker's neither", before)
    generation = scene.look().generation
    node.restore(_SERVICES)
    scene.until(lambda look: look.is_at_rest_after(generation), "everything is at rest", leave=False)
    scene.check_untouched("mended, and still no container touched", before)


def go(scene: Scene) -> None:
    """End the daemon, start it again, end it: its containers take no notice."""
    stage = scene.stage
    stage.act("act 5: the daemon goes, the containers stay", "SIGTERM, a new start, SIGTERM.")
    before, since = scene.witness.containers(), time.time()
    code, seconds = scene.supervisor.stop()
    stage.figure("SIGTERM to the end of the process", f"{seconds:.2f} s")
    stage.check(
        f"the daemon ended in order within {_STOP_SECONDS:g} s", code == 0 and seconds < _STOP_SECONDS, f"code {code}"
    )
    scene.check_untouched("every container runs on without it", before)
    scene.supervisor.start()
    scene.until(lambda look: look.at_rest, "the new daemon finds everything at rest", leave=False)
    plan = scene.supervisor.ask("plan") or {"lanes": ["no answer"]}
    stage.check("started again, it plans nothing", not plan["lanes"])
    scene.supervisor.stop()
    scene.check_untouched("and touched nothing", before)
    answered, asked = scene.visitor.count(since)
    stage.check("the service missed no request meanwhile", answered == asked, f"{answered} of {asked} answered")


def _begun(scene: Scene, moments: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """When each declared name was first worked on, by the engine's clock."""
    found = {name: moments[name]["create"] for name in scene.node.steps if "create" in moments.get(name, {})}
    return found | _exec_moment(scene, moments)


def _done(scene: Scene, moments: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """When each was done: ended where it runs once, started where it runs on."""
    found = {}
    for name in scene.node.steps:
        seen = moments.get(name, {})
        end = seen.get("die", seen.get("start"))
        if end is not None:
            found[name] = end
    return found | _exec_moment(scene, moments)


def _exec_moment(scene: Scene, moments: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The exec of the last step; the health tests, which are execs too, go through a shell."""
    at = [seen["start"] for name, seen in moments.items() if name.startswith("exec wget")]
    return {scene.node.name("api_activate"): min(at)} if at else {}


def _out_of_order(steps: Mapping[str, int], begun: Mapping[str, int], done: Mapping[str, int]) -> list[str]:
    late = []
    for name, at in begun.items():
        late += [
            f"{name} began before {other} was done"
            for other, then in done.items()
            if steps[other] < steps[name] and then > at
        ]
    return late


def _rolled_back(look: Look, name: str, generation: int) -> bool:
    return look.generation > generation and look.containers.get(name, {}).get("state") == "rolled-back"


def _wants_image(scene: Scene, number: int) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        document[scene.node.name("api")]["image"] = f"{scene.node.image}:{number}"

    return edit


def _misspelt(scene: Scene) -> str:
    api, worker, rest = scene.node.text(_SERVICES).partition(f"{scene.node.name('worker')}:")
    return api.replace("restart:", "restrat:") + worker + rest.replace(f"{scene.node.image}:1", f"{scene.node.image}:2")


def _passes(scene: Scene) -> float:
    return scene.supervisor.metric("paunchd_pass_duration_seconds_count") or 0
