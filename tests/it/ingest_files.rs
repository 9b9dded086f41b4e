//! Files that are no report, and reports that are not used: each is named with the reason, and nothing is skipped without a line.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use partnerscore::ingest::{Outcome, UnusedReports, report_kinds};

use crate::command::{Said, run};
use crate::ingest_reading::{KEY, TENANT, given, office, office_row, sound, usage, zipped};
use crate::outputs::{counts, read};

fn ingest(exports: &[&Path], history: &Path, more: &[&str]) -> Said {
    let exports = exports.iter().map(|path| path.to_str().expect("a path"));
    let history = history.to_str().expect("a path");
    let arguments: Vec<&str> = ["ingest"]
        .into_iter()
        .chain(exports)
        .chain(["--history", history, "--person-key", KEY])
        .chain(more.iter().copied())
        .collect();
    run(&arguments)
}

/// What an ingest that succeeds prints.
fn printed(exports: &[&Path], history: &Path, more: &[&str]) -> String {
    let said = ingest(exports, history, more);
    said.succeeds();
    said.stdout
}

/// The value of the first usage row that a history has in a month.
fn paid_seats(history: &Path, month: &str) -> i64 {
    let usage = read(&history.join(format!("workload_usage/month={month}/part-0.parquet")));
    counts(&usage, "paid_seats").first().copied().flatten().expect("a row")
}

/// The header of every report as its documentation lists it.
#[test]
fn every_report_that_is_not_used_is_named_and_skipped() {
    let headers = [
        (
            "azure_usage",
            "PGAMpnID,SubscriptionId,SubscriptionStartDate,SubscriptionEndDate,FirstUseDate,SubscriptionState,Month,ServiceLevel1,ServiceLevel2,ServiceLevel3,ServiceLevel4,ServiceGroup2,ServiceGroup3,ServiceInfluencer,ComputeOS,ComputeCoreSoftware,UsageUnits,UsageQuantity,CustomerName,CustomerTenantId,CustomerTpid,CustomerSegment,CustomerMarket,MPNID,PartnerName,PartnerLocation,PartnerAttributionType,SalesChannel,EnrollmentNumber,IsACRDuplicateAtPGALevel,ResellerID,ResellerName,ACR_USD",
        ),
        (
            "azure_usage",
            "PGAMpnId,SubscriptionId,SubscriptionState,Month,ServiceName,MeterCategory,UsageUnits,CustomerTenantId,MpnId,PartnerName,PartnerAttributionType,TotalACR",
        ),
        ("azure_usage", "CustomerTenantId,Month,SubscriptionId,SubscriptionState,MPNID,PartnerAttributionType,ACR_USD"),
        (
            "dynamics_usage",
            "SubscriptionId,SubscriptionStartDate,SubscriptionEndDate,SubscriptionStatus,Month,RevSumDivisionName,RevSumCategoryName,SKU,SKUId,FreeVsPaidSKU,SalesModel,DetailedSalesModel,CustomerName,CustomerTenantId,CustomerTpid,CustomerSegment,CustomerMarket,MPNId,PartnerName,PartnerLocation,PartnerAttachType,AvailableSeats,AssignedSeats,ActiveSeats,DeploymentOpportunity,ActiveUsagePercent",
        ),
        (
            "power_bi_usage",
            "SubscriptionId,SubscriptionStartDate,SubscriptionEndDate,SubscriptionStatus,Month,SKU,SKUId,FreeVsPaidSKU,SalesModel,DetailedSalesModel,CustomerName,CustomerTenantId,CustomerTpid,CustomerSegment,CustomerMarket,MPNId,PartnerName,PartnerLocation,PartnerAttachType,PartnerHierarchy,AvailableSeats,AssignedSeats,ActiveSeats,DeploymentOpportunity,ActiveUsagePercent",
        ),
        (
            "teams_usage_workload",
            "PGAMpnID,CustomerId,CustomerTenantId,CustomerName,MonthKey,SubWorkload,DesktopUsers,WebUsers,MobileUsers,AllUpPartiticipants",
        ),
        ("teams_meetings_and_calls", "CustomerId,CustomerTenantId,DateKey,SubWorkload,MeetingCount,MeetingDuration"),
        (
            "teams_third_party_apps",
            "CustomerId,CustomerTenantId,CustomerName,CustomerCountry,DateKey,AppName,UserCount",
        ),
        (
            "competency_performance_requirement",
            "CompetencyName,CompetencyAttainmentOptionName,Month,MetricName,MetricMonthlyContribution,TTMAggregate,AnniversaryYearAggregate,GoldThreshold,SilverThreshold",
        ),
        (
            "competency_summary_history",
            "CompetencyName,CompetencyLevel,CompetencyStatus,CompetencyStartDate,CompetencyEndDate",
        ),
        (
            "clas_agreement_renewals_propensity",
            "MPNID,PartnerName,CustomerID,DUNSNumber,AccountName,Domain,OrgSize,SMCTypeSummary,AzureCluster,M365Cluster,LicenseProgram,AgreementID,AgreementEndDate,ExpirationType,ExpiringRevenue,HasEA",
        ),
        (
            "clas_azure_propensity",
            "MPNID,PartnerName,CustomerID,DUNSNumber,AccountName,Domain,SMCTypeSummary,MigrateSAPOnAzure,AzureFit,AzureIntent,AzureCluster,HasAWS",
        ),
        (
            "clas_d365_propensity",
            "MPNID,PartnerName,CustomerID,AccountName,SMCTypeSummary,D365BCCluster,D365BCFit,D365BCIntent,M365UpsellCustomer,HasOpen",
        ),
        (
            "clas_m365_propensity",
            "MPNID,PartnerName,CustomerID,AccountName,SMCTypeSummary,M365Cluster,M365Fit,M365Intent,SurfaceCluster,O365Fit",
        ),
        (
            "microsoft_learn",
            "UserName,UserId,TrainingName,TrainingType,Products,Roles,CompletionDate,MPNId,PartnerName,CustomerMarket",
        ),
    ];
    for (id, header) in headers {
        let spellings = [header.to_owned(), header.to_uppercase(), header.replace(',', "\t"), header.replace(',', ";")];
        for header in spellings {
            let given = given("download.csv", format!("{header}\r\nvalues,of,a,row\r\n").as_bytes());
            let file = given.file();
            assert_eq!(file.report.as_deref(), Some(id), "{header}");
            let reason = file.skip_reason.as_deref().expect("a reason");
            assert!(reason.ends_with("is not used by this designation"), "{reason}");
            assert!(given.rows.is_empty() && file.rows == 0);
        }
    }
}

/// No column by which a report that is not used is told is one of a report that is read.
#[test]
fn signatures_are_of_no_report_that_is_read() {
    let unused = UnusedReports::builtin().expect("reports");
    let kinds = report_kinds().expect("kinds");
    for report in &unused.reports {
        let Some(group) = report.signature.first() else { continue };
        for (column, kind) in group.iter().flat_map(|column| kinds.iter().map(move |kind| (column, kind))) {
            assert!(kind.known().all(|known| !known.eq_ignore_ascii_case(column)), "{}: {}", report.id, &**column);
        }
    }
    let ids: std::collections::BTreeSet<&str> = unused.reports.iter().map(|report| report.id.as_str()).collect();
    assert_eq!(ids.len(), unused.reports.len());
}

/// Where no header says it, the name of the file does; where a header says otherwise, it does not.
#[test]
fn a_file_name_tells_a_report_whose_columns_are_not_known() {
    for (name, id) in [
        ("Azure Usage (1).csv", "azure_usage"),
        ("BusinessAppliicationsRevenue_2026.csv", "business_applications_revenue"),
        ("ms-learn.tsv", "microsoft_learn"),
        ("TeamsUsage3PApps.csv", "teams_third_party_apps"),
    ] {
        assert_eq!(given(name, b"a,b,c\n1,2,3\n").file().report.as_deref(), Some(id), "{name}");
    }
    assert_eq!(given("Azure usage.csv", office(&sound()).as_bytes()).file().report.as_deref(), Some("office_usage"));
    assert!(given("usage.csv", b"a,b,c\n1,2,3\n").refused().error.what.contains("no report that is known"));
}

#[test]
fn a_report_that_is_not_used_makes_no_batch_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let exports = folder.path().join("in");
    fs::create_dir(&exports).expect("a folder");
    fs::write(exports.join("usage.csv"), office(&sound())).expect("a file");
    fs::write(exports.join("x.csv"), "CompetencyName,CompetencyLevel\nMessaging,Gold\n").expect("a file");
    let history = folder.path().join("h");
    let said = printed(&[&exports], &history, &[]);
    assert!(
        said.contains("Competency summary history (CompetencySummaryHistory) is not used by this designation"),
        "{said}"
    );
    let json = printed(&[&exports], &history, &["--format", "json"]);
    assert!(json.contains("skip_reason") && json.contains("Competency summary history"), "{json}");
    let record = fs::read_to_string(history.join("history.json")).expect("a record");
    assert!(record.contains("usage.csv") && !record.contains("x.csv"), "{record}");
}

#[test]
fn files_of_a_folder_that_are_not_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let exports = folder.path().join("in");
    fs::create_dir_all(exports.join("sub")).expect("a folder");
    fs::write(exports.join("usage.csv"), office(&sound())).expect("a file");
    let others = [
        ("Trainings.csv.crdownload", "the download is not complete"),
        ("profile.CSV.part", "the download is not complete"),
        ("CPOR claims", "its name has no ending"),
        ("CPOR export.json", "`.json` is no ending of an export"),
        ("sub/notes.docx", "`.docx` is no ending of an export"),
        ("sub/usage.csv.bak", "`.bak` is no ending of an export"),
        ("~$usage.xlsx", "a spreadsheet program keeps it"),
        (".hidden.csv", "its name begins with a dot"),
        ("Thumbs.db", "`.db` is no ending of an export"),
    ];
    for (name, _) in others {
        fs::write(exports.join(name), office(&sound())).expect("a file");
    }
    std::os::unix::fs::symlink("/no/such/file.csv", exports.join("gone.csv")).expect("a link");
    let history = folder.path().join("h");
    let text = printed(&[&exports], &history, &[]);
    let json = printed(&[&exports], &history, &["--format", "json"]);
    let csv = printed(&[&exports], &history, &["--format", "csv"]);
    for (name, reason) in others.into_iter().chain([("gone.csv", "a link to a file that is not there")]) {
        for said in [&text, &json, &csv] {
            assert!(said.lines().any(|line| line.contains(name)), "{name}: {said}");
            assert!(said.contains(reason), "{name}: {said}");
        }
    }
    // Where another file is refused, they are named too; and where nothing else is there.
    fs::write(exports.join("page.csv"), "<!DOCTYPE html><title>Sign in</title>").expect("a file");
    let said = ingest(&[&exports], &history, &[]);
    said.fails(3, &["HTML page", "CPOR export.json", "Trainings.csv.crdownload"]);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    fs::write(empty.join("a.pdf"), "%PDF-1.4").expect("a file");
    ingest(&[&empty], &history, &[]).fails(5, &["holds no exports", "a.pdf", "`.pdf` is no ending"]);
}

/// Later downloads of one report win, by their names as people count; then by the time of change.
#[test]
fn later_names_win_as_people_count() {
    let orders: [&[&str]; 4] = [
        &["Usage.csv", "Usage (1).csv", "Usage (2).csv", "Usage (10).csv"],
        &["usage_9.csv", "usage_10.csv"],
        &["9/usage.csv", "10/usage.csv"],
        &["2026-9-30.csv", "2026-10-2.csv.gz"],
    ];
    for names in orders {
        let folder = tempfile::tempdir().expect("a folder");
        let exports = folder.path().join("in");
        let mut members = Vec::new();
        for (seats, name) in (1..).zip(names) {
            let text = office(&office_row(TENANT, "Teams", "2026-10-01", &seats.to_string(), "0"));
            let path = exports.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            let is_gzip = name.ends_with(".gz");
            let bytes = if is_gzip { crate::ingest_reading::gzipped(text.as_bytes()) } else { text.into_bytes() };
            fs::write(&path, &bytes).expect("a file");
            members.push((*name, bytes));
        }
        let history = folder.path().join("h");
        ingest(&[&exports], &history, &[]).succeeds();
        assert_eq!(paid_seats(&history, "2026-10-01"), names.len() as i64, "{names:?}");
        let archive = folder.path().join("all.zip");
        let members: Vec<(&str, &[u8])> = members.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        fs::write(&archive, zipped(&members)).expect("a file");
        let history = folder.path().join("h2");
        ingest(&[&archive], &history, &[]).succeeds();
        assert_eq!(paid_seats(&history, "2026-10-01"), names.len() as i64, "{names:?} in an archive");
    }
    // `usage_1` and `usage_01` are one name to people: the one that was changed later wins.
    for (older, newer) in [("usage_1.csv", "usage_01.csv"), ("usage_01.csv", "usage_1.csv")] {
        let folder = tempfile::tempdir().expect("a folder");
        let exports = folder.path().join("in");
        fs::create_dir(&exports).expect("a folder");
        for (name, seats, age) in [(older, "1", 900), (newer, "2", 100)] {
            let path = exports.join(name);
            fs::write(&path, office(&office_row(TENANT, "Teams", "2026-10-01", seats, "0"))).expect("a file");
            let changed = SystemTime::now() - Duration::from_secs(age);
            fs::File::options().append(true).open(&path).expect("the file").set_modified(changed).expect("a time");
        }
        let history = folder.path().join("h");
        ingest(&[&exports], &history, &[]).succeeds();
        assert_eq!(paid_seats(&history, "2026-10-01"), 2, "{newer} is newer");
    }
}

#[test]
fn directives_and_lines_above_the_header_are_no_rows() {
    let text = office(&(sound() + &sound()));
    for above in [
        "#TYPE System.Management.Automation.PSCustomObject\r\n",
        "sep=,\r\n",
        "\"sep=,\"\r\n",
        "SEP=,\n",
        "#TYPE X\nsep=,\n",
    ] {
        for text in [above.to_owned() + &text, format!("\u{feff}{above}{text}")] {
            let given = given("usage.csv", text.as_bytes());
            assert_eq!((given.file().rows, given.file().kept, given.file().warnings.len()), (2, 2, 0), "{text}");
        }
    }
    for delimiter in [";", "\t", "|"] {
        let text = format!("sep={delimiter}\n{}", text.replace(',', delimiter));
        assert_eq!(given("usage.csv", text.as_bytes()).file().kept, 2, "{delimiter:?}");
    }
    for (above, warning) in [
        ("Microsoft 365 usage\n\n", "line 1 above the header: not read"),
        ("Report,Usage\nApplied filters:,none\n\n", "lines 1 to 2 above the header: not read"),
    ] {
        let given = given("usage.csv", (above.to_owned() + &text).as_bytes());
        assert_eq!((given.file().kept, given.file().warnings.as_slice()), (2, &[warning.to_owned()][..]));
    }
}

#[test]
fn lines_may_end_in_a_carriage_return_alone() {
    let text = office(&(sound() + "only,three,fields\n" + &sound())).replace('\n', "\r");
    let given_mac = given("mac.csv", text.as_bytes());
    assert_eq!((given_mac.file().kept, given_mac.rejected()), (2, vec![("field_count", 1)]));
    assert_eq!(given_mac.file().rejected[0].line, 3);
    assert!(given_mac.file().warnings.is_empty(), "{:?}", given_mac.file().warnings);
    let quoted = office(&sound()).replace("Teams", "\"Teams\"").replace('\n', "\r\r");
    assert_eq!(given("mac.csv", quoted.as_bytes()).file().kept, 1);
}

#[test]
fn totals_and_notes_are_passed_over_and_told() {
    let rows = sound()
        + "Total,,,700,420,,\n"
        + "Grand Total,,,,700,,\n"
        + ",,,,,,\n"
        + "Applied filters: Month is on or after 9/1/2025,,,,,,\n"
        + "Applied filters:\n";
    let given_totals = given("usage.csv", office(&rows).as_bytes());
    assert_eq!(given_totals.passed_over(), [("empty_row", 1), ("summary_row", 4)]);
    assert_eq!((given_totals.file().kept, given_totals.rejected()), (1, vec![]));
    // A row with ids is one of a tenant, whatever its first value begins with.
    let rows = sound() + &office_row(TENANT, "Total", "2026-10-01", "", "") + "Totality,,,1,1,,\n";
    let rejected = given("usage.csv", office(&rows).as_bytes());
    assert!(rejected.passed_over().is_empty());
    assert_eq!(rejected.rejected(), [("empty_id", 1), ("empty_count", 1)]);
}

#[test]
fn a_file_that_is_cut_is_told() {
    let text = office(&(sound() + &sound()));
    let inside = given("usage.csv", &text.as_bytes()[..text.len() - 30]);
    assert_eq!((inside.file().kept, inside.rejected()), (1, vec![("field_count", 1)]));
    assert!(inside.file().warnings.iter().any(|warning| warning.contains("ends inside a row")));
    let whole = given("usage.csv", &text.as_bytes()[..text.len() - 4]);
    assert_eq!(whole.file().kept, 2);
    assert!(whole.file().warnings.iter().any(|warning| warning.contains("may be cut short")));
    assert!(whole.rows.contains(&usage("teams", 100, 50, false)));
    let zeros = given("usage.csv", &[0; 512]);
    assert!(zeros.refused().error.what.contains("zero"), "{}", zeros.refused().error);
}

/// An archive is known by its content, whatever it is called.
#[test]
fn an_archive_under_another_name_is_read() {
    let bytes = zipped(&[("usage.csv", office(&sound()).as_bytes())]);
    let read = given("usage.csv", &bytes);
    assert!(matches!(&read.outcomes[..], [Outcome::Read(read)] if read.kept == 1), "{:?}", read.outcomes);
    for (members, what) in
        [("word/document.xml", "a Word document"), ("ppt/presentation.xml", "a PowerPoint presentation")]
    {
        let bytes = zipped(&[("[Content_Types].xml", b"<Types/>"), (members, b"<x/>")]);
        assert!(given("usage.csv", &bytes).refused().error.what.contains(what));
    }
}
