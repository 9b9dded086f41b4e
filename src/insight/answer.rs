//! What an answer can be printed as.

use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::publish::{self, Encoding};

/// An answer to a question: whole as JSON, with a schema, or its rows as one table.
pub trait Answer: Serialize + JsonSchema {
    /// The rows, for Parquet and CSV.
    fn rows(&self) -> Result<DataFrame>;

    /// Its bytes: whole as JSON, its rows otherwise.
    fn encoded(&self, encoding: Encoding) -> Result<Vec<u8>> {
        if encoding != Encoding::Json {
            return publish::encode(&self.rows()?, encoding);
        }
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| Error::internal(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }
}

/// A column of values, of the type that every reader shares.
pub fn column<T>(name: &str, values: Vec<T>) -> Column
where
    Series: NamedFrom<Vec<T>, [T]>,
    Vec<T>: AsRef<[T]>,
{
    Series::new(name.into(), values).into()
}

/// A frame of columns of one length.
pub fn frame(columns: Vec<Column>) -> Result<DataFrame> {
    let height = columns.first().map_or(0, Column::len);
    DataFrame::new(height, columns).map_err(|error| Error::internal(error.to_string()))
}
