"""The desired directory as whoever writes it knows it, and what a daemon must have understood of it by now."""

import json
from pathlib import Path

from tests.histories.revisions import FILE_OF, NAMES, Definition

BROKEN = "aa: [1, {"
Content = dict[str, Definition]


class Papers:
    """Every file as last written, broken ones as ``None``. A broken file stands for what was read of it before."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._away = directory.with_name("away")
        self._written: dict[str, Content] = {}
        self._files: dict[str, Content | None] = {}
        self._understood: dict[str, Content] = {}
        self._kept: dict[str, Content] = {}
        self._in_group: set[str] = set()
        directory.mkdir()

    # --- writing ---------------------------------------------------------------------------------------------------

    def declare(self, definition: Definition) -> None:
        """Write *definition* into its file, beside what that says of others; a broken one is mended by it."""
        file = FILE_OF[definition.name]
        if definition.way == "group":
            self._in_group.add(definition.name)
        self._write(file, {**self._written.get(file, {}), definition.name: definition})

    def withdraw(self, name: str) -> None:
        file = FILE_OF[name]
        self._write(file, {one: what for one, what in self._written.get(file, {}).items() if one != name})

    def break_file(self, file: str) -> None:
        self._files[file] = None
        self._put(file, BROKEN)

    def mend(self, file: str) -> None:
        self._write(file, self._written.get(file, {}))

    def delete(self, file: str) -> None:
        self._written.pop(file, None)
        if file in self._files:
            del self._files[file]
            self._place(file).unlink()

    def move_away(self) -> None:
        self._directory.rename(self._away)

    def move_back(self) -> None:
        if self.are_away:
            self._away.rename(self._directory)

    def _write(self, file: str, content: Content) -> None:
        self._written[file] = self._files[file] = content
        self._put(file, json.dumps({name: one.content for name, one in content.items()}))

    def _put(self, file: str, text: str) -> None:
        """As README asks: elsewhere, then renamed."""
        new = self._place(file).with_name(".new")
        new.write_text(text)
        new.rename(self._place(file))

    def _place(self, file: str) -> Path:
        return (self._away if self.are_away else self._directory) / f"{file}.yaml"

    # --- knowing ---------------------------------------------------------------------------------------------------

    @property
    def are_away(self) -> bool:
        return self._away.exists()

    def read(self) -> None:
        """A daemon reads the directory now."""
        if not self.are_away:
            self._understood = {
                file: self._understood.get(file, {}) if content is None else content
                for file, content in self._files.items()
            }

    def saved(self) -> None:
        self._kept = dict(self._understood)

    def daemon_began(self) -> None:
        self._understood = dict(self._kept)

    def store_lost(self) -> None:
        self._kept = {}

    def understood(self, name: str) -> Definition | None:
        return self._understood.get(FILE_OF[name], {}).get(name)

    def is_broken(self, name: str) -> bool:
        file = FILE_OF[name]
        return file in self._files and self._files[file] is None

    def ever_in_group(self, name: str) -> bool:
        return name in self._in_group

    def __str__(self) -> str:
        return ", ".join(f"{name}: {one.revision} {one.way}" for name in NAMES if (one := self.understood(name)))
