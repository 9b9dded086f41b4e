//! Reports: a published run as a page and as a workbook, for people who never open a terminal. Every figure is one of the run's tables.

mod card;
mod chart;
mod distance;
mod each;
mod files;
mod numbers;
mod page;
mod partner;
mod portfolio;
mod rejects;
mod workbook;

pub use each::{MANIFEST, each, file_name};
pub use files::{Files, Written, write};
pub use page::portfolio_page;
pub use partner::partner_page;
pub use portfolio::{Asked, Card, NEAR, Portfolio};
pub use workbook::workbook;
