//! What a Parquet file says of itself, read before any plan is made: its columns, its rows, its statistics.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaDataReader;
use sha2::{Digest, Sha256};

use super::files::File;
use crate::error::{Error, Result};
use crate::rulebook::hex;

/// Length of the trailer: four bytes of footer length and the magic.
const TRAILER: u64 = 8;

/// The footer of one file.
#[derive(Debug, Clone)]
pub struct Footer {
    pub schema: SchemaRef,
    /// Rows in the file.
    pub rows: u64,
    /// SHA-256 of the footer's bytes: changes whenever the file is rewritten with other data.
    pub hash: String,
}

impl Footer {
    /// Reads a file's footer.
    ///
    /// # Errors
    /// Refused where the file is not Parquet, truncated or damaged; storage where it cannot be read.
    pub fn read(file: &File) -> Result<Footer> {
        let bytes = footer_bytes(file)?;
        let damaged = |error: parquet::errors::ParquetError| unreadable(file, &error.to_string());
        let metadata = ParquetMetaDataReader::decode_metadata(&bytes).map_err(damaged)?;
        let description = metadata.file_metadata();
        let schema =
            parquet_to_arrow_schema(description.schema_descr(), description.key_value_metadata()).map_err(damaged)?;
        Ok(Footer {
            schema: Arc::new(schema),
            rows: u64::try_from(description.num_rows()).unwrap_or(0),
            hash: hex(&Sha256::digest(&bytes)),
        })
    }
}

fn footer_bytes(file: &File) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Error::storage("read the footer", &file.path, &error);
    let mut handle = fs::File::open(&file.path).map_err(failed)?;
    let size = handle.metadata().map_err(failed)?.len();
    if size < TRAILER {
        return Err(unreadable(file, "it is shorter than a Parquet footer"));
    }
    let mut trailer = [0u8; TRAILER as usize];
    handle.seek(SeekFrom::Start(size - TRAILER)).map_err(failed)?;
    handle.read_exact(&mut trailer).map_err(failed)?;
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
    Ok(bytes)
}

/// A file that cannot be read as Parquet.
pub(super) fn unreadable(file: &File, why: &str) -> Error {
    Error::refused(format!("the file cannot be read as Parquet: {why}"))
        .at(file.path.display())
        .hint("write it again, or move it out of the history")
}
