"""``paunchd``: what must be so before anything else is imported, and then the daemon."""

import gc
import os
import sys
import warnings

#: What libraries import where it is there, for something that the daemon never does: 6 of its 78 MB.
UNUSED = (
    "rich",  # structlog: tracebacks with the values of variables
    "greenlet",  # structlog: for programs that have some
    "charset_normalizer",  # requests: to guess how a text is encoded, and an engine's JSON is UTF-8
    "chardet",  # the same
)


def main() -> None:
    gc.disable()  # while all is imported, of which nothing is garbage; the daemon enables it again
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # so that whoever imports it does without
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")
    theirs = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull  # aiohttp reads every CA when imported, and nothing here asks it for one
    from paunchd.daemon import main as run  # noqa: PLC0415

    del os.environ["SSL_CERT_FILE"]  # containers may be given the daemon's own variables
    if theirs is not None:
        os.environ["SSL_CERT_FILE"] = theirs
    run()


if __name__ == "__main__":
    main()
