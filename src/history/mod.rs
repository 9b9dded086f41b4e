//! What is read: four Parquet tables, each with its columns, its scan and its checks. LazyFrames come out clean.
//!
//! Rejected rows and warnings are returned beside the rows as [`Findings`]; content that cannot be scored is an error.

mod associations;
mod certifications;
mod checks;
mod column_types;
mod export_coverage;
mod files;
mod footer;
mod id_forms;
mod identity;
mod integrity;
mod listed;
mod listing;
mod month_column;
mod narrowed;
mod pages;
mod partners;
mod similar_ids;
mod source;
mod stored;
mod table;
mod table_formats;
mod tenants;
mod texts;
mod thrift;
mod usage_pass;
mod workload_usage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, NaiveDate, Utc};
use polars::prelude::*;

use associations::KnownRows;
pub use associations::{null_tenant_ids, null_tenants};
pub use checks::{
    CONTESTED_PAIR, ContestedPair, Findings, LeftOut, MISSING_EXPORT, REJECT_COLUMNS, Share, TENANT_ID_DIFFERS_IN_FORM,
    UNKNOWN_PARTNER, WARNINGS,
};
pub use export_coverage::{ExportCoverage, HISTORY_JSON, MissingExport, Spans};
pub use files::File;
use files::Root;
pub use footer::Footer;
pub use id_forms::IdForms;
pub use identity::Identity;
pub use listed::{Listed, ListedFile};
pub use partners::{Account, Accounts};
pub use source::{Given, Part, Source};
pub use table::Table;
pub use tenants::{TenantRange, Tenants};
pub use texts::form as id_form;
pub use usage_pass::{ToFind, Totals, UNLISTED};
use workload_usage::Months;
pub use workload_usage::{Rows, UsageMonth};

use crate::engine;
use crate::error::{Error, Result, nearest};
use crate::month::Month;
use crate::words::{part_of, was};

/// How places begin where rows are counted by their tenant ids.
pub const TENANT_IDS: &str = "tenant ids of ";

/// How many names a refusal shows.
const SHOWN_NAMES: usize = 5;

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
    /// What is known of all association rows, once they were looked at.
    known_associations: OnceLock<KnownRows>,
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
        let history = History {
            root,
            partners,
            associations,
            certifications,
            workload_usage,
            accounts,
            exports: ExportCoverage::default(),
            known_associations: OnceLock::new(),
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

    /// Whether it is a part of a larger history.
    pub fn is_part(&self) -> bool {
        self.months_of_whole.is_some()
    }

    /// The names that some rulebook knows.
    pub fn known(&self) -> &KnownNames {
        &self.known
    }

    /// Names the file that an error is about, where one cannot be decoded.
    pub fn place(&self, error: Error) -> Error {
        self.tables().into_iter().fold(error, |error, table| table.place(error))
    }

    /// Decodes everything a second time, with another reader: what cannot be decoded, or what statistics rule out, is refused.
    ///
    /// # Errors
    /// Refused where a file is damaged; storage where access fails.
    pub fn check_values(&self) -> Result<()> {
        self.tables().into_iter().try_for_each(Table::check_values)
    }

    /// Every global account.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Sound association rows of a set of tenants for the given accounts: the table's columns and `account` UInt32.
    pub fn associations(&self, tenants: &TenantRange, accounts: &Accounts) -> Result<LazyFrame> {
        associations::rows(&self.associations, tenants, accounts, &self.known_associations(tenants)?)
    }

    /// What is known of the association rows of some tenants. All rows are looked at once.
    fn known_associations(&self, tenants: &TenantRange) -> Result<KnownRows> {
        if let Some(known) = self.known_associations.get() {
            return Ok(known.clone());
        }
        let known = associations::known_rows(&self.associations, tenants)?;
        match *tenants == TenantRange::all() {
            true => Ok(self.known_associations.get_or_init(|| known).clone()),
            false => Ok(known),
        }
    }

    /// Rejected association rows of a set of tenants, and workloads that no rulebook knows.
    pub fn check_associations(&self, tenants: &TenantRange) -> Result<Findings> {
        let known = self.known_associations(tenants)?;
        associations::check(&self.associations, tenants, &self.accounts, &self.known.workloads, &known)
    }

    /// Association rows of which the tenant id spells null.
    pub fn check_null_tenant_ids(&self) -> Result<Findings> {
        associations::check_null_tenant_ids(&self.associations)
    }

    /// What of the findings in `partners`, `associations` and `certifications` belongs to the given accounts. The rest is left out, and counts
    /// where rejects are judged.
    ///
    /// # Errors
    /// Those of reading a table.
    pub fn findings_of(&self, findings: &Findings, tenants: &TenantRange, accounts: &Accounts) -> Result<Findings> {
        let mut theirs = findings.rejects_of(&accounts.known()?)?;
        for table in findings.checked.keys() {
            match *table {
                partners::NAME => theirs.count_checked(partners::NAME, accounts.known_partners() as u64),
                associations::NAME => {
                    let (known, workloads) = (self.known_associations(tenants)?, &self.known.workloads);
                    associations::count_of(&self.associations, tenants, accounts, workloads, &known, &mut theirs)?;
                }
                certifications::NAME => {
                    certifications::count_of(&self.certifications, accounts, &self.known.certifications, &mut theirs)?;
                }
                _ => {}
            }
        }
        Ok(theirs.as_part_of(findings))
    }

    /// What of the findings in a month's usage belongs to some tenants, by number. The rest is left out, as in
    /// [`findings_of`](History::findings_of).
    ///
    /// # Errors
    /// Those of reading the table.
    pub fn usage_findings_of(
        &self,
        usage: &UsageMonth,
        rows: &Rows,
        tenants: &Tenants,
        numbers: &Series,
    ) -> Result<Findings> {
        let mut theirs = usage.findings_of(tenants, numbers)?;
        // Only what the whole month warns of can be warned of in a part of it.
        if !usage.findings.warnings.is_empty() {
            let ids = engine::list(&tenants.ids_of(numbers)?)?;
            theirs.add(workload_usage::warnings_of(&self.workload_usage, rows, ids)?);
            theirs.keep_unknown("workload", &self.known_workloads());
        }
        Ok(theirs.as_part_of(&usage.findings))
    }

    /// The workloads that usage rows may name.
    fn known_workloads(&self) -> checks::Known<'_> {
        checks::Known {
            table: workload_usage::NAME,
            unknown: checks::UNKNOWN_WORKLOAD,
            differs: checks::WORKLOAD_DIFFERS_IN_FORM,
            names: &self.known.workloads,
        }
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
        usage.findings.keep_unknown("workload", &self.known_workloads());
        Ok(usage)
    }

    /// Warns of partners, and of tenants of associations and of a month's usage, whose ids differ only in case, braces or leading zeros.
    pub fn check_similar_ids(&self, month: Month) -> Result<Findings> {
        let mut findings = Findings::default();
        similar_ids::check(self.accounts.lookup(), "partner_id", &mut findings)?;
        let files: Vec<_> = self.associations.files.iter().collect();
        let associations = self.associations.scan(&files, None)?.select([col("tenant_id")]);
        let usage = workload_usage::tenant_ids(&self.workload_usage, month)?.select([col("tenant_id")]);
        let tenants = concat([associations, usage], UnionArgs::default());
        let tenants = tenants.map_err(|error| engine::plan_error("similar ids", &error))?;
        similar_ids::check(tenants, "tenant_id", &mut findings)?;
        Ok(findings)
    }

    /// Rejected rows and warnings of a whole month.
    pub fn check_usage(&self, month: Month) -> Result<Findings> {
        let rows = Rows { month, range: &TenantRange::all(), only: false };
        Ok(self.usage(&rows, &Arc::default())?.findings)
    }

    /// Those of some tenants' ids, a String column, that have any row in a month.
    pub fn tenants_in(&self, month: Month, ids: &Series) -> Result<Series> {
        workload_usage::tenants_in(&self.workload_usage, month, ids)
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

    /// The day on which the table of certifications was last written, or the record that `ingest` keeps beside it: exports without
    /// anything new leave the table as it is. None where that is not known: in memory, or on an object store, where the record is not
    /// looked at.
    pub fn certifications_written(&self) -> Option<NaiveDate> {
        if self.certifications.is_held() || self.certifications.files.iter().any(|file| file.etag.is_some()) {
            return None;
        }
        let times = self.certifications.files.iter().map(|file| file.modified).collect::<Option<Vec<_>>>()?;
        let record = std::fs::metadata(self.root.join(HISTORY_JSON)).and_then(|metadata| metadata.modified()).ok();
        let newest = times.into_iter().chain(record).max()?;
        Some(DateTime::<Utc>::from(newest).date_naive())
    }

    /// The known partner, account or location, whose id is nearest to one that is not known.
    pub fn nearest_partner(&self, partner_id: &str) -> Option<&str> {
        nearest(partner_id, self.accounts.partner_ids())
    }

    /// The tables, in the order in which they are documented.
    pub fn tables(&self) -> [&Table; 4] {
        [&self.partners, &self.associations, &self.certifications, &self.workload_usage]
    }

    /// Whether the rows of some table are in memory, where no file shows that they changed.
    pub fn is_in_memory(&self) -> bool {
        self.tables().iter().any(|table| table.is_held())
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
        self.input_files(from, to).into_iter().map(|(table, file)| (file, table.footer(file).ok())).collect()
    }

    /// Fails where a file that scores of usage months `from` to `to` depend on is not the version that was listed when the history
    /// was opened. A file that was added since is no part of this history.
    ///
    /// # Errors
    /// Refused where one changed or was removed; storage where the system does not describe it.
    pub fn require_unchanged(&self, from: Month, to: Month) -> Result<()> {
        self.input_files(from, to).into_iter().try_for_each(|(table, file)| table.require_unchanged(file))
    }

    fn input_files(&self, from: Month, to: Month) -> Vec<(&Table, &File)> {
        let others = [&self.partners, &self.associations, &self.certifications];
        let others = others.into_iter().flat_map(|table| table.files.iter().map(move |file| (table, file)));
        let mut usage: Vec<&File> =
            from.through(to).flat_map(|month| workload_usage::files_of(&self.workload_usage, month)).collect();
        usage.sort_by(|a, b| a.name.cmp(&b.name));
        usage.dedup_by(|a, b| a.name == b.name);
        let usage = usage.into_iter().map(|file| (&self.workload_usage, file));
        others.chain(usage).collect()
    }

    /// Refuses a history of which too large a share of the rows of a table names what differs from known names in form alone.
    ///
    /// # Errors
    /// Refused, with the names that most rows have and the ones that are meant.
    pub fn refuse_forms(&self, findings: &Findings, max_unknown_ratio: f64) -> Result<()> {
        let Some((place, share)) = findings.forms.iter().find(|(_, share)| share.exceeds(max_unknown_ratio)) else {
            return Ok(());
        };
        let (what, rule) = match *place {
            certifications::NAME => ("name a certification", checks::CERTIFICATION_DIFFERS_IN_FORM),
            partners::NAME => ("name a global account", checks::PARTNER_ID_DIFFERS_IN_FORM),
            place if place.starts_with(TENANT_IDS) => ("have a tenant id", TENANT_ID_DIFFERS_IN_FORM),
            _ => ("name a workload", checks::WORKLOAD_DIFFERS_IN_FORM),
        };
        let table = place.split(' ').next_back().unwrap_or_default();
        let (part, rows) = (share.part, share.rows);
        let subjects = findings.subjects(rule);
        let shown = subjects.iter().filter(|subject| rule != TENANT_ID_DIFFERS_IN_FORM || subject.starts_with(place));
        let shown: Vec<&str> = shown.take(SHOWN_NAMES).copied().collect();
        let what = format!(
            "{part} of {rows} rows of `{table}` {what} that differs from a known one in case, padding or punctuation alone, more than \
             {max_unknown_ratio} of them: {}",
            shown.join(", ")
        );
        Err(Error::refused(what)
            .at(self.root.display())
            .hint("write it as the known one where the files are written, or raise --max-unknown-ratio"))
    }

    /// Refuses a history of which too large a share of a table's checked rows was rejected.
    pub fn refuse_rejects(&self, findings: &Findings, max_reject_ratio: f64) -> Result<()> {
        for table in self.tables() {
            let LeftOut { checked, rejected } = findings.judged(table.name);
            if rejected as f64 > max_reject_ratio * checked as f64 {
                let (name, were, part) = (table.name, was(rejected), part_of(rejected, checked, "checked row"));
                let most = findings.most_rejected_by(name);
                let most =
                    most.map_or_else(String::new, |(rule, reason)| format!("; most by {rule}, such as: {reason}"));
                let what = format!("{part} of `{name}` {were} rejected, more than {max_reject_ratio} of them{most}");
                return Err(Error::refused(what)
                    .at(self.root.display())
                    .hint("`partnerscore check` shows each with its reason; mend them, or raise --max-reject-ratio"));
            }
        }
        Ok(())
    }
}

/// Rows whose partner is not known, as rejects; the reason names a partner of the same form.
fn unknown_partners(rows: LazyFrame, table: &'static str, keys: &[&str], accounts: &Accounts) -> Result<DataFrame> {
    let strangers =
        rows.join(accounts.lookup(), [col("partner_id")], [col("partner_id")], JoinArgs::new(JoinType::Anti));
    let rejects = strangers.select([
        lit(table).alias("table"),
        lit(checks::UNKNOWN_PARTNER).alias("rule"),
        checks::key(keys).alias("key"),
        checks::unknown_partner(checks::shown("partner_id")).alias("reason"),
        col("partner_id"),
    ]);
    let rejects = engine::collect("unknown partners", rejects)?;
    let known = accounts.by_form(rejects.height());
    checks::with_nearest(rejects, "partner_id", |_, partner_id| {
        known.get(&texts::form(partner_id)).map(|near| (*near).to_owned())
    })
}
