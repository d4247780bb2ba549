"""Which error an engine's answer is. Pure.

Engine 20.10 answers 500 to much of what is wrong with the container asked for (a bad mount option, a missing
device, an unknown user), so for creating and starting the status alone says little. Its words are passed on, but for
the arguments of a command: these may be secrets, and errors are told to everybody.
"""

import re

from paunchd.errors import Conflict, EngineError, EngineUnavailable, NotFound, Rejected

_BAD_REQUEST, _NOT_FOUND, _CONFLICT, _SERVER_ERROR = 400, 404, 409, 500

_ASKS = frozenset({"create", "start", "update", "rename"})
"""Verbs that hand the engine something of the specification, so that a refusal is about that."""

_TOUCHES = frozenset({"remove", "kill", "unpause"})
"""Verbs whose only reason to be refused is the state the container is in."""

_ENGINE_TROUBLE = (
    "cannot allocate memory",
    "connection refused",
    "connection reset",
    "context canceled",
    "context deadline exceeded",
    "daemon is shutting down",
    "error while dialing",
    "i/o timeout",
    "input/output error",
    "no space left on device",
    "resource temporarily unavailable",
    "too many open files",
    "transport is closing",
    "ttrpc: closed",
)

_ID = re.compile(r"[0-9a-f]{64}")
_SHORT_ID = 12
_PROGRAM = re.compile(r'exec: "((?:[^"\\]|\\.)*)"')


def refusal(verb: str, what: str, status: int, message: str) -> EngineError:
    """Turn an answer of 400 and up to "*verb* *what*" into the error to raise."""
    short = what[:_SHORT_ID] if _ID.fullmatch(what) else what
    text = f"cannot {verb} {short}: {_without_arguments(message.strip()) or f'the engine answers {status}'}"
    said = message.lower()
    if verb == "pull":
        return NotFound(f"cannot pull image {what}: {message.strip()}")
    if status == _NOT_FOUND and (verb not in _ASKS or _is_missing(verb, what, said)):
        return NotFound(text)
    if _is_about_the_state(verb, status, said):
        return Conflict(text)
    if _is_about_the_request(verb, status, said):
        return Rejected(text)
    return EngineUnavailable(text)


def _without_arguments(message: str) -> str:
    """A command line written as one word is told as the program it was to be; what follows may repeat all of it."""
    found = _PROGRAM.search(message)
    words = found[1].split(maxsplit=1) if found else []
    if not found or len(words) < 2:  # noqa: PLR2004 - a program and its arguments
        return message
    cause = [part for part in message[found.end() :].split(": ")[-2:] if part and not part.startswith("stat ")]
    return ": ".join([f'{message[: found.start()]}exec: "{words[0]} …"', *cause])


def _is_missing(verb: str, what: str, said: str) -> bool:
    """Whether the thing itself is missing, not a network or container that its specification names."""
    if "no such image" in said:
        return True
    return verb != "create" and "no such container" in said and what.lower() in said


def _is_about_the_state(verb: str, status: int, said: str) -> bool:
    if status == _CONFLICT:
        return not said.startswith("cannot update container")
    return status == _SERVER_ERROR and verb in _TOUCHES and not _in_trouble(said)


def _in_trouble(said: str) -> bool:
    return any(words in said for words in _ENGINE_TROUBLE)


def _is_about_the_request(verb: str, status: int, said: str) -> bool:
    if status < _SERVER_ERROR:
        return True
    if verb not in _ASKS or status > _SERVER_ERROR:
        return False
    return not _in_trouble(said)
