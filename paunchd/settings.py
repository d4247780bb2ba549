"""What an operator can set, and every default; no other module may hold a second copy of one.

A value comes from the environment (``PAUNCHD_API__SOCKET``), else from the settings file, else from here.
Whatever is wrong ends in one ``SettingsError`` that names every wrong setting and where it was set.
"""

import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableVariable

from paunchd.errors import SettingsError
from paunchd.settings_file import read_settings_file
from paunchd.settings_problems import describe, misspelt_variables

DEFAULT_PATH = Path("/etc/paunchd/paunchd.yaml")
PATH_VARIABLE = "PAUNCHD_CONFIG"
PREFIX = "PAUNCHD_"
CLIENT_VARIABLES = frozenset({PATH_VARIABLE, "PAUNCHD_SOCKET"})


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


def _octal(mode: object) -> object:
    if isinstance(mode, int):
        raise ValueError('must be octal digits in quotes, like "0660"')  # noqa: TRY004 - pydantic wants ValueError
    return mode


def _list_of_words(value: object) -> object:
    """Let an environment variable hold a plain comma-separated list."""
    if not isinstance(value, str):
        return value
    return [word.strip(" \"'") for word in value.strip("[] ").split(",") if word.strip()] if value else []


def split_address(address: str) -> tuple[str, int]:
    """Take ``host:port`` apart; an IPv6 host stands in brackets. Raises ``ValueError``."""
    host, colon, port = address.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the largest port
        raise ValueError("is not HOST:PORT")
    if bare != "localhost":
        version = ipaddress.ip_address(bare).version
        if (version == 6) != (bare != host):  # noqa: PLR2004 - IPv6
            raise ValueError("is not HOST:PORT (brackets are for IPv6)")
    return bare, int(port)


def _address(address: str) -> str:
    split_address(address)
    return address


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SomeSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineSettings(Group):
    url: Annotated[str, Field(pattern=r"^(unix:///|tcp://|http://|https://)\S+$")] = "unix:///var/run/docker.sock"
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    call_timeout_seconds: SomeSeconds = 30
    pull_timeout_seconds: SomeSeconds = 1800


class ApiSettings(Group):
    socket: AbsolutePath = Path("/run/paunchd/api.sock")
    socket_mode: Annotated[str, BeforeValidator(_octal), Field(pattern=r"^0?[0-7]{3}$")] = "0660"
    socket_group: Annotated[str, Field(min_length=1)] = "root"
    listen: Annotated[
        tuple[Annotated[str, AfterValidator(_address)], ...], NoDecode, BeforeValidator(_list_of_words)
    ] = ("127.0.0.1:80", "[::1]:80")

    @property
    def socket_mode_bits(self) -> int:
        return int(self.socket_mode, 8)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        return tuple(split_address(address) for address in self.listen)


class ReconcileSettings(Group):
    resync_seconds: SomeSeconds = 10
    slow_resync_seconds: SomeSeconds = 300
    debounce_seconds: Seconds = 0.1


class RolloutSettings(Group):
    min_healthy_seconds: Seconds = 2
    healthy_deadline_seconds: SomeSeconds = 300
    probation_seconds: Seconds = 300
    max_restarts: Annotated[int, Field(ge=0)] = 5
    moved_image: Literal["report", "replace"] = "report"


class BetweenSteps(StrEnum):
    """What a container of one step must have shown before the next step is changed."""

    AUTO = "auto"
    STARTED = "started"
    HEALTHY = "healthy"


class OrderSettings(Group):
    between_steps: BetweenSteps = BetweenSteps.AUTO


class ConfigFilesSettings(Group):
    """Below *roots* the files that containers mount count; *quiet_seconds* after the last change of them."""

    roots: Annotated[tuple[AbsolutePath, ...], NoDecode, BeforeValidator(_list_of_words)] = (
        Path("/var/lib/config-data"),
        Path("/var/lib/kolla/config_files"),
    )
    quiet_seconds: Seconds = 5
    max_files: Annotated[int, Field(ge=1)] = 10_000
    max_file_bytes: Annotated[int, Field(ge=1)] = 16 << 20


class RemovalGuard(Group):
    """Removals are held when one pass would remove more than *count* and more than *fraction* of ours."""

    count: Annotated[int, Field(ge=0)] = 5
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.5


class LogSettings(Group):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = "paunchd"
    desired_dir: AbsolutePath = Path("/var/lib/paunchd/desired")
    state_dir: AbsolutePath = Path("/var/lib/paunchd")
    strict_keys: bool = True
    engine: EngineSettings = EngineSettings()
    api: ApiSettings = ApiSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
    rollout: RolloutSettings = RolloutSettings()
    order: OrderSettings = OrderSettings()
    config_files: ConfigFilesSettings = ConfigFilesSettings()
    removal_guard: RemovalGuard = RemovalGuard()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment beat what the file says, group member by group member."""
        return env_settings, init_settings


def load_settings(path: Path | None = None) -> Settings:
    """Read *path*, else the file ``PAUNCHD_CONFIG`` names, else the default one, which alone may be absent.

    Raises ``SettingsError``.
    """
    named = path or (Path(os.environ[PATH_VARIABLE]) if os.environ.get(PATH_VARIABLE) else None)
    file = named or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
    from_file: dict[str, Any] = read_settings_file(file) if file else {}
    known = known_settings()
    strange = misspelt_variables(set(os.environ) - CLIENT_VARIABLES, PREFIX, known)
    if strange:
        raise SettingsError(f"cannot use settings from the environment: {'; '.join(strange)}")
    try:
        return Settings(**from_file)
    except ValidationError as error:
        problems = describe(error, PREFIX, known)
        raise SettingsError(f"cannot use settings {file or 'from the environment'}: {'; '.join(problems)}") from None
    except UnreadableVariable as error:
        raise SettingsError(f"cannot use settings from the environment: {error}") from None


def known_settings() -> dict[str, Any]:
    """Map the dotted name of every setting, groups included, to its default."""
    known: dict[str, Any] = {}
    for name, value in Settings.model_construct():
        known[name] = value
        if isinstance(value, Group):
            known |= {f"{name}.{part}": default for part, default in value}
    return known
