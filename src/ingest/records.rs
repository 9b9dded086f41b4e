//! Records of a delimited file, one at a time. csv-core splits them; this keeps the bytes of the record at hand, so that rows below a
//! broken quote can be found again, and bounds what one record may take.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::WINDOWS_1252;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// A field longer than this is not kept.
const LONGEST_FIELD: usize = 1 << 20;
/// Nor is a record; a window is never longer than this and a piece.
const LONGEST_RECORD: usize = 2 << 20;
/// How much is read at once.
const PIECE: usize = 256 << 10;
/// Room for the text and the fields of a record, which grows where a record needs more.
const TEXT: usize = 16 << 10;
const FIELDS: usize = 256;

/// A reader of records.
pub(super) struct Records<R> {
    input: R,
    window: Vec<u8>,
    /// Where the record begins, and where the one after it does.
    start: usize,
    next: usize,
    /// Bytes of the window that hold the file's.
    filled: usize,
    is_at_end: bool,
    /// The last byte that was read.
    last_byte: Option<u8>,
    delimiter: u8,
    parser: Reader,
    /// The text of the record's fields, one after another, where each ends, and how many there are.
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    /// The line on which the record begins, from one, and how many it has.
    line: u64,
    lines: u64,
    /// Whether fields are in Windows-1252, and become UTF-8.
    is_windows_1252: bool,
}

/// The next record of a file, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record.
    Record,
    /// A record whose quotes cannot be right: one is never closed, or text follows one and the record goes over lines.
    Broken,
    /// A record that is too long, left behind.
    TooLong,
    /// A quote that is not closed within what a field may have: where rows begin from here on is not known.
    Lost,
    End,
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R) -> Records<R> {
        Records {
            input,
            window: Vec::new(),
            start: 0,
            next: 0,
            filled: 0,
            is_at_end: false,
            last_byte: None,
            delimiter: b',',
            parser: parser(b','),
            text: vec![0; TEXT],
            ends: vec![0; FIELDS],
            fields: 0,
            line: 1,
            lines: 0,
            is_windows_1252: false,
        }
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Splits records by another delimiter from now on.
    pub(super) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
        self.parser = parser(delimiter);
    }

    /// The line on which the record begins.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// How many lines the record has.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// How many fields the record has.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// A field of the record; empty where it has none there.
    pub(super) fn field(&self, place: usize) -> &[u8] {
        if place >= self.fields {
            return &[];
        }
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// The bytes of the whole record, with its line ends.
    pub(super) fn raw(&self) -> &[u8] {
        self.window.get(self.start..self.next).unwrap_or_default()
    }

    /// Whether the file has ended, and its last line without an end.
    pub(super) fn is_cut(&self) -> bool {
        self.is_at_end && self.last_byte.is_some_and(|byte| !is_line_end(byte))
    }

    /// The first bytes of the file, as many as there are up to a piece.
    pub(super) fn beginning(&mut self) -> io::Result<&[u8]> {
        if self.filled == 0 && !self.is_at_end {
            self.fill()?;
        }
        Ok(self.window.get(self.start..self.filled).unwrap_or_default())
    }

    /// Goes back to the beginning of the record, to read it anew.
    pub(super) fn again(&mut self) {
        self.parser = parser(self.delimiter);
        self.next = self.start;
        self.lines = 0;
    }

    /// Goes on with the line after the record's first: the lines below may be sound.
    pub(super) fn resume_on_next_line(&mut self) {
        let rest = self.window.get(self.start..self.filled).unwrap_or_default();
        let end = rest.iter().position(|byte| is_line_end(*byte)).map_or(rest.len(), |place| {
            let is_pair = rest.get(place..place + 2) == Some(b"\r\n");
            place + if is_pair { 2 } else { 1 }
        });
        self.parser = parser(self.delimiter);
        self.next = self.start + end;
        self.lines = 1;
    }

    /// Takes the fields of this record and of all that follow as Windows-1252.
    pub(super) fn read_as_windows_1252(&mut self) {
        self.is_windows_1252 = true;
        self.decode();
    }

    /// Whether fields are taken as Windows-1252.
    pub(super) fn is_windows_1252(&self) -> bool {
        self.is_windows_1252
    }

    /// Reads the next record. Lines with nothing on them are no records.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.line += self.lines;
        (self.lines, self.fields) = (0, 0);
        self.start = self.next;
        self.skip_line_ends()?;
        let parsed = self.parse()?;
        if parsed == Next::Record && self.is_windows_1252 {
            self.decode();
        }
        Ok(parsed)
    }

    /// Moves on to the first byte that is no line end, and no byte-order mark that a file brought along where it was joined to another.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let Some(byte) = self.window.get(self.start).filter(|_| self.start < self.filled) else {
                if self.is_at_end {
                    return Ok(());
                }
                self.fill()?;
                continue;
            };
            if *byte == BYTE_ORDER_MARK[0] && self.skip_byte_order_mark()? {
                continue;
            }
            if !self.window.get(self.start).copied().is_some_and(is_line_end) {
                return Ok(());
            }
            self.start = self.past_line_end(self.start + 1)?;
            self.line += 1;
        }
    }

    fn skip_byte_order_mark(&mut self) -> io::Result<bool> {
        while self.filled - self.start < BYTE_ORDER_MARK.len() && !self.is_at_end {
            self.fill()?;
        }
        let rest = self.window.get(self.start..self.filled).unwrap_or_default();
        let is_mark = rest.starts_with(BYTE_ORDER_MARK);
        self.start += if is_mark { BYTE_ORDER_MARK.len() } else { 0 };
        Ok(is_mark)
    }

    /// Reads a record at the window's start.
    fn parse(&mut self) -> io::Result<Next> {
        let (mut at, mut written) = (self.start, 0);
        loop {
            if at == self.filled && !self.is_at_end {
                let passed = at - self.start;
                self.fill()?;
                at = self.start + passed;
            }
            let input = self.window.get(at..self.filled).unwrap_or_default();
            let text = self.text.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(self.fields..).unwrap_or_default();
            let (result, read, added, ended) = self.parser.read_record(input, text, ends);
            at += read;
            written += added;
            self.fields += ended;
            match result {
                ReadRecordResult::Record => return self.finish(at),
                ReadRecordResult::End => {
                    self.next = at;
                    return Ok(Next::End);
                }
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::InputEmpty => {}
            }
            let last_end = self.fields.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default();
            if at - self.start > LONGEST_RECORD || written - last_end > LONGEST_FIELD {
                return self.leave_behind();
            }
        }
    }

    /// Judges a record that ends before `at`.
    fn finish(&mut self, at: usize) -> io::Result<Next> {
        self.next = self.past_line_end(at)?;
        self.lines = 1;
        if self.raw().contains(&b'"') {
            let quoting = Quoting::of(self.raw(), self.delimiter);
            if quoting.is_broken() {
                // Where it ends is not known.
                self.resume_on_next_line();
                return Ok(Next::Broken);
            }
            self.lines = quoting.lines;
        }
        let mut start = 0;
        let mut is_too_long = self.next - self.start > LONGEST_RECORD;
        for end in self.ends.iter().take(self.fields) {
            is_too_long |= end - start > LONGEST_FIELD;
            start = *end;
        }
        Ok(if is_too_long { Next::TooLong } else { Next::Record })
    }

    /// Behind the line end whose first byte is before `at`: a carriage return and a line feed are one.
    fn past_line_end(&mut self, at: usize) -> io::Result<usize> {
        if at == 0 || self.window.get(at - 1) != Some(&b'\r') {
            return Ok(at);
        }
        let passed = at - self.start;
        if at == self.filled && !self.is_at_end {
            self.fill()?;
        }
        let at = self.start + passed;
        let is_pair = at < self.filled && self.window.get(at) == Some(&b'\n');
        Ok(if is_pair { at + 1 } else { at })
    }

    /// Reads another piece, the record's beginning moved to the window's.
    fn fill(&mut self) -> io::Result<()> {
        self.window.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        (self.next, self.start) = (0, 0);
        if self.window.len() < self.filled + PIECE {
            self.window.resize(self.filled + PIECE, 0);
        }
        let room = self.window.get_mut(self.filled..).unwrap_or_default();
        let read = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.filled += read;
        self.is_at_end = read == 0;
        if let Some(last) = self.filled.checked_sub(1).filter(|_| read > 0) {
            self.last_byte = self.window.get(last).copied();
        }
        Ok(())
    }

    /// Reads on behind a record that is too long, without keeping it.
    fn leave_behind(&mut self) -> io::Result<Next> {
        self.parser = parser(self.delimiter);
        let mut quotes = Quotes::new(self.delimiter);
        loop {
            let rest = self.window.get(self.start..self.filled).unwrap_or_default();
            for (place, byte) in rest.iter().enumerate() {
                match quotes.pass(*byte) {
                    Passed::On => {}
                    Passed::QuotedLineEnd => return Ok(Next::Lost),
                    Passed::RecordEnd => {
                        self.start += place;
                        self.next = self.past_line_end(self.start + 1)?;
                        self.lines = 1;
                        return Ok(Next::TooLong);
                    }
                }
            }
            self.start = self.filled;
            self.fill()?;
            if self.is_at_end {
                (self.next, self.lines) = (0, 1);
                return Ok(if quotes.is_open() { Next::Lost } else { Next::TooLong });
            }
        }
    }

    /// Makes UTF-8 of fields in Windows-1252.
    fn decode(&mut self) {
        let length = self.fields.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or_default();
        if self.text.get(..length).is_none_or(<[u8]>::is_ascii) {
            return;
        }
        let mut text = Vec::with_capacity(self.text.len() + length);
        let mut ends = self.ends.clone();
        for (place, end) in ends.iter_mut().enumerate().take(self.fields) {
            let (decoded, _) = WINDOWS_1252.decode_without_bom_handling(self.field(place));
            text.extend_from_slice(decoded.as_bytes());
            *end = text.len();
        }
        // Room for the record after this one.
        let room = text.len().max(self.text.len());
        text.resize(room, 0);
        (self.text, self.ends) = (text, ends);
    }
}

fn parser(delimiter: u8) -> Reader {
    let mut parser = ReaderBuilder::new().delimiter(delimiter).build();
    // Where a reader begins, it drops a byte-order mark, and takes input that is nothing else for the end of the file.
    parser.read_record(b"\n", &mut [0], &mut [0]);
    parser
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The lines of a record, and whether its quotes can be right.
struct Quoting {
    lines: u64,
    is_unclosed: bool,
    has_text_after_quote: bool,
}

impl Quoting {
    fn of(raw: &[u8], delimiter: u8) -> Quoting {
        let mut quotes = Quotes::new(delimiter);
        let mut lines = 0;
        let mut last = None;
        for byte in raw {
            quotes.pass(*byte);
            let is_second = *byte == b'\n' && last == Some(b'\r');
            lines += u64::from(is_line_end(*byte) && !is_second);
            last = Some(*byte);
        }
        // The last record may have no line end.
        lines += u64::from(last.is_some_and(|last| !is_line_end(last)));
        Quoting { lines, is_unclosed: quotes.is_open(), has_text_after_quote: quotes.has_text_after_quote }
    }

    /// Text after a closing quote is a habit of some writers within a line; over lines it shows a quote that is not theirs.
    fn is_broken(&self) -> bool {
        self.is_unclosed || (self.has_text_after_quote && self.lines > 1)
    }
}

/// Where quotes are in a record, read byte by byte.
struct Quotes {
    delimiter: u8,
    /// Of a field.
    is_at_start: bool,
    is_quoted: bool,
    /// The byte before was a quote within quotes: it closes, or it is the first of two.
    was_quote: bool,
    has_text_after_quote: bool,
}

enum Passed {
    On,
    RecordEnd,
    QuotedLineEnd,
}

impl Quotes {
    fn new(delimiter: u8) -> Quotes {
        Quotes { delimiter, is_at_start: true, is_quoted: false, was_quote: false, has_text_after_quote: false }
    }

    /// Whether a field is open that only a quote can close.
    fn is_open(&self) -> bool {
        self.is_quoted && !self.was_quote
    }

    fn pass(&mut self, byte: u8) -> Passed {
        let is_at_start = std::mem::replace(&mut self.is_at_start, false);
        if self.is_open() {
            self.was_quote = byte == b'"';
            return if is_line_end(byte) { Passed::QuotedLineEnd } else { Passed::On };
        }
        if self.is_quoted && byte == b'"' {
            self.was_quote = false;
            return Passed::On;
        }
        self.has_text_after_quote |= self.is_quoted && byte != self.delimiter && !is_line_end(byte);
        (self.is_quoted, self.was_quote) = (false, false);
        match byte {
            byte if is_line_end(byte) => return Passed::RecordEnd,
            b'"' if is_at_start => self.is_quoted = true,
            byte => self.is_at_start = byte == self.delimiter,
        }
        Passed::On
    }
}
