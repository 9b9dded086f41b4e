//! `partnerscore report`: a run as a page and as a workbook.

use std::path::Path;

use super::arguments::ReportArguments;
use super::console::Console;
use super::summary::counted;
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::publish::{self, Mode};
use crate::report::{self, Asked, Portfolio};

/// Writes the reports that are asked for.
pub fn report(arguments: &ReportArguments, console: &Console) -> Result<()> {
    if arguments.html.is_none() && arguments.xlsx.is_none() && arguments.each.is_none() {
        return Err(Error::usage("there is no report to write").hint("add --html FILE, --xlsx FILE or --each DIR"));
    }
    let published = Published::open(&arguments.run)?;
    let before = arguments.compare.as_deref().map(Published::open).transpose()?;
    let asked = Asked { distributor: arguments.distributor.clone(), partner: arguments.partner.clone() };
    let portfolio = Portfolio::read(&published, before.as_ref(), asked)?;
    if let Some(path) = &arguments.html {
        let page = match &arguments.partner {
            Some(_) => one(&portfolio, &published)?,
            None => report::portfolio_page(&portfolio)?,
        };
        publish::replace_file(path, page.as_bytes(), Mode::default())?;
        said(console, path);
    }
    if let Some(path) = &arguments.xlsx {
        publish::replace_file(path, &report::workbook(&portfolio, &published)?, Mode::default())?;
        said(console, path);
    }
    if let Some(folder) = &arguments.each {
        let files = report::each(&portfolio, &published, folder)?;
        let text =
            format!("{} and {} in {}", counted(files as u64, "partner's page"), report::MANIFEST, folder.display());
        console.say(&text, || tracing::info!(files, folder = %folder.display(), "reports"));
    }
    Ok(())
}

fn one(portfolio: &Portfolio, published: &Published) -> Result<String> {
    let partner = portfolio.partners.first().map(|card| card.score.partner_id.clone()).unwrap_or_default();
    report::partner_page(portfolio, &published.evidence_of(&partner)?.unwrap_or_default())
}

fn said(console: &Console, path: &Path) {
    console.say(&format!("written: {}", path.display()), || tracing::info!(file = %path.display(), "report"));
}
