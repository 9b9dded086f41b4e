//! Partner Center exports to history: reports are recognised by their headers, and read into what they state; that is merged into the
//! history month by month, and the history is exchanged as a whole.
//!
//! Kinds of reports and names are data, in `data/reports/`.

mod associations;
mod certifications;
mod compound_file;
mod content;
mod date_order;
mod dates;
mod encoding;
mod findings;
mod header;
mod history_json;
mod ids;
mod inputs;
mod lacking;
mod merging;
mod names;
mod natural_order;
mod observations;
mod opening;
mod partners;
mod passed_over;
mod person;
mod pile;
mod products;
mod reading;
mod reading_ahead;
mod records;
mod report_kinds;
mod row;
mod rule;
mod scan;
mod spelling;
mod spool;
mod states;
mod stating;
mod stored;
mod tally;
mod text;
mod unused_reports;
mod usage;
mod values;
mod workbook;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::path::PathBuf;

pub use dates::DateOrder;
pub use findings::{
    Coverage, Difference, FileFindings, Ingestion, MissingExport, RowsPassedOver, RowsRejected, SimilarIds,
    TableChange, UnknownName,
};
pub use names::{certifications, workloads};
pub use opening::Limits;
pub use passed_over::PASSED_OVER;
pub use person::PersonKey;
pub use reading::{Outcome, Reading, Sink, read};
pub use report_kinds::{Name, ReportKind, report_kinds};
pub use row::{FileRead, PassedOver, Refused, Rejected, Row, Source, Unknown, UnknownKind};
pub use rule::Rule;
pub use unused_reports::{UnusedReport, UnusedReports};

use certifications::Certifications;
use history_json::{FileRecord, HistoryJson};
use inputs::{Input, Inputs, SkippedFile};
use merging::Held;
use pile::Pile;

use crate::email::redacted;
use crate::engine;
use crate::error::{Error, Result};
use crate::publish::Replacement;
use crate::words::{part_of, was};

/// Files that are not read and that an error names.
const SKIPPED_SHOWN: usize = 20;

/// What to ingest, and how.
#[derive(Debug)]
pub struct Settings {
    /// Files and folders of exports; where they disagree, later ones win.
    pub exports: Vec<PathBuf>,
    /// The folder of the history, which need not be there.
    pub history: PathBuf,
    /// What people's ids are hashed with; without it no report with people can be read.
    pub person_key: Option<PersonKey>,
    /// Whether another key than the history's drops the certifications that are held, instead of being refused.
    pub replace_person_key: bool,
    /// The order of dates in every file; none where each file shows its own.
    pub date_order: Option<DateOrder>,
    /// Largest share of a file's rows that may be rejected.
    pub max_reject_ratio: f64,
    /// Whether to say what would change and write nothing.
    pub dry_run: bool,
}

/// Ingests exports. `progress` is told, from time to time, how many bytes of exports are read, and of how many.
///
/// The history is the old or the new one at any moment, whatever is killed when.
///
/// # Errors
/// Usage where the history is none that ingest made, or the person key is another; absent where exports are missing; refused where a file
/// cannot be taken, all of them named at once; locked where another ingest is at work; storage where access fails.
pub fn ingest(settings: &Settings, progress: &dyn Fn(u64, u64)) -> Result<Ingestion> {
    let Inputs { files: inputs, skipped } = inputs::find(&settings.exports)?;
    // Before anything is made beside it: the folder may be one of other things.
    if settings.history.is_dir() {
        HistoryJson::read(&settings.history)?;
    }
    let begin = if settings.dry_run { Replacement::rehearse } else { Replacement::begin };
    let mut place = begin(&settings.history, history_json::FILE)?;
    let history = HistoryJson::read(place.target())?;
    let held = Held::read(place.target(), history)?;
    let key = fingerprint(settings, &held.json)?;
    let certifications = match settings.replace_person_key && key != held.json.person_key {
        true => Certifications::default(),
        false => held.certifications.clone(),
    };
    let reading = Reading::new(settings.person_key.clone())?.with_date_order(settings.date_order);
    let covered = held.json.covered(place.target())?;
    let mut pile = Pile::new(&place.scratch()?, held.partners.clone(), certifications, covered);
    let threads = reading_ahead::threads();
    let files = engine::stage("read exports", || read_all(&inputs, &reading, threads, &mut pile, progress));
    let mut files = files.map_err(|error| with_skipped(error, &skipped))?;
    refuse_rejects(&files, settings.max_reject_ratio)?;
    files.extend(skipped.into_iter().map(FileOf::from));
    let merged = merging::merge(pile, files, key, &held, &mut place)?;
    let changed = place.changes();
    let ingestion =
        Ingestion { history: settings.history.display().to_string(), dry_run: settings.dry_run, changed, ..merged };
    if changed && !settings.dry_run {
        engine::stage("publish history", || place.publish())?;
    }
    Ok(ingestion)
}

/// The fingerprint of the person key that the history will have.
fn fingerprint(settings: &Settings, history: &HistoryJson) -> Result<Option<String>> {
    let given = settings.person_key.as_ref().map(PersonKey::fingerprint);
    match (given, &history.person_key) {
        (None, held) => Ok(held.clone()),
        (Some(given), Some(held)) if given != *held && !settings.replace_person_key => {
            Err(Error::usage("the person key is another than the one that made this history")
                .at(settings.history.display())
                .hint("give the old key; or, with all exports of certifications at hand, add --replace-person-key, which drops the certifications held and takes those of these exports"))
        }
        (given, _) => Ok(given),
    }
}

/// A file that was read, with the name that `history.json` records.
struct FileOf {
    read: FileRead,
    name: String,
}

impl FileOf {
    fn record(&self) -> FileRecord {
        FileRecord {
            name: self.name.clone(),
            report: self.read.report.clone(),
            sha256: self.read.sha256.clone(),
            bytes: self.read.bytes,
            rows: self.read.rows,
            kept: self.read.kept,
        }
    }
}

/// A file of a folder that is not read, as it is told.
impl From<SkippedFile> for FileOf {
    fn from(skipped: SkippedFile) -> FileOf {
        let path = skipped.path.display().to_string();
        FileOf { name: path.clone(), read: FileRead { path, skip_reason: Some(skipped.reason), ..FileRead::default() } }
    }
}

/// Names the files of folders that are not read in an error of others: nothing else will tell of them.
fn with_skipped(mut error: Error, skipped: &[SkippedFile]) -> Error {
    for file in skipped.iter().take(SKIPPED_SHOWN) {
        error.what.push_str(&format!("\n  {}: {}", file.path.display(), file.reason));
    }
    if let Some(more) = skipped.len().checked_sub(SKIPPED_SHOWN).filter(|more| *more > 0) {
        error.what.push_str(&format!("\n  and {more} more files that are not read"));
    }
    error
}

/// Reads every file into the pile, with so many threads. Those that cannot be taken are refused together.
fn read_all(
    inputs: &[Input],
    reading: &Reading,
    threads: usize,
    pile: &mut Pile,
    progress: &dyn Fn(u64, u64),
) -> Result<Vec<FileOf>> {
    let of = inputs.iter().map(|input| input.size).sum();
    let done = Cell::new(0);
    let advance = |bytes: u64| {
        done.set(done.get() + bytes);
        progress(done.get(), of);
    };
    let mut take = |source: &Source, row| pile.take(source, row);
    let outcomes = reading_ahead::read_in_order(inputs, reading, threads, &mut take, &advance)?;
    let (mut files, mut refused) = (Vec::new(), Vec::new());
    for (input, outcomes) in inputs.iter().zip(outcomes) {
        for outcome in outcomes {
            match outcome {
                Outcome::Read(read) => files.push(FileOf { name: name_of(input, &read.path), read }),
                Outcome::Refused(file) => refused.push(file),
            }
        }
    }
    if refused.is_empty() { Ok(files) } else { Err(all_refused(refused)) }
}

/// What `history.json` calls a file, or a member of an archive, that was read from an input.
fn name_of(input: &Input, path: &str) -> String {
    let given = input.path.to_string_lossy();
    let name = format!("{}{}", input.name, path.strip_prefix(given.as_ref()).unwrap_or_default());
    redacted(&name).into_owned()
}

/// One error of all files that cannot be taken.
fn all_refused(mut refused: Vec<Refused>) -> Error {
    if let [one] = refused.as_mut_slice() {
        let error = one.error.clone();
        return if error.place.is_some() { error } else { error.at(&one.path) };
    }
    let code = refused.first().map_or(crate::error::Code::Refused, |first| first.error.code);
    let mut what = format!("{} files cannot be taken, and nothing was", refused.len());
    for file in &refused {
        let hint = file.error.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
        what.push_str(&format!("\n  {}: {}{hint}", file.path, file.error.what));
    }
    Error::new(code, what).hint("mend these or leave them out; the history is as it was")
}

/// Refuses a file of which too large a share of rows was rejected: as good as nothing of it would be taken.
fn refuse_rejects(files: &[FileOf], max_reject_ratio: f64) -> Result<()> {
    let refused = files.iter().filter_map(|file| {
        let rejects: u64 = file.read.rejected.iter().map(|rejected| rejected.rows).sum();
        if rejects as f64 <= max_reject_ratio * file.read.rows as f64 {
            return None;
        }
        let most = file.read.rejected.iter().max_by_key(|rejected| rejected.rows)?;
        let sample = most.sample.as_ref().map_or_else(String::new, |sample| format!(": {sample}"));
        let what = format!(
            "{} {} rejected, more than {max_reject_ratio} of them; most by {}, first on line {}{sample}",
            part_of(rejects, file.read.rows, "row"),
            was(rejects),
            most.rule,
            most.line
        );
        let hint = "docs/ingest.md explains each rule; mend the file, or raise --max-reject-ratio";
        Some(Refused { path: file.read.path.clone(), error: Error::refused(what).at(&file.read.path).hint(hint) })
    });
    let refused: Vec<Refused> = refused.collect();
    if refused.is_empty() { Ok(()) } else { Err(all_refused(refused)) }
}
