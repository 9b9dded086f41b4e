//! Partner Center exports to history: reports are recognised by their headers, and read into what they state.
//!
//! Kinds of reports and names are data, in `data/reports/`.

mod header;
mod names;
mod opening;
mod passed_over;
mod person;
mod reading;
mod records;
mod report_kinds;
mod row;
mod rule;
mod stating;
mod tally;
mod text;
mod values;

pub use names::{certifications, workloads};
pub use opening::Limits;
pub use passed_over::PASSED_OVER;
pub use person::PersonKey;
pub use reading::{Outcome, Reading, Sink, read};
pub use report_kinds::{ReportKind, report_kinds};
pub use row::{FileRead, PassedOver, Refused, Rejected, Row, Source, Unknown, UnknownKind};
pub use rule::Rule;
