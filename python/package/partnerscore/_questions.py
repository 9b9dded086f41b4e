"""Questions asked of scores and history. Answers are what the command prints as JSON; docs/schemas/ has the schema of each.

``cache`` is everywhere that of :func:`score`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypedDict

from . import _partnerscore
from ._asking import Day, History, Ids, Place, Rules, asked, maybe, place, rules
from ._progress import Progress, telling
from ._runs import Run
from ._tables import Answer, Table


def _answer(answered: tuple[dict[str, Any], _partnerscore.Table]) -> Answer:
    return Answer(answered[0], Table(answered[1]))


def explain(
    source: History | Run,
    partner: str,
    *,
    as_of: Day = None,
    month: Day = None,
    rulebook: Rules = None,
    track: str | None = None,
    metric: str | None = None,
    cache: Place | None = None,
    progress: Progress = None,
) -> Answer:
    """Every point of a partner, down to tenant, workload and person, with reasons.

    ``source`` is a run with evidence, which has its day and rules already, or a history. The answer is of
    ``docs/schemas/explain.json``: the partner's totals, ``measures`` with their formulas, and ``rows`` behind them; its table has
    one row for each tenant, pair or person. ``track`` and ``metric`` narrow it.

    Raises:
        UsageError: there is no such partner, track or metric, with the nearest.
        AbsentError: the run has no evidence.
        Error: those of :func:`score`.
    """
    question = asked(source, as_of, month, rulebook, cache=cache)
    with telling(progress) as tell:
        return _answer(_partnerscore.explain(question, partner, track, metric, tell))


def plan(
    history: History,
    partner: str | None = None,
    *,
    as_of: Day = None,
    month: Day = None,
    rulebook: Rules = None,
    distributors: Ids = (),
    effort: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    cache: Place | None = None,
    progress: Progress = None,
) -> Answer:
    """The moves that bring a partner to the designation with the least effort; of every partner without it where none is named.

    ``effort`` is what moves cost, a file as ``data/effort.toml`` or its content as a mapping. The answer is of
    ``docs/schemas/plan.json``, and its table has one row for each move; of all partners ``docs/schemas/plan-all.json``, with one row
    for each partner.

    Raises:
        UsageError: there is no such partner, or an effort is wrong.
        Error: those of :func:`score`.
    """
    partners = () if partner is None else partner
    question = asked(history, as_of, month, rulebook, partners, distributors, cache=cache)
    with telling(progress) as tell:
        return _answer(_partnerscore.plan(question, effort, partner is None, tell))


class Certify(TypedDict):
    """People who come to hold a certification: ``intermediate`` or ``advanced``."""

    metric: str
    people: int


class _Track(TypedDict, total=False):
    track: str


class Usage(_Track):
    """Active users won through an option, on every track that has it or on one."""

    option: str
    active_users: int


class Deployed(_Track):
    """Tenants deployed through an option, on every track that has it or on one."""

    option: str
    tenants: int


class _Tenant(TypedDict):
    tenant_id: str


class TenantChange(_Tenant, total=False):
    """A tenant's usage at M, of one workload: its largest unless named."""

    workload: str
    paid_seats: int
    active_users: int


class _Associate(TypedDict):
    tenant_id: str
    option: str


class Associate(_Associate, total=False):
    """An association that begins at M, for every eligible workload unless one is named."""

    workload: str


class Scenario(TypedDict, total=False):
    """Changes that all apply at M, as docs/simulate.md describes them."""

    certify: list[Certify]
    net_customer_adds: int
    usage: list[Usage]
    deployments: list[Deployed]
    tenant: list[TenantChange]
    associate: list[Associate]


def simulate(
    history: History,
    partner: str | None = None,
    scenario: Scenario | str | os.PathLike[str] | None = None,
    *,
    as_of: Day = None,
    month: Day = None,
    rulebook: Rules = None,
    against: Rules = None,
    distributors: Ids = (),
    cache: Place | None = None,
    progress: Progress = None,
) -> Answer:
    """A partner before and after a change; or, with ``against``, the portfolio under ``rulebook`` and under that one before.

    ``scenario`` is a mapping such as ``{"certify": [{"metric": "advanced", "people": 1}], "net_customer_adds": 1}``, or a file of
    the same. The answer is of ``docs/schemas/simulate.json``, and its table has one row for each measure; with ``against``
    ``docs/schemas/simulate-against.json``, with one row for each partner.

    Raises:
        UsageError: no partner or no change is named, or what a change names is not there, with the nearest.
        Error: those of :func:`score`.
    """
    partners = () if partner is None else partner
    question = asked(history, as_of, month, rulebook, partners, distributors, cache=cache)
    with telling(progress) as tell:
        return _answer(_partnerscore.simulate(question, scenario, rules(against), tell))


def outlook(
    history: History,
    partner: str | None = None,
    *,
    as_of: Day = None,
    month: Day = None,
    rulebook: Rules = None,
    distributors: Ids = (),
    months: int = 6,
    shards: int = 1,
    cache: Place | None = None,
    progress: Progress = None,
) -> Answer:
    """What is already certain about the next months if nobody changes what they do; with what is behind it for one partner.

    The answer is of ``docs/schemas/outlook.json``; its table has one row for each partner and month.

    Raises:
        UsageError: there is no such partner, or it looks too far ahead.
        Error: those of :func:`score`.
    """
    partners = () if partner is None else partner
    question = asked(history, as_of, month, rulebook, partners, distributors, shards=shards, cache=cache)
    with telling(progress) as tell:
        return _answer(_partnerscore.outlook(question, months, tell))


def diff(
    before: Run | Place,
    after: Run | Place,
    *,
    partner: str | None = None,
    metric: str | None = None,
    rows: int | None = None,
    history: Place | None = None,
    rulebook: str | os.PathLike[str] | None = None,
    cache: Place | None = None,
    progress: Progress = None,
) -> Answer:
    """What changed between two runs, folders or URLs, and why: newly qualified, lost, movers.

    ``rows`` of evidence are named for each cause; 3 unless given, and all where one ``partner`` is asked about. Where the rulebooks
    differ, the ``history`` that ``before`` was made of tells the share of the rules from that of the data; ``rulebook`` is that of
    ``after``, where it is not built in: a file. The answer is of ``docs/schemas/diff.json``; its table has one row for each change
    that is told of.

    Raises:
        UsageError: there is no such partner or metric, with the nearest.
        AbsentError: there is no run.
        StorageError: a file could not be read, or an object store not reached.
    """
    more = [maybe(path) for path in (history, rulebook, cache)]
    with telling(progress) as tell:
        return _answer(_partnerscore.diff(place(before), place(after), partner, metric, rows, more[0], more[1], more[2], tell))
