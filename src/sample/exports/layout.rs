//! Layouts of exports: which reports there are, what their columns are called and how values are spelled in a year. They are data,
//! `data/export_layouts/`; nothing here knows a column's name.

use std::collections::BTreeMap;

use chrono::format::{Item, StrftimeItems};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result, nearest};
use crate::month::Month;
use crate::toml_file;

/// The built-in layouts by their ids, the oldest first.
const FILES: [(&str, &str); 3] = [
    ("2022", include_str!("../../../data/export_layouts/2022.toml")),
    ("2023", include_str!("../../../data/export_layouts/2023.toml")),
    ("2026", include_str!("../../../data/export_layouts/2026.toml")),
];

/// How Partner Center's exports looked in a year.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// The year it is named after.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// The first month that is exported so.
    #[serde(deserialize_with = "month")]
    pub from: Month,
    /// Where the columns are published.
    pub source: String,
    /// How dates are written.
    pub dates: Dates,
    /// The names of association types, by history's.
    pub association_types: BTreeMap<String, String>,
    /// The names of workloads, by their slugs. A workload without one is exported nowhere.
    pub workloads: BTreeMap<String, String>,
    /// The titles of certifications, by their slugs. One without is not exported.
    pub certifications: BTreeMap<String, String>,
    /// The reports there are.
    pub reports: BTreeMap<Kind, Report>,
}

/// How dates are written, in chrono's format.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dates {
    /// Days, such as that of a claim.
    pub day: String,
    /// Months, by their first day.
    pub month: String,
}

/// The kinds of reports that Partner Center exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Seats and users by tenant, workload, partner and association type.
    OfficeUsage,
    /// Claims with their dates, and what is used under them.
    CporUsage,
    /// Enterprise Mobility + Security, a row for each subscription, a column for each workload.
    EmsUsage,
    /// What people have passed.
    TrainingCompletions,
    /// The account and its locations.
    Profile,
    /// A distributor's resellers and what they sell.
    ResellerPerformance,
    /// Subscriptions resold.
    SeatsSubscriptions,
    /// Customers, whatever they are served through.
    CustomersTenants,
}

impl Kind {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 8;
}

/// A report's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its name; the end says how it is written: `.csv` or `.tsv`, compressed where `.gz` follows.
    pub file: String,
    /// Its columns in order.
    pub columns: Vec<Column>,
}

/// A column: its name, and what its cells hold, or their one text.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// As the header has it.
    pub name: String,
    /// What its cells hold.
    #[serde(default)]
    pub holds: Option<Holds>,
    /// The workload whose count it is, where a row has those of several.
    #[serde(default)]
    pub workload: Option<String>,
    /// What is in every cell, where it holds nothing of the sample.
    #[serde(default)]
    pub text: String,
}

/// What a cell can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    AccountId,
    AccountName,
    PartnerId,
    PartnerName,
    PartnerCity,
    PartnerCountry,
    HierarchyLevel,
    DistributorId,
    DistributorName,
    TenantId,
    CustomerName,
    CustomerTopParent,
    CustomerMarket,
    CustomerSegment,
    CustomerDomain,
    Industry,
    AssociationType,
    Duplicate,
    Workload,
    Month,
    PaidSeats,
    ActiveUsers,
    ClaimId,
    AssociatedOn,
    Product,
    SubscriptionId,
    SubscriptionStartsOn,
    SubscriptionStartsIn,
    SubscriptionEndsOn,
    SubscriptionState,
    SoldSeats,
    AssignedSeats,
    Revenue,
    TrainingId,
    TrainingType,
    Certification,
    CertificationState,
    Person,
    FirstName,
    LastName,
    Email,
    EarnedOn,
    ExpiresOn,
}

impl Report {
    /// Whether a column holds this.
    pub(super) fn has(&self, holds: Holds) -> bool {
        self.columns.iter().any(|column| column.holds == Some(holds))
    }
}

fn month<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Month, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

/// The layouts of an export: one for all its months, or each from its month on.
#[derive(Debug, Clone)]
pub struct Layouts {
    /// The oldest first; never empty.
    layouts: Vec<Layout>,
}

impl Layouts {
    /// The built-in layouts, each for the months from its own on; the oldest for those before as well.
    pub fn by_date() -> Result<Self> {
        let layouts = FILES.iter().map(|(id, text)| parse(text, id)).collect::<Result<_>>()?;
        Ok(Layouts { layouts })
    }

    /// One built-in layout for every month. Fails, with the nearest id, where there is none of this id.
    pub fn one(id: &str) -> Result<Self> {
        let ids = FILES.map(|(id, _)| id);
        let Some((_, text)) = FILES.iter().find(|(known, _)| *known == id) else {
            let hint = match nearest(id, ids) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("there are {}", ids.join(", ")),
            };
            return Err(Error::usage(format!("no layout of exports is called `{id}`")).hint(hint));
        };
        Ok(Layouts { layouts: vec![parse(text, id)?] })
    }

    /// Every layout, the oldest first.
    pub fn all(&self) -> &[Layout] {
        &self.layouts
    }

    /// The layout of a month; none only of no layouts.
    pub(super) fn of(&self, month: Month) -> Option<&Layout> {
        self.layouts.iter().rfind(|layout| layout.from <= month).or(self.layouts.first())
    }
}

/// Parses a layout; dates that chrono cannot write so are refused.
fn parse(text: &str, id: &str) -> Result<Layout> {
    let place = format!("data/export_layouts/{id}.toml");
    let layout: Layout = toml_file::parse(text, &place, "the other layouts show what is known here")?;
    for (key, format) in [("dates.day", &layout.dates.day), ("dates.month", &layout.dates.month)] {
        if StrftimeItems::new(format).any(|item| item == Item::Error) {
            let line = toml_file::line_of_key(text, key);
            return Err(Error::usage(format!("`{format}` is no format of dates"))
                .at(format!("{place}:{line}"))
                .hint("write it as strftime does, such as %Y-%m-%d"));
        }
    }
    Ok(layout)
}
