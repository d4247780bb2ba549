"""The docker SDK with deadlines and typed errors, for one thread.

The SDK's client is not documented as thread-safe, so every worker thread has a `Client` of its own. It
repeats nothing.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import docker
import requests
import urllib3
from docker.auth import get_config_header, resolve_repository_name
from docker.utils import parse_repository_tag

from paunchd.engine.refusals import refusal
from paunchd.errors import EngineError, EngineUnavailable, NotFound

Sdk = docker.APIClient
T = TypeVar("T")

_OLDEST = "1.24"
_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    docker.errors.DockerException,
    OSError,
)


class Client:
    """It is made when first used, and anew, negotiating the API's version again, after a failure."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._sdk: Sdk | None = None

    @contextmanager
    def asked(self, verb: str, what: str, timeout_seconds: float | None = None) -> Iterator[Sdk]:
        """Lend the SDK for "*verb* *what*"; whatever it raises becomes an ``EngineError``."""
        try:
            yield self._ready(timeout_seconds or self._timeout)
        except docker.errors.APIError as error:
            raise refusal(verb, what, error.status_code or 0, str(error.explanation or "")) from error
        except _FAILURES as error:
            self.close()
            raise _unavailable(verb, what, error) from error

    def close(self) -> None:
        if self._sdk is not None:
            self._sdk.close()
        self._sdk = None

    def _ready(self, timeout_seconds: float) -> Sdk:
        self._knock()
        if self._sdk is None:
            self._sdk = docker.APIClient(self._url, version=self._negotiate())
        self._sdk.timeout = cast("int", timeout_seconds)  # any number will do
        return self._sdk

    def _knock(self) -> None:
        """Fail early where nobody listens: the SDK leaves a socket behind each time it cannot connect."""
        if self._url.startswith("unix://"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
                door.settimeout(self._timeout)
                door.connect(self._url.removeprefix("unix://"))

    def _negotiate(self) -> str:
        """Ask for the API's version. The SDK's own way leaves its connection open where that fails."""
        with docker.APIClient(self._url, version=_OLDEST, timeout=cast("int", self._timeout)) as sdk:
            return str(sdk.version(api_version=False)["ApiVersion"])


def send(sdk: Sdk, method: str, path: str, **options: Any) -> requests.Response:
    """Make a request the SDK has no method for, or only one that forgets the deadline."""
    url = f"{sdk.base_url}/v{sdk.api_version}{path}"
    response = sdk.request(method, url, **{"timeout": sdk.timeout, **options})
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        docker.errors.create_api_error_from_http_exception(error)
    return response


@contextmanager
def pulling(sdk: Sdk, image: str) -> Iterator[Iterator[dict[str, Any]]]:
    """Lend what the engine reports while it pulls *image*.

    The SDK's own way knows no deadline: a registry that falls silent would be waited for for ever.
    """
    name, tag = parse_repository_tag(image)
    registry, _ = resolve_repository_name(name)
    credentials = get_config_header(sdk, registry)
    headers = {"X-Registry-Auth": credentials} if credentials else {}
    wanted = {"fromImage": name, "tag": tag or "latest"}
    with send(sdk, "POST", "/images/create", params=wanted, headers=headers, stream=True) as response:
        yield (json.loads(line) for line in response.raw if line.strip())


def _unavailable(verb: str, what: str, error: Exception) -> EngineError:
    if not isinstance(error, _TIMEOUTS):
        return EngineUnavailable(f"cannot {verb} {what}: the engine is away: {_innermost(error)}")
    if verb == "pull":
        return NotFound(f"cannot pull image {what}: the registry takes too long")
    return EngineUnavailable(f"cannot {verb} {what}: the engine does not answer in time")


def _innermost(error: BaseException) -> str:
    """Find the operating system's own words under the libraries' wrappings."""
    while deeper := error.__cause__ or error.__context__:
        error = deeper
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def asking(
    verb: str, what: str, call: Callable[[Sdk], T], timeout_seconds: float | None = None
) -> Callable[[Client], T]:
    def ask(client: Client) -> T:
        with client.asked(verb, what, timeout_seconds) as sdk:
            return call(sdk)

    return ask
