//! The entries below a history's folder, and which of them are the files of a table.
//!
//! The same rules hold for a folder on this machine and for one on an object store: both give names with slashes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::table_formats::{self, Found};
use crate::error::{Error, Result};

/// How the files of tables end.
pub(super) const ENDING: &str = ".parquet";

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EntryKind {
    File,
    /// Its name ends in a slash.
    Folder,
    /// Neither: a pipe, a socket or a device, which can block or never end.
    Special,
}

/// A file or folder below a history's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Its path within the history's folder, with slashes.
    pub name: String,
    pub kind: EntryKind,
}

/// The entries of one table, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableEntries {
    /// The files that are read.
    pub files: Vec<String>,
    /// Files beside them that are not: neither hidden nor named as Parquet.
    pub not_read: Vec<String>,
}

/// Why the entries are not those of one table.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing is named like the table.
    Missing,
    /// The table's folder has no file that is read.
    NoFile { not_read: Vec<String> },
    /// Two entries are named like the table.
    Twice(String, String),
    /// The table, or a folder of it, is in another format.
    OtherFormat { format: &'static str, folder: String },
    /// An entry named as Parquet is no file.
    Special(String),
}

/// The files of a table among the entries: `NAME.parquet`, or those below `NAME/` or `NAME.parquet/`, which Spark writes.
pub(super) fn of_table(entries: &[Entry], table: &str) -> std::result::Result<TableEntries, Refusal> {
    let file = format!("{table}{ENDING}");
    let folders = [format!("{table}/"), format!("{file}/")];
    let is_below = |folder: &String| entries.iter().any(|entry| entry.name.starts_with(folder.as_str()));
    let named_file = entries.iter().find(|entry| entry.name == file && entry.kind != EntryKind::Folder);
    let mut places: Vec<&str> = named_file.map(|entry| entry.name.as_str()).into_iter().collect();
    places.extend(folders.iter().filter(|folder| is_below(folder)).map(String::as_str));
    let place = match places.as_slice() {
        [] => return Err(Refusal::Missing),
        [place] => *place,
        [one, other, ..] => {
            let bare = |place: &str| place.trim_end_matches('/').to_owned();
            return Err(Refusal::Twice(bare(one), bare(other)));
        }
    };
    let is_theirs = |entry: &&Entry| entry.name == place || (place.ends_with('/') && entry.name.starts_with(place));
    let theirs: Vec<&Entry> = entries.iter().filter(is_theirs).collect();
    if let Some(Found { format, folder }) = other_format(&theirs) {
        return Err(Refusal::OtherFormat { format, folder: folder.to_owned() });
    }
    let mut found = TableEntries::default();
    for entry in theirs.into_iter().filter(|entry| !entry.name.split('/').any(is_hidden)) {
        match entry.kind {
            EntryKind::Folder => {}
            EntryKind::Special if is_parquet(&entry.name) => return Err(Refusal::Special(entry.name.clone())),
            EntryKind::File if is_parquet(&entry.name) => found.files.push(entry.name.clone()),
            _ => found.not_read.push(entry.name.clone()),
        }
    }
    if found.files.is_empty() { Err(Refusal::NoFile { not_read: found.not_read }) } else { Ok(found) }
}

/// Another format that the folder of a table, or one below it, is in.
fn other_format<'a>(entries: &[&'a Entry]) -> Option<Found<'a>> {
    let mut found = entries.iter().filter_map(|entry| table_formats::of_name(&entry.name));
    found.find(|found| !found.folder.split('/').any(is_hidden))
}

/// Another format that the history's own folder is in.
pub(super) fn format_of_root(entries: &[Entry]) -> Option<&'static str> {
    let found = entries.iter().filter_map(|entry| table_formats::of_name(&entry.name));
    found.filter(|found| found.folder.is_empty()).map(|found| found.format).next()
}

/// Whether a file or folder is none of the history's.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Whether a file is one of a table's.
pub(super) fn is_parquet(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ENDING)
}

/// Entries at the top of a history that are copies of a table: a program that copies files has numbered or marked their names.
pub(super) fn copies_of_tables<'a>(entries: &'a [Entry], tables: &[&str]) -> Vec<&'a str> {
    let at_top = entries.iter().map(|entry| entry.name.as_str()).filter(|name| !name.contains('/'));
    at_top.filter(|name| original(stem(name)).is_some_and(|original| tables.contains(&original))).collect()
}

/// Pairs of files of one folder of which the second has the name that a program gives to a copy of the first.
pub(super) fn copies(names: &[String]) -> Vec<(&str, &str)> {
    let key = |name: &str| {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let original = original(stem(file)).unwrap_or(stem(file)).to_owned();
        (folder.to_owned(), original)
    };
    let mut alike: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for name in names {
        alike.entry(key(name)).or_default().push(name);
    }
    let pairs = alike.into_values().filter(|names| names.len() > 1).flat_map(|mut names| {
        // The original has the shortest name.
        names.sort_by_key(|name| (name.len(), *name));
        let first = names[0];
        names.into_iter().skip(1).map(move |copy| (first, copy)).collect::<Vec<_>>()
    });
    pairs.collect()
}

fn stem(file: &str) -> &str {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// The name of the file that a copy was made of: `part-0 (1)`, `part-0(1)`, `part-0 - Copy`, `part-0 - Copy (2)`, `part-0 copy 2`,
/// `Copy of part-0`. None for a name that no program gives to copies.
fn original(stem: &str) -> Option<&str> {
    let unnumbered = without_number(stem);
    let base = unnumbered.unwrap_or(stem);
    let lower = base.to_ascii_lowercase();
    for mark in [" - copy", " copy", "_copy", "-copy"] {
        if lower.ends_with(mark) {
            return Some(&base[..base.len() - mark.len()]);
        }
    }
    match lower.starts_with("copy of ") {
        true => Some(&base["copy of ".len()..]),
        false => unnumbered,
    }
}

/// The name without ` (2)`, `(2)` or, behind the word copy, ` 2` at its end.
fn without_number(stem: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((name, number)) = stem.strip_suffix(')').and_then(|stem| stem.rsplit_once('(')) {
        return (is_number(number) && !name.trim_end().is_empty()).then(|| name.trim_end());
    }
    let (name, number) = stem.rsplit_once(' ')?;
    (is_number(number) && name.to_ascii_lowercase().ends_with("copy")).then_some(name)
}

/// Lists a folder of this machine: what is directly in it, and everything below the folders of the given tables.
///
/// # Errors
/// Refused where a name is no UTF-8 text, or a link leads back to a folder above it or to nothing; storage where access fails.
pub(super) fn local(root: &Path, tables: &[&str]) -> Result<Vec<Entry>> {
    let mut entries = BTreeSet::new();
    for (path, name, kind) in within(root, "")? {
        let table = name.trim_end_matches('/').trim_end_matches(ENDING);
        let is_table = kind == EntryKind::Folder && tables.contains(&table);
        entries.insert(Entry { name: name.clone(), kind });
        if is_table {
            walk(&path, &name, &[], &mut entries)?;
        } else if kind == EntryKind::Folder {
            // One level deeper: the history's own folder may be a table in another format.
            entries.extend(within(&path, &name)?.into_iter().map(|(_, name, kind)| Entry { name, kind }));
        }
    }
    Ok(entries.into_iter().collect())
}

/// Adds everything below a folder. `above` are the folders on the way to it, each by the path without links.
fn walk(folder: &Path, prefix: &str, above: &[PathBuf], entries: &mut BTreeSet<Entry>) -> Result<()> {
    let real = folder.canonicalize().map_err(|error| Error::storage("open the folder", folder, &error))?;
    if above.contains(&real) {
        return Err(Error::refused("a link leads back to a folder above it")
            .at(folder.display())
            .hint("remove the link, or move it out of the history"));
    }
    let above = [above, &[real]].concat();
    for (path, name, kind) in within(folder, prefix)? {
        let is_hidden = name.trim_end_matches('/').rsplit('/').next().is_some_and(is_hidden);
        entries.insert(Entry { name: name.clone(), kind });
        if kind == EntryKind::Folder && !is_hidden {
            walk(&path, &name, &above, entries)?;
        }
    }
    Ok(())
}

/// The entries directly in a folder, with their names below the history's folder.
fn within(folder: &Path, prefix: &str) -> Result<Vec<(PathBuf, String, EntryKind)>> {
    let failed = |error: std::io::Error| Error::storage("list the folder", folder, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::refused("the name of a file is no UTF-8 text")
                .at(path.display())
                .hint("rename the file, or move it out of the history"));
        };
        let name = format!("{prefix}{name}");
        if let Some(kind) = kind_of(&path, &name)? {
            let name = if kind == EntryKind::Folder { format!("{name}/") } else { name };
            found.push((path, name, kind));
        }
    }
    Ok(found)
}

/// What an entry is, links followed; None where it was removed since it was listed.
fn kind_of(path: &Path, name: &str) -> Result<Option<EntryKind>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(Some(EntryKind::Folder)),
        Ok(metadata) if metadata.is_file() => Ok(Some(EntryKind::File)),
        Ok(_) => Ok(Some(EntryKind::Special)),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Error::storage("open the file", path, &error))
        }
        Err(_) if path.is_symlink() && is_parquet(name) => Err(Error::refused("a link leads to no file")
            .at(path.display())
            .hint("restore the file that the link names, or remove the link")),
        Err(_) if path.is_symlink() => Ok(Some(EntryKind::File)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::storage("open the file", path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(names: &[&str]) -> Vec<Entry> {
        let kind = |name: &str| if name.ends_with('/') { EntryKind::Folder } else { EntryKind::File };
        names.iter().map(|name| Entry { name: (*name).to_owned(), kind: kind(name) }).collect()
    }

    fn found(names: &[&str]) -> std::result::Result<TableEntries, Refusal> {
        of_table(&entries(names), "partners")
    }

    #[test]
    fn a_table_is_a_file_or_what_is_below_a_folder() {
        for (names, files) in [
            (vec!["partners.parquet"], vec!["partners.parquet"]),
            (
                vec!["partners/a.parquet", "partners/m=1/b.PARQUET"],
                vec!["partners/a.parquet", "partners/m=1/b.PARQUET"],
            ),
            (vec!["partners.parquet/part-0.parquet"], vec!["partners.parquet/part-0.parquet"]),
            (vec!["partners/_tmp/a.parquet", "partners/.b.parquet", "partners/c.parquet"], vec!["partners/c.parquet"]),
        ] {
            assert_eq!(found(&names).map(|found| found.files), Ok(files.into_iter().map(str::to_owned).collect()));
        }
    }

    #[test]
    fn a_table_that_is_there_twice_or_not_at_all_is_refused() {
        assert_eq!(found(&["partner.parquet", "partnership/a.parquet"]), Err(Refusal::Missing));
        for names in [
            ["partners.parquet", "partners/a.parquet"],
            ["partners/a.parquet", "partners.parquet/a.parquet"],
            ["partners.parquet", "partners/"],
        ] {
            assert!(matches!(found(&names), Err(Refusal::Twice(..))), "{names:?}");
        }
        let not_read = vec!["partners/a.csv".to_owned()];
        assert_eq!(found(&["partners/", "partners/a.csv"]), Err(Refusal::NoFile { not_read }));
    }

    #[test]
    fn files_that_are_not_read_are_named() {
        let read = found(&["partners/a.parquet", "partners/b.parq", "partners/m=1/c.tmp", "partners/_SUCCESS"]);
        assert_eq!(
            read.map(|read| read.not_read),
            Ok(vec!["partners/b.parq".to_owned(), "partners/m=1/c.tmp".to_owned()])
        );
    }

    #[test]
    fn copies_are_known_by_their_names() {
        for (name, expected) in [
            ("part-0 (1)", Some("part-0")),
            ("part-0(12)", Some("part-0")),
            ("part-0 - Copy", Some("part-0")),
            ("part-0 - Copy (2)", Some("part-0")),
            ("part-0 copy", Some("part-0")),
            ("part-0 copy 2", Some("part-0")),
            ("part-0_copy", Some("part-0")),
            ("Copy of part-0", Some("part-0")),
            ("part-0", None),
            ("part 2", None),
            ("part (a)", None),
            ("(1)", None),
        ] {
            assert_eq!(original(name), expected, "{name}");
        }
        let names =
            ["w/m=1/a.parquet", "w/m=1/a (1).parquet", "w/m=1/a (2).parquet", "w/m=2/a (1).parquet"].map(str::to_owned);
        let pairs = [("w/m=1/a.parquet", "w/m=1/a (1).parquet"), ("w/m=1/a.parquet", "w/m=1/a (2).parquet")];
        assert_eq!(copies(&names), pairs);
    }
}
