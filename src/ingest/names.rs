//! What exports call workloads, certifications and attributions, and what a history calls them. Data files say so: `data/reports/`.

use std::collections::HashMap;

use serde::Deserialize;

use super::values::comparable;
use crate::error::{Error, Result, nearest};
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
    /// What titles of certifications may begin with.
    prefixes: Vec<String>,
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
    /// The names as people write them, by the same.
    written: HashMap<String, String>,
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
}

impl<T: Clone> Known<T> {
    fn new() -> Known<T> {
        Known { meant: HashMap::new(), written: HashMap::new() }
    }

    /// Adds something with its names.
    ///
    /// # Errors
    /// Usage where a name is that of another thing already.
    fn add(&mut self, thing: &T, names: &[String], place: &str) -> Result<()> {
        for name in names {
            let key = comparable(name);
            if self.meant.insert(key.clone(), thing.clone()).is_some() {
                return Err(Error::usage(format!("`{name}` stands twice")).at(place).hint("leave one of them"));
            }
            self.written.insert(key, name.clone());
        }
        Ok(())
    }

    /// What a name means.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.meant.get(&comparable(name))
    }

    /// The known name nearest to one that is not known.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        let near = nearest(&comparable(name), self.written.keys().map(String::as_str))?;
        self.written.get(near).cloned()
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
        Ok(Names { workloads, certifications, attributions: attributions()?, prefixes: file.prefixes })
    }

    /// What a claim without a type is: the association that is by workload.
    pub(super) fn claim(&self) -> Attributed {
        let mut claims = self.attributions.meant.values();
        let claim = claims.find(|one| matches!(one, Attributed::As { by_workload: true, .. }));
        claim.cloned().unwrap_or(Attributed::Unknown)
    }

    /// The title of a certification without what titles may begin with.
    pub(super) fn bare_title<'a>(&self, title: &'a str) -> &'a str {
        let stripped = |prefix: &String| {
            let (begins, rest) = title.split_at_checked(prefix.len())?;
            begins.eq_ignore_ascii_case(prefix).then(|| rest.trim_start())
        };
        self.prefixes.iter().find_map(stripped).unwrap_or(title)
    }

    /// A certification's name in a history, where its title is known.
    pub(super) fn certification(&self, title: &str) -> Option<&String> {
        self.certifications.get(title).or_else(|| self.certifications.get(self.bare_title(title)))
    }
}

fn workload_file() -> Result<WorkloadFile> {
    toml_file::parse(WORKLOADS, "workloads.toml", HINT)
}

fn attributions() -> Result<Known<Attributed>> {
    let file: AttributionFile = toml_file::parse(ATTRIBUTION_TYPES, "attribution_types.toml", HINT)?;
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
