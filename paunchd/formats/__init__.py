"""The bytes of one desired file into definitions, or into the reasons why it is broken.

Pure: a format never opens a file, reads a clock or logs. Nothing a file can hold makes it raise.
"""

from paunchd.formats.paunch import Origin, Parsed, broken, parse

__all__ = ["Origin", "Parsed", "broken", "parse"]
