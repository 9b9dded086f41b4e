//! A table whose live files somebody else knows, as the log of a Delta table does: read where they lie, and nothing beside them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::files::File;
use super::identity::Identity;
use super::stored::Stored;
use crate::error::{Error, Result};
use crate::storage::{self, Object};

/// The live files of a table.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The table's folder, or its URL.
    pub root: PathBuf,
    pub files: Vec<ListedFile>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct ListedFile {
    /// Its path within the folder, with slashes.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    pub modified: Option<SystemTime>,
    /// Columns that have one value in all of its rows, which the file does not hold; None where that is null.
    pub partitions: BTreeMap<String, Option<String>>,
}

impl Listed {
    /// The files of a table of this name, by name, with what brings them here where they lie on an object store.
    ///
    /// # Errors
    /// Usage where the URL is wrong; absent where a file is not there; storage where one cannot be looked at.
    pub(super) fn open(mut self, table: &str) -> Result<(Vec<File>, Option<Arc<Stored>>)> {
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        match storage::is_url(&self.root) {
            true => self.stored(table),
            false => {
                let root = storage::local(&self.root);
                let files = self.files.into_iter().map(|file| file.local(&root, table)).collect::<Result<_>>()?;
                Ok((files, None))
            }
        }
    }

    fn stored(self, table: &str) -> Result<(Vec<File>, Option<Arc<Stored>>)> {
        let objects = self.files.iter().map(ListedFile::object).collect();
        let stored = Stored::listed(&self.root, format!("{table}/"), objects)?;
        let files = self.files.into_iter().map(|file| {
            let found = stored.file(&file.object());
            File { hive: file.partitions, ..found }
        });
        Ok((files.collect(), Some(Arc::new(stored))))
    }
}

impl ListedFile {
    fn object(&self) -> Object {
        let modified = self.modified.unwrap_or(SystemTime::UNIX_EPOCH);
        Object { name: self.name.clone(), size: self.size, etag: None, modified }
    }

    fn local(self, root: &Path, table: &str) -> Result<File> {
        let path = root.join(&self.name);
        match std::fs::metadata(&path) {
            Ok(metadata) => Ok(File {
                place: path.display().to_string(),
                path,
                name: format!("{table}/{}", self.name),
                hive: self.partitions,
                size: self.size,
                modified: self.modified,
                etag: None,
                identity: Some(Identity::new(&metadata)),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::absent(format!("a file of table `{table}` is not there any more"))
                    .at(path.display())
                    .hint("files of old versions are removed in time; open the table's newest version"))
            }
            Err(error) => Err(Error::storage("look for the file", &path, &error)),
        }
    }
}
