//! How a pipeline's run stands: a file beside what it publishes, for orchestrators and for the next run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::publish::{self, Mode};
use crate::rulebook::hex;
use crate::storage;

/// How the last run of a pipeline stands or ended.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PipelineStatus {
    /// The pipeline file's name without its ending.
    pub pipeline: String,
    /// Version of the program.
    pub version: String,
    pub state: State,
    pub started_at: DateTime<Utc>,
    /// None while it runs, and where it was killed.
    pub finished_at: Option<DateTime<Utc>>,
    /// When a run last ended well.
    pub last_success_at: Option<DateTime<Utc>>,
    /// What the process ended with.
    pub exit_code: Option<u8>,
    /// Whether the same run may end well later without any change.
    pub retryable: Option<bool>,
    pub error: Option<RunError>,
    /// The date that was scored, or the newest of a backfill.
    pub as_of: Option<NaiveDate>,
    /// In the order of the run.
    pub steps: Vec<StepStatus>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It runs, or was killed.
    Running,
    Succeeded,
    Failed,
}

/// An error that a run ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunError {
    pub what: String,
    pub place: Option<String>,
    pub hint: Option<String>,
}

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepStatus {
    pub step: String,
    pub state: StepState,
    pub milliseconds: u64,
    /// What the step was made of, as a hash; None where every run decides anew.
    pub made_of: Option<String>,
    /// What it wrote, as hashes.
    pub files: BTreeMap<PathBuf, String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Done,
    /// What it would make is there already.
    UpToDate,
    Failed,
}

impl PipelineStatus {
    /// The file, beside what a pipeline publishes, where its status stands.
    pub fn file(pipeline: &str) -> String {
        format!("{pipeline}.status.json")
    }

    /// A run that begins now, after another.
    pub(super) fn begin(pipeline: &str, before: Option<&PipelineStatus>) -> PipelineStatus {
        PipelineStatus {
            pipeline: pipeline.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: State::Running,
            started_at: Utc::now(),
            finished_at: None,
            last_success_at: before.and_then(|before| before.last_success_at),
            exit_code: None,
            retryable: None,
            error: None,
            as_of: None,
            steps: Vec::new(),
        }
    }

    /// The status that stands beside what a pipeline publishes. One that cannot be read says nothing: what it would save is done again.
    pub fn read(output: &Path, pipeline: &str) -> Option<PipelineStatus> {
        let json = publish::read_beside(output, &PipelineStatus::file(pipeline)).ok()??;
        serde_json::from_slice(&json).ok()
    }

    pub(super) fn write(&self, output: &Path, mode: Mode) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| Error::internal(error.to_string()))?;
        json.push(b'\n');
        publish::change_beside(output, &PipelineStatus::file(&self.pipeline), mode, &mut |_| Ok(Some(json.clone())))
    }

    /// Ends the run.
    pub(super) fn end(&mut self, result: &Result<()>) {
        let now = Utc::now();
        self.finished_at = Some(now);
        match result {
            Ok(()) => {
                (self.state, self.exit_code, self.retryable) = (State::Succeeded, Some(0), Some(false));
                self.last_success_at = Some(now);
            }
            Err(error) => {
                self.state = State::Failed;
                (self.exit_code, self.retryable) = (Some(error.code.exit()), Some(error.code.retry_helps()));
                let Error { what, place, hint, .. } = storage::redacted_error(error);
                self.error = Some(RunError { what, place, hint });
            }
        }
    }

    /// The files of a step that was done with what it would be made of now, and whose files are as they were written.
    pub(super) fn done_before(&self, step: &str, made_of: &str) -> Option<&StepStatus> {
        let of_step = |status: &&StepStatus| status.step == step && status.state != StepState::Failed;
        let same = |status: &&StepStatus| status.made_of.as_deref() == Some(made_of);
        let found = self.steps.iter().find(|status| of_step(status) && same(status))?;
        found.files.iter().all(|(path, hash)| digest(path).is_ok_and(|now| now == *hash)).then_some(found)
    }
}

/// The SHA-256 of a file; of a folder, that of the names and hashes of what is in it.
pub(super) fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    if path.is_dir() {
        let mut entries = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        for entry in entries {
            hash.update(entry.file_name().unwrap_or_default().as_encoded_bytes());
            hash.update(digest(&entry)?);
        }
    } else {
        let mut file = File::open(path)?;
        let mut block = vec![0; 1 << 16];
        loop {
            match io::Read::read(&mut file, &mut block)? {
                0 => break,
                read => hash.update(block.get(..read).unwrap_or_default()),
            }
        }
    }
    Ok(hex(&hash.finalize()))
}
