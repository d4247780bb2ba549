"""What must be there before a container can be made. Pure."""

from paunchd.reconcile.model import CheckSources, Pull, Step
from paunchd.spec import ContainerSpec


def preparation(name: str, spec: ContainerSpec, *, known: bool = False) -> tuple[Step, ...]:
    """What must be there before a container of *spec* can be made; nothing that runs is touched by it.

    *known*: the revision has run here before, so the registry is asked only where its image is gone.
    """
    pull = (Pull(spec.image, always=spec.pull == "always" and not known),) if spec.pull != "never" else ()
    check = (CheckSources(name, spec.bind_sources),) if spec.bind_sources else ()
    return (*pull, *check)
