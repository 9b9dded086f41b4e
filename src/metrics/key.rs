//! The key of a pair as one number: grouping and joining look at one column in the place of four.

use polars::prelude::*;

use super::workloads::Workloads;

/// Account, option, tenant and workload as one UInt64; tenants are the leading part.
pub(super) const PAIR: &str = "pair";
/// Account, option and tenant as one UInt64.
pub(super) const UNIT: &str = "unit";

/// Workloads of a tenant's key: more than a byte can number.
const WORKLOADS: u64 = 256;
/// Days of a month's key: more than any calendar reaches.
const DAYS: u64 = 1 << 22;

/// The key of a usage row: columns `tenant, workload` as one UInt64.
pub(super) fn row() -> Expr {
    col("tenant").cast(DataType::UInt64) * lit(WORKLOADS) + col("workload").cast(DataType::UInt64)
}

/// The key of a usage row of the month that starts on the day of a column; null where that is.
pub(super) fn row_of(month: &str) -> Expr {
    row() * lit(DAYS) + col(month).cast(DataType::Int32).cast(DataType::UInt64)
}

/// How many values each part has: a mixed radix. 10 million tenants of 100,000 accounts need less than a hundredth of the range.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairKey {
    accounts: u64,
    options: u64,
    workloads: u64,
}

impl PairKey {
    pub(super) fn new(accounts: usize, options: usize, workloads: &Workloads) -> PairKey {
        let part = |count: usize| (count as u64).max(1);
        PairKey { accounts: part(accounts), options: part(options), workloads: part(workloads.names.len() + 1) }
    }

    /// The key of columns `account, option, tenant`.
    pub(super) fn unit(&self) -> Expr {
        let wide = |name: &str| col(name).cast(DataType::UInt64);
        let unit = (wide("tenant") * lit(self.accounts) + wide("account")) * lit(self.options) + wide("option");
        unit.alias(UNIT)
    }

    /// The key of columns `unit, workload`.
    pub(super) fn pair(&self) -> Expr {
        (col(UNIT) * lit(self.workloads) + col("workload").cast(DataType::UInt64)).alias(PAIR)
    }

    /// The parts of `pair`, in its place.
    pub(super) fn apart(&self, lf: LazyFrame) -> LazyFrame {
        let (unit, account) = (|| col(UNIT), || col(UNIT) / lit(self.options));
        let lf = lf.with_columns([
            (col(PAIR) / lit(self.workloads)).alias(UNIT),
            (col(PAIR) % lit(self.workloads)).cast(DataType::UInt8).alias("workload"),
        ]);
        lf.with_columns([
            (unit() % lit(self.options)).cast(DataType::UInt8).alias("option"),
            (account() % lit(self.accounts)).cast(DataType::UInt32).alias("account"),
            (account() / lit(self.accounts)).cast(DataType::UInt32).alias("tenant"),
        ])
        .drop(by_name([PAIR], true, false))
    }
}
