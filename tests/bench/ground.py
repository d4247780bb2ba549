"""What the benchmark stands on: an engine of its own, an image, directories, and what is said of the machine."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paunchd import __version__
from tests.bench.fleet import IMAGE
from tests.functional.engine_side import EngineSide

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_PROGRAM = ROOT / ".lab" / "compose" / "docker-compose"
PAUNCH_PROGRAM = ROOT / ".lab" / "paunch" / "bin" / "paunch"
CLEARED_AT_ONCE = 4

sys.path.insert(0, str(ROOT / "contrib" / "lab"))

import stub_image  # noqa: E402 - the lab is no package
from private_engine import PrivateEngine  # noqa: E402


@dataclass(frozen=True)
class Ground:
    """*directory* is the benchmark's own. *short*: fewer repetitions, for a first look."""

    url: str
    directory: Path
    short: bool

    @property
    def side(self) -> EngineSide:
        return EngineSide(self.url.removeprefix("unix://"))

    @property
    def environment(self) -> dict[str, str]:
        """For programs that use the engine."""
        return {**os.environ, "DOCKER_HOST": self.url, "DOCKER_CONFIG": str(self.directory / "docker-config")}

    def often(self, times: int) -> int:
        """*times*, or as often as a first look needs."""
        return max(1, times // 3) if self.short else times

    def place(self, name: str) -> Path:
        """A new directory."""
        made = self.directory / f"{name}-{time.time_ns():x}"
        made.mkdir()
        return made

    def clear(self) -> None:
        """Remove every container there is."""
        side = self.side
        with ThreadPoolExecutor(CLEARED_AT_ONCE) as lanes:
            refs = [row["Id"] for row in side.containers()]
            list(lanes.map(lambda ref: side.call("DELETE", f"/containers/{ref}?force=1&v=1"), refs))

    def run(self, *words: str, directory: Path | None = None) -> None:
        """Run a program that uses the engine; RuntimeError with what it printed where it fails."""
        done = subprocess.run(
            words,
            check=False,
            env=self.environment,
            cwd=directory,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def standing(directory: Path, *, short: bool) -> Iterator[Ground]:
    """An engine for as long as the block lasts."""
    with PrivateEngine() as engine:
        stub_image.build(engine.url, [IMAGE], stub_image.Recipe(users=["nova"]))
        yield Ground(engine.url, directory, short)


def say(text: str) -> None:
    """Tell those who wait how far it has come."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def about(ground: Ground) -> dict[str, str]:
    """Machine and versions, by what they are called in a report."""
    engine = ground.side.call("GET", "/version")
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "processors": f"{os.cpu_count()} × {cpu.partition(':')[2].strip()}",
        "memory": f"{int(memory) / 1e6:.0f} GB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "paunchd": f"{__version__} ({_revision()})",
        "Docker Engine": f"{engine['Version']}, API {engine['ApiVersion']}",
        "Docker Compose": _version(COMPOSE_PROGRAM, "version", "--short"),
        "paunch": _version(PAUNCH_PROGRAM, "--version"),
    }


def _revision() -> str:
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "no checkout"


def _version(program: Path, *words: str) -> str:
    if not program.exists():
        return "absent"
    return subprocess.run([program, *words], check=False, capture_output=True, text=True).stdout.strip()
