"""The nouns of a pass, as frozen values.

Pure: this package and everything it imports knows no clock, no file and no engine. Times named *now*, *since*, *at* or
*until* are seconds of a monotonic clock; their zero means nothing.
"""

from paunchd.reconcile.model.desired import (
    Config,
    Desired,
    Fault,
    Item,
)
from paunchd.reconcile.model.facts import (
    Facts,
    Rules,
)
from paunchd.reconcile.model.history import (
    Attempt,
    History,
    Past,
    Result,
    Revision,
    Trial,
)
from paunchd.reconcile.model.observed import (
    Container,
    ContainerState,
    Details,
    Health,
    Listed,
    Observed,
    Probe,
    Seen,
    Slot,
    engine_name,
)
from paunchd.reconcile.model.plan import (
    Lane,
    Plan,
    Reason,
    Snapshot,
    State,
    Status,
)
from paunchd.reconcile.model.steps import (
    Accept,
    CheckSources,
    Create,
    Kill,
    Pull,
    RecordTask,
    Reject,
    Remove,
    Rename,
    RunExec,
    Start,
    Step,
    Stop,
    Unpause,
    Update,
    short,
)

__all__ = [
    "Accept",
    "Attempt",
    "CheckSources",
    "Config",
    "Container",
    "ContainerState",
    "Create",
    "Desired",
    "Details",
    "Facts",
    "Fault",
    "Health",
    "History",
    "Item",
    "Kill",
    "Lane",
    "Listed",
    "Observed",
    "Past",
    "Plan",
    "Probe",
    "Pull",
    "Reason",
    "RecordTask",
    "Reject",
    "Remove",
    "Rename",
    "Result",
    "Revision",
    "Rules",
    "RunExec",
    "Seen",
    "Slot",
    "Snapshot",
    "Start",
    "State",
    "Status",
    "Step",
    "Stop",
    "Trial",
    "Unpause",
    "Update",
    "engine_name",
    "short",
]
