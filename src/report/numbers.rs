//! Numbers and days as people read them.

use chrono::NaiveDate;

use crate::insight::shown;
use crate::month::Month;
use crate::score::{Points, whole};

/// A minus that is as wide as a plus.
const MINUS: &str = "\u{2212}";
/// A space as wide as a digit, and one as wide as a point.
const DIGIT_SPACE: &str = "\u{2007}";
const POINT_SPACE: &str = "\u{2008}";

/// A whole number, its thousands apart.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { MINUS } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many of something there are.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number as i64), if number == 1 { "" } else { "s" })
}

/// Points with their noun.
pub fn points(points: Points) -> String {
    format!("{} {}", shown(points), if points == whole(1) { "point" } else { "points" })
}

/// Points with their sign, as a change is written.
pub fn signed(points: Points) -> String {
    let sign = match points.0 {
        0 => "\u{b1}",
        1.. => "+",
        _ => MINUS,
    };
    format!("{sign}{}", shown(Points(points.0.abs())))
}

/// A mean change, as it is written: one decimal and its sign.
pub fn signed_mean(mean: f64) -> String {
    match format!("{:.1}", mean.abs()).as_str() {
        "0.0" => "\u{b1}0.0".to_owned(),
        text if mean < 0.0 => format!("{MINUS}{text}"),
        text => format!("+{text}"),
    }
}

/// How many decimals points need, four at most.
pub fn decimals(points: Points) -> usize {
    shown(points).split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// Points with the decimals that they need, and spaces for those of others in their column, so that point stands under point.
pub fn aligned(points: Points, decimals_of_column: usize) -> String {
    let own = decimals(points);
    let point = if own == 0 && decimals_of_column > 0 { POINT_SPACE } else { "" };
    format!("{}{point}{}", shown(points), DIGIT_SPACE.repeat(decimals_of_column.saturating_sub(own)))
}

/// A part in percent of a whole; 0 of nothing.
pub fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// The mean of points; 0 of nothing.
pub fn mean(sum: Points, count: usize) -> f64 {
    if count == 0 { 0.0 } else { sum.to_f64() / count as f64 }
}

/// A day, as `20 November 2026`.
pub fn day(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

/// A month, as `October 2026`.
pub fn month(month: Month) -> String {
    month.first_day().format("%B %Y").to_string()
}
