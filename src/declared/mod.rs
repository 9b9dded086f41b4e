//! Pipelines: runs that are declared in TOML files, under what overrides them.

mod file;
mod night;
mod plan;
mod retention;
mod settings;
mod status;
mod steps;
mod telemetry;

pub use file::{
    AsOf, Compare, Dates, Declared, DeclaredAlerts, DeclaredComparison, DeclaredReport, LastMonth, Pipeline, Retention,
    Span, Telemetry,
};
pub use night::{Told, run};
pub use plan::{PlannedStep, RunPlan, plan};
pub use settings::{Overrides, Setting};
pub use status::{PipelineStatus, RunError, State, StepState, StepStatus};
