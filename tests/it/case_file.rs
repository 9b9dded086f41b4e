//! Cases as `tests/cases/README.md` describes them.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use partnerscore::rulebook::DEFAULT;

use crate::second_reading::{Association, Certification, History, Partner, Usage};

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub as_of: NaiveDate,
    /// The built-in rulebook it is scored by.
    pub rulebook: String,
    /// Dotted keys of the rulebook with the values that replace that rulebook's.
    pub rules: BTreeMap<String, toml::Value>,
    pub history: History,
    pub points: Vec<PointsRow>,
    pub scores: Vec<ScoreRow>,
    pub reasons: Vec<ReasonRow>,
}

/// An expected row of `metric_points`; points are ten-thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PointsRow {
    pub partner_id: String,
    pub track: String,
    pub metric: String,
    pub option: String,
    pub current: i64,
    pub prior: i64,
    pub points: i64,
}

/// An expected row of `scores`; points are ten-thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRow {
    pub partner_id: String,
    pub track: String,
    pub qualified: bool,
    pub total_points: i64,
    pub points_short: i64,
    pub metrics_short: String,
}

/// An expected row of evidence, and why it counts, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonRow {
    pub partner_id: String,
    pub track: String,
    pub metric: String,
    pub option: String,
    pub tenant_or_person: String,
    pub workload: Option<String>,
    pub reason: String,
}

/// Reads a file of cases.
pub fn read(path: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).expect("a case file");
    let file: toml::Table = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let as_of = file["as_of"].as_datetime().expect("as_of is a date").to_string().parse().expect("as_of is a date");
    let cases = file["case"].as_array().expect("cases");
    cases.iter().map(|case| one(case.as_table().expect("a case is a table"), as_of)).collect()
}

fn one(case: &toml::Table, as_of: NaiveDate) -> Case {
    let known = [
        "name",
        "says",
        "rulebook",
        "rules",
        "partners",
        "associations",
        "certifications",
        "usage",
        "points",
        "scores",
        "reasons",
    ];
    let name = case["name"].as_str().expect("a name").to_owned();
    assert!(
        case.keys().all(|key| known.contains(&key.as_str())),
        "{name}: unknown key among {:?}",
        case.keys().collect::<Vec<_>>()
    );
    assert!(case.contains_key("says"), "{name}: says which sentence it tests");
    let rows = |key: &str, width: usize| rows(case, &name, key, width);
    let associations: Vec<Association> = rows("associations", 6).iter().map(|row| association(row)).collect();
    let certifications: Vec<Certification> = rows("certifications", 5).iter().map(|row| certification(row)).collect();
    let mut partners: Vec<Partner> = rows("partners", 4).iter().map(|row| partner(row)).collect();
    let mentioned =
        associations.iter().map(|row| &row.partner_id).chain(certifications.iter().map(|row| &row.partner_id));
    for partner_id in mentioned.flatten() {
        if !partners.iter().any(|partner| partner.partner_id.as_ref() == Some(partner_id)) {
            partners.push(Partner { partner_id: Some(partner_id.clone()), ..Partner::default() });
        }
    }
    let workload_usage = rows("usage", 5).iter().map(|row| usage(row)).collect();
    Case {
        as_of,
        rulebook: case.get("rulebook").map_or(DEFAULT, |id| id.as_str().expect("an id")).to_owned(),
        rules: case
            .get("rules")
            .map(|rules| rules.as_table().expect("rules").clone().into_iter().collect())
            .unwrap_or_default(),
        history: History { partners, associations, certifications, workload_usage },
        points: rows("points", 7).iter().map(|row| points_row(row)).collect(),
        scores: rows("scores", 6).iter().map(|row| score_row(row)).collect(),
        reasons: rows("reasons", 7).iter().map(|row| reason_row(row)).collect(),
        name,
    }
}

fn rows(case: &toml::Table, name: &str, key: &str, width: usize) -> Vec<Vec<String>> {
    let Some(rows) = case.get(key) else { return Vec::new() };
    let rows = rows.as_array().expect("rows are an array").iter().map(|row| row.as_str().expect("a row is text"));
    let split = rows.map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    split.inspect(|row| assert_eq!(row.len(), width, "{name}: {key} row {row:?} has {width} fields")).collect()
}

fn text(field: &str) -> Option<String> {
    (field != ".").then(|| field.to_owned())
}

fn date(field: &str) -> Option<NaiveDate> {
    (field != ".").then(|| field.parse().unwrap_or_else(|_| panic!("{field} is a date")))
}

fn number(field: &str) -> Option<i64> {
    (field != ".").then(|| field.parse().unwrap_or_else(|_| panic!("{field} is a number")))
}

fn partner(row: &[String]) -> Partner {
    let [partner_id, global_partner_id, distributor_id, market] = [0, 1, 2, 3].map(|index| text(&row[index]));
    Partner { partner_id, partner_name: None, global_partner_id, distributor_id, market }
}

fn association(row: &[String]) -> Association {
    let [partner_id, tenant_id, workload, association_type] = [0, 1, 2, 3].map(|index| text(&row[index]));
    Association {
        partner_id,
        tenant_id,
        workload,
        association_type,
        start_date: date(&row[4]),
        end_date: date(&row[5]),
    }
}

fn certification(row: &[String]) -> Certification {
    let [partner_id, person_id, certification] = [0, 1, 2].map(|index| text(&row[index]));
    Certification { partner_id, person_id, certification, earned_on: date(&row[3]), expires_on: date(&row[4]) }
}

fn usage(row: &[String]) -> Usage {
    let month = date(&if row[2].len() == 7 { format!("{}-01", row[2]) } else { row[2].clone() });
    Usage {
        tenant_id: text(&row[0]),
        workload: text(&row[1]),
        month,
        paid_seats: number(&row[3]),
        active_users: number(&row[4]),
    }
}

fn points_row(row: &[String]) -> PointsRow {
    let [partner_id, track, metric, option] = [0, 1, 2, 3].map(|index| row[index].clone());
    let [current, prior] = [4, 5].map(|index| number(&row[index]).expect("a count"));
    PointsRow { partner_id, track, metric, option, current, prior, points: ten_thousandths(&row[6]) }
}

fn score_row(row: &[String]) -> ScoreRow {
    ScoreRow {
        partner_id: row[0].clone(),
        track: row[1].clone(),
        qualified: row[2] == "yes",
        total_points: ten_thousandths(&row[3]),
        points_short: ten_thousandths(&row[4]),
        metrics_short: text(&row[5]).unwrap_or_default(),
    }
}

fn reason_row(row: &[String]) -> ReasonRow {
    let [partner_id, track, metric, option, tenant_or_person] = [0, 1, 2, 3, 4].map(|index| row[index].clone());
    ReasonRow { partner_id, track, metric, option, tenant_or_person, workload: text(&row[5]), reason: row[6].clone() }
}

/// `4.2857` as 42857.
fn ten_thousandths(field: &str) -> i64 {
    let (whole, fraction) = field.split_once('.').unwrap_or((field, ""));
    let units = format!("{whole}{fraction:0<4}");
    units.parse().unwrap_or_else(|_| panic!("{field} is a number of points with up to four decimals"))
}
