//! What exports call workloads, certifications and attributions, and what a history calls them. Data files say so: `data/reports/`.

use std::collections::HashMap;

use serde::Deserialize;

use super::products::Products;
use super::spelling::{self, Words, comparable};
use super::states::KnownStates;
use crate::error::{Error, Result};
use crate::rulebook::ASSOCIATION_TYPES;
use crate::toml_file;

const WORKLOADS: &str = include_str!("../../data/reports/workloads.toml");
const CERTIFICATIONS: &str = include_str!("../../data/reports/certifications.toml");
const ATTRIBUTION_TYPES: &str = include_str!("../../data/reports/attribution_types.toml");

/// What helps with a file that is wrong.
const HINT: &str = "see data/reports/ for complete ones";

/// The names of everything that exports name.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) workloads: Known<String>,
    pub(super) certifications: Known<String>,
    pub(super) attributions: Known<Attributed>,
    pub(super) products: Products,
    pub(super) states: KnownStates,
    /// What titles of certifications may begin with.
    prefixes: Vec<Words>,
}

/// What an attribution means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attributed {
    /// An association of a type, with one workload or with a whole tenant.
    As { association_type: String, by_workload: bool },
    /// The programme counts it not.
    Uncounted,
    /// Nobody knows its name.
    Unknown,
    /// Nothing stands there.
    Nothing,
}

impl Attributed {
    /// Whether it says who is with the tenant, or that somebody is who does not count.
    pub(super) fn is_told(&self) -> bool {
        matches!(self, Attributed::As { .. } | Attributed::Uncounted)
    }
}

/// Things that are known by several names.
#[derive(Debug)]
pub(super) struct Known<T> {
    /// By what names are compared by.
    meant: HashMap<String, T>,
    /// The names as people write them, and their words.
    written: Vec<(String, Words)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkloadFile {
    /// Where the names come from; for people.
    #[serde(rename = "source")]
    _source: String,
    workloads: Vec<Workload>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    slug: String,
    names: Vec<String>,
    /// For people, and the test that looks for every other in the rulebooks.
    #[serde(default)]
    in_no_rulebook: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificationFile {
    #[serde(rename = "source")]
    _source: String,
    prefixes: Vec<String>,
    certifications: Vec<Certification>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Certification {
    slug: String,
    names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributionFile {
    #[serde(rename = "source")]
    _source: String,
    types: Vec<AttributionType>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributionType {
    association_type: Option<String>,
    names: Vec<String>,
    #[serde(default)]
    by_workload: bool,
    /// Whether one account at most holds a tenant's workload through it.
    #[serde(default)]
    exclusive: bool,
}

impl<T: Clone> Known<T> {
    pub(super) fn new() -> Known<T> {
        Known { meant: HashMap::new(), written: Vec::new() }
    }

    /// Adds something with its names.
    ///
    /// # Errors
    /// Usage where a name is that of another thing already.
    pub(super) fn add(&mut self, thing: &T, names: &[String], place: &str) -> Result<()> {
        for name in names {
            if self.meant.insert(comparable(name), thing.clone()).is_some() {
                return Err(Error::usage(format!("`{name}` stands twice")).at(place).hint("leave one of them"));
            }
            self.written.push((name.clone(), spelling::words(name)));
        }
        Ok(())
    }

    /// Returns what a name means, with or without notes, brackets and `Microsoft` before it.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        spelling::readings(name).iter().find_map(|words| self.meant_by(words))
    }

    /// Returns what a name means, or an abbreviation of it that stands in brackets.
    fn get_or_abbreviated(&self, name: &str) -> Option<&T> {
        let abbreviated = || {
            let (_, inside) = spelling::apart_from_brackets(name);
            let abbreviations = inside.iter().filter(|text| !text.trim().contains(' '));
            abbreviations.map(|text| comparable(text)).find_map(|text| self.meant.get(&text))
        };
        self.get(name).or_else(abbreviated)
    }

    fn meant_by(&self, words: &[String]) -> Option<&T> {
        let whole = self.meant.get(&words.concat());
        whole.or_else(|| self.meant.get(&spelling::without_maker(words)?.concat()))
    }

    /// Returns the known name nearest to one that is not known, where it could be meant.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        self.nearest_to(&spelling::words(name))
    }

    fn nearest_to(&self, words: &[String]) -> Option<String> {
        let alike =
            self.written.iter().filter_map(|(written, known)| Some((spelling::likeness(words, known)?, written)));
        let near = alike.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        near.map(|(_, written)| written.clone())
    }
}

/// A thing's names, and its slug where that reads differently.
fn with_slug(slug: &str, names: &[String]) -> Vec<String> {
    let is_named = names.iter().any(|name| comparable(name) == comparable(slug));
    let slug = Some(slug.to_owned()).filter(|_| !is_named);
    names.iter().cloned().chain(slug).collect()
}

impl Names {
    /// The names that the binary carries.
    ///
    /// # Errors
    /// Usage where one of the files is wrong, which a test excludes.
    pub(super) fn builtin() -> Result<Names> {
        let mut workloads = Known::new();
        for workload in workload_file()?.workloads {
            workloads.add(&workload.slug, &with_slug(&workload.slug, &workload.names), "workloads.toml")?;
        }
        let file: CertificationFile = toml_file::parse(CERTIFICATIONS, "certifications.toml", HINT)?;
        let mut certifications = Known::new();
        for one in &file.certifications {
            certifications.add(&one.slug, &with_slug(&one.slug, &one.names), "certifications.toml")?;
        }
        let products = Products::builtin(|slug| workloads.meant.values().any(|known| known == slug))?;
        let prefixes = file.prefixes.iter().map(|prefix| spelling::words(prefix)).collect();
        let states = KnownStates::builtin()?;
        Ok(Names { workloads, certifications, attributions: attributions()?, products, states, prefixes })
    }

    /// What a claim without a type is: the association that is by workload.
    pub(super) fn claim(&self) -> Attributed {
        let mut claims = self.attributions.meant.values();
        let claim = claims.find(|one| matches!(one, Attributed::As { by_workload: true, .. }));
        claim.cloned().unwrap_or(Attributed::Unknown)
    }

    /// What an attribution means.
    pub(super) fn attribution(&self, name: &str) -> Attributed {
        self.attributions.get_or_abbreviated(name).cloned().unwrap_or(Attributed::Unknown)
    }

    /// Returns a certification's name in a history, where its title is known. The code of an exam before or behind a title makes no
    /// difference where `is_certification` says that the row is of no exam.
    pub(super) fn certification(&self, title: &str, is_certification: bool) -> Option<&String> {
        let readings = spelling::readings(title);
        let known = |words: &Words| self.certification_of(words, is_certification);
        readings.iter().find_map(known)
    }

    /// Looks a title up with ever less of what may stand before and behind it.
    fn certification_of(&self, title: &[String], is_certification: bool) -> Option<&String> {
        let mut words = title;
        loop {
            if let Some(known) = self.certifications.meant.get(&words.concat()) {
                return Some(known);
            }
            let code = if is_certification { without_exam_code(words) } else { None };
            words = code.or_else(|| self.without_prefix(words)).or_else(|| without_suite(words))?;
        }
    }

    fn without_prefix<'a>(&self, title: &'a [String]) -> Option<&'a [String]> {
        let prefix = self.prefixes.iter().find(|prefix| spelling::starts_with(title, prefix))?;
        title.get(prefix.len()..).filter(|rest| !rest.is_empty())
    }

    /// Returns the words of a title without what may stand before and behind it, notes and brackets.
    fn bare_title(&self, title: &str) -> Words {
        let readings = spelling::readings(title);
        let mut words = readings.last().map(Vec::as_slice).unwrap_or_default();
        while let Some(shorter) = without_exam_code(words).or_else(|| self.without_prefix(words)) {
            words = shorter;
        }
        words.to_vec()
    }

    /// Returns a name for a certification whose title nobody knows: its words, with underscores between; none where it has no word.
    pub(super) fn slug_of_title(&self, title: &str) -> Option<String> {
        Some(self.bare_title(title).join("_")).filter(|slug| !slug.is_empty())
    }

    /// Returns the known title nearest to one that is not known.
    pub(super) fn nearest_title(&self, title: &str) -> Option<String> {
        self.certifications.nearest_to(&self.bare_title(title))
    }
}

/// Returns a title without the code of an exam, such as `MS-700` or `Exam MS-700`, before or behind it.
fn without_exam_code(title: &[String]) -> Option<&[String]> {
    let before = match title {
        [exam, rest @ ..] if exam == "exam" => Some(rest),
        [letters, digits, rest @ ..] if is_exam_code(letters, digits) => Some(rest),
        [code, rest @ ..] if is_joined_code(code) => Some(rest),
        _ => None,
    };
    let behind = || match title {
        [rest @ .., letters, digits] if is_exam_code(letters, digits) => Some(rest),
        [rest @ .., code] if is_joined_code(code) => Some(rest),
        _ => None,
    };
    before.or_else(behind).filter(|rest| !rest.is_empty())
}

/// Returns whether two words are those of a code such as `MS-700`.
fn is_exam_code(letters: &str, digits: &str) -> bool {
    matches!(letters.len(), 2 | 3)
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
        && digits.len() == 3
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a word is a code such as `MS700`.
fn is_joined_code(word: &str) -> bool {
    let split = word.len().checked_sub(3).and_then(|place| word.split_at_checked(place));
    split.is_some_and(|(letters, digits)| is_exam_code(letters, digits))
}

/// Returns a title without the suite or maker before it: `Microsoft 365 Administrator Expert`.
fn without_suite(title: &[String]) -> Option<&[String]> {
    match title {
        [microsoft, number, rest @ ..] if microsoft == "microsoft" && number == "365" => Some(rest),
        [microsoft, rest @ ..] if microsoft == "microsoft" => Some(rest),
        _ => None,
    }
    .filter(|rest| !rest.is_empty())
}

fn workload_file() -> Result<WorkloadFile> {
    toml_file::parse(WORKLOADS, "workloads.toml", HINT)
}

fn attribution_file() -> Result<AttributionFile> {
    toml_file::parse(ATTRIBUTION_TYPES, "attribution_types.toml", HINT)
}

/// The association types of which one account at most holds a tenant's workload.
///
/// # Errors
/// Usage where the file is wrong, which a test excludes.
pub(super) fn exclusive_types() -> Result<Vec<String>> {
    let exclusive = attribution_file()?.types.into_iter().filter(|one| one.exclusive);
    Ok(exclusive.filter_map(|one| one.association_type).collect())
}

fn attributions() -> Result<Known<Attributed>> {
    let file = attribution_file()?;
    let mut attributions = Known::new();
    for one in file.types {
        if let Some(name) = &one.association_type
            && !ASSOCIATION_TYPES.contains(&name.as_str())
        {
            let error = Error::usage(format!("there is no association type `{name}`")).at("attribution_types.toml");
            return Err(error.hint(format!("known: {}", ASSOCIATION_TYPES.join(", "))));
        }
        let by_workload = one.by_workload;
        let association = |association_type| Attributed::As { association_type, by_workload };
        let attributed = one.association_type.map_or(Attributed::Uncounted, association);
        attributions.add(&attributed, &one.names, "attribution_types.toml")?;
    }
    Ok(attributions)
}

/// The workloads that exports name, and whether a rulebook should list each.
///
/// # Errors
/// Usage where the file is wrong, which a test excludes.
pub fn workloads() -> Result<Vec<(String, bool)>> {
    Ok(workload_file()?.workloads.into_iter().map(|one| (one.slug, !one.in_no_rulebook)).collect())
}

/// The certifications that exports name.
///
/// # Errors
/// Usage where the file is wrong, which a test excludes.
pub fn certifications() -> Result<Vec<String>> {
    let file: CertificationFile = toml_file::parse(CERTIFICATIONS, "certifications.toml", HINT)?;
    Ok(file.certifications.into_iter().map(|one| one.slug).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the pages of the designation and of the reports call workloads, each text with the slug that it means.
    const WRITTEN: [(&str, &str); 46] = [
        // The designation page, by metric.
        ("Intune", "intune"),
        ("Exchange", "exchange"),
        ("Microsoft 365 Apps", "microsoft_365_apps"),
        ("SharePoint", "sharepoint"),
        ("Teams", "teams"),
        ("Teams meetings", "teams_meetings"),
        ("Teams Phone", "teams_phone"),
        ("Teams Phone calls", "teams_phone_calls"),
        ("Teams calling", "teams_phone_calls"),
        ("Teams Apps", "teams_apps"),
        ("Teams applications", "teams_apps"),
        ("Viva Engage", "viva_engage"),
        ("Viva Insights", "viva_insights"),
        ("Viva Topics", "viva_topics"),
        ("Viva Learning", "viva_learning"),
        ("Viva Connections", "viva_connections"),
        // Its versions of 2022 and 2023.
        ("ProPlus", "microsoft_365_apps"),
        ("Teams Platform", "teams_apps"),
        ("Teams Phone calling", "teams_phone_calls"),
        ("Yammer", "viva_engage"),
        ("VivaInsights", "viva_insights"),
        ("VivaTopics", "viva_topics"),
        ("VivaLearning", "viva_learning"),
        ("VivaConnections", "viva_connections"),
        // Its version of 2026.
        ("Exchange Online", "exchange"),
        ("M365 Copilot", "microsoft_365_copilot"),
        ("Microsoft Entra ID P1", "microsoft_entra_id_p1"),
        ("SharePoint Online", "sharepoint"),
        ("Teams for Frontline Workers", "teams_for_frontline_workers"),
        ("Teams Phone Enabled Users", "teams_phone_enabled_users"),
        ("Teams Rooms Monthly Active Devices", "teams_rooms_monthly_active_devices"),
        ("Viva Goals", "viva_goals"),
        ("Windows 365", "windows_365"),
        ("Teams Premium", "teams_premium"),
        // Reports and payouts.
        ("EXO", "exchange"),
        ("spo", "sharepoint"),
        ("AADP", "microsoft_entra_id_p1"),
        ("Azure Active Directory Premium", "microsoft_entra_id_p1"),
        ("InTune", "intune"),
        ("TeamsPhonecalling1p", "teams_phone_calls"),
        ("TeamsPhonecalling3p", "teams_phone_calls"),
        ("Skype for Business", "skype_for_business"),
        // What some exports leave out.
        ("TEAMS (standalone)", "teams"),
        ("YAMMER", "viva_engage"),
        ("OUTLOOK MOBILE", "outlook_mobile"),
        ("AZURE INFORMATION PROTECTION", "azure_information_protection"),
    ];

    #[test]
    fn workloads_are_known_as_their_pages_write_them() {
        let names = Names::builtin().expect("names");
        for (written, slug) in WRITTEN {
            assert_eq!(names.workloads.get(written).map(String::as_str), Some(slug), "{written}");
        }
    }
}
