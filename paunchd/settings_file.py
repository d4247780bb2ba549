"""Reads the settings file's YAML, strictly: a key written twice is an error, not a riddle."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from paunchd.errors import SettingsError


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - yaml's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"`{key.value}` is written twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_settings_file(path: Path) -> dict[str, Any]:
    """Parse *path*; an empty file sets nothing. Raises ``SettingsError``."""
    try:
        with path.open("rb") as file:
            content = yaml.load(file, _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise SettingsError(f"cannot read settings {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise SettingsError(f"cannot parse settings {_place(path, error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SettingsError(f"cannot use settings {path}: it must be a mapping of settings")
    return content


def _place(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    cause = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{path}:{mark.line + 1}:{mark.column + 1}: {cause}" if mark else f"{path}: {cause}"
