//! Histories on disk, in every layout that the contract allows, from rows in memory.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{Datelike, NaiveDate};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::second_reading::{Association, Certification, History, Partner, Usage};

/// How a history lies on disk.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Usage in folders `month=...`, or with the month as a column.
    pub hive: bool,
    /// Files of each table, or of each month.
    pub files: usize,
    /// Rows in another order, by seed.
    pub shuffled: Option<u64>,
    /// The stored type of counts.
    pub counts: DataType,
    /// The stored type of ids.
    pub text: DataType,
    /// Columns that nobody asked for, of types nobody expects, and all columns in reverse order.
    pub extras: bool,
    /// Leave out every optional column that holds only nulls.
    pub drop_optional: bool,
    /// Whether footers have statistics.
    pub statistics: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            hive: true,
            files: 1,
            shuffled: None,
            counts: DataType::Int32,
            text: DataType::Utf8,
            extras: false,
            drop_optional: false,
            statistics: true,
        }
    }
}

/// Writes a history, replacing what is there.
pub fn write(history: &History, root: &Path, layout: &Layout) {
    let _ = fs::remove_dir_all(root);
    fs::create_dir_all(root).expect("a folder");
    table(root, "partners", &history.partners, layout, partners);
    table(root, "associations", &history.associations, layout, associations);
    table(root, "certifications", &history.certifications, layout, certifications);
    if !layout.hive {
        return table(root, "workload_usage", &history.workload_usage, layout, |rows| usage(rows, true));
    }
    let mut months: BTreeMap<String, Vec<Usage>> = BTreeMap::new();
    // A folder is named for the first day of a month; rows of another day carry their month in the file.
    let is_first = |row: &&Usage| row.month.is_none_or(|month| month.day() == 1);
    let (by_folder, by_column): (Vec<&Usage>, Vec<&Usage>) = history.workload_usage.iter().partition(is_first);
    if !by_column.is_empty() {
        let rows: Vec<Usage> = by_column.into_iter().cloned().collect();
        fs::create_dir_all(root.join("workload_usage")).expect("a folder");
        table(root, "workload_usage/other", &rows, layout, |rows| usage(rows, true));
    }
    for row in by_folder {
        let key = row.month.map_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_owned(), |month| month.to_string());
        months.entry(key).or_default().push(row.clone());
    }
    fs::create_dir_all(root.join("workload_usage")).expect("a folder");
    for (month, rows) in months {
        table(root, &format!("workload_usage/month={month}"), &rows, layout, |rows| usage(rows, false));
    }
}

type Columns = Vec<(&'static str, Content)>;

/// The values of a column.
pub enum Content {
    Text(Vec<Option<String>>),
    Date(Vec<Option<NaiveDate>>),
    Count(Vec<Option<i64>>),
}

fn table<T: Clone>(root: &Path, name: &str, rows: &[T], layout: &Layout, columns: impl Fn(&[T]) -> Columns) {
    let mut rows = rows.to_vec();
    if let Some(seed) = layout.shuffled {
        rows.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    }
    if layout.files == 1 && !name.contains('/') {
        return write_file(&root.join(format!("{name}.parquet")), columns(&rows), layout);
    }
    fs::create_dir_all(root.join(name)).expect("a folder");
    // Rows are dealt out one by one, so that every file holds rows of every tenant.
    for file in 0..layout.files {
        let dealt: Vec<T> = rows.iter().skip(file).step_by(layout.files).cloned().collect();
        write_file(&root.join(name).join(format!("part-{file}.parquet")), columns(&dealt), layout);
    }
}

/// Writes one Parquet file.
pub fn write_file(path: &Path, columns: Columns, layout: &Layout) {
    let optional = ["partner_name", "global_partner_id", "distributor_id", "market", "end_date", "expires_on"];
    let rows = columns.first().map_or(0, |(_, content)| content.len());
    let mut arrays: Vec<(String, ArrayRef)> = columns
        .into_iter()
        .filter(|(name, content)| !(layout.drop_optional && optional.contains(name) && content.all_null()))
        .map(|(name, content)| (name.to_owned(), content.array(layout)))
        .collect();
    if layout.extras {
        let nothing: Vec<Option<i64>> = (0..rows).map(|row| (row % 3 == 0).then_some(row as i64)).collect();
        let numbers: ArrayRef = Arc::new(Int64Array::from(nothing));
        for (name, dtype) in [
            ("ingested_at", DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, None)),
            ("cost", DataType::Decimal128(18, 2)),
            ("note", DataType::Utf8),
        ] {
            arrays.push((name.to_owned(), cast(&numbers, &dtype).expect("a cast")));
        }
        arrays.reverse();
    }
    let batch = RecordBatch::try_from_iter(arrays).expect("columns of one length");
    let statistics = if layout.statistics { EnabledStatistics::Page } else { EnabledStatistics::None };
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(statistics)
        .set_max_row_group_row_count(Some(5000))
        .build();
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
}

impl Content {
    fn len(&self) -> usize {
        match self {
            Content::Text(values) => values.len(),
            Content::Date(values) => values.len(),
            Content::Count(values) => values.len(),
        }
    }

    fn all_null(&self) -> bool {
        match self {
            Content::Text(values) => values.iter().all(Option::is_none),
            Content::Date(values) => values.iter().all(Option::is_none),
            Content::Count(values) => values.iter().all(Option::is_none),
        }
    }

    fn array(self, layout: &Layout) -> ArrayRef {
        match self {
            Content::Text(values) => {
                let array: ArrayRef = Arc::new(StringArray::from(values));
                cast(&array, &layout.text).expect("text")
            }
            Content::Date(values) => {
                let epoch = NaiveDate::default();
                let days = values.into_iter().map(|day| day.map(|day| (day - epoch).num_days() as i32));
                Arc::new(Date32Array::from_iter(days))
            }
            Content::Count(values) => {
                let array: ArrayRef = Arc::new(Int64Array::from(values.clone()));
                // Dirty rows hold what the narrower type cannot.
                let narrow = values.iter().flatten().all(|value| i32::try_from(*value).is_ok());
                let fits =
                    narrow && !(layout.counts.is_unsigned_integer() && values.iter().flatten().any(|value| *value < 0));
                cast(&array, if fits { &layout.counts } else { &DataType::Int64 }).expect("counts")
            }
        }
    }
}

fn texts<T>(rows: &[T], value: impl Fn(&T) -> &Option<String>) -> Content {
    Content::Text(rows.iter().map(|row| value(row).clone()).collect())
}

fn dates<T>(rows: &[T], value: impl Fn(&T) -> Option<NaiveDate>) -> Content {
    Content::Date(rows.iter().map(value).collect())
}

fn counts<T>(rows: &[T], value: impl Fn(&T) -> Option<i64>) -> Content {
    Content::Count(rows.iter().map(value).collect())
}

/// The columns of `partners`.
pub fn partners(rows: &[Partner]) -> Columns {
    vec![
        ("partner_id", texts(rows, |row| &row.partner_id)),
        ("partner_name", texts(rows, |row| &row.partner_name)),
        ("global_partner_id", texts(rows, |row| &row.global_partner_id)),
        ("distributor_id", texts(rows, |row| &row.distributor_id)),
        ("market", texts(rows, |row| &row.market)),
    ]
}

/// The columns of `associations`.
pub fn associations(rows: &[Association]) -> Columns {
    vec![
        ("partner_id", texts(rows, |row| &row.partner_id)),
        ("tenant_id", texts(rows, |row| &row.tenant_id)),
        ("workload", texts(rows, |row| &row.workload)),
        ("association_type", texts(rows, |row| &row.association_type)),
        ("start_date", dates(rows, |row| row.start_date)),
        ("end_date", dates(rows, |row| row.end_date)),
    ]
}

/// The columns of `certifications`.
pub fn certifications(rows: &[Certification]) -> Columns {
    vec![
        ("partner_id", texts(rows, |row| &row.partner_id)),
        ("person_id", texts(rows, |row| &row.person_id)),
        ("certification", texts(rows, |row| &row.certification)),
        ("earned_on", dates(rows, |row| row.earned_on)),
        ("expires_on", dates(rows, |row| row.expires_on)),
    ]
}

/// The columns of `workload_usage`, with or without the month.
pub fn usage(rows: &[Usage], month: bool) -> Columns {
    let mut columns = vec![
        ("tenant_id", texts(rows, |row| &row.tenant_id)),
        ("workload", texts(rows, |row| &row.workload)),
        ("paid_seats", counts(rows, |row| row.paid_seats)),
        ("active_users", counts(rows, |row| row.active_users)),
    ];
    if month {
        columns.push(("month", dates(rows, |row| row.month)));
    }
    columns
}

/// Every file below a folder with its bytes, `run.json` and hidden files aside.
pub fn published(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(within) = folders.pop() {
        for entry in fs::read_dir(&within).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .file_name()
                .is_some_and(|name| name != "run.json" && !name.to_string_lossy().starts_with('.'))
            {
                files.insert(path.strip_prefix(folder).expect("below").to_owned(), fs::read(&path).expect("bytes"));
            }
        }
    }
    files
}
