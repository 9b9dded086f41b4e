//! Encodings of text: UTF-8 as it is, UTF-16 made UTF-8.

use std::io::{self, Read};

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
/// How much is read at once.
const PIECE: usize = 64 << 10;
/// Bytes by which UTF-16 without a byte-order mark is recognised: they are within the header, which is ASCII.
const SAMPLE: usize = 256;

/// A reader that gives UTF-8 without a byte-order mark, whatever its input is in.
pub(super) struct Utf8Reader<R> {
    input: R,
    /// What was read of the input and not given yet.
    pending: Vec<u8>,
    given: usize,
    decoder: Option<Decoder>,
    /// Text that is decoded and not given yet.
    text: Vec<u8>,
    given_text: usize,
    is_at_end: bool,
    /// A byte-order mark says that the text is UTF-8.
    pub(super) is_marked_utf8: bool,
    /// The text is UTF-16 and no byte-order mark says so.
    pub(super) is_unmarked_utf16: bool,
}

impl<R: Read> Utf8Reader<R> {
    /// Reads the beginning of the input, to find its encoding.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn new(mut input: R) -> io::Result<Utf8Reader<R>> {
        let mut pending = Vec::new();
        input.by_ref().take(SAMPLE as u64).read_to_end(&mut pending)?;
        let mut reader = Utf8Reader {
            input,
            pending,
            given: 0,
            decoder: None,
            text: Vec::new(),
            given_text: 0,
            is_at_end: false,
            is_marked_utf8: false,
            is_unmarked_utf16: false,
        };
        reader.find_encoding();
        Ok(reader)
    }

    fn find_encoding(&mut self) {
        let bytes = self.pending.as_slice();
        let (encoding, mark) = if bytes.starts_with(UTF_8_MARK) {
            self.is_marked_utf8 = true;
            (None, UTF_8_MARK.len())
        } else if bytes.starts_with(b"\xff\xfe") {
            (Some(UTF_16LE), 2)
        } else if bytes.starts_with(b"\xfe\xff") {
            (Some(UTF_16BE), 2)
        } else if every_second_is_zero(bytes, 1) {
            self.is_unmarked_utf16 = true;
            (Some(UTF_16LE), 0)
        } else if every_second_is_zero(bytes, 0) {
            self.is_unmarked_utf16 = true;
            (Some(UTF_16BE), 0)
        } else {
            (None, 0)
        };
        self.given = mark;
        self.decoder = encoding.map(encoding_rs::Encoding::new_decoder_without_bom_handling);
    }

    /// Gives bytes of the input as they are.
    fn read_input(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let pending = self.pending.get(self.given..).unwrap_or_default();
        if pending.is_empty() {
            return self.input.read(room);
        }
        let given = give(pending, room);
        self.given += given;
        Ok(given)
    }

    /// Decodes another piece of the input.
    fn decode(&mut self, mut decoder: Decoder) -> io::Result<()> {
        let mut bytes = vec![0; PIECE];
        let read = self.read_input(&mut bytes)?;
        self.is_at_end = read == 0;
        let bytes = bytes.get(..read).unwrap_or_default();
        let room = decoder.max_utf8_buffer_length(read).unwrap_or(4 * PIECE);
        self.text.resize(room, 0);
        let (_, _, written, _) = decoder.decode_to_utf8(bytes, &mut self.text, self.is_at_end);
        self.text.truncate(written);
        self.given_text = 0;
        self.decoder = Some(decoder);
        Ok(())
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let text = self.text.get(self.given_text..).unwrap_or_default();
            if !text.is_empty() {
                let given = give(text, room);
                self.given_text += given;
                return Ok(given);
            }
            if self.is_at_end {
                return Ok(0);
            }
            match self.decoder.take() {
                Some(decoder) => self.decode(decoder)?,
                None => return self.read_input(room),
            }
        }
    }
}

/// Copies as much as there is room for.
fn give(bytes: &[u8], room: &mut [u8]) -> usize {
    let length = bytes.len().min(room.len());
    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    length
}

/// Whether of each two bytes the one at `place` is zero, and the other is not: ASCII text in UTF-16.
fn every_second_is_zero(bytes: &[u8], place: usize) -> bool {
    let mut pairs = bytes.chunks_exact(2);
    pairs.len() > 1 && pairs.all(|pair| pair.get(place) == Some(&0) && pair.get(1 - place) != Some(&0))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::Utf8Reader;

    fn decoded(bytes: &[u8]) -> String {
        let mut text = String::new();
        Utf8Reader::new(bytes).expect("a reader").read_to_string(&mut text).expect("text");
        text
    }

    fn utf_16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        // Longer than a piece, with letters of one to four bytes at its edge.
        let text = format!("CustomerTenantId,Month\n{}é日\u{1f680}\n", "a1é日\u{1f680},".repeat(40_000));
        assert_eq!(decoded(text.as_bytes()), text, "UTF-8");
        assert_eq!(decoded(format!("\u{feff}{text}").as_bytes()), text, "UTF-8 with a mark");
        let marked = format!("\u{feff}{text}");
        assert_eq!(decoded(&utf_16(&marked, u16::to_le_bytes)), text, "UTF-16, little endian");
        assert_eq!(decoded(&utf_16(&marked, u16::to_be_bytes)), text, "UTF-16, big endian");
        let ascii = "CustomerTenantId,Month\nx,2026-10-01\n".repeat(9) + "é\n";
        assert_eq!(decoded(&utf_16(&ascii, u16::to_le_bytes)), ascii, "UTF-16 without a mark");
        assert_eq!(decoded(&utf_16(&ascii, u16::to_be_bytes)), ascii, "UTF-16, big endian, without a mark");
        assert_eq!(decoded(b""), "");
    }
}
