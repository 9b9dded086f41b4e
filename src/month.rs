//! Calendar months, the grain of usage history.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first_day: NaiveDate,
}

impl Month {
    /// The month a day falls in.
    pub fn of(day: NaiveDate) -> Self {
        Month { first_day: day.with_day(1).unwrap_or(day) }
    }

    /// The first day, as usage rows carry it.
    pub fn first_day(self) -> NaiveDate {
        self.first_day
    }

    /// The last day, on which associations are judged.
    pub fn last_day(self) -> NaiveDate {
        self.plus(1).first_day.pred_opt().unwrap_or(self.first_day)
    }

    /// The month `months` later, or earlier where negative. Years beyond chrono's range stay at this month.
    pub fn plus(self, months: i32) -> Self {
        let ordinal = self.first_day.year() * 12 + self.first_day.month0() as i32 + months;
        let first_day = NaiveDate::from_ymd_opt(ordinal.div_euclid(12), ordinal.rem_euclid(12) as u32 + 1, 1);
        Month { first_day: first_day.unwrap_or(self.first_day) }
    }

    /// The day of this month with the given number, or the last day of a shorter month.
    pub fn day(self, day: u32) -> NaiveDate {
        self.first_day.with_day(day).unwrap_or_else(|| self.last_day())
    }

    /// Every month from this one to the last, both included.
    pub fn through(self, last: Month) -> impl Iterator<Item = Month> {
        (0..).map(move |months| self.plus(months)).take_while(move |month| *month <= last)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first_day.format("%Y-%m"))
    }
}

impl FromStr for Month {
    type Err = String;

    /// Reads `2026-10`, or the date of its first day.
    fn from_str(text: &str) -> Result<Self, String> {
        let date = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
        match NaiveDate::parse_from_str(&date, "%Y-%m-%d") {
            Ok(day) if day.day() == 1 => Ok(Month::of(day)),
            _ => Err(format!("`{text}` is not a month; write it like 2026-10")),
        }
    }
}
