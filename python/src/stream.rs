//! Arrow's C stream, both ways: tables of other programs in, tables of results out, without a copy.

use std::ffi::CStr;

use partnerscore::engine;
use partnerscore::error::{Error, Result};
use partnerscore::history::Given;
use polars::prelude::*;
use polars_arrow::array::StructArray;
use polars_arrow::ffi::{ArrowArrayStream, ArrowArrayStreamReader, export_iterator};
use polars_arrow::record_batch::RecordBatchT;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

/// What capsules of a stream are called.
const NAME: &CStr = c"arrow_array_stream";

/// A stream that was handed over and is yet to be read.
pub struct Stream(Box<ArrowArrayStream>);

impl Stream {
    /// Takes the stream out of the capsule that an object's `__arrow_c_stream__` gives.
    pub fn of(capsule: &Bound<'_, PyCapsule>) -> PyResult<Stream> {
        let pointer = capsule.pointer_checked(Some(NAME))?.cast::<ArrowArrayStream>();
        // SAFETY: a capsule of this name holds a stream of this layout; what is left in its place is a released one, as whoever
        // takes a stream must leave it.
        let stream = unsafe { std::ptr::replace(pointer.as_ptr(), ArrowArrayStream::empty()) };
        Ok(Stream(Box::new(stream)))
    }

    /// Reads all of it, as a table of this name.
    ///
    /// # Errors
    /// Refused where its program fails, or hands over something else than rows.
    pub fn read(self, table: &str) -> Result<Given> {
        let failed = |error: PolarsError| {
            Error::refused(format!("table `{table}` could not be read: {error}")).at("tables in memory")
        };
        // SAFETY: the capsule that it came from promises a stream that keeps to the interface.
        let mut reader = unsafe { ArrowArrayStreamReader::try_new(self.0) }.map_err(failed)?;
        let ArrowDataType::Struct(fields) = reader.field().dtype().clone() else {
            return Err(
                Error::refused(format!("table `{table}` is a column, and must be a table")).at("tables in memory")
            );
        };
        let mut batches = Vec::new();
        // SAFETY: as above.
        while let Some(array) = unsafe { reader.next() } {
            engine::go_on()?;
            let array = array.map_err(failed)?;
            let rows = array.as_any().downcast_ref::<StructArray>();
            batches.push(rows.map(|rows| rows.values().to_vec()).unwrap_or_default());
        }
        Ok(Given { table: table.to_owned(), fields, batches })
    }

    /// Reads all of it, with every column that it has.
    ///
    /// # Errors
    /// Those of [`read`](Stream::read).
    pub fn frame(self, table: &str) -> Result<DataFrame> {
        let Given { fields, batches, .. } = self.read(table)?;
        let height = batches.iter().filter_map(|batch| batch.first()).map(|array| array.len()).sum();
        let column = |(place, field): (usize, &ArrowField)| {
            let arrays: Vec<ArrayRef> = batches.iter().filter_map(|batch| batch.get(place)).cloned().collect();
            match arrays.is_empty() {
                true => Ok(Series::new_empty(field.name.clone(), &DataType::from_arrow_dtype(field.dtype()))),
                false => Series::try_from((field, arrays)),
            }
        };
        let columns = fields.iter().enumerate().map(column).map(|series| series.map(Column::from));
        let frame = columns.collect::<PolarsResult<Vec<_>>>().and_then(|columns| DataFrame::new(height, columns));
        frame.map_err(|error| Error::internal(format!("table `{table}` could not be read: {error}")))
    }
}

/// A stream of frames with the columns of `schema`, in the types of a version of Arrow.
pub fn exported(
    py: Python<'_>,
    schema: &Schema,
    level: CompatLevel,
    frames: impl Iterator<Item = PolarsResult<DataFrame>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let fields = schema.iter().map(|(name, dtype)| dtype.to_arrow_field(name.clone(), level));
    let rows = ArrowDataType::Struct(fields.collect());
    let field = ArrowField::new(PlSmallStr::EMPTY, rows.clone(), false);
    let batches = frames.flat_map(move |frame| match frame {
        Ok(frame) => batches(frame, &rows, level),
        Err(error) => vec![Err(error)],
    });
    let stream = export_iterator(Box::new(batches), field);
    Ok(PyCapsule::new_with_value(py, stream, NAME)?.into_any().unbind())
}

fn batches(mut frame: DataFrame, rows: &ArrowDataType, level: CompatLevel) -> Vec<PolarsResult<ArrayRef>> {
    frame.rechunk_mut();
    let array = |batch: RecordBatchT<ArrayRef>| {
        let height = batch.height();
        StructArray::try_new(rows.clone(), height, batch.into_arrays(), None).map(|array| array.boxed())
    };
    frame.iter_chunks(level, false).map(array).collect()
}
