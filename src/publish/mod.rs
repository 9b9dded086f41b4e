//! The only code that writes results: staged beside, checked, then exchanged in one step under a lock.

mod evidence;
mod exchange;
mod lock;
mod replacement;
mod run_json;
mod staging;
pub mod table_file;
mod tables;

pub use evidence::{EvidenceParts, write as write_evidence};
pub use lock::Lock;
pub use replacement::Replacement;
pub use run_json::{
    Freshness, Input, Months, RejectCount, RowCounts, RulebookName, Run, Selection, Stage, WarningCount,
};
pub use staging::{Mode, Staging, abandon, create_folder, replace_file};
pub use tables::{Stamp, metric_points, replace_table, scores, write_table};

/// The version of the tables' columns, in every Parquet file's metadata.
pub const SCHEMA_VERSION: &str = "1";
