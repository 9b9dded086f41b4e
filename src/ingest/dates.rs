//! Dates of exports, in the forms seen. Where a date is `04/03/2026`, the other dates of its file say whether the day or the month is first.

use chrono::{Datelike, NaiveDate};

use super::rule::Rule;
use super::values::{Value, is_placeholder};
use crate::month::Month;

/// Years that a date of an export can be of.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;
/// Years that stand for no date at all.
const NO_YEARS: [i32; 3] = [1, 1900, 9999];
/// Texts that stand for the expiry of a certification that has none.
const NO_EXPIRY: [&str; 5] = ["never", "no expiration", "no expiry", "does not expire", "doesn't expire"];
/// English months, and the days of the week that may be before a date; the first three letters of each are its abbreviation.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The order of day, month and year in dates that are digits alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `31/12/2026`
    DayFirst,
    /// `12/31/2026`
    MonthFirst,
    /// `2026-12-31`; dates whose year is last are rejected.
    YearFirst,
}

/// The evidence of a date for the order in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing: it is no date, or the same date in either order.
    Nothing,
    /// It is a date in either order, and not the same.
    Ambiguous,
    DayFirst,
    MonthFirst,
}

/// A date's numbers, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    /// The year is first, or the month has a name.
    Certain { year: u32, month: u32, day: u32 },
    /// The year is last, and all are digits.
    YearLast { first: u32, second: u32, year: u32, has_points: bool },
}

/// A month: the date of its first day, or the year and month alone, as `2026-10`, `202610` or `October 2026`.
pub(super) fn month(text: &str, order: DateOrder) -> Value<Month> {
    let text = text.trim();
    let day = match month_alone(text) {
        Some((year, month)) => calendar_day(year, month, 1),
        None => date(text, order)?,
    };
    let day = in_range(day.ok_or(Rule::NotADate)?)?;
    match day.day() {
        1 => Ok(Month::of(day)),
        _ => Err(Rule::NotFirstOfMonth),
    }
}

/// A day.
pub(super) fn day(text: &str, order: DateOrder) -> Value<NaiveDate> {
    in_range(date(text, order)?.ok_or(Rule::NotADate)?)
}

/// A day that may be absent, or stand for none as 9999-12-31 and 0001-01-01 do.
pub(super) fn optional_day(text: &str, order: DateOrder) -> Value<Option<NaiveDate>> {
    if NO_EXPIRY.iter().any(|words| words.eq_ignore_ascii_case(text.trim())) {
        return Ok(None);
    }
    match date(text, order) {
        Err(Rule::EmptyDate) => Ok(None),
        Ok(Some(day)) if NO_YEARS.contains(&day.year()) => Ok(None),
        date => in_range(date?.ok_or(Rule::NotADate)?).map(Some),
    }
}

/// The evidence of a date for the order in its file. In a column of months, which are first days, a one is the day.
pub(super) fn evidence(text: &str, is_month: bool) -> Evidence {
    let Some(Parts::YearLast { first, second, year, has_points }) = parts(text.trim()) else {
        return Evidence::Nothing;
    };
    let is_day_first = calendar_day(year, second, first).is_some();
    let is_month_first = calendar_day(year, first, second).is_some();
    match (is_day_first, is_month_first) {
        (false, false) => Evidence::Nothing,
        (true, false) => Evidence::DayFirst,
        (false, true) => Evidence::MonthFirst,
        (true, true) if first == second => Evidence::Nothing,
        (true, true) if is_month && first == 1 => Evidence::DayFirst,
        (true, true) if is_month && second == 1 => Evidence::MonthFirst,
        // No language writes points between month, day and year.
        (true, true) if has_points => Evidence::DayFirst,
        (true, true) => Evidence::Ambiguous,
    }
}

fn in_range(day: NaiveDate) -> Value<NaiveDate> {
    Some(day).filter(|day| YEARS.contains(&day.year())).ok_or(Rule::DateOutOfRange)
}

/// A date of one of the forms seen, with or without a time of day; none where it is a date of no calendar.
fn date(text: &str, order: DateOrder) -> Value<Option<NaiveDate>> {
    let text = text.trim();
    if text.is_empty() || is_placeholder(text) {
        return Err(Rule::EmptyDate);
    }
    let (first, second, year) = match parts(text).ok_or(Rule::NotADate)? {
        Parts::Certain { year, month, day } => return Ok(calendar_day(year, month, day)),
        Parts::YearLast { first, second, year, .. } => (first, second, year),
    };
    let day_first = calendar_day(year, second, first);
    let month_first = calendar_day(year, first, second);
    let (meant, other) = match order {
        DateOrder::DayFirst => (day_first, month_first),
        DateOrder::MonthFirst => (month_first, day_first),
        DateOrder::YearFirst => (None, day_first.or(month_first)),
    };
    match (meant, other) {
        (None, Some(_)) => Err(Rule::DateOrder),
        (meant, _) => Ok(meant),
    }
}

/// A day of the calendar.
fn calendar_day(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

/// A year and a month alone.
fn month_alone(text: &str) -> Option<(u32, u32)> {
    let (year, month) = match text.as_bytes() {
        [_, _, _, _, b'-' | b'/', _, _] => (text.get(..4)?, text.get(5..)?),
        [_, _, _, _, _, _] if is_digits(text) => text.split_at_checked(4)?,
        _ => return named_month_alone(text),
    };
    Some((number(year, 4..=4)?, number(month, 2..=2)?))
}

/// `October 2026`.
fn named_month_alone(text: &str) -> Option<(u32, u32)> {
    let (month, year) = text.split_once([' ', '-'])?;
    Some((number(year.trim(), 4..=4)?, month_number(month)?))
}

/// The numbers of a date, with or without a time of day behind it.
fn parts(text: &str) -> Option<Parts> {
    if let Some(parts) = iso_date(text.as_bytes()) {
        return is_time(text.get(10..)?).then_some(parts);
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) || text.contains(is_letter_of_month) {
        return named_parts(text);
    }
    let end = text.find(|c: char| c == 'T' || is_space(c)).unwrap_or(text.len());
    let (date, time) = text.split_at_checked(end)?;
    if !is_time(time) {
        return None;
    }
    if date.len() == 8 && is_digits(date) {
        let (year, rest) = date.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        return Some(Parts::Certain {
            year: number(year, 4..=4)?,
            month: number(month, 2..=2)?,
            day: number(day, 2..=2)?,
        });
    }
    let separator = date.find(['/', '-', '.']).and_then(|place| date.get(place..=place))?;
    let mut numbers = date.split(separator);
    let (Some(first), Some(second), Some(third), None) =
        (numbers.next(), numbers.next(), numbers.next(), numbers.next())
    else {
        return None;
    };
    if first.len() == 4 {
        return Some(Parts::Certain {
            year: number(first, 4..=4)?,
            month: number(second, 1..=2)?,
            day: number(third, 1..=2)?,
        });
    }
    Some(Parts::YearLast {
        first: number(first, 1..=2)?,
        second: number(second, 1..=2)?,
        year: number(third, 4..=4)?,
        has_points: separator == ".",
    })
}

/// `2026-10-01`, with anything behind it: the form of nearly every export.
fn iso_date(bytes: &[u8]) -> Option<Parts> {
    let digit = |place: usize| bytes.get(place).filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    Some(Parts::Certain {
        year: digit(0)? * 1000 + digit(1)? * 100 + digit(2)? * 10 + digit(3)?,
        month: digit(5)? * 10 + digit(6)?,
        day: digit(8)? * 10 + digit(9)?,
    })
}

/// Whether a letter is in the name of a month and in no date of digits, whose letters are those of `T`, `Z`, `AM` and `PM`.
fn is_letter_of_month(letter: char) -> bool {
    letter.is_ascii_alphabetic() && !"TZAMPtzamp".contains(letter)
}

/// A date whose month has its English name: `Nov 15, 2025`, `15-Nov-2025` or `Saturday, 15 November 2025`.
fn named_parts(text: &str) -> Option<Parts> {
    let mut rest = text;
    let mut words: Vec<&str> = Vec::with_capacity(3);
    while words.len() < 3 {
        rest = rest.trim_start_matches(|c: char| is_space(c) || matches!(c, ',' | '-' | '/' | '.'));
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end)?;
        if word.is_empty() {
            return None;
        }
        rest = after;
        if !words.is_empty() || !is_weekday(word) {
            words.push(word);
        }
    }
    let [first, second, third] = words.as_slice() else { return None };
    let (year, month, day) = match (month_number(first), month_number(second)) {
        (Some(month), None) => (third, month, second),
        (None, Some(month)) if first.len() == 4 => (first, month, third),
        (None, Some(month)) => (third, month, first),
        _ => return None,
    };
    let rest = rest.trim_start_matches(',');
    if !is_time(rest) {
        return None;
    }
    Some(Parts::Certain { year: named_year(year)?, month, day: number(day, 1..=2)? })
}

/// The year beside a month's name: of two digits, it is of this century, as a spreadsheet shows `15-Nov-25`.
fn named_year(text: &str) -> Option<u32> {
    match text.len() {
        2 => Some(2000 + number(text, 2..=2)?),
        _ => number(text, 4..=4),
    }
}

fn month_number(word: &str) -> Option<u32> {
    let place = MONTHS
        .iter()
        .position(|name| is_abbreviated(word, name) || word.eq_ignore_ascii_case("sept") && *name == "september")?;
    u32::try_from(place + 1).ok()
}

fn is_weekday(word: &str) -> bool {
    WEEKDAYS.iter().any(|name| is_abbreviated(word, name))
}

/// Whether a word is a name, or its first three letters.
fn is_abbreviated(word: &str, name: &str) -> bool {
    let abbreviation = name.get(..3).unwrap_or(name);
    word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(abbreviation)
}

/// A space, or one that may not be broken: newer programs put one before `AM`.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\u{a0}' | '\u{202f}')
}

/// The time of day after a date: nothing, or digits and what is between and behind them.
fn is_time(time: &str) -> bool {
    let Some(time) = time.strip_prefix(|c: char| c == 'T' || is_space(c)) else { return time.is_empty() };
    let time = time.trim();
    let is_known = |letter: char| letter.is_ascii_digit() || ":.+-ZAPMapm".contains(letter) || is_space(letter);
    let is_begun = time.starts_with(|c: char| c.is_ascii_digit());
    is_begun && time.contains(':') && time.len() <= 35 && time.chars().all(is_known)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of so many digits.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    Some(text).filter(|text| digits.contains(&text.len()) && is_digits(text))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{DateOrder, Evidence, evidence, month, optional_day};
    use crate::ingest::rule::Rule;

    fn read(text: &str, order: DateOrder) -> Result<String, Rule> {
        let day = optional_day(text, order)?;
        Ok(day.map_or_else(|| "none".to_owned(), |day| day.to_string()))
    }

    #[test]
    fn dates_of_one_meaning_are_read_in_every_order() {
        let cases = [
            ("2026-03-04", "2026-03-04"),
            ("2026/3/4", "2026-03-04"),
            ("2026.03.04", "2026-03-04"),
            ("20260304", "2026-03-04"),
            ("2026-03-04T10:11:12.000+01:00", "2026-03-04"),
            ("Nov 15, 2025", "2025-11-15"),
            ("Nov 15 2025", "2025-11-15"),
            ("November 15, 2025", "2025-11-15"),
            ("NOVEMBER 5, 2025", "2025-11-05"),
            ("Nov. 15, 2025", "2025-11-15"),
            ("Sept 15, 2025", "2025-09-15"),
            ("15-Nov-2025", "2025-11-15"),
            ("15-Nov-25", "2025-11-15"),
            ("15 Nov 2025", "2025-11-15"),
            ("5 November 2025", "2025-11-05"),
            ("15/Nov/2025", "2025-11-15"),
            ("2025-Nov-15", "2025-11-15"),
            ("Saturday, November 15, 2025", "2025-11-15"),
            ("Sat, 15 Nov 2025", "2025-11-15"),
            ("Aug 1, 2026", "2026-08-01"),
            ("1-Apr-2026", "2026-04-01"),
            ("May 1, 2026", "2026-05-01"),
            ("Nov 15, 2025 12:00 AM", "2025-11-15"),
            ("Nov 15, 2025, 12:00:00\u{202f}AM", "2025-11-15"),
            ("9999-12-31", "none"),
            ("9999-12-31T23:59:59", "none"),
            ("31-Dec-9999", "none"),
            ("NA", "none"),
            ("n/a", "none"),
            ("#NULL#", "none"),
            ("-", "none"),
            ("Does not expire", "none"),
            (" ", "none"),
        ];
        for (text, expected) in cases {
            for order in [DateOrder::DayFirst, DateOrder::MonthFirst, DateOrder::YearFirst] {
                assert_eq!(read(text, order).as_deref(), Ok(expected), "{text}, {order:?}");
            }
        }
    }

    #[test]
    fn an_order_decides_dates_of_digits_whose_year_is_last() {
        let cases = [
            ("04/03/2026", Ok("2026-03-04"), Ok("2026-04-03")),
            ("4-3-2026", Ok("2026-03-04"), Ok("2026-04-03")),
            ("4.3.2026", Ok("2026-03-04"), Ok("2026-04-03")),
            ("25/03/2026", Ok("2026-03-25"), Err(Rule::DateOrder)),
            ("03/25/2026 00:00", Err(Rule::DateOrder), Ok("2026-03-25")),
            ("12/12/2026", Ok("2026-12-12"), Ok("2026-12-12")),
            ("13/13/2026", Err(Rule::NotADate), Err(Rule::NotADate)),
            ("30/02/2026", Err(Rule::NotADate), Err(Rule::NotADate)),
            ("31/12/9999", Ok("none"), Err(Rule::DateOrder)),
        ];
        for (text, day_first, month_first) in cases {
            assert_eq!(read(text, DateOrder::DayFirst), day_first.map(str::to_owned), "{text}");
            assert_eq!(read(text, DateOrder::MonthFirst), month_first.map(str::to_owned), "{text}");
            assert!(read(text, DateOrder::YearFirst).is_err(), "{text}");
        }
    }

    #[test]
    fn no_other_form_is_a_date() {
        let texts = [
            "04/03/26",
            "46296",
            "Nov 15",
            "15",
            "Nov 32, 2025",
            "32-Nov-2025",
            "Novem 15, 2025",
            "15 Nov 2025 noon",
            "4/3-2026",
            "2026-13-01",
            "2026-10-01Tnoon",
            "tomorrow",
            "0",
            "Nov Nov 2025",
            "15 15 2025",
            "p@example.com",
            "é/3/2026",
        ];
        for text in texts {
            assert_eq!(read(text, DateOrder::MonthFirst), Err(Rule::NotADate), "{text}");
        }
    }

    #[test]
    fn a_date_is_evidence_of_its_order() {
        let cases = [
            ("2026-03-04", false, Evidence::Nothing),
            ("04/03/2026", false, Evidence::Ambiguous),
            ("12/12/2026", false, Evidence::Nothing),
            ("13/12/2026", false, Evidence::DayFirst),
            ("12/13/2026", false, Evidence::MonthFirst),
            ("04.03.2026", false, Evidence::DayFirst),
            ("12.13.2026", false, Evidence::MonthFirst),
            ("10/1/2026", true, Evidence::MonthFirst),
            ("1/10/2026", true, Evidence::DayFirst),
            ("1/1/2026", true, Evidence::Nothing),
            ("3/5/2026", true, Evidence::Ambiguous),
            ("10/1/2026", false, Evidence::Ambiguous),
            ("Nov 15, 2025", false, Evidence::Nothing),
            ("29/02/2026", false, Evidence::Nothing),
            ("29/02/2028", false, Evidence::DayFirst),
            ("", false, Evidence::Nothing),
        ];
        for (text, is_month, expected) in cases {
            assert_eq!(evidence(text, is_month), expected, "{text}");
        }
    }

    #[test]
    fn months_are_first_days_or_a_year_and_a_month() {
        for text in [
            "2026-10",
            "2026/10",
            "202610",
            "Oct 2026",
            "October 2026",
            "Oct-2026",
            "1 Oct 2026",
            "Oct 1, 2026",
            "10/1/2026",
        ] {
            assert_eq!(
                month(text, DateOrder::MonthFirst).map(|month| month.to_string()).as_deref(),
                Ok("2026-10"),
                "{text}"
            );
        }
        let wrong = [
            ("Oct-26", Rule::NotADate),
            ("2026-13", Rule::NotADate),
            ("2 Oct 2026", Rule::NotFirstOfMonth),
            ("NULL", Rule::EmptyDate),
        ];
        for (text, rule) in wrong {
            assert_eq!(month(text, DateOrder::MonthFirst), Err(rule), "{text}");
        }
    }
}
