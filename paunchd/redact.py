"""Keeps environment values and commands inside: whatever leaves by log or API goes through here.

Pure. It does not look for secrets in text. It refuses fields known to hold them, and every object that is not
plain data: an object's text form may hold anything, so only the name of its class gets out.
"""

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath

MARK = "[redacted]"
SECRET_FIELDS = frozenset(
    {
        "args",
        "argv",
        "cmd",
        "command",
        "config_data",
        "content",
        "definition",
        "entrypoint",
        "env",
        "env_file",
        "environment",
        "healthcheck",
        "spec",
        "test",
    }
)


def redact(value: object, field: str = "") -> object:
    """Copy *value* as plain data, with what stands in a secret field replaced, at any depth.

    The class of an unknown object is told, never its text; an error's text is told.
    """
    if field.lower() in SECRET_FIELDS and value not in (None, ""):
        return MARK
    match value:
        case Enum():
            plain: object = redact(value.value)
        case None | bool() | int() | float() | str():
            plain = value
        case PurePath() | BaseException():
            plain = str(value)
        case Mapping():
            plain = {str(key): redact(inner, str(key)) for key, inner in value.items()}
        case list() | tuple():
            plain = [redact(inner) for inner in value]
        case set() | frozenset():
            plain = sorted((redact(inner) for inner in value), key=str)
        case _:
            plain = f"<{type(value).__name__}>"
    return plain
