//! What exports mean: products, states, attributions, titles, ids, claims that exclude each other, and addresses of people.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Said, partnerscore, said};
use crate::ingest_reading::KEY;
use crate::outputs::{read, texts};

const SEATS: &str = "MpnId,SubscriptionId,SubscriptionState,Month,CustomerTenantId,PartnerAttributionType,TotalSoldSeats,ProductFamily,Product,RawProductName,SolutionArea,PartnerName";
const CUSTOMERS: &str = "MpnId,CustomerTenantId,CustomerStatus,Month,PartnerAttributionType,Product,PartnerName";
const OFFICE: &str = "CustomerTenantId,WorkloadName,Month,PaidAvailableUnits,MonthlyActiveUsers,MpnId,PartnerName,PartnerAttributionType";
const CPOR: &str = "CustomerTenantId,WorkloadName,MonthlyActiveUsers,PaidAvailableUnits,ClaimId,MpnId,DateAssociated,PartnerAttributionType,Date";
const EMS: &str = "SubscriptionId,SubscriptionStatus,Month,SKU,CustomerTenantId,MPNID,PartnerAttributionType,IntunePaidAvailableUnits,IntuneMonthlyActiveUsers,PartnerName";
const TRAININGS: &str = "TrainingTitle,TrainingType,IndividualFirstName,IndividualLastName,Email,TrainingCompletionDate,ExpirationDate,ActivationStatus,MCPID,MPNId,PartnerName";
const PROFILE: &str = "MPNId,PartnerName,PGA_MPNId,Country";

/// A folder for exports and the history made of them.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().expect("a folder") }
    }

    fn history(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    fn export(&self, name: &str, header: &str, rows: &[String]) -> &Place {
        let path = self.folder.path().join("exports").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).expect("a file");
        self
    }

    fn ingest(&self, more: &[&str]) -> Said {
        let mut command = partnerscore();
        command.arg("ingest").arg(self.folder.path().join("exports")).arg("--history").arg(self.history());
        said(command.args(more).env("PARTNERSCORE_PERSON_KEY", KEY).output().expect("the program starts"))
    }

    /// The findings of an ingest that succeeds whatever is rejected.
    fn found(&self) -> Value {
        let said = self.ingest(&["--format", "json", "--max-reject-ratio", "1"]);
        serde_json::from_str(&said.succeeds().stdout).expect("JSON")
    }

    fn check(&self, format: &str) -> Said {
        let mut command = partnerscore();
        command.arg("check").arg(self.history()).args(["--format", format, "--max-reject-ratio", "1"]);
        said(command.output().expect("the program starts"))
    }

    /// Columns of the associations, with spaces between.
    fn associations(&self, columns: &[&str]) -> Vec<String> {
        let table = read(&self.history().join("associations.parquet"));
        let columns: Vec<Vec<Option<String>>> = columns.iter().map(|name| texts(&table, name)).collect();
        let row = |row: usize| {
            let values = columns.iter().map(|column| column[row].as_deref().unwrap_or("-"));
            values.collect::<Vec<_>>().join(" ")
        };
        (0..table.num_rows()).map(row).collect()
    }

    fn certifications(&self) -> Vec<String> {
        let table = read(&self.history().join("certifications.parquet"));
        let mut found: Vec<String> = texts(&table, "certification").into_iter().flatten().collect();
        found.sort();
        found
    }

    /// All bytes of the history.
    fn bytes(&self) -> Vec<u8> {
        fn add(folder: PathBuf, bytes: &mut Vec<u8>) {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                match entry.path() {
                    path if path.is_dir() => add(path, bytes),
                    path => bytes.extend(fs::read(path).expect("bytes")),
                }
            }
        }
        let mut bytes = Vec::new();
        add(self.history(), &mut bytes);
        bytes
    }
}

/// The unknown names of a kind: name, nearest and consequence.
fn unknown(found: &Value, kind: &str) -> Vec<(String, Option<String>, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = found["unknown"].as_array().expect("names").iter().filter(|name| name["kind"] == kind);
    let nearest = |name: &Value| name["nearest"].as_str().map(str::to_owned);
    names.map(|name| (text(&name["name"]), nearest(name), text(&name["consequence"]))).collect()
}

/// Rows of a file that were passed over, by reason.
fn passed_over(found: &Value) -> Vec<(String, u64)> {
    let files = found["files"].as_array().expect("files").iter();
    let rows = files.flat_map(|file| file["passed_over"].as_array().expect("rows"));
    rows.map(|row| (row["reason"].as_str().expect("text").to_owned(), row["rows"].as_u64().expect("rows"))).collect()
}

fn seats(tenant: &str, month: &str, state: &str, product: &str) -> String {
    format!("1,s-{tenant},{state},{month}-01,{tenant},CSP Tier 2,10,,{product},,,Acme")
}

/// Every product that a row can name, and what its partner is associated through.
#[test]
fn a_product_associates_for_the_workloads_that_it_contains() {
    for (product, expected) in [
        ("Microsoft 365", "-"),
        ("Microsoft 365 Business Premium", "-"),
        ("Microsoft\u{ae} 365 E3 (no Teams)", "-"),
        ("office 365 e5", "-"),
        ("Enterprise Mobility + Security E3", "intune,microsoft_entra_id_p1"),
        ("EMS", "intune,microsoft_entra_id_p1"),
        ("Microsoft Intune Plan 1", "intune"),
        ("Exchange Online (Plan 1)", "exchange"),
        ("Microsoft Azure", ""),
        ("Dynamics 365", ""),
        ("Power BI", ""),
        ("Microsoft 365 E5 Security", ""),
    ] {
        let customer = format!("1,t1,Active,2026-10-01,CSP Tier 2,{product},Acme");
        for (name, header, row) in
            [("seats.csv", SEATS, seats("t1", "2026-10", "Active", product)), ("customers.csv", CUSTOMERS, customer)]
        {
            let place = Place::new();
            let found = place.export(name, header, &[row]).found();
            assert_eq!(place.associations(&["workload"]).join(","), expected, "{product} in {name}");
            assert!(unknown(&found, "product").is_empty(), "{product}");
            let other = passed_over(&found) == [("other_product".to_owned(), 1)];
            assert_eq!(other, expected.is_empty(), "{product}: {found}");
            // Who sells other products is a partner all the same, with zeros.
            let partners = texts(&read(&place.history().join("partners.parquet")), "partner_name");
            assert_eq!(partners, [Some("Acme".to_owned())], "{product}");
        }
    }
}

#[test]
fn an_unknown_product_associates_nobody_and_is_reported() {
    let place = Place::new();
    let rows =
        [seats("t1", "2026-10", "Active", "Micosoft 365 E3"), seats("t2", "2026-10", "Active", "Contoso Backup")];
    let found = place.export("seats.csv", SEATS, &rows).found();
    assert_eq!(place.associations(&["tenant_id"]), [""; 0]);
    let expected = [("Contoso Backup", None), ("Micosoft 365 E3", Some("Microsoft 365 E3"))];
    let expected =
        expected.map(|(name, near)| (name.to_owned(), near.map(str::to_owned), "nobody associated".to_owned()));
    assert_eq!(unknown(&found, "product"), expected);
    assert_eq!(passed_over(&found), [("unknown_product".to_owned(), 2)]);
    let text = place.ingest(&[]).stdout;
    assert!(text.contains("Contoso Backup") && text.contains("nobody associated"), "{text}");
}

/// The most specific column that names a known product decides; the solution area excludes what no column names.
#[test]
fn the_most_specific_known_product_decides() {
    for (family, product, raw, area, expected, reason) in [
        ("Microsoft 365", "Microsoft 365", "Microsoft Intune Plan 1", "Modern Work", "intune", ""),
        ("Azure", "Microsoft 365 E3", "CFQ7TTC0LF8R", "Azure", "-", ""),
        ("Azure", "", "Microsoft 365 E3", "", "-", ""),
        ("Office 365", "", "", "", "-", ""),
        ("", "Virtual Machines BS Series", "", "Azure", "", "other_product"),
        ("", "Contoso Loop", "", "Modern Work", "", "unknown_product"),
        ("", "", "", "Modern Work", "-", ""),
        ("", "", "", "Business Applications", "", "other_product"),
        ("", "", "", "", "", "no_product"),
    ] {
        let place = Place::new();
        let row = format!("1,s1,Active,2026-10-01,t1,DPOR,10,{family},{product},{raw},{area},Acme");
        let found = place.export("seats.csv", SEATS, std::slice::from_ref(&row)).found();
        assert_eq!(place.associations(&["workload"]).join(","), expected, "{row}");
        let reasons: Vec<String> = passed_over(&found).into_iter().map(|(reason, _)| reason).collect();
        assert_eq!(reasons.join(","), reason, "{row}");
    }
}

#[test]
fn a_report_without_columns_of_products_shows_whole_tenants_and_says_so() {
    let place = Place::new();
    let header = "MpnId,CustomerTenantId,CustomerStatus,Month,PartnerAttributionType";
    let found = place.export("customers.csv", header, &["1,t1,Active,2026-10-01,DPOR".to_owned()]).found();
    assert_eq!(place.associations(&["workload"]), ["-"]);
    let warning = found["files"][0]["warnings"].to_string();
    assert!(warning.contains("without columns of products"), "{warning}");
}

/// A tenant's Azure is sold by one partner and its Microsoft 365 by another: only the second has its usage.
#[test]
fn who_sells_azure_has_no_part_in_usage() {
    let place = Place::new();
    place.export("a.csv", OFFICE, &["t1,Teams,2026-10-01,50,40,2,Birch,CSP Tier 2".to_owned()]);
    place.export("b.csv", SEATS, &[seats("t1", "2026-10", "Active", "Microsoft Azure")]).found();
    assert_eq!(place.associations(&["partner_id", "workload"]), ["2 -"]);
}

/// What a whole tenant is sold covers what parts of it are; what goes on without it stays.
#[test]
fn workloads_of_a_whole_tenant_are_no_associations_of_their_own() {
    let months = ["2026-07", "2026-08", "2026-09", "2026-10"];
    let part = |tenant: &str, months: &[&str]| -> Vec<String> {
        months.iter().map(|month| seats(tenant, month, "Active", "Intune Suite")).collect()
    };
    let whole = |tenant: &str, months: &[&str]| -> Vec<String> {
        months.iter().map(|month| seats(tenant, month, "Active", "Microsoft 365 E3")).collect()
    };
    let place = Place::new();
    let rows =
        [part("t1", &months[1..3]), whole("t1", &months), part("t2", &months), whole("t2", &months[..2])].concat();
    place.export("seats.csv", SEATS, &rows).found();
    assert_eq!(
        place.associations(&["tenant_id", "workload", "end_date"]),
        ["t1 - -", "t2 - 2026-08-31", "t2 intune -"]
    );
}

#[test]
fn a_subscription_of_enterprise_mobility_and_security_is_for_its_workloads() {
    for (sku, attribution, expected) in [
        ("EMS E3", "CSP Tier 2", "intune microsoft_entra_id_p1"),
        ("Enterprise Mobility + Security E5", "DPOR", "intune microsoft_entra_id_p1"),
        ("", "DPOR", "intune microsoft_entra_id_p1"),
        ("CFQ7TTC0LHR4", "DPOR", "intune microsoft_entra_id_p1"),
        ("Intune", "DPOR", "intune"),
        ("Microsoft 365 E3", "DPOR", "-"),
        ("Azure Information Protection P1", "DPOR", ""),
        ("EMS E3", "CPOR", "intune"),
    ] {
        let place = Place::new();
        let row = format!("s1,Active,2026-10-01,{sku},t1,1,{attribution},50,20,Acme");
        place.export("ems.csv", EMS, &[row]).found();
        assert_eq!(place.associations(&["workload"]).join(" "), expected, "{sku} {attribution}");
    }
}

/// The states of subscriptions: those that end an association and those that hold it, in every report that has them.
#[test]
fn states_end_an_association_or_hold_it() {
    let holds = ["Active", "InGracePeriod", "In Grace Period", "in_grace_period", "Open", "Enabled", "ACTIVE", ""];
    let ended = [
        "Churned",
        "Disabled",
        "Deprovisioned",
        "Closed",
        "Expired",
        "Suspended",
        "Cancelled",
        "Canceled",
        "Deleted",
        "Inactive",
        "locked-out",
        "DISABLED",
        " Closed ",
    ];
    let states = holds.iter().map(|state| (state, None)).chain(ended.iter().map(|state| (state, Some("2026-09-30"))));
    for (state, end) in states {
        let place = Place::new();
        let ems = |month: &str, state: &str| format!("s1,{state},{month}-01,EMS E3,t1,1,CSP Tier 2,50,20,Acme");
        let customer = |month: &str, state: &str| format!("3,t3,{state},{month}-01,CSP Tier 2,Microsoft 365,Birch");
        let product = "Microsoft 365 Business Premium";
        place.export("ems.csv", EMS, &[ems("2026-09", "Active"), ems("2026-10", state)]);
        place.export("customers.csv", CUSTOMERS, &[customer("2026-09", "Active"), customer("2026-10", state)]);
        let rows = [seats("t2", "2026-09", "Active", product), seats("t2", "2026-10", state, product)];
        let found = place.export("seats.csv", SEATS, &rows).found();
        let end = end.unwrap_or("-");
        assert_eq!(
            place.associations(&["tenant_id", "workload", "end_date"]),
            [
                format!("t1 intune {end}"),
                format!("t1 microsoft_entra_id_p1 {end}"),
                format!("t2 - {end}"),
                format!("t3 - {end}")
            ],
            "{state}"
        );
        assert!(unknown(&found, "state").is_empty(), "{state}");
    }
}

#[test]
fn an_unknown_state_is_reported_and_holds() {
    let place = Place::new();
    let rows = [seats("t1", "2026-10", "Others", "Microsoft 365"), seats("t2", "2026-10", "Disabld", "Microsoft 365")];
    let found = place.export("seats.csv", SEATS, &rows).found();
    assert_eq!(place.associations(&["tenant_id", "end_date"]), ["t1 -", "t2 -"]);
    let expected = [("Disabld", Some("Disabled")), ("Others", None)];
    let expected = expected
        .map(|(name, near)| (name.to_owned(), near.map(str::to_owned), "taken as a state that holds".to_owned()));
    assert_eq!(unknown(&found, "state"), expected);
}

/// Attributions in the spellings of warehouses, portals and documents.
#[test]
fn attributions_match_in_every_spelling() {
    for (expected, spellings) in [
        (
            "CSP_TIER_1",
            vec![
                "CSP Tier 1",
                "CSP Tier1",
                "CSP T1",
                "csp-tier-1",
                "CSP_TIER_1",
                "CSP Tier 1 (Direct)",
                "CSP\u{2013}Tier\u{a0}1",
            ],
        ),
        (
            "CSP_TIER_2",
            vec![
                "CSP Tier 2",
                "CSP Tier2",
                "CSP T2",
                "CSP_TIER_2",
                "CSP Tier 2 (Indirect)",
                "CSP Tier 2 [Indirect Reseller]",
            ],
        ),
        (
            "CPOR",
            vec![
                "CPOR",
                "Claiming Partner of Record (CPOR)",
                "Claiming partner-of-record",
                "C.P.O.R.",
                "A claim (CPOR)",
            ],
        ),
        (
            "DPOR",
            vec!["DPOR", "Digital Partner of Record (DPOR)", "Digital Partner of Record (legacy)", "DPOR\u{2122}"],
        ),
        (
            "",
            vec!["TPOR", "TPOR-DIR", "TPOR-IND", "TPOR-SOA", "Partner Admin Link (PAL)", "PAL", "LSP", "Unattributed"],
        ),
    ] {
        for spelling in spellings {
            let place = Place::new();
            let row = format!("t1,Teams,2026-10-01,50,40,1,Acme,{spelling}");
            let found = place.export("office.csv", OFFICE, &[row]).found();
            assert_eq!(place.associations(&["association_type"]).join(","), expected, "{spelling}");
            assert!(unknown(&found, "association_type").is_empty(), "{spelling}");
        }
    }
}

#[test]
fn an_unknown_attribution_says_what_follows_and_hints_at_nothing_unlike() {
    let place = Place::new();
    let row = |attribution: &str| format!("t1,Teams,2026-10-01,50,40,1,Acme,{attribution}");
    let rows = [row("CSP Tier 3"), row("Influencer"), row("LPOR"), row("Digital Partner of Recrod")];
    let found = place.export("office.csv", OFFICE, &rows).found();
    let told = unknown(&found, "association_type");
    assert!(told.iter().all(|(_, _, consequence)| consequence == "usage accepted, nobody associated"), "{told:?}");
    let nearest: Vec<(&str, Option<&str>)> =
        told.iter().map(|(name, near, _)| (name.as_str(), near.as_deref())).collect();
    assert_eq!(
        nearest,
        [
            ("CSP Tier 3", None),
            ("Digital Partner of Recrod", Some("Digital partner of record")),
            ("Influencer", None),
            ("LPOR", None)
        ]
    );
    let csv = place.ingest(&["--format", "csv"]).stdout;
    assert!(csv.contains("nobody associated; nearest known: Digital partner of record"), "{csv}");
}

fn training(title: &str, kind: &str, person: u32) -> String {
    format!("\"{title}\",{kind},Petra,Musterfrau,petra@example.com,2026-01-10,2027-01-10,Active,{person},1,Acme")
}

/// Titles of one certification in every spelling.
#[test]
fn titles_match_in_every_spelling() {
    for (slug, titles) in [
        (
            "copilot_and_agent_administration_fundamentals",
            vec![
                "Microsoft 365 Certified: Copilot and Agent Administration Fundamentals",
                "Microsoft 365 Copilot and Agent Administration Fundamentals",
                "Microsoft Certified: Copilot & Agent Administration Fundamentals",
                "AB-900: Microsoft 365 Copilot and Agent Administration Fundamentals",
                "Exam AB-900: Microsoft 365 Copilot and Agent Administration Fundamentals",
                "Microsoft 365 Certified: Copilot and Agent Administration Fundamentals (AB-900)",
            ],
        ),
        (
            "teams_administrator_associate",
            vec![
                "Microsoft\u{ae} 365 Certified: Teams Administrator Associate",
                "Microsoft 365 Certified - Teams Administrator Associate",
                "Microsoft 365 Certified \u{2014} TEAMS ADMINISTRATOR ASSOCIATE",
                "Microsoft(R) 365 Certified: Teams(TM) Administrator Associate",
                "MS-700 Teams Administrator Associate",
                "Teams Administrator Associate - MS-700",
                "Microsoft 365 Certified: Teams Administrator Associate (legacy)",
                "Microsoft Teams Administrator Associate",
            ],
        ),
        (
            "endpoint_administrator_associate",
            vec![
                "Microsoft 365 Certified: Endpoint Administrator Associate (previously known as Microsoft 365 Certified: Modern Desktop Administrator Associate)",
                "Endpoint Administrator Associate, formerly Modern Desktop Administrator Associate",
            ],
        ),
        (
            "enterprise_administrator_expert",
            vec![
                "Microsoft 365 Certified: Enterprise Administrator Expert",
                "Microsoft 365 Certified: Administrator Expert",
                "Microsoft 365 Administrator Expert",
                "MS-102: Microsoft 365 Certified: Administrator Expert",
            ],
        ),
        (
            "microsoft_365_fundamentals",
            vec![
                "Microsoft 365 Certified: Fundamentals",
                "Microsoft 365 Fundamentals",
                "MS-900: Microsoft 365 Fundamentals",
                "MS-900: Microsoft 365 Certified: Fundamentals",
                "MS900 - Microsoft 365\u{2122} Fundamentals",
            ],
        ),
        (
            "teams_meetings_and_meeting_rooms_technical_assessment",
            vec![
                "Teams Meetings & Meeting Rooms Technical Assessment",
                "Microsoft Teams Meetings and Meeting Rooms Technical Assessment",
            ],
        ),
    ] {
        for title in titles {
            let place = Place::new();
            let found = place.export("trainings.csv", TRAININGS, &[training(title, "Certification", 990_001)]).found();
            assert_eq!(place.certifications(), [slug], "{title}");
            assert!(unknown(&found, "certification").is_empty(), "{title}");
        }
    }
}

#[test]
fn exams_are_no_certifications_and_unknown_titles_are_near_what_they_are_like() {
    let place = Place::new();
    let rows = [
        training("Exam MS-102: Microsoft 365 Administrator", "Exam", 990_001),
        training("Exam MS-102: Microsoft 365 Certified: Administrator Expert", "Exam", 990_001),
        training("MS-700: Managing Microsoft Teams", "Exam", 990_002),
        training("Microsoft Certified: Azure Administrator Associate", "Certification", 990_003),
        training("Microsoft Certified: Azure Administrator Associate (AZ-104)", "Certification", 990_004),
        training("Microsoft 365 Certified: Teams Administratr Associate", "Certification", 990_005),
    ];
    let found = place.export("trainings.csv", TRAININGS, &rows).found();
    assert_eq!(passed_over(&found), [("no_certification".to_owned(), 3)]);
    let expected = ["azure_administrator_associate", "azure_administrator_associate", "teams_administratr_associate"];
    assert_eq!(place.certifications(), expected, "one certification under one name");
    let nearest: Vec<Option<String>> =
        unknown(&found, "certification").into_iter().map(|(_, nearest, _)| nearest).collect();
    assert_eq!(nearest, [Some("Teams Administrator Associate".to_owned()), None, None]);
}

#[test]
fn states_of_certifications_are_known_or_reported() {
    let row = |state: &str, expires: &str, person: u32| {
        format!(
            "Teams Administrator Associate,Certification,P,M,p@example.com,2026-01-10,{expires},{state},{person},1,Acme"
        )
    };
    for (state, counts_with_expiry, counts_without) in [
        ("Active", 1, 1),
        ("", 1, 1),
        ("Passed", 1, 1),
        ("Inactive", 1, 0),
        ("not-active", 1, 0),
        ("EXPIRED", 1, 0),
        ("Revoked", 0, 0),
        ("Failed", 0, 0),
        ("Wandering", 1, 1),
    ] {
        for (expires, expected) in [("2027-01-10", counts_with_expiry), ("", counts_without)] {
            let place = Place::new();
            let found = place.export("trainings.csv", TRAININGS, &[row(state, expires, 990_001)]).found();
            assert_eq!(place.certifications().len(), expected, "{state} {expires}");
            assert_eq!(unknown(&found, "state").len(), usize::from(state == "Wandering"), "{state}");
        }
    }
}

/// Reports with an address in a field that is read, each beside a sound row: the row is rejected, and the address is nowhere.
#[test]
fn addresses_of_people_are_rejected_and_never_shown() {
    const ADDRESS: &str = "petra.musterfrau@secret.example.org";
    let office = "t1,Teams,2026-10-01,50,40,1,Acme,DPOR";
    let person = "Teams Administrator Associate,Certification,P,M,p@x.example.org,2026-01-10,,Active,990001,1,Acme";
    let claim = "t1,Teams,40,50,7,1,2026-01-10,CPOR,2026-10-01";
    let sold = "1,s1,Active,2026-10-01,t1,DPOR,10,Office 365,Microsoft 365,Microsoft 365 E3,Modern Work,Acme";
    for (name, header, sound, replaced) in [
        ("office.csv", OFFICE, office, vec!["t1", "Teams", "Acme", "DPOR", ",1,", "2026-10-01", "50"]),
        (
            "trainings.csv",
            TRAININGS,
            person,
            vec!["Teams Administrator Associate", "990001", "Certification", "Active", "Acme", "2026-01-10"],
        ),
        ("cpor.csv", CPOR, claim, vec!["t1", "Teams", "CPOR", "2026-01-10"]),
        ("seats.csv", SEATS, sold, vec!["Active", "t1", "DPOR", "Microsoft 365 E3"]),
        ("profile.csv", PROFILE, "1,Acme,2,GB", vec!["Acme", "2", "GB"]),
    ] {
        for value in replaced {
            let place = Place::new();
            let replacement = if value == ",1," { format!(",{ADDRESS},") } else { ADDRESS.to_owned() };
            let spoiled = sound.replacen(value, &replacement, 1);
            place.export(name, header, &[sound.to_owned(), spoiled.clone()]);
            let found = place.found();
            let rejected = found["files"][0]["rejected"].to_string();
            assert!(rejected.contains("email_address"), "{spoiled}: {found}");
            let shown = [
                place.ingest(&["--max-reject-ratio", "1"]),
                place.ingest(&["--max-reject-ratio", "1", "--format", "csv", "-v"]),
                place.ingest(&["--max-reject-ratio", "0"]),
                place.check("json"),
            ];
            let mut texts: Vec<String> =
                shown.iter().flat_map(|said| [said.stdout.clone(), said.stderr.clone()]).collect();
            texts.extend([found.to_string(), String::from_utf8_lossy(&place.bytes()).into_owned()]);
            for text in texts.iter().map(|text| text.to_lowercase()) {
                assert!(!text.contains("musterfrau") && !text.contains("secret.example"), "{spoiled}: {text}");
            }
        }
    }
}

/// Two headers swapped: every title is an address, so that nothing can be taken, and no address is told.
#[test]
fn swapped_headers_give_no_address_away() {
    let place = Place::new();
    let swapped = TRAININGS.replace("TrainingTitle", "@").replace("Email", "TrainingTitle").replace('@', "Email");
    let rows: Vec<String> =
        (1..5).map(|person| training("Teams Administrator Associate", "Certification", 990_000 + person)).collect();
    place.export("trainings.csv", &swapped, &rows);
    let said = place.ingest(&[]);
    said.fails(3, &["e-mail", "hint:"]);
    assert!(!said.stderr.contains("example.com") && !said.stderr.contains("petra"), "{}", said.stderr);
    // No header at all: the first row of people stands for it.
    let bare = Place::new();
    bare.export("trainings.csv", &rows[0], &rows);
    let said = bare.ingest(&[]);
    said.fails(3, &["hint:"]);
    assert!(!said.stderr.contains("example.com"), "{}", said.stderr);
}

/// A history that another program made: what `check` and `score` say has no address in it.
#[test]
fn check_and_score_show_no_address_of_a_history() {
    let mut history = crate::baseline_history::history();
    let address = "petra.musterfrau@secret.example.org".to_owned();
    let mut certification = history.certifications[0].clone();
    certification.certification = Some(address.clone());
    history.certifications.push(certification.clone());
    certification.partner_id = Some(address.clone());
    history.certifications.push(certification);
    let mut usage = history.workload_usage[0].clone();
    usage.workload = Some(address.clone());
    history.workload_usage.push(usage.clone());
    (usage.tenant_id, usage.active_users) = (Some(address.clone()), Some(-1));
    history.workload_usage.push(usage);
    let mut association = history.associations[0].clone();
    association.workload = Some(address.clone());
    history.associations.push(association.clone());
    association.association_type = Some(address);
    history.associations.push(association);
    let placed = crate::baseline_history::Placed::new(&history);
    let (path, out) = (placed.history().display().to_string(), placed.out().display().to_string());
    for arguments in [
        vec!["check", &path, "--max-reject-ratio", "1"],
        vec!["check", &path, "--max-reject-ratio", "1", "--rejects", "--format", "json"],
        vec!["check", &path, "--max-reject-ratio", "1", "--format", "csv", "-v"],
        vec!["score", &path, "--out", &out, "--as-of", crate::baseline_history::AS_OF, "--max-reject-ratio", "1"],
        vec!["score", &path, "--out", &out, "--as-of", crate::baseline_history::AS_OF, "--max-reject-ratio", "0"],
    ] {
        let said = crate::command::run(&arguments);
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(!text.contains("musterfrau") && !text.contains("secret.example"), "{arguments:?}: {text}");
    }
    let run = fs::read_to_string(placed.out().join(format!("as_of={}/run.json", crate::baseline_history::AS_OF)));
    assert!(run.expect("run.json").contains("***"));
}

fn claim(tenant: &str, partner: &str, began: &str, month: &str) -> String {
    format!("{tenant},Teams,40,50,7,{partner},{began},CPOR,{month}-01")
}

/// Two accounts hold one pair: the earlier claim ends where the later begins, unless its own report states it from then on.
#[test]
fn an_exclusive_claim_ends_where_anothers_begins() {
    let months = ["2026-05", "2026-06", "2026-07", "2026-08"];
    let claims = |partner: &str, began: &str, months: &[&str]| -> Vec<String> {
        months.iter().map(|month| claim("t1", partner, began, month)).collect()
    };
    let first = |months: &[&str]| claims("1", "2024-01-15", months);
    for (what, x, y, expected) in [
        (
            "reports of the first stop",
            first(&months[..1]),
            claims("2", "2026-06-03", &months[1..]),
            vec!["1 2024-01-15 2026-06-02 true", "2 2026-06-03 - false"],
        ),
        (
            "the month of the change names both",
            first(&months[..2]),
            claims("2", "2026-06-03", &months[1..]),
            vec!["1 2024-01-15 2026-06-02 true", "2 2026-06-03 - false"],
        ),
        (
            "the change is on the first of a month that states both",
            first(&months[..2]),
            claims("2", "2026-06-01", &months[1..]),
            vec!["1 2024-01-15 - false", "2 2026-06-01 - false"],
        ),
        (
            "a later month states the first too",
            first(&months[..3]),
            claims("2", "2026-06-03", &months[1..]),
            vec!["1 2024-01-15 - false", "2 2026-06-03 - false"],
        ),
        (
            "both began on one day",
            first(&months[..1]),
            claims("2", "2024-01-15", &months[1..]),
            vec!["1 2024-01-15 - false", "2 2024-01-15 - false"],
        ),
    ] {
        let place = Place::new();
        place.export("x/cpor.csv", CPOR, &x).export("y/cpor.csv", CPOR, &y).found();
        let found = place.associations(&["partner_id", "start_date", "end_date", "inferred"]);
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn claims_of_one_account_and_types_that_many_may_have_exclude_nothing() {
    let place = Place::new();
    let claims = [
        claim("t1", "1", "2024-01-15", "2026-05"),
        claim("t1", "1", "2024-01-15", "2026-06"),
        claim("t1", "2", "2026-06-03", "2026-06"),
    ];
    place.export("cpor.csv", CPOR, &claims);
    place.export("profile.csv", PROFILE, &["1,Acme,9,GB".to_owned(), "2,Acme North,9,GB".to_owned()]);
    place.export(
        "office.csv",
        OFFICE,
        &["t2,Teams,2026-05-01,50,40,1,Acme,DPOR".to_owned(), "t2,Teams,2026-06-01,50,40,3,Birch,DPOR".to_owned()],
    );
    place.found();
    let ends: Vec<String> = place.associations(&["tenant_id", "partner_id", "inferred"]);
    assert_eq!(ends, ["t1 1 false", "t1 2 false", "t2 1 true", "t2 3 true"]);
    let table = read(&place.history().join("associations.parquet"));
    assert_eq!(texts(&table, "end_date").iter().filter(|end| end.is_some()).count(), 0, "{ends:?}");
}

#[test]
fn a_claim_whose_day_is_not_told_ends_the_earlier_after_the_last_month_of_that() {
    let place = Place::new();
    place.export("x.csv", CPOR, &[claim("t1", "1", "2024-01-15", "2026-05")]);
    place.export("y.csv", OFFICE, &["t1,Teams,2026-06-01,50,40,2,Birch,CPOR".to_owned()]).found();
    let found = place.associations(&["partner_id", "end_date", "inferred"]);
    assert_eq!(found, ["1 2026-05-31 true", "2 - true"]);
}

/// Contested pairs are named by `check`, with the partners, the tenant and the workload.
#[test]
fn contested_pairs_are_named() {
    let place = Place::new();
    let months = ["2026-05", "2026-06", "2026-07"];
    let both = months.iter().flat_map(|month| {
        let sole = claim("t2", "1", "2024-01-15", month);
        [claim("t1", "1", "2024-01-15", month), claim("t1", "2", "2026-05-03", month), sole]
    });
    place.export("cpor.csv", CPOR, &both.collect::<Vec<_>>()).found();
    let rows: Value = serde_json::from_str(&place.check("json").succeeds().stdout).expect("JSON");
    let rows: Vec<&Value> = rows.as_array().expect("rows").iter().filter(|row| row["finding"] == "contested").collect();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(row["subject"], "tenant_id=t1, workload=teams, partners=1, 2");
    assert_eq!((&row["rule"], &row["table"]), (&"contested_pair".into(), &"associations".into()));
    let text = place.check("table").stdout;
    assert!(text.contains("partners=1, 2"), "{text}");
}

#[test]
fn ids_that_differ_only_in_writing_are_reported() {
    let place = Place::new();
    let guid = "6a58ad2c-1388-4fdb-b2fc-6e55d2b21b88";
    let row = |tenant: &str, workload: &str, partner: &str| {
        format!("{tenant},{workload},2026-10-01,50,40,{partner},Acme,DPOR")
    };
    let rows = [
        row(&guid.to_uppercase(), "Teams", "4001"),
        row(&format!("{{{guid}}}"), "Exchange", "04001"),
        row(&guid.replace('-', ""), "SharePoint", "4002"),
        row("0099", "Teams", "4002"),
        row("99", "Teams", "4002"),
    ];
    let found = place.export("office.csv", OFFICE, &rows).found();
    let expected = serde_json::json!([
        {"kind": "partner_id", "ids": ["04001", "4001"]},
        {"kind": "tenant_id", "ids": ["0099", "99"]},
    ]);
    assert_eq!(found["similar_ids"], expected);
    let tenants: std::collections::BTreeSet<String> = place.associations(&["tenant_id"]).into_iter().collect();
    assert_eq!(tenants.iter().map(String::as_str).collect::<Vec<_>>(), ["0099", guid, "99"]);
    let text = place.ingest(&[]).stdout;
    assert!(text.contains("leading zeros") && text.contains("04001, 4001"), "{text}");
    let checked = place.check("csv").stdout;
    for subject in ["\"partner_id: 04001, 4001\"", "\"tenant_id: 0099, 99\""] {
        assert!(checked.contains(&format!("similar_ids,{subject}")), "no {subject} in {checked}");
    }
}

#[test]
fn people_whose_ids_differ_in_leading_zeros_are_reported_by_their_pseudonyms() {
    let place = Place::new();
    let row =
        |person: &str| training("Teams Administrator Associate", "Certification", 990_001).replace("990001", person);
    place.export("a.csv", TRAININGS, &[row("990001"), row("0990001"), row("0990002"), row("990003")]);
    let found = place.found();
    let groups = found["similar_ids"].as_array().expect("groups");
    assert_eq!(groups.len(), 1, "{groups:?}");
    let ids: Vec<&str> = groups[0]["ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    assert_eq!((groups[0]["kind"].as_str(), ids.len()), (Some("person_id"), 2));
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
    assert!(!found.to_string().contains("99000"), "{found}");
}
