"""What brings a container up, and what lays it to rest. Pure."""

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import Container, ContainerState, Start, Step, Stop, Unpause, Update
from paunchd.reconcile.reread import to_start_again
from paunchd.spec import NO_RESTART, RestartPolicy


def declared_restart(drift: Drift, container: Container) -> RestartPolicy:
    """By the spec where it is known, for the label tells the policy of the day the container was made."""
    revision = drift.effective if drift.at_effective(container) else drift.good
    if revision and revision.spec and revision.hash == container.hash:
        return revision.spec.restart_policy
    return RestartPolicy.parse(container.restart)


def start(drift: Drift, live: Container) -> tuple[Step, ...]:
    match live.state:
        case ContainerState.CREATED:
            return (Start(live.engine_name),)
        case ContainerState.PAUSED:
            return (Unpause(live.engine_name),)
        case ContainerState.EXITED if _wanted_up(drift, live):
            return (Start(live.engine_name),)
        case _:
            return ()


def _wanted_up(drift: Drift, live: Container) -> bool:
    """An exited container is started as its policy says; whatever that is, one that came back from being kept, and one
    that could not run with files which are others now.
    """
    code = live.details.exit_code
    again = drift.rolled_back or to_start_again(drift, live)
    return declared_restart(drift, live).wants_up(code) or (again and code != 0)


def put_to_rest(container: Container) -> tuple[Step, ...]:
    return (*unwanted(container), *stop(container))


def unwanted(container: Container) -> tuple[Step, ...]:
    """Not resurrected by an engine restart (T-067)."""
    off = container.details.restart == NO_RESTART
    return () if off else (Update(container.engine_name, restart=NO_RESTART),)


def stop(container: Container | None) -> tuple[Step, ...]:
    if container is None or not container.running:
        return ()
    return (Stop(container.engine_name, container.details.grace_seconds),)
