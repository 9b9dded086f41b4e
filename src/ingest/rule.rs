//! The rules that a row can break, each with a name that findings carry.

/// Why a row is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    FieldCount,
    BrokenQuote,
    TooLong,
    NulByte,
    NotUtf8,
    EmptyId,
    NotAnId,
    NumberLikeId,
    EmptyName,
    NotAName,
    EmailAddress,
    EmptyDate,
    NotADate,
    DateOrder,
    DateOutOfRange,
    NotFirstOfMonth,
    ExpiryBeforeEarning,
    EmptyCount,
    NotACount,
    AmbiguousCount,
    NegativeCount,
    CountTooLarge,
    NotAFlag,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 23] = [
        Rule::FieldCount,
        Rule::BrokenQuote,
        Rule::TooLong,
        Rule::NulByte,
        Rule::NotUtf8,
        Rule::EmptyId,
        Rule::NotAnId,
        Rule::NumberLikeId,
        Rule::EmptyName,
        Rule::NotAName,
        Rule::EmailAddress,
        Rule::EmptyDate,
        Rule::NotADate,
        Rule::DateOrder,
        Rule::DateOutOfRange,
        Rule::NotFirstOfMonth,
        Rule::ExpiryBeforeEarning,
        Rule::EmptyCount,
        Rule::NotACount,
        Rule::AmbiguousCount,
        Rule::NegativeCount,
        Rule::CountTooLarge,
        Rule::NotAFlag,
    ];

    /// Its name in findings.
    pub fn name(self) -> &'static str {
        match self {
            Rule::FieldCount => "field_count",
            Rule::BrokenQuote => "broken_quote",
            Rule::TooLong => "too_long",
            Rule::NulByte => "nul_byte",
            Rule::NotUtf8 => "not_utf8",
            Rule::EmptyId => "empty_id",
            Rule::NotAnId => "not_an_id",
            Rule::NumberLikeId => "number_like_id",
            Rule::EmptyName => "empty_name",
            Rule::NotAName => "not_a_name",
            Rule::EmailAddress => "email_address",
            Rule::EmptyDate => "empty_date",
            Rule::NotADate => "not_a_date",
            Rule::DateOrder => "date_order",
            Rule::DateOutOfRange => "date_out_of_range",
            Rule::NotFirstOfMonth => "not_first_of_month",
            Rule::ExpiryBeforeEarning => "expiry_before_earning",
            Rule::EmptyCount => "empty_count",
            Rule::NotACount => "not_a_count",
            Rule::AmbiguousCount => "ambiguous_count",
            Rule::NegativeCount => "negative_count",
            Rule::CountTooLarge => "count_too_large",
            Rule::NotAFlag => "not_a_flag",
        }
    }

    /// When a row breaks it, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Rule::FieldCount => "the row has more or fewer fields than the header",
            Rule::BrokenQuote => "a quote is opened and not closed as it should be",
            Rule::TooLong => "a field is longer than 1 MiB, or a row than 2 MiB",
            Rule::NulByte => "the row has a byte that is zero, which no text has",
            Rule::NotUtf8 => "a field that is read is not UTF-8 text",
            Rule::EmptyId => "an id is empty or a placeholder such as N/A, or a tenant id all zeros",
            Rule::NotAnId => "an id begins like a formula, or has a control character or more than 128 bytes",
            Rule::NumberLikeId => "a spreadsheet has made a number of an id, such as 2.61E+06 or 2613076.0",
            Rule::EmptyName => "a workload or a title is empty or a placeholder",
            Rule::NotAName => "a name has no letter or digit, or more than 512 bytes",
            Rule::EmailAddress => "a field that is no e-mail address has one; it is shown as `***`",
            Rule::EmptyDate => "a date or month is empty or a placeholder",
            Rule::NotADate => {
                "a date is of none of the forms 2026-10-01, 10/1/2026, 1.10.2026, Oct 1, 2026 and 1-Oct-2026, or of no calendar"
            }
            Rule::DateOrder => {
                "a date has another order of day and month than the other dates of its file, or than --date-order says"
            }
            Rule::DateOutOfRange => "a date is before the year 2000 or after 2100",
            Rule::NotFirstOfMonth => "a month is written as a day that is not its first",
            Rule::ExpiryBeforeEarning => "a certification expires before it was earned",
            Rule::EmptyCount => "a count is empty or a placeholder: that is not zero",
            Rule::NotACount => "a count is not a whole number",
            Rule::AmbiguousCount => "a count has a point or comma that may mean thousands or a fraction, such as 1.234",
            Rule::NegativeCount => "a count is negative",
            Rule::CountTooLarge => "a count is above 2,147,483,647",
            Rule::NotAFlag => "a yes or no is neither 0, 1, true nor false",
        }
    }
}
