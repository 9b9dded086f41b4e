//! Reports as files, each written in one step.

use std::path::{Path, PathBuf};

use super::{Asked, Portfolio, each, page, partner, workbook};
use crate::error::Result;
use crate::insight::Published;
use crate::publish::{self, Mode, Output, OutputKind};

/// Where the reports of one portfolio go.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files<'a> {
    pub html: Option<&'a Path>,
    pub xlsx: Option<&'a Path>,
    /// Folder for a page of each partner.
    pub each: Option<&'a Path>,
    pub mode: Mode,
}

impl Files<'_> {
    /// Refuses files that would overwrite each other or a run, and what is neither a folder nor a regular file.
    fn refuse(&self, published: &Published, before: Option<&Published>) -> Result<()> {
        let files = [("--html", self.html, OutputKind::File), ("--xlsx", self.xlsx, OutputKind::File)];
        let outputs = files.into_iter().chain([("--each", self.each, OutputKind::Folder)]);
        let outputs = outputs.filter_map(|(name, path, kind)| Some(Output::new(name, path?, kind)));
        let before = before.map(|before| ("the run compared with", before.folder.as_path()));
        let inputs: Vec<(&str, &Path)> = [("the run", published.folder.as_path())].into_iter().chain(before).collect();
        publish::refuse_outputs(&outputs.collect::<Vec<_>>(), &inputs)
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    File(PathBuf),
    /// A folder, and how many partners' pages are in it.
    Pages(PathBuf, usize),
}

/// Writes the reports of a run, beside another run where one is given. With a partner named, the page is that partner's.
///
/// # Errors
/// Usage where the run does not have whom it is asked of; refused where a table cannot be read; storage where a file cannot be written.
pub fn write(published: &Published, before: Option<&Published>, asked: Asked, files: &Files) -> Result<Vec<Written>> {
    files.refuse(published, before)?;
    let is_of_one = asked.partner.is_some();
    let portfolio = Portfolio::read(published, before, asked)?;
    let mut written = Vec::new();
    if let Some(path) = files.html {
        let page = if is_of_one { one(&portfolio, published)? } else { page::portfolio_page(&portfolio)? };
        publish::replace_file(path, page.as_bytes(), files.mode)?;
        written.push(Written::File(path.to_owned()));
    }
    if let Some(path) = files.xlsx {
        publish::replace_file(path, &workbook::workbook(&portfolio, published)?, files.mode)?;
        written.push(Written::File(path.to_owned()));
    }
    if let Some(folder) = files.each {
        let pages = each::each(&portfolio, published, folder, files.mode)?;
        written.push(Written::Pages(folder.to_owned(), pages));
    }
    Ok(written)
}

fn one(portfolio: &Portfolio, published: &Published) -> Result<String> {
    let partner = portfolio.partners.first().map(|card| card.score.partner_id.clone()).unwrap_or_default();
    partner::partner_page(portfolio, &published.reasons(Some(&partner))?.unwrap_or_default())
}
