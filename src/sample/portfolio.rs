//! The partners: who they are, how they are organised, how large they are, and how well they do.

use super::draw::{Draw, Stream, hash, scale};
use super::names;

/// Partners stand in blocks of this many, and each block holds every role, so a small sample has them all.
const BLOCK: usize = 30;
/// Slots are dealt out within a block by multiplying with `DEAL`; `UNDEAL` is its inverse modulo `BLOCK`.
const DEAL: usize = 7;
const UNDEAL: usize = 13;
/// The first of the slots of the first block that bear the awkward names.
const AWKWARD_NAMES: usize = 16;

/// How large a tenant is, by the paid seats it ends the history with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Segment {
    Small,
    Medium,
    Large,
}

/// How a partner stands to a global account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// It is one, and says nothing.
    Itself,
    /// It is one, and names itself.
    NamesItself,
    /// It is a location of the partner with this index.
    LocationOf(usize),
    /// It is a location of a global account that has no row.
    LocationOfUnknown,
}

/// A partner, as far as other tables depend on it.
#[derive(Debug, Clone)]
pub(super) struct Partner {
    pub(super) id: String,
    pub(super) account: Account,
    /// How much its customers' use grows under its care, 0 to 999.
    pub(super) care: u64,
    /// How many customers it wins and keeps, 0 to 999.
    pub(super) momentum: u64,
    /// How much it invests in certificates, 0 to 999.
    pub(super) skill: u64,
    pub(super) has_people: bool,
    has_tenants: bool,
    rank: usize,
}

/// All partners, and each one's chance of being a tenant's.
pub(super) struct Portfolio {
    pub(super) partners: Vec<Partner>,
    /// Pairs of a global account and a location of it.
    pub(super) families: Vec<(usize, usize)>,
    /// Cumulative weights, by segment.
    weights: [Vec<u64>; 3],
    seed: u64,
}

impl Portfolio {
    pub(super) fn new(seed: u64, count: usize) -> Self {
        let partners: Vec<Partner> = (0..count).map(|index| partner(seed, index, count)).collect();
        let weights = [Segment::Small, Segment::Medium, Segment::Large].map(|segment| cumulative(&partners, segment));
        let families = partners.iter().enumerate().filter_map(|(index, partner)| match partner.account {
            Account::LocationOf(account) => Some((account, index)),
            _ => None,
        });
        Portfolio { families: families.collect(), weights, partners, seed }
    }

    /// The index of a partner, drawn by size; `None` if nobody serves such tenants.
    pub(super) fn pick(&self, segment: Segment, draw: &mut Draw) -> Option<usize> {
        let weights = &self.weights[segment as usize];
        let at = draw.below(*weights.last()?);
        Some(weights.partition_point(|end| *end <= at)).filter(|index| *index < weights.len())
    }

    /// The index of the global account a partner belongs to, or its own.
    pub(super) fn account(&self, index: usize) -> usize {
        match self.partners[index].account {
            Account::LocationOf(account) => account,
            _ => index,
        }
    }

    /// The columns of the partner's own row.
    pub(super) fn profile(&self, index: usize) -> Profile {
        let mut draw = Draw::new(self.seed, Stream::Partner, index as u64);
        let slot = slot(self.seed, index, self.partners.len());
        let missing = |slots: &[usize]| slot.is_some_and(|slot| slots.contains(&slot));
        let name = self.name(index, slot, &mut draw);
        let distributors = distributors(self.partners.len());
        let distributor = draw.below(distributors).min(draw.below(distributors));
        let market = draw.one_of(&names::MARKETS);
        Profile {
            name: Some(name).filter(|_| !missing(&[11])),
            global_id: self.global_id(index),
            distributor: Some(format!("D{:02}", distributor + 1)).filter(|_| !missing(&[12, 13])),
            market: Some(market).filter(|_| !missing(&[14])),
        }
    }

    fn name(&self, index: usize, slot: Option<usize>, draw: &mut Draw) -> String {
        let awkward = slot.filter(|_| index < BLOCK).and_then(|slot| slot.checked_sub(AWKWARD_NAMES));
        if let Some(name) = awkward.and_then(|position| names::AWKWARD.get(position)) {
            return (*name).to_owned();
        }
        match self.partners[index].account {
            Account::LocationOf(account) => {
                let mut company = Draw::new(self.seed, Stream::Partner, account as u64);
                format!("{}, {}", names::company(&mut company), names::city(draw))
            }
            _ => names::company(draw),
        }
    }

    fn global_id(&self, index: usize) -> Option<String> {
        let partner = &self.partners[index];
        match partner.account {
            Account::Itself => None,
            Account::NamesItself => Some(partner.id.clone()),
            Account::LocationOf(account) => Some(self.partners[account].id.clone()),
            Account::LocationOfUnknown => Some(ids(self.seed, index, self.partners.len()).1),
        }
    }
}

/// What a partner's row says beyond its id.
pub(super) struct Profile {
    pub(super) name: Option<String>,
    pub(super) global_id: Option<String>,
    pub(super) distributor: Option<String>,
    pub(super) market: Option<&'static str>,
}

impl Profile {
    /// The city that a location's name ends with; nothing where it names none.
    pub(super) fn city(&self) -> &str {
        let name = self.name.as_deref().unwrap_or_default();
        name.rsplit_once(", ").map_or("", |(_, city)| city)
    }
}

/// About 8 distributors for 60 partners, and two more for every four times as many.
fn distributors(partners: usize) -> u64 {
    u64::from(partners.max(1).ilog2()) + 3
}

/// Two ids from the range that belongs to this partner alone: its own, and one that no row has. Numbers of 7 digits,
/// ascending, the lowest with leading zeros; longer ones in a sample of a million partners or more.
fn ids(seed: u64, index: usize, count: usize) -> (String, String) {
    let digits = 7.max(count.ilog10() as usize + 2);
    let step = 10_u64.pow(digits as u32) / count.max(1) as u64;
    let offset = hash(seed, index as u64) % step;
    let id = |offset: u64| format!("{:0digits$}", index as u64 * step + offset);
    (id(offset), id((offset + 1) % step))
}

/// The role of a partner within its block; the last, incomplete block has none.
fn slot(seed: u64, index: usize, count: usize) -> Option<usize> {
    let block = index / BLOCK;
    ((block + 1) * BLOCK <= count).then(|| (index % BLOCK * DEAL + turn(seed, block)) % BLOCK)
}

/// The partner with the given role in the same block.
fn neighbour(seed: u64, index: usize, slot: usize) -> usize {
    let block = index / BLOCK;
    block * BLOCK + (slot + BLOCK - turn(seed, block)) * UNDEAL % BLOCK
}

fn turn(seed: u64, block: usize) -> usize {
    Draw::new(seed, Stream::Block, block as u64).below(BLOCK as u64) as usize
}

fn account(seed: u64, index: usize, slot: Option<usize>) -> Account {
    match slot {
        Some(1 | 2) => Account::LocationOf(neighbour(seed, index, 0)),
        Some(3) => Account::NamesItself,
        Some(4) => Account::LocationOfUnknown,
        Some(6) => Account::LocationOf(neighbour(seed, index, 7)),
        _ => Account::Itself,
    }
}

fn partner(seed: u64, index: usize, count: usize) -> Partner {
    let slot = slot(seed, index, count);
    let account = account(seed, index, slot);
    let head = match account {
        Account::LocationOf(head) => head,
        _ => index,
    };
    let (care, momentum, skill) = traits(seed, rank(seed, head, count));
    Partner {
        id: ids(seed, index, count).0,
        account,
        care,
        momentum,
        skill,
        has_people: !matches!(slot, Some(8 | 9)),
        has_tenants: !matches!(slot, Some(8 | 10)),
        rank: rank(seed, index, count),
    }
}

/// The partner's place by size: 0 is the largest. A permutation, so that ids tell nothing.
fn rank(seed: u64, index: usize, count: usize) -> usize {
    let mut stride = (count * 618 / 1000).max(1);
    while gcd(stride, count) != 1 {
        stride += 1;
    }
    (index * stride + hash(seed, count as u64) as usize % count) % count
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Care, momentum and skill, spread evenly over the ranks, so that even a few dozen partners differ in all of them.
/// They go together, but not always: good partners win and learn more.
fn traits(seed: u64, rank: usize) -> (u64, u64, u64) {
    let even =
        |irrational: u64, salt: u64| scale((rank as u64).wrapping_mul(irrational).wrapping_add(hash(seed, salt)), 1000);
    let care = even(0xc13f_a9a9_02a6_328f, 1);
    let momentum = (2 * care + even(0x91e1_0da5_c79e_7b1d, 2)) / 3;
    let skill = (2 * care + even(0x6a09_e667_f3bc_c909, 3)) / 3;
    (care, momentum, skill)
}

fn cumulative(partners: &[Partner], segment: Segment) -> Vec<u64> {
    let count = partners.len() as u64;
    let steepness: u64 = (0..count).map(|rank| 1000 / (rank + 2)).sum();
    let weights = partners.iter().map(|partner| weight(partner, segment, count, steepness.max(1)));
    weights.scan(0, |end, weight| Some(std::mem::replace(end, *end + weight) + weight)).collect()
}

/// Half of all associations are spread evenly, half fall off with rank: a long tail, and a largest partner of a few per cent.
fn weight(partner: &Partner, segment: Segment, count: u64, steepness: u64) -> u64 {
    let rank = partner.rank as u64;
    let even = 500 + hash(count, rank) % 1000;
    let steep = 1_000_000 * count / (rank + 2) / steepness;
    let per_mille = specialty(rank)[segment as usize];
    if partner.has_tenants { (even + steep) * per_mille } else { 0 }
}

/// How much more than others a partner serves small, medium and large tenants, per mille.
fn specialty(rank: u64) -> [u64; 3] {
    match rank.wrapping_mul(0x4f1b_bcdc_bfa5_3e0b) >> 62 {
        0 => [250, 500, 3000],
        1 => [2200, 600, 100],
        _ => [600, 1500, 450],
    }
}
