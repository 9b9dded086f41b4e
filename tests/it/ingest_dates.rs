//! One order of day and month for each file: what a file shows, what is given, and what contradicts itself.

use partnerscore::ingest::{DateOrder, Outcome, Reading, Row};

use crate::ingest_reading::{Given, given, given_with, gzipped, office, office_row, reading, sound, zipped};

const HEADER: &str =
    "MPNId,MCPID,IndividualFirstName,Email,TrainingTitle,TrainingType,TrainingCompletionDate,ExpirationDate\n";

fn training(person: u32, earned: &str, expires: &str) -> String {
    format!(
        "4001,{person},First,p@example.com,Microsoft Certified: Teams Administrator Associate,Certification,\"{earned}\",\"{expires}\"\n"
    )
}

/// A file of trainings, one for each pair of dates.
fn trainings(dates: &[(&str, &str)]) -> String {
    let rows = (1..).zip(dates).map(|(person, (earned, expires))| training(900_000 + person, earned, expires));
    HEADER.to_owned() + &rows.collect::<String>()
}

/// The days of certifications, as a history has them.
fn days(given: &Given) -> Vec<String> {
    let day = |row: &Row| match row {
        Row::Certification { earned_on, expires_on, .. } => {
            Some(format!("{earned_on} {}", expires_on.map_or_else(|| "none".to_owned(), |day| day.to_string())))
        }
        _ => None,
    };
    given.rows.iter().filter_map(day).collect()
}

fn with_order(order: DateOrder) -> Reading {
    reading().with_date_order(Some(order))
}

#[test]
fn a_proof_decides_for_rows_above_it_too() {
    let ambiguous = ("04/03/2026", "04/03/2027");
    let day_first = ["2026-03-04 2027-03-04", "2026-03-05 2027-03-25", "2026-03-04 2027-03-04"];
    let month_first = ["2026-04-03 2027-04-03", "2026-05-03 2027-03-25", "2026-04-03 2027-04-03"];
    for (proof, expected) in [(("05/03/2026", "25/03/2027"), day_first), (("05/03/2026", "03/25/2027"), month_first)] {
        let text = trainings(&[ambiguous, proof, ambiguous]);
        for (name, bytes) in [
            ("trainings.csv", text.clone().into_bytes()),
            ("trainings.csv.gz", gzipped(text.as_bytes())),
            ("trainings.zip", zipped(&[("trainings.csv", text.as_bytes())])),
            ("packed.zip", zipped(&[("trainings.csv.gz", &gzipped(text.as_bytes()))])),
            ("utf-16.csv", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ] {
            let given = given(name, &bytes);
            assert_eq!(days(&given), expected, "{name}");
            assert!(given.file().rejected.is_empty(), "{name}");
        }
    }
    let given = given("trainings.csv", trainings(&[ambiguous, ("25/03/2026", "NA")]).as_bytes());
    assert_eq!(given.file().warnings, ["dates were read day first: `25/03/2026` in line 3 shows it"]);
}

/// The proof may be far below: a file is looked through as a whole.
#[test]
fn a_proof_in_the_last_of_many_rows_decides() {
    let mut dates = vec![("04/03/2026", "05/03/2027"); 20_000];
    dates.push(("25/03/2026", ""));
    let given = given("trainings.csv", trainings(&dates).as_bytes());
    assert_eq!(days(&given).first().map(String::as_str), Some("2026-03-04 2027-03-05"));
    assert_eq!((given.file().kept, days(&given).len()), (20_001, 20_001));
}

#[test]
fn dates_that_nothing_decides_are_month_first_and_told() {
    let given = given(
        "trainings.csv",
        trainings(&[("2026-01-01", "12/12/2026"), ("04/03/2026", "NA"), ("5/4/2026", "-")]).as_bytes(),
    );
    assert_eq!(days(&given), ["2026-01-01 2026-12-12", "2026-04-03 none", "2026-05-04 none"]);
    let warnings = &given.file().warnings;
    assert!(warnings[0].contains("2 rows were read month first, such as `04/03/2026` in line 3"), "{warnings:?}");
    assert!(warnings[0].contains("--date-order dmy"), "{warnings:?}");
    // Nothing is to be told where a date is the same in either order, or has a name.
    for dates in [("12/12/2025", "3/3/2027"), ("2025-12-01", "Nov 15, 2027"), ("15-Nov-25", "1 December 2027")] {
        let given = crate::ingest_reading::given("trainings.csv", trainings(&[dates]).as_bytes());
        assert_eq!((given.file().kept, given.file().warnings.len()), (1, 0), "{dates:?}");
    }
}

#[test]
fn an_order_that_is_given_overrides() {
    let text = trainings(&[("04/03/2026", "04/03/2027")]);
    for (order, expected) in
        [(DateOrder::DayFirst, "2026-03-04 2027-03-04"), (DateOrder::MonthFirst, "2026-04-03 2027-04-03")]
    {
        let given = given_with("trainings.csv", text.as_bytes(), &with_order(order));
        assert_eq!(days(&given), [expected]);
        assert!(given.file().warnings.is_empty(), "{:?}", given.file().warnings);
    }
    let text = trainings(&[("25/03/2026", "25/03/2027"), ("2026-03-04", "2027-03-04"), ("03/25/2026", "03/25/2027")]);
    for (order, kept) in [(DateOrder::DayFirst, 2), (DateOrder::MonthFirst, 2), (DateOrder::YearFirst, 1)] {
        let given = given_with("trainings.csv", text.as_bytes(), &with_order(order));
        assert_eq!((given.file().kept, given.rejected()), (kept, vec![("date_order", 3 - kept)]), "{order:?}");
    }
}

/// The order that most dates show counts, and the rows of the other are rejected; where neither has more, nothing can be taken.
#[test]
fn dates_that_contradict_each_other_are_rejected_or_refused() {
    let most = trainings(&[("25/03/2026", "NA"), ("04/03/2026", "NA"), ("26/03/2026", "NA"), ("03/27/2026", "NA")]);
    let given_most = given("trainings.csv", most.as_bytes());
    assert_eq!(days(&given_most), ["2026-03-25 none", "2026-03-04 none", "2026-03-26 none"]);
    assert_eq!(given_most.rejected(), [("date_order", 1)]);
    let sample = given_most.file().rejected[0].sample.as_deref();
    assert_eq!(sample, Some("`TrainingCompletionDate`: `03/27/2026`"));
    let texts = [
        ("one of each", trainings(&[("25/03/2026", "NA"), ("03/27/2026", "NA")])),
        ("in one row", trainings(&[("25/03/2026", "03/27/2027")])),
        ("below an ambiguous one", trainings(&[("04/03/2026", "NA"), ("25/03/2026", "NA"), ("03/27/2026", "NA")])),
        // The first was taken for the rule, and dates were read by it.
        (
            "an exception above",
            trainings(&[("25/03/2026", "NA"), ("04/03/2026", "NA"), ("03/27/2026", "NA"), ("03/28/2026", "NA")]),
        ),
    ];
    for (what, text) in texts {
        let given = given("trainings.csv", text.as_bytes());
        let error = &given.refused().error;
        assert!(error.what.contains("dates contradict each other: `25/03/2026` in line"), "{what}: {error}");
        assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("--date-order")), "{what}: {error}");
        let given = given_with("trainings.csv", text.as_bytes(), &with_order(DateOrder::DayFirst));
        assert!(matches!(&given.outcomes[..], [Outcome::Read(_) | Outcome::Refused(_)]), "{what}");
    }
}

/// Months are first days: a one is the day, whatever the other is.
#[test]
fn a_month_shows_the_order_of_its_file() {
    let row = |month: &str| sound().replace("2026-10-01", month);
    for (month, other) in [("10/1/2026", "10/01/2026"), ("1/10/2026", "01.10.2026"), ("01-10-2026", "1/10/2026")] {
        let given = given("usage.csv", office(&(row("1/1/2026") + &row(month) + &row(other))).as_bytes());
        let months: Vec<String> = given
            .rows
            .iter()
            .filter_map(|row| match row {
                Row::Usage { month, .. } => Some(month.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(months, ["2026-01", "2026-10", "2026-10"], "{month}");
    }
}

/// Reports with people show a date that is wrong, and never a name or an address that stands where a date should.
#[test]
fn wrong_dates_are_shown_and_people_are_not() {
    let shown = ["2026-02-30", "46296", "13/13/2026", "Nov 31, 2025", "4/3/26"];
    let hidden = ["p@example.com", "Fern Valley", "Mary", "2026-01-01 Mary", "marie@x.org 2026"];
    for (value, is_shown) in shown.iter().map(|value| (value, true)).chain(hidden.iter().map(|value| (value, false))) {
        let text = trainings(&[("2026-01-01", ""), (*value, "")]);
        let given = given("trainings.csv", text.as_bytes());
        let rule = if value.contains('@') { "email_address" } else { "not_a_date" };
        assert_eq!(given.rejected(), [(rule, 1)], "{value}");
        let sample = given.file().rejected[0].sample.as_deref().expect("a sample");
        assert_eq!(sample.contains(*value), is_shown, "{sample}");
    }
    let earned = given("trainings.csv", trainings(&[("2026-01-01", ""), ("N/A", "")]).as_bytes());
    assert_eq!(earned.rejected(), [("empty_date", 1)]);
    assert_eq!(earned.file().rejected[0].sample.as_deref(), Some("`TrainingCompletionDate`: `N/A`"));
}

/// Every placeholder: in optional columns it is nothing, in required ones the row is rejected and shows it.
#[test]
fn placeholders_are_no_values() {
    let placeholders =
        ["NA", "N/A", "n/a", "NULL", "null", "#NULL#", "#N/A", "-", "none", "None", "(blank)", "NaN", "\u{2014}", ""];
    for text in placeholders {
        let profile = format!("MPNId,PartnerName,PGA_MPNId,Country\n4001,{text},{text},{text}\n");
        let given_profile = given("profile.csv", profile.as_bytes());
        let Some(Row::Partner { partner_name, global_partner_id, market, .. }) = given_profile.rows.first() else {
            panic!("{text}: {:?}", given_profile.outcomes)
        };
        let expected_market = Some("NA").filter(|namibia| *namibia == text);
        assert_eq!((partner_name, global_partner_id, market.as_deref()), (&None, &None, expected_market), "{text}");
        for (row, rule, column) in [
            (sound().replace("100,", &format!("{text},")), "empty_count", "PaidAvailableUnits"),
            (sound().replace(",Teams,", &format!(",{text},")), "empty_name", "WorkloadName"),
            (sound().replace(",4001,", &format!(",{text},")), "empty_id", "MPNId"),
            (sound().replace("2026-10-01", text), "empty_date", "Month"),
            (office_row(text, "Teams", "2026-10-01", "1", "1"), "empty_id", "CustomerTenantId"),
        ] {
            let given = given("usage.csv", office(&(sound() + &row)).as_bytes());
            assert_eq!(given.rejected(), [(rule, 1)], "{text}");
            let sample = format!("`{column}`: `{text}`");
            assert_eq!(given.file().rejected[0].sample.as_deref(), Some(sample.as_str()));
        }
        // No attribution: the usage is taken.
        let given = given("usage.csv", office(&sound().replace("CSP Tier 1", text)).as_bytes());
        assert_eq!((given.file().kept, given.file().warnings.len()), (1, 1), "{text}");
    }
}
