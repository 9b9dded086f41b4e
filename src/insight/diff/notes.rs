//! Notes: what to know when reading an answer.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::bridge::Bridge;
use super::cause::Data;
use super::side::Side;

/// Something to know when reading the answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Note {
    pub code: NoteCode,
    pub text: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// The first run sees later data than the second.
    Reversed,
    /// The runs were narrowed differently.
    SelectionsDiffer,
    /// The runs were made by different versions of the program.
    VersionsDiffer,
    /// A run has no evidence.
    EvidenceMissing,
    /// Rules and data both changed, and there is no history that tells them apart.
    RulesOrData,
    /// The history is no longer the one that the first run has read.
    HistoryDiffers,
    /// A history was given and nothing is asked of it.
    HistoryNotNeeded,
    /// Months that both runs have read were restated as well.
    RestatedToo,
    /// Exports of compared partners lack a month that a run compares.
    ExportsMissing,
}

/// Missing exports that a note names.
const SHOWN: usize = 3;

/// What the notes are drawn from.
pub(super) struct Noted<'a> {
    pub before: &'a Side,
    pub after: &'a Side,
    pub data: &'a Data,
    pub bridge: Option<&'a Bridge>,
    /// Whether a history was given.
    pub has_history: bool,
    /// Partners whose points changed: without any there is nothing to say of causes.
    pub moved: BTreeSet<&'a str>,
}

impl Noted<'_> {
    /// Every note that holds.
    pub(super) fn notes(&self) -> Vec<Note> {
        let all = [
            NoteCode::Reversed,
            NoteCode::SelectionsDiffer,
            NoteCode::VersionsDiffer,
            NoteCode::EvidenceMissing,
            NoteCode::RulesOrData,
            NoteCode::HistoryDiffers,
            NoteCode::HistoryNotNeeded,
            NoteCode::RestatedToo,
            NoteCode::ExportsMissing,
        ];
        all.into_iter().filter(|code| self.holds(*code)).map(|code| Note { code, text: self.text(code) }).collect()
    }

    fn holds(&self, code: NoteCode) -> bool {
        let (data, bridge) = (self.data, self.bridge);
        match code {
            NoteCode::Reversed => self.before.published.run.as_of > self.after.published.run.as_of,
            NoteCode::SelectionsDiffer => !data.same_selection,
            NoteCode::VersionsDiffer => !data.same_version,
            NoteCode::EvidenceMissing => self.has_moved() && !self.without_evidence().is_empty(),
            NoteCode::RulesOrData => self.has_moved() && data.rules_or_data() && bridge.is_none(),
            NoteCode::HistoryDiffers => bridge.is_some_and(|bridge| !bridge.same_history),
            NoteCode::HistoryNotNeeded => self.has_history && !data.rules_or_data(),
            NoteCode::ExportsMissing => !self.missing_exports().is_empty(),
            NoteCode::RestatedToo => self.has_moved() && !data.same_months && data.restated_files > 0,
        }
    }

    fn has_moved(&self) -> bool {
        !self.moved.is_empty()
    }

    fn text(&self, code: NoteCode) -> String {
        let text = match code {
            NoteCode::Reversed => "RUN_A is as of a later day than RUN_B: changes are told backwards",
            NoteCode::SelectionsDiffer => {
                "the runs were narrowed to different partners or distributors: only partners of both are compared"
            }
            NoteCode::VersionsDiffer => {
                "the runs were made by different versions: what the program changed counts as a change of data"
            }
            NoteCode::RulesOrData => {
                "rulebook and data both changed: the share of the rules cannot be told apart; --history DIR tells it"
            }
            NoteCode::HistoryDiffers => {
                "the history is no longer the one RUN_A has read: what was restated since counts as rules"
            }
            NoteCode::HistoryNotNeeded => "rules or data are the same in both runs: --history was not needed",
            NoteCode::EvidenceMissing => {
                let lacking = self.without_evidence().join(" and ");
                return format!(
                    "no evidence in {lacking}: causes are told as far as they are certain, and no tenants; score again with --evidence"
                );
            }
            NoteCode::ExportsMissing => {
                let exports = self.missing_exports();
                let shown = exports.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
                let more =
                    if exports.len() > SHOWN { format!("; and {} more", exports.len() - SHOWN) } else { String::new() };
                return format!(
                    "exports are missing, so their partners may have lost nothing: {shown}{more}; download them and ingest again"
                );
            }
            NoteCode::RestatedToo => {
                let files = self.data.restated_files;
                return format!(
                    "usage files that both runs have read were restated ({files}): new_month includes what that changed"
                );
            }
        };
        text.to_owned()
    }

    /// Exports that a run lacks of partners that are compared, each with the name of the run.
    fn missing_exports(&self) -> Vec<String> {
        let of_run = |(side, name): (&Side, &str)| -> Vec<String> {
            let exports = side.published.run.missing_exports();
            let compared = exports.filter(|(_, account)| self.moved.contains(account));
            compared.map(|(export, account)| format!("{export} of {account} in {name}")).collect()
        };
        [(self.before, "RUN_A"), (self.after, "RUN_B")].into_iter().flat_map(of_run).collect()
    }

    /// The runs whose evidence would tell more. Where there is a bridge, it stands for the first run.
    fn without_evidence(&self) -> Vec<&'static str> {
        let before = self.bridge.is_none().then_some((self.before, "RUN_A"));
        let lacking = before.into_iter().chain([(self.after, "RUN_B")]).filter(|(side, _)| !side.has_evidence());
        lacking.map(|(_, name)| name).collect()
    }
}
