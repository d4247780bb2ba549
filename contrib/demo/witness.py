"""What the engine itself says, asked without paunchd, through the SDK."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import APIError, NotFound

_OWNER = "managed_by"
_NAME = "container_name"
_LATE_SECONDS = 0.5


@dataclass(frozen=True)
class Sighting:
    """One container of the demo's owner."""

    id: str
    image: str
    running: bool
    started_at: str
    restarts: int

    @property
    def short_id(self) -> str:
        return self.id[:12]


class Witness:
    """Looks at the containers of one owner, and takes down what the others on the engine are."""

    def __init__(self, url: str, owner: str) -> None:
        self._client = docker.DockerClient(base_url=url)
        self._owner = owner
        self.began = time.time()

    def close(self) -> None:
        self._client.close()

    def containers(self) -> Mapping[str, Sighting]:
        """Every container of the owner, running or not, by the name the engine has for it."""
        found = {}
        for one in self._client.containers.list(all=True, filters={"label": f"{_OWNER}={self._owner}"}, sparse=True):
            try:
                one.reload()
            except NotFound:
                continue  # between the list and the look
            found[one.name] = Sighting(
                id=one.id,
                image=one.attrs["Config"]["Image"],
                running=one.attrs["State"]["Running"],
                started_at=one.attrs["State"]["StartedAt"],
                restarts=one.attrs["RestartCount"],
            )
        return found

    def ids(self) -> Mapping[str, str]:
        """Like ``containers``, at the price of one list call."""
        listed = self._client.api.containers(all=True, filters={"label": f"{_OWNER}={self._owner}"})
        return {one["Names"][0].lstrip("/"): one["Id"] for one in listed if one["Names"]}

    def others(self) -> Mapping[str, str]:
        """Whatever is not a demo's on this engine, and since when it is as it is; but for what restarts by itself."""
        found = {}
        for one in self._client.containers.list(all=True, ignore_removed=True):
            ours = one.labels.get(_OWNER, "").startswith("paunchd-demo-")
            if not ours and not one.attrs["RestartCount"]:
                state = one.attrs["State"]
                found[one.name] = f"{one.id} {state['Status']} {state['StartedAt']} {state['FinishedAt']}"
        return found

    def moments(self) -> Mapping[str, Mapping[str, int]]:
        """When each name was first created, started and ended, in nanoseconds; execs under ``exec COMMAND``."""
        found: dict[str, dict[str, int]] = {}
        for event in self._events():
            words = event["Action"]
            name = event["Actor"]["Attributes"].get(_NAME, "")
            if words.startswith("exec_start: "):
                name, words = f"exec {words.removeprefix('exec_start: ')}", "start"
            found.setdefault(name, {}).setdefault(words, event["timeNano"])
        return found

    def _events(self) -> Iterable[dict[str, Any]]:
        return self._client.events(
            since=f"{self.began:.9f}",
            until=f"{time.time():.9f}",
            decode=True,
            filters={"type": "container", "label": f"{_OWNER}={self._owner}"},
        )

    def remove_all(self, volumes: Iterable[str]) -> None:
        """Remove the owner's containers and the named volumes, with no grace for anybody."""
        self._remove_containers()
        time.sleep(_LATE_SECONDS)
        while self._remove_containers():
            time.sleep(_LATE_SECONDS)
        for volume in volumes:
            try:
                self._client.volumes.get(volume).remove(force=True)
            except NotFound:
                continue
            except APIError:
                continue  # `volumes_left` tells

    def _remove_containers(self) -> bool:
        """Whether there were any: a daemon ended in the middle of making one has asked for it already."""
        found = self.ids()
        for container_id in found.values():
            try:
                self._client.api.remove_container(container_id, force=True, v=True)
            except NotFound:
                continue
        return bool(found)

    def volumes_left(self, volumes: Iterable[str]) -> list[str]:
        there = {volume.name for volume in self._client.volumes.list()}
        return sorted(there & set(volumes))
