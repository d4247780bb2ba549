"""The text of a config into values, as the daemon reads a file: YAML or JSON, each key once.

What cannot be read is told by its place or its key; a value of it may be a password.

Runs where the agents run, as all here does.
"""

import json
import re
from collections import Counter
from collections.abc import Hashable
from typing import Any

import yaml
from paunchd_heat import RefusedError

PATTERNS = {  # the daemon's own, of paunchd/formats/yaml_document.py
    "null": r"~|null|Null|NULL|",
    "bool": r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
    "int": r"[-+]?(?:0|[1-9][0-9]{0,18}|0x[0-9a-fA-F]{1,16})",
    "float": r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?",
}


class _Loader(yaml.SafeLoader):
    """YAML as the daemon reads it: each key is text and there once, no dates, nothing to base 60."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - yaml's signature
        _refuse_twice([str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
        self.flatten_mapping(node)
        return {str(key.value): self.construct_object(value, deep=deep) for key, value in node.value}


_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern in {**PATTERNS, "merge": r"<<"}.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), None)


def read_text(text: str) -> Any:
    """Read JSON, else YAML; an empty text declares nothing. Raises ``RefusedError``, which quotes no value of it."""
    try:
        return json.loads(text, object_pairs_hook=_each_once)
    except ValueError:
        pass
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise RefusedError(f"cannot use `config`: no valid YAML or JSON{place}") from None
    except yaml.YAMLError:
        raise RefusedError("cannot use `config`: no valid YAML or JSON") from None
    return {} if value is None else value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a mapping, as of YAML: the first of two containers of one name must not be lost unheard."""
    _refuse_twice([key for key, _ in pairs])
    return dict(pairs)


def _refuse_twice(keys: list[str]) -> None:
    for key, times in Counter(keys).items():
        if times > 1:
            raise RefusedError(f"cannot use `config`: the key `{key}` is there twice")
