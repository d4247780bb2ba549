"""paunchd: keeps one node's containers as its desired directory says, and never loses a working one."""

__version__ = "0.1.0"
