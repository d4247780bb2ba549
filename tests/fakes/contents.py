"""What config files hold, as a test says."""

from collections.abc import Mapping

from paunchd.reconcile.model import Content, Desired, History


class FakeContents:
    """*contents* is what is told, until a test changes it; nothing is read."""

    def __init__(self) -> None:
        self.contents: dict[str, Content] = {}
        self.due_at = float("inf")

    def changed(self) -> None:
        """Nothing to be read again."""

    async def look(self, desired: Desired, history: History) -> Mapping[str, Content]:
        return dict(self.contents)
