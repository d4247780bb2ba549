"""The composition root: builds every part, runs them in one TaskGroup, and ends them in order.

The only module that knows every part. Ending the daemon ends no container.
"""

import asyncio
import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import structlog
from prometheus_client import CollectorRegistry

from paunchd import __version__
from paunchd.api.board import Board
from paunchd.api.serve import serve
from paunchd.api.sources import Sources
from paunchd.engine import DockerEngine
from paunchd.errors import EngineError, PaunchdError, SettingsError, StoreError
from paunchd.files import Contents
from paunchd.labels import name_in
from paunchd.log import setup_logging
from paunchd.metrics import Metrics
from paunchd.probe import Prober
from paunchd.reconcile.execute import Executor
from paunchd.reconcile.loop import Loop
from paunchd.reconcile.model import Lane, Rules, Snapshot, Step
from paunchd.reconcile.observe import Observer
from paunchd.reconcile.parts import Pace, Parts
from paunchd.reconcile.record import Recorder
from paunchd.requests import Requests
from paunchd.settings import Settings, load_settings
from paunchd.source import Rules as SourceRules
from paunchd.source import Source
from paunchd.store import Store
from paunchd.systemd import Notifier
from paunchd.troubles import summary
from paunchd.watch import Watch, Watches

TICK_SECONDS = 1.0
LONGEST_EVENTS_PAUSE_SECONDS = 5.0
READY_PARTS = 2
NEEDS_RESTART = ("owner", "desired_dir", "state_dir", "strict_keys", "engine", "api", "reconcile", "config_files")

log = structlog.get_logger()


def rules_of(settings: Settings) -> Rules:
    rollout = settings.rollout
    return Rules(
        min_healthy_seconds=rollout.min_healthy_seconds,
        healthy_deadline_seconds=rollout.healthy_deadline_seconds,
        probation_seconds=rollout.probation_seconds,
        max_restarts=rollout.max_restarts,
        moved_image=rollout.moved_image,
        between_steps=settings.order.between_steps.value,
        removal_count=settings.removal_guard.count,
        removal_fraction=settings.removal_guard.fraction,
    )


class Daemon:
    """One node's daemon, from its settings. Make it inside the event loop it runs in."""

    def __init__(self, settings: Settings, reread: Callable[[], Settings]) -> None:
        self._settings = settings
        self._reread = reread
        self._metrics = Metrics(CollectorRegistry())
        self._store = Store(
            settings.state_dir / "state.db",
            on_refused=self._metrics.count_store_failure,
            on_moved_aside=lambda aside: log.error("store_moved_aside", to=str(aside)),
        )
        self._engine = DockerEngine(
            settings.engine.url,
            concurrency=settings.engine.concurrency,
            call_timeout_seconds=settings.engine.call_timeout_seconds,
            pull_timeout_seconds=settings.engine.pull_timeout_seconds,
            on_call=self._metrics.count_engine_call,
        )
        self._notifier = Notifier.from_environment()
        self._board = Board()
        self._prober = Prober(self._engine, self._wake, self._metrics.count_probe)
        self._recorder = Recorder(self._store, self._metrics, time.monotonic)
        self._observer = Observer(self._engine, settings.owner, time.monotonic)
        self._contents = Contents(settings.config_files)
        self._loop = self._make_loop(settings)
        debounce = settings.reconcile.debounce_seconds
        self._watch = Watch(settings.desired_dir, self._wake, debounce)
        self._watches = Watches(self._file_changed, debounce)
        self._watches.want(self._contents.watched)
        self._stopping = asyncio.Event()
        self._ready_parts = 0

    def _make_loop(self, settings: Settings) -> Loop:
        return Loop(
            Parts(
                source=Source(settings.desired_dir, self._store, SourceRules(strict_keys=settings.strict_keys)),
                contents=self._contents,
                observer=self._observer,
                store=self._store,
                executor=self._executor,
                recorder=self._recorder,
                prober=self._prober,
                metrics=self._metrics,
                publish=self._publish,
            ),
            rules_of(settings),
            Pace(
                resync_seconds=settings.reconcile.resync_seconds,
                slow_resync_seconds=settings.reconcile.slow_resync_seconds,
                lanes=settings.engine.concurrency,
            ),
        )

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        log.info("daemon_began", version=__version__, pid=os.getpid(), owner=self._settings.owner)
        try:
            async with asyncio.TaskGroup() as parts:
                running = [
                    parts.create_task(self._serve(), name="api"),
                    parts.create_task(self._loop.run(), name="loop"),
                    parts.create_task(self._watch.run(), name="watch"),
                    parts.create_task(self._watches.run(), name="watches"),
                    parts.create_task(self._follow_events(), name="events"),
                    parts.create_task(self._prober.run(), name="prober"),
                    parts.create_task(self._tick(), name="tick"),
                ]
                await self._stopping.wait()
                self._notifier.stopping()
                for part in running:
                    part.cancel()
        finally:
            await self._engine.close()
            self._store.close()
            log.info("daemon_ended")

    def _executor(self, outdated: Callable[[Lane], bool], doing: Callable[[Lane, Step], None]) -> Executor:
        return Executor(self._engine, self._store, self._settings.owner, outdated, doing)

    def _wake(self) -> None:
        self._loop.wake()

    def _file_changed(self) -> None:
        self._contents.changed()
        self._loop.wake()

    def _look_anew(self) -> None:
        self._observer.forget_all()
        self._contents.changed()

    async def _serve(self) -> None:
        requests = Requests(self._loop, self._store, self._recorder, self._board, self._look_anew)
        sources = Sources(self._board, requests, self._metrics, self._store, self._engine, self._stuck)
        await serve(sources, self._settings.api, on_socket=self._say_ready)

    def _stuck(self) -> str:
        """Why the loop cannot be called alive, or nothing."""
        patience = self._settings.reconcile.resync_seconds + self._settings.engine.call_timeout_seconds + 10
        idle = time.monotonic() - self._loop.passed_at
        return f"no pass has ended for {idle:.0f} s" if idle > patience else ""

    def _publish(self, snapshot: Snapshot) -> None:
        first = self._board.current is None
        self._board.publish(snapshot)
        self._watches.want(self._contents.watched)
        self._notifier.status(summary(snapshot))
        if first:
            self._say_ready()

    def _say_ready(self) -> None:
        """READY once a pass has been taken and the socket answers; called at both, whichever comes last counts."""
        self._ready_parts += 1
        if self._ready_parts == READY_PARTS:
            log.info("daemon_ready")
            self._notifier.ready()

    async def _follow_events(self) -> None:
        """Pass each event on; without the stream the resync covers, and the stream is asked for again."""
        pause = 0.1
        while True:
            try:
                async for labels in self._engine.events():
                    if labels:
                        pause = 0.1
                        self._loop.heard(name_in(labels, self._settings.owner))
                    else:
                        self._loop.missed()
            except EngineError as error:  # refused or cut: the resync covers
                log.debug("events_lost", error=str(error))
            await asyncio.sleep(pause)
            self._loop.missed()
            pause = min(LONGEST_EVENTS_PAUSE_SECONDS, pause * 2)

    async def _tick(self) -> None:
        """Measure how late the event loop is, and feed the watchdog while the reconcile loop makes progress."""
        fed_at = 0.0
        every = self._notifier.feed_every_seconds
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            self._metrics.observe_loop_lag(max(0.0, now - began - TICK_SECONDS))
            if every and now - fed_at >= min(every, TICK_SECONDS) and not self._stuck():
                self._notifier.watchdog()
                fed_at = now

    def _reload(self) -> None:
        """Take over what can be changed while running; say what cannot."""
        self._notifier.reloading()
        try:
            new = self._reread()
        except SettingsError as error:
            log.error("settings_refused", error=str(error))
        else:
            for name in NEEDS_RESTART:
                if getattr(new, name) != getattr(self._settings, name):
                    log.warning("setting_needs_restart", setting=name)
            setup_logging(new.log)
            self._loop.rules = rules_of(new)
            self._wake()
            log.info("settings_reloaded")
        self._notifier.ready()


def _prepare(settings: Settings) -> int:
    """Make the directories of a first start and take the lock; return its descriptor, to be kept open.

    It is the directory that is locked, so that also a file system that has become read-only has one daemon. Raises
    ``SettingsError`` or ``StoreError``.
    """
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(settings.state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SettingsError(f"cannot use state_dir {settings.state_dir}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreError(f"cannot start: another paunchd uses {settings.state_dir}") from error
    if not (settings.state_dir / "state.db").exists():
        _make_desired_dir(settings.desired_dir)
    return lock


def _make_desired_dir(path: Path) -> None:
    """Only on a first start: later a missing directory means that something is wrong with it."""
    try:
        path.mkdir(mode=0o755, exist_ok=True)
    except OSError as error:
        log.warning("desired_dir_missing", path=str(path), error=str(error.strerror))


async def _run(settings: Settings, reread: Callable[[], Settings]) -> None:
    await Daemon(settings, reread).run()


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (default /etc/paunchd/paunchd.yaml).")
@click.version_option(__version__, prog_name="paunchd")
def main(config: Path | None) -> None:
    """Keep this node's containers as the desired directory says."""
    try:
        settings = load_settings(config)
        setup_logging(settings.log)
        lock = _prepare(settings)
    except PaunchdError as error:
        click.echo(f"paunchd: {error}", err=True)
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    gc.collect()
    gc.freeze()  # what has been imported stays: walking it again would stop the event loop for 30 ms now and then
    gc.enable()
    try:
        asyncio.run(_run(settings, lambda: load_settings(config)))
    except* SettingsError as group:
        log.error("daemon_failed", errors=[str(one) for one in group.exceptions])
        sys.exit(2)
    except* PaunchdError as group:
        log.error("daemon_failed", errors=[str(one) for one in group.exceptions])
        sys.exit(1)
    finally:
        os.close(lock)
