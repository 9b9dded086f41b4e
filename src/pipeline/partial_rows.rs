//! What a set of tenants adds, as rows that add up, and back. Whoever sums them needs to know nothing of what they mean.

use polars::prelude::*;

use super::scoring::Sum;
use crate::engine;
use crate::error::{Error, Result};
use crate::history::{Accounts, Findings, LeftOut, REJECT_COLUMNS, Share, Tables, WARNINGS};
use crate::metrics::{Coverage, Fact, Facts};
use crate::rulebook::{Measure, Rulebook};

/// The columns of what sets of tenants add: what a row tells and what of, String, of which keys may be null; and two Int64.
pub const PARTIAL_COLUMNS: [&str; 7] = [KIND, KEYS[0], KEYS[1], KEYS[2], KEYS[3], CURRENT, PRIOR];
const KIND: &str = "kind";
const KEYS: [&str; 4] = ["key_1", "key_2", "key_3", "key_4"];
const CURRENT: &str = "current";
const PRIOR: &str = "prior";

/// What an account has now and had then, by partner_id, track, metric and option.
const FACT: &str = "fact";
/// How many rows of a table were checked.
const CHECKED: &str = "checked";
/// How many rows of a table were checked, and how many rejected, that belong to partners which nobody asked for.
const LEFT_OUT: &str = "left_out";
/// How often there is a rejected row with this table, rule, key and reason.
const REJECT: &str = "reject";
/// How often a rule of warnings saw a subject.
const WARNING: &str = "warning";
/// How many of what [`Coverage`] counts.
const COVERAGE: &str = "coverage";
/// Of a table, how many rows name what differs from a known name in form alone (current), of how many that name something (prior).
const FORM: &str = "form";
/// How many tenant ids are written in a way, by its number.
const ID_FORM: &str = "id_form";
/// How many sets miss the usage of a month.
const MISSING_MONTH: &str = "missing_month";

const STAGE: &str = "partial rows";

/// The rows of what a set of tenants adds. What adds nothing needs none.
pub(super) fn of_sum(mut sum: Sum, accounts: &Accounts, rules: &Rulebook) -> Result<DataFrame> {
    let mut rows = Rows::default();
    rows.add_facts(&sum.facts, accounts, rules);
    for (table, count) in &sum.findings.checked {
        rows.count(CHECKED, [table], *count);
    }
    for (table, left_out) in sum.findings.left_out() {
        let [current, prior] =
            [left_out.checked, left_out.rejected].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        rows.add(LEFT_OUT, [table], Fact { current, prior });
    }
    for ((rule, subject), count) in &sum.findings.warnings {
        rows.count(WARNING, [rule, subject], *count);
    }
    for (table, share) in &sum.findings.forms {
        rows.add(FORM, [table], Fact { current: whole(share.part), prior: whole(share.rows) });
    }
    for (form, ids) in sum.coverage.id_forms.iter() {
        rows.count(ID_FORM, [&form.to_string()], ids);
    }
    for (name, count) in counts(&mut sum.coverage) {
        rows.count(COVERAGE, [name], *count);
    }
    for month in &sum.coverage.missing_months {
        rows.count(MISSING_MONTH, [&month.to_string()], 1);
    }
    let rejects = sum.findings.rejected().iter().cloned().map(of_rejects);
    let all = concat(std::iter::once(rows.frame()?.lazy()).chain(rejects).collect::<Vec<_>>(), UnionArgs::default());
    engine::collect(STAGE, all.map_err(|error| engine::plan_error(STAGE, &error))?)
}

/// What rows add up to, those of the same keys summed before or not.
///
/// # Errors
/// Internal where a row is none that a set of tenants adds by these rules and to these accounts.
pub(super) fn sum_of(rows: &DataFrame, accounts: &Accounts, rules: &Rulebook) -> Result<Sum> {
    let measures = rules.measures();
    let facts = Facts::none(accounts.rows.len(), measures.len());
    let sum = Sum { facts, findings: Findings::default(), coverage: Coverage::default() };
    let mut adding = Adding { accounts, measures, sum };
    let kinds = texts(rows, KIND)?;
    let [first, second, third, fourth] = KEYS.map(|name| texts(rows, name));
    let (first, second, third, fourth) = (first?, second?, third?, fourth?);
    let keys = first.iter().zip(second.iter()).zip(third.iter().zip(fourth.iter()));
    let numbers = added(rows)?;
    for ((kind, ((first, second), (third, fourth))), number) in kinds.iter().zip(keys).zip(&numbers) {
        let kind = kind.unwrap_or_default();
        let keys = [first, second, third, fourth].map(Option::unwrap_or_default);
        let unknown = || Error::internal(format!("no set of tenants adds a `{kind}` of `{}`", keys.join(", ")));
        adding.add(kind, keys, *number).ok_or_else(unknown)?;
    }
    adding.sum.findings.reject(rejects(rows, &kinds, &numbers)?);
    Ok(adding.sum)
}

/// What coverage counts, by name.
fn counts(coverage: &mut Coverage) -> [(&'static str, &mut u64); 4] {
    [
        ("tenants_held", &mut coverage.tenants_held),
        ("tenants_found", &mut coverage.tenants_found),
        ("rows_at_m", &mut coverage.rows_at_m),
        ("rows_at_p", &mut coverage.rows_at_p),
    ]
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The names that stand for a measure.
fn names(measure: &Measure) -> [&str; 3] {
    [measure.track.name(), measure.metric.name(), &measure.option]
}

/// Rows as they are put together.
#[derive(Default)]
struct Rows {
    kinds: Vec<&'static str>,
    keys: [Vec<Option<String>>; KEYS.len()],
    numbers: Vec<Fact>,
}

impl Rows {
    fn add<const N: usize>(&mut self, kind: &'static str, keys: [&str; N], number: Fact) {
        self.kinds.push(kind);
        let keys = keys.into_iter().map(|key| Some(key.to_owned())).chain(std::iter::repeat(None));
        self.keys.iter_mut().zip(keys).for_each(|(column, key)| column.push(key));
        self.numbers.push(number);
    }

    fn count<const N: usize>(&mut self, kind: &'static str, keys: [&str; N], count: u64) {
        self.add(kind, keys, Fact { current: whole(count), prior: 0 });
    }

    fn add_facts(&mut self, facts: &Facts, accounts: &Accounts, rules: &Rulebook) {
        let measures = rules.measures();
        for (number, account) in accounts.rows.iter().enumerate() {
            let theirs = facts.of(number).iter().zip(&measures).filter(|(fact, _)| **fact != Fact::default());
            for (fact, measure) in theirs {
                let [track, metric, option] = names(measure);
                self.add(FACT, [&account.partner_id, track, metric, option], *fact);
            }
        }
    }

    fn frame(self) -> Result<DataFrame> {
        let height = self.kinds.len();
        let keys = KEYS.into_iter().zip(self.keys).map(|(name, keys)| Column::new(name.into(), keys));
        let number = |name: &str, of: fn(&Fact) -> i64| {
            Column::new(name.into(), self.numbers.iter().map(of).collect::<Vec<_>>())
        };
        let numbers = [number(CURRENT, |number| number.current), number(PRIOR, |number| number.prior)];
        let columns = std::iter::once(Column::new(KIND.into(), self.kinds)).chain(keys).chain(numbers);
        DataFrame::new(height, columns.collect()).map_err(|error| Error::internal(error.to_string()))
    }
}

/// Rejected rows, once each.
fn of_rejects(rejects: DataFrame) -> LazyFrame {
    let keys = REJECT_COLUMNS.into_iter().zip(KEYS).map(|(name, key)| col(name).alias(key));
    let numbers = [(1, CURRENT), (0, PRIOR)].map(|(number, name)| lit(number).cast(DataType::Int64).alias(name));
    rejects.lazy().select(std::iter::once(lit(REJECT).alias(KIND)).chain(keys).chain(numbers).collect::<Vec<_>>())
}

/// Rejected rows, as often as there are.
fn rejects(rows: &DataFrame, kinds: &StringChunked, numbers: &[Fact]) -> Result<DataFrame> {
    let of_kind = kinds.iter().zip(numbers).zip(0..).filter(|((kind, _), _)| *kind == Some(REJECT));
    let times = |number: &Fact| usize::try_from(number.current).unwrap_or_default();
    let places = of_kind.flat_map(|((_, number), place)| std::iter::repeat_n(place, times(number))).collect();
    let taken =
        rows.take(&IdxCa::from_vec("rows".into(), places)).map_err(|error| Error::internal(error.to_string()))?;
    let columns = KEYS.into_iter().zip(REJECT_COLUMNS).map(|(key, name)| col(key).alias(name));
    engine::collect(STAGE, taken.lazy().select(columns.collect::<Vec<_>>()))
}

fn texts(rows: &DataFrame, name: &str) -> Result<StringChunked> {
    let column = engine::column(rows, name)?;
    column.str().cloned().map_err(|error| Error::internal(error.to_string()))
}

fn added(rows: &DataFrame) -> Result<Vec<Fact>> {
    let (current, prior) = (engine::column(rows, CURRENT)?, engine::column(rows, PRIOR)?);
    let typed = || -> PolarsResult<_> { Ok((current.i64()?, prior.i64()?)) };
    let (current, prior) = typed().map_err(|error| Error::internal(error.to_string()))?;
    let numbers = current.iter().zip(prior.iter());
    let numbers = numbers.map(|(current, prior)| Some(Fact { current: current?, prior: prior? }));
    numbers.collect::<Option<_>>().ok_or_else(|| Error::internal("what sets of tenants add has a null number"))
}

/// Rows on the way to their sum.
struct Adding<'a> {
    accounts: &'a Accounts,
    measures: Vec<Measure>,
    sum: Sum,
}

impl Adding<'_> {
    /// Adds a row, rejected ones aside, which come all at once; None where no set of tenants adds such a row.
    fn add(&mut self, kind: &str, keys: [&str; KEYS.len()], number: Fact) -> Option<()> {
        if kind == FACT {
            return self.add_fact(keys, number);
        }
        let (count, [first, second, ..]) = (u64::try_from(number.current).ok()?, keys);
        match kind {
            CHECKED => {
                let table = Tables::NAMES.into_iter().find(|name| *name == first)?;
                self.sum.findings.count_checked(table, count);
            }
            LEFT_OUT => {
                let table = Tables::NAMES.into_iter().find(|name| *name == first)?;
                let rejected = u64::try_from(number.prior).ok()?;
                self.sum.findings.leave_out(table, LeftOut { checked: count, rejected });
            }
            WARNING => {
                let rule = WARNINGS.iter().copied().find(|rule| *rule == first)?;
                self.sum.findings.warn(rule, second, count);
            }
            FORM => {
                let table = Tables::NAMES.into_iter().find(|name| *name == first)?;
                let rows = u64::try_from(number.prior).ok()?;
                self.sum.findings.count_form(table, Share { part: count, rows });
            }
            ID_FORM => self.sum.coverage.id_forms.add(first.parse().ok()?, count),
            COVERAGE => {
                let (_, total) = counts(&mut self.sum.coverage).into_iter().find(|(name, _)| *name == first)?;
                *total += count;
            }
            MISSING_MONTH => {
                self.sum.coverage.missing_months.insert(first.parse().ok()?);
            }
            REJECT => {}
            _ => return None,
        }
        Some(())
    }

    fn add_fact(&mut self, [partner_id, track, metric, option]: [&str; KEYS.len()], fact: Fact) -> Option<()> {
        let account = self.accounts.of(partner_id)?;
        let measure = self.measures.iter().position(|measure| names(measure) == [track, metric, option])?;
        self.sum.facts.add_to(account as usize, measure, fact);
        Some(())
    }
}
