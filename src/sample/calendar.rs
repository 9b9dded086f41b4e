//! Months counted from the first of the history, and days as Parquet counts them.

use chrono::{Datelike, NaiveDate};

use crate::month::Month;

/// The months of a history: 0 is the first, earlier ones are negative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calendar {
    first: Month,
    /// How many months have usage.
    pub(super) months: i32,
}

impl Calendar {
    pub(super) fn new(last_month: NaiveDate, months: u32) -> Self {
        let months = i32::try_from(months).unwrap_or(i32::MAX);
        Calendar { first: Month::of(last_month).plus(1 - months), months }
    }

    pub(super) fn last(self) -> i32 {
        self.months - 1
    }

    /// The calendar month of a number.
    pub(super) fn month(self, month: i32) -> Month {
        self.first.plus(month)
    }

    /// The first day of a month, in days since 1970.
    pub(super) fn first_day(self, month: i32) -> i32 {
        since_1970(self.first.plus(month).first_day())
    }

    pub(super) fn last_day(self, month: i32) -> i32 {
        since_1970(self.first.plus(month).last_day())
    }

    /// The hive folder of a month, by its first day.
    pub(super) fn folder(self, month: i32) -> String {
        format!("month={}", self.first.plus(month).first_day())
    }
}

/// A day, in days since 1970.
pub(super) fn since_1970(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - UNIX_EPOCH_FROM_CE
}

/// The day that is so many after 1970 began.
pub(super) fn date(since_1970: i32) -> NaiveDate {
    NaiveDate::from_num_days_from_ce_opt(since_1970.saturating_add(UNIX_EPOCH_FROM_CE)).unwrap_or_default()
}

const UNIX_EPOCH_FROM_CE: i32 = 719_163;
