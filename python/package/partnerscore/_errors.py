"""What went wrong, where, and what to do: the same words as the command line's."""

from __future__ import annotations


class Error(Exception):
    """Something that a person can act on.

    Attributes:
        code: the exit code that the command would end with; docs/errors.md has them.
        message: what is wrong, in one sentence.
        where: the file, column, row, line or table; None where there is no such place.
        hint: what to do about it; None where nothing better is known.
        retryable: whether the same call may succeed later without any change.
    """

    code: int
    message: str
    where: str | None
    hint: str | None
    retryable: bool

    def __init__(
        self, code: int, message: str, where: str | None = None, hint: str | None = None, retryable: bool = False
    ) -> None:
        # Exceptions are copied, and sent to other processes, by their arguments.
        super().__init__(code, message, where, hint, retryable)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint
        self.retryable = retryable

    def __str__(self) -> str:
        lines = [self.message]
        if self.where is not None:
            lines.append(f"  at: {self.where}")
        if self.hint is not None:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class InternalError(Error):
    """A fault of this package (code 1)."""


class UsageError(Error, ValueError):
    """An argument, a rulebook or another file that people write is wrong (code 2)."""


class RefusedError(Error):
    """The data was refused; nothing was published (code 3)."""


class AbsentError(Error):
    """An input is missing, or not there yet (code 5)."""


class StorageError(Error):
    """Storage or access failed (code 6)."""


class LockedError(Error):
    """Another run holds the output folder (code 7)."""


_BY_CODE: dict[int, type[Error]] = {
    1: InternalError,
    2: UsageError,
    3: RefusedError,
    5: AbsentError,
    6: StorageError,
    7: LockedError,
}


def of(code: int, message: str, where: str | None, hint: str | None, retryable: bool) -> Error:
    """The exception of a code; the native half raises what this returns."""
    return _BY_CODE.get(code, Error)(code, message, where, hint, retryable)


def usage(message: str, hint: str) -> UsageError:
    """An argument that is wrong."""
    return UsageError(2, message, None, hint)
