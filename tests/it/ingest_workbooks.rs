//! Workbooks: sheets are read like any other export, with dates and numbers as typed cells.

use std::path::Path;

use partnerscore::ingest::{FileRead, Limits, Outcome, Row};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};

use crate::ingest_reading::{Given, TENANT, given, given_with, office, reading, sound, usage, zipped};

const HEADER: [&str; 7] = [
    "CustomerTenantId",
    "WorkloadName",
    "Month",
    "PaidAvailableUnits",
    "MonthlyActiveUsers",
    "MPNId",
    "PartnerAttributionType",
];

/// Writes the header of a usage report and a sound row below it, from a row and column on.
fn write_usage(sheet: &mut Worksheet, row: u32, column: u16) {
    for (place, name) in (0..).zip(HEADER) {
        sheet.write(row, column + place, name).expect("a cell");
    }
    write_row(sheet, row + 1, column);
}

/// Writes a sound row.
fn write_row(sheet: &mut Worksheet, row: u32, column: u16) {
    let date = Format::new().set_num_format("m/d/yyyy");
    let october = ExcelDateTime::from_ymd(2026, 10, 1).expect("a date");
    sheet.write(row, column, TENANT).expect("a cell");
    sheet.write(row, column + 1, "Teams").expect("a cell");
    sheet.write_with_format(row, column + 2, &october, &date).expect("a cell");
    sheet.write(row, column + 3, 100).expect("a cell");
    sheet.write(row, column + 4, Formula::new("=25*2").set_result("50")).expect("a cell");
    sheet.write(row, column + 5, 4001).expect("a cell");
    sheet.write(row, column + 6, "CSP Tier 1").expect("a cell");
}

fn saved(workbook: &mut Workbook) -> Vec<u8> {
    workbook.save_to_buffer().expect("a workbook")
}

/// A workbook with one sheet of usage, changed by `change`.
fn with_sheet(change: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    write_usage(sheet, 0, 0);
    change(sheet);
    saved(&mut workbook)
}

/// A workbook of OpenDocument with one sheet, given as rows of cells.
fn open_document(rows: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\"?><office:document-content xmlns:office=\"o\" xmlns:table=\"t\" xmlns:text=\"x\"><office:body><office:spreadsheet><table:table table:name=\"Usage\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"
    );
    let manifest = "<?xml version=\"1.0\"?><manifest:manifest xmlns:manifest=\"m\"/>";
    zipped(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest.as_bytes()),
        ("content.xml", content.as_bytes()),
    ])
}

/// Every sheet: its name, the report, rows kept, and whether it is skipped.
fn sheets(given: &Given) -> Vec<(&str, Option<&str>, u64, bool)> {
    let outcomes = given.outcomes.iter();
    outcomes
        .map(|outcome| match outcome {
            Outcome::Read(FileRead { path, report, kept, skip_reason, .. }) => {
                let (_, name) = path.rsplit_once('!').expect("a sheet");
                (name, report.as_deref(), *kept, skip_reason.is_some())
            }
            Outcome::Refused(refused) => panic!("{}", refused.error),
        })
        .collect()
}

#[test]
fn cells_are_typed_and_a_formula_counts_by_its_value() {
    let given_book = given("usage.xlsx", &with_sheet(|_| {}));
    assert!(given_book.rows.contains(&usage("teams", 100, 50, false)), "{:?}", given_book.outcomes);
    assert!(given_book.file().path.ends_with("usage.xlsx!Sheet1"));
    assert!(given_book.file().warnings.is_empty() && given_book.file().rejected.is_empty());
    // Under other names, as a member of an archive, and with the table further below and to the right.
    let bytes = with_sheet(|_| {});
    for name in ["usage.xlsm", "usage.csv", "usage"] {
        assert!(given(name, &bytes).rows.contains(&usage("teams", 100, 50, false)), "{name}");
    }
    let member = given("all.zip", &zipped(&[("2026/usage.xlsx", &bytes)]));
    assert!(member.rows.contains(&usage("teams", 100, 50, false)));
    assert!(member.file().path.ends_with("all.zip!2026/usage.xlsx!Sheet1"), "{}", member.file().path);
    let mut workbook = Workbook::new();
    write_usage(workbook.add_worksheet(), 4, 3);
    let below = given("usage.xlsx", &saved(&mut workbook));
    assert!(below.rows.contains(&usage("teams", 100, 50, false)), "{:?}", below.outcomes);
}

#[test]
fn every_sheet_of_a_report_is_read_and_the_others_are_named() {
    let mut workbook = Workbook::new();
    write_usage(workbook.add_worksheet().set_name("Usage").expect("a name"), 0, 0);
    workbook.add_worksheet().set_name("Empty").expect("a name");
    workbook.add_worksheet().set_name("Notes").expect("a name").write(0, 0, "Anything").expect("a cell");
    let profile = workbook.add_worksheet().set_name("Profile").expect("a name");
    for (place, (name, value)) in
        (0..).zip([("MPNId", "4001"), ("PartnerName", "Fern, \"Valley\"\nIT"), ("PGA_MPNId", "5001")])
    {
        profile.write(0, place, name).expect("a cell");
        profile.write(1, place, value).expect("a cell");
    }
    let azure = workbook.add_worksheet().set_name("Azure").expect("a name");
    for (place, name) in (0..).zip(["CustomerTenantId", "Month", "MPNId", "ACR_USD"]) {
        azure.write(0, place, name).expect("a cell");
    }
    let given = given("all.xlsx", &saved(&mut workbook));
    let expected = [
        ("Usage", Some("office_usage"), 1, false),
        ("Empty", None, 0, true),
        ("Notes", None, 0, true),
        ("Profile", Some("profile"), 1, false),
        ("Azure", Some("azure_usage"), 0, true),
    ];
    assert_eq!(sheets(&given), expected);
    assert!(
        given.rows.iter().any(|row| {
            matches!(row, Row::Partner { partner_name: Some(name), .. } if name == "Fern, \"Valley\" IT")
        })
    );
}

#[test]
fn faults_are_in_rows_as_a_spreadsheet_counts_them() {
    let bytes = with_sheet(|sheet| {
        for row in [2, 5, 6, 7] {
            write_row(sheet, row, 0);
        }
        // A fraction, a date of no calendar, an error, and an id of which digits are lost.
        sheet.write(2, 3, 1.5).expect("a cell");
        sheet.write(5, 2, "31/31/2026").expect("a cell");
        sheet.write(6, 3, Formula::new("=NA()").set_result("#N/A")).expect("a cell");
        sheet.write(7, 5, 1e15).expect("a cell");
    });
    let given = given("usage.xlsx", &bytes);
    let found: Vec<(&str, u64)> = given.file().rejected.iter().map(|one| (one.rule.as_str(), one.line)).collect();
    assert_eq!(found, [("number_like_id", 8), ("not_a_date", 6), ("empty_count", 7), ("ambiguous_count", 3)]);
}

/// Text in the first column alone, as where a CSV was opened without being split.
#[test]
fn lines_of_a_csv_in_one_column_are_split() {
    for delimiter in [",", ";"] {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        for (row, line) in (0..).zip(office(&sound()).lines()) {
            sheet.write(row, 0, line.replace(',', delimiter)).expect("a cell");
        }
        let given = given("usage.xlsx", &saved(&mut workbook));
        assert!(given.rows.contains(&usage("teams", 100, 50, false)), "{delimiter}: {:?}", given.outcomes);
    }
}

/// Dates that are text are read in one order for a sheet.
#[test]
fn dates_as_text_have_one_order() {
    let header =
        ["MPNId", "MCPID", "TrainingTitle", "TrainingType", "TrainingCompletionDate", "ExpirationDate", "Email"];
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (place, name) in (0..).zip(header) {
        sheet.write(0, place, name).expect("a cell");
    }
    for (row, (earned, expires)) in (1..).zip([("04/03/2026", "NA"), ("25/03/2026", "25/03/2027")]) {
        let title = "Microsoft Certified: Teams Administrator Associate";
        let id = format!("90000{row}");
        for (place, value) in (0..).zip(["4001", id.as_str(), title, "Certification", earned, expires, ""]) {
            sheet.write(row, place, value).expect("a cell");
        }
    }
    let given = given("trainings.xlsx", &saved(&mut workbook));
    let earned: Vec<String> = given
        .rows
        .iter()
        .filter_map(|row| match row {
            Row::Certification { earned_on, .. } => Some(earned_on.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(earned, ["2026-03-04", "2026-03-25"]);
}

#[test]
fn older_and_open_formats_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/workbooks/usage.xls");
    let bytes = std::fs::read(path).expect("a workbook");
    for name in ["usage.xls", "usage.csv"] {
        let given = given(name, &bytes);
        assert_eq!(sheets(&given), [("Usage", Some("office_usage"), 2, false), ("Notes", None, 0, true)]);
        assert!(
            given.rows.contains(&usage("teams", 100, 50, false))
                && given.rows.contains(&usage("exchange", 100, 50, false))
        );
    }
    let text = |value: &str| {
        format!("<table:table-cell office:value-type=\"string\"><text:p>{value}</text:p></table:table-cell>")
    };
    let number = |value: &str| {
        format!("<table:table-cell office:value-type=\"float\" office:value=\"{value}\"></table:table-cell>")
    };
    let header: String = HEADER.iter().map(|name| text(name)).collect();
    let date = "<table:table-cell office:value-type=\"date\" office:date-value=\"2026-10-01\"></table:table-cell>";
    let row =
        [text(TENANT), text("Teams"), date.to_owned(), number("100"), number("50"), number("4001"), text("CSP Tier 1")];
    let rows =
        format!("<table:table-row>{header}</table:table-row><table:table-row>{}</table:table-row>", row.concat());
    let given = given("usage.ods", &open_document(&rows));
    assert!(given.rows.contains(&usage("teams", 100, 50, false)), "{:?}", given.outcomes);
}

#[test]
fn workbooks_that_cannot_be_read_are_refused_with_what_helps() {
    let good = with_sheet(|_| {});
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0xff);
    let mut chart_only = Workbook::new();
    chart_only.add_worksheet().write(0, 0, "nothing").expect("a cell");
    let cases: [(&str, &str, Vec<u8>, &str); 7] = [
        ("cut", "usage.xlsx", good[..good.len() / 2].to_vec(), "the workbook cannot be read"),
        ("damaged", "usage.xlsx", damaged, "the workbook cannot be read"),
        ("no sheets", "usage.xlsx", zipped(&[("a.txt", b"x")]), "it has no sheets"),
        ("HTML", "usage.xls", b"\xef\xbb\xbf<html><table></table></html>".to_vec(), "an HTML page"),
        ("no report", "book.xlsx", saved(&mut chart_only), "this is no report that is known here"),
        (
            "a compound file of nothing",
            "usage.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".repeat(100),
            "the workbook cannot be read",
        ),
        ("older, cut", "usage.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "the workbook cannot be read"),
    ];
    for (case, name, bytes, what) in cases {
        let given = given(name, &bytes);
        let error = &given.refused().error;
        assert!(error.what.contains(what), "{case}: {error}");
        assert!(error.hint.is_some() && error.place.is_some(), "{case}: {error}");
        assert!(given.rows.is_empty(), "{case}");
    }
    // Text under the name of a workbook is what it is.
    assert_eq!(given("usage.xls", office(&sound()).replace(',', "\t").as_bytes()).file().kept, 1);
}

#[test]
fn a_workbook_that_expands_too_far_is_refused() {
    let bytes = with_sheet(|sheet| {
        for row in 1..20_000 {
            sheet.write(row, 3, 100).expect("a cell");
        }
    });
    for limits in [
        Limits { expanded: 100 << 10, ..Limits::default() },
        Limits { ratio: 2, ratio_from: 100 << 10, ..Limits::default() },
    ] {
        let reading = reading().with_limits(limits);
        for (name, bytes) in [("usage.xlsx", bytes.clone()), ("all.zip", zipped(&[("usage.xlsx", &bytes)]))] {
            let given = given_with(name, &bytes, &reading);
            let expands = |outcome: &Outcome| matches!(outcome, Outcome::Refused(refused) if refused.error.what.contains("expands"));
            assert!(given.outcomes.iter().any(expands), "{name}: {:?}", given.outcomes);
        }
    }
    assert!(given("usage.xlsx", &bytes).outcomes.iter().all(|outcome| matches!(outcome, Outcome::Read(_))));
}
