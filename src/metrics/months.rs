//! Usage of the months that periods compare and count from; a month that several of them share is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::*;

use super::workloads::Workloads;
use super::{Period, Question};
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Findings, Rows, TenantRange, ToFind, Totals, UsageMonth};
use crate::month::Month;

/// Usage of a set of tenants, month by month.
pub(super) struct Months<'a> {
    question: Question<'a>,
    range: &'a TenantRange,
    to_find: Arc<ToFind>,
    /// Months that some period compares: they are read whole, once.
    compared: BTreeSet<Month>,
    kept: BTreeMap<Month, Result<Arc<UsageMonth>>>,
}

/// Usage of some tenants in a month.
pub(super) struct Part {
    /// By list: `tenant` UInt32, `active_users` and `paid_seats` Int64, a row for each of the tenants.
    pub totals: Vec<DataFrame>,
    /// Rows wanted one by one, those of [`UsageMonth`].
    pub rows: DataFrame,
    /// What was rejected of these tenants.
    pub findings: Findings,
}

impl<'a> Months<'a> {
    pub(super) fn new(question: &Question<'a>, range: &'a TenantRange, to_find: ToFind, periods: &[Period]) -> Self {
        let compared = periods.iter().flat_map(|period| [period.month, period.year_ago]);
        let compared = compared.map(|month| question.seen(month)).collect();
        Months { question: *question, range, to_find: Arc::new(to_find), compared, kept: BTreeMap::new() }
    }

    /// A month of all tenants, every row checked.
    pub(super) fn whole(&mut self, month: Month) -> Result<Arc<UsageMonth>> {
        let month = self.question.seen(month);
        if let Some(kept) = self.kept.get(&month) {
            return kept.clone();
        }
        let usage = self.question.history.usage(&self.rows_of(month), &self.to_find).map(Arc::new);
        self.kept.insert(month, usage.clone());
        usage
    }

    /// The rows that a whole month is read from.
    pub(super) fn rows_of(&self, month: Month) -> Rows<'a> {
        Rows { month: self.question.seen(month), range: self.range, only: false }
    }

    /// A month of the tenants with some numbers, a UInt32 column in ascending order.
    pub(super) fn of_tenants(&mut self, month: Month, numbers: &Series, workloads: &Workloads) -> Result<Part> {
        let month = self.question.seen(month);
        if self.compared.contains(&month) {
            let usage = self.whole(month)?;
            return self.taken(&usage, numbers, workloads);
        }
        let to_find = Arc::new(self.narrowed(numbers)?);
        let usage = self.question.history.usage(&Rows { month, range: self.range, only: true }, &to_find)?;
        let places = UInt32Chunked::from_vec("tenant".into(), (0..numbers.len() as u32).collect()).into_series();
        let of_list = |totals: &Totals| totals_of(numbers, totals, &places);
        Ok(Part {
            totals: workloads
                .lists
                .iter()
                .map(|list| of_list(&usage.totals[list.place]))
                .collect::<Result<Vec<_>>>()?,
            findings: usage.findings_of(&to_find.tenants, &places)?,
            rows: numbered(usage.rows, numbers)?,
        })
    }

    /// Lets go of the months before one.
    pub(super) fn forget_before(&mut self, month: Month) {
        self.kept = self.kept.split_off(&month);
    }

    /// Some tenants' part of a month that was read whole.
    fn taken(&self, usage: &UsageMonth, numbers: &Series, workloads: &Workloads) -> Result<Part> {
        let of_list = |totals: &Totals| totals_of(numbers, totals, numbers);
        let theirs = self.to_find.tenants.marked(numbers)?;
        Ok(Part {
            totals: workloads
                .lists
                .iter()
                .map(|list| of_list(&usage.totals[list.place]))
                .collect::<Result<Vec<_>>>()?,
            findings: usage.findings_of(&self.to_find.tenants, numbers)?,
            rows: engine::kept(&usage.rows, "tenant", &theirs)?,
        })
    }

    /// What to find of the tenants with some numbers alone: each has its place there as its number.
    fn narrowed(&self, numbers: &Series) -> Result<ToFind> {
        let theirs = numbers.u32().map_err(|error| Error::internal(error.to_string()))?;
        let one_by_one = self.to_find.one_by_one.as_ref();
        let one_by_one =
            one_by_one.map(|wanted| theirs.iter().flatten().map(|number| wanted[number as usize]).collect());
        Ok(ToFind {
            tenants: self.to_find.tenants.only(numbers)?,
            workloads: self.to_find.workloads.clone(),
            lists: self.to_find.lists.clone(),
            seat_ranges: Vec::new(),
            one_by_one,
        })
    }
}

/// Tenants by number, with the totals that stand at some places.
fn totals_of(numbers: &Series, totals: &Totals, places: &Series) -> Result<DataFrame> {
    let typed = || -> PolarsResult<DataFrame> {
        let places: Vec<usize> = places.u32()?.iter().flatten().map(|place| place as usize).collect();
        let taken = |name: &str, counts: &[i64]| {
            Int64Chunked::from_vec(name.into(), places.iter().map(|place| counts[*place]).collect())
                .into_series()
                .into()
        };
        let columns = vec![
            numbers.clone().with_name("tenant".into()).into(),
            taken("active_users", &totals.active_users),
            taken("paid_seats", &totals.paid_seats),
        ];
        DataFrame::new(numbers.len(), columns)
    };
    typed().map_err(|error| Error::internal(error.to_string()))
}

/// Rows whose tenant is a place among numbers, with the number in its stead.
fn numbered(mut rows: DataFrame, numbers: &Series) -> Result<DataFrame> {
    let tenant = || -> PolarsResult<Series> {
        let tenant = numbers.take(rows.column("tenant")?.u32()?)?;
        Ok(tenant.with_name("tenant".into()))
    };
    let tenant = tenant().map_err(|error| Error::internal(error.to_string()))?;
    rows.with_column(tenant.into()).map_err(|error| Error::internal(error.to_string()))?;
    Ok(rows)
}
