//! The files of a history: tables by name, hive keys from the path.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use percent_encoding::percent_decode_str;

use super::Tables;
use super::identity::Identity;
use super::listing::{self, ENDING, Entry, Refusal};
use super::stored::Stored;
use super::table_formats::Found;
use super::texts;
use crate::error::{Error, Result, nearest};
use crate::storage;

/// The bytes that a Parquet file begins and ends with; the second where its footer is encrypted.
const MAGICS: [&[u8; 4]; 2] = [b"PAR1", b"PARE"];
/// Bytes of a magic number.
pub(super) const MAGIC_LENGTH: u64 = 4;
/// The value that hive writers use for null.
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
    /// The version that was listed; None where it lies on an object store, whose etag names the version.
    pub identity: Option<Identity>,
}

/// A history's folder, listed once.
#[derive(Debug)]
pub(super) enum Root {
    Folder(PathBuf, Vec<Entry>),
    Store(Arc<Stored>),
}

/// The files of a table, sorted by name.
#[derive(Debug)]
pub(super) struct TableFiles {
    pub files: Vec<File>,
    /// Names of files beside them that are not read.
    pub not_read: Vec<String>,
}

impl Root {
    /// The folder of a history, refused where it cannot be one.
    pub(super) fn open(history: &Path) -> Result<Root> {
        let root = match storage::is_url(history) {
            true => Stored::open(history).map(|stored| Root::Store(Arc::new(stored)))?,
            false => {
                let path = folder(&storage::local(history))?;
                let entries = listing::local(&path, &Tables::NAMES)?;
                Root::Folder(path, entries)
            }
        };
        match listing::format_of_root(root.entries()) {
            Some(Found { format, mark, .. }) => Err(not_alive(format, mark, &root.place().display())),
            None => Ok(root),
        }
    }

    /// The folder, or its URL.
    pub(super) fn place(&self) -> PathBuf {
        match self {
            Root::Folder(path, _) => path.clone(),
            Root::Store(stored) => PathBuf::from(stored.url()),
        }
    }

    /// Everything in the folder that can belong to a table.
    fn entries(&self) -> &[Entry] {
        match self {
            Root::Folder(_, entries) => entries,
            Root::Store(stored) => stored.entries(),
        }
    }

    /// The place of an entry as a person names it.
    fn place_of(&self, name: &str) -> String {
        match self {
            Root::Folder(path, _) => path.join(name).display().to_string(),
            Root::Store(stored) => stored.url_of(name),
        }
    }

    /// The content of a small file beside the tables; None where it is not there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = match self {
            Root::Folder(folder, _) => folder.join(name),
            Root::Store(stored) => return stored.read(name),
        };
        match std::fs::metadata(&path).and_then(|metadata| metadata.is_file().then(|| std::fs::read(&path)).transpose())
        {
            Ok(Some(content)) => Ok(Some(content)),
            // Reading a pipe or a device can block, or never end.
            Ok(None) => Err(Error::refused("this is no file").at(path.display()).hint("move it out of the history")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::storage("read the file", &path, &error)),
        }
    }

    /// The files of a table: `NAME.parquet`, or the Parquet files below `NAME/`.
    ///
    /// # Errors
    /// Absent where the table or every file of it is missing; refused where it is there twice, is in another table format, or has Parquet
    /// content under another ending.
    pub(super) fn table_files(&self, table: &str) -> Result<TableFiles> {
        let entries = listing::of_table(self.entries(), table).map_err(|refusal| self.refused(table, refusal))?;
        self.refuse_parquet_content(&entries.not_read)?;
        let files = match self {
            Root::Folder(root, _) => entries.files.iter().map(|name| describe(root, name)).collect::<Result<_>>()?,
            Root::Store(stored) => stored.files(&entries.files),
        };
        Ok(TableFiles { files, not_read: entries.not_read })
    }

    /// Files and folders beside the tables that are named like one and are not read.
    pub(super) fn like_tables(&self) -> Vec<&str> {
        listing::like_tables(self.entries(), &Tables::NAMES)
    }

    fn refused(&self, table: &str, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Missing => self.missing_table(table),
            Refusal::NoFile { not_read } => match self.refuse_parquet_content(&not_read) {
                Err(error) => error,
                Ok(()) => Error::absent(format!("table `{table}` has no file"))
                    .at(self.place_of(table))
                    .hint(format!("the folder holds no file whose name ends in {ENDING}")),
            },
            Refusal::Twice(one, other) => Error::refused(format!("table `{table}` is there twice"))
                .at(format!("{} and {}", self.place_of(&one), self.place_of(&other)))
                .hint("keep one of the two"),
            Refusal::OtherFormat { format, folder, mark } => not_alive(format, &mark, &self.place_of(&folder)),
            Refusal::Special(name) => Error::refused("this is neither a file nor a folder, and is named as Parquet")
                .at(self.place_of(&name))
                .hint("move the pipe, socket or device out of the history"),
            Refusal::BrokenLink(name) => Error::refused("a link leads to no file or folder")
                .at(self.place_of(&name))
                .hint("restore what the link names, or remove the link"),
        }
    }

    /// Refuses Parquet content under another ending: its rows would be missing.
    fn refuse_parquet_content(&self, not_read: &[String]) -> Result<()> {
        for name in not_read {
            if self.has_parquet_content(name)? {
                return Err(Error::refused(format!("the file is Parquet, and its name does not end in {ENDING}"))
                    .at(self.place_of(name))
                    .hint(format!("rename it so that it ends in {ENDING}, or move it out of the history")));
            }
        }
        Ok(())
    }

    /// Whether a file begins and ends as Parquet does. One that only begins so is still being written.
    fn has_parquet_content(&self, name: &str) -> Result<bool> {
        let ends = match self {
            Root::Folder(root, _) => local_ends(&root.join(name))?,
            Root::Store(stored) => stored.ends(name)?,
        };
        let is_magic = |end: &[u8]| MAGICS.iter().any(|magic| end == *magic);
        Ok(ends.is_some_and(|ends| ends.iter().all(|end| is_magic(end))))
    }

    /// A table that is not there; the nearest of what is there may be meant.
    fn missing_table(&self, table: &str) -> Error {
        let error = Error::absent(format!("table `{table}` is missing")).at(self.place().display());
        let at_top = self.entries().iter().filter(|entry| !entry.name.trim_end_matches('/').contains('/'));
        let names: Vec<&str> = at_top.map(|entry| entry.name.as_str()).collect();
        // The whole name, its first part and its name without an ending may each be near.
        let stems = names.iter().flat_map(|name| {
            let bare = name.trim_end_matches('/');
            let first = bare.split('.').next().unwrap_or(bare);
            [(bare.strip_suffix(ENDING).unwrap_or(bare), *name), (first, *name)]
        });
        let stems: BTreeMap<String, &str> = stems.map(|(stem, name)| (stem.to_lowercase(), name)).collect();
        let near = nearest(table, stems.keys().map(String::as_str)).and_then(|stem| stems.get(stem));
        match near {
            Some(name) if name.ends_with('/') => {
                error.hint(format!("there is the folder `{}`; rename it to `{table}`", name.trim_end_matches('/')))
            }
            Some(name) => error.hint(format!("there is `{name}`; rename it to `{table}{ENDING}`")),
            None => error.hint(format!("write it as {table}{ENDING}, or as Parquet files under {table}/")),
        }
    }

    /// What brings files here, where they lie elsewhere.
    pub(super) fn stored(&self) -> Option<Arc<Stored>> {
        match self {
            Root::Folder(..) => None,
            Root::Store(stored) => Some(stored.clone()),
        }
    }
}

/// The first and the last bytes of a file of this machine; None where it is too short for both, or is no file that can be read.
fn local_ends(path: &Path) -> Result<Option<[Vec<u8>; 2]>> {
    let failed = |error: std::io::Error| Error::storage("read the file", path, &error);
    // Opening a pipe waits for a writer.
    if !path.is_file() {
        return Ok(None);
    }
    let Ok(mut file) = std::fs::File::open(path) else { return Ok(None) };
    let size = file.metadata().map_err(failed)?.len();
    if size < 2 * MAGIC_LENGTH {
        return Ok(None);
    }
    let mut read_at = |place: u64| -> Result<Vec<u8>> {
        let mut bytes = vec![0; MAGIC_LENGTH as usize];
        file.seek(SeekFrom::Start(place)).and_then(|_| file.read_exact(&mut bytes)).map_err(failed)?;
        Ok(bytes)
    };
    Ok(Some([read_at(0)?, read_at(size - MAGIC_LENGTH)?]))
}

fn folder(path: &Path) -> Result<PathBuf> {
    if path.to_str().is_none() {
        return Err(Error::refused("the path of the history is no UTF-8 text")
            .at(path.display())
            .hint("rename the folder"));
    }
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

/// A folder in a table format, which `mark` shows.
fn not_alive(format: &str, mark: &str, folder: &impl fmt::Display) -> Error {
    let what = format!("this is {format} (`{mark}`): some of its Parquet files may hold deleted or replaced rows");
    Error::refused(what).at(folder).hint(
        "export its current rows to plain Parquet with its own reader; the Python package reads a DeltaTable as it is",
    )
}

fn describe(root: &Path, name: &str) -> Result<File> {
    let path = root.join(name);
    let metadata = std::fs::metadata(&path).map_err(|error| Error::storage("open the file", &path, &error))?;
    Ok(File {
        place: path.display().to_string(),
        path,
        name: name.to_owned(),
        hive: hive_keys(name),
        size: metadata.len(),
        modified: metadata.modified().ok(),
        etag: None,
        identity: Some(Identity::new(&metadata)),
    })
}

/// The hive keys of the folders above a file.
pub(super) fn hive_keys(name: &str) -> BTreeMap<String, Option<String>> {
    let above = name.rsplit_once('/').map_or("", |(above, _)| above);
    above.split('/').filter_map(hive_key).collect()
}

/// `month=2026-10-01` as a key and its value.
fn hive_key(name: &str) -> Option<(String, Option<String>)> {
    let (key, value) = name.split_once('=')?;
    let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
    Some((key.to_owned(), Some(value).filter(|value| value != HIVE_NULL && !spells_null(value))))
}

/// Whether a writer has put null in this form; some know no other.
fn spells_null(value: &str) -> bool {
    texts::is_blank(value) || texts::spells_null(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_values_are_decoded_and_null_in_every_spelling() {
        let value = |name: &str| hive_key(name).and_then(|(_, value)| value);
        for (name, expected) in [
            ("month=2026-10-01", "2026-10-01"),
            ("month=2026%2D10%2D01", "2026-10-01"),
            ("market=a%3Db", "a=b"),
            ("market=100%", "100%"),
            ("market=NA", "NA"),
            ("market=nullable", "nullable"),
            ("market=%09US", "\tUS"),
        ] {
            assert_eq!(value(name).as_deref(), Some(expected), "{name}");
        }
        for null in [
            "__HIVE_DEFAULT_PARTITION__",
            "NULL",
            "null",
            "Null",
            "nan",
            "NaN",
            "None",
            "NaT",
            "<NA>",
            "\\N",
            "",
            "%09",
        ] {
            assert_eq!(hive_key(&format!("market={null}")), Some(("market".to_owned(), None)), "{null}");
        }
        assert_eq!(hive_key("month%3D2026-10-01"), None);
        assert_eq!(hive_key("2026-10-01"), None);
    }
}
