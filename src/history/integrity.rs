//! Damage that the engine would not notice, or would not name: footers that contradict themselves, pages whose checksum is wrong,
//! values that their statistics rule out.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, max, max_string, min, min_string};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::files::File;
use super::footer::Footer;
use super::pages::{self, Key, Trouble};
use super::table::Column;
use super::thrift::{Fields, Value};
use crate::engine;
use crate::error::{Error, Result};

/// A file that begins with a header like this; no page lies before its end.
const MAGIC: u64 = 4;

/// Where something is wrong within a file.
struct Location<'a> {
    file: &'a File,
    group: usize,
    column: &'a str,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, row group {}, column {}", self.file.place, self.group, self.column)
    }
}

/// A damaged file.
fn damaged(place: impl fmt::Display, why: &str) -> Error {
    Error::refused(format!("the file is damaged: {why}"))
        .at(place)
        .hint("copy the file again, or write it again from its source")
}

/// An encrypted file.
pub(super) fn encrypted(file: &File, columns: &[String]) -> Error {
    let what = match columns {
        [] => "the file is encrypted".to_owned(),
        columns => format!("the file is encrypted: {}", columns.join(", ")),
    };
    Error::refused(what).at(&file.place).hint("partnerscore has no keys; write the file without encryption")
}

/// The columns that a footer calls encrypted, by name; of one whose name is encrypted too, nothing but that.
pub(super) fn encrypted_columns(footer: &[u8]) -> Vec<String> {
    let Ok((description, _)) = Fields::read(footer) else { return Vec::new() };
    let mut names = BTreeSet::new();
    for group in description.list(4).unwrap_or_default() {
        let Value::Fields(group) = group else { continue };
        for chunk in group.list(1).unwrap_or_default() {
            let Value::Fields(chunk) = chunk else { continue };
            let own_key = chunk.fields(8).and_then(|crypto| crypto.fields(2));
            let path = own_key.and_then(|key| key.list(1)).or(chunk.fields(3).and_then(|column| column.list(3)));
            if chunk.has(8) {
                names.insert(name(path.unwrap_or_default()));
            }
        }
    }
    names.into_iter().collect()
}

fn name(path: &[Value<'_>]) -> String {
    let part = |part: &Value<'_>| match part {
        Value::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    };
    path.iter().map(part).collect::<Vec<_>>().join(".")
}

/// Refuses a footer that contradicts itself: counts of rows, values and nulls, ranges of bytes, bounds of values.
///
/// Only the table's columns are looked at; others never matter.
pub(super) fn check_footer(file: &File, footer: &Footer, columns: &[Column]) -> Result<()> {
    let groups = footer.metadata.row_groups();
    let rows = groups.iter().map(|group| u64::try_from(group.num_rows()).ok()).sum::<Option<u64>>();
    if rows != Some(footer.rows) {
        let what = format!("its footer states {} rows, and its row groups another number", footer.rows);
        return Err(damaged(&file.place, &what));
    }
    let mut ranges = Vec::new();
    for (group, column, chunk) in chunks(file, &footer.metadata, columns) {
        let location = Location { file, group, column };
        let range = contradiction(&groups[group], chunk, footer.end).map_err(|why| damaged(&location, &why))?;
        ranges.push((range.start, range.end, location));
    }
    ranges.sort_by_key(|(start, end, _)| (*start, *end));
    match ranges.windows(2).find(|pair| matches!(pair, [(_, end, _), (start, ..)] if end > start)) {
        Some([_, (_, _, location)]) => Err(damaged(location, "its bytes are those of another column, too")),
        _ => Ok(()),
    }
}

/// The table's columns that a file stores, by row group.
fn chunks<'a>(
    file: &'a File,
    metadata: &'a ParquetMetaData,
    columns: &'a [Column],
) -> impl Iterator<Item = (usize, &'a str, &'a ColumnChunkMetaData)> {
    let of_group = move |(group, described): (usize, &'a RowGroupMetaData)| {
        let wanted = move |chunk: &&ColumnChunkMetaData| is_wanted(file, chunk, columns);
        described.columns().iter().filter(wanted).map(move |chunk| (group, chunk.column_descr().name(), chunk))
    };
    metadata.row_groups().iter().enumerate().filter(|(_, group)| group.num_rows() > 0).flat_map(of_group)
}

/// Whether a column is read, and from the file.
fn is_wanted(file: &File, chunk: &ColumnChunkMetaData, columns: &[Column]) -> bool {
    let path = chunk.column_path().parts();
    let [name] = path else { return false };
    columns.iter().any(|column| column.name == name) && !file.hive.contains_key(name)
}

/// The range of bytes of a chunk, or what in its description cannot be.
fn contradiction(
    group: &RowGroupMetaData,
    chunk: &ColumnChunkMetaData,
    end: u64,
) -> std::result::Result<Range<u64>, String> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let range = u64::try_from(start).ok().zip(u64::try_from(chunk.compressed_size()).ok());
    let range = range.and_then(|(start, length)| Some(start..start.checked_add(length)?));
    let range = range.filter(|range| range.start >= MAGIC && range.end <= end);
    let range = range.ok_or("it lies outside of the file")?;
    if chunk.column_descr().max_rep_level() == 0 && chunk.num_values() != group.num_rows() {
        return Err(format!("it has {} values in {} rows", chunk.num_values(), group.num_rows()));
    }
    let values = u64::try_from(chunk.num_values()).map_err(|_| "it has fewer values than none")?;
    let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
    let possible = if chunk.column_descr().max_def_level() == 0 { 0 } else { values };
    if let Some(nulls) = nulls.filter(|nulls| *nulls > possible) {
        return Err(format!("its statistics state {nulls} nulls in {values} values of which {possible} can be null"));
    }
    match pages::stated(chunk) {
        Some((least, most)) if least > most => {
            Err("its statistics state a smallest value that is above the largest".to_owned())
        }
        _ => Ok(range),
    }
}

/// Follows the pages of the table's columns: their headers, and the checksums and trailers that they have.
///
/// # Errors
/// Refused where a file is damaged; storage where it cannot be read; interrupted.
pub(super) fn check_pages(files: &[(&File, Footer)], columns: &[Column]) -> Result<()> {
    each_group(files, |file, footer, group| {
        let storage = |error: std::io::Error| Error::storage("read the file", &file.path, &error);
        let mut handle = fs::File::open(&file.path).map_err(storage)?;
        for (_, column, chunk) in chunks(file, &footer.metadata, columns).filter(|(of, ..)| *of == group) {
            let index = pages::check_index(&mut handle, chunk, footer.end);
            index.and_then(|()| pages::check_pages(&mut handle, chunk)).map_err(|trouble| match trouble {
                Trouble::Damaged(why) => damaged(Location { file, group, column }, &why),
                Trouble::Unreadable(error) => storage(error),
            })?;
        }
        Ok(())
    })
}

/// Decodes every value of the table's columns with a second reader, and compares them with their statistics.
///
/// # Errors
/// Refused where a file is damaged or its statistics are wrong; storage where it cannot be read; interrupted.
pub(super) fn check_values(files: &[(&File, Footer)], columns: &[Column]) -> Result<()> {
    each_group(files, |file, footer, group| {
        let storage = |error: std::io::Error| Error::storage("read the file", &file.path, &error);
        let handle = fs::File::open(&file.path).map_err(storage)?;
        for (_, column, chunk) in chunks(file, &footer.metadata, columns).filter(|(of, ..)| *of == group) {
            let check = || check_chunk(&handle, footer, group, chunk);
            let checked = catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| Err(UNDECODABLE.to_owned()));
            checked.map_err(|why| damaged(Location { file, group, column }, &why))?;
        }
        Ok(())
    })
}

const UNDECODABLE: &str = "its pages cannot be decoded";

/// Runs work for every row group of files, on as many threads as the engine has. Of several errors the first by file and row group is
/// returned.
fn each_group(files: &[(&File, Footer)], work: impl Fn(&File, &Footer, usize) -> Result<()> + Sync) -> Result<()> {
    let jobs: Vec<(&File, &Footer, usize)> = files
        .iter()
        .flat_map(|(file, footer)| (0..footer.metadata.num_row_groups()).map(move |group| (*file, footer, group)))
        .collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None::<(usize, Error)>));
    let work_on = |go_on: &dyn Fn() -> Result<()>| {
        while let Some((number, (file, footer, group))) = take(&jobs, &next) {
            let Err(error) = go_on().and_then(|()| work(file, footer, group)) else { continue };
            // No job after this one is begun; those before it may still fail.
            next.store(jobs.len(), Ordering::Relaxed);
            let mut failed = failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if failed.as_ref().is_none_or(|(before, _)| number < *before) {
                *failed = Some((number, error));
            }
        }
    };
    let helpers = engine::threads().min(jobs.len()).saturating_sub(1);
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            // Where a thread cannot be started, there are fewer.
            let _ = std::thread::Builder::new().spawn_scoped(scope, || work_on(&|| Ok(())));
        }
        work_on(&engine::go_on);
    });
    let failed = failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

fn take<T: Copy>(jobs: &[T], next: &AtomicUsize) -> Option<(usize, T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, *jobs.get(number)?))
}

/// Decodes one chunk.
fn check_chunk(
    handle: &fs::File,
    footer: &Footer,
    group: usize,
    chunk: &ColumnChunkMetaData,
) -> std::result::Result<(), String> {
    let text = |error: &dyn fmt::Display| format!("{UNDECODABLE}: {error}");
    // Types as the pages store them, whatever the writer's own types were.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::try_new(footer.metadata.clone(), options).map_err(|error| text(&error))?;
    let handle = handle.try_clone().map_err(|error| text(&error))?;
    let described = footer.metadata.row_group(group);
    let leaf = described.columns().iter().position(|other| std::ptr::eq(other, chunk)).unwrap_or_default();
    let mask = ProjectionMask::leaves(described.schema_descr(), [leaf]);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata);
    let reader = builder.with_row_groups(vec![group]).with_projection(mask).build().map_err(|error| text(&error))?;
    let (mut rows, mut nulls) = (0, 0);
    let bounds = pages::stated(chunk);
    for batch in reader {
        let batch = batch.map_err(|error| text(&error))?;
        let Some(values) = batch.columns().first() else { continue };
        rows += values.len();
        nulls += values.null_count();
        if let (Some((least, most)), Some((smallest, largest))) = (&bounds, extremes(values, chunk))
            && (smallest < *least || largest > *most)
        {
            return Err("its statistics rule out a value that it has".to_owned());
        }
    }
    let stated = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
    match stated.filter(|stated| *stated != nulls as u64) {
        Some(stated) => Err(format!("its statistics state {stated} nulls, and it has {nulls}")),
        None if rows as i64 != described.num_rows() => Err(format!("it has {rows} of {} rows", described.num_rows())),
        None => Ok(()),
    }
}

/// The smallest and the largest of some values; None where there is none, or no order.
fn extremes(values: &ArrayRef, chunk: &ColumnChunkMetaData) -> Option<(Key, Key)> {
    match values.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast(values, &DataType::LargeUtf8).ok()?;
            let texts = texts.as_string::<i64>();
            let key = |text: &str| Key::Text(text.as_bytes().to_vec());
            Some((key(min_string(texts)?), key(max_string(texts)?)))
        }
        _ if pages::is_unsigned(chunk.column_descr()) => {
            let numbers = cast(values, &DataType::UInt64).ok()?;
            let numbers = numbers.as_primitive::<UInt64Type>();
            Some((Key::Number(min(numbers)?.into()), Key::Number(max(numbers)?.into())))
        }
        DataType::Date32 => {
            let days = cast(values, &DataType::Int32).ok()?;
            signed(&days)
        }
        _ => signed(values),
    }
}

fn signed(values: &ArrayRef) -> Option<(Key, Key)> {
    let numbers = cast(values, &DataType::Int64).ok()?;
    let numbers = numbers.as_primitive::<Int64Type>();
    Some((Key::Number(min(numbers)?.into()), Key::Number(max(numbers)?.into())))
}
