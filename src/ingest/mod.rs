//! Partner Center exports to history: reports are recognised by their headers, and read into what they state.

mod person;
mod reading;
mod row;

pub use person::PersonKey;
pub use reading::{Outcome, Reading, read};
pub use row::{FileRead, PassedOver, Refused, Rejected, Row, Source, Unknown, UnknownKind};
