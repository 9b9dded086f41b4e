//! What exports tell of a customer beside its use: invented, and the same in every month.

use crate::sample::World;
use crate::sample::draw::{Draw, Stream, hash};
use crate::sample::names;
use crate::sample::portfolio::Segment;
use crate::sample::tenants::Tenant;

const INDUSTRIES: [&str; 8] = [
    "Education",
    "Financial Services",
    "Government",
    "Healthcare",
    "Manufacturing",
    "Media & Communications",
    "Professional Services",
    "Retail & Consumer Goods",
];
/// Of a thousand customers of a dirty sample, so many have a name that a reader of CSV must survive.
const AWKWARD_NAMES: u64 = 160;
const DAYS_A_YEAR: i32 = 365;
/// Of a thousand customers, so many have two subscriptions of what the first is of.
const TWO_SUBSCRIPTIONS: u64 = 250;

/// A tenant as reports describe it.
pub(super) struct Customer {
    pub(super) tenant_id: String,
    pub(super) name: String,
    pub(super) top_parent: u64,
    pub(super) market: &'static str,
    pub(super) segment: &'static str,
    pub(super) industry: &'static str,
    pub(super) domain: String,
    pub(super) product: &'static str,
    pub(super) subscriptions: Vec<Subscription>,
}

/// What a customer has bought, for a year at a time.
pub(super) struct Subscription {
    pub(super) id: String,
    /// The first day, in days since 1970.
    pub(super) starts_on: i32,
}

impl Subscription {
    /// The last day of the year of it that a day falls in.
    pub(super) fn ends_on(&self, day: i32) -> i32 {
        self.starts_on + ((day - self.starts_on).div_euclid(DAYS_A_YEAR) + 1) * DAYS_A_YEAR - 1
    }
}

impl Customer {
    pub(super) fn new(world: &World, tenant: &Tenant) -> Self {
        let mut draw = Draw::new(world.seed, Stream::Customer, tenant.index);
        let mut tenant_id = String::new();
        tenant.write_id(world.tenants, &mut tenant_id);
        let (segment, product) = match tenant.segment {
            Segment::Small => ("Small Business", "Microsoft 365 Business Premium"),
            Segment::Medium => ("SM&C Corporate", "Microsoft 365 Business Premium"),
            Segment::Large => ("Enterprise", "Microsoft 365 E3"),
        };
        let (top_parent, market) = (1_000_000 + draw.below(9_000_000), draw.one_of(&names::MARKETS));
        let industry = draw.one_of(&INDUSTRIES);
        let count = if draw.chance(TWO_SUBSCRIPTIONS) { 2 } else { 1 };
        let subscriptions = (0..count).map(|_| subscription(world, &mut draw)).collect();
        let (name, domain) = name(world, tenant, &mut draw);
        Customer { tenant_id, name, top_parent, market, segment, industry, domain, product, subscriptions }
    }
}

fn subscription(world: &World, draw: &mut Draw) -> Subscription {
    let (high, low) = (draw.bits(), draw.bits());
    let id = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    );
    Subscription { id, starts_on: world.calendar.first_day(0) - draw.below(3 * DAYS_A_YEAR as u64) as i32 }
}

/// A name and a domain. Some names of a dirty sample break a line, hold a quote or look like a formula.
fn name(world: &World, tenant: &Tenant, draw: &mut Draw) -> (String, String) {
    let name = names::company(draw);
    let domain = format!("contoso{:06}.example", hash(tenant.key, 3) % 1_000_000);
    if !(world.dirty && draw.chance(AWKWARD_NAMES)) {
        return (name, domain);
    }
    let awkward = match draw.below(4) {
        0 => name.replacen(' ', "\n", 1),
        1 => format!("=HYPERLINK(\"https://{domain}\",\"{name}\")"),
        2 => format!(" {name}\r\n(formerly \"{domain}\") "),
        _ => draw.one_of(&names::AWKWARD).to_owned(),
    };
    (awkward, domain)
}
