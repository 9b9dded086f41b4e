//! The synthetic history: repeatable, of the promised content, and read back into rows for comparisons.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use chrono::{Days, NaiveDate};
use tempfile::TempDir;

use crate::baseline_history::AS_OF;
use crate::command::{run, score};
use crate::fixture;
use crate::outputs::{read, texts};
use crate::second_reading::{Association, Certification, History, Partner, Usage};

/// A small dirty sample, made once.
pub fn dirty() -> PathBuf {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        sample(&folder.path().join("history"), &["--partners", "40", "--tenants", "500", "--seed", "5", "--dirty"]);
        folder
    });
    folder.path().join("history")
}

fn sample(out: &Path, more: &[&str]) {
    run(&[&["sample", "--out", &out.to_string_lossy()], more].concat()).succeeds();
}

/// Every row of a history in the sample's layout.
pub fn rows(root: &Path) -> History {
    let mut history = History::default();
    let partners = read(&root.join("partners.parquet"));
    let [partner_id, partner_name, global_partner_id, distributor_id, market] =
        ["partner_id", "partner_name", "global_partner_id", "distributor_id", "market"]
            .map(|name| texts(&partners, name));
    for row in 0..partners.num_rows() {
        history.partners.push(Partner {
            partner_id: partner_id[row].clone(),
            partner_name: partner_name[row].clone(),
            global_partner_id: global_partner_id[row].clone(),
            distributor_id: distributor_id[row].clone(),
            market: market[row].clone(),
        });
    }
    let batch = read(&root.join("associations.parquet"));
    let [partner_id, tenant_id, workload, association_type] =
        ["partner_id", "tenant_id", "workload", "association_type"].map(|name| texts(&batch, name));
    let [start_date, end_date] = ["start_date", "end_date"].map(|name| dates(&batch, name));
    for row in 0..batch.num_rows() {
        history.associations.push(Association {
            partner_id: partner_id[row].clone(),
            tenant_id: tenant_id[row].clone(),
            workload: workload[row].clone(),
            association_type: association_type[row].clone(),
            start_date: start_date[row],
            end_date: end_date[row],
        });
    }
    let batch = read(&root.join("certifications.parquet"));
    let [partner_id, person_id, certification] =
        ["partner_id", "person_id", "certification"].map(|name| texts(&batch, name));
    let [earned_on, expires_on] = ["earned_on", "expires_on"].map(|name| dates(&batch, name));
    for row in 0..batch.num_rows() {
        history.certifications.push(Certification {
            partner_id: partner_id[row].clone(),
            person_id: person_id[row].clone(),
            certification: certification[row].clone(),
            earned_on: earned_on[row],
            expires_on: expires_on[row],
        });
    }
    for month in fs::read_dir(root.join("workload_usage")).expect("usage").flatten() {
        let name = month.file_name().to_string_lossy().into_owned();
        let day = name.trim_start_matches("month=").parse::<NaiveDate>().ok();
        for file in fs::read_dir(month.path()).expect("files").flatten() {
            usage(&read(&file.path()), day, &mut history);
        }
    }
    history
}

fn usage(batch: &RecordBatch, month: Option<NaiveDate>, history: &mut History) {
    let [tenant_id, workload] = ["tenant_id", "workload"].map(|name| texts(batch, name));
    let [paid_seats, active_users] = ["paid_seats", "active_users"].map(|name| {
        let column =
            arrow::compute::cast(batch.column_by_name(name).expect("counts"), &DataType::Int64).expect("counts");
        column.as_primitive::<Int64Type>().iter().collect::<Vec<_>>()
    });
    let months = batch.column_by_name("month").map(|_| dates(batch, "month"));
    for row in 0..batch.num_rows() {
        history.workload_usage.push(Usage {
            tenant_id: tenant_id[row].clone(),
            workload: workload[row].clone(),
            month: months.as_ref().map_or(month, |months| months[row]),
            paid_seats: paid_seats[row],
            active_users: active_users[row],
        });
    }
}

fn dates(batch: &RecordBatch, name: &str) -> Vec<Option<NaiveDate>> {
    let column = batch.column_by_name(name).expect("dates");
    let day = |days: i32| NaiveDate::default().checked_add_days(Days::new(u64::try_from(days).expect("after 1970")));
    column.as_primitive::<Date32Type>().iter().map(|days| days.and_then(day)).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str, seed: &str| {
        let out = folder.path().join(name);
        sample(&out, &["--partners", "20", "--tenants", "200", "--months", "14", "--seed", seed, "--dirty"]);
        fixture::published(&out)
    };
    let first = of("first", "3");
    assert_eq!(first, of("again", "3"));
    assert_ne!(first, of("other", "4"));
}

#[test]
fn a_folder_with_something_in_it_is_not_written_to() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("precious"), "mine").expect("a file");
    run(&["sample", "--out", &folder.path().to_string_lossy()]).fails(2, &["hint:"]);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

/// The committed sample is the one that the command makes.
#[test]
fn the_committed_sample_is_made_by_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("sample");
    sample(&out, &[]);
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
    let mut committed = fixture::published(&committed);
    committed.retain(|name, _| name.extension().is_some_and(|extension| extension == "parquet"));
    let made = fixture::published(&out);
    assert_eq!(made.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>());
    assert!(made == committed, "run `just sample`");
    let bytes: usize = made.values().map(Vec::len).sum();
    assert!(bytes < 5_000_000, "{bytes} bytes");
}

/// Every awkward case that the contract's readers stumble over is in the sample.
#[test]
fn the_sample_has_every_awkward_case() {
    let history = rows(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample"));
    let october: Vec<&Usage> =
        history.workload_usage.iter().filter(|row| row.month == NaiveDate::from_ymd_opt(2026, 10, 1)).collect();
    let seats = |tenant: &Option<String>| {
        october.iter().filter(|row| row.tenant_id == *tenant).filter_map(|row| row.paid_seats).collect::<Vec<_>>()
    };
    let both_bands = |tenant: &Option<String>| {
        seats(tenant).iter().any(|seats| (11..=300).contains(seats)) && seats(tenant).iter().any(|seats| *seats > 300)
    };
    let pairs = |a: &Association, b: &Association| {
        (&a.partner_id, &a.tenant_id, &a.workload) == (&b.partner_id, &b.tenant_id, &b.workload)
    };
    let couples = || {
        history
            .associations
            .iter()
            .enumerate()
            .flat_map(|(index, a)| history.associations[index + 1..].iter().take(12).map(move |b| (a, b)))
    };
    let kind = |row: &Association| row.association_type.clone().unwrap_or_default();
    let as_of = AS_OF.parse::<NaiveDate>().expect("a date");
    let served: std::collections::BTreeSet<_> = history.associations.iter().map(|row| &row.partner_id).collect();
    let listed = ["teams", "exchange", "intune", "sharepoint", "microsoft_365_apps"];
    let found = [
        ("both bands at once", october.iter().any(|row| both_bands(&row.tenant_id))),
        ("workload-level claims", history.associations.iter().any(|row| row.workload.is_some())),
        ("whole-tenant claims", history.associations.iter().any(|row| row.workload.is_none())),
        ("ended associations", history.associations.iter().any(|row| row.end_date.is_some_and(|end| end < as_of))),
        (
            "renewed associations",
            couples().any(|(a, b)| {
                pairs(a, b) && kind(a) == kind(b) && a.end_date.is_some_and(|end| Some(end) < b.start_date)
            }),
        ),
        (
            "overlapping associations",
            couples().any(|(a, b)| {
                pairs(a, b)
                    && kind(a) == kind(b)
                    && a.start_date != b.start_date
                    && a.end_date.is_none_or(|end| Some(end) >= b.start_date)
            }),
        ),
        (
            "both CSP tiers",
            couples().any(|(a, b)| {
                pairs(a, b) && kind(a) != kind(b) && kind(a).starts_with("CSP") && kind(b).starts_with("CSP")
            }),
        ),
        (
            "locations",
            history
                .partners
                .iter()
                .any(|row| row.global_partner_id.is_some() && row.global_partner_id != row.partner_id),
        ),
        (
            "expired certificates",
            history.certifications.iter().any(|row| row.expires_on.is_some_and(|end| end < as_of)),
        ),
        (
            "one person with several",
            history.certifications.iter().any(|a| {
                history.certifications.iter().any(|b| a.person_id == b.person_id && a.certification != b.certification)
            }),
        ),
        ("gaps", {
            let months = |tenant: &Option<String>| {
                history
                    .workload_usage
                    .iter()
                    .filter(|row| row.tenant_id == *tenant)
                    .filter_map(|row| row.month)
                    .collect::<std::collections::BTreeSet<_>>()
            };
            october.iter().step_by(3).any(|row| (2..25).contains(&months(&row.tenant_id).len()))
        }),
        ("users above seats", october.iter().any(|row| row.active_users > row.paid_seats)),
        ("zero seats", october.iter().any(|row| row.paid_seats == Some(0))),
        (
            "unlisted workloads",
            october.iter().any(|row| {
                row.workload.as_deref().is_some_and(|name| {
                    !listed.contains(&name) && !name.starts_with("teams") && !name.starts_with("viva")
                })
            }),
        ),
        (
            "partners with nothing",
            history.partners.iter().any(|row| row.global_partner_id.is_none() && !served.contains(&row.partner_id)),
        ),
        (
            "a hostile name",
            history
                .partners
                .iter()
                .any(|row| row.partner_name.as_deref().is_some_and(|name| name.contains("<script>"))),
        ),
    ];
    let missing: Vec<_> = found.iter().filter(|(_, found)| !found).map(|(case, _)| case).collect();
    assert!(missing.is_empty(), "the sample lacks {missing:?}");
}

#[test]
fn the_sample_is_worth_looking_at() {
    let out = tempfile::tempdir().expect("a folder");
    let said = score(Path::new("data/sample"), out.path(), AS_OF, &["--format", "json", "--quiet"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&said.succeeds().stdout).expect("JSON");
    let count = |wanted: &dyn Fn(&serde_json::Value) -> bool| rows.iter().filter(|row| wanted(row)).count();
    let points = |row: &serde_json::Value| row["total_points"].as_f64().expect("points");
    assert!((40..=70).contains(&rows.len()), "{} accounts", rows.len());
    assert!(count(&|row| row["qualified"] == true) >= 3);
    assert!(count(&|row| row["qualified"] == false && points(row) >= 60.0) >= 2, "near misses");
    assert!(count(&|row| points(row) == 0.0) >= 1);
    assert!(count(&|row| row["track"] == "enterprise") >= 3 && count(&|row| row["track"] == "smb") >= 3);
}
