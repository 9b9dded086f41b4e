//! Competition rank (1, 1, 3) by total points, over all partners and within each distributor.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Points, Score};

/// Ranks the scores and sorts them by rank, then by partner id.
pub(super) fn ranked(mut scores: Vec<Score>) -> Vec<Score> {
    scores.sort_by(|a, b| {
        (Reverse(a.total_points()), &a.account.partner_id).cmp(&(Reverse(b.total_points()), &b.account.partner_id))
    });
    let mut all = Standing::default();
    let mut by_distributor: BTreeMap<String, Standing> = BTreeMap::new();
    for score in &mut scores {
        let total = score.total_points();
        score.rank = all.next(total);
        score.distributor_rank = score
            .account
            .distributor_id
            .clone()
            .map(|distributor| by_distributor.entry(distributor).or_default().next(total));
    }
    scores
}

/// A ranking in the making, fed from the most points to the fewest.
#[derive(Default)]
struct Standing {
    placed: i64,
    rank: i64,
    last: Option<Points>,
}

impl Standing {
    fn next(&mut self, points: Points) -> i64 {
        self.placed += 1;
        if self.last != Some(points) {
            self.rank = self.placed;
            self.last = Some(points);
        }
        self.rank
    }
}
