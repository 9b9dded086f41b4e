//! `partnerscore report`: a run as a page and as a workbook.

use super::arguments::ReportArguments;
use super::console::Console;
use super::summary::counted;
use crate::error::{Error, Result};
use crate::insight::Published;
use crate::publish::Mode;
use crate::report::{self, Asked, Files, Written};

/// Writes the reports that are asked for.
pub fn report(arguments: &ReportArguments, console: &Console) -> Result<()> {
    let [html, xlsx, each] = [&arguments.html, &arguments.xlsx, &arguments.each].map(Option::as_deref);
    if html.is_none() && xlsx.is_none() && each.is_none() {
        return Err(Error::usage("there is no report to write").hint("add --html FILE, --xlsx FILE or --each DIR"));
    }
    let published = Published::open(&arguments.run)?;
    let before = arguments.compare.as_deref().map(Published::open).transpose()?;
    let asked = Asked { distributor: arguments.distributor.clone(), partner: arguments.partner.clone() };
    let written =
        report::write(&published, before.as_ref(), asked, &Files { html, xlsx, each, mode: Mode::default() })?;
    written.iter().for_each(|written| say(console, written));
    Ok(())
}

/// Says what was written.
pub fn say(console: &Console, written: &Written) {
    match written {
        Written::File(path) => {
            console.say(&format!("written: {}", path.display()), || tracing::info!(file = %path.display(), "report"));
        }
        Written::Pages(folder, files) => {
            let pages = counted(*files as u64, "partner's page");
            let text = format!("{pages} and {} in {}", report::MANIFEST, folder.display());
            console.say(&text, || tracing::info!(files, folder = %folder.display(), "reports"));
        }
    }
}
