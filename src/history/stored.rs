//! A history on an object store: listed once, and its files brought here when they are needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::{self, File};
use crate::engine;
use crate::error::Result;
use crate::storage::{Folder, Object};

/// What bringing files here is called where stages are told.
const STAGE: &str = "download";

/// The files of a history's folder as its store listed them, or those of one table as somebody else did.
#[derive(Debug)]
pub(super) struct Stored {
    folder: Folder,
    objects: Vec<Object>,
    /// What stands before the names of its files: nothing, or a table's name.
    prefix: String,
}

impl Stored {
    /// Lists the folder of a URL.
    ///
    /// # Errors
    /// Absent where there is nothing; storage where access fails.
    pub(super) fn open(url: &Path) -> Result<Stored> {
        let folder = Folder::open(url, engine::go_on)?;
        let objects = engine::stage("list", || folder.list())?;
        if objects.is_empty() {
            return Err(files::no_history(&folder.url()));
        }
        Ok(Stored { folder, objects, prefix: String::new() })
    }

    /// Objects of a folder that were listed otherwise; `prefix` stands before the names of its files.
    ///
    /// # Errors
    /// Usage where the URL is wrong; storage where what the environment tells cannot be used.
    pub(super) fn listed(url: &Path, prefix: String, objects: Vec<Object>) -> Result<Stored> {
        Ok(Stored { folder: Folder::open(url, engine::go_on)?, objects, prefix })
    }

    pub(super) fn url(&self) -> String {
        self.folder.url()
    }

    /// The content of a small object of the folder; None where the listing does not have it.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.objects.iter().any(|object| object.name == name) {
            true => Ok(self.folder.read(name)?.map(|content| content.bytes)),
            false => Ok(None),
        }
    }

    /// The files of a table, sorted by name: `NAME.parquet`, or the Parquet files under `NAME/`.
    pub(super) fn table_files(&self, table: &str) -> Result<Vec<File>> {
        self.refuse_table_formats("")?;
        let (file, folder) = (format!("{table}.parquet"), format!("{table}/"));
        let has_file = self.objects.iter().any(|object| object.name == file);
        let below: Vec<&Object> = self.objects.iter().filter(|object| object.name.starts_with(&folder)).collect();
        match (has_file, below.is_empty()) {
            (true, false) => {
                let (file, folder) = (self.folder.url_of(&file), self.folder.url_of(table));
                return Err(files::there_twice(table, &file, &folder));
            }
            (false, true) => return Err(self.missing_table(table)),
            _ => {}
        }
        self.refuse_table_formats(&folder)?;
        let theirs = self.objects.iter().filter(|object| object.name == file || object.name.starts_with(&folder));
        let files: Vec<File> =
            theirs.filter(|object| is_of_table(&object.name)).map(|object| self.file(object)).collect();
        if files.is_empty() {
            return Err(self.missing_table(table).hint(files::NO_FILE));
        }
        Ok(files)
    }

    /// An object as a file of a table.
    pub(super) fn file(&self, object: &Object) -> File {
        let above = object.name.rsplit_once('/').map_or("", |(above, _)| above);
        File {
            path: self.folder.place(object),
            place: self.folder.url_of(&object.name),
            name: format!("{}{}", self.prefix, object.name),
            hive: above.split('/').filter_map(files::hive_key).collect(),
            size: object.size,
            modified: Some(object.modified),
            etag: object.etag.clone(),
            identity: None,
        }
    }

    fn missing_table(&self, table: &str) -> crate::error::Error {
        let names: BTreeSet<&str> = self.objects.iter().filter_map(|object| object.name.split('/').next()).collect();
        files::absent_table(&self.url(), table, names.into_iter().map(str::to_owned))
    }

    /// Refuses a folder that is a Delta or Iceberg table, or holds one; of the history's own folder, only that itself.
    fn refuse_table_formats(&self, folder: &str) -> Result<()> {
        for object in self.objects.iter().filter(|object| object.name.starts_with(folder)) {
            let Some((above, file)) = object.name.rsplit_once('/') else { continue };
            let of = |name: &str| above.strip_suffix(name).filter(|above| above.is_empty() || above.ends_with('/'));
            let is_metadata = file.ends_with(files::METADATA_ENDING);
            let delta = of(files::DELTA_LOG).map(|above| ("a Delta", above));
            let iceberg = of(files::METADATA).filter(|_| is_metadata).map(|above| ("an Iceberg", above));
            let Some((format, above)) = delta.or(iceberg) else { continue };
            if above.split('/').any(files::is_hidden) || (folder.is_empty() && !above.is_empty()) {
                continue;
            }
            return Err(files::not_alive(format, &self.folder.url_of(above.trim_end_matches('/'))));
        }
        Ok(())
    }

    /// Brings files here that are not here yet.
    ///
    /// # Errors
    /// Storage where access fails, or a file was replaced since it was listed.
    pub(super) fn bring(&self, wanted: &[&File]) -> Result<()> {
        let names: BTreeSet<&str> = wanted.iter().filter_map(|file| file.name.strip_prefix(&self.prefix)).collect();
        let objects = self.objects.iter().filter(|object| names.contains(object.name.as_str()));
        let missing: Vec<(&Object, PathBuf)> =
            self.folder.missing(objects.map(|object| (object, self.folder.place(object))));
        if missing.is_empty() {
            return Ok(());
        }
        let (files, bytes) = (missing.len(), missing.iter().map(|(object, _)| object.size).sum::<u64>());
        tracing::info!(files, bytes, url = self.url(), "download");
        engine::stage(STAGE, || self.folder.fetch(&missing, &mut |done| engine::announce(STAGE, done, files)))
    }
}

/// Whether an object is a file of a table: nothing on the way to it is hidden, and it ends as Parquet does.
fn is_of_table(name: &str) -> bool {
    files::is_parquet(name) && !name.split('/').any(files::is_hidden)
}
