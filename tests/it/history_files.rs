//! The files below a history's folder: other table formats, files that are not read, copies, folders of months, names of columns.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use partnerscore::error::Code;
use partnerscore::history::{Given, History, KnownNames, Tables};
use polars::prelude::{ArrowDataType, ArrowField, Column, DataFrame};
use serde_json::Value;

use crate::baseline_history::{AS_OF, Placed, history, spoil};
use crate::command::{Said, partnerscore, run, said};
use crate::fixture::{self, Layout};

const USAGE: &str = "workload_usage/month=2026-10-01";

/// The sound history with several files of each table.
fn placed() -> Placed {
    Placed::laid_out(&history(), &Layout { files: 2, ..Layout::default() })
}

fn add(placed: &Placed, name: &str, content: &[u8]) -> PathBuf {
    let path = placed.history().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, content).expect("a file");
    path
}

fn check(placed: &Placed) -> Said {
    run(&["check", &placed.history().to_string_lossy(), "--format", "csv"])
}

/// Warnings of a run, as rule and subject.
fn warnings(placed: &Placed) -> Vec<(String, String)> {
    let json: Value = serde_json::from_slice(&fs::read(placed.run().join("run.json")).expect("a run")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let warnings = json["warnings"].as_array().expect("warnings").iter();
    warnings.map(|warning| (text(&warning["rule"]), text(&warning["subject"]))).collect()
}

/// Every command that reads a history refuses it, with the same texts.
fn every_command_refuses(placed: &Placed, code: i32, texts: &[&str]) {
    placed.score(&[]).fails(code, texts);
    let history = placed.history().to_string_lossy().into_owned();
    run(&["check", &history]).fails(code, texts);
    run(&["explain", &history, "--as-of", AS_OF, "--partner", "acme"]).fails(code, texts);
    let out = placed.out().to_string_lossy().into_owned();
    run(&["backfill", &history, "--from", "2026-10", "--to", "2026-10", "--out", &out]).fails(code, texts);
    let pipeline = placed.folder.path().join("nightly.toml");
    fs::write(&pipeline, "history = \"history\"\noutput = \"out\"\nas_of = \"newest_month\"\n").expect("a file");
    run(&["run", &pipeline.to_string_lossy()]).fails(code, texts);
    placed.nothing_published();
}

#[test]
fn a_table_in_another_format_is_refused_at_any_level() {
    for (mark, format) in [
        ("_delta_log/00000.json", "Delta"),
        ("deletion_vector_61d16c75.bin", "Delta"),
        ("_change_data/cdc-0.parquet", "Delta"),
        ("metadata/v1.metadata.json", "Iceberg"),
        ("metadata/00001-a.metadata.json.gz", "Iceberg"),
        ("metadata/version-hint.text", "Iceberg"),
        (".hoodie/hoodie.properties", "Hudi"),
        (".hoodie_partition_metadata", "Hudi"),
        ("_spark_metadata/0", "Spark stream"),
        ("snapshot/snapshot-1", "Paimon"),
        ("bucket-0/data-a-0.orc", "Paimon"),
        ("ducklake-0199.parquet", "DuckLake"),
        ("ducklake-0199-delete.parquet", "DuckLake"),
        ("_last_checkpoint", "Delta"),
        ("00000000000000000010.checkpoint.parquet", "Delta"),
        ("metadata/snap-8-1-a.avro", "Iceberg"),
        ("00000-4-4bbc7c0c-61d1-46b7-a15b-8b538852e50e-00001-deletes.parquet", "Iceberg"),
        ("65254296-10d0-49d4-b168-6708e6274712-0_0-1-0_20261101020000000.parquet", "Hudi"),
    ] {
        for below in ["associations", USAGE, "certifications/market=US"] {
            let placed = placed();
            add(&placed, &format!("{below}/{mark}"), b"{}");
            placed.score(&[]).fails(3, &[format, "deleted or replaced rows", below, "hint:"]);
            run(&["check", &placed.history().to_string_lossy()]).fails(3, &[format, below]);
            placed.nothing_published();
        }
    }
}

#[test]
fn a_history_that_is_itself_a_table_in_another_format_is_refused() {
    for (mark, format) in [
        ("_delta_log/0.json", "Delta"),
        ("metadata/v1.metadata.json", "Iceberg"),
        (".hoodie/x", "Hudi"),
        ("metadata/version-hint.text", "Iceberg"),
        ("snapshot/LATEST", "Paimon"),
        ("schema/schema-0", "Paimon"),
        ("bucket-0/data-a-0.parquet", "Paimon"),
        ("_spark_metadata/0", "Spark stream"),
        ("catalog.ducklake", "DuckLake"),
    ] {
        let placed = placed();
        add(&placed, mark, b"{}");
        placed.score(&[]).fails(3, &[format]);
    }
}

#[test]
fn marks_within_hidden_or_other_folders_are_not_the_tables() {
    let placed = placed();
    for name in
        ["associations/_temporary/_delta_log/0.json", "other/_delta_log/0.json", "associations/metadata/notes.txt"]
    {
        add(&placed, name, b"{}");
    }
    placed.score(&[]).succeeds();
    assert_eq!(warnings(&placed), [("file_not_read".to_owned(), "associations/metadata/notes.txt".to_owned())]);
}

#[test]
fn files_that_are_not_read_are_named() {
    let placed = placed();
    let names = [
        "associations/README.txt",
        "certifications/list.csv",
        "workload_usage/month=2026-10-01/part-9.parquet.tmp",
        "partners/x",
    ];
    for name in names {
        add(&placed, name, b"PAR1 is only the beginning");
    }
    for hidden in ["associations/_SUCCESS", "associations/.part.crc", "workload_usage/_temporary/0/part.tmp"] {
        add(&placed, hidden, b"");
    }
    placed.score(&["--strict"]).fails(4, &["4 kinds of warnings"]);
    let expected = [
        "associations/README.txt",
        "certifications/list.csv",
        "partners/x",
        "workload_usage/month=2026-10-01/part-9.parquet.tmp",
    ];
    let expected = expected.map(|name| ("file_not_read".to_owned(), name.to_owned()));
    assert_eq!(warnings(&placed), expected);
    let told = check(&placed);
    assert!(told.succeeds().stdout.contains("warning,,file_not_read,associations/README.txt,1"), "{}", told.stdout);
}

#[test]
fn parquet_content_under_another_ending_is_refused() {
    for name in ["b.parq", "000000_0", "b.pq", "b.parquet.bak", "b.parquet~"] {
        let placed = placed();
        let rows = fs::read(placed.history().join("associations/part-0.parquet")).expect("a file");
        add(&placed, &format!("associations/{name}"), &rows);
        placed.score(&[]).fails(3, &["does not end in .parquet", name, "rename it"]);
    }
    // The only file of a table.
    let placed = Placed::new(&history());
    fs::create_dir(placed.history().join("associations")).expect("a folder");
    fs::rename(placed.history().join("associations.parquet"), placed.history().join("associations/000000_0"))
        .expect("moved");
    every_command_refuses(&placed, 3, &["does not end in .parquet", "000000_0", "rename it"]);
}

#[test]
fn entries_beside_the_tables_that_are_named_like_one_are_told() {
    for (name, told) in [
        ("partners.parq", "partners.parq"),
        ("partners.PARQUET", "partners.PARQUET"),
        ("Partners.parquet", "Partners.parquet"),
        ("partners.csv", "partners.csv"),
        ("partners (1).parquet", "partners (1).parquet"),
        ("Copy of partners.parquet", "Copy of partners.parquet"),
        ("partners - Copy/a.parquet", "partners - Copy/"),
        ("Partners/a.parquet", "Partners/"),
    ] {
        let placed = placed();
        add(&placed, name, b"x");
        placed.score(&["--strict"]).fails(4, &["file_not_read", told]);
        assert_eq!(warnings(&placed), [("file_not_read".to_owned(), told.to_owned())]);
    }
    let placed = placed();
    for name in ["history.json.bak", "README.md", "partners_2025.parquet", "archive/partners.parquet", "_partners.csv"]
    {
        add(&placed, name, b"x");
    }
    placed.score(&["--strict"]).succeeds();
}

#[test]
fn a_table_under_a_near_name_is_missing_with_a_hint() {
    for (name, hint) in [
        ("Partners.parquet", "rename it to `partners.parquet`"),
        ("partners.parq", "rename it to `partners.parquet`"),
        ("partners.snappy.parquet", "rename it to `partners.parquet`"),
        ("partner.parquet", "rename it to `partners.parquet`"),
        ("something.parquet", "write it as partners.parquet"),
    ] {
        let placed = Placed::new(&history());
        fs::rename(placed.history().join("partners.parquet"), placed.history().join(name)).expect("moved");
        placed.score(&[]).fails(5, &["table `partners` is missing", hint]);
    }
}

#[test]
fn a_folder_that_ends_as_parquet_does_is_a_table() {
    let placed = Placed::new(&history());
    let (file, aside) = (placed.history().join("partners.parquet"), placed.history().join("aside"));
    fs::rename(&file, &aside).expect("moved");
    fs::create_dir(&file).expect("a folder");
    fs::rename(&aside, file.join("part-00000.snappy.parquet")).expect("moved");
    placed.score(&["--strict"]).succeeds();
    fs::create_dir(placed.history().join("partners")).expect("a folder");
    placed.score(&[]).fails(3, &["table `partners` is there twice"]);
}

#[test]
fn copies_with_the_same_rows_are_named() {
    for name in [
        "part-0 (1).parquet",
        "part-0 - Copy.parquet",
        "part-0 - Copy (2).parquet",
        "Copy of part-0.parquet",
        "part-0 copy.parquet",
    ] {
        let placed = placed();
        let copy = placed.history().join(USAGE).join(name);
        fs::copy(placed.history().join(USAGE).join("part-0.parquet"), copy).expect("a copy");
        placed.score(&[]).succeeds();
        let subject = format!("{USAGE}/{name} repeats {USAGE}/part-0.parquet");
        assert_eq!(warnings(&placed), [("copied_file".to_owned(), subject)]);
    }
}

#[test]
fn a_copy_may_be_of_a_folder_and_be_written_anew() {
    let placed = placed();
    let (folder, copy) =
        (placed.history().join("associations/2026"), placed.history().join("associations/2026 - Copy"));
    fs::create_dir(&folder).expect("a folder");
    fs::rename(placed.history().join("associations/part-0.parquet"), folder.join("a.parquet")).expect("moved");
    copy_folder(&folder, &copy);
    write_with_month(&copy.join("a.parquet"), None, Compression::UNCOMPRESSED);
    placed.score(&[]).succeeds();
    let subject = "associations/2026 - Copy/a.parquet repeats associations/2026/a.parquet".to_owned();
    assert_eq!(warnings(&placed), [("copied_file".to_owned(), subject)]);
}

#[test]
fn a_part_with_other_rows_under_the_name_of_a_copy_is_no_copy() {
    let placed = placed();
    let folder = placed.history().join(USAGE);
    fs::rename(folder.join("part-1.parquet"), folder.join("part-0 (1).parquet")).expect("moved");
    placed.score(&["--strict"]).succeeds();
    // A copy of a whole table is not read.
    let placed = Placed::new(&history());
    fs::copy(placed.history().join("associations.parquet"), placed.history().join("associations (1).parquet"))
        .expect("a copy");
    placed.score(&[]).succeeds();
    assert_eq!(warnings(&placed), [("file_not_read".to_owned(), "associations (1).parquet".to_owned())]);
}

#[test]
fn folders_that_are_named_for_no_first_of_month_are_refused_by_every_command() {
    for (from, to, value) in [
        ("month=2026-10-01", "month=202610", "month=202610"),
        ("month=2026-10-01", "month=2026-10", "month=2026-10"),
        ("month=2026-10-01", "month=20261001", "month=20261001"),
        ("month=2026-10-01", "month=2026-10-31", "month=2026-10-31"),
        ("month=2026-10-01", "month=2026-10-01 00%3A00%3A00", "month=2026-10-01 00:00:00"),
        ("month=2026-10-01", "month=2026-10-01 - Copy", "month=2026-10-01 - Copy"),
        ("month=2026-10-01", "year=2026/month=10", "month=10"),
        ("month=2025-01-01", "month=January", "month=January"),
    ] {
        let placed = placed();
        let usage = placed.history().join("workload_usage");
        let (from, to) = (usage.join(from), usage.join(to));
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        // A month that no score of the newest sees is refused as well.
        if from.exists() {
            fs::rename(&from, &to).expect("moved")
        } else {
            copy_folder(&usage.join("month=2026-09-01"), &to)
        }
        every_command_refuses(
            &placed,
            3,
            &["do not name the first day of a month", &format!("`{value}`"), "month=2026-10-01"],
        );
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a file");
    }
}

#[test]
fn folders_without_the_key_are_refused_with_the_form_that_is_read() {
    for name in ["2026-10-01", "Month=2026-10-01", "month%3D2026-10-01"] {
        let placed = placed();
        let usage = placed.history().join("workload_usage");
        fs::rename(usage.join("month=2026-10-01"), usage.join(name)).expect("moved");
        placed.score(&[]).fails(3, &["lacks column `month`", "hint:"]);
    }
}

#[test]
fn a_month_inside_a_file_that_differs_from_its_folder_is_counted() {
    let rows: Vec<_> = history()
        .workload_usage
        .into_iter()
        .filter(|row| row.month == Some("2026-10-01".parse().expect("a date")))
        .collect();
    for (shift, expected) in [(0, 0), (1, rows.len())] {
        let placed = Placed::new(&history());
        let mut shifted = rows.clone();
        shifted.iter_mut().for_each(|row| {
            row.month = if shift == 0 { row.month } else { Some("2026-09-01".parse().expect("a date")) }
        });
        let file = placed.history().join(USAGE).join("part-0.parquet");
        fixture::write_file(&file, fixture::usage(&shifted, true), &Layout::default());
        placed.score(&[]).succeeds();
        let told = check(&placed).stdout;
        let line = format!("month_differs_from_folder,{USAGE}/part-0.parquet,{expected}");
        assert_eq!(
            (warnings(&placed).len(), told.contains(&line)),
            (usize::from(expected > 0), expected > 0),
            "{told}"
        );
    }
}

/// A file's rows written anew with `month` as a column of this type, every row of the same day.
fn write_with_month(file: &Path, month: Option<(&str, DataType)>, compression: Compression) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file).expect("a file")).expect("Parquet");
    let batch = reader.build().expect("a reader").next().expect("rows").expect("rows");
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        columns.push((field.name().clone(), column.clone()));
    }
    if let Some((day, stored)) = month {
        let text: ArrayRef = Arc::new(StringArray::from(vec![day; batch.num_rows()]));
        let days = if stored == DataType::Utf8 { text } else { cast(&text, &DataType::Date32).expect("dates") };
        columns.push(("month".to_owned(), cast(&days, &stored).expect("months")));
    }
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(fs::File::create(file).expect("a file"), batch.schema(), Some(properties))
        .expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

#[test]
fn a_month_inside_a_file_is_compared_whatever_its_type() {
    use arrow::datatypes::TimeUnit::{Microsecond, Millisecond, Nanosecond};
    for (stored, day, differs) in [
        (DataType::Date32, "2026-10-01", false),
        (DataType::Date32, "2026-10-02", true),
        (DataType::Date64, "2026-09-01", true),
        (DataType::Timestamp(Nanosecond, None), "2026-10-01", false),
        (DataType::Timestamp(Nanosecond, None), "2026-11-01", true),
        (DataType::Timestamp(Microsecond, Some("+00:00".into())), "2026-10-01", false),
        (DataType::Timestamp(Millisecond, Some("+00:00".into())), "2025-10-01", true),
        (DataType::Utf8, "2026-10-01", false),
        (DataType::Utf8, "2026-10", false),
        (DataType::Utf8, "2026-09-01", true),
        (DataType::Utf8, "2026-09", true),
        (DataType::Utf8, "October", false),
    ] {
        let placed = Placed::new(&history());
        let file = format!("{USAGE}/part-0.parquet");
        write_with_month(&placed.history().join(&file), Some((day, stored.clone())), Compression::SNAPPY);
        placed.score(&[]).succeeds();
        let expected = differs.then(|| ("month_differs_from_folder".to_owned(), file));
        assert_eq!(warnings(&placed), expected.into_iter().collect::<Vec<_>>(), "{stored} {day}");
    }
}

#[test]
fn a_null_partition_value_is_null_in_every_spelling() {
    let sound = Placed::new(&history());
    sound.score(&["--evidence"]).succeeds();
    let whole = fixture::published(&sound.run());
    for null in ["__HIVE_DEFAULT_PARTITION__", "NULL", "null", "nan", "None", "", "%20"] {
        // Every association of the sound history covers all workloads.
        let placed = Placed::new(&history());
        let folder = placed.history().join(format!("associations/workload={null}"));
        fs::create_dir_all(&folder).expect("a folder");
        let mut columns = fixture::associations(&history().associations);
        columns.retain(|(name, _)| *name != "workload");
        fixture::write_file(&folder.join("a.parquet"), columns, &Layout::default());
        fs::remove_file(placed.history().join("associations.parquet")).expect("removed");
        placed.score(&["--evidence", "--strict"]).succeeds();
        assert!(fixture::published(&placed.run()) == whole, "workload={null}");
        // Rows of no month are rejected by `check`, and no score sees them.
        let placed = Placed::new(&history());
        let usage = placed.history().join("workload_usage");
        copy_folder(&usage.join("month=2026-10-01"), &usage.join(format!("month={null}")));
        placed.score(&["--evidence", "--strict"]).succeeds();
        assert!(fixture::published(&placed.run()) == whole, "month={null}");
        let told = run(&["check", &placed.history().to_string_lossy(), "--format", "csv", "--max-reject-ratio", "1"]);
        assert!(told.succeeds().stdout.contains("reject,workload_usage,null_key,,6"), "{}", told.stdout);
    }
}

/// Tables in memory, of which `associations` and `certifications` have no row.
fn tables_in_memory(partners: DataFrame, end_date: &str) -> Tables {
    let text = |name: &str| Column::new(name.into(), Vec::<String>::new());
    let date = |name: &str| Column::new_empty(name.into(), &polars::prelude::DataType::Date);
    let count = |name: &str| Column::new(name.into(), Vec::<i64>::new());
    let frame = |columns: Vec<Column>| DataFrame::new(0, columns).expect("a frame");
    let key = ["partner_id", "tenant_id", "workload", "association_type"].map(text);
    Tables {
        partners,
        associations: frame(key.into_iter().chain([date("start_date"), date(end_date)]).collect()),
        certifications: frame(vec![text("partner_id"), text("person_id"), text("certification"), date("earned_on")]),
        workload_usage: frame(vec![
            text("tenant_id"),
            text("workload"),
            date("month"),
            count("paid_seats"),
            count("active_users"),
        ]),
    }
}

fn partners_in_memory(market: &str) -> DataFrame {
    let columns = vec![Column::new("partner_id".into(), ["acme"]), Column::new(market.into(), ["US"])];
    DataFrame::new(1, columns).expect("a frame")
}

#[test]
fn tables_in_memory_follow_the_same_rules() {
    let open = |market, end_date| {
        History::of_tables(tables_in_memory(partners_in_memory(market), end_date), KnownNames::default())
    };
    for (market, end_date, near) in
        [("Market", "end_date", "`Market`"), ("market", "EndDate", "`EndDate`"), ("markets", "end_date", "`markets`")]
    {
        let error = open(market, end_date).expect_err("a near name");
        assert_eq!(error.code, Code::Refused);
        assert!(error.to_string().contains(near), "{error}");
    }
    let (opened, _) = open("market_code", "end_date").expect("a history");
    let empty = opened.check_empty_tables().expect("findings");
    let subjects: Vec<_> = empty.warnings.keys().map(|(rule, table)| (*rule, table.as_str())).collect();
    assert_eq!(subjects, [("empty_table", "associations"), ("empty_table", "certifications")]);
    // Of a part of a history, other parts may have rows.
    let part = opened.in_part([]);
    assert!(part.check_empty_tables().expect("findings").warnings.is_empty());
    for (name, refused) in [("End Date", true), ("ended_at", false)] {
        let field = ArrowField::new(name.into(), ArrowDataType::Date32, true);
        let given = Given { table: "associations".to_owned(), fields: vec![field], batches: Vec::new() };
        assert_eq!(given.frame().is_err(), refused, "{name}");
    }
}

#[test]
fn an_empty_table_is_a_warning() {
    for (table, columns) in
        [("associations", fixture::associations(&[])), ("certifications", fixture::certifications(&[]))]
    {
        let placed = Placed::new(&history());
        fixture::write_file(&placed.history().join(format!("{table}.parquet")), columns, &Layout::default());
        placed.score(&["--strict"]).fails(4, &[]);
        assert!(warnings(&placed).contains(&("empty_table".to_owned(), table.to_owned())));
        assert!(check(&placed).stdout.contains(&format!("empty_table,{table},1")));
    }
}

#[test]
fn an_optional_column_under_a_near_name_is_refused() {
    for (table, column, given) in [
        ("associations", "end_date", "EndDate"),
        ("associations", "end_date", "END_DATE"),
        ("associations", "end_date", "end date"),
        ("associations", "end_date", "end_dates"),
        ("associations", "end_date", "end_dte"),
        ("certifications", "expires_on", "expires_on "),
        ("certifications", "expires_on", "expiresOn"),
        ("partners", "market", "Market"),
        ("partners", "market", "markets"),
        ("partners", "global_partner_id", "Global_Partner_ID"),
        ("partners", "distributor_id", "distributor-id"),
    ] {
        let placed = Placed::new(&history());
        rename_column(&placed, table, column, given);
        placed.score(&[]).fails(3, &[&format!("`{given}`"), &format!("optional column `{column}`"), "rename"]);
        placed.nothing_published();
    }
}

#[test]
fn extra_columns_that_resemble_nothing_are_ignored() {
    for (table, column, given) in [
        ("associations", "end_date", "date_of_contract"),
        ("certifications", "expires_on", "exported_on"),
        ("partners", "market", "marketing_region"),
        ("partners", "distributor_id", "contributor"),
    ] {
        let placed = Placed::new(&history());
        rename_column(&placed, table, column, given);
        placed.score(&["--strict"]).succeeds();
    }
    // A folder's key is a column as well.
    let placed = Placed::laid_out(&history(), &Layout { drop_optional: true, ..Layout::default() });
    fs::create_dir_all(placed.history().join("partners/Market=US")).expect("a folder");
    fs::rename(placed.history().join("partners.parquet"), placed.history().join("partners/Market=US/a.parquet"))
        .expect("moved");
    placed.score(&[]).fails(3, &["`Market`", "`market`"]);
}

/// Writes a table of the sound history with one column under another name.
fn rename_column(placed: &Placed, table: &str, column: &str, given: &'static str) {
    let history = history();
    let mut columns = match table {
        "partners" => fixture::partners(&history.partners),
        "associations" => fixture::associations(&history.associations),
        _ => fixture::certifications(&history.certifications),
    };
    let place = columns.iter().position(|(name, _)| *name == column).expect("a column");
    columns[place].0 = given;
    fixture::write_file(&placed.history().join(format!("{table}.parquet")), columns, &Layout::default());
}

#[test]
fn a_file_url_may_have_escapes() {
    let placed = Placed::new(&history());
    let spaced = placed.folder.path().join("a b");
    fs::rename(placed.history(), &spaced).expect("moved");
    let url = format!("file://{}/a%20b", placed.folder.path().display());
    let out = placed.out().to_string_lossy().into_owned();
    run(&["score", &url, "--as-of", AS_OF, "--out", &out]).succeeds();
}

#[cfg(unix)]
#[test]
fn pipes_links_and_names_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    let placed = placed();
    let pipe = placed.history().join("associations/part-9.parquet");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    every_command_refuses(&placed, 3, &["neither a file nor a folder", "part-9.parquet"]);
    fs::remove_file(&pipe).expect("removed");
    symlink(placed.history().join("nowhere"), &pipe).expect("a link");
    placed.score(&[]).fails(3, &["a link leads to no file", "part-9.parquet"]);
    fs::remove_file(&pipe).expect("removed");
    let (up, this) = (placed.history().join(USAGE).join("up"), placed.history().join(USAGE).join("this"));
    symlink(placed.history().join("workload_usage"), &up).expect("a link");
    placed.score(&[]).fails(3, &["a link leads back to a folder above it", "up"]);
    fs::remove_file(&up).expect("removed");
    symlink(".", &this).expect("a link");
    placed.score(&[]).fails(3, &["a link leads back to a folder above it", "this"]);
    fs::remove_file(&this).expect("removed");
    // Far above the history, or to nothing in the place of a folder.
    for (target, text) in [("/", "leads back"), ("../..", "leads back"), ("gone", "leads to no file or folder")] {
        let link = placed.history().join("workload_usage/month=2026-11-01");
        symlink(target, &link).expect("a link");
        placed.score(&[]).fails(3, &[text, "month=2026-11-01", "hint:"]);
        fs::remove_file(&link).expect("removed");
    }
    // A pipe under another name is not opened.
    for (name, code, text) in [("associations/pipe", 4, "associations/pipe"), ("history.json", 3, "this is no file")] {
        let pipe = placed.history().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        placed.score(&["--strict"]).fails(code, &[text]);
        fs::remove_file(&pipe).expect("removed");
        let _ = fs::remove_dir_all(placed.out());
    }
    // A link to a file or folder elsewhere is followed.
    let elsewhere = placed.folder.path().join("elsewhere");
    fs::rename(placed.history().join("associations"), &elsewhere).expect("moved");
    symlink(&elsewhere, placed.history().join("associations")).expect("a link");
    placed.score(&["--strict"]).succeeds();
    fs::write(elsewhere.join(std::ffi::OsStr::from_bytes(b"._part\xff")), "x").expect("a file");
    placed.score(&["--strict"]).succeeds();
    let name = std::ffi::OsStr::from_bytes(b"part-\xff.parquet");
    fs::write(elsewhere.join(name), "x").expect("a file");
    refuses_names_that_are_no_text(&placed);
}

#[cfg(unix)]
fn refuses_names_that_are_no_text(placed: &Placed) {
    placed.score(&[]).fails(3, &["no UTF-8 text", "rename the file"]);
    check(placed).fails(3, &["no UTF-8 text"]);
    use std::os::unix::ffi::OsStringExt;
    let folder = placed.folder.path().join(std::ffi::OsString::from_vec(b"h\xff".to_vec()));
    fs::rename(placed.history(), &folder).expect("moved");
    let mut command = partnerscore();
    command.arg("check").arg(&folder);
    said(command.output().expect("the program starts")).fails(3, &["no UTF-8 text"]);
}

#[test]
fn an_encrypted_file_under_another_ending_is_refused_as_well() {
    let placed = placed();
    let rows = fs::read(placed.history().join("associations/part-0.parquet")).expect("a file");
    let copy = add(&placed, "associations/b.parq", &rows);
    spoil(&copy, |mut bytes| {
        let end = bytes.len() - 4;
        bytes[..4].copy_from_slice(b"PARE");
        bytes[end..].copy_from_slice(b"PARE");
        bytes
    });
    placed.score(&[]).fails(3, &["does not end in .parquet"]);
}
