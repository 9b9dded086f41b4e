//! A page for each partner, holding that partner's rows alone, with a manifest for whatever delivers them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::partner::partner_page;
use super::portfolio::{Asked, Portfolio};
use super::rejects::OwnedRejects;
use crate::error::{Error, Result};
use crate::insight::{Published, ReasonRow, RejectRow};
use crate::publish::{self, Mode};
use crate::rulebook::hex;

/// The file that tells which page is whose.
pub const MANIFEST: &str = "manifest.json";
/// Roles of Partner Center that may see a partner's score.
const ROLES: [&str; 2] = ["Global admin", "partner admin of the AI Cloud Partner Program"];
/// Letters of a partner's id that its file keeps as they are.
const PLAIN: usize = 40;

/// Who may be given what.
#[derive(Debug, Serialize)]
struct Manifest {
    as_of: chrono::NaiveDate,
    rulebook: String,
    /// Roles of the partner's own account that may see its page.
    roles: [&'static str; 2],
    pages: Vec<Entry>,
}

/// One partner's page.
#[derive(Debug, Serialize)]
struct Entry {
    partner_id: String,
    partner_name: Option<String>,
    file: String,
    sha256: String,
}

/// Writes a page for each partner of a portfolio, and the manifest last. Returns how many pages there are.
pub fn each(portfolio: &Portfolio, published: &Published, folder: &Path, mode: Mode) -> Result<usize> {
    publish::create_folder(folder, mode)?;
    let reasons = reasons_by_partner(published)?;
    let mut rejects = rejects_by_partner(portfolio, published)?;
    let mut pages = Vec::new();
    for card in &portfolio.partners {
        let partner_id = card.score.partner_id.clone();
        let alone = Portfolio {
            run: portfolio.run.clone(),
            asked: Asked { partner: Some(partner_id.clone()), ..Asked::default() },
            partners: vec![card.clone()],
            before: portfolio.before,
            gone: 0,
            rejects: Some(rejects.remove(&partner_id).unwrap_or_default()),
        };
        let page = partner_page(&alone, reasons.get(&partner_id).map_or(&[], Vec::as_slice))?;
        let file = file_name(&partner_id);
        publish::replace_file(&folder.join(&file), page.as_bytes(), mode)?;
        let sha256 = hex(&Sha256::digest(page.as_bytes()));
        pages.push(Entry { partner_id, partner_name: card.score.partner_name.clone(), file, sha256 });
    }
    let count = pages.len();
    let manifest =
        Manifest { as_of: portfolio.run.as_of, rulebook: portfolio.run.rulebook.id.clone(), roles: ROLES, pages };
    let json = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::internal(error.to_string()))?;
    publish::replace_file(&folder.join(MANIFEST), &json, mode)?;
    Ok(count)
}

/// Why every partner's points are what they are, read once.
fn reasons_by_partner(published: &Published) -> Result<BTreeMap<String, Vec<ReasonRow>>> {
    let mut reasons: BTreeMap<String, Vec<ReasonRow>> = BTreeMap::new();
    for row in published.reasons(None)?.unwrap_or_default() {
        reasons.entry(row.partner_id.clone()).or_default().push(row);
    }
    Ok(reasons)
}

/// The rejected rows of every partner, read once.
fn rejects_by_partner(portfolio: &Portfolio, published: &Published) -> Result<BTreeMap<String, Vec<RejectRow>>> {
    let own = published.run.selection.own_findings;
    match (portfolio.partners.as_slice(), &portfolio.rejects) {
        ([only], Some(theirs)) => Ok(BTreeMap::from([(only.score.partner_id.clone(), theirs.clone())])),
        ([only], None) if own => Ok(BTreeMap::from([(only.score.partner_id.clone(), published.rejects()?)])),
        _ => Ok(OwnedRejects::read(published)?.by_partner()),
    }
}

/// A name that every file system takes, another for every id: letters that are plain stay, and where any is not, a hash tells ids apart.
pub fn file_name(partner_id: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = partner_id.chars().map(plain).take(PLAIN).collect();
    let same = name == partner_id && !name.is_empty() && !name.starts_with('-');
    let is_lower = name.chars().all(|letter| !letter.is_ascii_uppercase());
    match same && is_lower {
        true => format!("partner-{name}.html"),
        // Some file systems take upper and lower case for the same.
        false => format!("partner-{}-{}.html", name.to_lowercase(), &hex(&Sha256::digest(partner_id.as_bytes()))[..12]),
    }
}
