//! Seat band: whether a tenant's paid seats put it in a track in a month.

use std::ops::RangeInclusive;

use polars::prelude::*;

use crate::history::Totals;
use crate::rulebook::{Rulebook, SeatBand, Track};

/// The column that says whether a tenant is in a track's band, before carry-over.
pub fn column(track: Track, at: &str) -> String {
    format!("{}_at_{at}", track.name())
}

/// The ranges of paid seats in which a tenant's rows are counted: for each track its band, and what lies above it.
pub fn seat_ranges(rules: &Rulebook) -> Vec<RangeInclusive<i64>> {
    let of_track = |track| {
        let band = rules.track(track);
        let to = band.paid_seats_to.unwrap_or(i64::MAX);
        [band.paid_seats_from..=to, to.saturating_add(1)..=band.paid_seats_to.map_or(0, |_| i64::MAX)]
    };
    Track::ALL.into_iter().flat_map(of_track).collect()
}

/// A month's counts of rows in those ranges, a row for each tenant.
pub fn counts(totals: &Totals, at: &str) -> Vec<Column> {
    let names =
        Track::ALL.into_iter().flat_map(|track| [count_name("within", track, at), count_name("above", track, at)]);
    names.zip(&totals.within).map(|(name, rows)| Column::new(name.into(), rows)).collect()
}

fn count_name(place: &str, track: Track, at: &str) -> String {
    format!("{place}_{}_at_{at}", track.name())
}

/// From the counts: is a tenant in each track's band at M and at P, and does any of its workloads reach the band at M?
pub fn of_counts(rules: &Rulebook) -> Vec<Expr> {
    let any = |place: &str, track: Track, at: &str| col(count_name(place, track, at)).gt(lit(0));
    let in_band = |track: Track, at: &str| match rules.choices.seat_band.reading {
        SeatBand::AnyWorkload => any("within", track, at),
        // The largest is in the band where some workload is, and none lies above.
        SeatBand::LargestWorkload => any("within", track, at).and(any("above", track, at).not()),
    };
    let reaches = |track: Track| any("within", track, "m").or(any("above", track, "m")).alias(reaches_name(track));
    let bands = ["m", "p"].map(|at| Track::ALL.map(|track| in_band(track, at).alias(column(track, at))));
    bands.into_iter().flatten().chain(Track::ALL.map(reaches)).collect()
}

/// The columns of [`of_counts`].
pub fn names() -> Vec<String> {
    let bands = ["m", "p"].map(|at| Track::ALL.map(|track| column(track, at)));
    bands.into_iter().flatten().chain(Track::ALL.map(reaches_name)).collect()
}

fn reaches_name(track: Track) -> String {
    format!("reaches_{}_at_m", track.name())
}

/// True for tenants in some track's band at M or at P, before carry-over, which asks for both.
pub fn any() -> Expr {
    let bands = ["m", "p"].map(|at| Track::ALL.map(|track| col(column(track, at))));
    bands.into_iter().flatten().reduce(Expr::or).unwrap_or_else(|| lit(true))
}

/// True for tenants in some track's band at M.
pub fn any_at_m() -> Expr {
    Track::ALL.map(|track| col(column(track, "m"))).into_iter().reduce(Expr::or).unwrap_or_else(|| lit(true))
}

/// In the track's band at M. With carry-over, a tenant that grew from smb into enterprise is in smb as well.
pub fn at_m(rules: &Rulebook, track: Track) -> Expr {
    let now = col(column(track, "m"));
    if track == Track::Smb && rules.choices.smb_carry_over.reading {
        let promoted = col(column(Track::Smb, "p")).and(col(column(Track::Enterprise, "m")));
        return now.or(promoted);
    }
    now
}

/// In the track's band at P.
pub fn at_p(track: Track) -> Expr {
    col(column(track, "p"))
}

/// In the track's band at M or at P: nothing else counts on the track.
pub fn at_either(rules: &Rulebook, track: Track) -> Expr {
    at_m(rules, track).or(at_p(track))
}

/// Whether paid seats at M are too few for the band, on every eligible workload.
pub fn below(track: Track) -> Expr {
    col(reaches_name(track)).not()
}
