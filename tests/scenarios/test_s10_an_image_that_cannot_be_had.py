"""S-10: images that cannot be pulled, for every reason a registry knows."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.scenarios.scenario import service

pytestmark = pytest.mark.engine

STATUSES = {"missing": 404, "denied": 401, "busy": 429}
STALLED, DOWN = "stalled", "down"
TROUBLES = (*STATUSES, STALLED, DOWN)


class Registry(ThreadingHTTPServer):
    """Answers for no image: each repository is named for what is wrong with it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.calm = threading.Event()
        super().__init__(("127.0.0.1", 0), Answers)

    def close(self) -> None:
        self.calm.set()
        self.shutdown()
        self.server_close()

    def asked_for(self, repository: str) -> int:
        return sum(1 for path in self.asked if f"/{repository}/manifests/" in path)


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        repository = self.path.split("/")[2] if self.path != "/v2/" else ""
        if repository == STALLED:
            self.server.calm.wait()
        body = b'{"errors": [{"code": "UNKNOWN", "message": "not today"}]}' if repository else b"{}"
        self.send_response(STATUSES.get(repository, 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name is the server's

    def log_message(self, *args: object) -> None:
        """A test's output is its own."""


@contextmanager
def registry() -> Iterator[Registry]:
    server = Registry()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.close()


def nobodys_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def load_image(node, name):
    """As an operator does who has the image from elsewhere."""
    repo, _, tag = name.rpartition(":")
    node.engine.call("POST", f"/images/paunchd.test/stub:1/tag?repo={repo}&tag={tag}")


def test_s10_an_image_that_cannot_be_had_leaves_what_runs_untouched(scenario):
    """Missing, refused, too often asked for, never sent or nobody there: each is tried again by itself, with growing
    pauses, condemns no version, and holds up nobody else.
    """
    scenario.configure(engine__pull_timeout_seconds=2, engine__concurrency=2)
    with registry() as there, scenario.step("five good containers run, and one more") as node:
        images = {name: f"127.0.0.1:{there.server_port}/{name}:2" for name in TROUBLES}
        images[DOWN] = f"127.0.0.1:{nobodys_port()}/{DOWN}:2"
        node.start()
        node.write("app", {name: service() for name in TROUBLES})
        node.write("other", {"other": service()})
        node.proves()
        before = {name: (node.id(name), node.started_at(name)) for name in TROUBLES}
        with scenario.step("all five are to have an image that cannot be had"):
            node.write("app", {name: service(image=image) for name, image in images.items()})
            node.eventually(lambda: node.row(STALLED)["state"] == "preparing")
        with scenario.step("the others go on meanwhile, the old and the new"):
            node.write("other", {"other": service(environment={"V": "2"}), "late": service()})
            node.becomes("running", "other", "late")
            assert "V=2" in node.inspect("other")["Config"]["Env"]
        with scenario.step("each has been tried again, on its own count, and says why and when it will be"):
            node.eventually(lambda: all(node.detail(name)["attempts_failed"] >= 2 for name in TROUBLES))
            node.becomes("waiting", "busy")
            node.eventually(lambda: node.row("busy")["next_attempt"])
            assert all("cannot pull image" in node.detail(name)["last_error"] for name in TROUBLES)
            assert all(there.asked_for(name) >= 2 for name in STATUSES)
        with scenario.step("what runs is untouched"):
            assert {name: (node.id(name), node.started_at(name)) for name in TROUBLES} == before
            assert all(node.running(name) and node.detail(name)["rejected"] == [] for name in TROUBLES)
        with scenario.step("once the images are there, everything is replaced"):
            for image in images.values():
                load_image(node, image)
            node.proves()
            assert all(node.inspect(name)["Config"]["Image"] == images[name] for name in TROUBLES)
        scenario.holds()
