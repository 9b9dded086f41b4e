//! Values of exports: ids, names, counts and flags, each taken in the forms seen and refused in any other.

use super::rule::Rule;

/// A value, or the rule it breaks.
pub(super) type Value<T> = std::result::Result<T, Rule>;

/// No id of Partner Center is near as long.
const LONGEST_ID: usize = 128;
/// Nor a name.
const LONGEST_NAME: usize = 512;
/// Histories hold counts up to this one.
const LARGEST_COUNT: i64 = i32::MAX as i64;
/// Texts that stand for no value. Small and capital letters make no difference.
const PLACEHOLDERS: [&str; 20] = [
    "na",
    "n/a",
    "n.a.",
    "#n/a",
    "null",
    "#null#",
    "#null!",
    "(null)",
    "<null>",
    "nil",
    "nan",
    "none",
    "(none)",
    "blank",
    "(blank)",
    "undefined",
    "-",
    "--",
    "\u{2013}",
    "\u{2014}",
];

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

/// Whether a text, without space around it, stands for no value.
pub(super) fn is_placeholder(text: &str) -> bool {
    let longest = 9;
    text.len() <= longest && PLACEHOLDERS.iter().any(|placeholder| placeholder.eq_ignore_ascii_case(text))
}

/// Whether a text is empty or stands for no value.
pub(super) fn is_absent(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || is_placeholder(text)
}

/// An id as it is written, without space around it.
pub(super) fn id(text: &str) -> Value<&str> {
    let text = text.trim();
    if is_absent(text) {
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
    if is_absent(text) { Ok(None) } else { id(text).map(Some) }
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

/// A name as it is written, without space around it; none where it is absent. What looks like a formula is text like any other.
pub(super) fn name(text: &str) -> Value<Option<&str>> {
    let text = text.trim();
    if text.len() > LONGEST_NAME {
        return Err(Rule::NotAName);
    }
    Ok(Some(text).filter(|text| !is_absent(text)))
}

/// A market, whose name may be a country's code: `NA` is Namibia.
pub(super) fn market(text: &str) -> Value<Option<&str>> {
    match text.trim() {
        namibia @ "NA" => Ok(Some(namibia)),
        text => name(text),
    }
}

/// A count of seats or users: digits, in groups of three where commas separate them, and a fraction of nothing but up to two zeros.
///
/// `semicolons` tells that fields are separated by these: where they are, a comma separates fractions.
pub(super) fn count(text: &str, semicolons: bool) -> Value<i64> {
    let text = text.trim();
    if is_absent(text) {
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

/// A yes or no; no where it is absent.
pub(super) fn flag(text: &str) -> Value<bool> {
    match text.trim() {
        text if is_absent(text) => Ok(false),
        "0" => Ok(false),
        "1" => Ok(true),
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Rule::NotAFlag),
    }
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
