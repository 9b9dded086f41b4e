//! The pages of one column of one row group as they lie in the file: their headers, checksums, levels and statistics. No value is
//! decoded.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use flate2::read::GzDecoder;
use parquet::basic::{CompressionCodec, ConvertedType, LogicalType, SortOrder, Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescriptor;

use super::thrift::{Fields, Malformed, Value};

/// Bytes in which most page headers fit.
const HEADER: usize = 256;
/// Bytes that no page header needs.
const LARGEST_HEADER: usize = 1 << 24;
/// Bytes at the end of a shortened maximum that rounding up may have changed: a character.
const ROUNDED: usize = 4;

/// Encodings and page types as Parquet numbers them.
const PLAIN: i64 = 0;
const RLE: i64 = 3;
const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;

/// Why a column chunk cannot be trusted.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A sentence about its content.
    Damaged(String),
    Unreadable(std::io::Error),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Trouble::Damaged("the file ends within it".to_owned()),
            _ => Trouble::Unreadable(error),
        }
    }
}

type Checked<T> = std::result::Result<T, Trouble>;

fn damaged<T>(why: impl Into<String>) -> Checked<T> {
    Err(Trouble::Damaged(why.into()))
}

/// A value of statistics, comparable within its column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Number(i128),
    Text(Vec<u8>),
}

/// A statistic's bytes as a value; None where the column's order is not known.
pub(super) fn key(column: &ColumnDescriptor, bytes: &[u8]) -> Option<Key> {
    let unsigned = is_unsigned(column);
    let number = match (column.physical_type(), unsigned) {
        (Type::INT32, false) => i128::from(i32::from_le_bytes(bytes.try_into().ok()?)),
        (Type::INT32, true) => i128::from(u32::from_le_bytes(bytes.try_into().ok()?)),
        (Type::INT64, false) => i128::from(i64::from_le_bytes(bytes.try_into().ok()?)),
        (Type::INT64, true) => i128::from(u64::from_le_bytes(bytes.try_into().ok()?)),
        (Type::BYTE_ARRAY, _) if column.sort_order() == SortOrder::UNSIGNED => return Some(Key::Text(bytes.to_vec())),
        _ => return None,
    };
    Some(Key::Number(number))
}

/// Whether a column's integers have no sign.
pub(super) fn is_unsigned(column: &ColumnDescriptor) -> bool {
    use ConvertedType::{UINT_8, UINT_16, UINT_32, UINT_64};
    match column.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        _ => matches!(column.converted_type(), UINT_8 | UINT_16 | UINT_32 | UINT_64),
    }
}

/// The smallest and the largest value that statistics state, where their order is defined.
pub(super) fn stated(chunk: &ColumnChunkMetaData) -> Option<(Key, Key)> {
    let (column, statistics) = (chunk.column_descr(), chunk.statistics()?);
    let is_text = column.physical_type() == Type::BYTE_ARRAY;
    if statistics.is_min_max_deprecated() && (is_text || is_unsigned(column)) {
        return None;
    }
    Some((key(column, statistics.min_bytes_opt()?)?, key(column, statistics.max_bytes_opt()?)?))
}

/// What pages state of their values, put together.
#[derive(Debug, Default)]
struct Bounds {
    range: Option<(Key, Key)>,
    nulls: Option<u64>,
}

impl Bounds {
    fn add(&mut self, least: Key, most: Key) {
        self.range = Some(match self.range.take() {
            Some((a, b)) => (a.min(least), b.max(most)),
            None => (least, most),
        });
    }

    /// Compares what pages state with what the footer does.
    fn agree(&self, chunk: &ColumnChunkMetaData) -> Checked<()> {
        let stated_nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
        if let (Some(nulls), Some(stated)) = (self.nulls, stated_nulls)
            && nulls != stated
        {
            return damaged(format!("its footer states {stated} nulls, and its pages {nulls}"));
        }
        let (Some((least, most)), Some((stated_least, stated_most))) = (&self.range, stated(chunk)) else {
            return Ok(());
        };
        match same(least, &stated_least, 0) && same(most, &stated_most, ROUNDED) {
            true => Ok(()),
            false => damaged("the statistics of its footer are not those of its pages"),
        }
    }
}

/// Whether two statements of one bound agree; texts may be shortened, and `rounded` bytes at the end of the shorter changed.
fn same(a: &Key, b: &Key, rounded: usize) -> bool {
    let (Key::Text(a), Key::Text(b)) = (a, b) else { return a == b };
    if a.len() == b.len() {
        return a == b;
    }
    let length = a.len().min(b.len()).saturating_sub(rounded);
    a[..length] == b[..length]
}

/// Compares the column index of a chunk, where it has one, with the footer's statistics.
///
/// `end` is where the footer begins.
pub(super) fn check_index(file: &mut File, chunk: &ColumnChunkMetaData, end: u64) -> Checked<()> {
    let (Some(offset), Some(length)) = (chunk.column_index_offset(), chunk.column_index_length()) else {
        return Ok(());
    };
    let (Ok(offset), Ok(length)) = (u64::try_from(offset), usize::try_from(length)) else {
        return damaged("its column index lies outside of the file");
    };
    if offset.checked_add(length as u64).is_none_or(|index_end| index_end > end) {
        return damaged("its column index lies outside of the file");
    }
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    let Ok((index, _)) = Fields::read(&bytes) else { return damaged("its column index is malformed") };
    let (Some(empty), Some(least), Some(most)) = (index.list(1), index.list(2), index.list(3)) else {
        return damaged("its column index is malformed");
    };
    if least.len() != empty.len() || most.len() != empty.len() {
        return damaged("its column index is malformed");
    }
    bounds_of_index(chunk, &index, (empty, least, most)).map_or(Ok(()), |bounds| bounds.agree(chunk))
}

/// None where the order of values is not known.
fn bounds_of_index(
    chunk: &ColumnChunkMetaData,
    index: &Fields<'_>,
    (empty, least, most): (&[Value<'_>], &[Value<'_>], &[Value<'_>]),
) -> Option<Bounds> {
    let mut bounds = Bounds::default();
    let count = |nulls: &Value<'_>| if let Value::Number(nulls) = nulls { u64::try_from(*nulls).ok() } else { None };
    bounds.nulls = index.list(5).and_then(|nulls| nulls.iter().map(count).sum());
    for ((empty, least), most) in empty.iter().zip(least).zip(most) {
        let (Value::Bytes(least), Value::Bytes(most)) = (least, most) else { return None };
        if *empty != Value::Flag(true) {
            bounds.add(key(chunk.column_descr(), least)?, key(chunk.column_descr(), most)?);
        }
    }
    Some(bounds)
}

/// A page's header.
#[derive(Debug, Clone, Copy, Default)]
struct Page {
    kind: i64,
    uncompressed: usize,
    compressed: usize,
    crc: Option<u32>,
    values: u64,
    encoding: i64,
    levels_encoding: i64,
    nulls: Option<u64>,
    /// Bytes of levels that stand before the values, of a page of the second version.
    levels: usize,
    definition_levels: usize,
    is_compressed: bool,
}

impl Page {
    fn from_header(header: &Fields<'_>) -> Option<Page> {
        let size = |number: Option<i64>| number.and_then(|size| usize::try_from(size).ok());
        let count = |number: Option<i64>| number.and_then(|count| u64::try_from(count).ok());
        let mut page = Page {
            kind: header.number(1)?,
            uncompressed: size(header.number(2))?,
            compressed: size(header.number(3))?,
            // The format keeps the checksum's bits in a signed number.
            crc: header.number(4).map(|crc| crc as u32),
            is_compressed: true,
            ..Page::default()
        };
        match page.kind {
            DATA_PAGE => {
                let data = header.fields(5)?;
                page.values = count(data.number(1))?;
                page.encoding = data.number(2)?;
                page.levels_encoding = data.number(3)?;
            }
            DICTIONARY_PAGE => page.encoding = header.fields(7)?.number(2)?,
            DATA_PAGE_V2 => {
                let data = header.fields(8)?;
                page.values = count(data.number(1))?;
                page.nulls = Some(count(data.number(2))?);
                page.encoding = data.number(4)?;
                page.levels_encoding = RLE;
                page.definition_levels = size(data.number(5))?;
                page.levels = page.definition_levels.checked_add(size(data.number(6))?)?;
                page.is_compressed = data.flag(7).unwrap_or(true);
                let sizes_fit = page.levels <= page.compressed && page.levels <= page.uncompressed;
                if !sizes_fit || page.nulls > Some(page.values) || count(data.number(3))? != page.values {
                    return None;
                }
            }
            _ => {}
        }
        Some(page)
    }

    fn is_data(self) -> bool {
        self.kind == DATA_PAGE || self.kind == DATA_PAGE_V2
    }
}

/// What the pages of a chunk have shown so far.
#[derive(Default)]
struct Walk {
    values: u64,
    /// Whether data pages have checksums; all of a chunk have, or none.
    has_checksums: Option<bool>,
    /// Nulls counted in levels; None once they cannot be.
    nulls: Option<u64>,
    /// What page headers state; None once one does not.
    bounds: Option<Bounds>,
}

/// Goes along the pages of a chunk: each lies within it, they hold as many values as the footer states, and checksums are right.
pub(super) fn check_pages(file: &mut File, chunk: &ColumnChunkMetaData) -> Checked<()> {
    let (start, length) = chunk.byte_range();
    let (mut at, end) = (start, start.saturating_add(length));
    let expected = u64::try_from(chunk.num_values()).unwrap_or(0);
    let mut walk = Walk { nulls: Some(0), bounds: Some(Bounds { nulls: Some(0), range: None }), ..Walk::default() };
    let (mut buffer, mut payload) = (vec![0; HEADER], Vec::new());
    while walk.values < expected {
        let (page, length) = header(file, chunk, &mut walk, (at, end), &mut buffer)?;
        let body = at + length as u64;
        at = body + page.compressed as u64;
        if at > end {
            return damaged(format!("the page at byte {body} is longer than the column"));
        }
        check_header(page, chunk, &mut walk)?;
        check_body(file, chunk, page, body, (&mut walk, &mut payload))?;
    }
    if walk.values != expected {
        return damaged(format!("its footer states {expected} values, and its pages {}", walk.values));
    }
    if let Some(bounds) = walk.bounds {
        bounds.agree(chunk)?;
    }
    Bounds { range: None, nulls: walk.nulls }.agree(chunk)
}

/// Reads the page header at a byte; what it states of the page's values is added to the walk.
fn header(
    file: &mut File,
    chunk: &ColumnChunkMetaData,
    walk: &mut Walk,
    (at, end): (u64, u64),
    buffer: &mut Vec<u8>,
) -> Checked<(Page, usize)> {
    let left = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX).min(LARGEST_HEADER);
    let mut wanted = buffer.len();
    loop {
        let length = wanted.min(left);
        buffer.resize(wanted.max(HEADER), 0);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut buffer[..length])?;
        match Fields::read(&buffer[..length]) {
            Ok((header, length)) => {
                let Some(page) = Page::from_header(&header) else { break };
                state(&header, page, chunk, walk);
                return Ok((page, length));
            }
            Err(Malformed::Short) if length < left => wanted *= 2,
            Err(_) => break,
        }
    }
    damaged(format!("there is no page header at byte {at}"))
}

/// Adds the statistics of a page header to those of the chunk.
fn state(header: &Fields<'_>, page: Page, chunk: &ColumnChunkMetaData, walk: &mut Walk) {
    if !page.is_data() {
        return;
    }
    let statistics =
        header.fields(5).and_then(|data| data.fields(5)).or(header.fields(8).and_then(|data| data.fields(8)));
    let Some(mut bounds) = walk.bounds.take() else { return };
    let Some(statistics) = statistics else { return };
    let nulls = statistics.number(3).and_then(|nulls| u64::try_from(nulls).ok());
    bounds.nulls = bounds.nulls.zip(nulls).map(|(a, b)| a.saturating_add(b));
    let of = |id| statistics.bytes(id).and_then(|bytes| key(chunk.column_descr(), bytes));
    match (of(6), of(5)) {
        (Some(least), Some(most)) => bounds.add(least, most),
        _ if nulls == Some(page.values) => {}
        _ => return,
    }
    walk.bounds = Some(bounds);
}

fn check_header(page: Page, chunk: &ColumnChunkMetaData, walk: &mut Walk) -> Checked<()> {
    if !page.is_data() {
        return Ok(());
    }
    walk.values = walk.values.saturating_add(page.values);
    let has_checksum = page.crc.is_some();
    if *walk.has_checksums.get_or_insert(has_checksum) != has_checksum {
        return damaged("some of its pages have a checksum, and others have none");
    }
    if chunk.compression_codec() == CompressionCodec::UNCOMPRESSED && page.compressed != page.uncompressed {
        return damaged("the sizes of a page that is not compressed differ");
    }
    let is_required = chunk.column_descr().max_def_level() == 0 && chunk.column_descr().max_rep_level() == 0;
    if let (true, PLAIN, Some(width)) = (is_required, page.encoding, width(chunk))
        && page.values.checked_mul(width) != Some((page.uncompressed - page.levels) as u64)
    {
        return damaged("the size of a page is not that of its values");
    }
    Ok(())
}

/// Bytes of a value, of types that have a width.
fn width(chunk: &ColumnChunkMetaData) -> Option<u64> {
    match chunk.column_type() {
        Type::INT32 => Some(size_of::<i32>() as u64),
        Type::INT64 => Some(size_of::<i64>() as u64),
        _ => None,
    }
}

/// Checks what follows a page header, where that can be done without decoding it.
fn check_body(
    file: &mut File,
    chunk: &ColumnChunkMetaData,
    page: Page,
    at: u64,
    (walk, payload): (&mut Walk, &mut Vec<u8>),
) -> Checked<()> {
    let codec = chunk.compression_codec();
    let is_gzip = codec == CompressionCodec::GZIP && page.is_compressed;
    let is_plain = codec == CompressionCodec::UNCOMPRESSED || !page.is_compressed;
    // Levels stand first. Those of a page of the first version are compressed with the values.
    let has_levels = page.is_data() && chunk.column_descr().max_def_level() == 1 && page.levels_encoding == RLE;
    let has_levels = has_levels && chunk.column_descr().max_rep_level() == 0;
    let shows_levels = has_levels && (is_plain || is_gzip || page.kind == DATA_PAGE_V2);
    if page.is_data() && chunk.column_descr().max_def_level() > 0 && !shows_levels {
        walk.nulls = None;
    }
    if page.crc.is_none() && !is_gzip && !shows_levels {
        return Ok(());
    }
    let length = match page.kind {
        _ if page.crc.is_some() || is_gzip => page.compressed,
        DATA_PAGE_V2 => page.levels,
        _ => first_levels_end(file, at, page.compressed)?,
    };
    payload.resize(length, 0);
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(payload)?;
    if page.crc.is_some_and(|crc| crc != crc32fast::hash(payload)) {
        return damaged(format!("the checksum of the page at byte {at} is wrong"));
    }
    if is_gzip {
        let levels = payload[..page.levels].to_vec();
        *payload = gunzipped(&payload[page.levels..], page.uncompressed - page.levels, at)?;
        payload.splice(0..0, levels);
    }
    if !shows_levels {
        return Ok(());
    }
    let levels = match page.kind {
        DATA_PAGE_V2 => payload.get(page.levels - page.definition_levels..page.levels),
        _ => first_levels(payload),
    };
    match levels.and_then(|levels| nulls(levels, page.values)) {
        Some(nulls) if page.nulls.is_none_or(|stated| stated == nulls) => {
            walk.nulls = walk.nulls.map(|before| before + nulls);
            Ok(())
        }
        Some(_) => damaged(format!("the page at byte {at} states another number of nulls than it has")),
        None => damaged(format!("the definition levels of the page at byte {at} are malformed")),
    }
}

/// Where the definition levels of a page of the first version end, which is not compressed.
fn first_levels_end(file: &mut File, at: u64, size: usize) -> Checked<usize> {
    let mut length = [0; size_of::<u32>()];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut length)?;
    Ok(usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX).saturating_add(length.len()).min(size))
}

/// The definition levels of a page of the first version: their length in four bytes, then they.
fn first_levels(payload: &[u8]) -> Option<&[u8]> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Undoes gzip, whose trailer is a checksum and a length.
fn gunzipped(bytes: &[u8], expected: usize, at: u64) -> Checked<Vec<u8>> {
    let mut values = Vec::new();
    if bytes.is_empty() && expected == 0 {
        return Ok(values);
    }
    let wrong = |error: std::io::Error| Trouble::Damaged(format!("gzip of the page at byte {at}: {error}"));
    GzDecoder::new(bytes).take(expected as u64 + 1).read_to_end(&mut values).map_err(wrong)?;
    match values.len() == expected {
        true => Ok(values),
        false => damaged(format!("the page at byte {at} has another size than it states")),
    }
}

/// The number of nulls in levels of one bit, which come in runs: of one level repeated, or of eight levels a byte.
///
/// None where there are too few levels, or some is none.
fn nulls(mut levels: &[u8], values: u64) -> Option<u64> {
    let (mut seen, mut nulls) = (0, 0);
    while seen < values {
        let (head, length) = unsigned(levels)?;
        levels = levels.get(length..)?;
        let run = head >> 1;
        if run == 0 {
            return None;
        }
        if head & 1 == 0 {
            let (level, rest) = levels.split_first()?;
            let taken = run.min(values - seen);
            nulls += match level {
                0 => taken,
                1 => 0,
                _ => return None,
            };
            (seen, levels) = (seen + taken, rest);
            continue;
        }
        let taken = run.checked_mul(u64::from(u8::BITS))?.min(values - seen);
        let bytes = levels.get(..usize::try_from(taken.div_ceil(u64::from(u8::BITS))).ok()?)?;
        nulls += taken - ones(bytes, taken);
        levels = levels.get(usize::try_from(run).ok()?.min(levels.len())..)?;
        seen += taken;
    }
    Some(nulls)
}

/// How many of the first bits are set, lowest of a byte first.
fn ones(bytes: &[u8], bits: u64) -> u64 {
    let whole = (bits / u64::from(u8::BITS)) as usize;
    let set: u64 = bytes[..whole].iter().map(|byte| u64::from(byte.count_ones())).sum();
    let rest = bits % u64::from(u8::BITS);
    let last = bytes.get(whole).map_or(0, |byte| byte & !(u8::MAX << rest));
    set + u64::from(last.count_ones())
}

fn unsigned(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, place + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_counted_in_runs_of_both_kinds() {
        // Ten times 1; then eight bits of which five are set; then three times 0.
        let levels = [0b1_0100, 1, 0b11, 0b0001_1111, 0b110, 0];
        assert_eq!(nulls(&levels[..2], 10), Some(0));
        assert_eq!(nulls(&levels[..4], 18), Some(3));
        assert_eq!(nulls(&levels, 21), Some(6));
        assert_eq!(nulls(&levels[..4], 14), Some(0), "a run may be longer than what is left");
    }

    #[test]
    fn malformed_levels_have_no_nulls() {
        assert_eq!(nulls(&[0b1_0100, 1], 12), None, "too few");
        assert_eq!(nulls(&[0b1_0100, 2], 10), None, "a level above the largest");
        assert_eq!(nulls(&[0b1_0100], 10), None, "cut off");
        assert_eq!(nulls(&[0b111, 0xFF], 12), None, "a run that is cut off");
        assert_eq!(nulls(&[0, 0, 0, 0], 1), None, "runs of nothing");
        assert_eq!(nulls(&[], 0), Some(0));
    }

    #[test]
    fn bounds_may_be_shortened() {
        let text = |text: &str| Key::Text(text.as_bytes().to_vec());
        assert!(same(&text("tenant-1"), &text("tenant"), 0));
        assert!(!same(&text("tenant-1"), &text("tenent"), 0));
        assert!(same(&text("tenant-000001"), &text("tenant-00000"), ROUNDED));
        assert!(!same(&text("tenant-1"), &text("tenant-2"), ROUNDED), "of one length they are the same or not");
        assert!(!same(&Key::Number(1), &Key::Number(2), ROUNDED));
    }
}
