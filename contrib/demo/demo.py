"""`make demo`: paunchd on a real engine, told live and checked, and afterwards nothing is left of it.

Exit code 0 only if every check passed; 1 if not; 130 where it was interrupted. It touches no container, image or
volume but its own, also on an engine that is in use.
"""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

import acts
from ground import Ground, NoGroundError, engine, images
from node import ROOT, Node
from scene import ActFailedError, Scene
from stage import Stage
from supervisor import NotUpError, Supervisor
from visitor import Visitor
from witness import Witness

_ACTS = (acts.come_up, acts.upgrade, acts.broken_upgrade, acts.broken_file, acts.go)
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130


def main() -> int:
    stage = Stage()
    _let_signals_interrupt()
    try:
        _play(stage)
    except KeyboardInterrupt:
        stage.say("\ninterrupted; everything the demo had made is gone again", "bold yellow")
        return _INTERRUPTED
    except NoGroundError as error:
        stage.say(f"cannot show anything: {error}", "bold red")
        return 1
    except (ActFailedError, NotUpError) as error:
        stage.check("the acts were played to their end", passed=False, found=str(error).splitlines()[0])
    stage.summary()
    return 0 if stage.passed else 1


def _let_signals_interrupt() -> None:
    def interrupt(*_: object) -> None:
        _mind_no_signals()
        raise KeyboardInterrupt

    for number in _ENDINGS:
        signal.signal(number, interrupt)


def _mind_no_signals() -> None:
    """What has been begun to be taken away is taken away."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _play(stage: Stage) -> None:
    with ExitStack() as leaving:
        stage.act("before", "Getting an engine; nothing but the demo's own will be touched on it.")
        directory = leaving.enter_context(_directory(stage))
        ground = leaving.enter_context(_ground(stage))
        node = Node(directory)
        node.write_settings(ground.url)
        witness = Witness(ground.url, node.owner)
        leaving.callback(witness.close)
        leaving.enter_context(_others_left_alone(stage, witness))
        leaving.enter_context(images(ground, node.image, lambda left: _check_none(stage, "its images are gone", left)))
        leaving.callback(_clear, stage, node, witness)
        visitor = leaving.enter_context(Visitor(node.service_port))
        supervisor = Supervisor(node)
        leaving.callback(supervisor.stop)
        leaving.callback(_take_away, stage)
        supervisor.start()
        _introduce(stage, node, ground)
        scene = Scene(stage, node, supervisor, witness, visitor)
        try:
            for act in _ACTS:
                act(scene)
        except ActFailedError:
            stage.say(f"the end of the daemon's log:\n{supervisor.log_tail()}", "dim")
            raise


def _introduce(stage: Stage, node: Node, ground: Ground) -> None:
    bin_ = Path(sys.executable).parent
    stage.show(
        "paunchd runs; look at it from another terminal while the demo lasts",
        [
            f"{_shown(bin_ / 'paunchctl')} --socket {node.socket} status",
            f"curl 127.0.0.1:{node.tcp_port}/v1/containers",
            f"DOCKER_HOST={ground.url} docker ps --all --filter label=managed_by={node.owner}",
            f"desired directory  {node.desired_dir}",
            f"log                {node.log_path}",
            f"engine             {ground.described}",
        ],
    )


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _take_away(stage: Stage) -> None:
    _mind_no_signals()
    stage.act("end: taking everything away", "The daemon, its containers, volumes and images, the directory.")


def _clear(stage: Stage, node: Node, witness: Witness) -> None:
    witness.remove_all(node.volumes)
    _check_none(stage, "its containers are gone", sorted(witness.ids()))
    _check_none(stage, "its volumes are gone", witness.volumes_left(node.volumes))


@contextmanager
def _directory(stage: Stage) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="paunchd-demo-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        stage.check("its temporary directory is gone", not path.exists(), str(path))


@contextmanager
def _ground(stage: Stage) -> Iterator[Ground]:
    private = None
    try:
        with engine(lambda words: stage.say(f"  {words}")) as ground:
            private = ground.private
            yield ground
    finally:
        if private:
            stage.check("its private engine is gone", not private.directory.exists(), str(private.directory))


@contextmanager
def _others_left_alone(stage: Stage, witness: Witness) -> Iterator[None]:
    """Check, where anything else is on the engine, that it is as it was."""
    before = witness.others()
    try:
        yield
    finally:
        after = witness.others()
        changed = sorted(name for name, facts in before.items() if after.get(name) != facts)
        if before:
            found = f"changed: {', '.join(changed)}" if changed else f"{len(before)} containers"
            stage.check("everybody else's containers are as they were", not changed, found)


def _check_none(stage: Stage, sentence: str, left: list[str]) -> None:
    stage.check(sentence, not left, ", ".join(left))


if __name__ == "__main__":
    sys.exit(main())
