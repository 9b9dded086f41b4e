//! Thrift's compact protocol, as far as page headers, column indexes and encrypted footers need it.

use std::collections::BTreeMap;

/// How deep structures may nest; Parquet's own are far below.
const DEPTH: usize = 32;

/// Why bytes are not a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// They end too early; more bytes may help.
    Short,
    Wrong,
}

type Read<T> = std::result::Result<T, Malformed>;

/// A value of any type; numbers of all widths are one type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Flag(bool),
    Number(i64),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Fields(Fields<'a>),
    /// A type that no structure read here uses.
    Other,
}

/// The fields of a structure by their number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fields<'a>(BTreeMap<i16, Value<'a>>);

impl<'a> Fields<'a> {
    /// Reads a structure; returns it with its length in bytes.
    pub(super) fn read(bytes: &'a [u8]) -> Read<(Fields<'a>, usize)> {
        let mut reader = Reader { bytes, at: 0 };
        let fields = reader.fields(0)?;
        Ok((fields, reader.at))
    }

    pub(super) fn has(&self, id: i16) -> bool {
        self.0.contains_key(&id)
    }

    pub(super) fn number(&self, id: i16) -> Option<i64> {
        if let Some(Value::Number(number)) = self.0.get(&id) { Some(*number) } else { None }
    }

    pub(super) fn flag(&self, id: i16) -> Option<bool> {
        if let Some(Value::Flag(flag)) = self.0.get(&id) { Some(*flag) } else { None }
    }

    pub(super) fn bytes(&self, id: i16) -> Option<&'a [u8]> {
        if let Some(Value::Bytes(bytes)) = self.0.get(&id) { Some(bytes) } else { None }
    }

    pub(super) fn fields(&self, id: i16) -> Option<&Fields<'a>> {
        if let Some(Value::Fields(fields)) = self.0.get(&id) { Some(fields) } else { None }
    }

    pub(super) fn list(&self, id: i16) -> Option<&[Value<'a>]> {
        if let Some(Value::List(values)) = self.0.get(&id) { Some(values) } else { None }
    }
}

/// Whether a structure has a field, with nothing of it kept.
pub(super) fn has_field(bytes: &[u8], id: i16) -> bool {
    let mut reader = Reader { bytes, at: 0 };
    let mut last = 0;
    while let Ok(Some((found, kind))) = reader.field(last) {
        if found == id {
            return true;
        }
        last = found;
        if reader.skip(kind, 0).is_err() {
            return false;
        }
    }
    false
}

/// Types as the protocol numbers them.
mod kind {
    pub const TRUE: u8 = 0x01;
    pub const FALSE: u8 = 0x02;
    pub const BYTE: u8 = 0x03;
    pub const I16: u8 = 0x04;
    pub const I64: u8 = 0x06;
    pub const DOUBLE: u8 = 0x07;
    pub const BINARY: u8 = 0x08;
    pub const LIST: u8 = 0x09;
    pub const SET: u8 = 0x0A;
    pub const MAP: u8 = 0x0B;
    pub const STRUCT: u8 = 0x0C;
    pub const UUID: u8 = 0x0D;
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Read<u8> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Malformed::Wrong)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed::Short)?;
        self.at = end;
        Ok(taken)
    }

    fn unsigned(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Wrong)
    }

    fn signed(&mut self) -> Read<i64> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn length(&mut self) -> Read<usize> {
        usize::try_from(self.unsigned()?).map_err(|_| Malformed::Wrong)
    }

    /// The next field's number and type; None at the end of a structure.
    fn field(&mut self, last: i16) -> Read<Option<(i16, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Ok(None);
        }
        let id = match head >> 4 {
            0 => i16::try_from(self.signed()?).map_err(|_| Malformed::Wrong)?,
            more => last.checked_add(i16::from(more)).ok_or(Malformed::Wrong)?,
        };
        Ok(Some((id, head & 0x0F)))
    }

    fn fields(&mut self, depth: usize) -> Read<Fields<'a>> {
        if depth > DEPTH {
            return Err(Malformed::Wrong);
        }
        let mut fields = BTreeMap::new();
        let mut last = 0;
        while let Some((id, kind)) = self.field(last)? {
            fields.insert(id, self.value(kind, depth)?);
            last = id;
        }
        Ok(Fields(fields))
    }

    fn value(&mut self, kind: u8, depth: usize) -> Read<Value<'a>> {
        Ok(match kind {
            kind::TRUE => Value::Flag(true),
            kind::FALSE => Value::Flag(false),
            kind::I16..=kind::I64 => Value::Number(self.signed()?),
            kind::BINARY => {
                let length = self.length()?;
                Value::Bytes(self.take(length)?)
            }
            kind::LIST | kind::SET => Value::List(self.list(depth)?),
            kind::STRUCT => Value::Fields(self.fields(depth + 1)?),
            other => {
                self.skip(other, depth)?;
                Value::Other
            }
        })
    }

    /// The number of a list's elements and their type.
    fn list_head(&mut self) -> Read<(usize, u8)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            0x0F => self.length()?,
            few => usize::from(few),
        };
        Ok((length, head & 0x0F))
    }

    fn list(&mut self, depth: usize) -> Read<Vec<Value<'a>>> {
        let (length, kind) = self.list_head()?;
        let mut values = Vec::new();
        for _ in 0..length {
            values.push(match kind {
                // In a list a flag is a byte of its own.
                kind::TRUE | kind::FALSE => Value::Flag(self.byte()? == kind::TRUE),
                kind => self.value(kind, depth + 1)?,
            });
        }
        Ok(values)
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Read<()> {
        if depth > DEPTH {
            return Err(Malformed::Wrong);
        }
        match kind {
            kind::TRUE | kind::FALSE => {}
            kind::BYTE => drop(self.byte()?),
            kind::I16..=kind::I64 => drop(self.unsigned()?),
            kind::DOUBLE => drop(self.take(size_of::<f64>())?),
            kind::BINARY => {
                let length = self.length()?;
                self.take(length)?;
            }
            kind::LIST | kind::SET => {
                let (length, kind) = self.list_head()?;
                (0..length).try_for_each(|_| self.skip_element(kind, depth))?;
            }
            kind::MAP => self.skip_map(depth)?,
            kind::STRUCT => {
                let mut last = 0;
                while let Some((id, kind)) = self.field(last)? {
                    self.skip(kind, depth + 1)?;
                    last = id;
                }
            }
            kind::UUID => drop(self.take(size_of::<u128>())?),
            _ => return Err(Malformed::Wrong),
        }
        Ok(())
    }

    fn skip_element(&mut self, kind: u8, depth: usize) -> Read<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.byte().map(drop),
            kind => self.skip(kind, depth + 1),
        }
    }

    fn skip_map(&mut self, depth: usize) -> Read<()> {
        let length = self.length()?;
        if length == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        for _ in 0..length {
            self.skip_element(kinds >> 4, depth)?;
            self.skip_element(kinds & 0x0F, depth)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_header_is_read_with_its_length() {
        // type 0, sizes 5 and 7, a checksum of -1, num_values 3 of a data page; two bytes of what follows.
        let bytes = [0x15, 0x00, 0x15, 0x0A, 0x15, 0x0E, 0x15, 0x01, 0x1C, 0x15, 0x06, 0x00, 0x00, 0xFF, 0xFF];
        let (header, length) = Fields::read(&bytes).expect("a structure");
        assert_eq!(length, bytes.len() - 2);
        assert_eq!((header.number(2), header.number(3), header.number(4)), (Some(5), Some(7), Some(-1)));
        assert_eq!(header.fields(5).and_then(|data| data.number(1)), Some(3));
        assert!(has_field(&bytes, 5) && !has_field(&bytes, 8));
    }

    #[test]
    fn bytes_that_end_too_early_are_told_from_wrong_ones() {
        assert_eq!(Fields::read(&[0x15]).expect_err("short"), Malformed::Short);
        assert_eq!(Fields::read(&[0x15, 0xFF]).expect_err("short"), Malformed::Short);
        assert_eq!(Fields::read(&[0x1F, 0x00]).expect_err("no such type"), Malformed::Wrong);
        assert_eq!(Fields::read(&[0x1C; 100]).expect_err("too deep"), Malformed::Wrong);
    }
}
