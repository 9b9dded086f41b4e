"""Scores partners for the Solutions Partner for Modern Work designation, from Parquet history or tables in memory.

::

    import partnerscore
    run = partnerscore.score("data/sample", month="2026-10", evidence=True)
    run.scores          # a table: polars.DataFrame(run.scores), pandas.DataFrame.from_arrow(run.scores), ...

The rules are the same code as the command's; docs/python.md is the tour.
"""

import atexit

from ._errors import AbsentError, Error, InternalError, LockedError, RefusedError, StorageError, UsageError
from ._partnerscore import __version__, remove_unseen
from ._progress import Progress
from ._questions import Scenario, diff, explain, outlook, plan, simulate
from ._rulebooks import Rulebook, rulebooks
from ._runs import Run, score
from ._tables import Answer, ArrowStream, Table

__all__ = [
    "AbsentError",
    "Answer",
    "ArrowStream",
    "Error",
    "InternalError",
    "LockedError",
    "Progress",
    "RefusedError",
    "Rulebook",
    "Run",
    "Scenario",
    "StorageError",
    "Table",
    "UsageError",
    "__version__",
    "diff",
    "explain",
    "outlook",
    "plan",
    "rulebooks",
    "score",
    "simulate",
]

atexit.register(remove_unseen)
