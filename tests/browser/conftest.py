"""A real browser without a window, and a node whose page it looks at."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.functional.conftest import engine_side, make_node
from tests.ports import free_port

__all__ = ["engine_side", "make_node"]

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium. Without one the tests fail: they must run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.fail("there is no chromium on the PATH; `make test` provides it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def served(make_node):
    """A node whose daemon runs and answers over TCP; ``address`` is where."""
    port = free_port()
    node = make_node(api__listen=[f"127.0.0.1:{port}"])
    node.address = f"http://127.0.0.1:{port}"
    node.start()
    return node


def watch(page: Page, faults: list[str]) -> None:
    """Note what no page of ours may do: complain, fail, or ask anybody else for anything."""

    def told(message: ConsoleMessage) -> None:
        gone = "net::ERR_" in message.text  # the daemon is stopped under some pages, and they go on
        if message.type == "error" and not gone:
            faults.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            faults.append(request.url)

    page.on("console", told)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", asked)


@pytest.fixture
def look(browser, tmp_path, request):
    """Open a page of the node as a person would. A picture of the last look is kept beside the test's other files."""
    opened: list[Page] = []
    faults: list[str] = []

    def open_page(address: str, **context) -> Page:
        page = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **context}).new_page()
        watch(page, faults)
        page.goto(address)
        opened.append(page)
        return page

    yield open_page
    for number, page in enumerate(opened):
        page.screenshot(path=Path(tmp_path) / f"{request.node.name}-{number}.png", full_page=True)
        page.context.close()
    assert faults == []
