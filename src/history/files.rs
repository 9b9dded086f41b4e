//! Which files a history consists of: tables by name, hive keys from the path, nothing that is hidden or no longer alive.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::stored::Stored;
use super::texts;
use crate::error::{Error, Result, nearest};
use crate::storage;

/// How the files of tables end.
const ENDING: &str = ".parquet";
/// The folder that makes another a Delta table.
pub(super) const DELTA_LOG: &str = "_delta_log";
/// The folder that makes another an Iceberg table, by a file that ends like this.
pub(super) const METADATA: &str = "metadata";
pub(super) const METADATA_ENDING: &str = ".metadata.json";
/// The value hive writers use for null.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// One Parquet file of a table.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it is read; what lies on an object store is there once its table has brought it here.
    pub path: PathBuf,
    /// How a person names where it lies: its path, or its URL.
    pub place: String,
    /// Path relative to the history's folder, for messages and `run.json`.
    pub name: String,
    /// Hive keys of the folders above it; None where the value is null.
    pub hive: BTreeMap<String, Option<String>>,
    /// Size in bytes.
    pub size: u64,
    pub modified: Option<SystemTime>,
    /// What an object store calls this version of it.
    pub etag: Option<String>,
}

/// A history's folder: its files, wherever they lie.
#[derive(Debug)]
pub(super) enum Root {
    Folder(PathBuf),
    Store(Arc<Stored>),
}

impl Root {
    /// The folder of a history, refused where it cannot be one.
    pub(super) fn open(history: &Path) -> Result<Root> {
        match storage::is_url(history) {
            true => Stored::open(history).map(|stored| Root::Store(Arc::new(stored))),
            false => folder(&storage::local(history)).map(Root::Folder),
        }
    }

    /// The folder, or its URL.
    pub(super) fn place(&self) -> PathBuf {
        match self {
            Root::Folder(path) => path.clone(),
            Root::Store(stored) => PathBuf::from(stored.url()),
        }
    }

    /// The content of a small file beside the tables; None where it is not there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = match self {
            Root::Folder(folder) => folder.join(name),
            Root::Store(stored) => return stored.read(name),
        };
        match std::fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::storage("read the file", &path, &error)),
        }
    }

    /// The files of a table, sorted by name.
    pub(super) fn table_files(&self, table: &str) -> Result<Vec<File>> {
        match self {
            Root::Folder(path) => table_files(path, table),
            Root::Store(stored) => stored.table_files(table),
        }
    }

    /// What brings files here, where they lie elsewhere.
    pub(super) fn stored(&self) -> Option<Arc<Stored>> {
        match self {
            Root::Folder(_) => None,
            Root::Store(stored) => Some(stored.clone()),
        }
    }
}

fn folder(path: &Path) -> Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(path.to_owned()),
        Ok(_) => Err(Error::usage("a history is a folder of tables, and this is a file")
            .at(path.display())
            .hint("give the folder that holds partners.parquet")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(no_history(&path.display())),
        Err(error) => Err(Error::storage("open the history", path, &error)),
    }
}

/// Nothing is where a history was named.
pub(super) fn no_history(place: &impl fmt::Display) -> Error {
    Error::absent("there is no such history")
        .at(place)
        .hint("give the folder that holds partners, associations, certifications and workload_usage")
}

/// The files of a table of a local folder: `NAME.parquet`, or the Parquet files under `NAME/`.
fn table_files(root: &Path, table: &str) -> Result<Vec<File>> {
    refuse_table_formats(root)?;
    let file = root.join(format!("{table}.parquet"));
    let folder = root.join(table);
    let there = |path: &Path| path.try_exists().map_err(|error| Error::storage("look for the table", path, &error));
    let place = match (there(&file)?, there(&folder)?) {
        (true, true) => {
            return Err(there_twice(table, &file.display(), &folder.display()));
        }
        (true, false) => file,
        (false, true) => folder,
        (false, false) => return Err(missing_table(root, table)),
    };
    let mut files = Vec::new();
    if place.is_dir() {
        walk(root, &place, &BTreeMap::new(), &mut files)?;
    } else {
        files.push(describe(root, &place, &BTreeMap::new())?);
    }
    if files.is_empty() {
        return Err(missing_table(root, table).hint(NO_FILE));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// A table that is a file and a folder.
pub(super) fn there_twice(table: &str, file: &impl fmt::Display, folder: &impl fmt::Display) -> Error {
    Error::refused(format!("table `{table}` is there twice"))
        .at(format!("{file} and {folder}"))
        .hint("keep the file or the folder")
}

/// A table without a file.
pub(super) const NO_FILE: &str = "the folder holds no file whose name ends in .parquet";

fn missing_table(root: &Path, table: &str) -> Error {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    absent_table(&root.display(), table, entries.map(|entry| entry.file_name().to_string_lossy().into_owned()))
}

/// A table that is not there; the nearest of what is there may be meant.
pub(super) fn absent_table(root: &impl fmt::Display, table: &str, entries: impl Iterator<Item = String>) -> Error {
    let error = Error::absent(format!("table `{table}` is missing")).at(root);
    let names = entries.map(|name| name.trim_end_matches(ENDING).to_owned()).filter(|name| name != table);
    let names: Vec<String> = names.collect();
    match nearest(table, names.iter().map(String::as_str)) {
        Some(name) => error.hint(format!("there is `{name}`; rename it to `{table}`")),
        None => error.hint(format!("write it as {table}.parquet, or as Parquet files under {table}/")),
    }
}

/// Delta and Iceberg keep files that are no longer alive; reading them all would count dead rows.
fn refuse_table_formats(folder: &Path) -> Result<()> {
    let is_iceberg = || {
        let entries = std::fs::read_dir(folder.join(METADATA)).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with(METADATA_ENDING))
    };
    match folder.join(DELTA_LOG).exists() {
        true => Err(not_alive("a Delta", &folder.display())),
        false if is_iceberg() => Err(not_alive("an Iceberg", &folder.display())),
        false => Ok(()),
    }
}

/// A folder in a table format.
pub(super) fn not_alive(format: &str, folder: &impl fmt::Display) -> Error {
    Error::refused(format!("this is {format} table, whose files are not all alive"))
        .at(folder)
        .hint("export the live rows to plain Parquet first, for instance with its own reader; the Python package takes a DeltaTable")
}

/// Whether a file or folder is none of the history's.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Whether a file is one of a table's.
pub(super) fn is_parquet(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ENDING)
}

fn walk(root: &Path, folder: &Path, hive: &BTreeMap<String, Option<String>>, files: &mut Vec<File>) -> Result<()> {
    refuse_table_formats(folder)?;
    let failed = |error: std::io::Error| Error::storage("list the folder", folder, &error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_hidden(&name) {
            continue;
        }
        if path.is_dir() {
            let mut hive = hive.clone();
            hive.extend(hive_key(&name));
            walk(root, &path, &hive, files)?;
        } else if is_parquet(&name) {
            files.push(describe(root, &path, hive)?);
        }
    }
    Ok(())
}

fn describe(root: &Path, path: &Path, hive: &BTreeMap<String, Option<String>>) -> Result<File> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::storage("open the file", path, &error))?;
    Ok(File {
        path: path.to_owned(),
        place: path.display().to_string(),
        name: path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned(),
        hive: hive.clone(),
        size: metadata.len(),
        modified: metadata.modified().ok(),
        etag: None,
    })
}

/// `month=2026-10-01` as a key and its value.
pub(super) fn hive_key(name: &str) -> Option<(String, Option<String>)> {
    let (key, value) = name.split_once('=')?;
    let value = Some(percent_decoded(value)).filter(|value| value != HIVE_NULL && !spells_null(value));
    Some((key.to_owned(), value))
}

/// Whether a writer has put null in this form; some know no other.
fn spells_null(value: &str) -> bool {
    texts::is_blank(value) || texts::spells_null(value)
}

/// Undoes the `%XX` that hive writers use for characters a path cannot hold.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
