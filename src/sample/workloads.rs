//! The workloads of the sample: those of the rulebook, and a few that it does not list.

/// Products that Partner Center reports as well. Those on the caller's list are left out here.
const UNLISTED: [&str; 3] = ["skype_for_business", "windows_365", "planner"];
/// How many of a thousand tenants use an unlisted one.
const UNLISTED_SHARE: u64 = 110;
/// How many listed workloads a thousand tenants use together.
const LISTED_SHARES: u64 = 4_360;
/// Nothing is used by everyone.
const LARGEST_SHARE: u64 = 950;

/// A workload and how common it is.
#[derive(Debug, Clone)]
pub(super) struct Workload {
    pub(super) name: String,
    /// How many of a thousand tenants use it.
    pub(super) share: u64,
    /// Whether it is on the caller's list.
    pub(super) listed: bool,
}

/// All workloads, sorted by name as the files are. The first on the list are up to three times as common as the last.
pub(super) fn workloads(listed: &[String]) -> Vec<Workload> {
    let count = listed.len() as u64;
    let weight = |position: u64| 3 * count - 2 * position;
    let total: u64 = (0..count).map(weight).sum();
    let share = |position: u64| (LISTED_SHARES * weight(position) / total.max(1)).min(LARGEST_SHARE);
    let known = listed.iter().zip(0..).map(|(name, position)| (name.as_str(), share(position), true));
    let others = UNLISTED.iter().filter(|name| !listed.iter().any(|one| one == *name));
    let all = known.chain(others.map(|name| (*name, UNLISTED_SHARE, false)));
    let mut all: Vec<Workload> =
        all.map(|(name, share, listed)| Workload { name: name.to_owned(), share, listed }).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    all
}
