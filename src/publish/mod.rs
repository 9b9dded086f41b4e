//! The only code that writes results: staged beside, checked, then exchanged in one step under a lock, or written to an object store
//! where one small file names the run that counts.

mod beside;
mod encoding;
mod evidence;
mod exchange;
mod lock;
mod output;
mod replacement;
mod revision;
mod run_json;
mod runs;
mod staging;
mod store;
pub mod table_file;
mod tables;

pub use beside::{change_beside, read_beside, workspace};
pub use encoding::{Encoding, encode, printable, printable_lines, shown};
pub use evidence::{EvidenceParts, write as write_evidence};
pub use lock::Lock;
pub use output::{Output, OutputKind, refuse_outputs};
pub use replacement::Replacement;
pub use revision::ENGINE_REVISION;
pub use run_json::{
    Freshness, Input, Months, RejectCount, RowCounts, RulebookName, Run, ScoreSummary, Selection, Stage, WarningCount,
};
pub use runs::{is_run, last_run, run_folder, run_folders, run_of};
pub use staging::{Mode, Staging, abandon, append_line, create_folder, remove_run, replace_file};
pub use store::{StoreOutput, brought, brought_without_evidence, names_run};
pub use tables::{Stamp, StampedRows, metric_points, replace_table, scores, write_table};

/// The version of the tables' columns, in every Parquet file's metadata.
pub const SCHEMA_VERSION: &str = "1";
