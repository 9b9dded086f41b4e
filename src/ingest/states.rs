//! What states of subscriptions and certifications mean. The list is data: `data/reports/states.toml`.

use serde::Deserialize;

use super::names::Known;
use crate::error::Result;
use crate::toml_file;

const FILE: &str = "states.toml";
const TEXT: &str = include_str!("../../data/reports/states.toml");

/// What a state says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The subscription, customer or certification is there, or the row has no state.
    Holds,
    /// It has ended.
    Ended,
    /// It was taken away, whatever the day until which it was to last.
    Withdrawn,
    /// The list does not have the state.
    Unknown,
}

/// The states of reports, by what they are states of.
#[derive(Debug)]
pub(super) struct KnownStates {
    pub(super) subscription: Known<State>,
    pub(super) certification: Known<State>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Where the states come from; for people.
    #[serde(rename = "source")]
    _source: String,
    subscription: List,
    certification: List,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    holds: Vec<String>,
    ended: Vec<String>,
    #[serde(default)]
    withdrawn: Vec<String>,
}

impl List {
    fn known(&self) -> Result<Known<State>> {
        let mut known = Known::new();
        for (state, names) in
            [(State::Holds, &self.holds), (State::Ended, &self.ended), (State::Withdrawn, &self.withdrawn)]
        {
            known.add(&state, names, FILE)?;
        }
        Ok(known)
    }
}

impl KnownStates {
    /// Returns the known state nearest to one that is not known.
    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        self.subscription.nearest(name).or_else(|| self.certification.nearest(name))
    }

    /// The states that the binary carries.
    ///
    /// # Errors
    /// Usage where the file is wrong, which a test excludes.
    pub(super) fn builtin() -> Result<KnownStates> {
        let file: File = toml_file::parse(TEXT, FILE, "see data/reports/ for complete ones")?;
        Ok(KnownStates { subscription: file.subscription.known()?, certification: file.certification.known()? })
    }
}
