//! Text for people: tables without lines, and what repeats in them.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::printer::printable;

/// A table under a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    // Where there is a terminal, its width is kept to.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// A number, or points, to the right.
pub fn right(value: impl ToString) -> Cell {
    Cell::new(value.to_string()).set_alignment(CellAlignment::Right)
}

/// Text of the data, made harmless.
pub fn left(value: &str) -> Cell {
    Cell::new(printable(value))
}

/// Points, exactly: one decimal, or as many as they need.
pub fn points(points: f64) -> String {
    exact(format!("{points:.4}"))
}

/// A change of points, with its sign.
pub fn change(points: f64) -> String {
    exact(format!("{points:+.4}"))
}

fn exact(text: String) -> String {
    let trimmed = text.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

/// A partner with its name, where it has one.
pub fn partner(partner_id: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => printable(&format!("{partner_id} {name}")),
        None => printable(partner_id),
    }
}

/// A month by its first day.
pub fn month(first_day: chrono::NaiveDate) -> String {
    crate::month::Month::of(first_day).to_string()
}
