//! Damaged files: each is refused by name, or has no effect. Never an internal error, and with checksums never another score.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::baseline_history::{Placed, association, day, history, spoil, usage};
use crate::command::run;
use crate::fixture;

const USAGE: &str = "workload_usage/month=2026-10-01/part-0.parquet";

/// The codecs of files, by name.
fn codecs() -> [(&'static str, Compression); 6] {
    [
        ("none", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(GzipLevel::default())),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
        ("lz4", Compression::LZ4_RAW),
        ("brotli", Compression::BROTLI(BrotliLevel::default())),
    ]
}

/// A history of several row groups in a file, each of several pages.
fn placed(compression: Compression, checksums: bool) -> Placed {
    let mut history = history();
    for index in 0..40 {
        let (tenant, start) = (format!("tenant-{index:04}"), if index % 4 == 0 { "2026-03-05" } else { "2024-01-01" });
        let kind = ["CPOR", "DPOR", "CSP_TIER_2"][index % 3];
        history.associations.push(association(["acme", "birch"][index % 2], &tenant, kind, start));
        let months: Vec<_> = history.workload_usage.iter().filter_map(|row| row.month).collect();
        for month in months.into_iter().collect::<std::collections::BTreeSet<_>>() {
            let users = 10 + (index as i64 * 7) % 30;
            history.workload_usage.push(usage(&tenant, "teams", &month.to_string(), 50 + index as i64 * 9, users));
        }
    }
    history.associations[4].end_date = Some(day("2026-01-31"));
    let placed = Placed::new(&history);
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(16))
        .set_data_page_row_count_limit(8)
        .set_write_batch_size(8);
    for file in files(&placed) {
        rewrite(&file, properties.clone().build());
        if checksums {
            add_checksums(&file);
        }
    }
    placed
}

/// The files of a history, sorted.
fn files(placed: &Placed) -> Vec<PathBuf> {
    fixture::published(&placed.history()).into_keys().map(|name| placed.history().join(name)).collect()
}

/// Writes the rows of a file again, with other properties.
fn rewrite(path: &Path, properties: WriterProperties) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet");
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    let mut writer =
        ArrowWriter::try_new(File::create(path).expect("a file"), schema, Some(properties)).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("rows"));
    writer.close().expect("a footer");
}

fn metadata(bytes: &Bytes) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.parse_and_finish(bytes).expect("a footer")
}

/// Writes a file again, chunk by chunk, with what `change` makes of each chunk's bytes and description.
fn rewrite_chunks(
    path: &Path,
    mut change: impl FnMut(usize, &ColumnChunkMetaData, &[u8]) -> (ColumnChunkMetaData, Vec<u8>),
) {
    let bytes = Bytes::from(fs::read(path).expect("a file"));
    let metadata = metadata(&bytes);
    let description = metadata.file_metadata();
    let properties =
        WriterProperties::builder().set_key_value_metadata(description.key_value_metadata().cloned()).build();
    let schema = description.schema_descr().root_schema_ptr();
    let mut writer =
        SerializedFileWriter::new(File::create(path).expect("a file"), schema, properties.into()).expect("a writer");
    for (group, described) in metadata.row_groups().iter().enumerate() {
        let mut group_writer = writer.next_row_group().expect("a row group");
        for (place, chunk) in described.columns().iter().enumerate() {
            let (start, length) = chunk.byte_range();
            let (chunk, content) = change(group, chunk, &bytes[start as usize..(start + length) as usize]);
            let close = ColumnCloseResult {
                bytes_written: content.len() as u64,
                rows_written: described.num_rows() as u64,
                metadata: chunk,
                bloom_filter: None,
                column_index: metadata.column_index().map(|index| index[group][place].clone()),
                offset_index: None,
            };
            group_writer.append_column(&Bytes::from(content), close).expect("a column");
        }
        group_writer.close().expect("a row group");
    }
    writer.close().expect("a footer");
}

/// Gives every page of a file the checksum that the Rust writer leaves out.
fn add_checksums(path: &Path) {
    rewrite_chunks(path, |_, chunk, bytes| {
        with_pages(chunk, bytes, |_, header, body| (checked(header, body), body.to_vec()))
    });
}

/// A header with the checksum of a body.
fn checked(header: &[u8], body: &[u8]) -> Vec<u8> {
    let (read, crc) = (Header::read(header), crc32fast::hash(body) as i32);
    let mut content = header[..read.sizes_end].to_vec();
    // The field after those of type and sizes; then what followed, one number nearer.
    content.push(0x15);
    varint(((crc << 1) ^ (crc >> 31)) as u32, &mut content);
    content.push(header[read.sizes_end] - 0x10);
    content.extend(&header[read.sizes_end + 1..]);
    content
}

/// A chunk with what `change` makes of each of its pages: their number, header and body.
fn with_pages(
    chunk: &ColumnChunkMetaData,
    bytes: &[u8],
    change: impl Fn(usize, &[u8], &[u8]) -> (Vec<u8>, Vec<u8>),
) -> (ColumnChunkMetaData, Vec<u8>) {
    let (mut content, mut starts) = (Vec::new(), Vec::new());
    for (number, (at, header)) in pages(bytes).iter().enumerate() {
        let body = at + header.length;
        let (header, body) = change(number, &bytes[*at..body], &bytes[body..body + header.compressed]);
        starts.push(content.len());
        content.extend(header);
        content.extend(body);
    }
    let builder = chunk.clone().into_builder().set_total_compressed_size(content.len() as i64);
    let builder = match chunk.dictionary_page_offset() {
        Some(_) => builder.set_dictionary_page_offset(Some(0)).set_data_page_offset(starts[1] as i64),
        None => builder.set_data_page_offset(0),
    };
    (builder.build().expect("a description"), content)
}

/// A page header as the Rust writer makes it, with or without a checksum.
struct Header {
    /// Where the fields of type and sizes end.
    sizes_end: usize,
    compressed: usize,
    length: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Header {
        let fields = fields(bytes, 0);
        let (_, at, sizes_end) = fields[2];
        let compressed = number(bytes, at).0 / 2;
        Header { sizes_end, compressed, length: end_of_structure(bytes) }
    }
}

/// The pages of a chunk: where each begins, and its header.
fn pages(chunk: &[u8]) -> Vec<(usize, Header)> {
    let (mut pages, mut at) = (Vec::new(), 0);
    while at < chunk.len() {
        let header = Header::read(&chunk[at..]);
        let next = at + header.length + header.compressed;
        pages.push((at, header));
        at = next;
    }
    pages
}

/// The length of a structure, its end included.
fn end_of_structure(bytes: &[u8]) -> usize {
    fields(bytes, 0).last().map_or(0, |(_, _, end)| *end) + 1
}

/// The fields of a structure: type, first byte and end of each value.
fn fields(bytes: &[u8], start: usize) -> Vec<(u8, usize, usize)> {
    let (mut at, mut fields) = (start, Vec::new());
    while bytes[at] != 0 {
        let (kind, long) = (bytes[at] & 0x0f, bytes[at] >> 4 == 0);
        at = if long { number(bytes, at + 1).1 } else { at + 1 };
        let end = end_of_value(bytes, at, kind);
        fields.push((kind, at, end));
        at = end;
    }
    fields
}

fn end_of_value(bytes: &[u8], at: usize, kind: u8) -> usize {
    match kind {
        1 | 2 => at,
        3 => at + 1,
        4..=6 => number(bytes, at).1,
        8 => {
            let (length, at) = number(bytes, at);
            at + length
        }
        9 => elements(bytes, at).last().map_or(number_of_list(bytes, at).1, |(_, end)| *end),
        0x0c => fields(bytes, at).last().map_or(at, |(_, _, end)| *end) + 1,
        other => panic!("a value of type {other}"),
    }
}

fn number_of_list(bytes: &[u8], at: usize) -> (usize, usize) {
    if bytes[at] >> 4 == 0x0f { number(bytes, at + 1) } else { (usize::from(bytes[at] >> 4), at + 1) }
}

/// The first byte and the end of each element of a list.
fn elements(bytes: &[u8], at: usize) -> Vec<(usize, usize)> {
    let kind = bytes[at] & 0x0f;
    let (length, mut at) = number_of_list(bytes, at);
    let mut elements = Vec::new();
    for _ in 0..length {
        let end = if kind <= 2 { at + 1 } else { end_of_value(bytes, at, kind) };
        elements.push((at, end));
        at = end;
    }
    elements
}

/// An unsigned number, and where it ends.
fn number(bytes: &[u8], at: usize) -> (usize, usize) {
    let length = bytes[at..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
    let value = bytes[at..at + length].iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    (value, at + length)
}

fn varint(mut value: u32, content: &mut Vec<u8>) {
    while value > 0x7f {
        content.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    content.push(value as u8);
}

/// A damage to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A bit of a page's content.
    Page,
    /// A bit of a page's header.
    PageHeader,
    Footer,
    /// Bytes set to zero.
    Zeroed,
    /// Bytes taken away.
    Cut,
    /// The bytes of two row groups of a column, exchanged where they are of one length.
    Swapped,
}

const DAMAGES: [Damage; 6] =
    [Damage::Page, Damage::PageHeader, Damage::Footer, Damage::Zeroed, Damage::Cut, Damage::Swapped];

impl Damage {
    fn act(self, random: &mut ChaCha8Rng, mut bytes: Vec<u8>) -> Vec<u8> {
        let end = bytes.len() - 8;
        let footer = end - u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
        let metadata = metadata(&Bytes::from(bytes.clone()));
        let group = random.random_range(0..metadata.num_row_groups());
        let column = random.random_range(0..metadata.row_group(group).num_columns());
        let range = |group: usize| {
            let (start, length) = metadata.row_group(group).column(column).byte_range();
            start as usize..(start + length) as usize
        };
        let chunk = range(group);
        let pages = pages(&bytes[chunk.clone()]);
        let (page, header) = &pages[random.random_range(0..pages.len())];
        let (page, body) = (chunk.start + page, chunk.start + page + header.length);
        let bit = 1 << random.random_range(0..8);
        match self {
            Damage::Page => bytes[random.random_range(body..body + header.compressed)] ^= bit,
            Damage::PageHeader => bytes[random.random_range(page..body)] ^= bit,
            Damage::Footer => bytes[random.random_range(footer..end)] ^= bit,
            Damage::Zeroed => {
                let from = random.random_range(chunk.start..chunk.end - 1);
                bytes[from..(from + 24).min(chunk.end)].fill(0);
            }
            Damage::Cut => {
                let from = random.random_range(chunk.start..chunk.end - 1);
                bytes.drain(from..(from + 7).min(chunk.end));
            }
            Damage::Swapped => {
                let other = range((group + 1) % metadata.num_row_groups());
                if other.len() == chunk.len() {
                    let (mine, theirs) = (bytes[chunk.clone()].to_vec(), bytes[other.clone()].to_vec());
                    bytes[chunk].copy_from_slice(&theirs);
                    bytes[other].copy_from_slice(&mine);
                }
            }
        }
        bytes
    }
}

/// A damage of a history, by seed; what it was, where, and what a score then says.
fn damaged_score(sound: &Placed, name: &str, damage: Damage, seed: u64) -> (String, String, crate::command::Said) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let placed = Placed { folder: tempfile::tempdir().expect("a folder") };
    crate::documents::copy(&sound.history(), &placed.history());
    let files = files(&placed);
    let file = &files[random.random_range(0..files.len())];
    spoil(file, |bytes| damage.act(&mut random, bytes));
    let relative = file.strip_prefix(placed.history()).expect("below").display().to_string();
    let said = placed.score(&["--format", "csv", "--quiet"]);
    if said.code != 0 {
        placed.nothing_published();
    }
    (format!("{name}, {damage:?} {seed} of {relative}"), relative, said)
}

/// Damages of each kind, by default few; `PARTNERSCORE_TEST_DAMAGES` sets how many of each kind, codec and presence of checksums.
#[test]
fn damage_is_refused_by_name_or_has_no_effect() {
    let count = std::env::var("PARTNERSCORE_TEST_DAMAGES").ok().and_then(|count| count.parse().ok()).unwrap_or(1);
    let jobs: Vec<_> = codecs().into_iter().flat_map(|codec| [(codec, true), (codec, false)]).collect();
    let faults = Mutex::new(Vec::new());
    let campaign = |((name, compression), checksums): ((&str, Compression), bool)| {
        let sound = placed(compression, checksums);
        let expected = sound.score(&["--format", "csv", "--quiet"]);
        assert_eq!(expected.code, 0, "{name}: {}", expected.stderr);
        for (place, damage) in DAMAGES.into_iter().enumerate() {
            for number in 0..count {
                let name = format!("{name}{}", if checksums { " with checksums" } else { "" });
                let (case, relative, said) = damaged_score(&sound, &name, damage, number * 100 + place as u64);
                let is_right = match said.code {
                    // Without checksums nothing tells one value from another.
                    0 => said.stdout == expected.stdout || !(checksums || name == "gzip"),
                    3 => said.stderr.contains(&relative) && said.stderr.contains("hint:"),
                    _ => false,
                };
                if !is_right {
                    faults.lock().expect("a list").push(format!("{case}: exit {}\n{}", said.code, said.stderr));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let halves = jobs.split_at(jobs.len() / 2);
        for half in [halves.0, halves.1] {
            scope.spawn(move || half.iter().copied().for_each(campaign));
        }
    });
    let faults = faults.into_inner().expect("a list");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_wrong_checksum_is_named_with_file_row_group_and_column() {
    for (name, compression) in codecs() {
        let placed = placed(compression, true);
        placed.score(&[]).succeeds();
        let file = placed.history().join(USAGE);
        rewrite_chunks(&file, |group, chunk, bytes| {
            let is_spoilt = group == 1 && chunk.column_descr().name() == "paid_seats";
            with_pages(chunk, bytes, |_, header, body| {
                let mut body = body.to_vec();
                if is_spoilt && let Some(last) = body.last_mut() {
                    *last ^= 1;
                }
                (header.to_vec(), body)
            })
        });
        for command in ["score", "check"] {
            let said = match command {
                "score" => placed.score(&["--evidence"]),
                _ => run(&["check", &placed.history().to_string_lossy()]),
            };
            assert_eq!(said.code, 3, "{name} {command}: {}", said.stderr);
            for text in ["the checksum of the page", "part-0.parquet, row group 1, column paid_seats", "hint:"] {
                assert!(said.stderr.contains(text), "{name} {command}: no `{text}` in {}", said.stderr);
            }
        }
        placed.score(&[]).fails(3, &["checksum"]);
    }
}

/// A column that is not read may have any checksum.
#[test]
fn checksums_of_columns_that_are_not_read_do_not_matter() {
    let placed = Placed::laid_out(&history(), &fixture::Layout { extras: true, ..fixture::Layout::default() });
    let file = placed.history().join(USAGE);
    add_checksums(&file);
    rewrite_chunks(&file, |_, chunk, bytes| {
        let is_extra = ["cost", "note", "ingested_at"].contains(&chunk.column_descr().name());
        with_pages(chunk, bytes, |_, header, body| {
            (header.to_vec(), body.iter().map(|byte| if is_extra { !byte } else { *byte }).collect())
        })
    });
    placed.score(&[]).succeeds();
}

#[test]
fn the_trailer_of_gzip_is_verified() {
    let placed = placed(Compression::GZIP(GzipLevel::default()), false);
    placed.score(&[]).succeeds();
    for from_end in [1, 4, 5, 8] {
        let file = placed.history().join(USAGE);
        let sound = fs::read(&file).expect("a file");
        rewrite_chunks(&file, |group, chunk, bytes| {
            let is_spoilt = group == 0 && chunk.column_descr().name() == "tenant_id";
            with_pages(chunk, bytes, |_, header, body| {
                let mut body = body.to_vec();
                let place = body.len() - from_end;
                body[place] ^= u8::from(is_spoilt);
                (header.to_vec(), body)
            })
        });
        placed.score(&[]).fails(3, &["gzip", "part-0.parquet, row group 0, column tenant_id", "hint:"]);
        fs::write(&file, sound).expect("a file");
    }
}

#[test]
fn a_page_whose_checksum_was_lost_among_others_is_refused() {
    let placed = placed(Compression::SNAPPY, false);
    rewrite_chunks(&placed.history().join(USAGE), |_, chunk, bytes| {
        with_pages(chunk, bytes, |number, header, body| {
            (if number == 1 { checked(header, body) } else { header.to_vec() }, body.to_vec())
        })
    });
    placed.score(&[]).fails(3, &["some of its pages have a checksum", "part-0.parquet"]);
}

/// Footers that contradict themselves or their pages: the lie, and what is said of it.
#[test]
fn a_footer_that_contradicts_itself_is_refused() {
    type Lie =
        fn(parquet::file::metadata::ColumnChunkMetaDataBuilder) -> parquet::file::metadata::ColumnChunkMetaDataBuilder;
    let lies: [(&str, &str, Lie, &str); 7] = [
        ("values", "tenant_id", |chunk| chunk.set_num_values(15), "15 values in 16 rows"),
        ("nulls", "workload", |chunk| chunk.set_statistics(texts("exchange", "teams", 17)), "17 nulls"),
        ("bounds of texts", "tenant_id", |chunk| chunk.set_statistics(texts("z", "a", 0)), "above the largest"),
        ("bounds of counts", "paid_seats", |chunk| chunk.set_statistics(counts(900, 1, 0)), "above the largest"),
        (
            "other bounds than the pages'",
            "paid_seats",
            |chunk| chunk.set_statistics(counts(1, 2, 0)),
            "not those of its pages",
        ),
        ("other nulls than the pages'", "paid_seats", |chunk| chunk.set_statistics(counts(50, 400, 3)), "3 nulls"),
        ("no bytes", "active_users", |chunk| chunk.set_total_compressed_size(1 << 40), "outside of the file"),
    ];
    for (name, column, lie, why) in lies {
        let placed = placed(Compression::SNAPPY, false);
        let file = placed.history().join(USAGE);
        lie_about(&file, column, lie);
        let said = placed.score(&[]);
        assert_eq!(said.code, 3, "{name}: {}", said.stderr);
        for text in [why, "part-0.parquet", &format!("column {column}"), "hint:"] {
            assert!(said.stderr.contains(text), "{name}: no `{text}` in {}", said.stderr);
        }
        placed.nothing_published();
    }
}

fn texts(least: &str, most: &str, nulls: u64) -> Statistics {
    Statistics::byte_array(Some(least.into()), Some(most.into()), None, Some(nulls), false)
}

fn counts(least: i32, most: i32, nulls: u64) -> Statistics {
    Statistics::int32(Some(least), Some(most), None, Some(nulls), false)
}

/// Writes the footer of a file again with another description of a column's first chunk; pages and indexes stay.
fn lie_about(
    path: &Path,
    column: &str,
    lie: impl Fn(parquet::file::metadata::ColumnChunkMetaDataBuilder) -> parquet::file::metadata::ColumnChunkMetaDataBuilder,
) {
    let mut bytes = fs::read(path).expect("a file");
    let end = bytes.len() - 8;
    let footer = end - u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes[footer..end]).expect("a footer");
    let mut groups = metadata.row_groups().to_vec();
    let columns = groups[0].columns_mut();
    let place = columns.iter().position(|chunk| chunk.column_descr().name() == column).expect("a column");
    columns[place] = lie(columns[place].clone().into_builder()).build().expect("a description");
    let metadata = ParquetMetaData::new(metadata.file_metadata().clone(), groups);
    bytes.truncate(footer);
    let mut written = Vec::new();
    parquet::file::metadata::ParquetMetaDataWriter::new(&mut written, &metadata).finish().expect("a footer");
    // The writer begins as a file does where it stands alone.
    bytes.extend(written.strip_prefix(b"PAR1").unwrap_or(&written));
    fs::write(path, bytes).expect("a file");
}

/// Without an index the statistics are the footer's word alone: what follows from them must not differ from what rows say.
#[test]
fn statistics_that_hide_broken_rows_are_refused() {
    for (name, break_row) in [
        (
            "a null count",
            (|row: &mut crate::second_reading::Usage| row.paid_seats = None) as fn(&mut crate::second_reading::Usage),
        ),
        ("a negative count", |row| row.active_users = Some(-5)),
        ("a null workload", |row| row.workload = None),
        ("a null tenant", |row| row.tenant_id = None),
    ] {
        let mut history = history();
        let last = history.workload_usage.len() - 1;
        break_row(&mut history.workload_usage[last]);
        let placed = Placed::new(&history);
        let file = placed.history().join(USAGE);
        let plain = || {
            WriterProperties::builder().set_statistics_enabled(EnabledStatistics::Chunk).set_dictionary_enabled(false)
        };
        rewrite(&file, plain().set_offset_index_disabled(true).build());
        placed.score(&["--max-reject-ratio", "0.5"]).succeeds();
        for (column, statistics) in [
            ("paid_seats", counts(50, 400, 0)),
            ("active_users", counts(10, 40, 0)),
            ("workload", texts("exchange", "teams", 0)),
            ("tenant_id", texts("t1", "t3", 0)),
        ] {
            lie_about(&file, column, |chunk| {
                chunk.set_statistics(statistics.clone()).set_column_index_offset(None).set_column_index_length(None)
            });
        }
        let fresh = placed.folder.path().join("fresh");
        let said = crate::command::score(
            &placed.history(),
            &fresh,
            crate::baseline_history::AS_OF,
            &["--max-reject-ratio", "0.5"],
        );
        said.fails(3, &["part-0.parquet", "hint:"]);
        let check = run(&["check", &placed.history().to_string_lossy()]);
        assert_eq!(check.code, 3, "{name}: {}", check.stderr);
        assert!(check.stderr.contains("part-0.parquet, row group 0, column"), "{name}: {}", check.stderr);
    }
}

/// `check` compares every value with its statistics; `score` cannot afford it.
#[test]
fn check_finds_bounds_that_leave_values_out() {
    let placed = Placed::new(&history());
    let file = placed.history().join("workload_usage/month=2026-03-01/part-0.parquet");
    let properties =
        WriterProperties::builder().set_statistics_enabled(EnabledStatistics::Chunk).set_offset_index_disabled(true);
    rewrite(&file, properties.build());
    let without_index = |statistics: Statistics| {
        lie_about(&file, "tenant_id", |chunk| {
            chunk.set_statistics(statistics.clone()).set_column_index_offset(None).set_column_index_length(None)
        });
        run(&["check", &placed.history().to_string_lossy()])
    };
    without_index(texts("t1", "t3", 0)).succeeds();
    // Bounds may be wider than the values.
    without_index(texts("t", "u", 0)).succeeds();
    for (least, most) in [("t2", "t3"), ("t1", "t2")] {
        let said = without_index(texts(least, most, 0));
        assert_eq!(said.code, 3, "{}", said.stderr);
        assert!(
            said.stderr.contains("month=2026-03-01/part-0.parquet, row group 0, column tenant_id"),
            "{}",
            said.stderr
        );
    }
}

/// Levels that are fewer than the values, or above the largest, of pages whose levels can be seen.
#[test]
fn malformed_levels_are_refused() {
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let mut history = history();
        history.partners[0].market = Some("DE".to_owned());
        let placed = Placed::new(&history);
        let file = placed.history().join("partners.parquet");
        rewrite(&file, WriterProperties::builder().set_writer_version(version).set_dictionary_enabled(false).build());
        placed.score(&[]).succeeds();
        rewrite_chunks(&file, |_, chunk, bytes| {
            let is_spoilt = chunk.column_descr().name() == "market";
            with_pages(chunk, bytes, |_, header, body| {
                let mut body = body.to_vec();
                let first = if version == WriterVersion::PARQUET_1_0 { 4 } else { 0 };
                // A run of no level at all.
                body[first] = if is_spoilt { 0 } else { body[first] };
                (header.to_vec(), body)
            })
        });
        placed.score(&[]).fails(3, &["definition levels", "partners.parquet, row group 0, column market", "hint:"]);
    }
}

#[test]
fn encrypted_files_are_called_encrypted() {
    let placed = Placed::new(&history());
    spoil(&placed.history().join(USAGE), |mut bytes| {
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(b"PARE");
        bytes
    });
    placed.score(&[]).fails(3, &["the file is encrypted", "part-0.parquet", "hint: partnerscore has no keys"]);
    placed.nothing_published();
}

/// A plain footer whose last field is the algorithm that columns are encrypted with.
#[test]
fn a_plain_footer_of_encrypted_columns_is_called_encrypted() {
    for (keyed, code) in [("tenant_id", 3), ("note", 0)] {
        let placed = Placed::laid_out(&history(), &fixture::Layout { extras: true, ..fixture::Layout::default() });
        let file = placed.history().join(USAGE);
        spoil(&file, |bytes| encrypt(bytes, keyed));
        let said = placed.score(&[]);
        assert_eq!(said.code, code, "{}", said.stderr);
        assert_eq!(code == 3, said.stderr.contains(&format!("the file is encrypted: {keyed}")), "{}", said.stderr);
    }
}

/// Marks a column as encrypted with the footer's key, and the footer as one of encrypted columns.
fn encrypt(mut bytes: Vec<u8>, column: &str) -> Vec<u8> {
    let end = bytes.len() - 8;
    let footer = end - u32::from_le_bytes(bytes[end..end + 4].try_into().expect("four bytes")) as usize;
    let content = bytes[footer..end].to_vec();
    let top = fields(&content, 0);
    let groups = elements(&content, top[3].1);
    let chunks = elements(&content, fields(&content, groups[0].0)[0].1);
    let names = |(start, end): &&(usize, usize)| {
        content[*start..*end].windows(column.len()).any(|text| text == column.as_bytes())
    };
    let (_, chunk_end) = *chunks.iter().find(names).expect("a column");
    // A chunk's last field is the length of its column index (7), the footer's the order of columns (7). Field 8 of both is a union
    // of structures of which the first is empty.
    let (union, mut written) = ([0x1c, 0x1c, 0x00, 0x00], Vec::new());
    written.extend(&content[..chunk_end - 1]);
    written.extend(union);
    written.extend(&content[chunk_end - 1..content.len() - 1]);
    written.extend(union);
    written.push(0);
    bytes.truncate(footer);
    bytes.extend(&written);
    bytes.extend((written.len() as u32).to_le_bytes());
    bytes.extend(b"PAR1");
    bytes
}
