//! Exports as they come, sound and broken: what each kind of report states, in every spelling, and what becomes of every kind of mess.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use chrono::NaiveDate;
use flate2::Compression;
use flate2::write::GzEncoder;
use partnerscore::error::{Code, Error, Result};
use partnerscore::ingest::{
    self, FileRead, Limits, Name, Outcome, PASSED_OVER, PersonKey, Reading, Refused, Row, Rule, UnknownKind, read,
    report_kinds,
};
use partnerscore::month::Month;
use partnerscore::rulebook;
use zip::write::SimpleFileOptions;

pub const KEY: &str = "a key of at least sixteen letters";
pub const TENANT: &str = "11111111-aaaa-4bbb-8ccc-000000000001";

/// What reading a file gave.
pub struct Given {
    pub rows: Vec<Row>,
    /// The kind of report of each row.
    pub reports: BTreeSet<String>,
    pub outcomes: Vec<Outcome>,
    /// Bytes that were told of.
    pub told: u64,
}

impl Given {
    /// The only file, read.
    pub fn file(&self) -> &FileRead {
        match &self.outcomes[..] {
            [Outcome::Read(read)] => read,
            other => panic!("one file that is read, not {other:?}"),
        }
    }

    /// The only file, refused.
    pub fn refused(&self) -> &Refused {
        match &self.outcomes[..] {
            [Outcome::Refused(refused)] => refused,
            other => panic!("one file that is refused, not {other:?}"),
        }
    }

    /// Rules that rows broke, with how many did.
    pub fn rejected(&self) -> Vec<(&str, u64)> {
        self.file().rejected.iter().map(|one| (one.rule.as_str(), one.rows)).collect()
    }

    pub fn passed_over(&self) -> Vec<(&str, u64)> {
        self.file().passed_over.iter().map(|one| (one.reason.as_str(), one.rows)).collect()
    }
}

pub fn reading() -> Reading {
    Reading::new(Some(PersonKey::new(KEY).expect("a key"))).expect("kinds of reports")
}

pub fn given_by(path: &Path, reading: &Reading) -> Result<Given> {
    let (mut rows, mut reports) = (Vec::new(), BTreeSet::new());
    let told = Cell::new(0);
    let mut sink = |source: &ingest::Source, row: Row| {
        reports.insert(source.report.clone());
        rows.push(row);
        Ok(())
    };
    let outcomes = read(path, reading, &mut sink, &|bytes| told.set(told.get() + bytes))?;
    Ok(Given { rows, reports, outcomes, told: told.get() })
}

/// Writes a file and reads it.
pub fn given(name: &str, bytes: &[u8]) -> Given {
    given_with(name, bytes, &reading())
}

pub fn given_with(name: &str, bytes: &[u8], reading: &Reading) -> Given {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    given_by(&path, reading).expect("a reading")
}

pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("bytes");
    encoder.finish().expect("gzip")
}

pub fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, SimpleFileOptions::default()).expect("a member");
        writer.write_all(bytes).expect("bytes");
    }
    writer.finish().expect("zip").into_inner()
}

fn month(text: &str) -> Month {
    text.parse().expect("a month")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub fn partner(partner_id: &str, name: Option<&str>, global: Option<&str>) -> Row {
    Row::Partner {
        partner_id: partner_id.to_owned(),
        partner_name: name.map(str::to_owned),
        global_partner_id: global.map(str::to_owned),
        market: None,
    }
}

pub fn usage(workload: &str, paid_seats: i64, active_users: i64, duplicate: bool) -> Row {
    Row::Usage {
        tenant_id: TENANT.to_owned(),
        workload: workload.to_owned(),
        month: month("2026-10"),
        paid_seats,
        active_users,
        duplicate,
        part: None,
    }
}

fn seen(partner_id: &str, global: Option<&str>, workload: Option<&str>, association_type: &str) -> Row {
    Row::Seen {
        partner_id: partner_id.to_owned(),
        global_partner_id: global.map(str::to_owned),
        tenant_id: TENANT.to_owned(),
        workload: workload.map(str::to_owned),
        association_type: association_type.to_owned(),
        month: month("2026-10"),
    }
}

fn covered(partner_id: &str) -> Row {
    Row::Covered { partner_id: partner_id.to_owned(), month: month("2026-10") }
}

/// A file of Microsoft 365 usage with the given rows, each a workload, paid seats and active users.
pub fn office(rows: &str) -> String {
    format!(
        "CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,MPNId,PartnerAttributionType\n{rows}"
    )
}

/// One row of such a file.
pub fn office_row(tenant: &str, workload: &str, month: &str, paid: &str, active: &str) -> String {
    format!("{tenant},{workload},{month},{paid},{active},4001,CSP Tier 1\n")
}

/// A sound row, so that a file has something to keep.
pub fn sound() -> String {
    office_row(TENANT, "Teams", "2026-10-01", "100", "50")
}

/// The only row that is no partner, of a file that has one.
fn paid_seats(given: &Given) -> Option<i64> {
    given.rows.iter().find_map(|row| match row {
        Row::Usage { paid_seats, .. } => Some(*paid_seats),
        _ => None,
    })
}

#[test]
fn names_and_kinds_as_data_are_sound() {
    let rulebooks = rulebook::builtins().expect("rulebooks");
    let listed: BTreeSet<&str> = rulebooks
        .iter()
        .flat_map(|rules| rules.workload_lists.values().flat_map(|list| &list.workloads).map(String::as_str))
        .collect();
    for (slug, should_be_listed) in ingest::workloads().expect("workloads") {
        assert_eq!(listed.contains(slug.as_str()), should_be_listed, "{slug}");
    }
    // What exports can be named for, rulebooks list by the names of today.
    let known: BTreeSet<String> = ingest::workloads().expect("workloads").into_iter().map(|(slug, _)| slug).collect();
    for slug in listed.iter().filter(|slug| !["proplus", "teams_platform", "yammer"].contains(*slug)) {
        assert!(known.contains(*slug), "{slug} has no name in exports");
    }
    let certified: BTreeSet<String> = rulebooks
        .iter()
        .flat_map(|rules| {
            let metrics = [rulebook::Metric::IntermediateCertifications, rulebook::Metric::AdvancedCertifications];
            metrics.into_iter().flat_map(|metric| rules.certifications(metric))
        })
        .flat_map(|one| one.aliases.iter().chain([&one.name]).cloned())
        .collect();
    let known: BTreeSet<String> = ingest::certifications().expect("certifications").into_iter().collect();
    assert_eq!(known, certified);
    let kinds = report_kinds().expect("kinds of reports");
    assert_eq!(kinds.len(), 8);
    for kind in &kinds {
        assert!(!kind.source.is_empty() && !kind.title.is_empty(), "{}", kind.id);
        for workload in &kind.wide {
            assert!(listed.contains(workload.workload.as_str()), "{}: {}", kind.id, workload.workload);
        }
    }
    let names: BTreeSet<&str> = Rule::ALL.into_iter().map(Rule::name).collect();
    assert_eq!(names.len(), Rule::ALL.len());
    assert!(Rule::ALL.into_iter().all(|rule| !rule.meaning().is_empty()));
    assert!(PASSED_OVER.iter().all(|(reason, meaning)| !reason.is_empty() && !meaning.is_empty()));
}

/// Every kind, with all columns it ever had in one file of a row: as many as there are of the names in one of three spellings.
#[test]
fn every_kind_is_told_by_its_columns_alone() {
    for kind in report_kinds().expect("kinds of reports") {
        let read: Vec<&Name> = kind.columns.values().filter_map(|column| column.names.first()).collect();
        let wide = kind.wide.iter().flat_map(|one| [&one.paid_seats[0], &one.active_users[0]]);
        let required = kind.columns.values().filter(|column| column.required).map(|column| &column.names[0]);
        let full: Vec<&Name> =
            read.into_iter().chain(wide.clone()).chain(&kind.others.ignored).chain(&kind.others.personal).collect();
        let least: Vec<&Name> = required.chain(wide).chain(kind.others.marks.first()).collect();
        for columns in [full, least] {
            let spellings: [fn(&str) -> String; 3] =
                [str::to_owned, str::to_uppercase, |name| format!(" {} ", name.to_lowercase().replace("id", "_Id"))];
            for (spelling, delimiter) in spellings.into_iter().zip([",", "\t", ";"]) {
                let header = columns.iter().map(|name| spelling(name)).collect::<Vec<_>>().join(delimiter);
                let given = given("any.csv", format!("{header}\r\n").as_bytes());
                assert_eq!(given.file().report.as_deref(), Some(kind.id.as_str()), "{header}");
                assert_eq!(given.file().warnings, ["the file has a header and no rows"], "{header}");
            }
        }
    }
}

/// Headers as documents and responses of three years have them, real columns in their real order.
#[test]
fn headers_of_every_year_are_recognised() {
    let headers = [
        (
            "office_usage",
            "PGAMpnID,CustomerTenantId,CustomerTpid,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,CustomerName,CustomerMarket,CustomerSegment,MpnId,PartnerName,PartnerLocation,PartnerAttributionType,IsDuplicateRowForPGA",
        ),
        (
            "office_usage",
            "PGAMpnId,CustomerTenantId,CustomerTpid,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,CustomerName,CustomerMarket,CustomerSegment,IndustryName,VerticalName,EOU,MPNId,PartnerName,PartnerLocation,PartnerAttributionType,IsDuplicateRowForPGA",
        ),
        (
            "office_usage",
            "PGAPartnerID,CustomerTenantId,CustomerTpid,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,CustomerName,CustomerMarket,CustomerSegment,IndustryName,VerticalName,EOU,PartnerID,PartnerName,PartnerLocationID,PartnerAttributionType,IsDuplicateRowForPGA",
        ),
        (
            "cpor_usage",
            "CustomerTenantId,CustomerName,WorkloadName,MonthlyActiveUsers,PaidAvailableUnits,ClaimId,MpnId,DateAssociated,PartnerAttributionType,Date",
        ),
        (
            "ems_usage",
            "PGAMpnID,SubscriptionId,SubscriptionStartDate,SubscriptionEndDate,SubscriptionStatus,Month,SKU,SKUId,FreeVsPaidSKU,SalesModel,DetailedSalesModel,CustomerName,CustomerTenantId,CustomerTpid,CustomerSegment,CustomerMarket,IndustryName,VerticalName,EOU,MPNID,PartnerName,PartnerLocation,PartnerAttachType,PartnerHierarchy,PaidAvailableUnits,MonthlyActiveUsers,AATPActiveUsage,MCASActiveUsage,AADPPaidAvailableUnits,IntunePaidAvailableUnits,AzipPaidAvailableUnits,AADPMonthlyActiveUsers,IntuneMonthlyActiveUsers,AzipMonthlyActiveUsers,MDM,MAM,SSPR",
        ),
        (
            "training_completions",
            "PGAMpnId,TrainingActivityId,TrainingTitle,TrainingType,IndividualFirstName,IndividualLastName,Email,CorpEmail,TrainingCompletionDate,ExpirationDate,ActivationStatus,Month,IcMCP,MCPID,MPNId,PartnerName,PartnerCityLocation,PartnerCountryLocation",
        ),
        ("profile", "MPNId,PartnerName,PGA_MPNId,PGA_PartnerName,City,Country,HierarchyLevel"),
        ("profile", "PartnerID,PartnerName,PGAPartnerID,PGA_PartnerName,City,Country,AccountType"),
        (
            "reseller_performance",
            "ResellerMpnId,ResellerName,ResellerMarket,IndirectProviderMPNId,IndirectProviderName,Month,Product,SubscriptionID,AvailableSeats,AssignedSeats,BilledRevenueUSD,CustomerName,CustomerTPid,CustomerSegment,CustomerMarket,ResellerStatus",
        ),
        (
            "customers_tenants",
            "PGAMpnId,MpnId,PartnerName,CustomerName,CustomerTpid,DUNSNumber,CustomerSegment,TopSegment,CustomerMarket,CustomerStatus,CustomerTenantId,CustomerTenantName,CustomerTenantCountry,TenantDomainName,Product,RawProductName,ProductPartNumber,SKU,Month,PartnerLocation,PartnerAttributionType,SalesChannel,IsDuplicateRowForPGA,AvailableSeats,BilledRevenueUSD,AzureConsumedRevenueUSD",
        ),
        (
            "seats_subscriptions",
            "PGAMpnId,MpnId,SubscriptionId,SubscriptionStartDate,SubscriptionEndDate,SubscriptionState,Month,IsAutoRenew,CustomerName,CustomerTenantId,CustomerTpid,DUNSNumber,CustomerSegment,TopSegment,CustomerMarket,ProductFamily,ReportingProductName,Product,RawProductName,ProductPartNumber,SKU,RevSumDivisionName,PartnerName,SolutionArea,PartnerLocationID,PartnerAttributionType,SalesChannel,PricingLevel,EnrollmentNumber,IsDuplicateRowForPGA,SubscriptionStartMonth,TotalSoldSeats,TotalAssignedSeats,BilledRevenueUSD,AzureConsumedRevenueUSD",
        ),
    ];
    for (report, header) in headers {
        let given = given("any.csv", format!("{header}\n").as_bytes());
        assert_eq!(given.file().report.as_deref(), Some(report), "{header}");
        assert_eq!(given.file().warnings, ["the file has a header and no rows"], "{header}");
    }
}

#[test]
fn microsoft_365_usage_states_usage_and_who_was_seen() {
    let text = "PGAMpnId,CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,CustomerName,MPNId,PartnerName,PartnerAttributionType,IsDuplicateRowForPGA\n\
        5001,{11111111-AAAA-4BBB-8CCC-000000000001},ProPlus,2026-10-01,120,80,\"A, \"\"B\"\"\nand C\",4001,=Amber Cove,CPOR,0\n\
        5001,11111111-AAAA-4BBB-8CCC-000000000001,Yammer,10/1/2026,120,7,Any,4001,=Amber Cove,CSP Tier 2,1\n\
        5001,11111111-aaaa-4bbb-8ccc-000000000001,SPO,2026-10-01T00:00:00,120,9,Any,4001,=Amber Cove,CSP Tier 2,1\n\
        ,11111111-aaaa-4bbb-8ccc-000000000001,EXO,202610,\"1,200\",1300,Any,4002,,TPOR,\n";
    let given = given("usage.csv", text.as_bytes());
    let expected = [
        usage("microsoft_365_apps", 120, 80, false),
        seen("4001", Some("5001"), Some("microsoft_365_apps"), "CPOR"),
        partner("4001", Some("=Amber Cove"), Some("5001")),
        usage("viva_engage", 120, 7, true),
        seen("4001", Some("5001"), None, "CSP_TIER_2"),
        usage("sharepoint", 120, 9, true),
        usage("exchange", 1200, 1300, false),
        covered("4002"),
        partner("4002", None, None),
    ];
    assert_eq!(given.rows, expected);
    let file = given.file();
    assert_eq!((file.rows, file.kept, file.folded), (4, 4, 0));
    assert_eq!((&file.rejected, &file.unknown, &file.warnings), (&vec![], &vec![], &vec![]));
    assert_eq!(given.reports, BTreeSet::from(["office_usage".to_owned()]));
    assert_eq!((file.bytes, given.told), (text.len() as u64, text.len() as u64));
    use sha2::Digest;
    assert_eq!(file.sha256, rulebook::hex(&sha2::Sha256::digest(text.as_bytes())));
}

#[test]
fn claims_carry_their_own_date() {
    let text = format!(
        "CustomerTenantId,CustomerName,WorkloadName,MonthlyActiveUsers,PaidAvailableUnits,ClaimId,MpnId,DateAssociated,PartnerAttributionType,Date\n\
        {TENANT},Any,Teams,40,100,1,4001,2026-03-17,CPOR,2026-10-01\n\
        {TENANT},Any,Intune,30,100,2,4001,3/17/2026 12:00:00 AM,,2026-10-01\n\
        {TENANT},Any,EXO,20,100,3,4001,,CPOR,2026-10-01\n"
    );
    let claim = |workload: &str| Row::Claim {
        partner_id: "4001".to_owned(),
        tenant_id: TENANT.to_owned(),
        workload: workload.to_owned(),
        associated_on: day("2026-03-17"),
        month: month("2026-10"),
    };
    let expected = [
        usage("teams", 100, 40, false),
        claim("teams"),
        partner("4001", None, None),
        usage("intune", 100, 30, false),
        claim("intune"),
        usage("exchange", 100, 20, false),
        seen("4001", None, Some("exchange"), "CPOR"),
    ];
    assert_eq!(given("cpor.csv", text.as_bytes()).rows, expected);
}

#[test]
fn wide_usage_is_a_part_for_each_subscription_and_workload() {
    let text = format!(
        "SubscriptionId,SubscriptionStatus,Month,CustomerTenantId,MPNID,PartnerAttributionType,IntunePaidAvailableUnits,IntuneMonthlyActiveUsers,AADPPaidAvailableUnits,AADPMonthlyActiveUsers,PaidAvailableUnits,MonthlyActiveUsers\n\
        s1,Active,2026-10-01,{TENANT},4001,CSP Tier 1,50,20,60,10,110,30\n\
        s2,Active,2026-10-01,{TENANT},4001,CPOR,5,0,0,0,5,0\n\
        s3,Churned,2026-10-01,{TENANT},4001,CSP Tier 1,0,1,,,0,1\n\
        s4,Active,2026-10-01,{TENANT},4001,LSP,,,,,,\n\
        s5,Active,2026-10-01,{TENANT},4001,DPOR,,,,,,\n\
        s6,Active,2026-10-01,{TENANT},4001,DPOR,7,,,,,\n"
    );
    let given = given("ems.csv", text.as_bytes());
    let part = |workload: &str, paid, active, part: &str| match usage(workload, paid, active, false) {
        Row::Usage { tenant_id, workload, month, paid_seats, active_users, duplicate, .. } => {
            Row::Usage { tenant_id, workload, month, paid_seats, active_users, duplicate, part: some(part) }
        }
        other => other,
    };
    let expected = [
        part("intune", 50, 20, "s1"),
        part("microsoft_entra_id_p1", 60, 10, "s1"),
        seen("4001", None, Some("intune"), "CSP_TIER_1"),
        seen("4001", None, Some("microsoft_entra_id_p1"), "CSP_TIER_1"),
        partner("4001", None, None),
        part("intune", 5, 0, "s2"),
        part("microsoft_entra_id_p1", 0, 0, "s2"),
        seen("4001", None, Some("intune"), "CPOR"),
        part("intune", 0, 1, "s3"),
        covered("4001"),
        seen("4001", None, Some("intune"), "DPOR"),
        seen("4001", None, Some("microsoft_entra_id_p1"), "DPOR"),
    ];
    assert_eq!(given.rows, expected);
    assert_eq!(given.passed_over(), [("nothing_stated", 1)]);
    assert_eq!(given.rejected(), [("empty_count", 1)]);
    assert_eq!(given.file().rejected[0].sample.as_deref(), Some("`IntuneMonthlyActiveUsers`: ``"));
}

/// A file of trainings with made-up people; `rows` are title, type, completion, expiry, status, month and person.
fn trainings(rows: &str) -> String {
    let header = "TrainingTitle,TrainingType,IndividualFirstName,IndividualLastName,Email,TrainingCompletionDate,ExpirationDate,ActivationStatus,Month,MCPID,MPNId\n";
    let rows = rows.lines().map(|row| {
        let fields: Vec<&str> = row.split('|').collect();
        let [title, kind, completed, expires, status, month, person] = fields[..] else { panic!("{row}") };
        format!(
            "{title},{kind},Petra,Musterfrau,petra@example.com,{completed},{expires},{status},{month},{person},4001\n"
        )
    });
    rows.fold(header.to_owned(), |text, row| text + &row)
}

#[test]
fn certifications_have_pseudonyms_and_no_one_else_is_told_of() {
    let text = trainings(
        "Microsoft 365 Certified: Administrator Expert|Certification|2025-01-10|2026-01-10|Active|2026-10-01|990001\n\
         Microsoft 365 Certified: Modern Desktop Administrator Associate|certification|1/2/2025||Active|2026-10-01| 990001 \n\
         Teams Meetings and Meeting Rooms Technical Assessment|Assessment|2025-01-10|9999-12-31|Active|2026-10-01|990002\n\
         Exam MS-102: Microsoft 365 Administrator|Exam|2025-01-10||Active|2026-10-01|990001\n\
         Microsoft Certified: Azure Administrator Associate|Certification|2025-01-10|2027-01-10|Active|2026-10-01|990003\n\
         Microsoft 365 Certified: Fundamentals|Certification|2025-01-10||Inactive|2026-10-01|990004\n\
         Microsoft 365 Certified: Fundamentals|Certification|2024-01-10|2025-01-10|Inactive|2026-10-01|990005\n\
         Microsoft 365 Certified: Fundamentals|Certification|2024-01-10|2027-01-10|Revoked|2026-10-01|990006\n\
         Microsoft 365 Certified: Fundamentals|Certification|2024-01-10|2025-01-10|revoked|2026-10-01|990009\n\
         Microsoft 365 Certified: Fundamentals|Certification|2025-01-10|2026-11-10|Expired|2026-10-01|990010\n\
         Microsoft 365 Certified: Fundamentals|Certification|2025-01-10|9999-12-31|Expired|2026-10-01|990011\n\
         Microsoft 365 Certified: Fundamentals|Certification|2025-01-10|2024-01-10|Active|2026-10-01|990007\n\
         Microsoft 365 Certified: Fundamentals|Certification|gestern||Active|2026-10-01|990008\n\
         Microsoft 365 Certified: Fundamentals|Certification|2025-01-10||Active|2026-10-01|\n",
    );
    let given = given("trainings.csv", text.as_bytes());
    let person = |id: &str| PersonKey::new(KEY).expect("a key").pseudonym(id);
    let certified = |id: &str, certification: &str, earned_on: &str, expires_on: Option<&str>| Row::Certification {
        partner_id: "4001".to_owned(),
        person_id: person(id),
        certification: certification.to_owned(),
        earned_on: day(earned_on),
        expires_on: expires_on.map(day),
    };
    let expected = [
        certified("990001", "enterprise_administrator_expert", "2025-01-10", Some("2026-01-10")),
        partner("4001", None, None),
        certified("990001", "modern_desktop_administrator_associate", "2025-01-02", None),
        certified("990002", "teams_meetings_and_meeting_rooms_technical_assessment", "2025-01-10", None),
        certified("990003", "azure_administrator_associate", "2025-01-10", Some("2027-01-10")),
        certified("990005", "microsoft_365_fundamentals", "2024-01-10", Some("2025-01-10")),
        // Run out between the month and the download: until then it counted.
        certified("990010", "microsoft_365_fundamentals", "2025-01-10", Some("2026-11-10")),
    ];
    assert_eq!(given.rows, expected);
    // Ended without a day, or taken away whatever the day.
    assert_eq!(given.passed_over(), [("ended", 4), ("no_certification", 1)]);
    assert_eq!(given.rejected(), [("empty_id", 1), ("not_a_date", 1), ("expiry_before_earning", 1)]);
    let unknown = &given.file().unknown;
    assert_eq!(unknown.len(), 1);
    assert_eq!((unknown[0].kind, unknown[0].rows), (UnknownKind::Certification, 1));
    assert_eq!(unknown[0].name, "Microsoft Certified: Azure Administrator Associate");
    assert_eq!(unknown[0].nearest, None, "teams and azure are no spellings of one word");
    let told = format!("{:?} {:?}", given.rows, given.outcomes);
    for personal in ["Petra", "Musterfrau", "example.com", "99000", "gestern"] {
        assert!(!told.contains(personal), "{personal} in {told}");
    }
    assert!(told.contains("`ExpirationDate`"), "{told}");
}

#[test]
fn a_person_is_the_same_in_every_report_and_another_with_another_key() {
    let key = PersonKey::new(KEY).expect("a key");
    let other = PersonKey::new("quite another key, as long").expect("a key");
    assert_eq!(key.pseudonym("990001"), key.pseudonym(" 990001\t"));
    assert_ne!(key.pseudonym("990001"), key.pseudonym("990002"));
    assert_ne!(key.pseudonym("990001"), other.pseudonym("990001"));
    assert_ne!(key.fingerprint(), other.fingerprint());
    assert_eq!((key.pseudonym("990001").len(), key.fingerprint().len()), (32, 16));
    assert!(!format!("{key:?} {:?}", reading()).contains("sixteen"));
    let short = PersonKey::new("  fifteen chars.  ").expect_err("too short");
    assert_eq!((short.code, short.what.contains("16")), (Code::Usage, true));
}

#[test]
fn people_without_a_key_end_the_reading() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trainings.csv");
    fs::write(&path, trainings("")).expect("a file");
    let error = given_by(&path, &Reading::new(None).expect("kinds")).err().expect("an error");
    assert_eq!(error.code, Code::Usage);
    assert!(error.hint.is_some_and(|hint| hint.contains("--person-key")));
}

#[test]
fn profiles_tell_of_locations_and_their_account() {
    let text = "MPNId,PartnerName,PGA_MPNId,PGA_PartnerName,City,Country,HierarchyLevel\n\
        4001,Amber Cove Évora,5001,Amber Cove,Évora,PT,Location\n4002,Amber Cove Graz,5001,Amber Cove,Graz,AT,Location\n\
        5001,Amber Cove,5001,Amber Cove,Lyon,FR,Global\n6001,@Loner,,,Bergen,NO,Global\n";
    let row = |id: &str, name: &str, global: Option<&str>, market: &str| Row::Partner {
        partner_id: id.to_owned(),
        partner_name: some(name),
        global_partner_id: global.map(str::to_owned),
        market: some(market),
    };
    let expected = [
        row("4001", "Amber Cove Évora", Some("5001"), "PT"),
        partner("5001", Some("Amber Cove"), None),
        row("4002", "Amber Cove Graz", Some("5001"), "AT"),
        row("5001", "Amber Cove", Some("5001"), "FR"),
        row("6001", "@Loner", None, "NO"),
    ];
    assert_eq!(given("profile.csv", text.as_bytes()).rows, expected);
}

#[test]
fn resellers_tell_of_their_distributor() {
    let text = "ResellerMpnId;ResellerName;ResellerMarket;IndirectProviderMPNId;Month;AvailableSeats\n\
        4001;Amber Cove;PT;D01;2026-10-01;1.234\n4001;Amber Cove;PT;D01;2026-10-01;5\n4002;Birch;;;2026-10-01;5\n";
    let expected = [
        Row::Distributor {
            partner_id: "4001".to_owned(),
            partner_name: some("Amber Cove"),
            market: some("PT"),
            distributor_id: "D01".to_owned(),
            month: month("2026-10"),
        },
        partner("4002", Some("Birch"), None),
    ];
    assert_eq!(given("resellers.txt", text.as_bytes()).rows, expected);
}

#[test]
fn customers_and_subscriptions_tell_who_was_seen_and_no_usage() {
    let customers = format!(
        "MpnId\tPartnerName\tCustomerTenantId\tCustomerStatus\tMonth\tPartnerAttributionType\tAvailableSeats\n\
        4001\tAmber Cove\t{TENANT}\tActive\t2026-10-01\tDPOR\t9\n4001\tAmber Cove\t{TENANT}\tActive\t2026-10-01\tCPOR\t9\n\
        4001\tAmber Cove\t{TENANT}\tInactive\t2026-10-01\tCSP Tier 1\t9\n4001\tAmber Cove\t{TENANT}\tActive\t2026-10-01\tPAL\t9\n"
    );
    let given_customers = given("customers.tsv", customers.as_bytes());
    let told = [seen("4001", None, None, "DPOR"), partner("4001", Some("Amber Cove"), None), covered("4001")];
    assert_eq!(given_customers.rows, told, "rows that are passed over tell that the report covers the month");
    let reasons = [("claim_without_workload", 1), ("ended", 1), ("uncounted_attribution", 1)];
    assert_eq!(given_customers.passed_over(), reasons);
    let seats = format!(
        "MpnId,SubscriptionId,SubscriptionState,Month,CustomerTenantId,PartnerAttributionType,TotalSoldSeats\n\
        4001,s1,Active,2026-10-01,{TENANT},CSP Tier 1,10\n4001,s2,Churned,2026-10-01,{TENANT},CSP Tier 2,0\n"
    );
    let given_seats = given("seats.csv", seats.as_bytes());
    let told = [seen("4001", None, None, "CSP_TIER_1"), partner("4001", None, None), covered("4001")];
    assert_eq!(given_seats.rows, told);
    assert_eq!(given_seats.passed_over(), [("ended", 1)]);
}

/// Attributions under every name that exports have for them: the association that each is, or none.
#[test]
fn attributions_are_associations_of_a_type_or_none() {
    let meant = [
        ("CPOR", Some(("CPOR", Some("teams")))),
        ("claiming partner of record", Some(("CPOR", Some("teams")))),
        ("DPOR", Some(("DPOR", None))),
        ("Digital Partner of Record", Some(("DPOR", None))),
        ("CSP Tier 1", Some(("CSP_TIER_1", None))),
        ("csp_tier_1", Some(("CSP_TIER_1", None))),
        ("CSP Direct Bill", Some(("CSP_TIER_1", None))),
        ("CSP Tier 2", Some(("CSP_TIER_2", None))),
        ("CSP Indirect Reseller", Some(("CSP_TIER_2", None))),
        ("TPOR", None),
        ("Partner Admin Link", None),
        ("Unattributed", None),
    ];
    for (written, association) in meant {
        let given = given("usage.csv", office(&sound().replace("CSP Tier 1", written)).as_bytes());
        let found: Vec<&Row> = given.rows.iter().filter(|row| matches!(row, Row::Seen { .. })).collect();
        let expected = association.map(|(kind, workload)| seen("4001", None, workload, kind));
        assert_eq!(found, expected.iter().collect::<Vec<_>>(), "{written}");
        assert_eq!(
            (given.rows.contains(&covered("4001")), &given.file().unknown),
            (association.is_none(), &vec![]),
            "{written}"
        );
    }
}

#[test]
fn unknown_names_are_kept_and_told_with_the_nearest() {
    let rows = sound()
        + &office_row(TENANT, "Exchnage Online", "2026-10-01", "1", "1")
        + &office_row(TENANT, "Exchnage Online", "2026-09-01", "1", "1")
        + &format!("{TENANT},Fabric (F64),2026-10-01,1,1,4001,CSP Tier 3\n");
    let given = given("usage.csv", office(&rows).as_bytes());
    let unknown: Vec<(UnknownKind, &str, u64, Option<&str>)> = given
        .file()
        .unknown
        .iter()
        .map(|one| (one.kind, one.name.as_str(), one.rows, one.nearest.as_deref()))
        .collect();
    let expected = [
        (UnknownKind::Workload, "Exchnage Online", 2, Some("Exchange Online")),
        (UnknownKind::Workload, "Fabric (F64)", 1, None),
        (UnknownKind::AssociationType, "CSP Tier 3", 1, None),
    ];
    assert_eq!(unknown, expected);
    assert!(given.rows.contains(&usage("fabric_f64", 1, 1, false)));
    assert!(given.rows.contains(&usage("exchnage_online", 1, 1, false)));
    assert_eq!(given.file().kept, 4);
}

/// Every form of a count: what it is taken as, or the rule it breaks.
#[test]
fn counts_are_whole_numbers_or_rejected() {
    let taken = [
        ("0", 0),
        ("7", 7),
        (" 12 ", 12),
        ("0012", 12),
        ("1,234", 1234),
        ("12,345,678", 12_345_678),
        ("12.0", 12),
        ("12.00", 12),
        ("1,234.00", 1234),
        ("2147483647", 2_147_483_647),
    ];
    for (text, count) in taken {
        let rows = sound().replace("100,", &format!("\"{text}\","));
        let given = given("usage.csv", office(&rows).as_bytes());
        assert_eq!(paid_seats(&given), Some(count), "{text}");
    }
    let rejected = [
        ("", "empty_count"),
        ("  ", "empty_count"),
        ("1.234", "ambiguous_count"),
        ("12.000", "ambiguous_count"),
        ("1.234,00", "ambiguous_count"),
        ("12,34", "ambiguous_count"),
        ("1234,567", "ambiguous_count"),
        ("1,2345", "ambiguous_count"),
        ("12.5", "ambiguous_count"),
        ("1,", "ambiguous_count"),
        (",5", "not_a_count"),
        (".0", "not_a_count"),
        ("1 234", "not_a_count"),
        ("1\u{a0}234", "not_a_count"),
        ("1e3", "not_a_count"),
        ("=2+3", "not_a_count"),
        ("+5", "not_a_count"),
        ("NULL", "empty_count"),
        ("n/a", "empty_count"),
        ("-", "empty_count"),
        ("--5", "not_a_count"),
        ("٣", "not_a_count"),
        ("-5", "negative_count"),
        ("-1,234", "negative_count"),
        ("2147483648", "count_too_large"),
        ("99999999999999999999999999999999", "count_too_large"),
    ];
    for (text, rule) in rejected {
        let rows = sound() + &sound().replace("100,", &format!("\"{text}\","));
        let given = given("usage.csv", office(&rows).as_bytes());
        assert_eq!(given.rejected(), [(rule, 1)], "{text}");
        assert_eq!(given.file().rejected[0].line, 3);
        assert_eq!(given.rows.len(), 3, "{text}: nothing but the sound row");
        let sample = given.file().rejected[0].sample.clone().expect("a sample");
        assert!(sample.starts_with("`PaidAvailableUnits`: `"), "{sample}");
    }
}

/// Where fields are separated by semicolons, a comma may separate a fraction.
#[test]
fn a_comma_in_a_count_is_ambiguous_between_semicolons() {
    let text = office(&(sound() + &sound())).replace(',', ";").replacen("100", "1,234", 1);
    let given = given("usage.csv", text.as_bytes());
    assert_eq!(given.rejected(), [("ambiguous_count", 1)]);
}

/// Every form of a month and of a day.
#[test]
fn dates_are_read_in_the_forms_seen_and_in_no_other() {
    let months = [
        "2026-10-01",
        "2026-10-01T00:00:00",
        "2026-10-01 00:00:00.000",
        "2026-10-01T00:00:00+00:00",
        "2026-10-01T00:00:00.0000000Z",
        "10/1/2026",
        "10/01/2026",
        "10/1/2026 12:00:00 AM",
        "20261001",
        "202610",
        "2026-10",
        "2026/10/01",
        "2026-10-1",
        "1.10.2026",
        "01.10.2026",
        "1.10.2026 00:00",
        "1/10/2026",
        "Oct 2026",
        "October 1, 2026",
        "1-Oct-2026",
    ];
    for text in months {
        let rows = sound().replace("2026-10-01", &format!("\"{text}\""));
        let given = given("usage.csv", office(&rows).as_bytes());
        assert!(given.rows.contains(&usage("teams", 100, 50, false)), "{text}");
    }
    let rejected = [
        ("", "empty_date"),
        ("13/10/2026", "not_first_of_month"),
        ("2.10.2026", "not_first_of_month"),
        ("2026-10-02", "not_first_of_month"),
        ("2026-09-30T23:00:00Z", "not_first_of_month"),
        ("10/1/26", "not_a_date"),
        ("N/A", "empty_date"),
        ("Oct-26", "not_a_date"),
        ("2026-13-01", "not_a_date"),
        ("2026-13", "not_a_date"),
        ("2/30/2026", "not_a_date"),
        ("46296", "not_a_date"),
        ("46296.0", "not_a_date"),
        ("2026-10-01Tnoon", "not_a_date"),
        ("2026-10-01 T", "not_a_date"),
        ("1/1/0001 12:00:00 AM", "date_out_of_range"),
        ("1899-12-01", "date_out_of_range"),
        ("9999-12-01", "date_out_of_range"),
    ];
    for (text, rule) in rejected {
        let rows = sound() + &sound().replace("2026-10-01", &format!("\"{text}\""));
        let given = given("usage.csv", office(&rows).as_bytes());
        assert_eq!(given.rejected(), [(rule, 1)], "{text}");
        let sample = given.file().rejected[0].sample.as_deref();
        assert_eq!(sample, Some(format!("`Month`: `{text}`").as_str()));
    }
}

/// Ids stay strings whatever they look like; what no id looks like is rejected.
#[test]
fn ids_are_taken_as_they_are_or_rejected() {
    for id in ["0004001", "4001", "4001-a", "D 01", "12e4", "Ünver", "0x1F"] {
        let rows = sound().replace(",4001,", &format!(", {id} ,"));
        let given = given("usage.csv", office(&rows).as_bytes());
        assert!(given.rows.contains(&partner(id, None, None)), "{id}");
    }
    let long = "9".repeat(129);
    let rejected = [
        ("", "empty_id"),
        ("=4001", "not_an_id"),
        ("=\"\"4001\"\"", "not_an_id"),
        ("+4001", "not_an_id"),
        ("-4001", "not_an_id"),
        ("@SUM(A1)", "not_an_id"),
        ("40\n01", "not_an_id"),
        ("40\u{1b}[2J01", "not_an_id"),
        (long.as_str(), "not_an_id"),
        ("4.001E+06", "number_like_id"),
        ("4E+06", "number_like_id"),
        ("4001.0", "number_like_id"),
    ];
    for (id, rule) in rejected {
        let rows = sound() + &sound().replace(",4001,", &format!(",\"{id}\","));
        let given = given("usage.csv", office(&rows).as_bytes());
        assert_eq!(given.rejected(), [(rule, 1)], "{id:?}");
        let sample = given.file().rejected[0].sample.clone().expect("a sample");
        assert!(!sample.contains(char::is_control), "{sample:?}");
    }
    let tenants = [("contoso-42", "contoso-42"), ("{11111111-AAAA-4BBB-8CCC-000000000001}", TENANT), ("{X}", "{X}")];
    for (written, taken) in tenants {
        let given = given("usage.csv", office(&sound().replace(TENANT, written)).as_bytes());
        let is_there = given.rows.iter().any(|row| matches!(row, Row::Usage { tenant_id, .. } if tenant_id == taken));
        assert!(is_there, "{written}: {:?}", given.rows);
    }
    let rows = sound() + &sound().replace(TENANT, "00000000-0000-0000-0000-000000000000");
    assert_eq!(given("usage.csv", office(&rows).as_bytes()).rejected(), [("empty_id", 1)]);
}

/// Names keep what looks like a formula: it is text like any other, and who writes a spreadsheet of it must see to that.
#[test]
fn formulas_in_names_are_text() {
    for name in ["=1+1 Works", "+Plus", "-Minus", "@At", "=HYPERLINK(\"\"http://x\"\")", "\ttab"] {
        let text = format!("MPNId,PartnerName,PGA_MPNId\n4001,\"{name}\",5001\n");
        let expected = partner("4001", Some(name.replace("\"\"", "\"").trim()), Some("5001"));
        assert_eq!(given("profile.csv", text.as_bytes()).rows, [expected], "{name}");
    }
}

#[test]
fn flags_other_than_yes_and_no_are_rejected() {
    for (flag, rejected) in
        [("0", false), ("1", false), ("True", false), ("FALSE", false), ("", false), ("2", true), ("maybe", true)]
    {
        let text = office(&format!("{}{}", sound(), sound())).replace("MPNId,", "MPNId,IsDuplicateRowForPGA,");
        let text = text.replacen("4001,", "4001,0,", 1).replacen("4001,CSP", &format!("4001,{flag},CSP"), 1);
        let given = given("usage.csv", text.as_bytes());
        assert_eq!(!given.file().rejected.is_empty(), rejected, "{flag}");
    }
}

/// A byte that is zero: in a row it is rejected, in the header the file is refused.
#[test]
fn nul_bytes_are_findings() {
    let rows = sound() + &sound().replace("CSP", "C\0SP") + &sound();
    let file = given("usage.csv", office(&rows).as_bytes());
    assert_eq!((file.rejected(), file.file().kept), (vec![("nul_byte", 1)], 2));
    let header = office(&sound()).replace("MPNId", "MPN\0Id");
    assert!(given("usage.csv", header.as_bytes()).refused().error.what.contains("zero"));
}

#[test]
fn encodings_are_found_or_are_findings() {
    let text = office(&sound());
    for (mark, bytes) in [
        (true, u16::to_le_bytes as fn(u16) -> [u8; 2]),
        (true, u16::to_be_bytes),
        (false, u16::to_le_bytes),
        (false, u16::to_be_bytes),
    ] {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        let encoded: Vec<u8> = units.flat_map(bytes).collect();
        let given = given("usage.csv", &encoded);
        assert!(given.rows.contains(&usage("teams", 100, 50, false)));
        let is_warned = given.file().warnings.iter().any(|warning| warning.contains("UTF-16"));
        assert_eq!(is_warned, !mark);
    }
    let utf_32: Vec<u8> = text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
    let given_32 = given("usage.csv", &utf_32);
    let error = &given_32.refused().error;
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("UTF-8")), "{error}");
    assert_eq!(error.code, Code::Refused);
    // A mark of UTF-8 is not part of the first column's name.
    let marked = given("usage.csv", format!("\u{feff}{text}").as_bytes());
    assert_eq!((marked.file().kept, marked.file().warnings.len()), (1, 0));
}

/// A file that can be Windows-1252 as a whole is; one that is UTF-8 in other rows is not, and its rows are rejected.
#[test]
fn windows_1252_is_read_where_the_file_shows_it() {
    let header = "MPNId,PartnerName,PGA_MPNId,City\n";
    let names: [(&[u8], &str); 4] = [
        (b"Caf\xe9", "Café"),
        (b"Sm\xf8rrebr\xf8d", "Smørrebrød"),
        (b"Gr\xf6\xdfe", "Größe"),
        (b"Bob\x92s \x80", "Bob’s €"),
    ];
    for (bytes, expected) in names {
        let rows = [header.as_bytes(), b"4000,Alder,5001,Graz\n4001,", bytes, b",5001,Malm\xf6\n"].concat();
        let given = given("profile.csv", &rows);
        assert!(given.rows.contains(&partner("4001", Some(expected), Some("5001"))), "{expected}: {:?}", given.rows);
        assert_eq!(given.file().warnings, ["read as Windows-1252: line 3 is not UTF-8"]);
    }
    let not_it: [(&str, &[u8]); 4] = [
        ("UTF-8 in another row", b"4001,Caf\xe9,5001,x\n4002,Caf\xc3\xa9,5001,x\n"),
        ("a byte without a letter", b"4001,Caf\x81,5001,x\n4002,Birch,5001,x\n"),
        ("Cyrillic", b"4001,\xd0\xee\xf1\xf1\xe8\xff,5001,x\n4002,Birch,5001,x\n"),
        ("Shift-JIS", b"4001,\x93\xfa\x96{\x8c\xea\x89\xef\x8e\xd0,5001,x\n4002,Birch,5001,x\n"),
    ];
    for (what, rows) in not_it {
        let given = given("profile.csv", &[header.as_bytes(), rows].concat());
        assert_eq!((given.rejected(), given.file().kept), (vec![("not_utf8", 1)], 1), "{what}");
        assert!(given.file().warnings.iter().any(|warning| warning.starts_with("1 row is not UTF-8")), "{what}");
    }
    // A mark says that the file is UTF-8; a broken name that is not read does not matter.
    let marked = [&b"\xef\xbb\xbf"[..], header.as_bytes(), b"4001,Caf\xe9,5001,x\n4002,Birch,5001,Malm\xf6\n"].concat();
    let marked = given("profile.csv", &marked);
    assert_eq!((marked.rejected(), marked.file().kept), (vec![("not_utf8", 1)], 1));
    // In the header.
    let header = given("profile.csv", b"MPNId,PartnerName,PGA_MPNId,Stra\xdfe\n4001,A,5001,x\n");
    assert!(header.file().warnings.iter().any(|warning| warning.contains("`Straße`")), "{:?}", header.file());
}

#[test]
fn long_fields_are_rejected_and_the_rows_below_them_read() {
    let ten = "x".repeat(10_000_000);
    for long in [ten.clone(), format!("\"{ten}\""), format!("\"{}\"", "a\"\",".repeat(1_000_000)), ",".repeat(3 << 20)]
    {
        let rows = sound() + &sound().replace("Teams", &long) + &sound();
        let given = given("usage.csv", office(&rows).as_bytes());
        assert_eq!((given.rejected(), given.file().kept), (vec![("too_long", 1)], 2));
        assert_eq!(given.file().rejected[0].line, 3);
    }
    // Just within: the field is not read, so it does not matter what it has.
    let within = "x".repeat((1 << 20) - 2);
    let rows = sound().replace('\n', &format!(",\"{within}\"\n"));
    let text = office(&rows).replace("PartnerAttributionType", "PartnerAttributionType,CustomerName");
    assert_eq!(given("usage.csv", text.as_bytes()).file().kept, 1);
    // A workload of that length is no name.
    let rows = sound() + &sound().replace("Teams", &within);
    assert_eq!(given("usage.csv", office(&rows).as_bytes()).rejected(), [("not_a_name", 1)]);
}

/// A quote that is never closed swallows nothing: the lines below are rows, or the file is refused where nobody can know.
#[test]
fn a_stray_quote_swallows_nothing() {
    let stray = sound().replace(",Teams", ",\"Teams");
    let below = given("usage.csv", office(&(sound() + &stray + &sound().repeat(20))).as_bytes());
    assert_eq!((below.rejected(), below.file().kept), (vec![("broken_quote", 1)], 21));
    assert_eq!(below.file().rejected[0].line, 3);
    // Two of them, with rows between: what is joined has too few fields, or text after its closing quote.
    let twice = sound() + &stray + &sound() + &sound() + &stray + &sound();
    let twice = given("usage.csv", office(&twice).as_bytes());
    assert_eq!((twice.file().kept, twice.file().rows), (4, 6));
    // More than a mebibyte without a quote: no row below can be told from text within quotes.
    let lost = office(&(sound() + &stray + &sound().repeat(20_000)));
    let lost = given("usage.csv", lost.as_bytes());
    assert!(lost.refused().error.what.contains("quote"), "{}", lost.refused().error);
    assert!(lost.refused().error.place.as_ref().is_some_and(|place| place.ends_with("usage.csv:3")));
    // The last row is cut within quotes.
    let cut = given("usage.csv", office(&(sound() + TENANT + ",\"Tea")).as_bytes());
    assert_eq!((cut.rejected(), cut.file().kept), (vec![("broken_quote", 1)], 1));
}

/// A quoted name may hold anything, lines of what looks like rows too.
#[test]
fn what_stands_in_quotes_is_no_row() {
    let forged = office_row(TENANT, "Teams", "2026-10-01", "9999", "9999");
    let text = office(&sound()).replace("MPNId,", "CustomerName,MPNId,");
    let text = text.replace("4001,", &format!("\"Evil\r\n{forged}{forged}\"\"Corp\"\"\",4001,"));
    let given = given("usage.csv", text.as_bytes());
    assert_eq!((given.file().rows, given.file().kept, paid_seats(&given)), (1, 1, Some(100)));
}

#[test]
fn rows_of_another_length_are_rejected() {
    let rows = sound() + "only,three,fields\n" + &sound().replace("100", "1,234") + ",,,,,,\n\n   \n" + &sound();
    let given = given("usage.csv", office(&rows).as_bytes());
    assert_eq!(given.rejected(), [("field_count", 2)]);
    assert_eq!(given.passed_over(), [("empty_row", 1)]);
    assert_eq!((given.file().rows, given.file().kept), (5, 2));
    assert_eq!(given.file().rejected[0].sample.as_deref(), Some("3 fields where the header has 7"));
}

#[test]
fn a_header_that_stands_again_is_folded() {
    let again = office("");
    let rows = sound() + &again + &sound() + "\u{feff}" + &again.to_uppercase() + &sound();
    let given = given("usage.csv", office(&rows).as_bytes());
    let file = given.file();
    assert_eq!((file.rows, file.kept, file.folded, file.rejected.len()), (5, 3, 2, 0));
}

#[test]
fn another_report_joined_to_a_file_is_refused() {
    let other = "MPNId,PartnerName,PGA_MPNId\n4001,A,5001\n";
    let given = given("joined.csv", (office(&sound()) + other).as_bytes());
    let error = &given.refused().error;
    assert!(error.what.contains("another report"), "{error}");
    assert!(error.place.as_ref().is_some_and(|place| place.ends_with("joined.csv:3")), "{error}");
}

#[test]
fn columns_that_stand_twice_are_refused_and_their_aliases_told() {
    let twice = office(&sound()).replace("MPNId,", "MPNId,mpn_id,").replace("4001,", "4001,4002,");
    assert!(given("usage.csv", twice.as_bytes()).refused().error.what.contains("twice"));
    let aliases = office(&sound()).replace("MPNId,", "PartnerID,MPNId,").replace("4001,", "4002,4001,");
    let aliases = given("usage.csv", aliases.as_bytes());
    assert!(aliases.rows.contains(&partner("4001", None, None)), "the first of the names is read");
    assert!(aliases.file().warnings.iter().any(|warning| warning.contains("PartnerID")));
    let more = office(&sound()).replace("MPNId,", "MPNId,Kunde,").replace("4001,", "4001,x,");
    assert_eq!(
        given("usage.csv", more.as_bytes()).file().warnings,
        ["columns that are not known, and not read: `Kunde`"]
    );
}

/// Files that are no report: what is said of each.
#[test]
fn an_unrecognised_file_is_told_the_nearest_report_and_what_it_lacks() {
    let cases: [(&str, &[u8], &str, &str); 9] = [
        (
            "usage.csv",
            b"CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MonthlyActivUsers,MPNId,PartnerAttributionType\n",
            "the nearest is Microsoft 365 usage (OfficeUsage), and it lacks the column `MonthlyActiveUsers`",
            "is `MonthlyActivUsers` meant for `MonthlyActiveUsers`?",
        ),
        (
            "usage.csv",
            b"CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MPNId\n",
            "and it lacks the columns ",
            "export the report anew with them",
        ),
        (
            "ems.csv",
            b"SubscriptionId,Month,CustomerTenantId,MPNID,PartnerAttributionType,IntuneMonthlyActiveUsers,MDM,MAM,SSPR\n",
            "the nearest is EMS usage (EMSUsage), and it lacks the column `IntunePaidAvailableUnits`",
            "export the report anew with it",
        ),
        ("a.csv", b"a,b,c\n1,2,3\n", "its first line has no columns of any", "known reports: Microsoft 365 usage (OfficeUsage); CPOR"),
        ("a.csv", b"\x89PNG\r\n\x1a\n____", "the file is a PNG picture", "CSV"),
        ("a.csv", b"", "the file is empty", "export the report anew"),
        ("a.csv", b"\xef\xbb\xbf", "the file is empty", "export the report anew"),
        ("a.csv", b"\r\n\n  \n", "the file is empty", "export the report anew"),
        ("a.csv", b"\"CustomerTenantId,Month\nx,y\n", "does not begin with a line of columns", "with a header"),
    ];
    for (name, bytes, what, hint) in cases {
        let given = given(name, bytes);
        let Refused { path, error } = given.refused();
        assert!(error.what.contains(what), "{what}: {error}");
        assert!(error.hint.as_ref().is_some_and(|told| told.contains(hint)), "{hint}: {error}");
        assert!(path.ends_with(name) && error.place.as_ref().is_some_and(|place| place.contains(name)), "{error}");
        assert_eq!(error.code, Code::Refused);
        assert!(given.rows.is_empty());
    }
}

#[test]
fn a_file_of_which_nothing_can_be_taken_is_refused() {
    let rows = office_row(TENANT, "Teams", "2026-10-01", "1.234", "50").repeat(3);
    let given = given("usage.csv", office(&rows).as_bytes());
    let error = &given.refused().error;
    assert!(error.what.contains("none of its 3 rows"), "{error}");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("line 2: `PaidAvailableUnits`: `1.234`")), "{error}");
}

#[test]
fn lines_end_as_they_may_and_a_delimiter_may_stand_before() {
    let text = office(&(sound() + &sound()));
    for text in [text.replace('\n', "\r\n"), format!("sep=,\n{text}"), format!("\n\n{text}"), text.replace(',', "\t")] {
        let given = given("usage.csv", text.as_bytes());
        assert_eq!((given.file().kept, given.file().rows), (2, 2), "{text}");
        assert!(given.rows.contains(&usage("teams", 100, 50, false)));
    }
    let cut = given("usage.csv", text.trim_end().as_bytes());
    assert_eq!(cut.file().kept, 2);
    assert!(cut.file().warnings.iter().any(|warning| warning.contains("cut short")), "{:?}", cut.file().warnings);
}

#[test]
fn gzip_is_read_whole_or_refused() {
    let text = office(&(sound() + &sound()));
    let bytes = gzipped(text.as_bytes());
    let whole = given("usage.csv.gz", &bytes);
    assert_eq!((whole.file().kept, whole.file().bytes, whole.told), (2, bytes.len() as u64, bytes.len() as u64));
    // Two members are one text; and a name says nothing that the content does not.
    let (first, second) = text.split_at(text.len() / 2);
    let members = [gzipped(first.as_bytes()), gzipped(second.as_bytes())].concat();
    assert_eq!(given("usage.csv", &members).file().kept, 2);
    for length in [3, 11, bytes.len() / 2, bytes.len() - 9, bytes.len() - 4, bytes.len() - 1] {
        let cut = given("usage.csv.gz", &bytes[..length]);
        let error = &cut.refused().error;
        assert!(error.what.contains("cut short") || error.what.contains("content it is not"), "{length}: {error}");
    }
    let mut broken = bytes.clone();
    let last = broken.len() - 6;
    broken[last] ^= 1;
    assert!(given("usage.csv.gz", &broken).refused().error.what.contains("broken"));
    let trailing = [&bytes[..], b"trailing bytes of another file"].concat();
    assert!(given("usage.csv.gz", &trailing).refused().error.what.contains("broken"));
    assert!(given("usage.csv.gz", text.as_bytes()).refused().error.what.contains("by its name"));
    assert!(given("usage.csv.gz", b"").refused().error.what.contains("empty"));
    assert!(given("usage.csv.gz", &gzipped(b"")).refused().error.what.contains("empty"));
}

#[test]
fn every_report_of_an_archive_is_read() {
    let text = office(&sound());
    let profile = "MPNId,PartnerName,PGA_MPNId\n4001,A,5001\n";
    let packed = gzipped(text.as_bytes());
    let bytes = zipped(&[
        ("2026-10/usage.csv.gz", &packed),
        ("2026-10/profile.tsv", profile.replace(',', "\t").as_bytes()),
        ("2026-10/readme.pdf", b"%PDF"),
        ("__MACOSX/2026-10/._profile.tsv", b"\0\0"),
        ("../../etc/evil\x1b[2J.csv", text.as_bytes()),
    ]);
    let given = given("all.zip", &bytes);
    let outcomes: Vec<(&str, Option<&str>, u64)> = given
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Read(read) => {
                let (_, member) = read.path.split_once("all.zip!").expect("a member");
                (member, read.report.as_deref(), read.kept)
            }
            Outcome::Refused(refused) => panic!("{}", refused.error),
        })
        .collect();
    let expected = [
        ("../../etc/evil\\u{1b}[2J.csv", Some("office_usage"), 1),
        ("2026-10/profile.tsv", Some("profile"), 1),
        ("2026-10/readme.pdf", None, 0),
        ("2026-10/usage.csv.gz", Some("office_usage"), 1),
        ("__MACOSX/2026-10/._profile.tsv", None, 0),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(given.told, bytes.len() as u64);
}

#[test]
fn archives_that_cannot_be_read_are_refused() {
    let text = office(&sound());
    let good = zipped(&[("usage.csv", text.as_bytes())]);
    let inner = zipped(&[("inner.zip", &good)]);
    let mut broken = good.clone();
    let place = broken.windows(3).position(|window| window == b"csv").expect("a name") + 10;
    broken[place] ^= 0xff;
    let cases: [(&str, &[u8], &str); 8] = [
        ("all.zip", &good[..good.len() / 2], "cut short or broken"),
        ("all.zip", &good[..good.len() - 5], "cut short or broken"),
        ("all.zip", &broken, "broken"),
        ("all.zip", &inner, "archive within an archive"),
        ("all.zip", &zipped(&[("readme.md", b"#")]), "holds no report"),
        ("all.zip", &zipped(&[]), "holds no report"),
        ("all.zip", text.as_bytes(), "by its name"),
        ("book.xlsx", &zipped(&[("xl/workbook.xml", b"<a/>")]), "workbook"),
    ];
    for (name, bytes, what) in cases {
        let given = given(name, bytes);
        let errors: Vec<&Error> = given
            .outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::Refused(refused) => Some(&refused.error),
                Outcome::Read(_) => None,
            })
            .collect();
        assert!(errors.iter().any(|error| error.what.contains(what)), "{what}: {errors:?}");
        assert!(errors.iter().all(|error| error.code == Code::Refused && error.hint.is_some()));
    }
}

/// A bomb is stopped at a limit, whatever it would expand to.
#[test]
fn what_expands_too_far_is_refused() {
    let header = office(&sound());
    let rows = header.clone() + &"0,".repeat(4 << 20);
    let bomb = (0..64).fold(header.clone().into_bytes(), |mut text, _| {
        text.extend_from_slice(sound().repeat(1000).as_bytes());
        text
    });
    let small = Limits { expanded: 1 << 20, ratio: u64::MAX, ratio_from: 0 };
    let steep = Limits { expanded: u64::MAX, ratio: 20, ratio_from: 1 << 20 };
    for limits in [small, steep] {
        let reading = reading().with_limits(limits);
        for text in [rows.as_bytes(), &bomb] {
            let by_gzip = given_with("bomb.csv.gz", &gzipped(text), &reading);
            assert!(by_gzip.refused().error.what.contains("expands beyond"), "{}", by_gzip.refused().error);
            let by_zip = given_with("bomb.zip", &zipped(&[("bomb.csv", text)]), &reading);
            assert!(by_zip.refused().error.what.contains("expands beyond"), "{}", by_zip.refused().error);
            let within = given_with("bomb.zip", &zipped(&[("bomb.csv.gz", &gzipped(text))]), &reading);
            assert!(within.refused().error.what.contains("expands beyond"), "{}", within.refused().error);
            let aside = given_with("bomb.zip", &zipped(&[("bomb.bin", text)]), &reading);
            assert!(aside.refused().error.what.contains("expands beyond"), "{}", aside.refused().error);
        }
        assert_eq!(given_with("fine.csv.gz", &gzipped(header.as_bytes()), &reading).file().kept, 1);
    }
    // Members that are each within the limit are not together.
    let reading = reading().with_limits(Limits { expanded: 5 << 20, ..Limits::default() });
    let half = &bomb[..3 << 20];
    let both = given_with("both.zip", &zipped(&[("a.csv", half), ("b.csv", half)]), &reading);
    assert!(
        matches!(&both.outcomes[..], [Outcome::Read(_), Outcome::Refused(refused)] if refused.error.what.contains("expands"))
    );
}

#[test]
fn a_file_that_is_not_there_and_a_sink_that_fails_end_the_reading() {
    let missing = given_by(Path::new("/no/such/export.csv"), &reading()).err().expect("an error");
    assert_eq!(missing.code, Code::Absent);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("usage.csv");
    fs::write(&path, office(&sound())).expect("a file");
    let mut full = |_: &ingest::Source, _: Row| Err(Error::internal("the disk is full"));
    let error = read(&path, &reading(), &mut full, &|_| {}).expect_err("an error");
    assert_eq!(error.what, "the disk is full");
}

/// Names with everything that must be quoted, written by another program in every way it can: what is read is what was written,
/// wherever the pieces that a file is read in end.
#[test]
fn what_another_writer_wrote_is_read() {
    use rand::{RngExt, SeedableRng};
    let mut draw = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let letters = ["a", "ß", ",", ";", "\t", "\"", "\"\"", "\n", "\r\n", " ", "0", "=", "'", "日本", "\u{1f680}"];
    for round in 0..12 {
        let quote = [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always][round % 2];
        let delimiter = [b',', b'\t', b';'][round % 3];
        let terminator = if round % 4 < 2 { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .quote_style(quote)
            .delimiter(delimiter)
            .terminator(terminator)
            .from_writer(Vec::new());
        writer.write_record(["PartnerName", "MPNId", "City", "PGA_MPNId"]).expect("a header");
        let mut expected = Vec::new();
        for id in 0..4000 {
            let length = draw.random_range(0..if id % 500 == 0 { 3000 } else { 60 });
            let name: String = (0..length).map(|_| letters[draw.random_range(0..letters.len())]).collect();
            let name = if id % 500 == 0 { name } else { name.chars().take(100).collect() };
            writer.write_record([&name, &id.to_string(), &name, "5001"]).expect("a row");
            let trimmed = name.trim();
            if trimmed.len() <= 512 {
                expected.push(partner(&id.to_string(), Some(trimmed).filter(|name| !name.is_empty()), Some("5001")));
            }
        }
        let text = writer.into_inner().expect("a text");
        for bytes in [text.clone(), gzipped(&text)] {
            let given = given("profile.csv", &bytes);
            assert_eq!(given.file().rows, 4000);
            assert!(given.rows == expected, "round {round}");
        }
    }
}
