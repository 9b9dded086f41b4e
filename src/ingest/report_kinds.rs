//! Kinds of reports as data: their columns under every name these had, and what their rows state.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::toml_file;

const FILES: [(&str, &str); 8] = [
    ("office_usage.toml", include_str!("../../data/reports/office_usage.toml")),
    ("cpor_usage.toml", include_str!("../../data/reports/cpor_usage.toml")),
    ("ems_usage.toml", include_str!("../../data/reports/ems_usage.toml")),
    ("training_completions.toml", include_str!("../../data/reports/training_completions.toml")),
    ("profile.toml", include_str!("../../data/reports/profile.toml")),
    ("reseller_performance.toml", include_str!("../../data/reports/reseller_performance.toml")),
    ("customers_tenants.toml", include_str!("../../data/reports/customers_tenants.toml")),
    ("seats_subscriptions.toml", include_str!("../../data/reports/seats_subscriptions.toml")),
];

/// One kind of report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportKind {
    /// Its name in findings, such as `office_usage`.
    pub id: String,
    /// Its name in Partner Center.
    pub title: String,
    /// What its rows state.
    pub states: States,
    /// Where its columns come from.
    pub source: String,
    /// The columns that are read.
    pub columns: BTreeMap<Column, Names>,
    /// Workloads that have columns of their own.
    #[serde(default)]
    pub wide: Vec<Wide>,
    /// The product of rows that name none that is known.
    #[serde(default)]
    pub default_product: Option<String>,
    #[serde(default)]
    pub others: Others,
}

/// What the rows of a report state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum States {
    /// Usage of a workload, and a partner seen.
    Usage,
    /// Usage of a workload, and a claim with its date.
    Claims,
    /// Usage of several workloads, and a partner seen.
    WideUsage,
    /// A partner seen.
    Seen,
    /// A person's certification.
    Certifications,
    /// A partner and its global account.
    Profile,
    /// A partner and its distributor.
    Resellers,
}

/// A column that is read, by what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    TenantId,
    Workload,
    Month,
    PaidSeats,
    ActiveUsers,
    PartnerId,
    GlobalPartnerId,
    PartnerName,
    GlobalPartnerName,
    Market,
    AssociationType,
    AssociatedOn,
    Duplicate,
    SubscriptionId,
    Status,
    RawProduct,
    Sku,
    Product,
    ReportingProduct,
    ProductFamily,
    SolutionArea,
    Division,
    PersonId,
    Certification,
    TrainingType,
    EarnedOn,
    ExpiresOn,
    DistributorId,
}

/// How many there are.
pub(super) const COLUMNS: usize = Column::DistributorId as usize + 1;

/// The names that a column had, and what some of its values mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The name of today first. Small and capital letters, spaces, hyphens and underscores make no difference.
    pub names: Vec<Name>,
    #[serde(default)]
    pub required: bool,
    /// Values of a type by which a row is about a certification.
    #[serde(default)]
    pub certification: Vec<String>,
}

/// A workload's own columns.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wide {
    pub workload: String,
    pub paid_seats: Vec<Name>,
    pub active_users: Vec<Name>,
}

/// Columns that are not read, and columns that tell reports apart.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Others {
    pub ignored: Vec<Name>,
    /// About people: dropped, and no value of the report is ever shown.
    pub personal: Vec<Name>,
    /// One of them is there, where any are named.
    pub marks: Vec<Name>,
    /// None of them is there.
    pub excluded: Vec<Name>,
}

/// A column's name, with what it is compared by: that is worked out once, and not for every file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Name {
    written: String,
    comparable: String,
}

impl Name {
    /// What names are compared by.
    pub(super) fn comparable(&self) -> &str {
        &self.comparable
    }
}

impl From<String> for Name {
    fn from(written: String) -> Name {
        let comparable = comparable(&written);
        Name { written, comparable }
    }
}

/// As it is written.
impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.written
    }
}

/// The kinds that the binary carries.
///
/// # Errors
/// Usage where a file is wrong, which a test excludes.
pub fn report_kinds() -> Result<Vec<ReportKind>> {
    FILES.iter().map(|(file, text)| parse(text, file)).collect()
}

/// Parses and checks the text of one kind.
fn parse(text: &str, place: &str) -> Result<ReportKind> {
    let kind: ReportKind = toml_file::parse(text, place, "see data/reports/office_usage.toml for a complete one")?;
    let wrong = |what: String| Err(Error::usage(what).at(place).hint("see data/reports/office_usage.toml"));
    let mut seen = BTreeMap::new();
    for name in kind.known() {
        if let Some(other) = seen.insert(name.comparable(), name) {
            return wrong(format!("the column `{}` stands twice, also as `{}`", &**name, &**other));
        }
    }
    let needed: &[Column] = match kind.states {
        States::Usage | States::Claims => {
            &[Column::TenantId, Column::Workload, Column::Month, Column::PaidSeats, Column::ActiveUsers]
        }
        States::WideUsage => &[Column::TenantId, Column::Month, Column::SubscriptionId],
        States::Seen => &[Column::TenantId, Column::Month, Column::AssociationType],
        States::Certifications => &[Column::PersonId, Column::Certification, Column::EarnedOn],
        States::Profile => &[Column::GlobalPartnerId],
        States::Resellers => &[Column::DistributorId, Column::Month],
    };
    let is_required = |column: &Column| kind.columns.get(column).is_some_and(|names| names.required);
    match needed.iter().chain([&Column::PartnerId]).find(|column| !is_required(column)) {
        Some(column) => wrong(format!("rows state nothing without {column:?}, which is not required")),
        None if kind.states == States::WideUsage && kind.wide.is_empty() => wrong("no workload has columns".into()),
        None => Ok(kind),
    }
}

/// What a column's name is compared by: without spaces, hyphens and underscores, in small letters.
pub(super) fn comparable(name: &str) -> String {
    compared(name).collect()
}

/// Whether a text names the column that is compared by `comparable`.
pub(super) fn is_named(text: &str, comparable: &str) -> bool {
    compared(text).eq(comparable.chars())
}

fn compared(name: &str) -> impl Iterator<Item = char> {
    let signs = |c: &char| !c.is_whitespace() && !matches!(c, '_' | '-');
    name.chars().filter(signs).flat_map(char::to_lowercase)
}

impl ReportKind {
    /// Every column that a report of this kind has or had.
    pub fn known(&self) -> impl Iterator<Item = &Name> {
        let read = self.columns.values().flat_map(|column| &column.names);
        let wide = self.wide.iter().flat_map(|one| one.paid_seats.iter().chain(&one.active_users));
        read.chain(wide).chain(&self.others.ignored).chain(&self.others.personal)
    }

    /// Whether it tells of people.
    pub fn is_personal(&self) -> bool {
        !self.others.personal.is_empty()
    }
}
