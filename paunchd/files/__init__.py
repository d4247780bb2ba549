"""The config files that containers read: found, digested and waited for. Never written, and no content is kept.

``tree`` reads one place, ``settle`` tells what is still being written, ``contents`` makes of both what a pass decides
from.
"""

from paunchd.files.contents import Contents

__all__ = ["Contents"]
