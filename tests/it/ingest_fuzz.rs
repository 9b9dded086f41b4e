//! Exports damaged at random: whatever the bytes are, reading ends, and what it gives is sound or counted.
//!
//! The seeds are in `tests/fuzz/corpus/`. `just fuzz` runs ten minutes of it; the number of a case is all that is needed to try it again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use partnerscore::email::has_email;
use partnerscore::ingest::{FileRead, Limits, Outcome, Reading, Row};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::ingest_reading::{Given, given_by, reading};

/// How long to go on, in seconds; a few hundred cases where it is not set.
const SECONDS: &str = "PARTNERSCORE_FUZZ_SECONDS";
/// A case to try alone.
const CASE: &str = "PARTNERSCORE_FUZZ_CASE";
/// Of a usual test run.
const CASES: u64 = 400;
/// No damaged file of some kilobytes takes as long.
const LONGEST: Duration = Duration::from_secs(10);

/// What is written into files: what delimited text and these reports are made of, and what breaks readers.
const TOKENS: [&[u8]; 34] = [
    b",",
    b"\"",
    b"\"\"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b";",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc3\x28",
    b"sep=;\n",
    b"=1+1",
    b"-1",
    b"1.234",
    b"1,234",
    b"\"1,234\"",
    b"99999999999999999999",
    b"13/10/2026",
    b"10/1/2026",
    b"2026-02-30",
    b"9999-12-31",
    b"CustomerTenantId",
    b"WorkloadName",
    b"MPNId",
    b"Month",
    b"CPOR",
    b"00000000-0000-0000-0000-000000000000",
    b"{",
    b"\xe2\x80\xae",
    b"2.61E+06",
    b"\x1b[2J",
];

/// A workbook of an older program, which nothing here writes.
const OLDER_WORKBOOK: (&str, &[u8]) = ("usage.xls", include_bytes!("../fuzz/workbooks/usage.xls"));

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut files: Vec<_> = fs::read_dir(folder).expect("the corpus").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read(path).expect("a seed"))).collect()
}

/// A range within some bytes.
fn range(draw: &mut ChaCha8Rng, length: usize, longest: usize) -> std::ops::Range<usize> {
    let start = draw.random_range(0..=length);
    start..length.min(start + draw.random_range(0..=longest))
}

/// One change at random.
fn damage(bytes: &mut Vec<u8>, draw: &mut ChaCha8Rng, other: &[u8]) {
    let place = draw.random_range(0..=bytes.len());
    match draw.random_range(0..9) {
        0 => {
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << draw.random_range(0..8);
            }
        }
        1 => drop(bytes.drain(range(draw, bytes.len(), 40))),
        2 => {
            let again = bytes[range(draw, bytes.len(), 200)].to_vec();
            bytes.splice(place..place, again);
        }
        3 | 4 => {
            let token = TOKENS[draw.random_range(0..TOKENS.len())];
            bytes.splice(place..place, token.iter().copied());
        }
        5 => bytes.truncate(place),
        6 => {
            let part = other[range(draw, other.len(), 400)].to_vec();
            bytes.splice(place..place, part);
        }
        7 => {
            // Much of the same: long fields, many fields, many lines.
            let token = TOKENS[draw.random_range(0..TOKENS.len())];
            let times = [300, 3_000, 400_000][draw.random_range(0..20) / 9];
            bytes.splice(place..place, token.repeat(times));
        }
        _ => {
            // Two fields of a line change places.
            let Some(line) = bytes.split(|byte| *byte == b'\n').nth(draw.random_range(0..4)) else { return };
            let mut fields: Vec<Vec<u8>> = line.split(|byte| *byte == b',').map(<[u8]>::to_vec).collect();
            let (first, second) = (draw.random_range(0..fields.len()), draw.random_range(0..fields.len()));
            fields.swap(first, second);
            let start = line.as_ptr() as usize - bytes.as_ptr() as usize;
            bytes.splice(start..start + line.len(), fields.join(&b','));
        }
    }
}

fn packed(bytes: &[u8], name: &str, as_zip: bool) -> Vec<u8> {
    use std::io::Write;
    if as_zip {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
        writer.write_all(bytes).expect("bytes");
        return writer.finish().expect("zip").into_inner();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("bytes");
    encoder.finish().expect("gzip")
}

/// A text as a workbook, or in UTF-16; one text in four.
fn in_another_form(name: &str, bytes: &[u8], draw: &mut ChaCha8Rng) -> Option<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(bytes);
    match draw.random_range(0..12) {
        0 => Some((format!("{name}.xlsx"), workbook(&text, draw))),
        1 => Some((format!("{name}.zip"), packed(&workbook(&text, draw), "book.xlsx", true))),
        2 => {
            let to_bytes = [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes][draw.random_range(0..2)];
            let mark = draw.random_bool(0.8).then_some(0xfeff);
            Some((name.to_owned(), mark.into_iter().chain(text.encode_utf16()).flat_map(to_bytes).collect()))
        }
        _ => None,
    }
}

/// A workbook with the fields of a text as cells, of which some become numbers and dates.
fn workbook(text: &str, draw: &mut ChaCha8Rng) -> Vec<u8> {
    use rust_xlsxwriter::{Format, Workbook};
    let delimiter = if text.contains('\t') { '\t' } else { ',' };
    let date = Format::new().set_num_format("d/m/yyyy");
    let mut workbook = Workbook::new();
    for _ in 0..draw.random_range(1..3) {
        let sheet = workbook.add_worksheet();
        for (row, line) in (0..60).zip(text.lines()) {
            for (column, field) in (0..60).zip(line.split(delimiter)) {
                // A field that is too long for a cell is left out.
                let _ = match (field.parse::<f64>(), draw.random_range(0..40)) {
                    (Ok(number), 0) => sheet.write_with_format(row, column, number, &date),
                    (Ok(number), _) => sheet.write(row, column, number),
                    (Err(_), 0) => sheet.write_with_format(row, column, 46_296, &date),
                    (Err(_), _) => sheet.write(row, column, field),
                };
            }
        }
    }
    workbook.save_to_buffer().expect("a workbook")
}

/// The name and bytes of a case.
fn case(number: u64, corpus: &[(String, Vec<u8>)]) -> (String, Vec<u8>) {
    let mut draw = ChaCha8Rng::seed_from_u64(number);
    let (name, seed) = &corpus[draw.random_range(0..corpus.len())];
    let older = (OLDER_WORKBOOK.0.to_owned(), OLDER_WORKBOOK.1.to_vec());
    let (name, seed) = if draw.random_range(0..16) == 0 { (&older.0, &older.1) } else { (name, seed) };
    let (_, other) = &corpus[draw.random_range(0..corpus.len())];
    let mut bytes = seed.clone();
    for _ in 0..draw.random_range(0..8) {
        damage(&mut bytes, &mut draw, other);
    }
    if let Some(other_form) = in_another_form(name, &bytes, &mut draw) {
        let (name, mut bytes) = other_form;
        for _ in 0..draw.random_range(0..4) {
            damage(&mut bytes, &mut draw, other);
        }
        return (name, bytes);
    }
    let (name, as_zip) = match draw.random_range(0..8) {
        0 => (format!("{name}.gz"), false),
        1 => (format!("{name}.zip"), true),
        _ => return (name.clone(), bytes),
    };
    bytes = packed(&bytes, if as_zip { name.trim_end_matches(".zip") } else { &name }, as_zip);
    for _ in 0..draw.random_range(0..4) {
        damage(&mut bytes, &mut draw, other);
    }
    (name, bytes)
}

/// What a history could not hold.
fn is_sound(row: &Row) -> bool {
    let id = |text: &String| {
        !text.is_empty()
            && text.len() <= 128
            && text.trim() == text
            && !text.contains(char::is_control)
            && !text.starts_with(['=', '+', '-', '@'])
    };
    let slug =
        |text: &String| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || !c.is_ascii());
    let name = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.is_empty() && text.len() <= 512);
    let count = |number: &i64| (0..=i64::from(i32::MAX)).contains(number);
    if has_email(&format!("{row:?}")) {
        return false;
    }
    match row {
        Row::Partner { partner_id, partner_name, global_partner_id, market } => {
            id(partner_id) && name(partner_name) && name(market) && global_partner_id.as_ref().is_none_or(id)
        }
        Row::Distributor { partner_id, distributor_id, .. } => id(partner_id) && id(distributor_id),
        Row::Usage { tenant_id, workload, paid_seats, active_users, part, .. } => {
            id(tenant_id) && slug(workload) && count(paid_seats) && count(active_users) && part.as_ref().is_none_or(id)
        }
        Row::Seen { partner_id, tenant_id, workload, association_type, .. } => {
            let known = partnerscore::rulebook::ASSOCIATION_TYPES.contains(&association_type.as_str());
            id(partner_id) && id(tenant_id) && workload.as_ref().is_none_or(slug) && known
        }
        Row::Covered { partner_id, .. } => id(partner_id),
        Row::Claim { partner_id, tenant_id, workload, .. } => id(partner_id) && id(tenant_id) && slug(workload),
        Row::Certification { partner_id, person_id, certification, earned_on, expires_on } => {
            let is_pseudonym = person_id.len() == 32 && person_id.bytes().all(|byte| byte.is_ascii_hexdigit());
            id(partner_id) && is_pseudonym && slug(certification) && expires_on.is_none_or(|day| day >= *earned_on)
        }
    }
}

/// Whether every row of a file is accounted for, and nothing of it could steer a terminal or tell of a person.
fn is_accounted_for(read: &FileRead) -> bool {
    let passed_over: u64 = read.passed_over.iter().map(|one| one.rows).sum();
    let rejected: u64 = read.rejected.iter().map(|one| one.rows).sum();
    let sums_up = read.rows == read.kept + read.folded + passed_over + rejected;
    let samples = || read.rejected.iter().filter_map(|one| one.sample.as_ref());
    let names = read.unknown.iter().map(|one| &one.name);
    let texts = read.warnings.iter().chain(samples()).chain(names);
    let is_printable = texts.into_iter().all(|text| !text.contains(char::is_control) && !has_email(text));
    let is_personal = read.report.as_deref() == Some("training_completions");
    let names_a_person = |sample: &String| sample.contains('@') || sample.contains("Person");
    sums_up && is_printable && (!is_personal || !samples().any(names_a_person))
}

fn holds(given: &Given) -> Result<(), String> {
    let bad = given.rows.iter().find(|row| !is_sound(row));
    bad.map_or(Ok(()), |row| Err(format!("{row:?} is not sound")))?;
    for outcome in &given.outcomes {
        match outcome {
            Outcome::Read(read) if !is_accounted_for(read) => return Err(format!("{read:?} does not add up")),
            Outcome::Refused(refused) if refused.error.hint.is_none() || refused.error.place.is_none() => {
                return Err(format!("{refused:?} does not help"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn tried(number: u64, corpus: &[(String, Vec<u8>)], reading: &Reading, folder: &Path) {
    let (name, bytes) = case(number, corpus);
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file");
    let begun = Instant::now();
    let held = catch_unwind(AssertUnwindSafe(|| {
        let given = given_by(&path, reading).map_err(|error| error.to_string())?;
        holds(&given)
    }));
    let held = held.unwrap_or_else(|_| Err("it panicked".to_owned()));
    let again = format!("again with {CASE}={number}");
    assert!(held.is_ok(), "case {number}: {}; {again}", held.err().unwrap_or_default());
    assert!(begun.elapsed() < LONGEST, "case {number} took {:?}; {again}", begun.elapsed());
    fs::remove_file(&path).expect("the file");
}

#[test]
fn damaged_exports_are_read_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = corpus();
    assert!(corpus.len() >= 10, "{} seeds", corpus.len());
    let limits = Limits { expanded: 32 << 20, ..Limits::default() };
    let reading = reading().with_limits(limits);
    if let Ok(number) = std::env::var(CASE) {
        return tried(number.parse().expect("the number of a case"), &corpus, &reading, folder.path());
    }
    let seconds: Option<u64> = std::env::var(SECONDS).ok().map(|text| text.parse().expect("seconds"));
    let begun = Instant::now();
    let mut number = 0;
    // A long run starts elsewhere every day, and so never tries the same again and again.
    let offset = seconds.map_or(0, |_| begun_today() << 32);
    while seconds.map_or(number < CASES, |seconds| begun.elapsed() < Duration::from_secs(seconds)) {
        tried(offset + number, &corpus, &reading, folder.path());
        number += 1;
    }
    println!("{number} damaged exports, from case {offset} on, in {:?}", begun.elapsed());
}

/// The day, as a number.
fn begun_today() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock");
    since.as_secs() / 86_400
}

/// The seeds themselves are read: a corpus of what is refused at once would try nothing.
#[test]
fn the_seeds_reach_every_kind_of_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut reports = std::collections::BTreeSet::new();
    for (name, bytes) in corpus() {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        let given = given_by(&path, &reading()).expect("a reading");
        assert!(holds(&given).is_ok(), "{:?}", holds(&given));
        assert!(matches!(&given.outcomes[..], [Outcome::Read(read)] if read.kept > 0), "{:?}", given.outcomes);
        reports.extend(given.reports);
    }
    assert_eq!(reports.len(), 8, "{reports:?}");
}
