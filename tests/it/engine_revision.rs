//! The engine revision changes whenever the published tables of the golden history do.
//!
//! `tests/golden/engine_revision.toml` holds a digest of the tables of every built-in rulebook and every interpretation at the current
//! revision. The digests are of values: another encoding of the same tables is no change.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use partnerscore::pipeline::{self, Settings};
use partnerscore::publish::ENGINE_REVISION;
use partnerscore::rulebook::{self, DEFAULT, Reading, Rulebook};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::baseline_history::day;
use crate::fixture::{self, Layout};
use crate::golden;
use crate::outputs::read;
use crate::rulebooks::changed_of;

/// Has the test write the file.
const UPDATE: &str = "UPDATE_ENGINE_REVISION";
/// How the file is written.
const RECIPE: &str = "`just engine-revision`";
/// The rulebook as it is.
const AS_WRITTEN: &str = "as written";
/// The rulebook with certifications that all ended the day before.
const RETIRED: &str = "eligible_until = 2026-11-22";

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Golden {
    revision: u32,
    /// Digest of the golden history's rows.
    history: String,
    /// By rulebook.
    rulebooks: BTreeMap<String, Tables>,
}

/// What one rulebook gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Tables {
    /// Digest of the rulebook's text.
    text: String,
    /// Digest of the published tables, by interpretation.
    tables: BTreeMap<String, String>,
}

/// One way to score the golden history.
struct Variant {
    rulebook: &'static str,
    interpretation: String,
    rules: Rulebook,
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/engine_revision.toml")
}

fn digest_of(bytes: &[u8]) -> String {
    let mut digits = rulebook::hex(&Sha256::digest(bytes));
    digits.truncate(16);
    digits
}

/// The default rulebook with every other interpretation by itself; the others as written, and with the last of all others at once.
fn variants() -> Vec<Variant> {
    let mut variants = Vec::new();
    for rules in rulebook::builtins().expect("rulebooks") {
        let id = rulebook::builtin_ids().find(|id| *id == rules.id).expect("an id");
        let mut add = |interpretation: &str, rules: Rulebook| {
            variants.push(Variant { rulebook: id, interpretation: interpretation.to_owned(), rules });
        };
        let others = rules.other_readings().expect("interpretations");
        let taking = |rules: &Rulebook, readings: &[Reading]| rules.with_readings(readings).expect("an interpretation");
        add(AS_WRITTEN, rules.clone());
        if id == DEFAULT {
            add(RETIRED, retired(id));
            others.iter().for_each(|other| add(&other.to_string(), taking(&rules, std::slice::from_ref(other))));
        } else {
            let last: BTreeMap<&str, &Reading> = others.iter().map(|other| (other.choice.as_str(), other)).collect();
            let last: Vec<Reading> = last.into_values().cloned().collect();
            add(&format!("the last interpretations, {RETIRED}"), taking(&retired(id), &last));
        }
    }
    variants
}

/// A rulebook whose certifications all ended the day before the golden history is scored.
fn retired(id: &str) -> Rulebook {
    let text = rulebook::builtin(id).expect("a rulebook");
    let book: toml::Table = text.parse().expect("TOML");
    let source = book["sources"].as_table().expect("sources").keys().next().expect("a source").clone();
    let ended: toml::Value = "day = 2026-11-22".parse::<toml::Table>().expect("a date")["day"].clone();
    let mut changes = BTreeMap::new();
    for metric in ["intermediate_certifications", "advanced_certifications"] {
        let mut entries = book["metrics"][metric]["certifications"].clone();
        for entry in entries.as_array_mut().expect("certifications") {
            let entry = entry.as_table_mut().expect("an entry");
            entry.insert("eligible_until".to_owned(), ended.clone());
            entry.insert("source".to_owned(), source.clone().into());
        }
        changes.insert(format!("metrics.{metric}.certifications"), entries);
    }
    rulebook::parse(&changed_of(id, &changes), id).unwrap_or_else(|error| panic!("{error}"))
}

/// A digest of what a run publishes of a history: the values of its tables, and its warnings.
fn published(history: &Path, rules: &Rulebook) -> String {
    let out = tempfile::tempdir().expect("a folder");
    let settings = Settings::new(history, day(golden::AS_OF), rules.clone());
    let settings = Settings { evidence: true, max_reject_ratio: 1.0, min_coverage: 0.0, ..settings };
    let outcome = pipeline::run(&settings, out.path()).unwrap_or_else(|error| panic!("{error}"));
    let mut text = String::new();
    for name in ["scores", "metric_points", "rejects"] {
        write_rows(&mut text, name, &[read(&outcome.folder.join(format!("{name}.parquet")))]);
    }
    write_rows(&mut text, "evidence", &evidence(&outcome.folder));
    for warning in &outcome.run.warnings {
        writeln!(text, "{} {} {}", warning.rule, warning.subject, warning.count).expect("text");
    }
    digest_of(text.as_bytes())
}

fn evidence(run: &Path) -> Vec<RecordBatch> {
    let parts = fs::read_dir(run.join("evidence")).expect("evidence").flatten();
    let mut parts: Vec<PathBuf> = parts.map(|entry| entry.path()).collect();
    parts.sort();
    parts.iter().map(|part| read(part)).collect()
}

/// A table's columns and rows as text, whatever files it is cut into.
fn write_rows(text: &mut String, name: &str, batches: &[RecordBatch]) {
    let first = batches.first().unwrap_or_else(|| panic!("no rows of {name}"));
    let columns: Vec<&str> = first.schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    writeln!(text, "{name}: {}", columns.join(" ")).expect("text");
    let options = FormatOptions::new().with_null("\u{0}");
    for batch in batches {
        let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).expect("values"));
        let columns: Vec<ArrayFormatter> = columns.collect();
        for row in 0..batch.num_rows() {
            columns.iter().for_each(|column| write!(text, "{}\u{1f}", column.value(row)).expect("text"));
            text.push('\n');
        }
    }
}

/// The golden digests as this version gives them.
fn computed() -> Golden {
    let folder = tempfile::tempdir().expect("a folder");
    let (rows, place) = (golden::history(), folder.path().join("history"));
    fixture::write(&rows, &place, &Layout::default());
    let variants = variants();
    let half = variants.len().div_ceil(2);
    let digests: Vec<String> = std::thread::scope(|scope| {
        let digests = |variants: &[Variant]| -> Vec<String> {
            variants.iter().map(|variant| published(&place, &variant.rules)).collect()
        };
        let (ours, theirs) = variants.split_at(half);
        let theirs = scope.spawn(move || digests(theirs));
        let mut all: Vec<String> = ours.iter().map(|variant| published(&place, &variant.rules)).collect();
        all.extend(theirs.join().expect("the other half"));
        all
    });
    let mut rulebooks: BTreeMap<String, Tables> = BTreeMap::new();
    for (variant, digest) in variants.into_iter().zip(digests) {
        let text = rulebook::builtin(variant.rulebook).expect("a rulebook");
        let of_rulebook = rulebooks
            .entry(variant.rulebook.to_owned())
            .or_insert_with(|| Tables { text: digest_of(text.as_bytes()), tables: BTreeMap::new() });
        of_rulebook.tables.insert(variant.interpretation, digest);
    }
    Golden { revision: ENGINE_REVISION, history: digest_of(format!("{rows:?}").as_bytes()), rulebooks }
}

impl Golden {
    /// The tables that differ though nothing that they are made of does, each as `rulebook, interpretation`.
    fn changed_tables(&self, now: &Golden) -> Vec<String> {
        if self.history != now.history {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for (id, before) in &self.rulebooks {
            let Some(now) = now.rulebooks.get(id).filter(|now| now.text == before.text) else { continue };
            let differs = |interpretation: &&String| {
                now.tables.get(*interpretation).is_some_and(|digest| *digest != before.tables[*interpretation])
            };
            changed.extend(before.tables.keys().filter(differs).map(|name| format!("{id}, {name}")));
        }
        changed
    }

    /// Fails where the file does not describe this version, with what to do about it.
    fn verify(&self, now: &Golden) -> Result<(), String> {
        let changed = self.changed_tables(now);
        if !changed.is_empty() && self.revision == now.revision {
            return Err(format!(
                "the published tables of the golden history changed, and the engine revision is still {}:\n  {}\n\
                 increase ENGINE_REVISION in src/publish/revision.rs, then run {RECIPE} and commit the file",
                now.revision,
                changed.join("\n  ")
            ));
        }
        if self.revision != now.revision {
            return Err(format!(
                "ENGINE_REVISION is {}, and {} is of revision {}: run {RECIPE} and commit the file",
                now.revision,
                file().display(),
                self.revision
            ));
        }
        if self != now {
            return Err(format!(
                "the golden history or a built-in rulebook is another one: run {RECIPE} and commit the file; increase \
                 ENGINE_REVISION in src/publish/revision.rs first where the engine changed as well"
            ));
        }
        Ok(())
    }

    /// The text of the file.
    fn text(&self) -> String {
        let mut text = format!(
            "# Digests of the tables that the golden history gives. Written by {RECIPE}; see tests/it/engine_revision.rs.\n\
             revision = {}\nhistory = \"{}\"\n",
            self.revision, self.history
        );
        for (id, of_rulebook) in &self.rulebooks {
            writeln!(text, "\n[rulebooks.{id}]\ntext = \"{}\"\n\n[rulebooks.{id}.tables]", of_rulebook.text)
                .expect("text");
            for (interpretation, digest) in &of_rulebook.tables {
                writeln!(text, "\"{interpretation}\" = \"{digest}\"").expect("text");
            }
        }
        text
    }
}

#[test]
fn published_tables_change_only_with_the_engine_revision() {
    let now = computed();
    for (id, of_rulebook) in &now.rulebooks {
        let as_written = &of_rulebook.tables[AS_WRITTEN];
        let same = of_rulebook.tables.iter().filter(|(name, digest)| *name != AS_WRITTEN && *digest == as_written);
        let same: Vec<&String> = same.map(|(name, _)| name).collect();
        assert!(same.is_empty(), "the golden history does not tell {same:?} of {id} from the rulebook as written");
    }
    let recorded = fs::read_to_string(file()).ok().map(|text| toml::from_str::<Golden>(&text).expect("the file"));
    if std::env::var_os(UPDATE).is_some() {
        let changed = recorded.filter(|recorded| recorded.revision == now.revision);
        let changed = changed.map(|recorded| recorded.changed_tables(&now)).unwrap_or_default();
        assert!(changed.is_empty(), "increase ENGINE_REVISION in src/publish/revision.rs first: {changed:?} changed");
        return fs::write(file(), now.text()).expect("the file is written");
    }
    let recorded = recorded.unwrap_or_else(|| panic!("{} is missing: run {RECIPE}", file().display()));
    recorded.verify(&now).unwrap_or_else(|what| panic!("{what}"));
}

/// A file of one rulebook.
fn example(revision: u32, history: &str, rulebook: &str, tables: &str) -> Golden {
    let tables = BTreeMap::from([(AS_WRITTEN.to_owned(), tables.to_owned())]);
    let rulebooks = BTreeMap::from([("a".to_owned(), Tables { text: rulebook.to_owned(), tables })]);
    Golden { revision, history: history.to_owned(), rulebooks }
}

#[test]
fn the_file_is_compared_with_this_version() {
    let recorded = example(3, "rows", "rules", "tables");
    for (now, what) in [
        (example(3, "rows", "rules", "tables"), None),
        (example(3, "rows", "rules", "others"), Some("increase ENGINE_REVISION")),
        (example(4, "rows", "rules", "tables"), Some("is of revision 3")),
        (example(4, "rows", "rules", "others"), Some("is of revision 3")),
        (example(2, "rows", "rules", "others"), Some("is of revision 3")),
        (example(3, "other rows", "rules", "others"), Some("the golden history or a built-in rulebook")),
        (example(3, "rows", "other rules", "others"), Some("the golden history or a built-in rulebook")),
        (example(3, "rows", "other rules", "tables"), Some("the golden history or a built-in rulebook")),
    ] {
        let result = recorded.verify(&now);
        match what {
            Some(what) => assert!(result.as_ref().is_err_and(|said| said.contains(what)), "{now:?}: {result:?}"),
            None => assert_eq!(result, Ok(())),
        }
    }
    let written: Golden = toml::from_str(&recorded.text()).expect("TOML");
    assert_eq!(written, recorded);
}
