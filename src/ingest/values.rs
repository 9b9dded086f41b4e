//! Values of exports: ids, names, counts, dates and flags, each taken in the forms seen and refused in any other.

use chrono::{Datelike, NaiveDate};

use super::rule::Rule;
use crate::month::Month;

/// A value, or the rule it breaks.
pub(super) type Value<T> = std::result::Result<T, Rule>;

/// No id of Partner Center is near as long.
const LONGEST_ID: usize = 128;
/// Nor a name.
const LONGEST_NAME: usize = 512;
/// Histories hold counts up to this one.
const LARGEST_COUNT: i64 = i32::MAX as i64;
/// Years that a date of an export can be of.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;
/// Years that stand for no date at all.
const NO_YEARS: [i32; 3] = [1, 1900, 9999];

/// What a spreadsheet takes for a formula; no id begins so.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@'])
}

/// Whether a spreadsheet has made a number of digits: `2.61308E+06`, `2613076.0`.
fn is_number_like(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let decimal = |text: &str| match text.split_once(['.', ',']) {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(text),
    };
    match text.split_once(['E', 'e']) {
        Some((number, power)) => {
            // A plain `12e4` may be an id of hexadecimal digits; a sign or a point tells a number.
            decimal(number) && digits(power.trim_start_matches(['+', '-'])) && text.contains(['.', ',', '+', '-'])
        }
        None => text.contains(['.', ',']) && decimal(text),
    }
}

/// An id as it is written, without space around it.
pub(super) fn id(text: &str) -> Value<&str> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Rule::EmptyId);
    }
    if is_number_like(text) {
        return Err(Rule::NumberLikeId);
    }
    if text.len() > LONGEST_ID || is_formula(text) || text.contains(char::is_control) {
        return Err(Rule::NotAnId);
    }
    Ok(text)
}

/// An id that may be absent.
pub(super) fn optional_id(text: &str) -> Value<Option<&str>> {
    match text.trim() {
        "" => Ok(None),
        text => id(text).map(Some),
    }
}

/// A tenant's id: a GUID is lower-cased and loses its braces, anything else stays as it is.
pub(super) fn tenant_id(text: &str) -> Value<String> {
    let text = text.trim();
    let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).map_or(text, str::trim);
    let tenant = id(bare)?;
    if !is_guid(tenant) {
        return id(text).map(str::to_owned);
    }
    if tenant.bytes().all(|byte| matches!(byte, b'0' | b'-')) {
        return Err(Rule::EmptyId);
    }
    Ok(tenant.to_ascii_lowercase())
}

/// Eight, four, four, four and twelve hexadecimal digits.
fn is_guid(text: &str) -> bool {
    let digit = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(digit)
}

/// A name as it is written, without space around it; none where it is empty. What looks like a formula is text like any other.
pub(super) fn name(text: &str) -> Value<Option<&str>> {
    let text = text.trim();
    if text.len() > LONGEST_NAME {
        return Err(Rule::NotAName);
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A count of seats or users: digits, in groups of three where commas separate them, and a fraction of nothing but up to two zeros.
///
/// `semicolons` tells that fields are separated by these: where they are, a comma separates fractions.
pub(super) fn count(text: &str, semicolons: bool) -> Value<i64> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Rule::EmptyCount);
    }
    if let Some(positive) = text.strip_prefix('-') {
        let is_count = positive.starts_with(|c: char| c.is_ascii_digit()) && count(positive, semicolons).is_ok();
        return Err(if is_count { Rule::NegativeCount } else { Rule::NotACount });
    }
    let whole = text.strip_suffix(".00").or_else(|| text.strip_suffix(".0")).unwrap_or(text);
    if whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(whole.bytes());
    }
    let numeric = whole.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b'.'));
    if !numeric || !whole.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Rule::NotACount);
    }
    match is_grouped(whole) && !semicolons {
        true => number(whole.bytes().filter(u8::is_ascii_digit)),
        false => Err(Rule::AmbiguousCount),
    }
}

/// Whether commas separate groups of three digits, the first of one to three.
fn is_grouped(text: &str) -> bool {
    let mut groups = text.split(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()) && digits(group));
    first && groups.all(|group| group.len() == 3 && digits(group))
}

/// The number of some digits.
fn number(digits: impl Iterator<Item = u8>) -> Value<i64> {
    let mut number = None;
    for digit in digits {
        number = Some(number.unwrap_or(0) * 10 + i64::from(digit - b'0'));
        if number > Some(LARGEST_COUNT) {
            return Err(Rule::CountTooLarge);
        }
    }
    number.ok_or(Rule::NotACount)
}

/// A yes or no; no where it is empty.
pub(super) fn flag(text: &str) -> Value<bool> {
    match text.trim() {
        "" | "0" => Ok(false),
        "1" => Ok(true),
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Rule::NotAFlag),
    }
}

/// A month: the date of its first day, or the year and month alone, as `2026-10` or `202610`.
pub(super) fn month(text: &str) -> Value<Month> {
    let text = text.trim();
    let day = match text.as_bytes() {
        [a, b, c, d, b'-', e, f] => ymd(&[*a, *b, *c, *d], &[*e, *f], b"01"),
        [a, b, c, d, e, f] if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            ymd(&[*a, *b, *c, *d], &[*e, *f], b"01")
        }
        _ => date(text)?,
    };
    let day = in_range(day.ok_or(Rule::NotADate)?)?;
    match day.day() {
        1 => Ok(Month::of(day)),
        _ => Err(Rule::NotFirstOfMonth),
    }
}

/// A day.
pub(super) fn day(text: &str) -> Value<NaiveDate> {
    in_range(date(text)?.ok_or(Rule::NotADate)?)
}

/// A day that may be absent, or stand for none as 9999-12-31 and 0001-01-01 do.
pub(super) fn optional_day(text: &str) -> Value<Option<NaiveDate>> {
    match date(text) {
        Err(Rule::EmptyDate) => Ok(None),
        Ok(Some(day)) if NO_YEARS.contains(&day.year()) => Ok(None),
        date => in_range(date?.ok_or(Rule::NotADate)?).map(Some),
    }
}

fn in_range(day: NaiveDate) -> Value<NaiveDate> {
    Some(day).filter(|day| YEARS.contains(&day.year())).ok_or(Rule::DateOutOfRange)
}

/// A date of one of the forms seen, with or without a time of day; none where it is a date of no calendar.
fn date(text: &str) -> Value<Option<NaiveDate>> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Rule::EmptyDate);
    }
    let end = text.find(['T', ' ']).unwrap_or(text.len());
    let (date, time) = text.split_at_checked(end).ok_or(Rule::NotADate)?;
    if !is_time(time) {
        return Err(Rule::NotADate);
    }
    match date.as_bytes() {
        [a, b, c, d, b'-' | b'/', e, f, b'-' | b'/', g, h] => Ok(ymd(&[*a, *b, *c, *d], &[*e, *f], &[*g, *h])),
        [a, b, c, d, e, f, g, h] if date.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(ymd(&[*a, *b, *c, *d], &[*e, *f], &[*g, *h]))
        }
        _ => month_first(date),
    }
}

/// `10/1/2026`. A first number above twelve, or points, tell that the day stands first.
fn month_first(date: &str) -> Value<Option<NaiveDate>> {
    let mut parts = date.split(['/', '.']);
    let (Some(first), Some(second), Some(year), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Rule::NotADate);
    };
    let short = |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
    if !short(first) || !short(second) || year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Rule::NotADate);
    }
    let slashes = date.bytes().filter(|byte| *byte == b'/').count();
    match ymd(year.as_bytes(), first.as_bytes(), second.as_bytes()) {
        Some(day) if slashes == 2 => Ok(Some(day)),
        _ if ymd(year.as_bytes(), second.as_bytes(), first.as_bytes()).is_some() => Err(Rule::DayFirstDate),
        _ => Ok(None),
    }
}

/// The time of day after a date: nothing, or digits and what stands between and behind them.
fn is_time(time: &str) -> bool {
    let Some(time) = time.strip_prefix(['T', ' ']) else { return time.is_empty() };
    let time = time.trim();
    let known = |byte: u8| byte.is_ascii_digit() || b":.+-ZAPMapm ".contains(&byte);
    time.starts_with(|c: char| c.is_ascii_digit()) && time.contains(':') && time.len() <= 35 && time.bytes().all(known)
}

/// A day of the calendar, of digits.
fn ymd(year: &[u8], month: &[u8], day: &[u8]) -> Option<NaiveDate> {
    let number = |digits: &[u8]| {
        let digit = |number: u32, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'));
        digits.iter().try_fold(0, digit)
    };
    NaiveDate::from_ymd_opt(number(year)? as i32, number(month)?, number(day)?)
}

/// What a name is compared by: its letters and digits alone, in small letters.
pub(super) fn comparable(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A name as histories write it: small letters and digits, an underscore wherever anything else stands.
///
/// # Errors
/// Where nothing would be left.
pub(super) fn slug(name: &str) -> Value<String> {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("_").to_lowercase();
    Some(slug).filter(|slug| !slug.is_empty()).ok_or(Rule::NotAName)
}
