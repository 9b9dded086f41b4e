//! Arrow types of a Parquet file's columns, each found by itself where not all have one: a column that nobody reads may be of any type.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::datatypes::{FieldRef, Schema};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_schema_by_columns};
use parquet::file::metadata::{FileMetaData, KeyValue};
use parquet::schema::types::SchemaDescriptor;

/// Columns with a type, in the file's order, and why others have none, by name.
pub(super) struct ColumnTypes {
    pub schema: Schema,
    pub untyped: BTreeMap<String, String>,
}

/// The types of a file's columns.
pub(super) fn column_types(description: &FileMetaData) -> ColumnTypes {
    let (stored, metadata) = (description.schema_descr(), description.key_value_metadata());
    if let Ok(schema) = types(stored, ProjectionMask::all(), metadata) {
        return ColumnTypes { schema, untyped: BTreeMap::new() };
    }
    let (mut fields, mut untyped) = (Vec::<FieldRef>::new(), BTreeMap::new());
    for (place, column) in stored.root_schema().get_fields().iter().enumerate() {
        let alone = || ProjectionMask::roots(stored, [place]);
        // What the writer says of types in its own words may be what cannot be read.
        match types(stored, alone(), metadata).or_else(|_| types(stored, alone(), None)) {
            Ok(schema) => fields.extend(schema.fields().iter().cloned()),
            Err(why) => {
                untyped.insert(column.name().to_owned(), why);
            }
        }
    }
    ColumnTypes { schema: Schema::new(fields), untyped }
}

fn types(
    stored: &SchemaDescriptor,
    columns: ProjectionMask,
    metadata: Option<&Vec<KeyValue>>,
) -> Result<Schema, String> {
    // The reader panics at some types that are new to it.
    let schema = catch_unwind(AssertUnwindSafe(|| parquet_to_arrow_schema_by_columns(stored, columns, metadata)));
    let schema = schema.map_err(|_| "its type is not known".to_owned())?;
    schema.map_err(|error| error.to_string())
}
