//! Seat band: whether a tenant's paid seats put it in a track in a month.

use polars::prelude::*;

use crate::rulebook::{Rulebook, SeatBand, Track};

/// The column that says whether a tenant is in a track's band, before carry-over.
pub fn column(track: Track, at: &str) -> String {
    format!("{}_at_{at}", track.name())
}

/// Per tenant, from its eligible rows of a month: is it in each track's band, and its most paid seats.
pub fn aggregations(rules: &Rulebook) -> Vec<Expr> {
    let seats = || col("paid_seats");
    let in_band = |track: Track| match rules.choices.seat_band.reading {
        SeatBand::AnyWorkload => within(rules, track, seats()).max(),
        SeatBand::LargestWorkload => within(rules, track, seats().max()),
    };
    let bands = Track::ALL.map(|track| in_band(track).alias(track.name()));
    bands.into_iter().chain([seats().max().alias("largest_workload_seats")]).collect()
}

fn within(rules: &Rulebook, track: Track, seats: Expr) -> Expr {
    let band = rules.track(track);
    let from = seats.clone().gt_eq(lit(band.paid_seats_from));
    match band.paid_seats_to {
        Some(to) => from.and(seats.lt_eq(lit(to))),
        None => from,
    }
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

/// Whether paid seats are too few for the band, on every eligible workload.
pub fn below(rules: &Rulebook, track: Track, at: &str) -> Expr {
    col(format!("largest_workload_seats_at_{at}")).lt(lit(rules.track(track).paid_seats_from))
}
