//! One Parquet file of a history, written in batches so that memory does not grow with its rows.
//!
//! `docs/history-layout.md` says why it is laid out like this.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

/// Small enough that a reader of one tenant skips most of a month, large enough to compress.
const ROWS_PER_GROUP: usize = 256 * 1024;
/// Rows are handed over in batches of about this many.
pub const ROWS_PER_BATCH: usize = 32 * 1024;
/// A row group's tenant ids fit a dictionary of this many bytes; the default, a quarter of it, would fall back to plain text.
const TENANT_DICTIONARY: usize = 4 * 1024 * 1024;

/// A column: its name, its type, and whether the format allows nulls in it.
#[derive(Debug, Clone)]
pub struct Column(pub &'static str, pub DataType, pub bool);

/// A file under way.
#[derive(Debug)]
pub struct Table {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    path: PathBuf,
}

impl Table {
    /// Creates the file. In a `dirty` one every column may hold nulls, and integers are wide enough for what is too large.
    ///
    /// # Errors
    /// Where the file cannot be created.
    pub fn create(path: PathBuf, columns: &[Column], dirty: bool) -> io::Result<Self> {
        let fields: Vec<Field> = columns.iter().map(|column| field(column, dirty)).collect();
        let schema = Arc::new(Schema::new(fields));
        let writer = ArrowWriter::try_new(File::create(&path)?, schema.clone(), Some(properties()?));
        writer.map(|writer| Table { writer, schema, path }).map_err(io::Error::other)
    }

    /// Adds rows, given as one array for each column.
    ///
    /// # Errors
    /// Where a column is not of its type, or the file cannot grow.
    pub fn write(&mut self, columns: Vec<ArrayRef>) -> io::Result<()> {
        let fields = self.schema.fields().iter();
        let columns = fields.zip(&columns).map(|(field, column)| cast(column, field.data_type()));
        let columns = columns.collect::<Result<_, _>>().map_err(io::Error::other)?;
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(io::Error::other)
    }

    /// Completes the file and returns its size in bytes.
    ///
    /// # Errors
    /// Where the file cannot grow.
    pub fn close(self) -> io::Result<u64> {
        self.writer.close().map_err(io::Error::other)?;
        size(&self.path)
    }
}

fn size(path: &Path) -> io::Result<u64> {
    Ok(path.metadata()?.len())
}

fn field(Column(name, kind, nullable): &Column, dirty: bool) -> Field {
    let kind = match kind {
        DataType::Int32 if dirty => DataType::Int64,
        other => other.clone(),
    };
    Field::new(*name, kind, *nullable || dirty)
}

fn properties() -> io::Result<WriterProperties> {
    let zstd = ZstdLevel::try_new(1).map_err(io::Error::other)?;
    let tenant_id = ColumnPath::from("tenant_id");
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_column_dictionary_page_size_limit(tenant_id, TENANT_DICTIONARY)
        .build())
}
