//! What exports really have: files joined by hand, opened in a spreadsheet and saved, repeated rows, names that are new, cells that went wrong.
//!
//! A dirty export tells what the clean one tells: whatever is wrong stands beside the sound row that it spoils.

use super::layout::{Holds, Report};
use super::row::{Row, Spoiled};
use crate::sample::draw::{Draw, Stream, hash};

/// Of a thousand rows, so many come twice, and so many come once more with something wrong.
const REPEATED: u64 = 50;
const SPOILED: u64 = 15;
/// A header stands again before this row at the latest, where it does.
const HEADER_AGAIN_WITHIN: u64 = 40;

/// What can be wrong with a row, or new in it.
const FAULTS: [Spoiled; 16] = [
    &[(Holds::ActiveUsers, "n/a")],
    &[(Holds::PaidSeats, "")],
    &[(Holds::PaidSeats, "1.234")],
    &[(Holds::ActiveUsers, "-5")],
    &[(Holds::PaidSeats, "12,34")],
    &[(Holds::Month, "13/10/2026")],
    &[(Holds::Month, "2026-10-32")],
    &[(Holds::TenantId, "")],
    &[(Holds::PartnerId, "")],
    &[(Holds::AssociatedOn, "31/13/2025")],
    &[(Holds::EarnedOn, "31/13/2025")],
    &[(Holds::EarnedOn, "")],
    // Nothing is wrong with these; but nobody knows the name, or it is no certification.
    &[(Holds::AssociationType, "Influence")],
    &[(Holds::Workload, "Viva Amplify")],
    &[(Holds::Certification, "Microsoft Certified: Fabric Weaver Associate")],
    &[(Holds::TrainingType, "Exam"), (Holds::Certification, "MS-700: Managing Microsoft Teams")],
];

/// What is unusual about a file.
#[derive(Debug, Clone)]
pub(super) struct Dirt {
    draw: Draw,
    pub(super) byte_order_mark: bool,
    pub(super) windows_lines: bool,
    pub(super) small_header: bool,
    /// Counts have thousands separators, tenant ids capitals and braces.
    pub(super) grouped: bool,
    pub(super) capitals: bool,
    header_again: Option<u64>,
}

impl Dirt {
    /// Drawn for one file, which these numbers tell from all others.
    pub(super) fn new(seed: u64, month: i32, file: usize) -> Self {
        let mut draw = Draw::new(seed, Stream::Dirt, hash(file as u64, month.unsigned_abs().into()));
        Dirt {
            byte_order_mark: draw.chance(400),
            windows_lines: draw.chance(500),
            small_header: draw.chance(150),
            grouped: draw.chance(400),
            capitals: draw.chance(250),
            header_again: Some(1 + draw.below(HEADER_AGAIN_WITHIN)).filter(|_| draw.chance(300)),
            draw,
        }
    }

    /// The rows that follow one, drawn: the same again, and one with something wrong.
    pub(super) fn after<'a>(&mut self, row: &Row<'a>, report: &Report) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        if self.draw.chance(REPEATED) {
            rows.push(Row { duplicate: true, ..*row });
        }
        if self.draw.chance(SPOILED) {
            let possible = FAULTS.iter().filter(|cells| cells.iter().all(|(holds, _)| report.has(*holds)));
            let possible: Vec<Spoiled> = possible.copied().collect();
            if !possible.is_empty() {
                rows.push(Row { spoiled: self.draw.one_of(&possible), ..*row });
            }
        }
        rows
    }

    /// Whether the header stands again after so many rows.
    pub(super) fn repeats_header(&mut self, rows: u64) -> bool {
        self.header_again.take_if(|at| *at <= rows).is_some()
    }
}
