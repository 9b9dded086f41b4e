//! Wires the rooms for a run: history to contributions, facts, scores, and what is published of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, History, KnownNames};
use crate::metrics::{self, Coverage, Facts, Period, Question};
use crate::month::Month;
use crate::publish::{
    self, EvidenceParts, Freshness, Input, Lock, Mode, Months, RejectCount, RowCounts, RulebookName, Run, Selection,
    Stage, Staging, Stamp, WarningCount,
};
use crate::rulebook::{self, Metric, Rulebook};
use crate::score::{self, Score};

/// What a run is asked for.
#[derive(Debug, Clone)]
pub struct Settings {
    pub history: PathBuf,
    pub as_of: NaiveDate,
    pub rules: Rulebook,
    /// Only these partners; all where neither partners nor distributors are named.
    pub partners: Vec<String>,
    /// Only the partners of these distributors.
    pub distributors: Vec<String>,
    /// Sets of whole tenants that are read one after another.
    pub shards: usize,
    pub evidence: bool,
    /// Largest share of a table's checked rows that may be rejected.
    pub max_reject_ratio: f64,
    /// Smallest share of the tenants held at M that usage at M must know.
    pub min_coverage: f64,
    /// Permissions of what is published.
    pub mode: Mode,
}

impl Settings {
    /// The defaults for a history, a date and a rulebook.
    pub fn new(history: impl Into<PathBuf>, as_of: NaiveDate, rules: Rulebook) -> Self {
        Settings {
            history: history.into(),
            as_of,
            rules,
            partners: Vec::new(),
            distributors: Vec::new(),
            shards: 1,
            evidence: false,
            max_reject_ratio: 0.01,
            min_coverage: 0.5,
            mode: Mode::default(),
        }
    }
}

/// A portfolio scored, before anything is published.
#[derive(Debug)]
pub struct Scored {
    pub period: Period,
    pub accounts: Accounts,
    pub scores: Vec<Score>,
    pub findings: Findings,
    pub coverage: Coverage,
    history: Arc<History>,
}

/// What a run did.
#[derive(Debug)]
pub struct Outcome {
    pub scored: Scored,
    pub run: Run,
    pub folder: PathBuf,
    /// False where the same was published already.
    pub changed: bool,
}

/// Scores a history and publishes the result in `out`.
pub fn run(settings: &Settings, out: &Path) -> Result<Outcome> {
    let _lock = Lock::take(out, settings.mode)?;
    let staging = Staging::begin(out, settings.as_of, settings.mode)?;
    let mut parts = if settings.evidence { Some(EvidenceParts::begin(&staging)?) } else { None };
    let scored = scored(settings, parts.as_mut())?;
    let run = write(settings, &scored, &staging, parts)?;
    let changed = !(staging.is_published() && run.same_as(staging.target()));
    let folder = match changed {
        true => engine::stage("publish", || staging.publish())?,
        false => staging.settle_published().map(|()| staging.target().to_owned())?,
    };
    Ok(Outcome { scored, run, folder, changed })
}

/// Scores a history, without publishing anything.
///
/// # Errors
/// Those of section "refusals" in `docs/errors.md`: absent months, too many rejects, too little coverage, wrong content.
pub fn score(settings: &Settings) -> Result<Scored> {
    scored(settings, None)
}

fn scored(settings: &Settings, parts: Option<&mut EvidenceParts>) -> Result<Scored> {
    let (history, findings) = open(&settings.history, &settings.rules)?;
    let history = Arc::new(history);
    scored_of(settings, &history, findings, parts).map_err(|error| history.place(error))
}

fn scored_of(
    settings: &Settings,
    history: &Arc<History>,
    mut findings: Findings,
    mut parts: Option<&mut EvidenceParts>,
) -> Result<Scored> {
    let accounts = history.accounts().narrowed(&settings.partners, &settings.distributors)?;
    let period = Period::of(&settings.rules, settings.as_of);
    require_months(history, period)?;
    let question =
        Question { history, rules: &settings.rules, accounts: &accounts, period, evidence: settings.evidence };
    findings.add(history.check_certifications()?);
    findings.add(history.check_associations()?);
    let mut sum = |stage, contributions| -> Result<Facts> {
        let contributions = match parts.as_mut() {
            Some(parts) => vec![parts.add(contributions)?],
            None => contributions,
        };
        metrics::facts(stage, contributions, accounts.rows.len(), settings.rules.measures().len())
    };
    let mut facts = sum("certifications", metrics::of_people(&question)?)?;
    let mut coverage = Coverage::default();
    let sets = history.tenant_ranges(period.month, settings.shards)?;
    for (number, tenants) in sets.iter().enumerate() {
        tracing::info!(set = number + 1, of = sets.len(), "tenants");
        engine::progress(number, sets.len());
        let answer = metrics::TenantSet::read(&question, &[period], tenants)?.answer(period)?;
        facts.add(&sum("facts", answer.contributions)?);
        findings.add(answer.findings);
        coverage.add(answer.coverage);
    }
    refuse(settings, history, &findings, &coverage, period)?;
    let scores = score::score(&accounts, &facts, &settings.rules);
    Ok(Scored { period, accounts, scores, findings, coverage, history: history.clone() })
}

/// Opens a history, with the names that the rulebook in use or any built-in one knows.
pub fn open(history: &Path, rules: &Rulebook) -> Result<(History, Findings)> {
    let mut known = KnownNames::default();
    for rulebook in rulebook::builtins()?.iter().chain([rules]) {
        known.workloads.extend(rulebook.workload_lists.values().flat_map(|list| list.workloads.clone()));
        let certifications = Metric::ALL.into_iter().flat_map(|metric| rulebook.certifications(metric));
        known
            .certifications
            .extend(certifications.flat_map(|entry| entry.aliases.iter().chain([&entry.name]).cloned()));
    }
    History::open(history, known)
}

/// Both months a score compares must be there.
fn require_months(history: &History, period: Period) -> Result<()> {
    for month in [period.month, period.year_ago] {
        if !history.holds_usage_of(month)? {
            return Err(absent(history, month, period));
        }
    }
    Ok(())
}

fn absent(history: &History, month: Month, period: Period) -> Error {
    let (m, p) = (period.month, period.year_ago);
    let months = history.usage_months().unwrap_or_default();
    let newest = months.into_iter().rev().find(|month| history.holds_usage_of(*month).unwrap_or(false));
    let hint = match newest {
        Some(newest) if newest < m => format!("the newest month is {newest}: wait for {m}, or score --month {newest}"),
        Some(newest) => format!("the newest month is {newest}; a score of {m} compares it with {p}"),
        None => "the table holds no month at all".to_owned(),
    };
    Error::absent(format!("workload_usage has no rows of {month}")).at(history.root.display()).hint(hint)
}

/// Refuses what cannot be trusted, once everything was read.
fn refuse(
    settings: &Settings,
    history: &History,
    findings: &Findings,
    coverage: &Coverage,
    period: Period,
) -> Result<()> {
    if let Some(month) = coverage.missing_months.first() {
        let months: Vec<String> = coverage.missing_months.iter().map(Month::to_string).collect();
        let what =
            format!("associations that count begin in {}, of which workload_usage has no rows", months.join(", "));
        return Err(Error::absent(what)
            .at(history.root.display())
            .hint(format!("growth is counted from the association month; add {month}")));
    }
    history.refuse_rejects(findings, settings.max_reject_ratio)?;
    for (month, rows) in [(period.month, coverage.rows_at_m), (period.year_ago, coverage.rows_at_p)] {
        if rows == 0 {
            return Err(Error::refused(format!("every row of workload_usage in {month} was rejected"))
                .at(history.root.display())
                .hint("`partnerscore check` shows each with its reason"));
        }
    }
    if (coverage.tenants_found as f64) < settings.min_coverage * coverage.tenants_held as f64 {
        let what = format!(
            "only {} of {} tenants with an association that holds are found in usage of {}",
            coverage.tenants_found, coverage.tenants_held, period.month
        );
        return Err(Error::refused(what).at(history.root.display()).hint(
            "tenant ids may differ in form or case between associations and workload_usage; or lower --min-coverage",
        ));
    }
    Ok(())
}

/// Writes everything but the publication itself.
fn write(settings: &Settings, scored: &Scored, staging: &Staging, parts: Option<EvidenceParts>) -> Result<Run> {
    let rules = &settings.rules;
    let stamp = Stamp { rulebook_id: rules.id.clone(), rulebook_hash: rules.hash.clone(), as_of: settings.as_of };
    let scores = publish::scores(&scored.scores)?;
    let points = publish::metric_points(&scored.scores, rules)?;
    let rejects = scored.findings.rejects()?;
    let mut rows = RowCounts {
        checked: scored.findings.checked.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect(),
        scores: scores.height() as u64,
        metric_points: points.height() as u64,
        evidence: None,
        rejects: rejects.height() as u64,
        tenants_held: scored.coverage.tenants_held,
        tenants_found: scored.coverage.tenants_found,
    };
    for (name, table) in [("scores", scores), ("metric_points", points), ("rejects", rejects)] {
        publish::write_table("write", table, &staging.path().join(format!("{name}.parquet")), &stamp)?;
    }
    if let Some(parts) = parts {
        rows.evidence = Some(publish::write_evidence(parts, staging, &scored.accounts, rules, &stamp)?);
    }
    let run = described(settings, scored, rows)?;
    staging.write("run.json", &run.to_json()?)?;
    Ok(run)
}

/// The content of `run.json`.
fn described(settings: &Settings, scored: &Scored, rows: RowCounts) -> Result<Run> {
    let rejects = scored.findings.rejects_by_rule().into_iter();
    let warnings = scored.findings.warnings.iter();
    let stages = engine::taken().into_iter();
    Ok(Run {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version: publish::SCHEMA_VERSION.to_owned(),
        rulebook: RulebookName { id: settings.rules.id.clone(), hash: settings.rules.hash.clone() },
        as_of: settings.as_of,
        months: Months { m: scored.period.month.first_day(), p: scored.period.year_ago.first_day() },
        selection: Selection {
            partners: settings.partners.clone(),
            distributors: settings.distributors.clone(),
            evidence: settings.evidence,
        },
        inputs: inputs(&scored.history),
        rows,
        rejects: rejects.map(|((table, rule), rows)| RejectCount { table, rule, rows }).collect(),
        warnings: warnings
            .map(|((rule, subject), count)| WarningCount {
                rule: (*rule).to_owned(),
                subject: subject.clone(),
                count: *count,
            })
            .collect(),
        freshness: freshness(settings, scored)?,
        peak_memory_bytes: engine::peak_memory(),
        finished_at: timestamp(Utc::now()),
        stages: stages
            .map(|taken| Stage {
                stage: taken.stage.to_owned(),
                milliseconds: taken.time.as_millis() as u64,
                resident_bytes: taken.resident_bytes,
            })
            .collect(),
    })
}

fn inputs(history: &History) -> Vec<Input> {
    let opened = history.tables().into_iter().flat_map(|table| table.opened());
    opened
        .map(|(file, footer)| Input {
            name: file.name.clone(),
            size: file.size,
            modified: file.modified.map(|time| timestamp(time.into())),
            footer_hash: footer.hash,
            rows: footer.rows,
        })
        .collect()
}

/// Is the newest data as recent as the source promises on the as-of date?
fn freshness(settings: &Settings, scored: &Scored) -> Result<Freshness> {
    let (rules, as_of) = (&settings.rules.freshness, settings.as_of);
    let newest_month = scored.history.usage_months()?.last().copied();
    let newest_certification = scored.history.newest_certification(as_of)?;
    let month_before = Month::of(as_of).plus(-1);
    let promised = if as_of >= Month::of(as_of).day(rules.usage_by_day) { month_before } else { month_before.plus(-1) };
    let days = |newest: NaiveDate| (as_of - newest).num_days();
    Ok(Freshness {
        newest_usage_month: newest_month.map(Month::first_day),
        usage_as_promised: newest_month.is_some_and(|newest| newest >= promised),
        newest_certification,
        certifications_as_promised: newest_certification
            .is_some_and(|newest| days(newest) <= i64::from(rules.certifications_within_days)),
    })
}

/// Reads and checks everything a history holds.
pub fn check(history: &Path, rules: &Rulebook) -> Result<(History, Findings, Vec<Month>)> {
    let (history, mut findings) = open(history, rules)?;
    let months = check_all(&history, rules, &mut findings).map_err(|error| history.place(error))?;
    Ok((history, findings, months))
}

fn check_all(history: &History, rules: &Rulebook, findings: &mut Findings) -> Result<Vec<Month>> {
    findings.add(history.check_certifications()?);
    findings.add(history.check_associations()?);
    findings.add(history.check_monthless_usage()?);
    let dated = history.dated_months()?;
    for (number, month) in dated.iter().enumerate() {
        engine::progress(number, dated.len());
        findings.add(history.check_usage(*month)?);
    }
    let months = history.usage_months()?;
    if let Some(newest) = months.last() {
        findings.add(contested(history, rules, *newest)?);
    }
    Ok(months)
}

/// Pairs that two partners hold at the newest month through an option that has one partner at most.
fn contested(history: &History, rules: &Rulebook, month: Month) -> Result<Findings> {
    let period = Period::of(rules, rules.as_of_month(month));
    let question = Question { history, rules, accounts: history.accounts(), period, evidence: false };
    metrics::contested(&question)
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
