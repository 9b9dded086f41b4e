"""Scores: runs, with their tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import _partnerscore
from ._asking import Day, History, Ids, Place, Rules, asked, maybe, place
from ._progress import Progress, telling
from ._tables import Table


class Run:
    """A portfolio scored: the tables of SPEC's section 5, as docs/output.md describes them.

    A run stands for its folder wherever a RUN is asked for: ``explain(run, ...)``, ``diff(before, run)``. The folder of a run that
    was not published is nobody else's, and is removed with the last of its tables.
    """

    __slots__ = ("_native", "run")

    run: dict[str, Any]
    """What ``run.json`` says: rulebook, months, inputs, row counts, rejects and warnings by rule, freshness, timings."""

    def __init__(self, native: _partnerscore.Run) -> None:
        self._native = native
        self.run = native.run

    @classmethod
    def open(cls, path: Place, *, cache: Place | None = None, progress: Progress = None) -> Run:
        """Opens a published run: its folder ``as_of=DATE``, or the folder above it for the newest; or the URL of either.

        What lies on an object store is brought into ``cache``, which is that of :func:`score`.

        Raises:
            AbsentError: there is no run.
            RefusedError: what is there is no run that this version can read.
            StorageError: a file could not be read, or the object store not reached.
        """
        with telling(progress) as tell:
            return cls(_partnerscore.open_run(place(path), maybe(cache), tell))

    @property
    def scores(self) -> Table:
        """One row for each partner, by rank and then partner_id.

        Columns: rank, partner_id, partner_name, distributor_id, market, distributor_rank, track, qualified, total_points,
        net_customer_adds_points, intermediate_certifications_points, advanced_certifications_points, usage_growth_points,
        deployments_points, enterprise_points, smb_points, points_short, metrics_short.
        """
        return Table(self._native.scores)

    @property
    def metric_points(self) -> Table:
        """One row for each partner, track, metric and option, in rulebook order.

        Columns: partner_id, track, metric, option, current, prior, net, target, points, max_points, counted.
        """
        return Table(self._native.metric_points)

    @property
    def evidence(self) -> Table:
        """What every tenant, pair and person adds: rows with ``counted`` sum to ``metric_points``. Read from files as it is used.

        Columns: partner_id, track, metric, option, tenant_id, person_id, workload, current, prior, counted, reason.

        Raises:
            AbsentError: the run was scored without ``evidence=True``.
        """
        return Table(self._native.evidence())

    @property
    def rejects(self) -> Table:
        """One row for each row that was rejected. Columns: table, rule, key, reason."""
        return Table(self._native.rejects)

    @property
    def folder(self) -> Path:
        """Where its files are; those of a run on an object store, where they were brought."""
        return self._native.folder

    @property
    def url(self) -> str | None:
        """Where it was published, where that is an object store; None for a folder."""
        return self._native.url

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        rules, rows = self.run["rulebook"]["id"], len(self.scores)
        return f"<Run of {rows} partners as of {self.run['as_of']} by {rules}>"

    def _repr_html_(self) -> str:
        return self.scores._repr_html_()


def score(
    history: History,
    *,
    as_of: Day = None,
    month: Day = None,
    rulebook: Rules = None,
    partners: Ids = (),
    distributors: Ids = (),
    shards: int = 1,
    evidence: bool = False,
    max_reject_ratio: float | None = None,
    min_coverage: float | None = None,
    max_unknown_ratio: float | None = None,
    out: Place | None = None,
    cache: Place | None = None,
    progress: Progress = None,
) -> Run:
    """Scores every partner of a history.

    The interpreter's lock is released while it computes, and Ctrl-C stops it at the next stage or batch of rows.

    Args:
        history: a folder of Parquet tables or its URL, or the four tables by name, each anything with ``__arrow_c_stream__`` or a
            ``deltalake.DeltaTable``.
        as_of: the day the score is for; today (UTC) unless given.
        month: the usage month the score is for instead, as of the day it is complete; such as ``2026-10``.
        rulebook: an id, a TOML file, ``by-date`` or a :class:`Rulebook`; ``modern-work-2024`` unless given.
        partners: only these; all where none is named.
        distributors: only their partners; all where none is named.
        shards: sets of tenants that are read one after another, to bound memory; the result is the same.
        evidence: whether what every tenant, pair and person adds is kept.
        max_reject_ratio: the largest share of a table's checked rows that may be rejected; 0.01 unless given.
        min_coverage: the smallest share of the tenants held that usage must know; 0.5 unless given.
        max_unknown_ratio: the largest share of rows whose names or tenant ids match known ones only without case, padding and
            punctuation; 0.05 unless given.
        out: a folder or a URL to publish in, as the command does; nobody else sees the run unless given.
        cache: a folder for what is brought here from object stores; that of ``PARTNERSCORE_CACHE``, or ``partnerscore`` in the user's
            cache directory, unless given.
        progress: see :data:`Progress`.

    Raises:
        UsageError: an argument or the rulebook is wrong.
        RefusedError: the data cannot be scored as it is.
        AbsentError: the history, a table or a month is missing.
        StorageError: a file could not be read or written, or an object store not reached.
        LockedError: another run writes to ``out``, or has published the date there in the meantime.
    """
    limits: dict[str, Any] = {
        "max_reject_ratio": max_reject_ratio,
        "min_coverage": min_coverage,
        "max_unknown_ratio": max_unknown_ratio,
    }
    question = asked(
        history, as_of, month, rulebook, partners, distributors, shards=shards, evidence=evidence, cache=cache, **limits
    )
    with telling(progress) as tell:
        return Run(_partnerscore.score(question, maybe(out), tell))
