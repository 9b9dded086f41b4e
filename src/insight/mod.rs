//! Questions asked of scores and history. Answers read evidence, facts and points; none has rules of its own.

mod answer;
mod backfill;
mod published;
mod trend;

pub use answer::Answer;
pub use backfill::{Backfill, MonthResult, RECORD, Status, backfill};
pub use published::{Published, ScoreRow};
pub use trend::{TREND, trend};
