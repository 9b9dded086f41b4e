//! Invented names. Any likeness to a company is chance; the awkward ones are meant to be awkward.

use super::draw::Draw;

const FIRST: [&str; 40] = [
    "Alder", "Amber", "Aster", "Basalt", "Birch", "Bramble", "Brook", "Cedar", "Cinder", "Clover", "Copper", "Coral",
    "Dune", "Ember", "Fathom", "Fern", "Flint", "Gale", "Garnet", "Hazel", "Heron", "Indigo", "Juniper", "Kestrel",
    "Larch", "Linden", "Marsh", "Meadow", "Moss", "Nettle", "Opal", "Osprey", "Pebble", "Quartz", "Rowan", "Saffron",
    "Thistle", "Umber", "Willow", "Zephyr",
];
const SECOND: [&str; 24] = [
    "Bay", "Bridge", "Canyon", "Cove", "Crest", "Dale", "Field", "Ford", "Gate", "Glen", "Grove", "Harbour", "Hill",
    "Lane", "Loop", "Mill", "Point", "Reach", "Ridge", "Shore", "Spring", "Stone", "Vale", "Yard",
];
const KIND: [&str; 16] = [
    "Cloud",
    "Collaboration",
    "Consulting",
    "Data",
    "Digital",
    "GmbH",
    "IT",
    "Networks",
    "Oy",
    "S.A.",
    "SARL",
    "Services",
    "Sistemas",
    "Solutions",
    "Systems",
    "Workplace",
];
const CITY: [&str; 16] = [
    "Antwerp",
    "Bergen",
    "Coimbra",
    "Dresden",
    "Évora",
    "Ghent",
    "Graz",
    "Győr",
    "Kraków",
    "Leeds",
    "Linköping",
    "Lyon",
    "Malmö",
    "Osaka",
    "Perth",
    "Recife",
];

/// Names that a report, a CSV file or a spreadsheet must survive.
pub(super) const AWKWARD: [&str; 10] = [
    "<script>alert(1)</script>",
    "Blåbær & Sønner IT",
    "The \"Quoted\" Company",
    "Comma, Dot & Sons",
    "Łąka Chmura Sp. z o.o.",
    "=1+1 Formula Works",
    "ひかり ソリューションズ",
    "O'Tool's Workplace; Semicolon",
    "Größenwahn IT-Lösungen",
    "Ünver Bulut 100 % \u{1f680}",
];

pub(super) const MARKETS: [&str; 12] = ["US", "DE", "GB", "FR", "NL", "SE", "PL", "BR", "JP", "IN", "AU", "ZA"];

pub(super) fn company(draw: &mut Draw) -> String {
    format!("{} {} {}", draw.one_of(&FIRST), draw.one_of(&SECOND), draw.one_of(&KIND))
}

pub(super) fn city(draw: &mut Draw) -> &'static str {
    draw.one_of(&CITY)
}
