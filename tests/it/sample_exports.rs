//! The sample as exports: repeatable, telling what the history tells, in the columns of three years, and dirty where asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime};
use flate2::read::GzDecoder;
use partnerscore::sample::exports::{Kind, Layouts};
use tempfile::TempDir;

use crate::command::run;
use crate::fixture;
use crate::samples;
use crate::second_reading::Association;

/// What columns are called that tests look at, in any year.
const PARTNER_ID: [&str; 2] = ["mpnid", "partnerid"];
const ACCOUNT_ID: [&str; 2] = ["pgampnid", "pgapartnerid"];
const TENANT_ID: [&str; 1] = ["customertenantid"];
const WORKLOAD: [&str; 1] = ["workloadname"];
const MONTH: [&str; 2] = ["month", "date"];
const PAID_SEATS: [&str; 1] = ["paidavailableunits"];
const ACTIVE_USERS: [&str; 1] = ["monthlyactiveusers"];
const ASSOCIATION_TYPE: [&str; 2] = ["partnerattributiontype", "partnerattachtype"];
const DUPLICATE: [&str; 1] = ["isduplicaterowforpga"];

fn export(out: &Path, more: &[&str]) {
    run(&[&["sample", "--exports", &out.to_string_lossy()], more].concat()).succeeds();
}

/// A file of a pile, as any reader of CSV has it.
struct Export {
    /// Below the pile: month, account, name.
    path: PathBuf,
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Export {
    fn open(pile: &Path, path: &Path) -> Export {
        let mut bytes = fs::read(path).expect("a file");
        let name = path.to_string_lossy().into_owned();
        if name.ends_with(".gz") {
            let mut text = Vec::new();
            GzDecoder::new(&bytes[..]).read_to_end(&mut text).expect("a gzip file");
            bytes = text;
        }
        let delimiter = if name.contains(".tsv") { b'\t' } else { b',' };
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text);
        let header = reader.headers().expect("a header").iter().map(str::to_lowercase).collect();
        let rows = reader.records().collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{name}: {error}"));
        Export { path: path.strip_prefix(pile).expect("below").to_owned(), header, rows }
    }

    fn place(&self, names: &[&str]) -> Option<usize> {
        self.header.iter().position(|name| names.contains(&name.as_str()))
    }

    /// The cell of a row in the column of one of these names.
    fn cell<'a>(&self, row: &'a csv::StringRecord, names: &[&str]) -> &'a str {
        let place = self.place(names).unwrap_or_else(|| panic!("{} has none of {names:?}", self.path.display()));
        &row[place]
    }

    fn is(&self, kind: Kind) -> bool {
        let has = |name: &str| self.header.iter().any(|column| column == name);
        kind == match () {
            () if has("dateassociated") => Kind::CporUsage,
            () if has("intunepaidavailableunits") => Kind::EmsUsage,
            () if has("trainingtitle") => Kind::TrainingCompletions,
            () if has("indirectprovidermpnid") => Kind::ResellerPerformance,
            () if has("subscriptionstate") => Kind::SeatsSubscriptions,
            () if has("customerstatus") => Kind::CustomersTenants,
            () if has("workloadname") => Kind::OfficeUsage,
            () => Kind::Profile,
        }
    }
}

/// Every file of a pile, by path.
fn pile(root: &Path) -> Vec<Export> {
    let files = fixture::published(root);
    files.keys().map(|path| Export::open(root, &root.join(path))).collect()
}

/// A day as one of the layouts writes it.
fn day(text: &str) -> NaiveDate {
    let times = ["%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%S"];
    let time = times.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let days = ["%m/%d/%Y", "%Y-%m-%d"];
    let day = days.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok());
    time.map(|time| time.date()).or(day).unwrap_or_else(|| panic!("`{text}` is no day"))
}

/// A history and the exports of the same, clean and dirty, in the columns of a year.
struct Both {
    folder: TempDir,
}

impl Both {
    fn new(more: &[&str]) -> Both {
        let folder = tempfile::tempdir().expect("a folder");
        let size = ["--partners", "40", "--tenants", "300", "--months", "3"];
        let out = folder.path().join("history").to_string_lossy().into_owned();
        run(&[&["sample", "--out", &out], &size[..]].concat()).succeeds();
        export(&folder.path().join("exports"), &[&size[..], more].concat());
        Both { folder }
    }

    fn exports(&self) -> Vec<Export> {
        pile(&self.folder.path().join("exports"))
    }
}

/// What a layout calls something, the other way round.
fn slugs(names: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    names.iter().map(|(slug, name)| (name.as_str(), slug.as_str())).collect()
}

fn holds_on(row: &Association, day: NaiveDate) -> bool {
    row.start_date.is_some_and(|start| start <= day) && row.end_date.is_none_or(|end| end >= day)
}

type Key = (String, String, NaiveDate);

/// In the columns of every year, exports tell the seats and users of the history: of each workload that the year's reports have, of every
/// tenant that somebody holds on the month's last day, and of no other.
#[test]
fn exports_tell_what_the_history_tells() {
    for year in ["2022", "2023", "2026"] {
        let both = Both::new(&["--layout", year]);
        let history = samples::rows(&both.folder.path().join("history"));
        let layouts = Layouts::one(year).expect("a layout");
        let names = slugs(&layouts.all()[0].workloads);
        let some = |text: &Option<String>| text.clone().expect("a value");
        let mut held: BTreeMap<Key, (i64, i64)> = BTreeMap::new();
        for usage in &history.workload_usage {
            let month = usage.month.expect("a month");
            let last_day = month + chrono::Months::new(1) - chrono::Days::new(1);
            let of = |row: &&Association| {
                row.tenant_id == usage.tenant_id && (row.workload.is_none() || row.workload == usage.workload)
            };
            let is_held = history.associations.iter().filter(of).any(|row| holds_on(row, last_day));
            if is_held && names.values().any(|slug| Some(*slug) == usage.workload.as_deref()) {
                let counts = (usage.paid_seats.expect("seats"), usage.active_users.expect("users"));
                held.insert((some(&usage.tenant_id), some(&usage.workload), month), counts);
            }
        }
        let mut told: BTreeMap<Key, (i64, i64)> = BTreeMap::new();
        let mut parts: BTreeMap<Key, BTreeMap<String, (i64, i64)>> = BTreeMap::new();
        for export in both.exports() {
            for row in &export.rows {
                let cell = |names: &[&str]| export.cell(row, names);
                let count = |names: &[&str]| cell(names).parse::<i64>().expect("a count");
                if export.is(Kind::OfficeUsage) || export.is(Kind::CporUsage) {
                    let slug = names[cell(&WORKLOAD)].to_owned();
                    let key = (cell(&TENANT_ID).to_owned(), slug, day(cell(&MONTH)));
                    let counts = (count(&PAID_SEATS), count(&ACTIVE_USERS));
                    // A claim stands in its report also where nothing is known of its use.
                    if export.is(Kind::OfficeUsage) || counts != (0, 0) || held.contains_key(&key) {
                        assert_eq!(*told.entry(key.clone()).or_insert(counts), counts, "{key:?} in {year}");
                    }
                } else if export.is(Kind::EmsUsage) {
                    let key = (cell(&TENANT_ID).to_owned(), "intune".to_owned(), day(cell(&MONTH)));
                    let counts = (count(&["intunepaidavailableunits"]), count(&["intunemonthlyactiveusers"]));
                    parts.entry(key).or_default().insert(cell(&["subscriptionid"]).to_owned(), counts);
                }
            }
        }
        assert!(parts.values().any(|parts| parts.len() == 2), "nobody has two subscriptions in {year}");
        for (key, parts) in parts {
            let sum = parts.values().fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
            assert_eq!(*told.entry(key.clone()).or_insert(sum), sum, "{key:?} in {year}");
        }
        let difference = |a: &BTreeMap<Key, (i64, i64)>, b: &BTreeMap<Key, (i64, i64)>| {
            a.iter().filter(|(key, counts)| b.get(*key) != Some(counts)).map(|(key, _)| key.clone()).next()
        };
        assert_eq!(difference(&held, &told), None, "the history has it and exports of {year} do not");
        assert_eq!(difference(&told, &held), None, "exports of {year} have it and the history does not");
        assert!(told.len() > 1000, "{} rows", told.len());
    }
}

/// Claims stand with the day they began, and every account's exports have its own partners alone.
#[test]
fn claims_have_their_dates_and_accounts_their_own_partners() {
    let both = Both::new(&[]);
    let history = samples::rows(&both.folder.path().join("history"));
    let id = |text: &Option<String>| text.clone().expect("an id");
    let accounts: BTreeMap<String, String> = history
        .partners
        .iter()
        .map(|partner| {
            (id(&partner.partner_id), partner.global_partner_id.clone().unwrap_or_else(|| id(&partner.partner_id)))
        })
        .collect();
    let claims: BTreeSet<(String, String, NaiveDate)> = history
        .associations
        .iter()
        .filter(|row| row.association_type.as_deref() == Some("CPOR"))
        .map(|row| (id(&row.partner_id), id(&row.tenant_id), row.start_date.expect("a start")))
        .collect();
    let (mut claimed, mut locations) = (0, 0);
    for export in both.exports() {
        if export.is(Kind::ResellerPerformance) {
            continue;
        }
        let folder = export.path.iter().nth(1).expect("an account").to_string_lossy().into_owned();
        for row in &export.rows {
            let partner = export.cell(row, &PARTNER_ID);
            assert_eq!(accounts[partner], folder, "{}", export.path.display());
            locations += usize::from(partner != folder);
            if export.place(&ACCOUNT_ID).is_some() {
                assert_eq!(export.cell(row, &ACCOUNT_ID), folder, "{}", export.path.display());
            }
            if export.is(Kind::CporUsage) {
                let tenant = export.cell(row, &TENANT_ID).to_owned();
                let claim = (partner.to_owned(), tenant, day(export.cell(row, &["dateassociated"])));
                assert!(claims.contains(&claim), "{claim:?}");
                claimed += 1;
            }
        }
    }
    assert!(claimed > 100 && locations > 100, "{claimed} claims, {locations} rows of locations");
}

/// Where two locations of an account have a tenant, each has its row, and only the first counts in a roll-up.
#[test]
fn rows_of_further_locations_are_marked_as_duplicates() {
    let both = Both::new(&[]);
    let mut marked = 0;
    for export in both.exports().iter().filter(|export| export.is(Kind::OfficeUsage)) {
        let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for row in &export.rows {
            let cell = |names: &[&str]| export.cell(row, names);
            let key = (cell(&TENANT_ID), cell(&WORKLOAD));
            let partner = *first.entry(key).or_insert(cell(&PARTNER_ID));
            assert_eq!(cell(&DUPLICATE), if partner == cell(&PARTNER_ID) { "0" } else { "1" }, "{key:?}");
            marked += usize::from(cell(&DUPLICATE) == "1");
        }
    }
    assert!(marked > 0);
}

/// People are nobody's, and the same person has one id and one name wherever they stand.
#[test]
fn people_are_made_up() {
    let both = Both::new(&[]);
    let mut people: BTreeMap<String, String> = BTreeMap::new();
    for export in both.exports().iter().filter(|export| export.is(Kind::TrainingCompletions)) {
        for row in &export.rows {
            let cell = |name: &str| export.cell(row, &[name]);
            assert_eq!(cell("individualfirstname"), "Person");
            assert_eq!(cell("email"), format!("person{}@example.com", cell("individuallastname")));
            assert_eq!(cell("corpemail"), cell("email"));
            let before = people.insert(cell("mcpid").to_owned(), cell("email").to_owned());
            assert!(before.is_none_or(|before| before == cell("email")), "{}", cell("mcpid"));
        }
    }
    assert!(people.len() > 100, "{} people", people.len());
}

/// Every layout has every kind of report and name that the sample can have, and says what it leaves out.
#[test]
fn layouts_are_whole() {
    let layouts = Layouts::by_date().expect("layouts");
    let rules = partnerscore::rulebook::choose(None).expect("a rulebook");
    let mut spellings = BTreeSet::new();
    for layout in layouts.all() {
        assert_eq!(layout.reports.len(), 8, "{}", layout.id);
        for name in ["CPOR", "DPOR", "CSP_TIER_1", "CSP_TIER_2"] {
            assert!(layout.association_types.contains_key(name), "{} has no {name}", layout.id);
        }
        for (kind, report) in &layout.reports {
            let names: BTreeSet<String> = report.columns.iter().map(|column| column.name.to_lowercase()).collect();
            assert_eq!(names.len(), report.columns.len(), "a column of {kind:?} in {} stands twice", layout.id);
            assert!(report.columns.iter().all(|column| column.holds.is_none() || column.text.is_empty()));
            spellings.extend(report.columns.iter().map(|column| column.name.clone()));
        }
        let listed = rules.workload_list(partnerscore::rulebook::Metric::UsageGrowth).expect("a list");
        let without: Vec<&String> =
            rules.workloads(listed).iter().filter(|slug| !layout.workloads.contains_key(*slug)).collect();
        // Downloads have not carried Yammer since 2023.
        assert_eq!(without, if layout.id == "2022" { vec![] } else { vec!["viva_engage"] }, "{}", layout.id);
        for names in [&layout.workloads, &layout.certifications] {
            assert_eq!(slugs(names).len(), names.len(), "one name for two in {}", layout.id);
        }
    }
    for name in ["PGAMpnID", "PGAMpnId", "PGAPartnerID", "MpnId", "MPNId", "PartnerID", "HierarchyLevel", "AccountType"]
    {
        assert!(spellings.contains(name), "no layout has {name}");
    }
}

#[test]
fn months_are_exported_in_the_layout_of_their_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("exports");
    export(&out, &["--partners", "3", "--tenants", "60", "--months", "2", "--last-month", "2026-01"]);
    let names = |month: &str| {
        let files = pile(&out.join(month));
        let usage = files.into_iter().find(|export| export.is(Kind::OfficeUsage)).expect("usage");
        (usage.place(&["partnerid"]).is_some(), usage.path.file_name().expect("a name").to_owned())
    };
    assert_eq!(names("2025-12"), (false, "OfficeUsage.csv".into()));
    assert_eq!(names("2026-01"), (true, "Microsoft 365 Usage.csv".into()));
}

#[test]
fn the_same_seed_gives_the_same_exports_and_another_seed_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        export(&out, &[&["--partners", "20", "--tenants", "120", "--months", "2"], more].concat());
        fixture::published(&out)
    };
    for more in [&[][..], &["--dirty"]] {
        let name = more.len();
        let first = of(&format!("first-{name}"), &[more, &["--seed", "3"]].concat());
        assert_eq!(first, of(&format!("again-{name}"), &[more, &["--seed", "3"]].concat()));
        assert_ne!(first, of(&format!("other-{name}"), &[more, &["--seed", "4"]].concat()));
    }
}

/// A dirty pile has every kind of dirt, and every row of the clean one.
#[test]
fn a_dirty_pile_has_all_dirt_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clean, dirty) = (folder.path().join("clean"), folder.path().join("dirty"));
    let size = ["--partners", "40", "--tenants", "400", "--months", "3"];
    export(&clean, &size);
    export(&dirty, &[&size[..], &["--dirty"]].concat());
    let files = fixture::published(&dirty);
    let plain: Vec<&Vec<u8>> = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end != "gz"))
        .map(|(_, text)| text)
        .collect();
    let has = |text: &str| plain.iter().any(|file| file.windows(text.len()).any(|part| part == text.as_bytes()));
    for dirt in [
        "\u{feff}",
        "\r\n",
        "\"1,",
        "\n(formerly ",
        "=HYPERLINK(",
        "\",\"",
        "n/a",
        "1.234",
        "\"12,34\"",
        "-5,",
        "13/10/2026",
        "2026-10-32",
        "31/13/2025",
        "Viva Amplify",
        "Influence",
        "Fabric Weaver",
        "MS-700",
        ",{",
    ] {
        assert!(has(dirt), "no file has {dirt:?}");
    }
    let (clean, dirty) = (pile(&clean), pile(&dirty));
    assert_eq!(clean.len(), dirty.len());
    let (mut again, mut repeated, mut more) = (0, 0, 0);
    for (clean, dirty) in clean.iter().zip(&dirty) {
        assert_eq!((&clean.path, &clean.header), (&dirty.path, &dirty.header));
        let header = |row: &csv::StringRecord| row.iter().map(str::to_lowercase).eq(clean.header.iter().cloned());
        again += dirty.rows.iter().filter(|row| header(row)).count();
        let mut rest = dirty.rows.iter().filter(|row| !header(row)).map(|row| bare(dirty, row)).peekable();
        for row in &clean.rows {
            let row = bare(clean, row);
            let found = rest.by_ref().find(|other| *other == row);
            assert!(found.is_some(), "{} lost {row:?}", clean.path.display());
            repeated += usize::from(rest.peek() == Some(&row));
        }
        more += dirty.rows.len() - clean.rows.len();
    }
    assert!(
        again > 10 && repeated > 10 && more > 100,
        "{again} headers again, {repeated} rows again, {more} more rows"
    );
}

/// A row without what dirt may change of a sound one: names, separators, braces and capitals, and whether it repeats another.
fn bare(export: &Export, row: &csv::StringRecord) -> Vec<String> {
    let changed = ["customername", "customertenantname", "isduplicaterowforpga"];
    let cells = export.header.iter().zip(row).filter(|(name, _)| !changed.contains(&name.as_str()));
    cells
        .map(|(name, cell)| match name.as_str() {
            "customertenantid" => cell.trim_matches(['{', '}']).to_lowercase(),
            name if name.ends_with("units") || name.ends_with("users") || name.contains("seats") => {
                if cell.len() > 4 {
                    cell.replace(',', "")
                } else {
                    cell.to_owned()
                }
            }
            _ => cell.to_owned(),
        })
        .collect()
}

/// The committed exports are those that the command makes: small, and of one distributor.
#[test]
fn the_committed_exports_are_made_by_the_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("exports");
    let size = ["--partners", "30", "--tenants", "220", "--months", "13", "--seed", "9", "--distributor", "D06"];
    export(&out, &size);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (made, committed) = (fixture::published(&out), fixture::published(&root.join("data/sample/exports")));
    assert_eq!(made.keys().collect::<Vec<_>>(), committed.keys().collect::<Vec<_>>());
    assert!(made == committed, "run `just sample`");
    let recipe = fs::read_to_string(root.join("justfile")).expect("the justfile");
    assert!(recipe.contains(&format!("sample --exports data/sample/exports {}", size.join(" "))));
    let bytes: usize = made.values().map(Vec::len).sum();
    assert!(bytes < 1_000_000, "{bytes} bytes");
    let newest = pile(&out.join("2026-10"));
    let folders: BTreeSet<String> = newest
        .iter()
        .map(|export| export.path.iter().next().expect("a folder").to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders.len(), 4, "three accounts and their distributor: {folders:?}");
    let resellers = newest.iter().find(|export| export.is(Kind::ResellerPerformance)).expect("resellers");
    let whose: BTreeSet<&str> =
        resellers.rows.iter().map(|row| resellers.cell(row, &["indirectprovidermpnid"])).collect();
    assert_eq!(whose, BTreeSet::from(["D06"]));
    let types: BTreeSet<&str> = newest
        .iter()
        .filter(|export| export.is(Kind::CustomersTenants))
        .flat_map(|export| export.rows.iter().map(|row| export.cell(row, &ASSOCIATION_TYPE)))
        .collect();
    assert!(types.len() >= 3, "{types:?}");
}

#[test]
fn what_cannot_be_exported_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("exports").to_string_lossy().into_owned();
    let exports = ["sample", "--exports", &out];
    run(&[&exports[..], &["--layout", "2021"]].concat()).fails(2, &["no layout of exports is called `2021`", "2022"]);
    run(&[&exports[..], &["--distributor", "D99"]].concat()).fails(2, &["no partner has the distributor `D99`"]);
    run(&["sample", "--out", &out, "--layout", "2026"]).fails(2, &["--exports"]);
    run(&["sample"]).fails(2, &["--out"]);
    assert!(!Path::new(&out).exists());
    fs::create_dir_all(&out).expect("a folder");
    fs::write(Path::new(&out).join("precious"), "mine").expect("a file");
    run(&exports).fails(2, &["not empty"]);
}
