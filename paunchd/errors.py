"""The errors of paunchd, divided by what the caller does about them.

    PaunchdError
    ├── SettingsError          stop with exit code 2: an operator must edit the settings
    ├── StoreError             the store cannot be written: begin no mutation
    └── EngineError
        ├── EngineUnavailable  the engine is away, slow or answers 5xx: freeze, try again; nobody's failure
        ├── NotFound           the object is not there (any more), or an image cannot be had: observe again
        ├── Conflict           the name or the state is taken by somebody else: observe again
        └── Rejected           the engine refuses the specification itself: no retry can help

Texts read ``cannot <verb> <object>: <cause>``.
"""


class PaunchdError(Exception):
    """Root of every error this package raises on purpose."""


class SettingsError(PaunchdError):
    """Raised when the settings file or environment is wrong; the text names the setting."""


class StoreError(PaunchdError):
    """Raised when the store cannot be read or written."""


class EngineError(PaunchdError):
    """Root of what the container engine can answer."""


class EngineUnavailable(EngineError):  # noqa: N818 - named for the condition, as the caller reads it
    """Raised when the engine does not answer in time, cannot be reached or answers 5xx."""


class NotFound(EngineError):  # noqa: N818
    """Raised when the engine does not know the object, or an image can be had neither here nor by pulling."""


class Conflict(EngineError):  # noqa: N818
    """Raised when a name is taken, or an object is in a state that forbids the call."""


class Rejected(EngineError):  # noqa: N818
    """Raised when the engine refuses to create, start or update what the specification asks for."""
