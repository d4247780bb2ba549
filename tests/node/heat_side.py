"""What stands for Heat in a node test: serves a node's metadata over HTTP, and takes down the signals it gets.

    python3 heat_side.py PORT DIRECTORY

Metadata are DIRECTORY/metadata.json as they are now; each signal becomes a line of DIRECTORY/signals.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Heat(BaseHTTPRequestHandler):
    directory: Path

    def do_GET(self) -> None:
        self._answer((self.directory / "metadata.json").read_bytes())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with (self.directory / "signals").open("a") as signals:
            signals.write(json.dumps({"to": self.path, **body}) + "\n")
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: what counts is in the file."""


if __name__ == "__main__":
    port, directory = sys.argv[1:]
    Heat.directory = Path(directory)
    ThreadingHTTPServer(("127.0.0.1", int(port)), Heat).serve_forever()
