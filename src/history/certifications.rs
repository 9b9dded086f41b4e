//! `certifications`: which person of which partner earned what, and until when it is valid.

use polars::prelude::*;

use super::checks::{
    Blank, CERTIFICATION_DIFFERS_IN_FORM, Check, Findings, Known, OWNER, UNKNOWN_CERTIFICATION, key_is_there, rejected,
    shown, sound,
};
use super::partners::Accounts;
use super::table::{Column, Kind, Table};
use super::texts;
use crate::engine;
use crate::error::Result;

pub(super) const NAME: &str = "certifications";
const STAGE: &str = "certifications rejects";
pub(super) const COLUMNS: &[Column] = &[
    Column::new("partner_id", Kind::Text),
    Column::new("person_id", Kind::Text),
    Column::new("certification", Kind::Text),
    Column::new("earned_on", Kind::Date),
    Column::optional("expires_on", Kind::Date),
];
const KEY: [&str; 4] = ["partner_id", "person_id", "certification", "earned_on"];
const TEXTS: [&str; 3] = ["partner_id", "person_id", "certification"];

fn checks(blank: &Blank) -> Vec<Check> {
    let expired_early = col("expires_on").is_not_null().and(col("expires_on").lt(col("earned_on")));
    let dates = concat_str(
        [lit("expires_on "), shown("expires_on"), lit(" is before earned_on "), shown("earned_on")],
        "",
        false,
    );
    vec![key_is_there(&KEY, blank), Check::new("expiry_before_earning", expired_early, dates)]
}

/// The sound rows whose partner is known: the table's columns and `account`.
pub(super) fn rows(table: &Table, accounts: &Accounts) -> Result<LazyFrame> {
    let files: Vec<_> = table.files.iter().collect();
    let lf = table.scan(&files, None)?.filter(sound(&checks(&table.blank_columns(&TEXTS, None)?)));
    Ok(lf.join(accounts.lookup(), [col("partner_id")], [col("partner_id")], JoinArgs::new(JoinType::Inner)))
}

/// Rejected rows, and certifications that no rulebook knows. The table is small, and read once.
pub(super) fn check(table: &Table, accounts: &Accounts, known: &[String]) -> Result<Findings> {
    let files: Vec<_> = table.files.iter().collect();
    let rows = engine::collect(STAGE, table.scan(&files, None)?)?;
    let scan = || rows.clone().lazy();
    let mut findings = Findings::default();
    findings.count_checked(NAME, rows.height() as u64);
    let checks = checks(&table.blank_columns(&TEXTS, None)?);
    findings.reject(engine::collect(STAGE, rejected(scan(), NAME, &KEY, &checks, &[OWNER]))?);
    findings.reject(super::unknown_partners(scan().filter(sound(&checks)), NAME, &KEY, accounts)?);
    findings.warn_null_as_text(NAME, "person_id", texts::null_spellings(&rows, "person_id"));
    warn_of_unknown(scan().filter(sound(&checks)), known, &mut findings)?;
    Ok(findings)
}

/// Counts the rows of some accounts, and warns of their certifications that no rulebook knows.
pub(super) fn count_of(table: &Table, accounts: &Accounts, known: &[String], findings: &mut Findings) -> Result<()> {
    let files: Vec<_> = table.files.iter().collect();
    let theirs = table.scan(&files, None)?.filter(col("partner_id").is_in(accounts.known()?, false));
    let theirs = engine::collect(STAGE, theirs)?;
    findings.count_checked(NAME, theirs.height() as u64);
    let checks = checks(&table.blank_columns(&TEXTS, None)?);
    warn_of_unknown(theirs.lazy().filter(sound(&checks)), known, findings)
}

/// Warns of the certifications of sound rows that no rulebook knows.
fn warn_of_unknown(rows: LazyFrame, known: &[String], findings: &mut Findings) -> Result<()> {
    let names = rows.group_by([col("certification")]);
    let names = names.agg([len().cast(DataType::Int64).alias("rows")]);
    let (unknown, differs) = (UNKNOWN_CERTIFICATION, CERTIFICATION_DIFFERS_IN_FORM);
    let known = Known { table: NAME, unknown, differs, names: known };
    for (name, rows) in engine::text_counts(&engine::collect(STAGE, names)?, "certification", "rows")? {
        findings.count_name(&known, &name, rows);
    }
    Ok(())
}
