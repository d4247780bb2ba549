"""``python -m paunchd``: the daemon."""

from paunchd.daemon import main

main()
