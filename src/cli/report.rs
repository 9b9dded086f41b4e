//! `partnerscore report`: a run as a page and as a workbook.

use std::path::Path;

use super::arguments::ReportArguments;
use super::console::Console;
use super::summary::counted;
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::publish::{self, Mode};
use crate::report::{self, Asked, Portfolio};

/// Where the reports of one portfolio go.
pub struct Files<'a> {
    pub html: Option<&'a Path>,
    pub xlsx: Option<&'a Path>,
    /// Folder for a page of each partner.
    pub each: Option<&'a Path>,
}

/// Writes the reports that are asked for.
pub fn report(arguments: &ReportArguments, console: &Console) -> Result<()> {
    let [html, xlsx, each] = [&arguments.html, &arguments.xlsx, &arguments.each].map(Option::as_deref);
    if html.is_none() && xlsx.is_none() && each.is_none() {
        return Err(Error::usage("there is no report to write").hint("add --html FILE, --xlsx FILE or --each DIR"));
    }
    let published = Published::open(&arguments.run)?;
    let before = arguments.compare.as_deref().map(Published::open).transpose()?;
    let asked = Asked { distributor: arguments.distributor.clone(), partner: arguments.partner.clone() };
    write(console, &published, before.as_ref(), asked, &Files { html, xlsx, each })
}

/// Writes the reports of a run, each file in one step.
pub fn write(
    console: &Console,
    published: &Published,
    before: Option<&Published>,
    asked: Asked,
    files: &Files,
) -> Result<()> {
    let is_of_one = asked.partner.is_some();
    let portfolio = Portfolio::read(published, before, asked)?;
    if let Some(path) = files.html {
        let page = if is_of_one { one(&portfolio, published)? } else { report::portfolio_page(&portfolio)? };
        publish::replace_file(path, page.as_bytes(), Mode::default())?;
        said(console, path);
    }
    if let Some(path) = files.xlsx {
        publish::replace_file(path, &report::workbook(&portfolio, published)?, Mode::default())?;
        said(console, path);
    }
    if let Some(folder) = files.each {
        let files = report::each(&portfolio, published, folder)?;
        let text =
            format!("{} and {} in {}", counted(files as u64, "partner's page"), report::MANIFEST, folder.display());
        console.say(&text, || tracing::info!(files, folder = %folder.display(), "reports"));
    }
    Ok(())
}

fn one(portfolio: &Portfolio, published: &Published) -> Result<String> {
    let partner = portfolio.partners.first().map(|card| card.score.partner_id.clone()).unwrap_or_default();
    report::partner_page(portfolio, &published.reasons(Some(&partner))?.unwrap_or_default())
}

fn said(console: &Console, path: &Path) {
    console.say(&format!("written: {}", path.display()), || tracing::info!(file = %path.display(), "report"));
}
