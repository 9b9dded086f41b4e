//! Workloads as numbers: each listed one has its position plus one, so that plans compare a byte and not a name.

use polars::prelude::*;

use crate::history::UNLISTED;
use crate::rulebook::{Metric, Rulebook};

/// The number of a claim on all workloads, and of all of a tenant's pairs taken together. No listed workload has it.
pub(super) const ALL_WORKLOADS: u8 = UNLISTED;

/// Every workload that some metric lists.
pub(super) struct Workloads {
    /// A workload's number is its position plus one.
    pub names: Vec<String>,
    /// The lists, each with the metrics that share it.
    pub lists: Vec<List>,
}

/// A list of workloads, by number.
pub(super) struct List {
    /// Its place among the lists.
    pub place: usize,
    pub numbers: Vec<u8>,
    pub metrics: Vec<Metric>,
}

impl Workloads {
    /// The lists of a rulebook's metrics; metrics whose lists hold the same share one.
    pub(super) fn of(rules: &Rulebook) -> Workloads {
        let mut workloads = Workloads { names: Vec::new(), lists: Vec::new() };
        for metric in Metric::ALL {
            let Some(list) = rules.workload_list(metric) else { continue };
            let mut numbers: Vec<u8> = rules.workloads(list).iter().map(|name| workloads.number(name)).collect();
            numbers.sort();
            match workloads.lists.iter_mut().find(|known| known.numbers == numbers) {
                Some(known) => known.metrics.push(metric),
                None => {
                    let place = workloads.lists.len();
                    workloads.lists.push(List { place, numbers, metrics: vec![metric] });
                }
            }
        }
        workloads
    }

    /// A workload's number, given to it where it has none. Checking a rulebook has made sure that a byte holds it.
    fn number(&mut self, name: &String) -> u8 {
        let position = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.clone());
            self.names.len() - 1
        });
        (position + 1) as u8
    }

    /// The number of the workload that a row names; null for one that no metric lists.
    pub(super) fn number_of(&self, name: Expr) -> Expr {
        let (names, numbers) = self.translation();
        name.replace_strict(names, numbers, Some(lit(NULL)), Some(DataType::UInt8))
    }

    /// The name behind a number; null for [`ALL_WORKLOADS`].
    pub(super) fn name_of(&self, number: Expr) -> Expr {
        let (names, numbers) = self.translation();
        number.replace_strict(numbers, names, Some(lit(NULL)), Some(DataType::String))
    }

    fn translation(&self) -> (Expr, Expr) {
        let numbers: Vec<u8> = (1u8..).take(self.names.len()).collect();
        let (names, numbers) = (Series::new("names".into(), &self.names), Series::new("numbers".into(), numbers));
        (lit(names).implode(false), lit(numbers).implode(false))
    }

    /// True for rows whose `workload`, a name, some metric lists.
    pub(super) fn is_listed(&self) -> Expr {
        col("workload").is_in(lit(Series::new("workloads".into(), &self.names)).implode(false), false)
    }
}

impl List {
    /// True for rows whose `workload`, a number, is on the list.
    pub(super) fn has(&self, workloads: &Workloads) -> Expr {
        if self.numbers.len() == workloads.names.len() {
            return col("workload").neq(lit(ALL_WORKLOADS));
        }
        self.numbers
            .iter()
            .map(|number| col("workload").eq(lit(*number)))
            .reduce(Expr::or)
            .unwrap_or_else(|| lit(false))
    }
}
