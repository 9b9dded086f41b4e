//! What a Parquet file says of itself, read before any plan is made: its columns, its rows, its statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::panic::catch_unwind;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use sha2::{Digest, Sha256};

use super::column_types::{ColumnTypes, column_types};
use super::files::File;
use super::{identity, integrity, texts, thrift};
use crate::error::{Error, Result};
use crate::rulebook::hex;

/// Length of the trailer: four bytes of footer length and the magic.
const TRAILER: u64 = 8;
/// The field of a footer that says how columns are encrypted.
const ENCRYPTION: i16 = 8;

/// The footer of one file.
#[derive(Debug, Clone)]
pub struct Footer {
    /// The columns that have an Arrow type.
    pub schema: SchemaRef,
    /// Why other columns have none, by name.
    pub untyped: BTreeMap<String, String>,
    /// Rows in the file.
    pub rows: u64,
    /// SHA-256 of the footer's bytes: sizes and places of all pages, statistics and the writer's own metadata, but no values.
    pub hash: String,
    /// Where the footer begins: pages lie before it.
    pub(super) end: u64,
    pub(super) metadata: Arc<ParquetMetaData>,
    /// Columns that are encrypted.
    pub(super) encrypted: Vec<String>,
    /// By column, what its statistics prove; columns without statistics are left out.
    proven: BTreeMap<String, Proven>,
    /// Columns of which statistics prove that no text is blank.
    never_blank: BTreeSet<String>,
    /// By row group, the statistics of its text columns; columns without are left out.
    spans: Vec<BTreeMap<String, Span>>,
}

/// The texts of a column in one row group lie between these, which may be cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    pub least: String,
    pub most: String,
    /// Rows of the group.
    pub rows: u64,
}

/// What the statistics of all row groups prove of a column without nulls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Proven {
    /// The smallest and the largest value, of integers.
    range: Option<(i64, i64)>,
}

impl Footer {
    /// Reads a file's footer.
    ///
    /// # Errors
    /// Refused where the file is not Parquet, truncated or damaged; storage where it cannot be read.
    pub fn read(file: &File) -> Result<Footer> {
        let (bytes, end) = footer_bytes(file)?;
        let is_encrypted = thrift::has_field(&bytes, ENCRYPTION);
        let encrypted = if is_encrypted { integrity::encrypted_columns(&bytes) } else { Vec::new() };
        // The description of an encrypted column may be encrypted as well, which is no damage.
        let damaged = |error: ParquetError| match is_encrypted {
            true => integrity::encrypted(file, &encrypted),
            false => unreadable(file, &error.to_string()),
        };
        let (metadata, ColumnTypes { schema, untyped }) = decoded(&bytes).map_err(damaged)?;
        Ok(Footer {
            schema: Arc::new(schema),
            untyped,
            rows: u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0),
            hash: hex(&Sha256::digest(&bytes)),
            end,
            proven: proven(metadata.row_groups()),
            never_blank: never_blank(metadata.row_groups()),
            spans: metadata.row_groups().iter().map(spans).collect(),
            metadata: Arc::new(metadata),
            encrypted,
        })
    }

    /// Where the texts of a column lie in each row group; None where some group does not tell.
    pub fn spans(&self, column: &str) -> Option<Vec<Span>> {
        self.spans.iter().map(|group| group.get(column).cloned()).collect()
    }

    /// The smallest and the largest value that statistics give of a signed integer, date or time, of a column without nulls.
    pub fn range(&self, column: &str) -> Option<(i64, i64)> {
        self.proven.get(column).and_then(|proven| proven.range)
    }

    /// Whether statistics prove that no value of a column is null.
    pub fn has_no_null(&self, column: &str) -> bool {
        self.rows == 0 || self.proven.contains_key(column)
    }

    /// Whether statistics prove that no text of a column is blank; some may be null.
    pub fn has_no_blank(&self, column: &str) -> bool {
        self.rows == 0 || self.never_blank.contains(column)
    }

    /// Whether the file does not have a column.
    pub fn lacks(&self, column: &str) -> bool {
        self.schema.field_with_name(column).is_err() && !self.untyped.contains_key(column)
    }

    /// Whether the file has a column that is not one of these.
    pub fn has_others_than(&self, columns: &[&str]) -> bool {
        let typed = self.schema.fields().iter().map(|field| field.name());
        typed.chain(self.untyped.keys()).any(|name| !columns.contains(&name.as_str()))
    }

    /// Whether statistics prove that a column's values are whole numbers within a range, and none null.
    pub fn lies_within(&self, column: &str, least: i64, most: i64) -> bool {
        // Statistics of unsigned columns hold their bits, which are not their values.
        let unsigned = self.schema.field_with_name(column).is_ok_and(|field| field.data_type().is_unsigned_integer());
        let range = self.proven.get(column).and_then(|proven| proven.range).filter(|_| !unsigned);
        self.rows == 0 || range.is_some_and(|(smallest, largest)| smallest >= least && largest <= most)
    }
}

/// Whether two files have the same rows, as far as their footers say: row groups of as many rows whose columns have the same
/// statistics, or the same size where they have none.
///
/// # Errors
/// Refused where a file is not Parquet, truncated or damaged; storage where it cannot be read.
pub(super) fn have_same_rows(one: &File, other: &File) -> Result<bool> {
    let (one, other) = (row_groups(one)?, row_groups(other)?);
    let has_rows = one.iter().any(|(rows, _)| *rows > 0);
    Ok(has_rows && one == other)
}

/// What a footer says of a column in a row group.
#[derive(PartialEq, Eq)]
struct ChunkFacts {
    column: String,
    values: i64,
    nulls: Option<u64>,
    /// The least and the largest value.
    range: Option<(Vec<u8>, Vec<u8>)>,
    /// Bytes before compression, of columns without a range.
    size: Option<i64>,
}

/// The row groups of a file, each by its number of rows and its columns.
fn row_groups(file: &File) -> Result<Vec<(i64, Vec<ChunkFacts>)>> {
    let handle = fs::File::open(&file.path).map_err(|error| Error::storage("read the footer", &file.path, &error))?;
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&handle);
    let metadata = metadata.map_err(|error| unreadable(file, &error.to_string()))?;
    let facts = |chunk: &ColumnChunkMetaData| {
        let range = chunk.statistics().and_then(|found| Some((found.min_bytes_opt()?, found.max_bytes_opt()?)));
        ChunkFacts {
            column: chunk.column_path().string(),
            values: chunk.num_values(),
            nulls: chunk.statistics().and_then(Statistics::null_count_opt),
            range: range.map(|(least, most)| (least.to_vec(), most.to_vec())),
            size: range.is_none().then(|| chunk.uncompressed_size()),
        }
    };
    let groups = metadata.row_groups().iter();
    Ok(groups.map(|group| (group.num_rows(), group.columns().iter().map(facts).collect())).collect())
}

/// The columns without nulls, of which every row group says so.
fn proven(groups: &[RowGroupMetaData]) -> BTreeMap<String, Proven> {
    let of_group = |group: &RowGroupMetaData| -> BTreeMap<String, Proven> {
        let columns = group.columns().iter();
        columns.filter_map(|column| Some((column.column_path().string(), without_nulls(column)?))).collect()
    };
    let mut groups = groups.iter().map(of_group);
    let mut all = groups.next().unwrap_or_default();
    for group in groups {
        all.retain(|name, _| group.contains_key(name));
        for (name, proven) in &mut all {
            let (mine, theirs) = (proven.range, group.get(name).and_then(|other| other.range));
            proven.range = mine.zip(theirs).map(|((a, b), (c, d))| (a.min(c), b.max(d)));
        }
    }
    all
}

/// The columns without blank texts, of which every row group says so.
fn never_blank(groups: &[RowGroupMetaData]) -> BTreeSet<String> {
    let of_group = |group: &RowGroupMetaData| -> BTreeSet<String> {
        let columns = group.columns().iter().filter(|column| shows_every_text(column));
        columns.map(|column| column.column_path().string()).collect()
    };
    let all = groups.iter().filter(|group| group.num_rows() > 0).map(of_group);
    all.reduce(|mine, theirs| mine.intersection(&theirs).cloned().collect()).unwrap_or_default()
}

/// Whether the least and the largest text of a chunk both begin with a printable character of ASCII, so that all between them do, or
/// all are null. Bounds may be cut short, and old writers compare bytes as signed numbers: neither changes what is between.
fn shows_every_text(column: &ColumnChunkMetaData) -> bool {
    let Some(Statistics::ByteArray(values)) = column.statistics() else { return false };
    let all_null = values.null_count_opt().is_some_and(|nulls| i64::try_from(nulls) == Ok(column.num_values()));
    let bounds = values.min_opt().zip(values.max_opt());
    all_null || bounds.is_some_and(|(least, most)| [least, most].iter().all(|text| texts::begins_shown(text.data())))
}

fn spans(group: &RowGroupMetaData) -> BTreeMap<String, Span> {
    let rows = u64::try_from(group.num_rows()).unwrap_or(0);
    let span = |column: &ColumnChunkMetaData| {
        let Some(Statistics::ByteArray(values)) = column.statistics() else { return None };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let (least, most) = (text(values.min_opt()?.data())?, text(values.max_opt()?.data())?);
        Some((column.column_path().string(), Span { least, most, rows }))
    };
    group.columns().iter().filter_map(span).collect()
}

fn without_nulls(column: &ColumnChunkMetaData) -> Option<Proven> {
    let statistics = column.statistics();
    let never_null = column.column_descr().max_def_level() == 0;
    if !never_null && statistics?.null_count_opt()? > 0 {
        return None;
    }
    let range = match statistics {
        Some(Statistics::Int32(values)) => values.min_opt().copied().zip(values.max_opt().copied()).map(wide),
        Some(Statistics::Int64(values)) => values.min_opt().copied().zip(values.max_opt().copied()),
        _ => None,
    };
    Some(Proven { range })
}

fn wide((least, most): (i32, i32)) -> (i64, i64) {
    (i64::from(least), i64::from(most))
}

/// Decodes a footer, and the schema that it describes; one that is damaged may make the decoders panic.
fn decoded(bytes: &[u8]) -> std::result::Result<(ParquetMetaData, ColumnTypes), ParquetError> {
    let decode = || {
        let metadata = ParquetMetaDataReader::decode_metadata(bytes)?;
        let types = column_types(metadata.file_metadata());
        Ok((metadata, types))
    };
    catch_unwind(decode).unwrap_or_else(|_| Err(ParquetError::General("the footer is malformed".to_owned())))
}

/// A file's footer, and where it begins.
fn footer_bytes(file: &File) -> Result<(Vec<u8>, u64)> {
    let failed = |error: std::io::Error| Error::storage("read the footer", &file.path, &error);
    let mut handle = fs::File::open(&file.path).map_err(failed)?;
    identity::require_listed(file, &handle)?;
    let size = handle.metadata().map_err(failed)?.len();
    if size < TRAILER {
        return Err(unreadable(file, "it is shorter than a Parquet footer"));
    }
    let mut trailer = [0u8; TRAILER as usize];
    handle.seek(SeekFrom::Start(size - TRAILER)).map_err(failed)?;
    handle.read_exact(&mut trailer).map_err(failed)?;
    if &trailer[4..] == b"PARE" {
        return Err(integrity::encrypted(file, &[]));
    }
    if &trailer[4..] != b"PAR1" {
        return Err(unreadable(file, "it does not end as Parquet does; it may be truncated or still being written"));
    }
    let length = u64::from(u32::from_le_bytes([trailer[0], trailer[1], trailer[2], trailer[3]]));
    if length + TRAILER > size {
        return Err(unreadable(file, "its footer is longer than the file"));
    }
    let mut bytes = vec![0u8; length as usize];
    handle.seek(SeekFrom::Start(size - TRAILER - length)).map_err(failed)?;
    handle.read_exact(&mut bytes).map_err(failed)?;
    Ok((bytes, size - TRAILER - length))
}

/// A file that cannot be read as Parquet.
pub(super) fn unreadable(file: &File, why: &str) -> Error {
    Error::refused(format!("the file cannot be read as Parquet: {why}"))
        .at(&file.place)
        .hint("write it again, or move it out of the history")
}
