//! The set of moves with the least effort that brings one track to the designation. Whole numbers only; knows no tenant.
//!
//! Points of a metric never fall as its value rises, and moves that take away from the track are left out beforehand. So it is enough to
//! know, of each number of tenants won and of deployments gained, which sets are beaten by none in effort, users and headroom used. Those
//! can be very many where hundreds of tenants have a move: beyond [`MOST_SETS`] the most promising are kept, and a cheaper set may be missed.

use std::collections::BTreeMap;

use crate::score::{Points, earned};

/// Sets that are looked at side by side; a few dozen tenants need fewer.
const MOST_SETS: usize = 2000;

/// A metric through one option: what it has, and what it gives for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    pub net: i64,
    pub target: i64,
    pub max_points: i64,
}

impl Gauge {
    /// Points for so much more.
    fn points(&self, more: i64) -> Points {
        earned(self.net + more, self.max_points, self.target)
    }

    /// How much more can still add points.
    fn room(&self) -> i64 {
        (self.target - self.net).max(0)
    }

    /// The least more that gives so many points; None where no value does.
    fn needed(&self, points: Points) -> Option<i64> {
        if self.points(self.room()) < points {
            return None;
        }
        let (mut low, mut high) = (0, self.room());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.points(middle) >= points { high = middle } else { low = middle + 1 }
        }
        Some(low)
    }
}

/// What a move adds to each metric of the track, through the options looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gain {
    pub net_customer_adds: i64,
    pub active_users: i64,
    pub deployments: i64,
}

/// A move at one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub effort: i64,
    pub gain: Gain,
    /// Users that cannot be won at this tenant besides, once the move is made.
    pub headroom: i64,
}

/// One track through one option for each metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub net_customer_adds: Gauge,
    pub intermediate: Gauge,
    pub advanced: Gauge,
    pub usage_growth: Gauge,
    pub deployments: Gauge,
    /// Points the designation asks for, and those that every metric needs.
    pub goal: Points,
    pub minimum: Points,
    /// Effort for each person, by metric, and for each user won at no tenant in particular.
    pub certify: [i64; 2],
    pub user: i64,
    /// Most users that can be won at no tenant in particular.
    pub headroom: i64,
    /// By tenant, the moves of which one at most is made.
    pub tenants: Vec<Vec<Move>>,
}

/// A set of moves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Solution {
    pub effort: i64,
    /// People to certify, by metric.
    pub people: [i64; 2],
    /// Users to win at no tenant in particular.
    pub users: i64,
    /// Tenants by place, each with the place of its move.
    pub moves: Vec<(usize, usize)>,
}

/// A set of tenants' moves that no other beats.
#[derive(Debug, Clone, Copy, Default)]
struct Set {
    effort: i64,
    users: i64,
    headroom: i64,
    /// The place of its last move among the search's steps; none where it has no moves.
    last: Option<usize>,
}

impl Set {
    /// The set with a move more, which is the step at `last`.
    fn with(&self, made: &Move, last: usize) -> Set {
        Set {
            effort: self.effort + made.effort,
            users: self.users + made.gain.active_users,
            headroom: self.headroom + made.headroom,
            last: Some(last),
        }
    }

    /// Whether it is as good, whatever comes after, once the users it has fewer are won at no tenant in particular.
    fn beats(&self, other: &Set, user: i64) -> bool {
        let fewer = (other.users - self.users).max(0);
        self.effort + fewer * user <= other.effort && self.headroom + fewer <= other.headroom
    }

    /// Its effort, less what its users would cost at no tenant in particular.
    fn promise(&self, user: i64) -> i64 {
        self.effort - self.users * user
    }
}

/// Tenants won and deployments gained.
type Won = (i64, i64);

/// Sets by what they have won.
type Sets = BTreeMap<Won, Vec<Set>>;

/// People who make sets of some tenants and deployments enough, once they have so many users.
#[derive(Debug, Clone, Copy)]
struct Completion {
    people: [i64; 2],
    effort: i64,
    users: i64,
}

/// A search under way.
struct Search<'a> {
    problem: &'a Problem,
    sets: Sets,
    /// The moves of all sets, each with the step before it, which sets share.
    steps: Vec<(Option<usize>, (usize, usize))>,
    completions: BTreeMap<Won, Vec<Completion>>,
    /// What the next solution must cost less than.
    below: i64,
    best: Option<Solution>,
}

/// The set of moves with the least effort below `limit`; None where there is none.
pub fn cheapest(problem: &Problem, limit: i64) -> Option<Solution> {
    let mut search = Search::new(problem, limit);
    for tenant in cheapest_first(problem) {
        search.grow(tenant);
        search.thin();
        search.complete_promising();
    }
    search.complete_all();
    search.best
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, limit: i64) -> Search<'a> {
        Search {
            problem,
            sets: Sets::from([((0, 0), vec![Set::default()])]),
            steps: Vec::new(),
            completions: BTreeMap::new(),
            below: limit,
            best: None,
        }
    }

    /// Adds every set with a move of one tenant more that costs less than the best, its gains counted as far as they add points.
    fn grow(&mut self, tenant: usize) {
        let problem = self.problem;
        let rooms = (problem.net_customer_adds.room(), problem.deployments.room());
        for ((tenants, deployed), of_gain) in self.sets.clone() {
            for (place, made) in problem.tenants[tenant].iter().enumerate() {
                let won = (tenants + made.gain.net_customer_adds, deployed + made.gain.deployments);
                let won = (won.0.min(rooms.0), won.1.min(rooms.1));
                for before in of_gain.iter().filter(|set| set.effort + made.effort < self.below) {
                    let mut set = before.with(made, self.steps.len());
                    set.users = set.users.min(problem.usage_growth.room());
                    if add(self.sets.entry(won).or_default(), set, problem.user) {
                        self.steps.push((before.last, (tenant, place)));
                    }
                }
            }
        }
    }

    /// Keeps the most promising where there are too many.
    fn thin(&mut self) {
        if self.sets.values().map(Vec::len).sum::<usize>() <= MOST_SETS {
            return;
        }
        let each = (MOST_SETS / self.sets.len()).max(1);
        for of_gain in self.sets.values_mut() {
            of_gain.sort_by_key(|set| (set.promise(self.problem.user), set.effort));
            of_gain.truncate(each);
        }
    }

    /// Completes the cheapest sets: a way that is known early tells which sets are not worth going on with.
    fn complete_promising(&mut self) {
        let cheapest = |(won, sets): (&Won, &Vec<Set>)| Some((*won, *sets.iter().min_by_key(|set| set.effort)?));
        let promising: Vec<(Won, Set)> = self.sets.iter().filter_map(cheapest).collect();
        promising.into_iter().for_each(|(won, set)| self.complete(won, set));
    }

    fn complete_all(&mut self) {
        for (won, sets) in std::mem::take(&mut self.sets) {
            sets.into_iter().for_each(|set| self.complete(won, set));
        }
    }

    /// Takes a set, with the people and users that are cheapest beside it, for the best where it costs less.
    fn complete(&mut self, won: Won, set: Set) {
        let problem = self.problem;
        let completions = self.completions.entry(won).or_insert_with(|| completions(problem, won));
        let room = problem.headroom - set.headroom;
        let beside = completions.iter().map(|people| (people, (people.users - set.users).max(0)));
        let costed = beside
            .filter(|(_, users)| *users <= room)
            .map(|(people, users)| (set.effort + people.effort + users * problem.user, people.people, users));
        if let Some((effort, people, users)) = costed.min_by_key(|(effort, ..)| *effort)
            && effort < self.below
        {
            self.below = effort;
            self.best = Some(Solution { effort, people, users, moves: self.moves(set) });
        }
    }

    /// The moves of a set, in the order in which they were added.
    fn moves(&self, set: Set) -> Vec<(usize, usize)> {
        let back =
            std::iter::successors(set.last.map(|last| self.steps[last]), |step| step.0.map(|last| self.steps[last]));
        let mut moves: Vec<(usize, usize)> = back.map(|step| step.1).collect();
        moves.reverse();
        moves
    }
}

/// The tenants by place, those with the cheapest moves first: sets that cost little are completed early.
fn cheapest_first(problem: &Problem) -> Vec<usize> {
    let mut places: Vec<usize> = (0..problem.tenants.len()).collect();
    places.sort_by_key(|place| problem.tenants[*place].iter().map(|made| made.effort).min());
    places
}

/// The cheapest single move that is enough: one person, one tenant's move, or users won at one tenant, of which `most` can be won.
pub fn single(problem: &Problem, most: i64) -> Option<Solution> {
    let people =
        [[1, 0], [0, 1]].map(|people| Solution { effort: certified(problem, people), people, ..Solution::default() });
    let people = people.into_iter().filter(|solution| reaches(problem, Gain::default(), solution.people));
    let places = problem
        .tenants
        .iter()
        .enumerate()
        .flat_map(|(tenant, moves)| (0..moves.len()).map(move |place| (tenant, place)));
    let moved = places.filter_map(|(tenant, place)| {
        let made = &problem.tenants[tenant][place];
        let solution = Solution { effort: made.effort, moves: vec![(tenant, place)], ..Solution::default() };
        reaches(problem, made.gain, [0, 0]).then_some(solution)
    });
    let users = users_needed(problem, (0, 0), [0, 0]).filter(|users| (1..=most).contains(users));
    let users = users.map(|users| Solution { effort: users * problem.user, users, ..Solution::default() });
    people.chain(moved).chain(users).min_by_key(|solution| solution.effort)
}

fn certified(problem: &Problem, people: [i64; 2]) -> i64 {
    people.iter().zip(problem.certify).map(|(people, effort)| people * effort).sum()
}

/// Whether so much more is enough.
fn reaches(problem: &Problem, gain: Gain, people: [i64; 2]) -> bool {
    let won = (gain.net_customer_adds, gain.deployments);
    users_needed(problem, won, people).is_some_and(|users| users <= gain.active_users)
}

/// Keeps a set unless one that is there beats it, and says whether it did; those that it beats go.
fn add(sets: &mut Vec<Set>, set: Set, user: i64) -> bool {
    let is_kept = !sets.iter().any(|other| other.beats(&set, user));
    if is_kept {
        sets.retain(|other| !set.beats(other, user));
        sets.push(set);
    }
    is_kept
}

/// The people that make sets of some tenants and deployments enough, with the fewest users they then need.
fn completions(problem: &Problem, won: Won) -> Vec<Completion> {
    let rooms = (problem.intermediate.room(), problem.advanced.room());
    let ways = (0..=rooms.0).flat_map(|intermediate| (0..=rooms.1).map(move |advanced| [intermediate, advanced]));
    let completion = |people| {
        let users = users_needed(problem, won, people)?;
        Some(Completion { people, effort: certified(problem, people), users })
    };
    ways.filter_map(completion).collect()
}

/// The fewest users that, beside tenants, deployments and people, are enough; None where no number is.
fn users_needed(problem: &Problem, (tenants, deployed): Won, [intermediate, advanced]: [i64; 2]) -> Option<i64> {
    let without_usage = [
        problem.net_customer_adds.points(tenants),
        problem.intermediate.points(intermediate),
        problem.advanced.points(advanced),
        problem.deployments.points(deployed),
    ];
    if without_usage.iter().any(|points| *points < problem.minimum) {
        return None;
    }
    let wanted = (problem.goal - without_usage.into_iter().sum::<Points>()).max(problem.minimum);
    problem.usage_growth.needed(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gauge(most: i64, target: impl Strategy<Value = i64>) -> impl Strategy<Value = Gauge> {
        (-3i64..4, target).prop_map(move |(net, target)| Gauge { net, target, max_points: most })
    }

    fn a_move() -> impl Strategy<Value = Move> {
        (0i64..30, 0i64..2, 0i64..12, 0i64..2, 0i64..5).prop_map(|(effort, tenants, users, deployments, headroom)| {
            Move { effort, gain: Gain { net_customer_adds: tenants, active_users: users, deployments }, headroom }
        })
    }

    prop_compose! {
        fn problem()(
            net_customer_adds in gauge(20, 1i64..4),
            intermediate in gauge(10, 1i64..3),
            advanced in gauge(15, 1i64..3),
            usage_growth in gauge(30, 5i64..20),
            deployments in gauge(25, 1i64..4),
            goal in 300_000i64..900_000,
            minimum in prop_oneof![Just(1), Just(10_000)],
            certify in [1i64..40, 1i64..40],
            user in 0i64..6,
            headroom in 0i64..15,
            tenants in prop::collection::vec(prop::collection::vec(a_move(), 1..3), 0..5),
        ) -> Problem {
            Problem {
                net_customer_adds, intermediate, advanced, usage_growth, deployments,
                goal: Points(goal), minimum: Points(minimum), certify, user, headroom, tenants,
            }
        }
    }

    /// Whether a set reaches the goal, and its effort, by counting everything up.
    fn judged(problem: &Problem, chosen: &[&Move], people: [i64; 2], users: i64) -> Option<i64> {
        let sum = |value: &dyn Fn(&Move) -> i64| chosen.iter().map(|made| value(made)).sum::<i64>();
        let points = [
            problem.net_customer_adds.points(sum(&|made| made.gain.net_customer_adds)),
            problem.intermediate.points(people[0]),
            problem.advanced.points(people[1]),
            problem.usage_growth.points(sum(&|made| made.gain.active_users) + users),
            problem.deployments.points(sum(&|made| made.gain.deployments)),
        ];
        let reached = points.iter().sum::<Points>() >= problem.goal
            && points.iter().all(|points| *points >= problem.minimum)
            && users <= problem.headroom - sum(&|made| made.headroom);
        let effort = sum(&|made| made.effort) + people[0] * problem.certify[0] + people[1] * problem.certify[1];
        reached.then_some(effort + users * problem.user)
    }

    /// The least effort of all sets there are.
    fn by_exhaustion(problem: &Problem) -> Option<i64> {
        let mut chosen: Vec<Vec<&Move>> = vec![Vec::new()];
        for moves in &problem.tenants {
            let with = |made| chosen.iter().map(move |set: &Vec<_>| [set.clone(), vec![made]].concat());
            let more: Vec<_> = moves.iter().flat_map(with).collect();
            chosen.extend(more);
        }
        let mut least: Option<i64> = None;
        for set in &chosen {
            for intermediate in 0..=problem.intermediate.room() {
                for advanced in 0..=problem.advanced.room() {
                    for users in 0..=problem.headroom {
                        if let Some(effort) = judged(problem, set, [intermediate, advanced], users) {
                            least = Some(least.map_or(effort, |least| least.min(effort)));
                        }
                    }
                }
            }
        }
        least
    }

    /// The least effort of one move alone.
    fn single_by_exhaustion(problem: &Problem) -> Option<i64> {
        let people = [[1, 0], [0, 1]].map(|people| judged(problem, &[], people, 0));
        let moved = problem.tenants.iter().flatten().map(|made| judged(problem, &[made], [0, 0], 0));
        let users = (1..=problem.headroom).map(|users| judged(problem, &[], [0, 0], users));
        people.into_iter().chain(moved).chain(users).flatten().min()
    }

    /// Hundreds of tenants that are all a little different: sets that no other beats would be without number.
    #[test]
    fn a_large_problem_is_searched_as_well() {
        let gauge = |net, target, max_points| Gauge { net, target, max_points };
        let place = |tenant: i64, move_of: i64| (tenant * 7919 + move_of * 104_729) % 1009;
        let a_move = |tenant, move_of| Move {
            effort: 10 + place(tenant, move_of) % 97,
            gain: Gain {
                net_customer_adds: i64::from(move_of != 1),
                active_users: place(tenant, move_of + 3) % 41,
                deployments: i64::from(move_of != 0),
            },
            headroom: place(tenant, 5) % 53,
        };
        let problem = Problem {
            net_customer_adds: gauge(-9, 10, 20),
            intermediate: gauge(0, 2, 10),
            advanced: gauge(0, 1, 15),
            usage_growth: gauge(-300, 500, 30),
            deployments: gauge(-4, 5, 25),
            goal: Points(700_000),
            minimum: Points(10_000),
            certify: [24, 60],
            user: 1,
            headroom: 300 * 30,
            tenants: (0..300).map(|tenant| (0..3).map(|move_of| a_move(tenant, move_of)).collect()).collect(),
        };
        let found = cheapest(&problem, i64::MAX).expect("a way");
        let chosen: Vec<&Move> = found.moves.iter().map(|(tenant, place)| &problem.tenants[*tenant][*place]).collect();
        assert_eq!(judged(&problem, &chosen, found.people, found.users), Some(found.effort));
    }

    /// Users alone are enough, though a person and fewer users cost less.
    #[test]
    fn a_single_move_is_found_where_a_set_costs_less() {
        let gauge = |net, target, max_points| Gauge { net, target, max_points };
        let problem = Problem {
            net_customer_adds: gauge(1, 1, 20),
            intermediate: gauge(1, 1, 10),
            advanced: gauge(1, 2, 15),
            usage_growth: gauge(0, 5, 30),
            deployments: gauge(1, 1, 25),
            goal: Points(685_001),
            minimum: Points(1),
            certify: [1, 1],
            user: 2,
            headroom: 2,
            tenants: Vec::new(),
        };
        assert_eq!(cheapest(&problem, i64::MAX).map(|found| found.effort), Some(3));
        assert_eq!(single(&problem, 2).map(|found| (found.effort, found.users)), Some((4, 2)));
    }

    proptest! {
        #[test]
        fn no_set_of_moves_costs_less(problem in problem()) {
            let found = cheapest(&problem, i64::MAX);
            prop_assert_eq!(found.as_ref().map(|found| found.effort), by_exhaustion(&problem));
            if let Some(found) = found {
                let chosen: Vec<&Move> = found.moves.iter().map(|(tenant, place)| &problem.tenants[*tenant][*place]).collect();
                prop_assert_eq!(judged(&problem, &chosen, found.people, found.users), Some(found.effort));
            }
        }

        #[test]
        fn no_single_move_that_is_enough_costs_less(mut problem in problem()) {
            problem.tenants.iter_mut().flatten().for_each(|made| made.headroom = 0);
            if cheapest(&problem, i64::MAX).is_some_and(|found| found.effort > 0) {
                let found = single(&problem, problem.headroom);
                prop_assert_eq!(found.map(|found| found.effort), single_by_exhaustion(&problem));
            }
        }
    }
}
