"""A desired directory to write to, and a source that reads it."""

import json

from paunchd.errors import StoreError
from paunchd.source import Source

WEB = "web: {image: x}\n"
DB = "db: {image: y}\n"


class Notebook:
    """A memory in memory, counting what is written."""

    def __init__(self, items=()):
        self.items = dict(items)
        self.saves = 0
        self.full = False
        self.shut = False
        self.stood_on = 0

    def device(self):
        return self.stood_on

    def save_device(self, device):
        if self.full:
            raise StoreError("cannot write the store: disk full")
        self.stood_on = device

    def definitions(self):
        if self.shut:
            raise StoreError("cannot open the store")
        return dict(self.items)

    def save_definitions(self, items):
        if self.full:
            raise StoreError("cannot write the store: disk full")
        self.items = dict(items)
        self.saves += 1


class Node:
    """A desired directory and the source that reads it."""

    def __init__(self, directory):
        self.directory = directory
        self.memory = Notebook()
        self.source = Source(directory, self.memory)

    def write(self, path, content, mode=0o644):
        file = self.directory / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        file.chmod(mode)
        return file

    def load(self):
        return self.source.load()

    def names(self):
        return sorted(self.load().items)

    def restarted(self):
        """The daemon comes back with the store it had."""
        self.source = Source(self.directory, self.memory)
        return self

    def faults(self, config_id):
        return " | ".join(str(fault) for fault in self.load().configs[config_id].faults)
