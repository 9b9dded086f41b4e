//! Questions asked of scores and history. Answers read evidence, facts and points; none has rules of its own.

mod alerts;
mod answer;
mod backfill;
mod change;
pub mod diff;
mod explain;
mod outlook;
mod plan;
mod published;
mod reconcile;
mod simulate;
mod slice;
mod trend;

pub use alerts::{AlertKind, Alerts, PartnerAlert, alerts};
pub use answer::{Answer, column, frame};
pub use backfill::{Backfill, MonthResult, RECORD, Status, backfill, backfill_locked};
pub use change::{Associate, Certify, Deployed, MOST_OF_A_COUNT, Scenario, TenantChange, Usage};
pub use explain::{
    ExplainedMeasure, ExplainedRow, Explanation, NotListed, Wanted, already_scored, explain_history, explain_run,
    metric_named, shown,
};
pub use outlook::{Alert, Event, Outlook, OutlookMonth, PartnerOutlook, outlook};
pub use plan::{Effort, Plan, PlannedMove, PlannedUsage, Plans, TrackPlan, plan, plan_all};
pub use published::{EvidenceRow, PointsRow, Published, ReasonRow, RejectRow, ScoreRow};
pub use reconcile::{Hint, HintText, Readings, ReconcileStatus, Reconciled, Reconciliation, Tried, reconcile};
pub use simulate::{
    ChangedMeasure, ComparedPartner, RulebookComparison, Simulation, Total, compare_rulebooks, scored_after, simulate,
    simulated_by_itself,
};
pub use slice::Slice;
pub use trend::{TREND, trend};
