//! The dates of an association: one row, or several that follow, miss or overlap each other.

use super::calendar::Calendar;
use super::draw::Draw;

const DAYS_A_YEAR: i32 = 365;

/// From a day to a day, both included, or without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) start: i32,
    pub(super) end: Option<i32>,
}

/// How a term goes on after a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    None,
    Seamless,
    Late,
    Early,
}

impl Term {
    /// From some day of a month to some day of another. Many begin on the first of a month, many end on the last.
    pub(super) fn between(calendar: Calendar, since: i32, until: Option<i32>, draw: &mut Draw) -> Self {
        let start = match draw.below(1000) {
            0..150 => calendar.first_day(since),
            150..190 => calendar.last_day(since),
            _ => calendar.first_day(since) + draw.below(28) as i32,
        };
        let end = until.map(|until| match draw.below(1000) {
            0..350 => calendar.last_day(until),
            350..390 => calendar.last_day(until) - 1,
            _ => calendar.first_day(until) + draw.below(28) as i32,
        });
        Term { start, end: end.map(|end| end.max(start)) }
    }

    /// The terms that make it up if it is renewed each year, as far as that falls within the history or after.
    pub(super) fn renewed(self, calendar: Calendar, renewal: Renewal, draw: &mut Draw) -> Vec<Term> {
        let mut terms = Vec::new();
        let mut current = self;
        let horizon = calendar.last_day(calendar.last());
        let years = (calendar.first_day(0) - self.start) / DAYS_A_YEAR + 1;
        let mut anniversary = self.start + DAYS_A_YEAR * years.max(1);
        while renewal != Renewal::None && anniversary < self.end.unwrap_or(horizon).min(horizon) - MOST_DAYS_LATE {
            let (end, next) = renewal.around(anniversary, draw);
            terms.push(Term { start: current.start, end: Some(end) });
            current.start = next;
            anniversary += DAYS_A_YEAR;
        }
        terms.push(current);
        terms
    }
}

const MOST_DAYS_LATE: i32 = 90;

impl Renewal {
    pub(super) fn drawn(draw: &mut Draw) -> Self {
        match draw.below(1000) {
            0..70 => Renewal::Seamless,
            70..85 => Renewal::Late,
            85..100 => Renewal::Early,
            _ => Renewal::None,
        }
    }

    /// The last day of one term and the first of the next.
    fn around(self, anniversary: i32, draw: &mut Draw) -> (i32, i32) {
        match self {
            Renewal::None | Renewal::Seamless => (anniversary - 1, anniversary),
            Renewal::Late => (anniversary - 1, anniversary + draw.between(20, i64::from(MOST_DAYS_LATE)) as i32),
            Renewal::Early => (anniversary + draw.between(10, 45) as i32, anniversary),
        }
    }
}
