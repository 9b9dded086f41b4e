"""What a long call shows while it works: a line below a notebook's cell, or on a terminal."""

from __future__ import annotations

import contextlib
import html
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Progress = bool | Callable[[str, int, int], None] | None
"""True shows progress, False does not, None does where somebody watches: in a notebook, or on a terminal. A function is
called now and then with the name of the stage that works, which set of tenants it is at (from 0), and of how many."""

_AFTER = 0.3
"""Seconds before anything is shown: what is done sooner needs no progress."""


@contextlib.contextmanager
def telling(progress: Progress) -> Iterator[Callable[[str, int, int], None] | None]:
    """The function to tell of stages, and the end of what it shows."""
    if callable(progress):
        yield progress
        return
    display = None if progress is False else _display(always=progress is True)
    try:
        yield None if display is None else display.tell
    finally:
        if display is not None:
            display.end()


def _display(always: bool) -> _Display | None:
    if (notebook := _in_notebook()) is not None:
        return _Cell(notebook)
    return _Terminal() if always or sys.stderr.isatty() else None


def _in_notebook() -> Any:
    """IPython's display module, where a kernel runs this."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython import display  # type: ignore[import-not-found, unused-ignore]

    return display


class _Display:
    def __init__(self) -> None:
        self.start = time.monotonic()

    def tell(self, stage: str, done: int, of: int) -> None:
        seconds = time.monotonic() - self.start
        if seconds >= _AFTER:
            place = f"{stage} ({done + 1} of {of})" if of > 1 else stage
            self.show(f"{seconds:.0f} s  {place}")

    def show(self, line: str) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class _Cell(_Display):
    def __init__(self, display: Any) -> None:
        super().__init__()
        self.display = display
        self.handle: Any = None

    def show(self, line: str) -> None:
        shown = self.display.HTML(f"<small>{html.escape(line)}</small>")
        if self.handle is None:
            self.handle = self.display.display(shown, display_id=True)
        else:
            self.handle.update(shown)

    def end(self) -> None:
        if self.handle is not None:
            self.handle.update(self.display.HTML(""))


class _Terminal(_Display):
    width = 0

    def show(self, line: str) -> None:
        sys.stderr.write(f"\r{line:<{self.width}}")
        sys.stderr.flush()
        self.width = max(self.width, len(line))

    def end(self) -> None:
        if self.width:
            sys.stderr.write(f"\r{'':<{self.width}}\r")
            sys.stderr.flush()
