"""The rules as data: built in, from files, and edited for what-ifs."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import _partnerscore


class Rulebook:
    """One dated version of the programme's numbers and lists."""

    __slots__ = ("_native",)

    def __init__(self, native: _partnerscore.Rulebook) -> None:
        self._native = native

    @classmethod
    def load(cls, name: str | os.PathLike[str] = "modern-work-2024") -> Rulebook:
        """A built-in rulebook by its id, or that of a TOML file.

        Raises:
            UsageError: there is no such rulebook, with the nearest; or the file is wrong, with its line.
        """
        return cls(_partnerscore.load_rulebook(os.fspath(name)))

    def edit(self, changes: Mapping[str, Any]) -> Rulebook:
        """A rulebook with some entries changed; this one stays as it is.

        ``changes`` has keys as the TOML file has them, dotted or as mappings within mappings: ``{"designation.points": 60}`` is
        ``{"designation": {"points": 60}}``. Lists are replaced as a whole. None takes an entry away that may be absent, such as
        ``tracks.smb.paid_seats_to``. The id gets ``-edited`` at its end unless ``changes`` has another.

        Raises:
            UsageError: a key is none of a rulebook's, with the nearest, or the rulebook would be wrong.
        """
        return Rulebook(self._native.edit(changes))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes it as a TOML file, which every command takes as ``--rulebook``."""
        written = Path(path)
        written.write_text(self.text, encoding="utf-8")
        return written

    def diff(self, after: Rulebook) -> list[dict[str, str | None]]:
        """What changes from this rulebook to another: one dictionary a change, with subject, change, before and after."""
        names = ("subject", "change", "before", "after")
        return [dict(zip(names, change)) for change in self._native.changes_to(after._native)]

    @property
    def id(self) -> str:
        """Its name, such as ``modern-work-2024``."""
        return self._native.id

    @property
    def title(self) -> str:
        """One line about it."""
        return self._native.title

    @property
    def effective_from(self) -> datetime.date:
        """The first day it describes."""
        return datetime.date.fromisoformat(self._native.effective_from)

    @property
    def effective_from_estimated(self) -> bool:
        """Whether that day is not exactly known."""
        return self._native.effective_from_estimated

    @property
    def hash(self) -> str:
        """SHA-256 of its text, which every run of it names."""
        return self._native.hash

    @property
    def text(self) -> str:
        """The TOML that it is."""
        return self._native.text

    def entries(self) -> dict[str, Any]:
        """Every entry, as dictionaries and lists."""
        return self._native.entries()

    def __repr__(self) -> str:
        return f"<Rulebook {self.id}: {self.title}, from {self.effective_from}>"


def rulebooks() -> list[Rulebook]:
    """The built-in rulebooks, the oldest first."""
    return [Rulebook(native) for native in _partnerscore.builtin_rulebooks()]
