//! Records of a delimited file, one at a time, as ranges of a window over it. No field is copied, and no quote can make the window
//! longer than a record may be.

use std::borrow::Cow;
use std::io::{self, Read};

/// A field longer than this, with its quotes, is not kept.
const LONGEST_FIELD: usize = 1 << 20;
/// Nor is a record; a window is never longer than this and a piece.
const LONGEST_RECORD: usize = 2 << 20;
/// How much is read at once.
const PIECE: usize = 256 << 10;

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
    pub(super) delimiter: u8,
    fields: Vec<Field>,
    /// The line on which the record begins, from one, and how many it has.
    line: u64,
    lines: u64,
}

/// A field's bytes in the window, without the quotes around.
#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    /// Has quotes that are written twice, or text after the closing one.
    is_escaped: bool,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record.
    Record,
    /// A record whose quotes cannot be right: one is never closed, or text follows one and the record goes over lines.
    Broken,
    /// A record of one line that is too long, left behind.
    TooLong,
    /// A quote that is not closed within what a field may have: nobody knows where rows begin from here on.
    Lost,
    End,
}

/// How far a record was understood.
enum Parsed {
    Record { next: usize, lines: u64 },
    Broken,
    TooLong,
    More,
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
            delimiter: b',',
            fields: Vec::new(),
            line: 1,
            lines: 0,
        }
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
        self.fields.len()
    }

    /// A field of the record; empty where it has none there.
    pub(super) fn field(&self, place: usize) -> Cow<'_, [u8]> {
        let Some(field) = self.fields.get(place) else { return Cow::Borrowed(&[]) };
        let bytes = self.window.get(field.start..field.end).unwrap_or_default();
        if field.is_escaped { Cow::Owned(unescaped(bytes)) } else { Cow::Borrowed(bytes) }
    }

    /// The bytes of the whole record, with its line ends.
    pub(super) fn raw(&self) -> &[u8] {
        self.window.get(self.start..self.next).unwrap_or_default()
    }

    /// Whether the file has ended, and its last line without an end.
    pub(super) fn is_cut(&self) -> bool {
        self.is_at_end && self.filled > 0 && self.window.get(..self.filled).is_some_and(|all| !all.ends_with(b"\n"))
    }

    /// The first bytes of the file, as many as there are up to a piece.
    pub(super) fn beginning(&mut self) -> io::Result<&[u8]> {
        if self.filled == 0 && !self.is_at_end {
            self.fill()?;
        }
        Ok(self.window.get(self.start..self.filled).unwrap_or_default())
    }

    /// Leaves bytes at the beginning behind.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.filled);
        self.next = self.start;
    }

    /// Goes back to the beginning of the record, to read it anew.
    pub(super) fn again(&mut self) {
        self.next = self.start;
        self.lines = 0;
    }

    /// Goes on with the line after the record's first: the lines below may be sound.
    pub(super) fn resume_on_next_line(&mut self) {
        let rest = self.window.get(self.start..self.filled).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |place| place + 1);
        self.next = self.start + end;
        self.lines = 1;
    }

    /// Reads the next record.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.line += self.lines;
        self.lines = 0;
        self.start = self.next;
        loop {
            match self.parse() {
                Parsed::Record { next, lines } => {
                    (self.next, self.lines) = (next, lines);
                    return Ok(Next::Record);
                }
                Parsed::Broken => {
                    // What is known of its end is worth nothing.
                    self.resume_on_next_line();
                    return Ok(Next::Broken);
                }
                Parsed::TooLong => return self.leave_behind(),
                Parsed::More if self.is_at_end => {
                    self.next = self.start;
                    return Ok(Next::End);
                }
                Parsed::More => self.fill()?,
            }
        }
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
        Ok(())
    }

    /// Reads a record at the window's start into `fields`.
    fn parse(&mut self) -> Parsed {
        self.fields.clear();
        let window = self.window.get(..self.filled).unwrap_or_default();
        let mut at = self.start;
        let mut lines = 1;
        let mut has_text_after_quote = false;
        if at == window.len() {
            return Parsed::More;
        }
        loop {
            let begins = at;
            let too_long = |at: usize| at - begins > LONGEST_FIELD || at - self.start > LONGEST_RECORD;
            let mut field = Field { start: at, end: at, is_escaped: false };
            if window.get(at) == Some(&b'"') {
                let Some(closed) = closing_quote(window, at + 1, &mut field.is_escaped) else {
                    return match (too_long(window.len()), self.is_at_end) {
                        (true, _) => Parsed::TooLong,
                        (false, true) => Parsed::Broken,
                        (false, false) => Parsed::More,
                    };
                };
                let quoted = window.get(at..closed).unwrap_or_default();
                lines += quoted.iter().filter(|byte| **byte == b'\n').count() as u64;
                field.start = at + 1;
                field.end = closed;
                at = closed + 1;
            }
            let delimiter = self.delimiter;
            let rest = window.get(at..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == delimiter || *byte == b'\n');
            let Some(end) = end.map(|end| at + end).or(self.is_at_end.then_some(window.len())) else {
                return if too_long(window.len()) { Parsed::TooLong } else { Parsed::More };
            };
            if too_long(end) {
                return Parsed::TooLong;
            }
            let is_last = window.get(end) != Some(&delimiter);
            let text_ends = if is_last && end > at && window.get(end - 1) == Some(&b'\r') { end - 1 } else { end };
            if field.start == begins {
                field.end = text_ends;
            } else if text_ends > at {
                has_text_after_quote = true;
                field.is_escaped = true;
                field.end = text_ends;
            }
            self.fields.push(field);
            at = (end + 1).min(window.len());
            if is_last {
                let is_broken = has_text_after_quote && lines > 1;
                return if is_broken { Parsed::Broken } else { Parsed::Record { next: at, lines } };
            }
            if at == window.len() && !self.is_at_end {
                return Parsed::More;
            }
        }
    }

    /// Reads on behind a record that is too long, without keeping it.
    fn leave_behind(&mut self) -> io::Result<Next> {
        let mut quotes = Quotes { delimiter: self.delimiter, is_at_start: true, is_quoted: false, was_quote: false };
        let mut at = self.start;
        loop {
            while let Some(byte) = self.window.get(at).filter(|_| at < self.filled) {
                at += 1;
                match quotes.passed(*byte) {
                    Passed::On => {}
                    Passed::RecordEnd => {
                        (self.next, self.lines) = (at, 1);
                        return Ok(Next::TooLong);
                    }
                    Passed::QuotedLineEnd => return Ok(Next::Lost),
                }
            }
            self.start = self.filled;
            self.fill()?;
            at = 0;
            if self.is_at_end {
                (self.next, self.lines) = (0, 1);
                return Ok(if quotes.is_open() { Next::Lost } else { Next::TooLong });
            }
        }
    }
}

/// Where the quote is that closes a field whose text begins at `at`.
fn closing_quote(window: &[u8], mut at: usize, is_escaped: &mut bool) -> Option<usize> {
    loop {
        let quote = at + window.get(at..)?.iter().position(|byte| *byte == b'"')?;
        if window.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        *is_escaped = true;
        at = quote + 2;
    }
}

/// Where quotes stand in a record whose text nobody keeps.
struct Quotes {
    delimiter: u8,
    /// Of a field.
    is_at_start: bool,
    is_quoted: bool,
    /// The byte before was a quote within quotes: it closes, or it is the first of two.
    was_quote: bool,
}

enum Passed {
    On,
    RecordEnd,
    QuotedLineEnd,
}

impl Quotes {
    /// Whether a field is open that only a quote can close.
    fn is_open(&self) -> bool {
        self.is_quoted && !self.was_quote
    }

    fn passed(&mut self, byte: u8) -> Passed {
        let is_at_start = std::mem::replace(&mut self.is_at_start, false);
        if self.is_open() {
            self.was_quote = byte == b'"';
            return if byte == b'\n' { Passed::QuotedLineEnd } else { Passed::On };
        }
        if self.is_quoted && byte == b'"' {
            self.was_quote = false;
            return Passed::On;
        }
        (self.is_quoted, self.was_quote) = (false, false);
        match byte {
            b'\n' => return Passed::RecordEnd,
            b'"' if is_at_start => self.is_quoted = true,
            byte => self.is_at_start = byte == self.delimiter,
        }
        Passed::On
    }
}

/// The text of a field whose closing quote, or one written twice, is still in it.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    let mut is_second = false;
    let mut is_closed = false;
    for byte in bytes {
        if *byte == b'"' && !is_closed {
            if is_second {
                text.push(b'"');
            }
            is_second = !is_second;
            continue;
        }
        // A quote that stood alone has closed the field: what follows is text as it is.
        is_closed |= is_second;
        is_second = false;
        text.push(*byte);
    }
    text
}
