//! What workloads products contain. The list is data: `data/reports/products.toml`.

use std::collections::HashMap;

use serde::Deserialize;

use super::spelling::{self, Words};
use crate::error::{Error, Result};
use crate::toml_file;

const FILE: &str = "products.toml";
const TEXT: &str = include_str!("../../data/reports/products.toml");
const HINT: &str = "see data/reports/products.toml for complete ones";

/// The workloads that a product contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contained {
    /// All of Modern Work.
    All,
    /// These alone; none where the list is empty.
    Workloads(Vec<String>),
}

/// The products of exports by the names that theirs begin with, and the solution areas that they are of.
#[derive(Debug)]
pub(super) struct Products {
    products: Prefixes,
    areas: Prefixes,
}

/// Things by what their names begin with.
#[derive(Debug, Default)]
struct Prefixes {
    /// By the words of the name, without spaces.
    contained: HashMap<String, Contained>,
    /// The names as people write them, and their words.
    written: Vec<(String, Words)>,
    /// The words of the longest name.
    most_words: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Where the names come from; for people.
    #[serde(rename = "source")]
    _source: String,
    products: Vec<Product>,
    areas: Vec<Product>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    workloads: Listed,
    names: Vec<String>,
}

/// Workloads by their slugs, or `all`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Listed {
    All(All),
    Workloads(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum All {
    All,
}

impl Products {
    /// The products that the binary carries; `is_workload` tells which workloads there are.
    ///
    /// # Errors
    /// Usage where the file is wrong, which a test excludes.
    pub(super) fn builtin(is_workload: impl Fn(&str) -> bool) -> Result<Products> {
        let file: File = toml_file::parse(TEXT, FILE, HINT)?;
        for slug in file.products.iter().chain(&file.areas).flat_map(Product::slugs) {
            if !is_workload(slug) {
                return Err(Error::usage(format!("there is no workload `{slug}`")).at(FILE).hint(HINT));
            }
        }
        Ok(Products { products: Prefixes::new(file.products)?, areas: Prefixes::new(file.areas)? })
    }

    /// Returns what a product contains; none where nobody knows it.
    pub(super) fn contained(&self, name: &str) -> Option<&Contained> {
        self.products.longest(name)
    }

    /// Returns what the products of a solution area or division contain; none where nobody knows it.
    pub(super) fn contained_in_area(&self, name: &str) -> Option<&Contained> {
        self.areas.longest(name).or_else(|| self.products.longest(name))
    }

    /// Returns the known product nearest to one that is not known.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        let words = spelling::words(name);
        let alike = |(written, known): &(String, Words)| {
            let begin = words.get(..known.len().min(words.len()))?;
            Some((spelling::likeness(begin, known)?, known.len(), written.clone()))
        };
        let near = self.products.written.iter().filter_map(alike);
        near.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, _, written)| written)
    }
}

impl Product {
    fn slugs(&self) -> &[String] {
        match &self.workloads {
            Listed::All(_) => &[],
            Listed::Workloads(slugs) => slugs,
        }
    }

    fn contained(&self) -> Contained {
        match &self.workloads {
            Listed::All(All::All) => Contained::All,
            Listed::Workloads(slugs) => Contained::Workloads(slugs.clone()),
        }
    }
}

impl Prefixes {
    fn new(products: Vec<Product>) -> Result<Prefixes> {
        let mut prefixes = Prefixes::default();
        for product in products {
            for name in &product.names {
                let words = spelling::words(name);
                if prefixes.contained.insert(words.concat(), product.contained()).is_some() {
                    return Err(Error::usage(format!("`{name}` stands twice")).at(FILE).hint("leave one of them"));
                }
                prefixes.most_words = prefixes.most_words.max(words.len());
                prefixes.written.push((name.clone(), words));
            }
        }
        Ok(prefixes)
    }

    /// Returns what stands under the longest name that a name begins with.
    fn longest(&self, name: &str) -> Option<&Contained> {
        spelling::readings(name).iter().find_map(|words| self.longest_of(words))
    }

    fn longest_of(&self, words: &[String]) -> Option<&Contained> {
        let without_maker = spelling::without_maker(words).unwrap_or_default();
        // A word more than the longest name has: exports split words that names do not, such as `Share Point`.
        let most = self.most_words + 1;
        (1..=most).rev().find_map(|count| {
            // `Microsoft` is a word of its own, so that both begin after as many words.
            let whole = words.get(..count).and_then(|begin| self.contained.get(&begin.concat()));
            whole.or_else(|| self.contained.get(&without_maker.get(..count.checked_sub(1)?)?.concat()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Contained, Products};

    fn contained(name: &str) -> Option<String> {
        let products = Products::builtin(|_| true).expect("products");
        products.contained(name).map(|contained| match contained {
            Contained::All => "all".to_owned(),
            Contained::Workloads(slugs) => slugs.join(","),
        })
    }

    #[test]
    fn products_contain_all_workloads_or_some_or_none() {
        let teams = "teams,teams_meetings,teams_apps";
        let phone = "teams_phone,teams_phone_calls";
        let ems = "intune,microsoft_entra_id_p1";
        let viva = "viva_engage,viva_insights,viva_topics,viva_learning,viva_connections,viva_goals";
        for (name, expected) in [
            ("Microsoft 365", "all"),
            ("Microsoft 365 Business Basic", "all"),
            ("Microsoft 365 Business Standard (Nonprofit Staff Pricing)", "all"),
            ("MICROSOFT\u{ae} 365 BUSINESS PREMIUM", "all"),
            ("Microsoft365 Business Premium - P1Y", "all"),
            ("M365 E3", "all"),
            ("Microsoft 365 E3 (no Teams)", "all"),
            ("Microsoft 365 E5 EEA (no Teams)", "all"),
            ("Microsoft 365 F3", "all"),
            ("Office 365 E1", "all"),
            ("Office 365 E5 without Audio Conferencing", "all"),
            ("O365 E3", "all"),
            ("Microsoft Office 365 E3", "all"),
            ("Exchange Online (Plan 1)", "exchange"),
            ("Microsoft Exchange Online Kiosk", "exchange"),
            ("SharePoint Online (Plan 2)", "sharepoint"),
            ("Share Point Online", "sharepoint"),
            ("Microsoft 365 Apps for business", "microsoft_365_apps"),
            ("Microsoft 365 Apps for Enterprise (device)", "microsoft_365_apps"),
            ("Microsoft Teams Essentials (AAD Identity)", teams),
            ("Teams Phone Standard", phone),
            ("Microsoft Teams Phone with Calling Plan (country zone 1 - US)", phone),
            ("Microsoft 365 Phone System", phone),
            ("Microsoft 365 Audio Conferencing", "teams_meetings"),
            ("Microsoft Teams Premium Introductory Pricing", "teams_premium"),
            ("Microsoft Teams Rooms Pro", "teams_rooms_monthly_active_devices"),
            ("Enterprise Mobility + Security E3", ems),
            ("Enterprise Mobility and Security E5", ems),
            ("Enterprise Mobility & Security", ems),
            ("EMS", ems),
            ("EMS E3", ems),
            ("Microsoft Intune Plan 1", "intune"),
            ("Intune Suite", "intune"),
            ("Microsoft Entra ID P2", "microsoft_entra_id_p1"),
            ("Azure Active Directory Premium P1", "microsoft_entra_id_p1"),
            ("Microsoft Viva Suite", viva),
            ("Microsoft Viva", viva),
            ("Viva Insights", "viva_insights"),
            ("Microsoft Viva Goals", "viva_goals"),
            ("Windows 365 Business 2 vCPU 4 GB 128 GB", "windows_365"),
            ("Microsoft 365 Copilot", "microsoft_365_copilot"),
            ("Copilot for Microsoft 365", "microsoft_365_copilot"),
            ("Microsoft Azure", ""),
            ("Azure plan", ""),
            ("Azure Active Directory Basic", ""),
            ("Dynamics 365 Sales Enterprise Edition", ""),
            ("Microsoft Dynamics 365 Business Central", ""),
            ("Power BI Pro", ""),
            ("Microsoft Power Apps Premium", ""),
            ("Power Automate per user plan", ""),
            ("Visio Plan 2", ""),
            ("Project Plan 3", ""),
            ("Microsoft Defender for Office 365 (Plan 1)", ""),
            ("Microsoft Purview Suite", ""),
            ("Microsoft 365 E5 Security", ""),
            ("Microsoft 365 E5 Compliance", ""),
            ("Windows Server 2025 Datacenter", ""),
            ("Windows 11 Enterprise E3", ""),
            ("Office LTSC Standard 2024", ""),
            ("Exchange Online Archiving for Exchange Online", ""),
        ] {
            assert_eq!(contained(name).as_deref(), Some(expected), "{name}");
        }
        for name in ["", "Contoso Backup for Microsoft 365", "Microsoft", "365", "Office", "Micosoft 365 E3", "???"] {
            assert_eq!(contained(name), None, "{name}");
        }
    }

    #[test]
    fn the_nearest_product_is_one_that_could_be_meant() {
        let nearest = |name| Products::builtin(|_| true).expect("products").nearest(name);
        assert_eq!(nearest("Micosoft 365 E3 (no Teams)").as_deref(), Some("Microsoft 365 E3"));
        assert_eq!(nearest("Exchnage Online (Plan 1)").as_deref(), Some("Exchange Online Plan 1"));
        assert_eq!(nearest("Contoso Backup"), None);
        assert_eq!(nearest(""), None);
    }
}
