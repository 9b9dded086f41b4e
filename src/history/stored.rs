//! A history on an object store: listed once, and its files brought here when they are needed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::files::{self, File};
use super::listing::{self, Entry, EntryKind};
use crate::engine;
use crate::error::Result;
use crate::storage::{Folder, Object};

/// What bringing files here is called where stages are told.
const STAGE: &str = "download";

/// What Hadoop puts behind the name of a folder to make it an object; the longer first.
const FOLDER_MARKS: [&str; 2] = ["_$folder$", "$folder$"];

/// The files of a history's folder as its store listed them, or those of one table as somebody else did.
#[derive(Debug)]
pub(super) struct Stored {
    folder: Folder,
    objects: Vec<Object>,
    /// The same as entries of the history's folder; none where others listed the files.
    entries: Vec<Entry>,
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
        let entries = entries_of(&objects);
        Ok(Stored { folder, objects, entries, prefix: String::new() })
    }

    /// Objects of a folder that were listed otherwise; `prefix` stands before the names of its files.
    ///
    /// # Errors
    /// Usage where the URL is wrong; storage where what the environment tells cannot be used.
    pub(super) fn listed(url: &Path, prefix: String, objects: Vec<Object>) -> Result<Stored> {
        Ok(Stored { folder: Folder::open(url, engine::go_on)?, objects, entries: Vec::new(), prefix })
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

    /// The objects as entries of the history's folder. Objects that stand for a folder, as some programs write them, are no files.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The URL of an entry.
    pub(super) fn url_of(&self, name: &str) -> String {
        self.folder.url_of(name)
    }

    /// The objects of these names as files of a table, in the listing's order.
    pub(super) fn files(&self, names: &[String]) -> Vec<File> {
        let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        self.objects
            .iter()
            .filter(|object| names.contains(object.name.as_str()))
            .map(|object| self.file(object))
            .collect()
    }

    /// The first and the last bytes of an object; None where it is too short for both.
    pub(super) fn ends(&self, name: &str) -> Result<Option<[Vec<u8>; 2]>> {
        let object = self.objects.iter().find(|object| object.name == name);
        let Some(object) = object.filter(|object| object.size >= 2 * files::MAGIC_LENGTH) else { return Ok(None) };
        let read = |from: u64| self.folder.read_range(name, from..from + files::MAGIC_LENGTH);
        Ok(Some([read(0)?, read(object.size - files::MAGIC_LENGTH)?]))
    }

    /// An object as a file of a table.
    pub(super) fn file(&self, object: &Object) -> File {
        File {
            path: self.folder.place(object),
            place: self.folder.url_of(&object.name),
            name: format!("{}{}", self.prefix, object.name),
            hive: files::hive_keys(&object.name),
            size: object.size,
            modified: Some(object.modified),
            etag: object.etag.clone(),
            identity: None,
        }
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

/// The entries that objects stand for.
fn entries_of(objects: &[Object]) -> Vec<Entry> {
    let folders: BTreeSet<&str> = objects.iter().flat_map(|object| folders_above(&object.name)).collect();
    let entry = |object: &Object| {
        let bare = object.name.trim_end_matches('/');
        let bare = FOLDER_MARKS.iter().find_map(|mark| bare.strip_suffix(mark)).unwrap_or(bare);
        let bare = bare.trim_end_matches('/');
        // An empty object without an ending holds nothing: programs write it for a folder that has no file yet.
        let has_ending = bare.rsplit('/').next().is_some_and(|name| name.contains('.'));
        let is_folder = object.size == 0 && (bare != object.name || folders.contains(bare) || !has_ending);
        match is_folder {
            true => Entry { name: format!("{bare}/"), kind: EntryKind::Folder },
            false => Entry { name: object.name.clone(), kind: EntryKind::File },
        }
    };
    // An object for a folder beside the tables says nothing: a table is what has objects below it.
    let is_empty_table = |entry: &Entry| {
        let bare = entry.name.strip_suffix('/');
        bare.is_some_and(|bare| !bare.contains('/') && !listing::is_hidden(bare) && !folders.contains(bare))
    };
    let entries: BTreeSet<Entry> = objects.iter().map(entry).filter(|entry| !is_empty_table(entry)).collect();
    entries.into_iter().collect()
}

/// Every folder that a path leads through.
fn folders_above(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(place, _)| &name[..place])
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn objects_that_stand_for_folders_are_no_files() {
        let object = |(name, size): (&str, u64)| Object {
            name: name.to_owned(),
            size,
            etag: None,
            modified: SystemTime::UNIX_EPOCH,
        };
        let objects = [
            ("w", 0),
            ("w/m=1", 0),
            ("w/m=1/a.parquet", 9),
            ("w/m=2/", 0),
            ("w/m=3_$folder$", 0),
            ("w/m=4$folder$", 0),
            ("w/m=5/$folder$", 0),
            ("a_$folder$", 0),
            ("p.parquet", 0),
            ("p.parquet/a.parquet", 9),
            ("w/_SUCCESS", 0),
            ("w/b.parquet", 0),
        ];
        let entries = entries_of(&objects.map(object));
        let files: Vec<&str> =
            entries.iter().filter(|entry| entry.kind == EntryKind::File).map(|entry| entry.name.as_str()).collect();
        assert!(entries.iter().all(|entry| entry.name != "a/"), "{entries:?}");
        assert_eq!(files, ["p.parquet/a.parquet", "w/b.parquet", "w/m=1/a.parquet"]);
    }
}
