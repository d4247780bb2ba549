"""Tells a node that is told to have nothing from one whose file system is not mounted.

Pure. A directory and a store that are both empty, while containers of ours are there, are no reason to remove them.
"""

from dataclasses import replace

from paunchd.reconcile.model import Desired, History, Observed

DOUBT = "nothing is declared and nothing is remembered, while containers are there; is the file system mounted?"


def doubted(desired: Desired, history: History, observed: Observed) -> Desired:
    """Return *desired*, degraded where it cannot be believed and nobody has confirmed what would be removed."""
    if desired.items or desired.degraded or any(past.known for past in history.names.values()):
        return desired
    there = {name for name, seen in observed.names.items() if seen.containers}
    return replace(desired, degraded=DOUBT) if there - history.confirmed else desired
