//! Which files a history consists of: tables by name, hive keys from the path, nothing that is hidden or no longer alive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result, nearest};

/// The value hive writers use for null.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// One Parquet file of a table.
#[derive(Debug, Clone)]
pub struct File {
    pub path: PathBuf,
    /// Path relative to the history's folder, for messages and `run.json`.
    pub name: String,
    /// Hive keys of the folders above it; None where the value is null.
    pub hive: BTreeMap<String, Option<String>>,
    /// Size in bytes.
    pub size: u64,
    pub modified: Option<SystemTime>,
}

/// The folder of a history, refused where it cannot be one.
pub(super) fn root(history: &Path) -> Result<PathBuf> {
    let text = history.to_string_lossy();
    let path = match text.strip_prefix("file://") {
        Some(local) => PathBuf::from(local),
        None if text.contains("://") => {
            return Err(Error::usage("histories on object stores cannot be read by this version")
                .at(&text)
                .hint("mount the container, or copy the tables to a local folder"));
        }
        None => history.to_owned(),
    };
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(path),
        Ok(_) => Err(Error::usage("a history is a folder of tables, and this is a file")
            .at(path.display())
            .hint("give the folder that holds partners.parquet")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::absent("there is no such history")
            .at(path.display())
            .hint("give the folder that holds partners, associations, certifications and workload_usage")),
        Err(error) => Err(Error::storage("open the history", &path, &error)),
    }
}

/// The files of a table, sorted by name: `NAME.parquet`, or the Parquet files under `NAME/`.
pub(super) fn table_files(root: &Path, table: &str) -> Result<Vec<File>> {
    refuse_table_formats(root)?;
    let file = root.join(format!("{table}.parquet"));
    let folder = root.join(table);
    let there = |path: &Path| path.try_exists().map_err(|error| Error::storage("look for the table", path, &error));
    let place = match (there(&file)?, there(&folder)?) {
        (true, true) => {
            return Err(Error::refused(format!("table `{table}` is there twice"))
                .at(format!("{} and {}", file.display(), folder.display()))
                .hint("keep the file or the folder"));
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
        return Err(missing_table(root, table).hint("the folder holds no file whose name ends in .parquet"));
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn missing_table(root: &Path, table: &str) -> Error {
    let error = Error::absent(format!("table `{table}` is missing")).at(root.display());
    let names: Vec<String> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().trim_end_matches(".parquet").to_owned())
        .filter(|name| name != table)
        .collect();
    match nearest(table, names.iter().map(String::as_str)) {
        Some(name) => error.hint(format!("there is `{name}`; rename it to `{table}`")),
        None => error.hint(format!("write it as {table}.parquet, or as Parquet files under {table}/")),
    }
}

/// Delta and Iceberg keep files that are no longer alive; reading them all would count dead rows.
fn refuse_table_formats(folder: &Path) -> Result<()> {
    let is_iceberg = || {
        let entries = std::fs::read_dir(folder.join("metadata")).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with(".metadata.json"))
    };
    let format = match folder.join("_delta_log").exists() {
        true => "a Delta",
        false if is_iceberg() => "an Iceberg",
        false => return Ok(()),
    };
    Err(Error::refused(format!("this is {format} table, whose files are not all alive"))
        .at(folder.display())
        .hint("export the live rows to plain Parquet first, for instance with its own reader"))
}

fn walk(root: &Path, folder: &Path, hive: &BTreeMap<String, Option<String>>, files: &mut Vec<File>) -> Result<()> {
    refuse_table_formats(folder)?;
    let failed = |error: std::io::Error| Error::storage("list the folder", folder, &error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(['_', '.']) {
            continue;
        }
        if path.is_dir() {
            let mut hive = hive.clone();
            hive.extend(hive_key(&name));
            walk(root, &path, &hive, files)?;
        } else if name.to_ascii_lowercase().ends_with(".parquet") {
            files.push(describe(root, &path, hive)?);
        }
    }
    Ok(())
}

fn describe(root: &Path, path: &Path, hive: &BTreeMap<String, Option<String>>) -> Result<File> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::storage("open the file", path, &error))?;
    Ok(File {
        path: path.to_owned(),
        name: path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned(),
        hive: hive.clone(),
        size: metadata.len(),
        modified: metadata.modified().ok(),
    })
}

/// `month=2026-10-01` as a key and its value.
fn hive_key(name: &str) -> Option<(String, Option<String>)> {
    let (key, value) = name.split_once('=')?;
    let value = if value == HIVE_NULL { None } else { Some(percent_decoded(value)) };
    Some((key.to_owned(), value))
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
