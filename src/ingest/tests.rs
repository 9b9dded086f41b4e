//! Merging, with rows made by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice::from_ref;

use chrono::NaiveDate;
use proptest::prelude::*;
use tempfile::TempDir;

use super::merging::{self, Held};
use super::pile::Pile;
use super::*;
use crate::month::Month;

/// A file of rows.
#[derive(Debug, Clone)]
struct Export {
    name: &'static str,
    report: &'static str,
    rows: Vec<Row>,
}

fn export(name: &'static str, report: &'static str, rows: Vec<Row>) -> Export {
    Export { name, report, rows }
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn usage(tenant: &str, workload: &str, month_: &str, paid_seats: i64, active_users: i64) -> Row {
    Row::Usage {
        tenant_id: tenant.to_owned(),
        workload: workload.to_owned(),
        month: month(month_),
        paid_seats,
        active_users,
        duplicate: false,
        part: None,
    }
}

fn duplicate(row: Row) -> Row {
    match row {
        Row::Usage { tenant_id, workload, month, paid_seats, active_users, part, .. } => {
            Row::Usage { tenant_id, workload, month, paid_seats, active_users, part, duplicate: true }
        }
        other => other,
    }
}

fn part(row: Row, subscription: &str) -> Row {
    match row {
        Row::Usage { tenant_id, workload, month, paid_seats, active_users, duplicate, .. } => {
            let part = Some(subscription.to_owned());
            Row::Usage { tenant_id, workload, month, paid_seats, active_users, part, duplicate }
        }
        other => other,
    }
}

fn seen(partner: &str, tenant: &str, association_type: &str, month_: &str) -> Row {
    Row::Seen {
        partner_id: partner.to_owned(),
        global_partner_id: None,
        tenant_id: tenant.to_owned(),
        workload: None,
        association_type: association_type.to_owned(),
        month: month(month_),
    }
}

fn covered(partner: &str, month_: &str) -> Row {
    Row::Covered { partner_id: partner.to_owned(), month: month(month_) }
}

fn claim(partner: &str, tenant: &str, associated_on: &str, month_: &str) -> Row {
    Row::Claim {
        partner_id: partner.to_owned(),
        tenant_id: tenant.to_owned(),
        workload: "teams".to_owned(),
        associated_on: day(associated_on),
        month: month(month_),
    }
}

fn certification(person: &str, expires_on: Option<&str>) -> Row {
    Row::Certification {
        partner_id: "acme".to_owned(),
        person_id: person.to_owned(),
        certification: "teams_administrator_associate".to_owned(),
        earned_on: day("2025-01-01"),
        expires_on: expires_on.map(day),
    }
}

fn partner(partner_id: &str, name: Option<&str>, global: Option<&str>) -> Row {
    Row::Partner {
        partner_id: partner_id.to_owned(),
        partner_name: name.map(str::to_owned),
        global_partner_id: global.map(str::to_owned),
        market: None,
    }
}

fn distributor(partner_id: &str, distributor_id: &str, month_: &str) -> Row {
    Row::Distributor {
        partner_id: partner_id.to_owned(),
        partner_name: None,
        market: None,
        distributor_id: distributor_id.to_owned(),
        month: month(month_),
    }
}

/// What the reader would tell of a file.
fn file_of(export: &Export) -> FileOf {
    let rows = export.rows.len() as u64;
    let read = FileRead {
        path: export.name.to_owned(),
        sha256: format!("hash of {}", export.name),
        bytes: rows,
        report: Some(export.report.to_owned()),
        skip_reason: None,
        rows,
        kept: rows,
        folded: 0,
        passed_over: Vec::new(),
        rejected: Vec::new(),
        unknown: Vec::new(),
        warnings: Vec::new(),
        zero_led_people: Vec::new(),
    };
    FileOf { name: export.name.to_owned(), read }
}

/// What `ingest` does, but for the reading.
fn merge(history: &Path, exports: &[Export]) -> Result<Ingestion> {
    let mut place = Replacement::begin(history, history_json::FILE)?;
    let held = Held::read(place.target(), HistoryJson::read(place.target())?)?;
    let covered = held.json.covered(place.target())?;
    let mut pile = Pile::new(&place.scratch()?, held.partners.clone(), held.certifications.clone(), covered);
    for export in exports {
        let source = Source { path: export.name.to_owned(), report: export.report.to_owned() };
        export.rows.iter().try_for_each(|row| pile.take(&source, row.clone()))?;
    }
    let merged = merging::merge(pile, exports.iter().map(file_of).collect(), None, &held, &mut place)?;
    let changed = place.changes();
    if changed {
        place.publish()?;
    }
    Ok(Ingestion { changed, ..merged })
}

/// A folder with a history made of exports, one ingest after another.
fn history(ingests: &[&[Export]]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for exports in ingests {
        merge(&folder.path().join("history"), exports).expect("merged");
    }
    folder
}

/// Every file of the history with its bytes.
fn content(folder: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.path().join("history")];
    while let Some(within) = folders.pop() {
        for entry in fs::read_dir(&within).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => drop(files.insert(
                    path.clone().strip_prefix(folder.path()).expect("below").to_owned(),
                    fs::read(path).expect("bytes"),
                )),
            }
        }
    }
    files
}

/// Rows of a file, as text.
fn rows(folder: &TempDir, file: &str) -> Vec<String> {
    let file = fs::File::open(folder.path().join("history").join(file)).expect("a file");
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut rows = Vec::new();
    for batch in builder.build().expect("a reader") {
        let batch = batch.expect("a batch");
        let shown = |column: &arrow::array::ArrayRef, row| {
            arrow::util::display::array_value_to_string(column, row).expect("a value")
        };
        rows.extend(
            (0..batch.num_rows())
                .map(|row| batch.columns().iter().map(|column| shown(column, row)).collect::<Vec<_>>().join(" ")),
        );
    }
    rows
}

const OCTOBER: &str = "workload_usage/month=2026-10-01/part-0.parquet";

#[test]
fn the_later_row_wins_and_the_difference_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let exports = [
        export(
            "a.csv",
            "office_usage",
            vec![usage("t1", "teams", "2026-10", 10, 5), usage("t1", "exchange", "2026-10", 10, 5)],
        ),
        export(
            "b.csv",
            "office_usage",
            vec![usage("t1", "teams", "2026-10", 12, 6), usage("t1", "exchange", "2026-10", 10, 5)],
        ),
    ];
    let found = merge(&folder.path().join("history"), &exports).expect("merged");
    assert_eq!(rows(&folder, OCTOBER), ["t1 exchange 10 5", "t1 teams 12 6"]);
    assert_eq!(found.files.iter().map(|file| file.repeated).collect::<Vec<_>>(), [2, 0]);
    let [difference] = found.differences.as_slice() else { panic!("{:?}", found.differences) };
    assert_eq!((difference.table.as_str(), difference.rows), ("workload_usage", 1));
    assert_eq!(
        difference.samples,
        ["t1 teams 2026-10: 10 paid seats and 5 active users in a.csv, then 12 paid seats and 6 active users in b.csv"]
    );
}

#[test]
fn duplicates_count_only_where_no_other_row_states_the_key_whenever_that_comes() {
    let whole = usage("t1", "teams", "2026-10", 10, 5);
    let repeated = duplicate(usage("t1", "teams", "2026-10", 3, 2));
    let alone = duplicate(usage("t2", "teams", "2026-10", 7, 4));
    let a = export("a.csv", "office_usage", vec![repeated.clone(), alone.clone()]);
    let b = export("b.csv", "office_usage", vec![whole.clone()]);
    for ingests in [
        &[&[a.clone(), b.clone()] as &[Export]] as &[&[Export]],
        &[&[b.clone(), a.clone()]],
        &[from_ref(&a), from_ref(&b)],
        &[from_ref(&b), from_ref(&a)],
    ] {
        let folder = history(ingests);
        assert_eq!(rows(&folder, OCTOBER), ["t1 teams 10 5", "t2 teams 7 4"]);
        assert_eq!(rows(&folder, "_observations/month=2026-10-01/duplicates.parquet"), ["t2 teams"]);
    }
    let restated = export("c.csv", "office_usage", vec![usage("t2", "teams", "2026-10", 8, 8)]);
    let folder = history(&[&[a, b], &[restated]]);
    assert_eq!(rows(&folder, OCTOBER), ["t1 teams 10 5", "t2 teams 8 8"]);
    assert!(!folder.path().join("history/_observations/month=2026-10-01/duplicates.parquet").exists());
}

#[test]
fn subscriptions_sum_and_a_later_export_restates_one_of_them() {
    let intune = |seats, users, subscription: &str| part(usage("t1", "intune", "2026-10", seats, users), subscription);
    let first = export("a.csv", "ems_usage", vec![intune(10, 4, "s1"), intune(20, 8, "s2"), intune(20, 8, "s2")]);
    let folder = history(&[from_ref(&first)]);
    assert_eq!(rows(&folder, OCTOBER), ["t1 intune 30 12"]);
    let again = merge(&folder.path().join("history"), &[export("b.csv", "ems_usage", vec![intune(25, 9, "s2")])]);
    assert!(again.expect("merged").differences.is_empty(), "what is held may be restated");
    assert_eq!(rows(&folder, OCTOBER), ["t1 intune 35 13"]);
    let differing = [first, export("b.csv", "ems_usage", vec![intune(25, 9, "s2")])];
    let found = merge(&tempfile::tempdir().expect("a folder").path().join("history"), &differing).expect("merged");
    assert_eq!(found.differences.iter().map(|difference| difference.rows).sum::<u64>(), 1);
}

#[test]
fn what_another_partner_stated_stays() {
    let a = export(
        "a.csv",
        "office_usage",
        vec![usage("t1", "teams", "2026-10", 10, 5), seen("acme", "t1", "DPOR", "2026-10")],
    );
    let b = export(
        "b.csv",
        "office_usage",
        vec![usage("t2", "teams", "2026-10", 20, 9), seen("birch", "t2", "DPOR", "2026-10")],
    );
    let folder = history(&[&[a], &[b]]);
    assert_eq!(rows(&folder, OCTOBER), ["t1 teams 10 5", "t2 teams 20 9"]);
    assert_eq!(rows(&folder, "associations.parquet").len(), 2);
    assert_eq!(rows(&folder, "partners.parquet").len(), 2);
}

#[test]
fn the_same_exports_twice_change_nothing() {
    let exports = [
        export(
            "a.csv",
            "office_usage",
            vec![
                usage("t1", "teams", "2026-10", 10, 5),
                duplicate(usage("t2", "teams", "2026-10", 1, 1)),
                seen("acme", "t1", "DPOR", "2026-10"),
            ],
        ),
        export("b.csv", "ems_usage", vec![part(usage("t1", "intune", "2026-10", 5, 5), "s1")]),
        export("c.csv", "training_completions", vec![certification("p1", Some("2027-01-01"))]),
        export("d.csv", "office_usage", vec![usage("t1", "teams", "2026-10", 11, 5)]),
    ];
    let folder = history(&[&exports]);
    let before = content(&folder);
    let again = merge(&folder.path().join("history"), &exports).expect("merged");
    assert!(!again.changed, "{:?}", again.changes);
    assert_eq!(content(&folder), before);
    // The old file alone states the old value again: the later ingest wins.
    assert!(merge(&folder.path().join("history"), &exports[..1]).expect("merged").changed);
}

#[test]
fn an_expiry_that_is_stated_wins_over_none_and_a_later_one_over_an_earlier() {
    let rows_of = |people: &[(&str, Option<&str>)]| {
        people.iter().map(|(person, expires)| certification(person, *expires)).collect()
    };
    let a = export(
        "a.csv",
        "training_completions",
        rows_of(&[("p1", Some("2027-01-01")), ("p2", None), ("p3", Some("2027-01-01"))]),
    );
    let b = export(
        "b.csv",
        "training_completions",
        rows_of(&[("p1", Some("2026-01-01")), ("p2", Some("2026-06-01")), ("p3", None)]),
    );
    for exports in [[a.clone(), b.clone()], [b, a]] {
        let folder = tempfile::tempdir().expect("a folder");
        let found = merge(&folder.path().join("history"), &exports).expect("merged");
        let certification = "teams_administrator_associate 2025-01-01";
        let expected = [("p1", "2027-01-01"), ("p2", "2026-06-01"), ("p3", "2027-01-01")];
        assert_eq!(
            rows(&folder, "certifications.parquet"),
            expected.map(|(person, expires)| format!("acme {person} {certification} {expires}"))
        );
        assert_eq!(found.differences.len(), 1);
        assert!(!found.differences[0].samples.join("").contains("p1"), "nobody is named");
    }
}

#[test]
fn the_newest_distributor_counts_and_what_is_not_told_stays() {
    let a = export("a.csv", "profile", vec![partner("acme", Some("Acme"), None), distributor("acme", "D2", "2026-09")]);
    let b = export(
        "b.csv",
        "reseller_performance",
        vec![distributor("acme", "D1", "2026-08"), partner("acme", None, Some("corp"))],
    );
    for exports in [[a.clone(), b.clone()], [b, a]] {
        let folder = history(&[&exports[..1], &exports[1..]]);
        assert_eq!(rows(&folder, "partners.parquet"), ["acme Acme corp D2  2026-09-01"]);
    }
}

#[test]
fn a_chain_of_global_accounts_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let exports = [export("a.csv", "profile", vec![partner("a", None, Some("b")), partner("b", None, Some("c"))])];
    let error = merge(&folder.path().join("history"), &exports).expect_err("refused");
    assert!(error.what.contains("`a` names `b` as its global account, which names `c` in turn"), "{error}");
    assert!(!folder.path().join("history").exists());
}

/// Associations of a history, without the partner's and the tenant's id.
fn associations(ingests: &[&[Export]]) -> Vec<String> {
    let folder = history(ingests);
    rows(&folder, "associations.parquet")
        .iter()
        .map(|row| row.replacen("acme t1 ", "", 1))
        .filter(|row| !row.contains("acme"))
        .collect()
}

#[test]
fn dates_are_inferred_from_the_months_that_a_link_is_seen_in() {
    let months = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"];
    // Another tenant shows which months are covered.
    let covering: Vec<Row> = months.iter().map(|month| seen("acme", "other", "DPOR", month)).collect();
    for (seen_in, expected) in [
        (&["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"][..], &[" DPOR 2025-12-31  true"][..]),
        (&["2026-02", "2026-03", "2026-04", "2026-05"], &[" DPOR 2026-02-01  true"]),
        (&["2026-01", "2026-02"], &[" DPOR 2025-12-31 2026-02-28 true"]),
        (&["2026-01", "2026-03", "2026-04"], &[" DPOR 2025-12-31 2026-01-31 true", " DPOR 2026-03-01 2026-04-30 true"]),
        (&["2026-05"], &[" DPOR 2026-05-01  true"]),
    ] {
        let rows: Vec<Row> =
            seen_in.iter().map(|month| seen("acme", "t1", "DPOR", month)).chain(covering.clone()).collect();
        assert_eq!(associations(&[&[export("a.csv", "office_usage", rows)]]), expected, "{seen_in:?}");
    }
}

#[test]
fn a_later_export_of_older_months_moves_an_inferred_date() {
    let newer = export(
        "b.csv",
        "office_usage",
        vec![seen("acme", "t1", "DPOR", "2026-03"), seen("acme", "t1", "DPOR", "2026-04")],
    );
    let older = export(
        "a.csv",
        "office_usage",
        vec![
            seen("acme", "other", "DPOR", "2026-01"),
            seen("acme", "other", "DPOR", "2026-02"),
            seen("acme", "t1", "DPOR", "2026-02"),
        ],
    );
    assert_eq!(associations(&[from_ref(&newer)]), [" DPOR 2026-02-28  true"]);
    assert_eq!(associations(&[from_ref(&newer), from_ref(&older)]), [" DPOR 2026-02-01  true"]);
    assert_eq!(associations(&[&[older, newer]]), [" DPOR 2026-02-01  true"]);
}

#[test]
fn months_that_no_export_covers_are_no_gap() {
    let a = export(
        "a.csv",
        "office_usage",
        vec![seen("acme", "t1", "DPOR", "2026-01"), seen("acme", "t1", "DPOR", "2026-03")],
    );
    // Another account, and another report of the same one, tell nothing of the month between.
    let b = export("b.csv", "office_usage", vec![seen("birch", "t9", "DPOR", "2026-02")]);
    let c = export(
        "c.csv",
        "customers_tenants",
        vec![seen("acme", "other", "DPOR", "2026-02"), seen("acme", "other", "DPOR", "2026-04")],
    );
    let held = associations(&[&[a.clone(), b, c]]);
    assert_eq!(held.iter().filter(|row| row.starts_with(" DPOR")).collect::<Vec<_>>(), [" DPOR 2025-12-31  true"]);
    // Another location of the same account does.
    let located = export(
        "d.csv",
        "office_usage",
        vec![partner("branch", None, Some("acme")), seen("branch", "t9", "DPOR", "2026-02")],
    );
    assert_eq!(
        associations(&[&[a, located]]).iter().filter(|row| row.starts_with(" DPOR")).collect::<Vec<_>>(),
        [" DPOR 2025-12-31 2026-01-31 true", " DPOR 2026-03-01  true"]
    );
}

#[test]
fn an_account_that_a_report_goes_on_telling_of_has_lost_its_last_tenant() {
    let seen_in = |report| export("a.csv", report, vec![seen("acme", "t1", "DPOR", "2026-01")]);
    let goes_on = |report| export("b.csv", report, vec![covered("acme", "2026-02")]);
    for ingests in [
        &[&[seen_in("customers_tenants"), goes_on("customers_tenants")] as &[Export]] as &[&[Export]],
        &[&[seen_in("customers_tenants")], &[goes_on("customers_tenants")]],
    ] {
        assert_eq!(associations(ingests), [" DPOR 2025-12-31 2026-01-31 true"]);
    }
    // Another report, and another partner, tell nothing of it.
    let other = export("c.csv", "customers_tenants", vec![covered("birch", "2026-02")]);
    assert_eq!(
        associations(&[&[seen_in("customers_tenants"), goes_on("office_usage"), other]]),
        [" DPOR 2025-12-31  true"]
    );
}

#[test]
fn a_claim_begins_on_its_own_day() {
    let other = |months: &[&str]| -> Vec<Row> {
        months.iter().map(|month| claim("acme", "other", "2020-01-01", month)).collect()
    };
    let of = |rows: Vec<Row>| {
        let all = associations(&[&[export("a.csv", "cpor_usage", rows)]]);
        all.into_iter().filter(|row| row.starts_with("teams")).collect::<Vec<_>>()
    };
    let months = ["2026-01", "2026-02", "2026-03", "2026-04"];
    // The earliest day stated, whatever the first month seen.
    let rows = vec![
        claim("acme", "t1", "2025-11-17", "2026-02"),
        claim("acme", "t1", "2025-11-09", "2026-03"),
        claim("acme", "t1", "2025-11-17", "2026-04"),
    ];
    assert_eq!(of([rows, other(&months)].concat()), ["teams CPOR 2025-11-09  false"]);
    // A month without usage does not end a claim that, by its own day, went on.
    let rows = vec![
        claim("acme", "t1", "2025-11-17", "2026-01"),
        claim("acme", "t1", "2025-11-17", "2026-03"),
        claim("acme", "t1", "2025-11-17", "2026-04"),
    ];
    assert_eq!(of([rows, other(&months)].concat()), ["teams CPOR 2025-11-17  false"]);
    // A claim made anew after the gap is another association.
    let rows = vec![
        claim("acme", "t1", "2025-11-17", "2026-01"),
        claim("acme", "t1", "2026-03-05", "2026-03"),
        claim("acme", "t1", "2026-03-05", "2026-04"),
    ];
    assert_eq!(
        of([rows, other(&months)].concat()),
        ["teams CPOR 2025-11-17 2026-01-31 false", "teams CPOR 2026-03-05  false"]
    );
    // A claim that gives way to another without a gap: each has its own day, also where they overlap.
    let rows = vec![
        claim("acme", "t1", "2025-12-20", "2026-01"),
        claim("acme", "t1", "2025-12-20", "2026-02"),
        claim("acme", "t1", "2026-02-25", "2026-02"),
        claim("acme", "t1", "2026-02-25", "2026-03"),
        claim("acme", "t1", "2026-02-25", "2026-04"),
    ];
    assert_eq!(
        of([rows, other(&months)].concat()),
        ["teams CPOR 2025-12-20 2026-02-28 false", "teams CPOR 2026-02-25  false"]
    );
    // Usage from before the claim, as the report lists it, does not date the claim back.
    let rows = months.iter().map(|month| claim("acme", "t1", "2026-03-05", month)).collect();
    assert_eq!(of([rows, other(&months)].concat()), ["teams CPOR 2026-03-05  false"]);
    // A day after the last month seen cannot be the beginning of what ended.
    let rows = vec![claim("acme", "t1", "2026-03-05", "2026-02")];
    assert_eq!(of([rows, other(&months)].concat()), ["teams CPOR 2026-02-01 2026-02-28 true"]);
}

#[test]
fn a_folder_of_other_things_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("history");
    fs::create_dir(&place).expect("a folder");
    fs::write(place.join("partners.parquet"), "mine").expect("a file");
    let error = merge(&place, &[]).expect_err("refused");
    assert_eq!((error.code, error.what.contains("partners.parquet")), (crate::error::Code::Usage, true), "{error}");
    assert_eq!(fs::read_to_string(place.join("partners.parquet")).expect("the file"), "mine");
    fs::remove_file(place.join("partners.parquet")).expect("removed");
    assert!(merge(&place, &[]).expect("an empty folder").changed);
    fs::write(place.join("history.json"), "{\"schema_version\": 2}").expect("a file");
    let error = merge(&place, &[]).expect_err("refused");
    assert!(error.what.contains("of version 2"), "{error}");
}

#[test]
fn files_of_others_and_their_permissions_stay() {
    let folder = history(&[&[export("a.csv", "office_usage", vec![usage("t1", "teams", "2026-10", 10, 5)])]]);
    let place = folder.path().join("history");
    fs::create_dir(place.join("notes")).expect("a folder");
    fs::write(place.join("notes/of-mine.txt"), "kept").expect("a file");
    let october = fs::metadata(place.join(OCTOBER)).expect("a file").modified().expect("a time");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(place.join("history.json"), fs::Permissions::from_mode(0o640)).expect("set");
    }
    merge(&place, &[export("b.csv", "office_usage", vec![usage("t1", "teams", "2026-11", 10, 5)])]).expect("merged");
    assert_eq!(fs::read_to_string(place.join("notes/of-mine.txt")).expect("the file"), "kept");
    assert_eq!(
        fs::metadata(place.join(OCTOBER)).expect("a file").modified().expect("a time"),
        october,
        "not written anew"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |file: &str| fs::metadata(place.join(file)).expect("a file").permissions().mode() & 0o777;
        assert_eq!((mode("workload_usage/month=2026-11-01/part-0.parquet"), mode(OCTOBER)), (0o640, 0o600));
    }
    let beside: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(beside.len(), 2, "the history and its lock: {beside:?}");
}

/// Everything that reading the sample's exports states and tells, by so many threads.
fn read_by(threads: usize) -> (Vec<(Source, Row)>, String, u64) {
    let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample/exports");
    let inputs = inputs::find(&[exports.join("2026-09"), exports.join("2026-10")]).expect("exports").files;
    let reading = Reading::new(Some(PersonKey::new("a key that only tests have").expect("a key"))).expect("kinds");
    let (mut rows, told) = (Vec::new(), Cell::new(0));
    let mut sink = |source: &Source, row| {
        rows.push((source.clone(), row));
        Ok(())
    };
    let progress = |bytes| told.set(told.get() + bytes);
    let outcomes = reading_ahead::read_in_order(&inputs, &reading, threads, &mut sink, &progress).expect("read");
    assert_eq!(outcomes.len(), inputs.len());
    assert_eq!(told.get(), inputs.iter().map(|input| input.size).sum::<u64>(), "all bytes are told of");
    (rows, format!("{outcomes:?}"), told.get())
}

#[test]
fn what_is_read_is_the_same_whatever_the_threads() {
    let one = read_by(1);
    assert!(one.0.len() > 400, "{} rows", one.0.len());
    for threads in [2, 3, 16] {
        let several = read_by(threads);
        assert!(several == one, "{threads} threads read otherwise than one");
    }
}

/// Files of many rows each, of which those ahead have to wait; what cannot be taken ends all of it.
#[test]
fn what_cannot_be_taken_ends_the_reading_of_files_ahead_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = "MPNId,PartnerName,PGA_MPNId\n";
    for file in 0..40 {
        let rows: String = (0..20_000).map(|row| format!("{row},Name,5001\n")).collect();
        fs::write(folder.path().join(format!("{file:02}.csv")), format!("{header}{rows}")).expect("a file");
    }
    let inputs = inputs::find(&[folder.path().to_owned()]).expect("exports").files;
    let reading = Reading::new(None).expect("kinds");
    let mut taken = 0;
    let mut full = |_: &Source, _| {
        taken += 1;
        if taken < 30_000 { Ok(()) } else { Err(Error::internal("the disk is full")) }
    };
    let error = reading_ahead::read_in_order(&inputs, &reading, 3, &mut full, &|_| {}).expect_err("an error");
    assert_eq!((error.what.as_str(), taken), ("the disk is full", 30_000));
    let missing = inputs::Input { path: folder.path().join("gone.csv"), ..inputs[1].clone() };
    let inputs = [inputs[0].clone(), missing, inputs[2].clone()];
    let error = reading_ahead::read_in_order(&inputs, &reading, 2, &mut |_, _| Ok(()), &|_| {}).expect_err("an error");
    assert_eq!(error.code, crate::error::Code::Absent);
}

/// Rows of a small world, in which much is stated twice.
fn any_row() -> impl Strategy<Value = Row> {
    let months = prop::sample::select(vec!["2026-01", "2026-02", "2026-03", "2026-04"]);
    let tenants = prop::sample::select(vec!["t1", "t2", "t3"]);
    let partners = prop::sample::select(vec!["acme", "branch", "birch"]);
    let kinds = prop::sample::select(vec!["teams", "exchange", "intune"]);
    (0..8u8, months, tenants, partners, kinds, 0..3i64, any::<bool>()).prop_map(
        |(what, month, tenant, who, kind, number, flag)| {
            let row = usage(tenant, kind, month, 10 + number, number);
            match what {
                0 => row,
                1 => duplicate(row),
                2 => part(row, if flag { "s1" } else { "s2" }),
                3 | 4 => seen(who, tenant, if flag { "DPOR" } else { "CSP_TIER_1" }, month),
                5 => claim(who, tenant, ["2025-12-05", "2026-02-10", "2026-03-20"][number as usize], month),
                6 => certification(tenant, flag.then_some(["2027-01-01", "2027-02-01", "2027-03-01"][number as usize])),
                _ if flag => covered(who, month),
                _ => [
                    partner("branch", Some(tenant), Some("acme")),
                    distributor(who, kind, month),
                    partner(who, (tenant == "t1").then_some(kind), None),
                ][number as usize]
                    .clone(),
            }
        },
    )
}

fn any_export(name: &'static str) -> impl Strategy<Value = Export> {
    let reports = prop::sample::select(vec!["office_usage", "customers_tenants"]);
    (reports, prop::collection::vec(any_row(), 0..12)).prop_map(move |(report, rows)| export(name, report, rows))
}

/// Values that every row of a key agrees on.
fn agreed(row: Row) -> Row {
    match row {
        Row::Usage { tenant_id, workload, month, duplicate, .. } => {
            Row::Usage { tenant_id, workload, month, duplicate, part: None, paid_seats: 10, active_users: 5 }
        }
        Row::Partner { partner_id, .. } if partner_id == "branch" => partner("branch", Some("Branch"), Some("acme")),
        Row::Partner { partner_id, .. } => partner(&partner_id, Some("Name"), None),
        Row::Distributor { partner_id, month, .. } => distributor(&partner_id, "D1", &month.to_string()),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn several_ingests_make_what_one_makes(a in any_export("a.csv"), b in any_export("b.csv"), c in any_export("c.csv")) {
        let one = history(&[&[a.clone(), b.clone(), c.clone()]]);
        let several = history(&[from_ref(&a), from_ref(&b), from_ref(&c)]);
        prop_assert_eq!(content(&one), content(&several));
        let two = history(&[&[a, b], &[c]]);
        prop_assert_eq!(content(&one), content(&two));
    }

    #[test]
    fn the_order_does_not_matter_where_exports_agree(a in any_export("a.csv"), b in any_export("b.csv"), c in any_export("c.csv")) {
        let [a, b, c] = [a, b, c].map(|export| Export { rows: export.rows.into_iter().map(agreed).collect(), ..export });
        let forth = history(&[&[a.clone(), b.clone(), c.clone()]]);
        let back = history(&[&[c], &[b, a]]);
        prop_assert_eq!(content(&forth), content(&back));
    }
}
