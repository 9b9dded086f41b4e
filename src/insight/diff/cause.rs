//! Causes: the closed list, and how one is judged from what the runs say of themselves and from a row's reasons.

use polars::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;

use super::side::Side;
use crate::metrics::reason;
use crate::rulebook::Metric;

/// Why points changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The runs see different usage months, and usage moved.
    NewMonth,
    /// The runs see the same months, of which the history now tells other usage.
    RestatedData,
    /// A pair or tenant began or ended being held, or its association passed the year-ago month.
    Associations,
    /// Usage of M has no row of a tenant that is held and that earlier months have, in one of the runs: an export may be missing.
    MissingUsage,
    /// A person's certifications began or ended being valid.
    Certifications,
    /// The rulebook changed.
    Rules,
    /// Another track is the partner's now: points of its metrics stand in the place of those of the other.
    Track,
    /// The rulebook changed and the data too, and the two cannot be told apart.
    RulesOrData,
    /// Usage or associations: they cannot be told apart without evidence.
    UsageOrAssociations,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 9] = [
        Cause::NewMonth,
        Cause::RestatedData,
        Cause::Associations,
        Cause::MissingUsage,
        Cause::Certifications,
        Cause::Rules,
        Cause::Track,
        Cause::RulesOrData,
        Cause::UsageOrAssociations,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Cause::NewMonth => "new_month",
            Cause::RestatedData => "restated_data",
            Cause::Associations => "associations",
            Cause::MissingUsage => "missing_usage",
            Cause::Certifications => "certifications",
            Cause::Rules => "rules",
            Cause::Track => "track",
            Cause::RulesOrData => "rules_or_data",
            Cause::UsageOrAssociations => "usage_or_associations",
        }
    }

    /// The cause of a name in tables.
    pub(super) fn of(name: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// What the two runs say of themselves, side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Data {
    pub same_rules: bool,
    pub same_months: bool,
    pub same_selection: bool,
    pub same_version: bool,
    pub same_usage: bool,
    /// Who holds what: associations, and which account a partner belongs to.
    pub same_holders: bool,
    /// The same files, as of the same day.
    pub same_inputs: bool,
    /// Usage files that both have read, and that tell something else now.
    pub restated_files: usize,
}

impl Data {
    pub(super) fn between(before: &Side, after: &Side) -> Data {
        let (a, b) = (&before.published.run, &after.published.run);
        let same = |table: &str| before.files(table) == after.files(table);
        let (same_usage, same_holders) = (same("workload_usage"), same("associations") && same("partners"));
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort();
            names
        };
        let selection = |run: &crate::publish::Run| {
            [&run.selection.partners, &run.selection.distributors].map(|names| sorted(names))
        };
        Data {
            same_rules: a.rulebook.hash == b.rulebook.hash,
            same_months: (a.months.m, a.months.p) == (b.months.m, b.months.p),
            same_selection: selection(a) == selection(b),
            same_version: a.version == b.version,
            same_usage,
            same_holders,
            same_inputs: a.as_of == b.as_of && same_usage && same_holders && same("certifications"),
            restated_files: before.restated(after, "workload_usage"),
        }
    }

    /// Whether rules and data both differ.
    pub(super) fn rules_or_data(&self) -> bool {
        !self.same_rules && !self.same_inputs
    }
}

/// Names the cause of a row, and of a metric where no row tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge {
    /// The one cause there can be, whatever a row says.
    fixed: Option<Cause>,
    /// What it is where usage moved.
    usage: Cause,
    /// What it is where what is held changed.
    held: Cause,
    /// Whether rows are there to be judged.
    pub evidence: bool,
}

impl Judge {
    /// Of everything between two runs.
    pub(super) fn of_all(data: &Data, evidence: bool) -> Judge {
        let fixed = match (data.same_rules, data.same_inputs) {
            (true, _) => None,
            (false, true) => Some(Cause::Rules),
            (false, false) => Some(Cause::RulesOrData),
        };
        Judge { fixed, ..Judge::of_data(data, evidence) }
    }

    /// Of what lies between two rulebooks on the same data.
    pub(super) fn of_rules(data: &Data, evidence: bool) -> Judge {
        Judge { fixed: Some(Cause::Rules), ..Judge::of_data(data, evidence) }
    }

    /// Of what lies between the data of two runs under the same rules.
    pub(super) fn of_data(data: &Data, evidence: bool) -> Judge {
        let usage = match (data.same_months, data.same_usage) {
            (false, _) => Cause::NewMonth,
            (true, false) => Cause::RestatedData,
            (true, true) => Cause::Associations,
        };
        let only_usage = data.same_months && data.same_holders && !data.same_usage;
        Judge { fixed: None, usage, held: if only_usage { usage } else { Cause::Associations }, evidence }
    }

    /// The one cause there can be of anything.
    pub(super) fn fixed(&self) -> Option<Cause> {
        self.fixed
    }

    /// The cause of a metric's change as far as it is certain without rows.
    pub(super) fn of_metric(&self, metric: Metric) -> Cause {
        match (self.fixed, metric) {
            (Some(fixed), _) => fixed,
            (None, Metric::IntermediateCertifications | Metric::AdvancedCertifications) => Cause::Certifications,
            (None, _) if self.usage == self.held => self.usage,
            (None, _) => Cause::UsageOrAssociations,
        }
    }

    /// The cause of a row that has `reason_before` and `reason_after`, null where it is not there.
    pub(super) fn of_row(&self) -> Expr {
        let named = |cause: Cause| lit(cause.name());
        if let Some(fixed) = self.fixed {
            return named(fixed);
        }
        let [before, after] = ["reason_before", "reason_after"].map(reason::held);
        let differs = before.into_iter().zip(after).map(|(before, after)| before.neq(after).fill_null(lit(false)));
        let missing = |reason: &str| col(reason).eq(lit(reason::NO_USAGE_AT_M)).fill_null(lit(false));
        let came_or_went = col("reason_before").is_null().or(col("reason_after").is_null());
        when(col("person_id").is_not_null())
            .then(named(Cause::Certifications))
            .when(differs.fold(came_or_went, Expr::or))
            .then(named(self.held))
            .when(missing("reason_before").or(missing("reason_after")))
            .then(named(Cause::MissingUsage))
            .otherwise(named(self.usage))
    }
}
