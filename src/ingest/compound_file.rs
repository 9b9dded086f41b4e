//! Checks a workbook of older programs before it is read: its reader follows chains of sectors that may have no end, and takes memory for
//! as many cells as the file claims to have.

/// Numbers of sectors from here on are none.
const NO_SECTOR: u32 = 0xffff_fffa;
/// Where the header has the numbers of the first sectors of the allocation table.
const FIRST_TABLE_SECTORS: std::ops::Range<usize> = 76..512;
const DIRECTORY_ENTRY: usize = 128;
/// Streams that are shorter are in sectors of their own size.
const SHORT_STREAM: usize = 4096;
const SHORT_SECTOR: usize = 64;
/// Cells of all sheets together, empty ones between others included: a sheet has 65,536 rows and 256 columns.
const MOST_CELLS: u64 = 1 << 24;
/// Kinds of records.
const END: u16 = 0x0a;
const BEGINNING: u16 = 0x809;
const SHEET: u16 = 0x85;
const DIMENSIONS: u16 = 0x200;
const MANY_NUMBERS: u16 = 0xbd;
const CELLS: [u16; 8] = [0x203, 0x204, 0xd6, 0x205, 0x27e, 0xfd, MANY_NUMBERS, 0x06];

/// Whether the file can be read within bounds.
pub(super) fn is_bounded(bytes: &[u8]) -> bool {
    // A file without the streams of a workbook is refused by its reader.
    CompoundFile::open(bytes).is_some_and(|file| file.workbook().is_none_or(|stream| has_bounded_sheets(&stream)))
}

struct CompoundFile<'a> {
    bytes: &'a [u8],
    sector_size: usize,
    /// Which sector follows which.
    next: Vec<u32>,
    directory: Vec<u8>,
}

impl<'a> CompoundFile<'a> {
    /// None where a chain of sectors has no end.
    fn open(bytes: &'a [u8]) -> Option<CompoundFile<'a>> {
        let sector_size = if number(bytes, 30, 2)? == 12 { 4096 } else { 512 };
        let mut file = CompoundFile { bytes, sector_size, next: Vec::new(), directory: Vec::new() };
        let mut table: Vec<u32> = numbers(bytes.get(FIRST_TABLE_SECTORS)?).collect();
        let mut more = number(bytes, 68, 4)?;
        let mut steps = 0;
        while let Some(sector) = file.sector(more) {
            table.extend(numbers(sector));
            more = table.pop()?;
            steps += 1;
            if steps > bytes.len() / sector_size {
                return None;
            }
        }
        file.next = table.iter().filter_map(|sector| file.sector(*sector)).flat_map(numbers).collect();
        file.directory = file.chain(number(bytes, 48, 4)?)?;
        file.chain(number(bytes, 60, 4)?)?;
        let has_ends = file.entries().all(|entry| entry.size < SHORT_STREAM || file.chain(entry.start).is_some());
        has_ends.then_some(file)
    }

    fn sector(&self, sector: u32) -> Option<&'a [u8]> {
        if sector >= NO_SECTOR {
            return None;
        }
        let start = (sector as usize).checked_add(1)?.checked_mul(self.sector_size)?;
        let end = self.bytes.len().min(start.checked_add(self.sector_size)?);
        self.bytes.get(start..end).filter(|sector| !sector.is_empty())
    }

    /// The bytes of a chain of sectors; none where it has no end.
    fn chain(&self, first: u32) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut sector = first;
        while let Some(part) = self.sector(sector) {
            bytes.extend_from_slice(part);
            if bytes.len() > self.bytes.len() + self.sector_size {
                return None;
            }
            sector = self.next.get(sector as usize).copied().unwrap_or(NO_SECTOR);
        }
        Some(bytes)
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.directory.chunks_exact(DIRECTORY_ENTRY).filter_map(Entry::read)
    }

    /// The stream of the workbook.
    fn workbook(&self) -> Option<Vec<u8>> {
        let named = |name: &str| self.entries().find(|entry| entry.name.eq_ignore_ascii_case(name));
        let entry = named("Workbook").or_else(|| named("Book"))?;
        if entry.size >= SHORT_STREAM {
            let mut stream = self.chain(entry.start)?;
            stream.truncate(entry.size);
            return Some(stream);
        }
        let short = self.chain(self.entries().next()?.start)?;
        let next: Vec<u32> = numbers(&self.chain(number(self.bytes, 60, 4)?)?).collect();
        let mut stream = Vec::new();
        let mut sector = entry.start;
        while sector < NO_SECTOR && stream.len() < entry.size {
            let start = sector as usize * SHORT_SECTOR;
            stream.extend_from_slice(short.get(start..start + SHORT_SECTOR)?);
            sector = next.get(sector as usize).copied().unwrap_or(NO_SECTOR);
        }
        stream.truncate(entry.size);
        Some(stream)
    }
}

/// An entry of the directory.
struct Entry {
    name: String,
    start: u32,
    size: usize,
}

impl Entry {
    fn read(bytes: &[u8]) -> Option<Entry> {
        let letters =
            bytes.get(..64)?.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
        let letters: Vec<u16> = letters.take_while(|letter| *letter != 0).collect();
        let name = String::from_utf16_lossy(&letters);
        Some(Entry { name, start: number(bytes, 116, 4)?, size: number(bytes, 120, 4)? as usize })
    }
}

/// A little-endian number.
fn number(bytes: &[u8], place: usize, size: usize) -> Option<u32> {
    let bytes = bytes.get(place..place.checked_add(size)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).filter_map(|four| number(four, 0, 4))
}

/// Whether the sheets of a workbook's stream have no more cells than can be held.
fn has_bounded_sheets(stream: &[u8]) -> bool {
    let mut cells = 0;
    for (kind, data) in records(stream) {
        if kind == SHEET {
            let start = number(data, 0, 4).unwrap_or_default() as usize;
            cells += claimed_cells(stream.get(start..).unwrap_or_default());
        }
        if kind == END || cells > MOST_CELLS {
            break;
        }
    }
    cells <= MOST_CELLS
}

/// The cells of a sheet, with those that are empty between others, or as many as it claims to have.
fn claimed_cells(stream: &[u8]) -> u64 {
    let (mut rows, mut columns, mut claimed) = (0, 0, 0);
    let mut depth = 0;
    for (kind, data) in records(stream) {
        let at = |place, size| u64::from(number(data, place, size).unwrap_or_default());
        match kind {
            BEGINNING => depth += 1,
            END if depth <= 1 => break,
            END => depth -= 1,
            // In the older of the two formats rows have two bytes.
            DIMENSIONS if data.len() < 14 => claimed = at(2, 2).saturating_mul(at(6, 2)).max(claimed),
            DIMENSIONS => claimed = at(4, 4).saturating_mul(at(10, 2)).max(claimed),
            kind if CELLS.contains(&kind) => {
                rows = rows.max(at(0, 2) + 1);
                let last = if kind == MANY_NUMBERS { at(data.len().saturating_sub(2), 2) } else { 0 };
                columns = columns.max(at(2, 2).max(last) + 1);
            }
            _ => {}
        }
    }
    claimed.max(rows * columns)
}

/// The records of a stream: kind and data.
fn records(stream: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = stream;
    std::iter::from_fn(move || {
        let kind = number(rest, 0, 2)?;
        let end = number(rest, 2, 2)? as usize + 4;
        let data = rest.get(4..end)?;
        rest = rest.get(end..)?;
        Some((u16::try_from(kind).ok()?, data))
    })
}

#[cfg(test)]
mod tests {
    use super::is_bounded;

    const WORKBOOK: &[u8] = include_bytes!("../../tests/fuzz/workbooks/usage.xls");

    /// The workbook with some bytes changed, found by those before them.
    fn changed(before: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut workbook = WORKBOOK.to_vec();
        let place =
            workbook.windows(before.len()).position(|window| window == before).expect("the bytes") + before.len();
        workbook.splice(place..place + bytes.len(), bytes.iter().copied());
        workbook
    }

    #[test]
    fn a_workbook_within_bounds_is_read() {
        assert!(is_bounded(WORKBOOK));
    }

    #[test]
    fn chains_without_an_end_are_found() {
        let start = u32::from_le_bytes(WORKBOOK[48..52].try_into().expect("four bytes"));
        let table = u32::from_le_bytes(WORKBOOK[76..80].try_into().expect("four bytes"));
        let mut workbook = WORKBOOK.to_vec();
        let place = (table as usize + 1) * 512 + start as usize * 4;
        workbook[place..place + 4].copy_from_slice(&start.to_le_bytes());
        assert!(!is_bounded(&workbook), "the directory follows itself");
    }

    #[test]
    fn cells_far_away_and_claims_are_found() {
        // The record of dimensions: kind and length, then the first and the last row, and the columns.
        assert!(!is_bounded(&changed(b"\x00\x02\x0e\x00", b"\0\0\0\0\xff\xff\xff\x7f\0\0\xff\x00")), "dimensions");
        // A text cell in the last row and column.
        assert!(!is_bounded(&changed(b"\xfd\x00\x0a\x00", b"\xff\xff\xff\xff")), "a cell");
        assert!(is_bounded(&changed(b"\xfd\x00\x0a\x00", b"\xff\x00\xff\x00")), "a cell within a sheet");
    }
}
