//! The command line.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::declared::{AsOf, LastMonth};
use crate::error;
use crate::ingest::DateOrder;
use crate::insight::{Associate, Certify, Deployed, MOST_OF_A_COUNT, TenantChange, Usage};
use crate::month::Month;
use crate::pipeline::Settings;
use crate::publish::Mode;
use crate::rulebook::{self, Rulebook, Track, When};
use crate::storage;

/// Scores partners for the Solutions Partner for Modern Work designation, from Parquet history.
///
/// Exit codes: 0 done; 1 internal error; 2 usage, rulebook or pipeline file wrong; 3 data refused; 4 published with warnings or
/// rejects under --strict; 5 input missing or not there yet; 6 storage or access failed; 7 output locked by another run; 8 some
/// months of a backfill failed; 130 and 143 interrupted.
#[derive(Debug, Parser)]
#[command(name = "partnerscore", version, max_term_width = 110)]
pub struct Arguments {
    #[command(flatten)]
    pub console: ConsoleArguments,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Args)]
pub struct ConsoleArguments {
    /// Say nothing on standard error but errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Log more; twice for every stage
    #[arg(long, short, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// How standard error is written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Threads to compute with [default: all]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Folder for what is brought here from object stores [default: partnerscore in the user's cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "PARTNERSCORE_CACHE", hide_env_values = true)]
    pub cache: Option<PathBuf>,
    /// In CSV, put an apostrophe before text that a spreadsheet would take for a formula
    #[arg(long, global = true)]
    pub csv_safe: bool,
}

impl ConsoleArguments {
    /// What a command line that could not be understood is taken to ask for.
    pub fn json() -> Self {
        let (log_format, csv_safe) = (LogFormat::Json, false);
        ConsoleArguments { quiet: false, verbose: 0, log_format, threads: None, cache: None, csv_safe }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
    Parquet,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Score every partner of a history and publish the tables
    Score(ScoreArguments),
    /// Run what a pipeline file declares
    Run(Box<RunArguments>),
    /// Publish every month of a span, and the trend over them
    Backfill(BackfillArguments),
    /// Explain every point of a partner, down to tenant, workload and person
    Explain(ExplainArguments),
    /// Show a partner before and after a change, or a portfolio under another rulebook
    Simulate(SimulateArguments),
    /// Show what is already certain about the next months
    Outlook(OutlookArguments),
    /// Find the moves with the least effort that bring a partner to the designation
    Plan(PlanArguments),
    /// Compare a run with Partner Center's own figures
    Reconcile(ReconcileArguments),
    /// Compare two runs: newly qualified, lost, movers, and why
    Diff(DiffArguments),
    /// Write a published run as a page and as a workbook
    Report(ReportArguments),
    /// Turn Partner Center exports into history, or add them to one
    Ingest(IngestArguments),
    /// Check everything a history holds
    Check(CheckArguments),
    /// Show, compare and check rulebooks
    Rules(RulesArguments),
    /// Write a synthetic history of any size
    Sample(SampleArguments),
    /// Print the JSON Schema of a command's answer
    Schema { command: String },
    /// Print the completions of a shell
    Completions { shell: Shell },
    /// Print the manual page, of a command where one is named
    Man { command: Option<String> },
}

#[derive(Debug, Args)]
pub struct ScoreArguments {
    /// Folder, or URL of one, with partners, associations, certifications and workload_usage
    #[arg(value_parser = place())]
    pub history: PathBuf,
    /// Folder, or URL of one, to publish in; the run becomes its folder as_of=DATE
    #[arg(long, value_name = "DIR", value_parser = place())]
    pub out: PathBuf,
    #[command(flatten)]
    pub date: DateArguments,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    #[command(flatten)]
    pub scoring: ScoringArguments,
    /// Exit with 4 where there are warnings or rejects
    #[arg(long)]
    pub strict: bool,
    /// Print the ranked table on standard output
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

/// Which day a history is scored for.
#[derive(Debug, Args)]
pub struct DateArguments {
    /// Day the score is for [default: today, UTC]
    #[arg(long, value_name = "DATE", conflicts_with = "month")]
    pub as_of: Option<NaiveDate>,
    /// Usage month the score is for, as of the day it is complete
    #[arg(long, value_name = "MONTH")]
    pub month: Option<Month>,
}

impl DateArguments {
    /// The day named, the month named, or today.
    pub fn when(&self) -> When {
        When::asked(self.as_of, self.month)
    }
}

#[derive(Debug, Args)]
pub struct RulebookArgument {
    /// Rulebook: an id of `rules list`, a TOML file, or by-date for the newest in effect on the as-of date
    /// [default: modern-work-2024]
    #[arg(long, value_name = "ID|FILE")]
    pub rulebook: Option<String>,
}

impl RulebookArgument {
    /// The rulebook named, by date where that is asked.
    ///
    /// # Errors
    /// Those of [`rulebook::choose_as_of`].
    pub fn as_of(&self, when: When) -> error::Result<Rulebook> {
        rulebook::choose_as_of(self.rulebook.as_deref(), when)
    }
}

#[derive(Debug, Args)]
pub struct RejectArgument {
    /// Largest share of a table's checked rows that may be rejected
    #[arg(long, value_name = "RATIO", default_value_t = 0.01, value_parser = ratio)]
    pub max_reject_ratio: f64,
}

#[derive(Debug, Args)]
pub struct UnknownArgument {
    /// Largest share of rows whose names or tenant ids match known ones only without case, padding and punctuation
    #[arg(long, value_name = "RATIO", default_value_t = 0.05, value_parser = ratio)]
    pub max_unknown_ratio: f64,
}

/// Whom to score, how to read, and what is published.
#[derive(Debug, Args)]
pub struct ScoringArguments {
    /// Score only this partner; may be repeated
    #[arg(long, value_name = "ID")]
    pub partner: Vec<String>,
    /// Score only the partners of this distributor; may be repeated
    #[arg(long, value_name = "ID")]
    pub distributor: Vec<String>,
    /// Read tenants in so many sets, one after another, to bound memory
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub shards: u16,
    /// Publish what every tenant, pair and person adds
    #[arg(long)]
    pub evidence: bool,
    #[command(flatten)]
    pub limit: RejectArgument,
    #[command(flatten)]
    pub forms: UnknownArgument,
    /// Smallest share of the tenants held that usage must know
    #[arg(long, value_name = "RATIO", default_value_t = 0.5, value_parser = ratio)]
    pub min_coverage: f64,
    /// Permissions of published files, octal
    #[arg(long, value_name = "MODE", default_value = "600")]
    pub mode: Mode,
}

impl ScoringArguments {
    /// Settings of a run for a history, a date and a rulebook.
    pub fn settings(&self, history: &Path, as_of: NaiveDate, rules: Rulebook) -> Settings {
        Settings {
            partners: self.partner.clone(),
            distributors: self.distributor.clone(),
            shards: self.shards.into(),
            evidence: self.evidence,
            max_reject_ratio: self.limit.max_reject_ratio,
            min_coverage: self.min_coverage,
            max_unknown_ratio: self.forms.max_unknown_ratio,
            mode: self.mode,
            ..Settings::new(history, as_of, rules)
        }
    }
}

#[derive(Debug, Args)]
pub struct RunArguments {
    /// Pipeline file, such as pipelines/nightly.toml
    pub pipeline: PathBuf,
    /// Say what would be done and why, with each setting and where it comes from, and do nothing
    #[arg(long)]
    pub plan: bool,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "table", requires = "plan")]
    pub format: Format,
    /// Do every step again, whether or not its result is there
    #[arg(long)]
    pub redo: bool,
    #[command(flatten)]
    pub overrides: OverrideArguments,
}

/// What overrides a pipeline file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings in the place of the file's")]
pub struct OverrideArguments {
    /// Folder of the history, or its URL
    #[arg(long, value_name = "DIR", env = "PARTNERSCORE_HISTORY", value_parser = place())]
    pub history: Option<PathBuf>,
    /// Folder to publish in, or its URL
    #[arg(long, visible_alias = "out", value_name = "DIR", env = "PARTNERSCORE_OUTPUT", value_parser = place())]
    pub output: Option<PathBuf>,
    /// Day the score is for: today, newest_month or a date
    #[arg(long, value_name = "DATE", env = "PARTNERSCORE_AS_OF")]
    pub as_of: Option<AsOf>,
    /// First usage month of a backfill
    #[arg(long, value_name = "MONTH", env = "PARTNERSCORE_FROM")]
    pub from: Option<Month>,
    /// Last usage month of a backfill, or newest_month
    #[arg(long, value_name = "MONTH", env = "PARTNERSCORE_TO")]
    pub to: Option<LastMonth>,
    /// Rulebook: an id of `rules list`, a TOML file, or by-date
    #[arg(long, value_name = "ID|FILE", env = "PARTNERSCORE_RULEBOOK")]
    pub rulebook: Option<String>,
    /// Publish what every tenant, pair and person adds
    #[arg(long, value_name = "BOOL", env = "PARTNERSCORE_EVIDENCE", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub evidence: Option<bool>,
    /// Sets of tenants that are read one after another
    #[arg(long, value_name = "N", env = "PARTNERSCORE_SHARDS", value_parser = clap::value_parser!(u16).range(1..))]
    pub shards: Option<u16>,
    /// Largest share of a table's checked rows that may be rejected
    #[arg(long, value_name = "RATIO", env = "PARTNERSCORE_MAX_REJECT_RATIO", value_parser = ratio)]
    pub max_reject_ratio: Option<f64>,
    /// Smallest share of the tenants held that usage must know
    #[arg(long, value_name = "RATIO", env = "PARTNERSCORE_MIN_COVERAGE", value_parser = ratio)]
    pub min_coverage: Option<f64>,
    /// Largest share of rows whose names or tenant ids match known ones only without case, padding and punctuation
    #[arg(long, value_name = "RATIO", env = "PARTNERSCORE_MAX_UNKNOWN_RATIO", value_parser = ratio)]
    pub max_unknown_ratio: Option<f64>,
    /// Largest share of the last run's partners that may be missing
    #[arg(long, value_name = "RATIO", env = "PARTNERSCORE_MAX_FALL_IN_PARTNERS", value_parser = ratio)]
    pub max_fall_in_partners: Option<f64>,
    /// Most points that the mean score may lie below that of the last run
    #[arg(long, value_name = "POINTS", env = "PARTNERSCORE_MAX_FALL_IN_MEAN_POINTS")]
    pub max_fall_in_mean_points: Option<f64>,
    /// End with 4 where there are warnings or rejects
    #[arg(long, value_name = "BOOL", env = "PARTNERSCORE_STRICT", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub strict: Option<bool>,
    /// Permissions of published files, octal
    #[arg(long, value_name = "MODE", env = "PARTNERSCORE_MODE")]
    pub mode: Option<Mode>,
    /// How many runs of the output folder are kept
    #[arg(long, value_name = "N", env = "PARTNERSCORE_RETENTION_RUNS", value_parser = clap::value_parser!(u32).range(1..))]
    pub retention_runs: Option<u32>,
    /// File for the textfile collector of Prometheus' node exporter
    #[arg(long, value_name = "FILE", env = "PARTNERSCORE_PROMETHEUS")]
    pub prometheus: Option<PathBuf>,
    /// File that events of OpenLineage are added to
    #[arg(long, value_name = "FILE", env = "PARTNERSCORE_OPENLINEAGE")]
    pub openlineage: Option<PathBuf>,
    /// Namespace of the job in OpenLineage
    #[arg(long, value_name = "NAME", env = "PARTNERSCORE_NAMESPACE")]
    pub namespace: Option<String>,
}

#[derive(Debug, Args)]
pub struct BackfillArguments {
    /// Folder, or URL of one, with partners, associations, certifications and workload_usage
    #[arg(value_parser = place())]
    pub history: PathBuf,
    /// First usage month
    #[arg(long, value_name = "MONTH")]
    pub from: Month,
    /// Last usage month
    #[arg(long, value_name = "MONTH")]
    pub to: Month,
    /// Folder, or URL of one, to publish in; each month becomes its folder as_of=DATE
    #[arg(long, value_name = "DIR", value_parser = place())]
    pub out: PathBuf,
    /// Try only the months that failed before
    #[arg(long, value_name = "WHICH")]
    pub only: Option<Only>,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    #[command(flatten)]
    pub scoring: ScoringArguments,
    /// Print how each month ended on standard output
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A history, or a published run with evidence (its folder, or the folder above it for the newest)
    #[arg(value_name = "HISTORY|RUN", value_parser = place())]
    pub source: PathBuf,
    /// Whom to explain
    #[arg(long, value_name = "ID")]
    pub partner: String,
    #[command(flatten)]
    pub date: DateArguments,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    /// Only this track
    #[arg(long, value_name = "TRACK", value_parser = track)]
    pub track: Option<Track>,
    /// Only this metric
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// Rows shown of each metric and option; 0 shows all
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub rows: usize,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SimulateArguments {
    /// Folder, or URL of one, with partners, associations, certifications and workload_usage
    #[arg(value_parser = place())]
    pub history: PathBuf,
    /// Whose change it is
    #[arg(long, value_name = "ID")]
    pub partner: Option<String>,
    /// With --against: only the partners of this distributor; may be repeated
    #[arg(long, value_name = "ID", requires = "against")]
    pub distributor: Vec<String>,
    #[command(flatten)]
    pub date: DateArguments,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    /// Compare the portfolio under --rulebook with this one before
    #[arg(long, value_name = "ID|FILE")]
    pub against: Option<String>,
    /// File of changes
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    #[command(flatten)]
    pub changes: ChangeArguments,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// A published run: its folder, or the folder above it for the newest
    #[arg(value_parser = place())]
    pub run: PathBuf,
    /// Page to write; with --partner, that partner's own
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Workbook to write
    #[arg(long, value_name = "FILE")]
    pub xlsx: Option<PathBuf>,
    /// Folder to write a page for each partner to, with a manifest
    #[arg(long, value_name = "DIR")]
    pub each: Option<PathBuf>,
    /// Only the partners of this distributor
    #[arg(long, value_name = "ID")]
    pub distributor: Option<String>,
    /// Only this partner
    #[arg(long, value_name = "ID", conflicts_with = "distributor")]
    pub partner: Option<String>,
    /// The run before, to tell who moved
    #[arg(long, value_name = "RUN", value_parser = place())]
    pub compare: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct OutlookArguments {
    /// Folder, or URL of one, with partners, associations, certifications and workload_usage
    #[arg(value_parser = place())]
    pub history: PathBuf,
    /// Only this partner, with what is behind each change
    #[arg(long, value_name = "ID")]
    pub partner: Option<String>,
    /// Only the partners of this distributor; may be repeated
    #[arg(long, value_name = "ID", conflicts_with = "partner")]
    pub distributor: Vec<String>,
    #[command(flatten)]
    pub date: DateArguments,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    /// How many months ahead
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..))]
    pub months: u32,
    /// Read tenants in so many sets, one after another, to bound memory
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub shards: u16,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Folder, or URL of one, with partners, associations, certifications and workload_usage
    #[arg(value_parser = place())]
    pub history: PathBuf,
    /// Whose plan it is
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    pub partner: Option<String>,
    /// Plan for every partner without the designation
    #[arg(long)]
    pub all: bool,
    /// With --all: only the partners of this distributor; may be repeated
    #[arg(long, value_name = "ID", requires = "all", conflicts_with = "partner")]
    pub distributor: Vec<String>,
    #[command(flatten)]
    pub date: DateArguments,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    /// What moves cost, as data/effort.toml has it
    #[arg(long, value_name = "FILE")]
    pub effort: Option<PathBuf>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct ChangeArguments {
    /// People more (or fewer) with a certification, such as advanced=1
    #[arg(long, value_name = "METRIC=N", value_parser = certify, allow_hyphen_values = true)]
    pub certify: Vec<Certify>,
    /// Active users more through an option, such as csp=+300, or smb.cpor=+300 on one track
    #[arg(long, value_name = "OPTION=N", value_parser = usage)]
    pub usage: Vec<Usage>,
    /// Tenants more that are deployed through an option, such as cpor=+1
    #[arg(long, value_name = "OPTION=N", value_parser = deployed)]
    pub deployments: Vec<Deployed>,
    /// Tenants more that are won
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = clap::value_parser!(i64).range(-MOST_OF_A_COUNT..=MOST_OF_A_COUNT))]
    pub net_adds: Option<i64>,
    /// Tenant whose usage changes: ID, or ID:WORKLOAD
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// Its paid seats then
    #[arg(long, value_name = "N", requires = "tenant", value_parser = clap::value_parser!(i64).range(0..=MOST_OF_A_COUNT))]
    pub seats: Option<i64>,
    /// Its active users then
    #[arg(long, value_name = "N", requires = "tenant", value_parser = clap::value_parser!(i64).range(0..=MOST_OF_A_COUNT))]
    pub users: Option<i64>,
    /// Association filed, such as TENANT:cpor, or TENANT:cpor:WORKLOAD
    #[arg(long, value_name = "TENANT:OPTION", value_parser = associate)]
    pub associate: Vec<Associate>,
}

impl ChangeArguments {
    /// The change of the tenant named, where one is.
    pub fn tenant(&self) -> Vec<TenantChange> {
        let change = self.tenant.as_deref().map(parted).map(|(tenant_id, workload)| TenantChange {
            tenant_id,
            workload,
            paid_seats: self.seats,
            active_users: self.users,
        });
        change.into_iter().collect()
    }
}

/// `NAME`, or `NAME:MORE`.
fn parted(text: &str) -> (String, Option<String>) {
    match text.split_once(':') {
        Some((name, more)) => (name.to_owned(), Some(more.to_owned())),
        None => (text.to_owned(), None),
    }
}

/// `NAME=N`, with or without a sign.
fn counted(text: &str) -> Result<(String, i64), String> {
    let wrong = || format!("`{text}` is not NAME=NUMBER, such as csp=+300");
    let (name, number) = text.split_once('=').ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| (-MOST_OF_A_COUNT..=MOST_OF_A_COUNT).contains(number));
    Ok((name.to_owned(), number.ok_or_else(wrong)?))
}

/// `OPTION=N`, or `TRACK.OPTION=N`.
fn through(text: &str) -> Result<(Option<String>, String, i64), String> {
    let (name, number) = counted(text)?;
    Ok(match name.split_once('.') {
        Some((track, option)) => (Some(track.to_owned()), option.to_owned(), number),
        None => (None, name, number),
    })
}

fn certify(text: &str) -> Result<Certify, String> {
    counted(text).map(|(metric, people)| Certify { metric, people })
}

fn usage(text: &str) -> Result<Usage, String> {
    through(text).map(|(track, option, active_users)| Usage { option, track, active_users })
}

fn deployed(text: &str) -> Result<Deployed, String> {
    through(text).map(|(track, option, tenants)| Deployed { option, track, tenants })
}

fn associate(text: &str) -> Result<Associate, String> {
    let (tenant_id, rest) = parted(text);
    let rest = rest.ok_or_else(|| format!("`{text}` is not TENANT:OPTION, such as TENANT:cpor"))?;
    let (option, workload) = parted(&rest);
    Ok(Associate { tenant_id, workload, option })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    Failed,
}

#[derive(Debug, Args)]
pub struct ReconcileArguments {
    /// A published folder as_of=DATE, or the folder above it for its newest
    #[arg(value_parser = place())]
    pub run: PathBuf,
    /// CSV file of Partner Center's figures: partner,metric,points and, where wanted, track
    #[arg(long, value_name = "FILE")]
    pub official: PathBuf,
    /// The history that was scored: tells which other reading of the rules would remove each difference
    #[arg(long, value_name = "HISTORY", value_parser = place())]
    pub history: Option<PathBuf>,
    /// Rulebook of the run, where it is not a built-in one: a TOML file
    #[arg(long, value_name = "ID|FILE", requires = "history")]
    pub rulebook: Option<String>,
    /// Exit with 4 where a figure differs
    #[arg(long)]
    pub strict: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct DiffArguments {
    /// The run before: a published folder as_of=DATE, or the folder above it for its newest
    #[arg(value_name = "RUN_A", value_parser = place())]
    pub before: PathBuf,
    /// The run after
    #[arg(value_name = "RUN_B", value_parser = place())]
    pub after: PathBuf,
    /// Only this partner, with every row of evidence that changed
    #[arg(long, value_name = "ID")]
    pub partner: Option<String>,
    /// Only changes in this metric
    #[arg(long, value_name = "METRIC")]
    pub metric: Option<String>,
    /// Partners that each list of the table shows, and rows behind each cause [default: 10 and 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Where the rulebooks differ: the history RUN_A was made of, to tell the share of the rules from that of the data
    #[arg(long, value_name = "DIR", value_parser = place())]
    pub history: Option<PathBuf>,
    /// RUN_B's rulebook: an id of `rules list`, or a TOML file [default: the built-in one of its id]
    #[arg(long, value_name = "ID|FILE", requires = "history")]
    pub rulebook: Option<String>,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// An order of day, month and year.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum DateOrderArgument {
    /// The day first: 31/12/2026
    Dmy,
    /// The month first: 12/31/2026
    Mdy,
    /// The year first: 2026-12-31; dates with the year last are rejected
    Ymd,
}

impl From<DateOrderArgument> for DateOrder {
    fn from(order: DateOrderArgument) -> DateOrder {
        match order {
            DateOrderArgument::Dmy => DateOrder::DayFirst,
            DateOrderArgument::Mdy => DateOrder::MonthFirst,
            DateOrderArgument::Ymd => DateOrder::YearFirst,
        }
    }
}

#[derive(Debug, Args)]
pub struct IngestArguments {
    /// Partner Center exports, or folders of them: CSV, TSV and workbooks, also as .gz and .zip; where they disagree, later ones win
    #[arg(required = true)]
    pub exports: Vec<PathBuf>,
    /// Folder of the history, which is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub history: PathBuf,
    /// What people's ids are hashed with, at least 16 characters; the environment tells it to nobody else on the machine
    #[arg(long, value_name = "KEY", env = "PARTNERSCORE_PERSON_KEY", hide_env_values = true)]
    pub person_key: Option<String>,
    /// Where the key is another than the history's: drop the certifications held and take those of these exports
    #[arg(long, requires = "person_key")]
    pub replace_person_key: bool,
    /// The order of day, month and year in dates such as 04/03/2026; each file shows its own unless given
    #[arg(long, value_name = "ORDER")]
    pub date_order: Option<DateOrderArgument>,
    /// Largest share of a file's rows that may be rejected
    #[arg(long, value_name = "RATIO", default_value_t = 0.5, value_parser = ratio)]
    pub max_reject_ratio: f64,
    /// Say what would change, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Folder, or URL of one, with partners, associations, certifications and workload_usage
    #[arg(value_parser = place())]
    pub history: PathBuf,
    #[command(flatten)]
    pub rulebook: RulebookArgument,
    #[command(flatten)]
    pub limit: RejectArgument,
    #[command(flatten)]
    pub forms: UnknownArgument,
    /// Exit with 4 where there are warnings or rejects
    #[arg(long)]
    pub strict: bool,
    /// Print every rejected row instead of counts
    #[arg(long)]
    pub rejects: bool,
    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct RulesArguments {
    #[command(subcommand)]
    pub command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the built-in rulebooks
    List {
        /// How to print
        #[arg(long, value_name = "FORMAT", default_value = "table")]
        format: Format,
    },
    /// Print a rulebook: TOML, or JSON
    Show {
        /// An id of `rules list`, or a TOML file
        rulebook: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what changes from one rulebook to another
    Diff {
        /// The rulebook before: an id of `rules list`, or a TOML file
        before: String,
        /// The rulebook after
        after: String,
        /// Print a table of the changes instead of sentences
        #[arg(long, value_name = "FORMAT")]
        format: Option<Format>,
    },
    /// Check a rulebook file
    Check { file: PathBuf },
}

#[derive(Debug, Args)]
pub struct SampleArguments {
    /// How many partners
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub partners: u64,
    /// How many tenants
    #[arg(long, value_name = "N", default_value_t = 2500, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub tenants: u64,
    /// How many months of usage
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub months: u32,
    /// The newest month of usage
    #[arg(long, value_name = "MONTH", default_value = "2026-10")]
    pub last_month: Month,
    /// The same seed gives the same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Add rows of every reject rule; to exports, what real ones have beside sound rows
    #[arg(long)]
    pub dirty: bool,
    /// New or empty folder to write the history to
    #[arg(long, value_name = "DIR", required_unless_present = "exports")]
    pub out: Option<PathBuf>,
    /// New or empty folder to write the same to as Partner Center's exports
    #[arg(long, value_name = "DIR")]
    pub exports: Option<PathBuf>,
    /// The year whose reports and columns the exports have: 2022, 2023 or 2026 [default: each month those of its time]
    #[arg(long, value_name = "YEAR", requires = "exports")]
    pub layout: Option<String>,
    /// Export only the accounts of this distributor
    #[arg(long, value_name = "ID", requires = "exports")]
    pub distributor: Option<String>,
}

/// A folder of this machine, by its path or `file://` URL, or the URL of one on an object store.
fn place() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| storage::local(&path))
}

fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}

fn track(text: &str) -> Result<Track, String> {
    let known = Track::ALL.map(Track::name);
    Track::named(text).ok_or_else(|| format!("tracks are {}", known.join(" and ")))
}
