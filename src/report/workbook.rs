//! The workbook: numbers are numbers, dates are dates, and nothing that came from data is a formula.

use rust_xlsxwriter::{
    Color, ConditionalFormatCell, ConditionalFormatCellRule, ConditionalFormatDataBar, ExcelDateTime, Format, Table,
    TableColumn, Workbook, Worksheet, XlsxError,
};

use super::numbers::{counted, grouped};
use super::portfolio::{AT_RISK, Card, NEAR, Portfolio, Status, words};
use crate::error::{Error, Result};
use crate::insight::{Published, RejectRow};
use crate::publish::printable_lines;
use crate::rulebook::Metric;
use crate::score::Points;

/// What a sheet of a workbook can hold.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Rows below the header.
    rows: usize,
    /// UTF-16 units of a cell's text.
    text: usize,
}

/// Excel's limits.
const EXCEL: Limits = Limits { rows: 1_048_575, text: 32_767 };
/// Ends a text that was cut.
const CUT: &str = "\u{2026} [cut]";
/// Years that Excel's dates can have.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

/// A value of a cell.
enum Value {
    Text(String),
    Number(f64),
    Date(chrono::NaiveDate),
    Nothing,
}

/// A sheet's column: its header, width, and the value of a row.
struct Column<'a, T> {
    header: &'static str,
    width: f64,
    value: Box<dyn Fn(&T) -> Value + 'a>,
}

fn column<'a, T>(header: &'static str, width: f64, value: impl Fn(&T) -> Value + 'a) -> Column<'a, T> {
    Column { header, width, value: Box::new(value) }
}

fn text(value: Option<&str>) -> Value {
    value.map_or(Value::Nothing, |text| Value::Text(text.to_owned()))
}

fn points(points: Points) -> Value {
    Value::Number(points.to_f64())
}

fn whole(number: i64) -> Value {
    Value::Number(number as f64)
}

/// A portfolio's workbook.
///
/// # Errors
/// Those of reading the run's rejects.
pub fn workbook(portfolio: &Portfolio, published: &Published) -> Result<Vec<u8>> {
    match &portfolio.rejects {
        Some(theirs) => workbook_within(portfolio, theirs, EXCEL),
        None => workbook_within(portfolio, &published.rejects()?, EXCEL),
    }
}

fn workbook_within(portfolio: &Portfolio, rejects: &[RejectRow], limits: Limits) -> Result<Vec<u8>> {
    let mut book = Book { book: Workbook::new(), limits, notes: Vec::new() };
    // The same run gives the same bytes.
    let made = ExcelDateTime::from_ymd(
        chrono::Datelike::year(&portfolio.run.as_of).clamp(*YEARS.start(), *YEARS.end()) as u16,
        chrono::Datelike::month(&portfolio.run.as_of) as u8,
        chrono::Datelike::day(&portfolio.run.as_of) as u8,
    );
    let written = (|| -> std::result::Result<(), XlsxError> {
        let properties = rust_xlsxwriter::DocProperties::new().set_creation_datetime(&made?);
        book.book.set_properties(&properties);
        summary(book.book.add_worksheet(), portfolio)?;
        ranking(&mut book, portfolio)?;
        movers(&mut book, portfolio)?;
        near_misses(&mut book, portfolio)?;
        metric_points(&mut book, portfolio)?;
        rejected(&mut book, rejects)?;
        about(&mut book, portfolio)?;
        Ok(())
    })();
    let bytes = written.and_then(|()| book.book.save_to_buffer());
    bytes.map_err(|error| Error::internal(format!("the workbook could not be made: {error}")))
}

fn put(sheet: &mut Worksheet, row: u32, column: u16, value: Value) -> std::result::Result<(), XlsxError> {
    match value {
        // A string is written as one, whatever it begins with.
        Value::Text(text) => sheet.write_string(row, column, text).map(|_| ()),
        Value::Number(number) => sheet.write_number(row, column, number).map(|_| ()),
        Value::Date(day) if !YEARS.contains(&chrono::Datelike::year(&day)) => {
            sheet.write_string(row, column, day.to_string()).map(|_| ())
        }
        Value::Date(day) => {
            sheet.write_datetime_with_format(row, column, day, &Format::new().set_num_format("yyyy-mm-dd")).map(|_| ())
        }
        Value::Nothing => Ok(()),
    }
}

/// The beginning of a text that is longer than a cell takes, with a mark; None where it fits.
fn cut(text: &str, most: usize) -> Option<String> {
    let units = |text: &str| text.encode_utf16().count();
    // Most texts are far shorter, and a text never has more units than bytes.
    if text.len() <= most || units(text) <= most {
        return None;
    }
    let mut left = most.saturating_sub(units(CUT));
    let fits = |letter: &char| {
        let fits = letter.len_utf16() <= left;
        left = left.saturating_sub(letter.len_utf16());
        fits
    };
    let kept: String = text.chars().take_while(fits).collect();
    Some(kept + CUT)
}

/// The format's number for A4.
const A4: u8 = 9;

/// A workbook under way.
struct Book {
    book: Workbook,
    limits: Limits,
    /// What was cut or split, for the sheet About.
    notes: Vec<String>,
}

impl Book {
    /// A sheet of rows under a frozen header, as an Excel table with filters; as many sheets as the rows need. `dress` adds to each sheet, whose
    /// last row it is given.
    fn table<T>(
        &mut self,
        name: &str,
        columns: &[Column<T>],
        rows: &[&T],
        dress: impl Fn(&mut Worksheet, u32) -> std::result::Result<(), XlsxError>,
    ) -> std::result::Result<(), XlsxError> {
        let sheets = rows.len().div_ceil(self.limits.rows).max(1);
        for number in 1..=sheets {
            let title = if number == 1 { name.to_owned() } else { format!("{name} {number}") };
            let from = (number - 1) * self.limits.rows;
            let kept = &rows[from..rows.len().min(from + self.limits.rows)];
            let sheet = self.book.add_worksheet();
            sheet.set_name(&title)?.set_freeze_panes(1, 0)?;
            // On paper: A4 across, all columns on a page, the header on each.
            sheet.set_landscape().set_paper_size(A4).set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
            for (place, column) in columns.iter().enumerate() {
                sheet.set_column_width(place as u16, column.width)?;
                let cut = fill(sheet, place as u16, column, kept, self.limits.text)?;
                self.notes.extend(cut_note(&title, column.header, cut, self.limits.text));
            }
            let headers: Vec<TableColumn> =
                columns.iter().map(|column| TableColumn::new().set_header(column.header)).collect();
            let named = Table::new().set_name(title.replace(' ', "_")).set_columns(&headers);
            // A table has one row at least.
            let last = kept.len().max(1) as u32;
            sheet.add_table(0, 0, last, columns.len() as u16 - 1, &named)?;
            dress(sheet, last)?;
        }
        if sheets > 1 {
            let rows = grouped(rows.len() as i64);
            let most = grouped(self.limits.rows as i64);
            self.notes.push(format!(
                "{name}: {rows} rows are on {sheets} sheets, {name} to {name} {sheets}; a sheet holds {most}"
            ));
        }
        Ok(())
    }
}

/// Writes a column below its header, and returns how many texts were cut.
fn fill<T>(
    sheet: &mut Worksheet,
    place: u16,
    column: &Column<T>,
    rows: &[&T],
    most: usize,
) -> std::result::Result<usize, XlsxError> {
    let mut count = 0;
    for (row, item) in rows.iter().enumerate() {
        let value = match (column.value)(item) {
            Value::Text(text) => {
                let text = printable_lines(&text).into_owned();
                let shorter = cut(&text, most);
                count += usize::from(shorter.is_some());
                Value::Text(shorter.unwrap_or(text))
            }
            other => other,
        };
        put(sheet, row as u32 + 1, place, value)?;
    }
    Ok(count)
}

fn cut_note(sheet: &str, column: &str, count: usize, most: usize) -> Option<String> {
    let most = grouped(most as i64);
    let mark = CUT.trim_start();
    (count > 0).then(|| {
        let texts = counted(count, "text");
        format!("{sheet}, {column}: {texts} longer than the {most} characters of a cell, cut where {mark} stands")
    })
}

/// For a sheet that needs nothing more.
fn plain(_sheet: &mut Worksheet, _last: u32) -> std::result::Result<(), XlsxError> {
    Ok(())
}

fn summary(sheet: &mut Worksheet, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    sheet.set_name("Summary")?;
    sheet.set_column_width(0, 34)?.set_column_width(1, 18)?;
    let count = |status| portfolio.of_status(status).len() as i64;
    let qualified = portfolio.partners.iter().filter(|card| card.score.qualified).count() as i64;
    let gained = portfolio
        .partners
        .iter()
        .filter(|card| card.score.qualified && card.before.as_ref().is_some_and(|before| !before.qualified));
    let lost = portfolio
        .partners
        .iter()
        .filter(|card| !card.score.qualified && card.before.as_ref().is_some_and(|before| before.qualified));
    let rows = [
        ("As of", Value::Date(portfolio.run.as_of)),
        ("Usage month", Value::Date(portfolio.run.months.m)),
        ("Compared with usage of", Value::Date(portfolio.run.months.p)),
        ("Partners", whole(portfolio.partners.len() as i64)),
        ("With the designation", whole(qualified)),
        ("Near misses", whole(count(Status::NearMiss))),
        ("At risk", whole(count(Status::AtRisk))),
        ("Compared with the run of", portfolio.before.map_or(Value::Nothing, Value::Date)),
        (
            "Designations gained since",
            if portfolio.before.is_some() { whole(gained.count() as i64) } else { Value::Nothing },
        ),
        (
            "Designations lost since",
            if portfolio.before.is_some() { whole(lost.count() as i64) } else { Value::Nothing },
        ),
    ];
    for (row, (name, value)) in rows.into_iter().enumerate() {
        sheet.write_string_with_format(row as u32, 0, name, &Format::new().set_bold())?;
        put(sheet, row as u32, 1, value)?;
    }
    Ok(())
}

fn partner_columns<'a>() -> Vec<Column<'a, Card>> {
    vec![
        column("partner_id", 14.0, |card: &Card| text(Some(&card.score.partner_id))),
        column("partner_name", 32.0, |card: &Card| text(card.score.partner_name.as_deref())),
        column("distributor_id", 14.0, |card: &Card| text(card.score.distributor_id.as_deref())),
        column("market", 10.0, |card: &Card| text(card.score.market.as_deref())),
        column("track", 12.0, |card: &Card| text(Some(card.score.track.name()))),
    ]
}

fn ranking(book: &mut Book, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    let mut columns = vec![column("rank", 8.0, |card: &Card| whole(card.score.rank))];
    columns.extend(partner_columns());
    columns.push(column("status", 18.0, |card: &Card| text(Some(portfolio.status(card).name()))));
    columns.push(column("total_points", 13.0, |card: &Card| points(card.score.total)));
    for (place, metric) in Metric::ALL.iter().enumerate() {
        let header = match metric {
            Metric::NetCustomerAdds => "net_customer_adds_points",
            Metric::IntermediateCertifications => "intermediate_certifications_points",
            Metric::AdvancedCertifications => "advanced_certifications_points",
            Metric::UsageGrowth => "usage_growth_points",
            Metric::Deployments => "deployments_points",
        };
        columns.push(column(header, 16.0, move |card: &Card| points(card.score.metrics[place])));
    }
    columns.extend([
        column("enterprise_points", 13.0, |card: &Card| points(card.score.enterprise)),
        column("smb_points", 13.0, |card: &Card| points(card.score.smb)),
        column("points_short", 13.0, |card: &Card| points(card.score.points_short)),
        column("metrics_short", 40.0, |card: &Card| text(Some(&card.score.metrics_short))),
    ]);
    let cards: Vec<&Card> = portfolio.partners.iter().collect();
    let goal = portfolio.goal().to_f64();
    book.table("Ranking", &columns, &cards, |sheet, last| in_colours(sheet, last, goal))
}

/// Totals in the colour of the designation or of what is short of it, and bars behind the metrics.
fn in_colours(sheet: &mut Worksheet, last: u32, goal: f64) -> std::result::Result<(), XlsxError> {
    let total = 7;
    let reached = ConditionalFormatCell::new()
        .set_rule(ConditionalFormatCellRule::GreaterThanOrEqualTo(goal))
        .set_format(Format::new().set_font_color(Color::RGB(0x0B_6E4F)).set_bold());
    let under = ConditionalFormatCell::new()
        .set_rule(ConditionalFormatCellRule::LessThan(goal))
        .set_format(Format::new().set_font_color(Color::RGB(0x96_500A)));
    sheet.add_conditional_format(1, total, last, total, &reached)?;
    sheet.add_conditional_format(1, total, last, total, &under)?;
    for place in 0..Metric::ALL.len() as u16 {
        let bar = ConditionalFormatDataBar::new().set_fill_color(Color::RGB(0x9F_C5DE)).set_bar_only(false);
        sheet.add_conditional_format(1, total + 1 + place, last, total + 1 + place, &bar)?;
    }
    Ok(())
}

fn movers(book: &mut Book, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    let mut columns = partner_columns();
    let before = |value: fn(&crate::insight::ScoreRow) -> Value| {
        move |card: &Card| card.before.as_ref().map_or(Value::Nothing, value)
    };
    columns.extend([
        column("total_before", 13.0, before(|score| points(score.total))),
        column("total_points", 13.0, |card: &Card| points(card.score.total)),
        column("change", 11.0, |card: &Card| card.change().map_or(Value::Nothing, points)),
        column("qualified_before", 16.0, before(|score| text(Some(if score.qualified { "yes" } else { "no" })))),
        column("qualified", 11.0, |card: &Card| text(Some(if card.score.qualified { "yes" } else { "no" }))),
    ]);
    book.table("Movers", &columns, &portfolio.movers(), plain)
}

fn near_misses(book: &mut Book, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    let mut columns = partner_columns();
    columns.extend([
        column("total_points", 13.0, |card: &Card| points(card.score.total)),
        column("points_short", 13.0, |card: &Card| points(card.score.points_short)),
        column("lacks", 60.0, |card: &Card| text(Some(&card.lacks()))),
    ]);
    book.table("Near misses", &columns, &portfolio.of_status(Status::NearMiss), plain)
}

fn metric_points(book: &mut Book, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    let rows: Vec<&crate::insight::PointsRow> = portfolio.partners.iter().flat_map(|card| &card.measures).collect();
    type Row = crate::insight::PointsRow;
    let columns = vec![
        column("partner_id", 14.0, |row: &Row| text(Some(&row.partner_id))),
        column("track", 12.0, |row: &Row| text(Some(row.track.name()))),
        column("metric", 28.0, |row: &Row| text(Some(row.metric.name()))),
        column("option", 9.0, |row: &Row| text(Some(&row.option))),
        column("current", 11.0, |row: &Row| whole(row.current)),
        column("prior", 11.0, |row: &Row| whole(row.prior)),
        column("net", 11.0, |row: &Row| whole(row.current - row.prior)),
        column("target", 10.0, |row: &Row| whole(row.target)),
        column("points", 10.0, |row: &Row| points(row.points)),
        column("max_points", 12.0, |row: &Row| points(row.max_points)),
        column("counted", 10.0, |row: &Row| text(Some(if row.counted { "yes" } else { "no" }))),
    ];
    book.table("Metric points", &columns, &rows, plain)
}

fn rejected(book: &mut Book, rejects: &[RejectRow]) -> std::result::Result<(), XlsxError> {
    let rows: Vec<&RejectRow> = rejects.iter().collect();
    let columns = vec![
        column("table", 18.0, |row: &RejectRow| text(Some(&row.table))),
        column("rule", 24.0, |row: &RejectRow| text(Some(&row.rule))),
        column("key", 70.0, |row: &RejectRow| text(Some(&row.key))),
        column("reason", 70.0, |row: &RejectRow| text(Some(&row.reason))),
    ];
    book.table("Rejects", &columns, &rows, plain)
}

/// Which rejected rows a workbook for some partners of a run has.
const THEIR_REJECTS: &str = "rows that name a partner of this workbook, or a tenant that its evidence names; rows that nobody in particular is \
                             known to own are left out";

fn about(book: &mut Book, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    let notes = std::mem::take(&mut book.notes);
    let sheet = book.book.add_worksheet();
    sheet.set_name("About")?;
    sheet.set_column_width(0, 30)?.set_column_width(1, 110)?;
    let run = &portfolio.run;
    let metric = |metric: Metric, meaning: &str| (words(metric.name()), meaning.to_owned());
    let lines = [
        ("Rulebook".to_owned(), format!("{} ({})", run.rulebook.id, run.rulebook.hash)),
        ("Program".to_owned(), format!("partnerscore {}", run.version)),
        ("Run finished".to_owned(), run.finished_at.clone()),
        (
            "Designation".to_owned(),
            format!("{} points on one track, and something in every metric", portfolio.goal().to_f64()),
        ),
        metric(Metric::NetCustomerAdds, "tenants in the seat band and associated, now less a year ago"),
        metric(Metric::IntermediateCertifications, "people with a valid intermediate certification"),
        metric(Metric::AdvancedCertifications, "people with a valid advanced certification"),
        metric(Metric::UsageGrowth, "active users now less those a year ago, or when the association began"),
        metric(Metric::Deployments, "tenants that use what they pay for, now less a year ago"),
        ("Near miss".to_owned(), format!("without the designation, at most {NEAR} points short")),
        (
            "At risk".to_owned(),
            format!(
                "with the designation, under {AT_RISK} points above it, or a metric that one unit less brings under its minimum"
            ),
        ),
        (
            "Current, prior, net".to_owned(),
            "what counts in the usage month, a year before, and their difference".to_owned(),
        ),
    ];
    let theirs = portfolio.rejects.as_ref().map(|_| ("Rejects".to_owned(), THEIR_REJECTS.to_owned()));
    let notes = notes.into_iter().map(|note| ("Note".to_owned(), note));
    for (row, (name, meaning)) in lines.into_iter().chain(theirs).chain(notes).enumerate() {
        sheet.write_string_with_format(row as u32, 0, name, &Format::new().set_bold())?;
        sheet.write_string(row as u32, 1, meaning)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_it_has_more_units_than_a_cell_takes() {
        assert_eq!(cut("abcdefghij", 10), None);
        assert_eq!(cut("abcdefghijk", 10).as_deref(), Some("abc\u{2026} [cut]"));
        assert_eq!(cut(&"n".repeat(EXCEL.text), EXCEL.text), None);
        // Letters of two units: ten of them fill a cell of twenty, and none is cut in two.
        assert_eq!(cut(&"\u{1F600}".repeat(10), 20), None);
        let shorter = cut(&"\u{1F600}".repeat(11), 20).unwrap_or_default();
        assert_eq!(shorter, format!("{}{CUT}", "\u{1F600}".repeat(6)));
        assert!(shorter.encode_utf16().count() <= 20);
        // Letters of three bytes and one unit.
        assert_eq!(cut(&"\u{20AC}".repeat(20), 20), None);
        assert!(cut(&"\u{20AC}".repeat(21), 20).is_some());
    }

    type SheetsAndNotes = (Vec<(String, u32)>, Vec<String>);

    /// The names of the sheets that some rows need, how many rows each has, and the notes.
    fn sheets(rows: usize, limits: Limits) -> std::result::Result<SheetsAndNotes, XlsxError> {
        let mut book = Book { book: Workbook::new(), limits, notes: Vec::new() };
        let texts: Vec<String> = (0..rows).map(|row| format!("row {row}")).collect();
        let columns = vec![column("text", 10.0, |text: &String| Value::Text(text.clone()))];
        let lasts = std::cell::RefCell::new(Vec::new());
        book.table("Metric points", &columns, &texts.iter().collect::<Vec<_>>(), |sheet, last| {
            lasts.borrow_mut().push((sheet.name(), last));
            Ok(())
        })?;
        book.book.save_to_buffer()?;
        Ok((lasts.into_inner(), book.notes))
    }

    #[test]
    fn rows_that_a_sheet_cannot_hold_continue_on_the_next() -> std::result::Result<(), XlsxError> {
        let limits = Limits { rows: 20, text: 100 };
        let named = |name: &str, rows: u32| (name.to_owned(), rows);
        // An Excel table has one row at least.
        for (rows, expected) in [
            (0, vec![named("Metric points", 1)]),
            (1, vec![named("Metric points", 1)]),
            (20, vec![named("Metric points", 20)]),
            (21, vec![named("Metric points", 20), named("Metric points 2", 1)]),
            (40, vec![named("Metric points", 20), named("Metric points 2", 20)]),
            (41, vec![named("Metric points", 20), named("Metric points 2", 20), named("Metric points 3", 1)]),
        ] {
            let (sheets, notes) = sheets(rows, limits)?;
            assert_eq!(sheets, expected, "{rows} rows");
            assert_eq!(notes.is_empty(), expected.len() == 1, "{rows} rows: {notes:?}");
        }
        let (_, notes) = sheets(41, limits)?;
        assert_eq!(
            notes,
            ["Metric points: 41 rows are on 3 sheets, Metric points to Metric points 3; a sheet holds 20"]
        );
        Ok(())
    }
}
