//! The workbook: numbers are numbers, dates are dates, and nothing that came from data is a formula.

use rust_xlsxwriter::{
    Color, ConditionalFormatCell, ConditionalFormatCellRule, ConditionalFormatDataBar, ExcelDateTime, Format, Table,
    TableColumn, Workbook, Worksheet, XlsxError,
};

use super::portfolio::{AT_RISK, Card, NEAR, Portfolio, Status, words};
use crate::error::{Error, Result};
use crate::insight::{Published, RejectRow};
use crate::rulebook::Metric;
use crate::score::Points;

/// Rows that a sheet can hold below its header.
const MOST_ROWS: usize = 1_048_575;

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
    let rejects = published.rejects()?;
    let mut book = Workbook::new();
    // The same run gives the same bytes.
    let made = ExcelDateTime::from_ymd(
        chrono::Datelike::year(&portfolio.run.as_of).clamp(1900, 9999) as u16,
        chrono::Datelike::month(&portfolio.run.as_of) as u8,
        chrono::Datelike::day(&portfolio.run.as_of) as u8,
    );
    let written = (|| -> std::result::Result<(), XlsxError> {
        let properties = rust_xlsxwriter::DocProperties::new().set_creation_datetime(&made?);
        book.set_properties(&properties);
        summary(book.add_worksheet(), portfolio)?;
        ranking(book.add_worksheet(), portfolio)?;
        movers(book.add_worksheet(), portfolio)?;
        near_misses(book.add_worksheet(), portfolio)?;
        metric_points(book.add_worksheet(), portfolio)?;
        rejected(book.add_worksheet(), &rejects)?;
        about(book.add_worksheet(), portfolio)?;
        Ok(())
    })();
    let bytes = written.and_then(|()| book.save_to_buffer());
    bytes.map_err(|error| Error::internal(format!("the workbook could not be made: {error}")))
}

fn put(sheet: &mut Worksheet, row: u32, column: u16, value: Value) -> std::result::Result<(), XlsxError> {
    match value {
        // A string is written as one, whatever it begins with.
        Value::Text(text) => sheet.write_string(row, column, text).map(|_| ()),
        Value::Number(number) => sheet.write_number(row, column, number).map(|_| ()),
        Value::Date(day) => {
            sheet.write_datetime_with_format(row, column, day, &Format::new().set_num_format("yyyy-mm-dd")).map(|_| ())
        }
        Value::Nothing => Ok(()),
    }
}

/// The format's number for A4.
const A4: u8 = 9;

/// A sheet of rows under a frozen header, as an Excel table with filters.
fn table<T>(
    sheet: &mut Worksheet,
    name: &str,
    columns: &[Column<T>],
    rows: &[&T],
) -> std::result::Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    // On paper: A4 across, all columns on a page, the header on each.
    sheet.set_landscape().set_paper_size(A4).set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
    let kept = &rows[..rows.len().min(MOST_ROWS)];
    for (place, column) in columns.iter().enumerate() {
        sheet.set_column_width(place as u16, column.width)?;
        for (row, item) in kept.iter().enumerate() {
            put(sheet, row as u32 + 1, place as u16, (column.value)(item))?;
        }
    }
    let headers: Vec<TableColumn> = columns.iter().map(|column| TableColumn::new().set_header(column.header)).collect();
    let named = Table::new().set_name(name.replace(' ', "_")).set_columns(&headers);
    // A table has one row at least.
    sheet.add_table(0, 0, kept.len().max(1) as u32, columns.len() as u16 - 1, &named)?;
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

fn ranking(sheet: &mut Worksheet, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
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
    table(sheet, "Ranking", &columns, &cards)?;
    let last = cards.len().clamp(1, MOST_ROWS) as u32;
    let total = 7;
    let goal = portfolio.goal().to_f64();
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

fn movers(sheet: &mut Worksheet, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
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
    table(sheet, "Movers", &columns, &portfolio.movers())
}

fn near_misses(sheet: &mut Worksheet, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
    let mut columns = partner_columns();
    columns.extend([
        column("total_points", 13.0, |card: &Card| points(card.score.total)),
        column("points_short", 13.0, |card: &Card| points(card.score.points_short)),
        column("lacks", 60.0, |card: &Card| text(Some(&card.lacks()))),
    ]);
    table(sheet, "Near misses", &columns, &portfolio.of_status(Status::NearMiss))
}

fn metric_points(sheet: &mut Worksheet, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
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
    table(sheet, "Metric points", &columns, &rows)
}

fn rejected(sheet: &mut Worksheet, rejects: &[RejectRow]) -> std::result::Result<(), XlsxError> {
    let rows: Vec<&RejectRow> = rejects.iter().collect();
    let columns = vec![
        column("table", 18.0, |row: &RejectRow| text(Some(&row.table))),
        column("rule", 24.0, |row: &RejectRow| text(Some(&row.rule))),
        column("key", 70.0, |row: &RejectRow| text(Some(&row.key))),
        column("reason", 70.0, |row: &RejectRow| text(Some(&row.reason))),
    ];
    table(sheet, "Rejects", &columns, &rows)
}

fn about(sheet: &mut Worksheet, portfolio: &Portfolio) -> std::result::Result<(), XlsxError> {
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
    for (row, (name, meaning)) in lines.into_iter().enumerate() {
        sheet.write_string_with_format(row as u32, 0, name, &Format::new().set_bold())?;
        sheet.write_string(row as u32, 1, meaning)?;
    }
    Ok(())
}
