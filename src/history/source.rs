//! Where a history is: a folder of Parquet tables, or tables that were given one by one, in memory or as files that somebody lists.

use std::path::{Path, PathBuf};

use polars::prelude::*;
use polars_arrow::array::{DictionaryArray, DictionaryKey};
use polars_arrow::datatypes::IntegerType;

use super::listed::Listed;
use super::table::Kind;
use super::{Tables, associations, certifications, partners, workload_usage};
use crate::error::{Error, Result, nearest};

/// Where a history is.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder of Parquet tables.
    Folder(PathBuf),
    /// The four tables, one by one.
    Parts(Box<[Part; 4]>),
}

/// One table of a history.
#[derive(Debug, Clone)]
pub enum Part {
    /// Its rows, in memory.
    Held(DataFrame),
    /// Its live files.
    Listed(Listed),
}

impl Source {
    /// A history of tables that were given, each with its name.
    ///
    /// # Errors
    /// Absent where a table was not given; usage where one is not of a history.
    pub fn given(tables: Vec<(String, Part)>) -> Result<Source> {
        let mut found: [Option<Part>; 4] = Default::default();
        for (table, part) in tables {
            let place = Tables::NAMES.iter().position(|name| *name == table);
            let place = place.and_then(|place| found.get_mut(place)).ok_or_else(|| unknown(&table))?;
            *place = Some(part);
        }
        for (name, table) in Tables::NAMES.into_iter().zip(&found) {
            if table.is_none() {
                return Err(Error::absent(format!("table `{name}` is missing"))
                    .at(PLACE)
                    .hint(format!("give {}", Tables::NAMES.join(", "))));
            }
        }
        Ok(Source::Parts(Box::new(found.map(|part| part.unwrap_or_else(|| Part::Held(DataFrame::default()))))))
    }
}

impl From<PathBuf> for Source {
    fn from(folder: PathBuf) -> Self {
        Source::Folder(folder)
    }
}

impl From<&PathBuf> for Source {
    fn from(folder: &PathBuf) -> Self {
        Source::Folder(folder.clone())
    }
}

impl From<&Path> for Source {
    fn from(folder: &Path) -> Self {
        Source::Folder(folder.to_owned())
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Self {
        source.clone()
    }
}

/// A table of arrays in Arrow's layout, as other programs hand them over: batches of its columns.
#[derive(Debug)]
pub struct Given {
    /// A table's name, such as `associations`.
    pub table: String,
    pub fields: Vec<ArrowField>,
    /// By batch, an array for each field.
    pub batches: Vec<Vec<ArrayRef>>,
}

impl Tables {
    /// The names of the four tables.
    pub const NAMES: [&str; 4] = [partners::NAME, associations::NAME, certifications::NAME, workload_usage::NAME];
}

/// What stands for the folder of a history that has none.
const PLACE: &str = "tables in memory";
/// The same where some of its tables are files.
const PLACE_OF_SOME: &str = "tables as they were given";

/// What stands for the folder of a history of parts.
pub(super) fn place(parts: &[Part]) -> &'static str {
    let in_memory = parts.iter().all(|part| matches!(part, Part::Held(_)));
    if in_memory { PLACE } else { PLACE_OF_SOME }
}

fn unknown(table: &str) -> Error {
    let error = Error::usage(format!("a history has no table `{table}`")).at(PLACE);
    match nearest(table, Tables::NAMES) {
        Some(name) => error.hint(format!("did you mean `{name}`?")),
        None => error.hint(format!("its tables are {}", Tables::NAMES.join(", "))),
    }
}

impl Given {
    /// The columns that are read; others are left out.
    ///
    /// # Errors
    /// Refused where a column holds what it cannot.
    pub fn frame(&self) -> Result<DataFrame> {
        let columns = [partners::COLUMNS, associations::COLUMNS, certifications::COLUMNS, workload_usage::COLUMNS];
        let columns = Tables::NAMES.iter().zip(columns).find(|(name, _)| **name == self.table);
        let read = columns.map(|(_, columns)| columns).unwrap_or_default();
        let mut kept = Vec::new();
        for column in read {
            let mut named = self.fields.iter().enumerate().filter(|(_, field)| field.name == column.name);
            let Some((place, field)) = named.next() else {
                if column.optional {
                    let names = self.fields.iter().map(|field| field.name.as_str());
                    let checked = column.require_no_near_name(&self.table, read, names);
                    checked.map_err(|error| error.at(format!("{PLACE}, {}", self.table)))?;
                }
                continue;
            };
            if named.next().is_some() {
                return Err(self.refused(format!("table `{}` has column `{}` twice", self.table, column.name)));
            }
            kept.push(self.series(place, field, column.kind)?.into());
        }
        let height = self.batches.iter().filter_map(|batch| batch.first()).map(|array| array.len()).sum();
        DataFrame::new(height, kept).map_err(|error| Error::internal(error.to_string()))
    }

    fn series(&self, place: usize, field: &ArrowField, kind: Kind) -> Result<Series> {
        if !fits(kind, field.dtype()) {
            let (table, name, stored) = (&self.table, &field.name, field.dtype());
            let what = format!("column `{name}` of table `{table}` is {stored:?}, and must be {}", kind.words());
            return Err(self.refused(what).hint("cast the column before it is given"));
        }
        // What else a field says of itself is for readers of its own kind.
        let bare = ArrowField::new(field.name.clone(), field.dtype().clone(), field.is_nullable);
        let arrays: Vec<ArrayRef> = self.batches.iter().filter_map(|batch| batch.get(place)).cloned().collect();
        let series = match field.dtype() {
            ArrowDataType::Dictionary(keys, ..) => looked_up(&bare, *keys, &arrays),
            ArrowDataType::Null => {
                Ok(Series::new_null(bare.name.clone(), arrays.iter().map(|array| array.len()).sum()))
            }
            stored if arrays.is_empty() => {
                Ok(Series::new_empty(bare.name.clone(), &DataType::from_arrow_dtype(stored)))
            }
            _ => Series::try_from((&bare, arrays)),
        };
        let series =
            series.map_err(|error| self.refused(format!("column `{}` cannot be read: {error}", field.name)))?;
        if is_midnights(&series) {
            return Ok(series);
        }
        let what = format!("column `{}` of table `{}` has times of day, and must be a date", field.name, self.table);
        Err(self.refused(what).hint("cast the column to a date before it is given"))
    }

    fn refused(&self, what: String) -> Error {
        Error::refused(what).at(format!("{PLACE}, {}", self.table))
    }
}

/// Whether every time is the beginning of a day; true for what holds no times.
fn is_midnights(series: &Series) -> bool {
    let DataType::Datetime(unit, _) = series.dtype() else { return true };
    let of_a_day = match unit {
        TimeUnit::Nanoseconds => 86_400_000_000_000,
        TimeUnit::Microseconds => 86_400_000_000,
        TimeUnit::Milliseconds => 86_400_000,
    };
    let times = series.to_physical_repr();
    times.i64().is_ok_and(|times| times.iter().flatten().all(|time| time % of_a_day == 0))
}

/// Texts in the place of the numbers that stand for them.
fn looked_up(field: &ArrowField, keys: IntegerType, arrays: &[ArrayRef]) -> PolarsResult<Series> {
    let texts = |array: &ArrayRef| match keys {
        IntegerType::Int8 => texts::<i8>(array),
        IntegerType::Int16 => texts::<i16>(array),
        IntegerType::Int32 => texts::<i32>(array),
        IntegerType::Int64 => texts::<i64>(array),
        IntegerType::UInt8 => texts::<u8>(array),
        IntegerType::UInt16 => texts::<u16>(array),
        IntegerType::UInt32 => texts::<u32>(array),
        IntegerType::UInt64 => texts::<u64>(array),
        IntegerType::Int128 | IntegerType::UInt128 => polars_bail!(ComputeError: "its keys are too wide"),
    };
    let mut all = StringChunked::full_null(field.name.clone(), 0);
    for array in arrays {
        all.append(&texts(array)?)?;
    }
    Ok(all.into_series())
}

fn texts<K: DictionaryKey>(array: &ArrayRef) -> PolarsResult<StringChunked> {
    let dictionary = array.as_any().downcast_ref::<DictionaryArray<K>>();
    let dictionary =
        dictionary.ok_or_else(|| polars_err!(ComputeError: "its keys are of another type than it says"))?;
    let values = Series::try_from((PlSmallStr::EMPTY, dictionary.values().clone()))?;
    let values: Vec<Option<&str>> = values.str()?.iter().collect();
    Ok(dictionary.keys_iter().map(|key| key.and_then(|key| values.get(key).copied().flatten())).collect())
}

/// Whether a type can hold a kind of column; one that holds nothing but null can hold any.
fn fits(kind: Kind, stored: &ArrowDataType) -> bool {
    match (kind, stored) {
        (_, ArrowDataType::Null) => true,
        (Kind::Text, ArrowDataType::Dictionary(_, values, _)) => fits(Kind::Text, values),
        (Kind::Text, ArrowDataType::Utf8 | ArrowDataType::LargeUtf8 | ArrowDataType::Utf8View) => true,
        // Frames without a type for dates hold them as midnights.
        (Kind::Date, ArrowDataType::Date32 | ArrowDataType::Timestamp(_, None)) => true,
        (Kind::Count, stored) => {
            use ArrowDataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
            matches!(stored, Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64)
        }
        _ => false,
    }
}
