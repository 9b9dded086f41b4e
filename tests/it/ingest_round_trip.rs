//! Exports, ingested and scored, against the history that they were drawn with: where exports carry the information, the scores are the same.
//!
//! What they do not carry is said here, and nowhere taken from the program:
//!
//! - An association is told of in the months on whose last day it holds. It is then taken to end on the last day of the last such month, and, where
//!   its type has no date, to begin on the first day of the first, or before where no earlier month is covered. One that holds on no such day is lost.
//! - A claim is told of for each workload that the tenant uses; one of a whole tenant becomes one for each. Its first day is told.
//! - A claim that another account's on the same pair follows ends the day before that begins, where no month from then on tells of it.
//! - Two associations of one partner, tenant and type that follow without a month's end between them are one.
//! - Usage is told of where somebody holds the tenant, through an association that covers the workload, and the year's reports have the workload.
//! - What was passed after the download is not told of.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{Days, Months, NaiveDate};

use crate::baseline_history::AS_OF;
use crate::command::{partnerscore, run, said, score};
use crate::fixture::{self, Layout};
use crate::outputs::read;
use crate::samples;
use crate::second_reading::{Association, Certification, History, Usage};

/// What people's ids are hashed with.
const KEY: &str = "a key that only tests have";
/// The workload that no report since 2023 has.
const LACKING: [&str; 1] = ["viva_engage"];
const WIDE: &str = "intune";
const DOWNLOADED: &str = "2026-11-23";

/// A partner's hold on a tenant: partner, tenant, workload, type.
type Link = (String, String, Option<String>, String);
/// Reports that tell of a link, each with the months in which it does.
type Sightings = BTreeMap<&'static str, BTreeSet<NaiveDate>>;

fn text(value: &Option<String>) -> String {
    value.clone().expect("a value")
}

fn last_day(month: NaiveDate) -> NaiveDate {
    month + Months::new(1) - Days::new(1)
}

/// A history without what exports do not carry.
struct Carried<'a> {
    history: &'a History,
    lacking: &'a [&'a str],
    usage: BTreeMap<(String, String, NaiveDate), (i64, i64)>,
    /// By tenant.
    workloads: BTreeMap<String, BTreeSet<String>>,
    /// By partner.
    accounts: BTreeMap<String, String>,
    links: BTreeMap<Link, Sightings>,
    /// The days on which claims of a link began, with the months in which each is told of.
    claims: BTreeMap<Link, BTreeMap<NaiveDate, BTreeSet<NaiveDate>>>,
    /// By account and report.
    covered: BTreeMap<(String, &'static str), BTreeSet<NaiveDate>>,
    told: BTreeMap<(String, String, NaiveDate), (i64, i64)>,
}

impl<'a> Carried<'a> {
    fn new(history: &'a History, lacking: &'a [&'a str]) -> Self {
        let mut carried = Carried {
            history,
            lacking,
            usage: BTreeMap::new(),
            workloads: BTreeMap::new(),
            accounts: BTreeMap::new(),
            links: BTreeMap::new(),
            claims: BTreeMap::new(),
            covered: BTreeMap::new(),
            told: BTreeMap::new(),
        };
        for partner in &history.partners {
            let id = text(&partner.partner_id);
            carried.accounts.insert(id.clone(), partner.global_partner_id.clone().unwrap_or(id));
        }
        for row in &history.workload_usage {
            let (tenant, workload, month) = (text(&row.tenant_id), text(&row.workload), row.month.expect("a month"));
            carried.workloads.entry(tenant.clone()).or_default().insert(workload.clone());
            let counts = (row.paid_seats.expect("seats"), row.active_users.expect("users"));
            carried.usage.insert((tenant, workload, month), counts);
        }
        let months: BTreeSet<NaiveDate> = carried.usage.keys().map(|(_, _, month)| *month).collect();
        for month in months {
            for row in &history.associations {
                let starts = row.start_date.expect("a start") <= last_day(month);
                if starts && row.end_date.is_none_or(|end| end >= last_day(month)) {
                    carried.month(row, month);
                }
            }
        }
        carried
    }

    /// What a month's reports tell of an association that holds then.
    fn month(&mut self, row: &Association, month: NaiveDate) {
        let (tenant, kind) = (text(&row.tenant_id), text(&row.association_type));
        let used = self.workloads.get(&tenant).cloned().unwrap_or_default();
        let covered = used.into_iter().filter(|name| row.workload.as_ref().is_none_or(|only| only == name));
        let covered: Vec<String> = covered.filter(|name| !self.lacking.contains(&name.as_str())).collect();
        if kind != "CPOR" {
            self.see(row, None, "customers", month);
        }
        if kind.starts_with("CSP") {
            self.see(row, None, "seats", month);
        }
        for workload in covered {
            let key = (tenant.clone(), workload.clone(), month);
            let counts = self.usage.get(&key).copied();
            let of = Some(workload.clone()).filter(|_| kind == "CPOR");
            match counts {
                // A claim is seen in a row of subscriptions only where these have seats or users.
                Some((0, 0)) if workload == WIDE && kind == "CPOR" => {}
                // What a subscription contains is with who has the whole tenant anyway.
                Some(_) if workload == WIDE && kind != "CPOR" => self.cover(row, "ems", month),
                Some(_) if workload == WIDE => self.see(row, of.clone(), "ems", month),
                Some(_) => self.see(row, of.clone(), "office", month),
                None => {}
            }
            if kind == "CPOR" {
                self.see(row, of.clone(), "cpor", month);
                let link = (text(&row.partner_id), tenant.clone(), of, kind.clone());
                let claim = self.claims.entry(link).or_default().entry(row.start_date.expect("a start")).or_default();
                claim.insert(month);
                self.told.entry(key).or_insert(counts.unwrap_or_default());
            } else if let Some(counts) = counts {
                self.told.insert(key, counts);
            }
        }
    }

    fn cover(&mut self, row: &Association, report: &'static str, month: NaiveDate) {
        let account = self.accounts[&text(&row.partner_id)].clone();
        self.covered.entry((account, report)).or_default().insert(month);
    }

    fn see(&mut self, row: &Association, workload: Option<String>, report: &'static str, month: NaiveDate) {
        let partner = text(&row.partner_id);
        self.cover(row, report, month);
        let link = (partner, text(&row.tenant_id), workload, text(&row.association_type));
        self.links.entry(link).or_default().entry(report).or_default().insert(month);
    }

    /// Ends claims on the day before another account's claim on the same pair begins, where no month from then on shows the earlier.
    fn without_superseded(&self, rows: Vec<(Association, NaiveDate)>) -> Vec<Association> {
        let account = |row: &Association| &self.accounts[&text(&row.partner_id)];
        let pair = |row: &Association| (row.tenant_id.clone(), row.workload.clone());
        let later = |(one, last): &(Association, NaiveDate)| {
            let others = rows.iter().map(|(other, _)| other);
            let rivals = others.filter(|other| {
                [one, *other].iter().all(|row| row.association_type.as_deref() == Some("CPOR"))
                    && pair(one) == pair(other)
                    && account(one) != account(other)
            });
            let begins = rivals.filter_map(|rival| rival.start_date).filter(|begins| {
                one.start_date < Some(*begins) && one.end_date.is_none_or(|end| end >= *begins) && last < begins
            });
            begins.min()
        };
        let ends: Vec<Option<NaiveDate>> = rows.iter().map(later).collect();
        let ended = rows.iter().zip(ends).map(|((row, _), begins)| Association {
            end_date: begins.map(|day| day - Days::new(1)).or(row.end_date),
            ..row.clone()
        });
        ended.collect()
    }

    /// The history that the exports carry.
    fn reduced(&self) -> History {
        let mut associations = Vec::new();
        for (link, sightings) in &self.links {
            let account = &self.accounts[&link.0];
            let covered = sightings.keys().filter_map(|report| self.covered.get(&(account.clone(), *report)));
            let covered: BTreeSet<NaiveDate> = covered.flatten().copied().collect();
            let spans = match self.claims.get(link) {
                Some(claims) => claims.iter().flat_map(|(day, seen)| spans(seen, &covered, Some(*day))).collect(),
                None => spans(&sightings.values().flatten().copied().collect(), &covered, None),
            };
            associations.extend(spans.into_iter().map(|(start, end, last)| {
                let row = Association {
                    partner_id: Some(link.0.clone()),
                    tenant_id: Some(link.1.clone()),
                    workload: link.2.clone(),
                    association_type: Some(link.3.clone()),
                    start_date: Some(start),
                    end_date: end,
                };
                (row, last)
            }));
        }
        let associations = self.without_superseded(associations);
        let downloaded: NaiveDate = DOWNLOADED.parse().expect("a day");
        let known = |row: &&Certification| row.earned_on.is_some_and(|day| day <= downloaded);
        History {
            partners: self.history.partners.clone(),
            associations,
            certifications: self.history.certifications.iter().filter(known).cloned().collect(),
            workload_usage: self.told.iter().map(usage).collect(),
        }
    }
}

fn usage((key, counts): (&(String, String, NaiveDate), &(i64, i64))) -> Usage {
    Usage {
        tenant_id: Some(key.0.clone()),
        workload: Some(key.1.clone()),
        month: Some(key.2),
        paid_seats: Some(counts.0),
        active_users: Some(counts.1),
    }
}

/// From when to when something holds that is seen in some months, of those that are covered, and the last of these. Its first day may be
/// known.
fn spans(
    seen: &BTreeSet<NaiveDate>,
    covered: &BTreeSet<NaiveDate>,
    first_day: Option<NaiveDate>,
) -> Vec<(NaiveDate, Option<NaiveDate>, NaiveDate)> {
    let mut spans: Vec<(NaiveDate, Option<NaiveDate>, NaiveDate)> = Vec::new();
    let mut open: Option<(NaiveDate, NaiveDate)> = None;
    for month in covered {
        match (seen.contains(month), open) {
            (true, None) => {
                let oldest = covered.first() == Some(month);
                let inferred = if oldest { *month - Days::new(1) } else { *month };
                open = Some((first_day.unwrap_or(inferred), *month));
            }
            (true, Some((start, _))) => open = Some((start, *month)),
            (false, Some((start, last))) => {
                spans.push((start, Some(last_day(last)), last));
                open = None;
            }
            (false, None) => {}
        }
    }
    spans.extend(open.map(|(start, last)| (start, None, last)));
    spans
}

fn ingest(exports: &Path, history: &Path) {
    let mut command = partnerscore();
    command.arg("ingest").arg(exports).arg("--history").arg(history).env("PARTNERSCORE_PERSON_KEY", KEY);
    said(command.output().expect("the program starts")).succeeds();
}

/// Every table of a history by its rows, people apart: a row of each is a list of texts, sorted.
fn tables(history: &History) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let shown = |value: &Option<String>| value.clone().unwrap_or_default();
    let date = |value: &Option<NaiveDate>| value.map(|day| day.to_string()).unwrap_or_default();
    let partners = history.partners.iter().map(|row| {
        let global = row.global_partner_id.clone().filter(|global| Some(global) != row.partner_id.as_ref());
        vec![
            shown(&row.partner_id),
            shown(&row.partner_name),
            shown(&global),
            shown(&row.distributor_id),
            shown(&row.market),
        ]
    });
    let associations = history.associations.iter().map(|row| {
        let texts = [&row.partner_id, &row.tenant_id, &row.workload, &row.association_type].map(shown);
        [&texts[..], &[date(&row.start_date), date(&row.end_date)]].concat()
    });
    let certifications = history.certifications.iter().map(|row| {
        vec![shown(&row.partner_id), shown(&row.certification), date(&row.earned_on), date(&row.expires_on)]
    });
    // No subscription of the sample has this one.
    let used = history.workload_usage.iter().filter(|row| row.workload.as_deref() != Some("microsoft_entra_id_p1"));
    let usage = used.map(|row| {
        let counts = [row.paid_seats, row.active_users].map(|count| count.expect("a count").to_string());
        [&[shown(&row.tenant_id), shown(&row.workload), date(&row.month)][..], &counts].concat()
    });
    let sorted = |mut rows: Vec<Vec<String>>| {
        rows.sort();
        rows.dedup();
        rows
    };
    BTreeMap::from([
        ("partners", sorted(partners.collect())),
        ("associations", sorted(associations.collect())),
        ("certifications", sorted(certifications.collect())),
        ("workload_usage", sorted(usage.collect())),
    ])
}

/// The rows of the first that the second lacks, the first few of them.
fn lacks(of: &[Vec<String>], other: &[Vec<String>]) -> Vec<String> {
    let other: BTreeSet<&Vec<String>> = other.iter().collect();
    of.iter().filter(|row| !other.contains(row)).take(5).map(|row| row.join(" | ")).collect()
}

/// Asserts that two histories have the same rows, pseudonyms aside.
fn same_tables(found: &History, expected: &History) {
    let (found, expected) = (tables(found), tables(expected));
    for (table, rows) in &expected {
        let (less, more) = (lacks(rows, &found[table]), lacks(&found[table], rows));
        assert!(less.is_empty() && more.is_empty(), "{table}: not there {less:#?}, and instead {more:#?}");
    }
}

/// Who has what, by pseudonym: each person's certifications, sorted.
fn people(history: &History) -> Vec<Vec<String>> {
    let mut people: BTreeMap<&Option<String>, BTreeSet<String>> = BTreeMap::new();
    for row in &history.certifications {
        let what = format!("{:?} {:?} {:?}", row.partner_id, row.certification, row.earned_on);
        people.entry(&row.person_id).or_default().insert(what);
    }
    let mut people: Vec<Vec<String>> = people.into_values().map(|rows| rows.into_iter().collect()).collect();
    people.sort();
    people
}

/// Asserts that two histories have the same scores, to the ten-thousandth and down to the facts behind every metric.
fn same_scores(found: &Path, expected: &Path, out: &Path, rulebook: &str) {
    let run = |history: &Path, name: &str| {
        let out = out.join(format!("{rulebook}-{name}"));
        score(history, &out, AS_OF, &["--rulebook", rulebook, "--quiet"]).succeeds();
        out.join(format!("as_of={AS_OF}"))
    };
    let (found, expected) = (run(found, "found"), run(expected, "expected"));
    for table in ["scores.parquet", "metric_points.parquet"] {
        assert!(read(&found.join(table)) == read(&expected.join(table)), "{table} of {rulebook} differs");
    }
}

/// Makes a sample as history and as exports, ingests these, and compares with what they carry.
fn round_trip(size: [&str; 3], layout: &[&str], lacking: &[&str]) {
    let [partners, tenants, seed] = size;
    let size = ["--partners", partners, "--tenants", tenants, "--seed", seed, "--months", "13"];
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let text = |name: &str| place(name).to_string_lossy().into_owned();
    let (whole, exports) = (text("whole"), text("exports"));
    run(&[&["sample", "--out", &whole], &size[..]].concat()).succeeds();
    run(&[&["sample", "--exports", &exports], &size[..], layout].concat()).succeeds();
    ingest(&place("exports"), &place("ingested"));
    let history = samples::rows(&place("whole"));
    let reduced = Carried::new(&history, lacking).reduced();
    assert!(reduced.associations.iter().filter(|row| row.end_date.is_some()).count() > 20);
    assert!(reduced.workload_usage.len() > 2000 && reduced.workload_usage.len() < history.workload_usage.len());
    fixture::write(&reduced, &place("reduced"), &Layout::default());
    let ingested = samples::rows(&place("ingested"));
    same_tables(&ingested, &reduced);
    assert_eq!(people(&ingested), people(&reduced), "one pseudonym a person");
    for rulebook in ["modern-work-2024", "modern-work-2026"] {
        same_scores(&place("ingested"), &place("reduced"), folder.path(), rulebook);
    }
    // The dirty exports of the same tell the same.
    let dirty = text("dirty");
    run(&[&["sample", "--exports", &dirty, "--dirty"], &size[..], layout].concat()).succeeds();
    ingest(&place("dirty"), &place("cleaned"));
    let mut cleaned = samples::rows(&place("cleaned"));
    cleaned.workload_usage.retain(|row| row.workload.as_deref() != Some("viva_amplify"));
    cleaned.associations.retain(|row| row.workload.as_deref() != Some("viva_amplify"));
    cleaned.certifications.retain(|row| row.certification.as_deref() != Some("fabric_weaver_associate"));
    same_tables(&cleaned, &reduced);
    same_scores(&place("cleaned"), &place("reduced"), &place("of-dirty"), "modern-work-2024");
}

#[test]
fn exports_ingested_score_as_the_history_they_carry() {
    // A sample in which a claim of one workload gives way to one of the whole tenant, within the year.
    round_trip(["30", "256", "8"], &[], &LACKING);
}

#[test]
fn exports_of_2022_ingested_score_as_the_history_they_carry() {
    round_trip(["30", "256", "2"], &["--layout", "2022"], &[]);
}
