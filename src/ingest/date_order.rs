//! The order of day and month in one file, found from the file's own dates.

use std::cmp::Ordering;
use std::io::Read;

use super::dates::{DateOrder, Evidence, evidence};
use super::header::Header;
use super::records::Records;
use super::report_kinds::Column;
use super::text::printable;
use crate::error::Error;

/// The columns that hold dates, and whether these are months.
const DATE_COLUMNS: [(Column, bool); 4] =
    [(Column::Month, true), (Column::AssociatedOn, false), (Column::EarnedOn, false), (Column::ExpiresOn, false)];

/// A field that holds a date.
#[derive(Debug, Clone, Copy)]
pub(super) struct DateField {
    pub(super) place: usize,
    pub(super) is_month: bool,
}

/// A date that can be read in one order alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) order: DateOrder,
    pub(super) line: u64,
    value: String,
}

/// The order that the dates of a record show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordDates {
    Nothing,
    Ambiguous(String),
    Proof(Proof),
    /// One date has the day first, another the month.
    Contradiction(Proof, Proof),
}

/// The fields of a header that hold dates.
pub(super) fn date_fields(header: &Header) -> Vec<DateField> {
    let field =
        |(column, is_month): &(Column, bool)| Some(DateField { place: header.place(*column)?, is_month: *is_month });
    DATE_COLUMNS.iter().filter_map(field).collect()
}

/// Looks at the dates of a record for the order of day and month.
pub(super) fn record_dates<R: Read>(records: &Records<R>, fields: &[DateField]) -> RecordDates {
    let mut found = RecordDates::Nothing;
    for field in fields {
        let Ok(text) = std::str::from_utf8(records.field(field.place)) else { continue };
        let order = match evidence(text, field.is_month) {
            Evidence::Nothing => continue,
            Evidence::Ambiguous if found == RecordDates::Nothing => {
                found = RecordDates::Ambiguous(printable(text.trim()));
                continue;
            }
            Evidence::Ambiguous => continue,
            Evidence::DayFirst => DateOrder::DayFirst,
            Evidence::MonthFirst => DateOrder::MonthFirst,
        };
        let proof = Proof { order, line: records.line(), value: printable(text.trim()) };
        found = match found {
            RecordDates::Proof(other) if other.order != order => return RecordDates::Contradiction(other, proof),
            RecordDates::Proof(other) => RecordDates::Proof(other),
            _ => RecordDates::Proof(proof),
        };
    }
    found
}

/// The proofs that a whole file has of each order: how many, and the first.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    day_first: u64,
    month_first: u64,
    first_day_first: Option<Proof>,
    first_month_first: Option<Proof>,
}

impl Proofs {
    /// Counts what the dates of a record say.
    pub(super) fn add(&mut self, dates: RecordDates) {
        match dates {
            RecordDates::Nothing | RecordDates::Ambiguous(_) => {}
            RecordDates::Proof(proof) => self.add_proof(proof),
            RecordDates::Contradiction(one, other) => {
                self.add_proof(one);
                self.add_proof(other);
            }
        }
    }

    fn add_proof(&mut self, proof: Proof) {
        let (count, first) = match proof.order {
            DateOrder::DayFirst => (&mut self.day_first, &mut self.first_day_first),
            _ => (&mut self.month_first, &mut self.first_month_first),
        };
        *count += 1;
        first.get_or_insert(proof);
    }

    /// The first proof of the order that most dates prove.
    ///
    /// # Errors
    /// Refused where as many prove the one as the other.
    fn majority(&self) -> Result<Option<&Proof>, Error> {
        match self.day_first.cmp(&self.month_first) {
            Ordering::Greater => Ok(self.first_day_first.as_ref()),
            Ordering::Less => Ok(self.first_month_first.as_ref()),
            Ordering::Equal => self.contradiction().map_or(Ok(None), Err),
        }
    }

    /// The error of a file that proves both orders.
    fn contradiction(&self) -> Option<Error> {
        let (day_first, month_first) = (self.first_day_first.as_ref()?, self.first_month_first.as_ref()?);
        let error = Error::refused(format!(
            "dates contradict each other: `{}` in line {} has the day first, `{}` in line {} the month",
            day_first.value, day_first.line, month_first.value, month_first.line
        ));
        Some(error.hint(
            "export the report anew; or give the order with --date-order, and the rows of the other order are rejected",
        ))
    }
}

/// The order of day and month in a file, as far as it is known.
#[derive(Debug)]
pub(super) struct FileDateOrder {
    given: Option<DateOrder>,
    proof: Option<Proof>,
    /// Whether dates that can be read either way were read.
    is_used: bool,
    /// Whether the proofs of the whole file are counted.
    is_counted: bool,
    /// Rows with a date that can be read either way, where no date of the file proves an order.
    ambiguous_rows: u64,
    first_ambiguous: Option<(u64, String)>,
}

/// Whether the order is known in which the dates of a record are read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Known,
    /// The proofs of the whole file have to be counted first.
    Unknown,
}

impl FileDateOrder {
    /// The order that a person gives, or the one to be found.
    pub(super) fn new(given: Option<DateOrder>) -> FileDateOrder {
        FileDateOrder {
            given,
            proof: None,
            is_used: false,
            is_counted: given.is_some(),
            ambiguous_rows: 0,
            first_ambiguous: None,
        }
    }

    /// The order in which dates are read: where nothing proves another, the month is first.
    pub(super) fn order(&self) -> DateOrder {
        let proven = self.proof.as_ref().map(|proof| proof.order);
        self.given.or(proven).unwrap_or(DateOrder::MonthFirst)
    }

    /// Takes what the dates of a record in a line say.
    pub(super) fn take(&mut self, dates: RecordDates, line: u64) -> Decision {
        let is_known = match dates {
            RecordDates::Nothing => return Decision::Known,
            RecordDates::Ambiguous(value) => {
                let is_known = self.is_counted || self.proof.is_some();
                self.is_used |= is_known;
                if is_known && self.proof.is_none() && self.given.is_none() {
                    self.ambiguous_rows += 1;
                    self.first_ambiguous.get_or_insert((line, value));
                }
                is_known
            }
            RecordDates::Contradiction(..) => self.is_counted,
            RecordDates::Proof(proof) => {
                let order = proof.order;
                self.is_counted || self.proof.get_or_insert(proof).order == order
            }
        };
        if is_known { Decision::Known } else { Decision::Unknown }
    }

    /// Decides by the proofs of the whole file: rows of the other order are rejected.
    ///
    /// # Errors
    /// Refused where these contradict each other, and no order can be taken.
    pub(super) fn decide(&mut self, proofs: &Proofs) -> Result<(), Error> {
        let majority = proofs.majority()?.cloned();
        let is_other = self.proof.as_ref().map(|proof| proof.order) != majority.as_ref().map(|proof| proof.order);
        if self.is_used && is_other {
            // Dates above were read in the order of one that is the exception.
            return proofs.contradiction().map_or(Ok(()), Err);
        }
        self.is_counted = true;
        self.proof = majority;
        Ok(())
    }

    /// How dates were read that can be read either way, or day first.
    pub(super) fn warning(&self) -> Option<String> {
        if let Some((line, value)) = &self.first_ambiguous {
            let rows = self.ambiguous_rows;
            return Some(format!(
                "no date shows whether the day or the month is first: {rows} rows were read month first, such as `{value}` in line {line}; --date-order dmy reads them day first"
            ));
        }
        let proof = self.proof.as_ref().filter(|proof| proof.order == DateOrder::DayFirst && self.given.is_none())?;
        Some(format!("dates were read day first: `{}` in line {} shows it", proof.value, proof.line))
    }
}
