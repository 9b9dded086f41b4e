//! A pile of exports merged into a history: month by month, then the tables that are derived of all months.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::certifications::{self, Certifications};
use super::findings::{FileFindings, Ingestion, RowsPassedOver, RowsRejected, SimilarIds, TableChange, UnknownName};
use super::history_json::{self, HistoryJson};
use super::partners::{self, Partners};
use super::pile::Pile;
use super::row::{FileRead, UnknownKind};
use super::{FileOf, associations, lacking, observations, usage};
use crate::engine;
use crate::error::{Error, Result};
use crate::publish::Replacement;

/// What a history holds, as far as it is small.
pub(super) struct Held {
    pub(super) json: HistoryJson,
    pub(super) partners: Partners,
    pub(super) certifications: Certifications,
}

impl Held {
    /// Reads it.
    pub(super) fn read(history: &Path, json: HistoryJson) -> Result<Held> {
        Ok(Held { json, partners: Partners::read(history)?, certifications: Certifications::read(history)? })
    }
}

/// Merges a pile into the history, in the place where its successor is made.
pub(super) fn merge(
    mut pile: Pile,
    files: Vec<FileOf>,
    person_key: Option<String>,
    held: &Held,
    place: &mut Replacement,
) -> Result<Ingestion> {
    pile.partners.refuse_chains()?;
    if pile.certifications.is_empty() && !held.certifications.is_empty() {
        return Err(Error::usage("the person key is to be replaced, and no export here has certifications")
            .hint("add every export of trainings and certifications: those held are of people under the old key"));
    }
    let mut json = held.json.clone();
    let mut changes = Vec::new();
    let repeated = merge_usage(&mut pile, &mut json, place, &mut changes)?;
    let seen_anew = merge_observations(&mut pile, &mut json, place, &mut changes)?;
    engine::progress(0, 1);
    let covered = pile.covered.to_spans();
    let moved = seen_anew || covered != held.json.covered || !pile.partners.same_accounts(&held.partners);
    let mut tables = vec![(partners::NAME, pile.partners.write(&held.partners, place)?)];
    if moved || !place.target().join(associations::FILE).exists() {
        let months = json.months_with(|month| month.observations > 0);
        let derived = engine::stage("derive associations", || {
            associations::derive(&months, &pile.covered, &pile.partners, place)
        });
        tables.push((associations::NAME, derived?));
    }
    tables.push((certifications::NAME, pile.certifications.write(&held.certifications, place)?));
    for (table, change) in tables {
        json.rows.insert(table.to_owned(), change.rows);
        changes.push(change.of(table, None));
    }
    json.rows.insert(usage::NAME.to_owned(), json.months.values().map(|month| month.usage_rows).sum());
    json.covered = covered;
    json.person_key = person_key.filter(|_| !pile.certifications.is_empty() || held.json.person_key.is_some());
    json.record(files.iter().filter(|file| file.read.skip_reason.is_none()).map(FileOf::record).collect());
    write_json(&json, &held.json, place)?;
    Ok(Ingestion {
        history: String::new(),
        dry_run: false,
        changed: false,
        unknown: unknown(&files, &pile),
        similar_ids: pile.similar_ids().into_iter().chain(similar_people(&files, &pile.certifications)).collect(),
        differences: pile.differences.told(&pile.files),
        files: files.into_iter().map(|file| findings(file.read, &repeated)).collect(),
        changes,
        coverage: lacking::look(&json, &pile, place)?,
    })
}

/// Merges the usage of every month of the pile; returns, by file, the rows that another row stands for.
fn merge_usage(
    pile: &mut Pile,
    json: &mut HistoryJson,
    place: &mut Replacement,
    changes: &mut Vec<TableChange>,
) -> Result<BTreeMap<String, u64>> {
    let mut repeated = BTreeMap::new();
    let months = pile.usage.months();
    for (done, month) in months.iter().copied().enumerate() {
        engine::progress(done, months.len());
        let records = pile.usage.take(month)?;
        let merged = engine::stage("merge usage", || usage::merge(&records, month, place, &mut pile.differences))?;
        for (file, rows) in merged.repeated {
            *repeated.entry(pile.files.get(file).cloned().unwrap_or_default()).or_default() += rows;
        }
        let record = json.month(month);
        (record.usage_rows, record.workloads) = (merged.change.rows, merged.workloads);
        changes.push(merged.change.of(usage::NAME, Some(month)));
    }
    Ok(repeated)
}

/// Merges what was seen in every month of the pile; returns whether anything is new.
fn merge_observations(
    pile: &mut Pile,
    json: &mut HistoryJson,
    place: &mut Replacement,
    changes: &mut Vec<TableChange>,
) -> Result<bool> {
    let mut any = false;
    let months = pile.observations.months();
    for (done, month) in months.iter().copied().enumerate() {
        engine::progress(done, months.len());
        let records = pile.observations.take(month)?;
        let change = engine::stage("merge observations", || observations::merge(&records, month, place))?;
        json.month(month).observations = change.rows;
        any |= change.is_any();
        changes.push(change.of(observations::NAME, Some(month)));
    }
    Ok(any)
}

fn write_json(json: &HistoryJson, held: &HistoryJson, place: &mut Replacement) -> Result<()> {
    if json == held && place.target().join(history_json::FILE).exists() {
        return Ok(());
    }
    let path = place.file(history_json::FILE)?;
    std::fs::write(&path, json.to_json()?).map_err(|error| Error::storage("write the file", &path, &error))
}

/// What became of a file.
fn findings(file: FileRead, repeated: &BTreeMap<String, u64>) -> FileFindings {
    let passed_over = file.passed_over.into_iter();
    let rejected = file.rejected.into_iter();
    FileFindings {
        repeated: repeated.get(&file.path).copied().unwrap_or_default(),
        file: file.path,
        report: file.report,
        skip_reason: file.skip_reason,
        rows: file.rows,
        kept: file.kept,
        folded: file.folded,
        passed_over: passed_over.map(|passed| RowsPassedOver { reason: passed.reason, rows: passed.rows }).collect(),
        rejected: rejected
            .map(|rejected| RowsRejected {
                rule: rejected.rule,
                rows: rejected.rows,
                line: rejected.line,
                sample: rejected.sample,
            })
            .collect(),
        warnings: file.warnings,
    }
}

/// People of several ids that differ only in leading zeros, by their pseudonyms.
fn similar_people(files: &[FileOf], certifications: &Certifications) -> Vec<SimilarIds> {
    let people = certifications.people();
    let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (without_zeros, with_zeros) in files.iter().flat_map(|file| &file.read.zero_led_people) {
        let ids = [without_zeros.as_str(), with_zeros.as_str()];
        groups.entry(without_zeros).or_default().extend(ids.into_iter().filter(|id| people.contains(id)));
    }
    let several = groups.into_values().filter(|ids| ids.len() > 1);
    let found = |ids: BTreeSet<&str>| SimilarIds {
        kind: "person_id".to_owned(),
        ids: ids.into_iter().map(str::to_owned).collect(),
    };
    several.map(found).collect()
}

/// Unknown names of all files, the most frequent of a kind first, and partners that no report names.
fn unknown(files: &[FileOf], pile: &Pile) -> Vec<UnknownName> {
    let mut names: BTreeMap<(UnknownKind, &String), (u64, Option<&String>)> = BTreeMap::new();
    for unknown in files.iter().flat_map(|file| &file.read.unknown) {
        let (rows, nearest) = names.entry((unknown.kind, &unknown.name)).or_default();
        *rows += unknown.rows;
        *nearest = nearest.or(unknown.nearest.as_ref());
    }
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|((kind, name), (rows, _))| (*kind, std::cmp::Reverse(*rows), (*name).clone()));
    let told = |((kind, name), (rows, nearest)): ((UnknownKind, &String), (u64, Option<&String>))| {
        UnknownName::new(kind, name, rows, nearest.cloned())
    };
    names.into_iter().map(told).chain(pile.unknown_partners()).collect()
}
