"""What is to be said of a container that runs as it should, and differs all the same.

Pure.
"""

from paunchd.reconcile.diff import Drift
from paunchd.reconcile.model import changed_files, image_of


def not_as_declared(drift: Drift) -> str:
    """In what a good container differs from its definition that nobody need do anything about."""
    live = drift.seen.live
    stuck = ", ".join(drift.limits_of(live).stuck) if live else ""
    kept = f"{stuck}: no living container can be given that; the next replacement mends it" if stuck else ""
    return "; ".join(filter(None, (_image_moved(drift), _files_unknown(drift), kept)))


def _files_unknown(drift: Drift) -> str:
    trouble = drift.content.trouble if drift.content else ""
    return f"its config files cannot be told: {trouble}; it runs on as it is" if trouble else ""


def _image_moved(drift: Drift) -> str:
    """The engine shows an id in place of a name once that means another image, or none (T-020)."""
    live, spec = drift.seen.live, drift.effective.spec
    if live is None or spec is None or not spec.image or live.image == spec.image:
        return ""
    apart = image_of(drift.effective.hash)
    moved = drift.effective.image if apart else live.image in live.image_id
    return f"{spec.image} means another image now than the one that runs" if moved else ""


def unread_files(drift: Drift) -> str:
    """Name the config files that the live container has not read as they are now; empty where nobody knows which."""
    read, content = drift.past.read, drift.content
    return changed_files(read.files, content.files) if read and content else ""
