//! Columns that nobody reads never stop a run, whatever their type; columns that are read are refused by name.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, FixedSizeBinaryArray, Int8Array, Int32Array,
    Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray, StructArray,
    TimestampNanosecondArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Int32Type, IntervalDayTime, IntervalMonthDayNano, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::ByteArrayType;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::baseline_history::{Placed, history};
use crate::command::run;
use crate::fixture::published;

type Make = fn(usize) -> ArrayRef;

/// A type that an extra column may have: a name, what it says of itself, and values.
fn types() -> Vec<(&'static str, Option<&'static str>, Make)> {
    let text: Make = |rows| Arc::new(StringArray::from(vec!["{}"; rows]));
    let interval: Make = |rows| Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, 4); rows]));
    vec![
        ("plain text", None, text),
        ("json", Some("arrow.json"), text),
        ("somebody's own", Some("example.own"), text),
        ("pandas period", Some("pandas.period"), |rows| Arc::new(Int64Array::from(vec![7; rows]))),
        ("uuid", Some("arrow.uuid"), |rows| {
            Arc::new(FixedSizeBinaryArray::try_from_iter(vec![[7u8; 16]; rows].into_iter()).expect("values"))
        }),
        ("bool8", Some("arrow.bool8"), |rows| Arc::new(Int8Array::from(vec![1; rows]))),
        ("opaque", Some("arrow.opaque"), |rows| Arc::new(BinaryArray::from(vec![&b"x"[..]; rows]))),
        ("interval of days", None, interval),
        ("interval of months", None, |rows| {
            let interval = IntervalMonthDayNano::new(1, 2, 3);
            cast(
                &IntervalMonthDayNanoArray::from(vec![interval; rows]),
                &DataType::Interval(arrow::datatypes::IntervalUnit::YearMonth),
            )
            .unwrap_or_else(|_| Arc::new(arrow::array::IntervalYearMonthArray::from(vec![5; rows])))
        }),
        ("struct of interval", None, |rows| {
            let days: ArrayRef = Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, 4); rows]));
            Arc::new(StructArray::from(vec![(Arc::new(Field::new("a", days.data_type().clone(), true)), days)]))
        }),
        ("list of interval", None, |rows| {
            let days: ArrayRef = Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, 4); rows]));
            let item = Arc::new(Field::new("item", days.data_type().clone(), true));
            Arc::new(ListArray::new(item, OffsetBuffer::from_lengths(vec![1; rows]), days, None))
        }),
        ("null", None, |rows| new_null_array(&DataType::Null, rows)),
        ("boolean", None, |rows| Arc::new(BooleanArray::from(vec![true; rows]))),
        ("dictionary of numbers", None, |rows| {
            let keys = Int32Array::from(vec![0; rows]);
            Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(Int64Array::from(vec![9]))))
        }),
        ("time with zone", None, |rows| {
            Arc::new(TimestampNanosecondArray::from(vec![1; rows]).with_timezone("Nowhere/Land"))
        }),
        ("decimal of 256 bits", None, |rows| {
            cast(&Int64Array::from(vec![1; rows]), &DataType::Decimal256(50, 10)).expect("a cast")
        }),
    ]
}

/// The files of a history.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found
}

fn rows(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file")).expect("Parquet");
    let mut batches = reader.with_batch_size(1 << 20).build().expect("a reader");
    batches.next().expect("rows").expect("rows")
}

/// Writes a file again with other columns.
fn rewrite(path: &Path, change: impl Fn(&mut Vec<(Arc<Field>, ArrayRef)>, usize)) {
    let batch = rows(path);
    let fields = batch.schema().fields().iter().cloned().zip(batch.columns().iter().cloned()).collect::<Vec<_>>();
    let mut columns = fields;
    change(&mut columns, batch.num_rows());
    let (fields, arrays): (Vec<Arc<Field>>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let schema = Arc::new(Schema::new(Fields::from(fields)));
    let batch = RecordBatch::try_new(schema.clone(), arrays).expect("columns of one length");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(4)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).expect("a file"), schema, Some(properties)).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

fn field(name: &str, extension: Option<&str>, values: &ArrayRef) -> Arc<Field> {
    let metadata = extension.map(|extension| {
        HashMap::from([
            ("ARROW:extension:name".to_owned(), extension.to_owned()),
            ("ARROW:extension:metadata".to_owned(), String::new()),
        ])
    });
    Arc::new(Field::new(name, values.data_type().clone(), true).with_metadata(metadata.unwrap_or_default()))
}

fn sound() -> Placed {
    let placed = Placed::new(&history());
    placed.score(&["--evidence", "--strict"]).succeeds();
    placed
}

fn assert_ignored(placed: &Placed, sound: &Placed, what: &str) {
    let said = placed.score(&["--evidence", "--strict"]);
    assert_eq!(said.code, 0, "{what}: {}", said.stderr);
    assert!(published(&placed.run()) == published(&sound.run()), "{what}");
    let check = run(&["check", &placed.history().to_string_lossy(), "--strict"]);
    assert_eq!(check.code, 0, "{what}: {}", check.stderr);
}

#[test]
fn an_extra_column_of_any_type_is_ignored_in_every_table() {
    let sound = sound();
    for (name, extension, make) in types() {
        let placed = Placed::new(&history());
        for path in files(&placed.history()) {
            rewrite(&path, |columns, rows| {
                let values = make(rows);
                columns.insert(1, (field("extra", extension, &values), values));
            });
        }
        assert_ignored(&placed, &sound, name);
    }
}

/// Some files have the column, others have one of another type or none.
#[test]
fn an_extra_column_may_change_its_type_from_file_to_file() {
    let sound = sound();
    let placed = Placed::new(&history());
    let types = types();
    for (number, path) in files(&placed.history()).iter().enumerate() {
        let (_, extension, make) = types[number % types.len()];
        rewrite(path, |columns, rows| {
            let values = make(rows);
            if number % 3 > 0 {
                columns.push((field("extra", extension, &values), values));
            }
        });
    }
    assert_ignored(&placed, &sound, "types that change");
}

#[test]
fn extra_columns_of_one_name_are_ignored() {
    let sound = sound();
    for names in [["note", "note"], ["", ""], ["Tenant_ID2", "tenant_id2"], ["a.b", "a.b"]] {
        let placed = Placed::new(&history());
        for path in files(&placed.history()) {
            rewrite(&path, |columns, rows| {
                for name in names {
                    let values: ArrayRef = Arc::new(StringArray::from(vec!["x"; rows]));
                    columns.push((field(name, None, &values), values));
                }
            });
        }
        assert_ignored(&placed, &sound, names[0]);
    }
}

/// What writers say of types in Arrow's words may be of a later version, or damaged: it is not needed.
#[test]
fn a_schema_of_arrow_that_cannot_be_read_does_not_matter_where_there_are_extra_columns() {
    let sound = sound();
    let placed = Placed::new(&history());
    for path in files(&placed.history()) {
        let batch = rows(&path);
        let extra: ArrayRef = Arc::new(Int64Array::from(vec![1; batch.num_rows()]));
        let mut columns: Vec<(String, ArrayRef)> = batch
            .schema()
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, values)| (field.name().clone(), values.clone()))
            .collect();
        columns.push(("extra".to_owned(), extra));
        let batch = RecordBatch::try_from_iter(columns).expect("columns");
        let said = KeyValue::new("ARROW:schema".to_owned(), "bm90IGEgc2NoZW1h".to_owned());
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![said])).build();
        let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new()
            .with_properties(properties)
            .with_skip_arrow_metadata(true);
        let file = File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");
    }
    assert_ignored(&placed, &sound, "schema of Arrow");
}

/// Partners with a column of Parquet's type VARIANT, which is newer than the engine.
#[test]
fn a_variant_is_ignored() {
    let sound = sound();
    let placed = Placed::new(&history());
    let partners = placed.history().join("partners.parquet");
    let ids: Vec<_> = history().partners.into_iter().filter_map(|row| row.partner_id).collect();
    let bytes = |name: &str, logical: Option<LogicalType>| {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY).with_logical_type(logical);
        Arc::new(column.with_repetition(Repetition::REQUIRED).build().expect("a column"))
    };
    let variant = Type::group_type_builder("extra")
        .with_logical_type(Some(LogicalType::variant(Some(1))))
        .with_repetition(Repetition::REQUIRED)
        .with_fields(vec![bytes("metadata", None), bytes("value", None)])
        .build()
        .expect("a group");
    let fields = vec![Arc::new(variant), bytes("partner_id", Some(LogicalType::String))];
    let schema = Type::group_type_builder("schema").with_fields(fields).build().expect("a schema");
    let file = File::create(&partners).expect("a file");
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).expect("a writer");
    let mut group = writer.next_row_group().expect("a row group");
    for column in 0..3 {
        let values: Vec<_> = ids.iter().map(|id| if column == 2 { id.as_str().into() } else { "x".into() }).collect();
        let mut chunk = group.next_column().expect("a column").expect("a column");
        chunk.typed::<ByteArrayType>().write_batch(&values, None, None).expect("values");
        chunk.close().expect("a column");
    }
    group.close().expect("a row group");
    writer.close().expect("a footer");
    assert_ignored(&placed, &sound, "variant");
}

/// Copies of columns are in no folder any more once a run has ended.
#[test]
fn copies_are_removed() {
    let placed = Placed::new(&history());
    for path in files(&placed.history()) {
        rewrite(&path, |columns, rows| {
            let values: ArrayRef = Arc::new(Int8Array::from(vec![1; rows]));
            columns.push((field("extra", Some("arrow.bool8"), &values), values));
        });
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let mut command = crate::command::partnerscore();
    command.arg("score").arg(placed.history()).arg("--out").arg(placed.out()).args(["--month", "2026-10"]);
    command.env("TMPDIR", scratch.path());
    crate::command::said(command.output().expect("starts")).succeeds();
    assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 0);
    // Where there is no place for them, access has failed, and a retry may help.
    let mut command = crate::command::partnerscore();
    command.arg("check").arg(placed.history()).env("TMPDIR", scratch.path().join("nowhere"));
    crate::command::said(command.output().expect("starts")).fails(6, &["copies", "hint:"]);
}

#[test]
fn a_column_that_is_read_is_refused_by_name_and_file() {
    let uuid: Make =
        |rows| Arc::new(FixedSizeBinaryArray::try_from_iter(vec![[7u8; 16]; rows].into_iter()).expect("values"));
    let text: Make = |rows| Arc::new(StringArray::from(vec!["t1"; rows]));
    let days: Make = |rows| Arc::new(IntervalDayTimeArray::from(vec![IntervalDayTime::new(3, 4); rows]));
    let numbers: Make = |rows| Arc::new(Int8Array::from(vec![1; rows]));
    for (file, column, extension, make, stored) in [
        ("associations.parquet", "tenant_id", Some("arrow.uuid"), uuid, "arrow.uuid"),
        ("associations.parquet", "tenant_id", Some("arrow.json"), text, "arrow.json"),
        ("associations.parquet", "end_date", None, days, "Interval"),
        ("partners.parquet", "market", Some("example.own"), text, "example.own"),
        ("certifications.parquet", "earned_on", Some("arrow.bool8"), numbers, "arrow.bool8"),
        ("workload_usage/month=2026-10-01/part-0.parquet", "paid_seats", Some("arrow.bool8"), numbers, "arrow.bool8"),
    ] {
        let placed = Placed::new(&history());
        rewrite(&placed.history().join(file), |columns, rows| {
            let values = make(rows);
            columns.retain(|(field, _)| field.name() != column);
            columns.push((field(column, extension, &values), values));
        });
        let wanted = [format!("column `{column}`"), stored.to_owned(), file.to_owned(), "hint:".to_owned()];
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        placed.score(&[]).fails(3, &wanted);
        run(&["check", &placed.history().to_string_lossy()]).fails(3, &wanted);
    }
}

/// The copy has the statistics and pages of the file: nothing is decoded on the way.
#[test]
fn the_test_files_have_several_row_groups() {
    let placed = Placed::new(&history());
    let path = placed.history().join("workload_usage/month=2026-10-01/part-0.parquet");
    rewrite(&path, |_, _| {});
    let reader = SerializedFileReader::new(File::open(path).expect("a file")).expect("Parquet");
    assert!(reader.num_row_groups() > 1);
}
