//! What is read: four Parquet tables, each with its columns, its scan and its checks. LazyFrames come out clean.
//!
//! Rejected rows and warnings are returned beside the rows as [`Findings`]; content that cannot be scored is an error.

mod associations;
mod certifications;
mod checks;
mod export_coverage;
mod files;
mod footer;
mod listed;
mod listing;
mod month_column;
mod partners;
mod source;
mod stored;
mod table;
mod table_formats;
mod tenants;
mod usage_pass;
mod workload_usage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;
use polars::prelude::*;

pub use checks::{CONTESTED_PAIR, Findings, MISSING_EXPORT, REJECT_COLUMNS, WARNINGS};
pub use export_coverage::{ExportCoverage, HISTORY_JSON, MissingExport, Spans};
pub use files::File;
use files::Root;
pub use footer::Footer;
pub use listed::{Listed, ListedFile};
pub use partners::{Account, Accounts};
pub use source::{Given, Part, Source};
pub use table::Table;
pub use tenants::{TenantRange, Tenants};
pub use usage_pass::{ToFind, Totals, UNLISTED};
use workload_usage::Months;
pub use workload_usage::{Rows, UsageMonth};

use crate::engine;
use crate::error::{Error, Result};
use crate::month::Month;

/// A folder of Parquet tables, opened.
#[derive(Debug)]
pub struct History {
    pub root: PathBuf,
    partners: Table,
    associations: Table,
    certifications: Table,
    workload_usage: Table,
    accounts: Accounts,
    /// The months that exports cover, where `ingest` made the history.
    exports: ExportCoverage,
    associations_sound: OnceLock<bool>,
    /// Where it is a part of a larger history: the months of usage which that has.
    months_of_whole: Option<BTreeSet<Month>>,
    /// Names of the workloads and certifications that some rulebook knows.
    known: KnownNames,
}

/// Workloads and certifications that some rulebook knows; others are warned of.
#[derive(Debug, Clone, Default)]
pub struct KnownNames {
    pub workloads: Vec<String>,
    pub certifications: Vec<String>,
}

/// The four tables of a history, in memory.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    pub partners: DataFrame,
    pub associations: DataFrame,
    pub certifications: DataFrame,
    pub workload_usage: DataFrame,
}

impl History {
    /// Opens a history, wherever it is.
    ///
    /// # Errors
    /// Those of [`open`](History::open) and [`of_parts`](History::of_parts).
    pub fn of(source: Source, known: KnownNames) -> Result<(History, Findings)> {
        match source {
            Source::Folder(folder) => History::open(&folder, known),
            Source::Parts(parts) => History::of_parts(*parts, known),
        }
    }

    /// Opens a history: finds its tables and reads `partners`.
    ///
    /// # Errors
    /// Absent where the folder or a table is missing; refused where a table cannot be scored; storage where access fails.
    pub fn open(path: &Path, known: KnownNames) -> Result<(History, Findings)> {
        let root = Root::open(path)?;
        let partners = Table::open(&root, partners::NAME, partners::COLUMNS)?;
        let associations = Table::open(&root, associations::NAME, associations::COLUMNS)?;
        let certifications = Table::open(&root, certifications::NAME, certifications::COLUMNS)?;
        let workload_usage = Table::open(&root, workload_usage::NAME, workload_usage::COLUMNS)?;
        let (history, mut findings) =
            History::with([partners, associations, certifications, workload_usage], root.place(), known)?;
        for table in history.tables() {
            findings.add(table.check_files()?);
        }
        root.like_tables().into_iter().for_each(|name| findings.warn(checks::FILE_NOT_READ, name, 1));
        Ok((History { exports: ExportCoverage::read(&root)?, ..history }, findings))
    }

    /// A history whose tables are in memory, with the columns of the files' tables.
    ///
    /// # Errors
    /// Refused where a table cannot be scored.
    pub fn of_tables(tables: Tables, known: KnownNames) -> Result<(History, Findings)> {
        let Tables { partners, associations, certifications, workload_usage } = tables;
        History::of_parts([partners, associations, certifications, workload_usage].map(Part::Held), known)
    }

    /// A history whose tables were given one by one, in the order in which they are documented.
    ///
    /// # Errors
    /// Refused where a table cannot be scored; absent where a file is not there; usage where a URL is wrong.
    pub fn of_parts(parts: [Part; 4], known: KnownNames) -> Result<(History, Findings)> {
        let root = PathBuf::from(source::place(&parts));
        let [partners, associations, certifications, workload_usage] = parts;
        let partners = Table::of(partners::NAME, partners::COLUMNS, partners)?;
        let associations = Table::of(associations::NAME, associations::COLUMNS, associations)?;
        let certifications = Table::of(certifications::NAME, certifications::COLUMNS, certifications)?;
        let workload_usage = Table::of(workload_usage::NAME, workload_usage::COLUMNS, workload_usage)?;
        let workload_usage = workload_usage.by_month(workload_usage::MONTH)?;
        History::with([partners, associations, certifications, workload_usage], root, known)
    }

    fn with(tables: [Table; 4], root: PathBuf, known: KnownNames) -> Result<(History, Findings)> {
        let [partners, associations, certifications, workload_usage] = tables;
        workload_usage::require_month_folders(&workload_usage, &root)?;
        let (accounts, findings) = partners::read(&partners).map_err(|error| partners.place(error))?;
        let associations_sound = OnceLock::new();
        let history = History {
            root,
            partners,
            associations,
            certifications,
            workload_usage,
            accounts,
            exports: ExportCoverage::default(),
            associations_sound,
            months_of_whole: None,
            known,
        };
        Ok((history, findings))
    }

    /// This history as a part of a larger one, which has usage of the given months and of no others: a month is not absent because a
    /// part has no row of it.
    pub fn in_part(self, months: impl IntoIterator<Item = Month>) -> History {
        History { months_of_whole: Some(months.into_iter().collect()), ..self }
    }

    /// The names that some rulebook knows.
    pub fn known(&self) -> &KnownNames {
        &self.known
    }

    /// Names the file that an error is about, where one cannot be decoded.
    pub fn place(&self, error: Error) -> Error {
        self.tables().into_iter().fold(error, |error, table| table.place(error))
    }

    /// Every global account.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Sound association rows of a set of tenants for the given accounts: the table's columns and `account` UInt32.
    pub fn associations(&self, tenants: &TenantRange, accounts: &Accounts) -> Result<LazyFrame> {
        associations::rows(&self.associations, tenants, accounts, self.associations_are_sound(tenants)?)
    }

    /// Whether it is known that no association row of these tenants breaks a check. All rows are looked at once, and only by those who
    /// ask about all: a few tenants are not worth it.
    fn associations_are_sound(&self, tenants: &TenantRange) -> Result<bool> {
        match self.associations_sound.get() {
            Some(sound) => return Ok(*sound),
            None if *tenants != TenantRange::all() => return Ok(false),
            None => {}
        }
        let sound = !associations::any_broken(&self.associations)?;
        Ok(*self.associations_sound.get_or_init(|| sound))
    }

    /// Rejected association rows of a set of tenants, and workloads that no rulebook knows.
    pub fn check_associations(&self, tenants: &TenantRange) -> Result<Findings> {
        let sound = self.associations_are_sound(tenants)?;
        associations::check(&self.associations, tenants, &self.accounts, &self.known.workloads, sound)
    }

    /// Sound certification rows of the given accounts: the table's columns and `account` UInt32.
    pub fn certifications(&self, accounts: &Accounts) -> Result<LazyFrame> {
        certifications::rows(&self.certifications, accounts)
    }

    /// Rejected certification rows and unknown certifications.
    pub fn check_certifications(&self) -> Result<Findings> {
        certifications::check(&self.certifications, &self.accounts, &self.known.certifications)
    }

    /// Exports that some of the given accounts lack from the baseline month `span.0` to the usage month `span.1`.
    pub fn check_exports(&self, accounts: &Accounts, span: (Month, Month)) -> Findings {
        self.exports.check(accounts, span, None)
    }

    /// The same, as far as a score of the span depends on it: those that lack its first or its last month.
    pub fn check_compared_exports(&self, accounts: &Accounts, span: (Month, Month)) -> Findings {
        self.exports.check(accounts, span, Some(&[span.0, span.1]))
    }

    /// Tables without a row, whose absence would score as nothing; `partners` and `workload_usage` are refused elsewhere.
    ///
    /// # Errors
    /// Those of reading a footer.
    pub fn check_empty_tables(&self) -> Result<Findings> {
        let mut findings = Findings::default();
        for table in [&self.associations, &self.certifications] {
            // Rows in memory may be a part of a larger history.
            let is_part = table.is_held() && self.months_of_whole.is_some();
            if !is_part && table.is_empty()? {
                findings.warn(checks::EMPTY_TABLE, table.name, 1);
            }
        }
        Ok(findings)
    }

    /// Rows of some months whose column `month` differs from the folder's name.
    ///
    /// # Errors
    /// Those of reading a file.
    pub fn check_month_folders(&self, months: &[Month]) -> Result<Findings> {
        months.iter().try_fold(Findings::default(), |mut findings, month| {
            findings.add(workload_usage::check_month_folder(&self.workload_usage, *month)?);
            Ok(findings)
        })
    }

    /// A month's usage.
    pub fn usage(&self, rows: &Rows, to_find: &Arc<ToFind>) -> Result<UsageMonth> {
        let mut usage = UsageMonth::open(&self.workload_usage, rows, to_find)?;
        usage.findings.keep_unknown("workload", checks::UNKNOWN_WORKLOAD, &self.known.workloads);
        Ok(usage)
    }

    /// Rejected rows and warnings of a whole month.
    pub fn check_usage(&self, month: Month) -> Result<Findings> {
        let rows = Rows { month, range: &TenantRange::all(), only: false };
        Ok(self.usage(&rows, &Arc::default())?.findings)
    }

    /// The plan that reads a month's rows where nothing in them is broken.
    pub fn usage_plan(&self, month: Month, tenants: &TenantRange) -> Result<LazyFrame> {
        workload_usage::plan(&self.workload_usage, month, tenants)
    }

    /// Whether there is any usage row of a month, in the whole where this is a part.
    pub fn holds_usage_of(&self, month: Month) -> Result<bool> {
        match &self.months_of_whole {
            Some(months) => Ok(months.contains(&month)),
            None => workload_usage::holds(&self.workload_usage, month),
        }
    }

    /// Every month that has usage rows dated its first, oldest first: those that a score can see. Those of the whole where this is a part.
    pub fn usage_months(&self) -> Result<Vec<Month>> {
        match &self.months_of_whole {
            Some(months) => Ok(months.iter().copied().collect()),
            None => workload_usage::months(&self.workload_usage, Months::Scored),
        }
    }

    /// Every month that has usage rows dated within it, for checks.
    pub fn dated_months(&self) -> Result<Vec<Month>> {
        workload_usage::months(&self.workload_usage, Months::Dated)
    }

    /// Usage rows that belong to no month.
    pub fn check_monthless_usage(&self) -> Result<Findings> {
        workload_usage::check_monthless(&self.workload_usage)
    }

    /// Splits the tenants into `count` ranges of about as many usage rows of a month each.
    pub fn tenant_ranges(&self, month: Month, count: usize) -> Result<Vec<TenantRange>> {
        let spans = workload_usage::tenant_spans(&self.workload_usage, month)?;
        if let Some(ranges) = spans.and_then(|spans| tenants::ranges_of_spans(spans, count)) {
            return Ok(ranges);
        }
        let ids = workload_usage::tenant_ids(&self.workload_usage, month)?;
        let rows = if count > 1 { engine::count("tenant ranges", ids.clone())? } else { 0 };
        tenants::ranges(ids, rows, count)
    }

    /// The day the newest certification was earned, up to the as-of date: one that is yet to be earned does not make data fresh.
    pub fn newest_certification(&self, as_of: NaiveDate) -> Result<Option<NaiveDate>> {
        let earned = col("earned_on").lt_eq(engine::day(as_of));
        let rows = certifications::rows(&self.certifications, &self.accounts)?.filter(earned);
        let newest = rows.select([engine::calendar_day(col("earned_on")).max()]);
        let newest = engine::column(&engine::collect("freshness", newest)?, "earned_on")?;
        let newest = newest.date().ok().and_then(|days| days.as_date_iter().next().flatten());
        Ok(newest)
    }

    /// The tables, in the order in which they are documented.
    pub fn tables(&self) -> [&Table; 4] {
        [&self.partners, &self.associations, &self.certifications, &self.workload_usage]
    }

    /// Brings the files here that scores of usage months `from` to `to` depend on, all at once, where they lie on an object store.
    /// Whatever else is read is brought when it is.
    ///
    /// # Errors
    /// Storage where access fails.
    pub fn bring(&self, from: Month, to: Month) -> Result<()> {
        let usage: Vec<&File> =
            from.through(to).flat_map(|month| workload_usage::files_of(&self.workload_usage, month)).collect();
        self.bring_all(&usage)
    }

    /// The same for everything it holds.
    ///
    /// # Errors
    /// Storage where access fails.
    pub fn bring_everything(&self) -> Result<()> {
        self.bring_all(&self.workload_usage.files.iter().collect::<Vec<_>>())
    }

    /// Brings files of usage, and the other tables. Tables of one folder have one store, which brings the files of all of them.
    fn bring_all(&self, usage: &[&File]) -> Result<()> {
        let mut loads = vec![(&self.workload_usage, usage.to_vec())];
        for table in [&self.partners, &self.associations, &self.certifications] {
            match loads.iter_mut().find(|(other, _)| other.shares_store(table)) {
                Some((_, files)) => files.extend(&table.files),
                None => loads.push((table, table.files.iter().collect())),
            }
        }
        loads.iter().try_for_each(|(table, files)| table.bring(files))
    }

    /// The files that scores of usage months `from` to `to` depend on, each with its footer where that can be read.
    pub fn inputs(&self, from: Month, to: Month) -> Vec<(&File, Option<Footer>)> {
        let others = [&self.partners, &self.associations, &self.certifications];
        let others = others.into_iter().flat_map(|table| table.files.iter().map(move |file| (table, file)));
        let mut usage: Vec<&File> =
            from.through(to).flat_map(|month| workload_usage::files_of(&self.workload_usage, month)).collect();
        usage.sort_by(|a, b| a.name.cmp(&b.name));
        usage.dedup_by(|a, b| a.name == b.name);
        let usage = usage.into_iter().map(|file| (&self.workload_usage, file));
        others.chain(usage).map(|(table, file)| (file, table.footer(file).ok())).collect()
    }

    /// Refuses a history of which too large a share of a table's checked rows was rejected.
    pub fn refuse_rejects(&self, findings: &Findings, max_reject_ratio: f64) -> Result<()> {
        for table in self.tables() {
            let checked = findings.checked.get(table.name).copied().unwrap_or(0);
            let rejected = findings.rejected_of(table.name);
            if rejected as f64 > max_reject_ratio * checked as f64 {
                let what = format!(
                    "{rejected} of {checked} checked rows of `{}` were rejected, more than {max_reject_ratio} of them",
                    table.name
                );
                return Err(Error::refused(what)
                    .at(self.root.display())
                    .hint("`partnerscore check` shows each with its reason; mend them, or raise --max-reject-ratio"));
            }
        }
        Ok(())
    }
}

/// Rows whose partner is not known, as rejects.
fn unknown_partners(rows: LazyFrame, table: &'static str, keys: &[&str], accounts: &Accounts) -> LazyFrame {
    let strangers =
        rows.join(accounts.lookup(), [col("partner_id")], [col("partner_id")], JoinArgs::new(JoinType::Anti));
    strangers.select([
        lit(table).alias("table"),
        lit("unknown_partner").alias("rule"),
        checks::key(keys).alias("key"),
        concat_str([checks::says("partner_id", "is"), lit("which the table partners does not have")], ", ", false)
            .alias("reason"),
    ])
}
