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
    /// A link to nothing.
    BrokenLink,
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
    OtherFormat { format: &'static str, folder: String, mark: String },
    /// An entry named as Parquet is no file.
    Special(String),
    /// A file or folder of the table is a link to nothing.
    BrokenLink(String),
}

/// The files of a table among the entries: `NAME.parquet`, or those below `NAME/` or `NAME.parquet/`, which Spark writes.
pub(super) fn of_table(entries: &[Entry], table: &str) -> std::result::Result<TableEntries, Refusal> {
    let file = format!("{table}{ENDING}");
    let folders = [format!("{table}/"), format!("{file}/")];
    let is_below = |folder: &String| entries.iter().any(|entry| entry.name.starts_with(folder.as_str()));
    let is_named_file = |entry: &&Entry| match entry.kind {
        EntryKind::Folder => false,
        EntryKind::BrokenLink => entry.name == file || entry.name == table,
        EntryKind::File | EntryKind::Special => entry.name == file,
    };
    let named_file = entries.iter().find(is_named_file);
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
    if let Some(Found { format, folder, mark }) = other_format(&theirs) {
        return Err(Refusal::OtherFormat { format, folder: folder.to_owned(), mark: mark.to_owned() });
    }
    let mut found = TableEntries::default();
    for entry in theirs.into_iter().filter(|entry| !entry.name.split('/').any(is_hidden)) {
        match entry.kind {
            EntryKind::Folder => {}
            EntryKind::BrokenLink => return Err(Refusal::BrokenLink(entry.name.clone())),
            EntryKind::Special if is_parquet(&entry.name) => return Err(Refusal::Special(entry.name.clone())),
            EntryKind::File if is_parquet(&entry.name) => found.files.push(entry.name.clone()),
            EntryKind::File | EntryKind::Special => found.not_read.push(entry.name.clone()),
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
pub(super) fn format_of_root(entries: &[Entry]) -> Option<Found<'_>> {
    let mut found = entries.iter().filter_map(|entry| table_formats::of_name(&entry.name));
    found.find(|found| found.folder.is_empty())
}

/// Whether a file or folder is none of the history's.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

/// Whether a file is one of a table's.
pub(super) fn is_parquet(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(ENDING)
}

/// Entries at the top of a history that are named like a table and not read: copies (`partners (1).parquet`), other endings
/// (`partners.csv`, `partners.PARQUET`) and other case (`Partners/`).
pub(super) fn like_tables<'a>(entries: &'a [Entry], tables: &[&str]) -> Vec<&'a str> {
    let names = entries.iter().map(|entry| entry.name.as_str());
    let at_top = names.filter(|name| !bare(name).contains('/') && !is_hidden(name));
    at_top.filter(|name| !is_read(name, tables) && is_like(bare(name), tables)).collect()
}

/// Whether an entry at the top of a history is a table, or the folder of one.
fn is_read(name: &str, tables: &[&str]) -> bool {
    let stem = bare(name).strip_suffix(ENDING);
    stem.or(name.strip_suffix('/')).is_some_and(|name| tables.contains(&name))
}

/// Whether the name up to its first dot is that of a table, or of a copy of one, in any case.
fn is_like(name: &str, tables: &[&str]) -> bool {
    let first = original(name.split('.').next().unwrap_or(name)).trim();
    tables.iter().any(|table| table.eq_ignore_ascii_case(first))
}

/// A name without the slash of a folder.
fn bare(name: &str) -> &str {
    name.trim_end_matches('/')
}

/// Pairs of files of which the second has a name that programs give to a copy of the first, or to a copy of its folder.
pub(super) fn copies(names: &[String]) -> Vec<(&str, &str)> {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        let stem = name.get(..name.len().saturating_sub(ENDING.len())).unwrap_or(name);
        let original: Vec<&str> = stem.split('/').map(original).collect();
        alike.entry(original.join("/")).or_default().push(name);
    }
    let pairs = alike.into_values().filter(|names| names.len() > 1).flat_map(|mut names| {
        // The original has the shortest name.
        names.sort_by_key(|name| (name.len(), *name));
        let first = names[0];
        names.into_iter().skip(1).map(move |copy| (first, copy)).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Behind the name of a copy, in small letters: Windows, macOS, and Windows in other languages.
const COPY_ENDINGS: [&str; 10] =
    [" - copy", " copy", "_copy", "-copy", " - kopie", " - copie", " - copia", " - cópia", " - kopia", " kopie"];
/// Before the name of a copy, in small letters.
const COPY_BEGINNINGS: [&str; 5] = ["copy of ", "kopie von ", "copie de ", "copia de ", "cópia de "];

/// The name of the file or folder that a copy was made of, without an ending: that of `part-0` for `part-0 (1)`, `part-0 - Copy (2)`,
/// `part-0 copy 2`, `part-0 (another copy)`, `Copy of part-0` and copies of these. Any other name is returned as it is.
fn original(name: &str) -> &str {
    let mut name = name;
    while let Some(of) = copied(name) {
        name = of;
    }
    name
}

/// The name without one mark of a copy; None where it has none.
fn copied(name: &str) -> Option<&str> {
    let lower = name.to_ascii_lowercase();
    let begun =
        COPY_BEGINNINGS.iter().find(|begin| lower.starts_with(*begin)).and_then(|begin| name.get(begin.len()..));
    let ended = COPY_ENDINGS.iter().find_map(|end| name.get(..lower.strip_suffix(end)?.len()));
    begun.or(ended).or_else(|| without_number(name)).filter(|name| !name.trim().is_empty())
}

/// The name without ` (2)`, `(2)` or ` (another copy)` at its end, or ` 2` behind the word copy.
fn without_number(name: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((name, within)) = name.strip_suffix(')').and_then(|name| name.rsplit_once('(')) {
        let is_mark = is_number(within) || within.to_ascii_lowercase().contains("copy");
        return is_mark.then(|| name.trim_end());
    }
    let (name, number) = name.rsplit_once(' ')?;
    (is_number(number) && name.to_ascii_lowercase().ends_with("copy")).then_some(name)
}

/// Lists a folder of this machine: what is directly in it, and everything below the folders of the given tables.
///
/// # Errors
/// Refused where a name is no UTF-8 text, or a link leads back to a folder above it; storage where access fails.
pub(super) fn local(root: &Path, tables: &[&str]) -> Result<Vec<Entry>> {
    let mut entries = BTreeSet::new();
    let above = [real(root)?];
    for (path, name, kind) in within(root, "")? {
        let bare = bare(&name).to_owned();
        entries.insert(Entry { name: name.clone(), kind });
        if kind != EntryKind::Folder {
            continue;
        }
        if tables.contains(&bare.strip_suffix(ENDING).unwrap_or(&bare)) {
            walk(&path, &name, &above, &mut entries)?;
        } else if table_formats::is_told_by_content(&bare) {
            entries.extend(within(&path, &name)?.into_iter().map(|(_, name, kind)| Entry { name, kind }));
        }
    }
    Ok(entries.into_iter().collect())
}

/// Adds everything below a folder. `above` are the folders on the way to it, each by the path without links.
fn walk(folder: &Path, prefix: &str, above: &[PathBuf], entries: &mut BTreeSet<Entry>) -> Result<()> {
    let real = real(folder)?;
    // Nothing below a folder is above it, unless a link leads there.
    if above.iter().any(|above| above.starts_with(&real)) {
        return Err(Error::refused("a link leads back to a folder above it")
            .at(folder.display())
            .hint("remove the link, or move it out of the history"));
    }
    let above = [above, &[real]].concat();
    for (path, name, kind) in within(folder, prefix)? {
        let is_hidden = bare(&name).rsplit('/').next().is_some_and(is_hidden);
        entries.insert(Entry { name: name.clone(), kind });
        if kind == EntryKind::Folder && !is_hidden {
            walk(&path, &name, &above, entries)?;
        }
    }
    Ok(())
}

/// The path without links.
fn real(folder: &Path) -> Result<PathBuf> {
    folder.canonicalize().map_err(|error| Error::storage("open the folder", folder, &error))
}

/// The entries directly in a folder, with their names below the history's folder. Hidden ones whose name is no text are left out.
fn within(folder: &Path, prefix: &str) -> Result<Vec<(PathBuf, String, EntryKind)>> {
    let failed = |error: std::io::Error| Error::storage("list the folder", folder, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default();
        let Some(name) = name.to_str() else {
            if is_hidden(&name.to_string_lossy()) {
                continue;
            }
            return Err(Error::refused("the name of a file is no UTF-8 text")
                .at(path.display())
                .hint("rename the file, or move it out of the history"));
        };
        if let Some(kind) = kind_of(&path)? {
            let end = if kind == EntryKind::Folder { "/" } else { "" };
            let name = format!("{prefix}{name}{end}");
            found.push((path, name, kind));
        }
    }
    Ok(found)
}

/// What an entry is, links followed; None where it was removed since it was listed.
fn kind_of(path: &Path) -> Result<Option<EntryKind>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(Some(EntryKind::Folder)),
        Ok(metadata) if metadata.is_file() => Ok(Some(EntryKind::File)),
        Ok(_) => Ok(Some(EntryKind::Special)),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(Error::storage("open the file", path, &error))
        }
        Err(_) if path.is_symlink() => Ok(Some(EntryKind::BrokenLink)),
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
        for copy in [
            "part-0 (1)",
            "part-0(12)",
            "part-0 - Copy",
            "part-0 - Copy (2)",
            "part-0 - Copy - Copy",
            "part-0 (1) (1)",
            "part-0 copy",
            "part-0 copy 2",
            "part-0_copy",
            "part-0-copy",
            "part-0 (copy)",
            "part-0 (another copy)",
            "part-0 (3rd copy)",
            "part-0 (Anna's conflicted copy 2026-12-01)",
            "part-0 - Kopie",
            "part-0 - Kopie (2)",
            "part-0 - Copie",
            "Copy of part-0",
            "Copy of Copy of part-0",
            "Kopie von part-0",
        ] {
            assert_eq!(original(copy), "part-0", "{copy}");
        }
        for name in ["part-0", "part 2", "part (a)", "(1)", "copy", "Copy of ", " - Copy", "photocopy", "copied", "a 2"]
        {
            assert_eq!(original(name), name, "{name}");
        }
    }

    #[test]
    fn copies_are_paired_with_their_original() {
        let names = [
            "w/m=1/a.parquet",
            "w/m=1/a (1).parquet",
            "w/m=1/a (2).PARQUET",
            "w/m=2/a (1).parquet",
            "w/2026/b.parquet",
            "w/2026 - Copy/b.parquet",
        ];
        let pairs = [
            ("w/2026/b.parquet", "w/2026 - Copy/b.parquet"),
            ("w/m=1/a.parquet", "w/m=1/a (1).parquet"),
            ("w/m=1/a.parquet", "w/m=1/a (2).PARQUET"),
        ];
        assert_eq!(copies(&names.map(str::to_owned)), pairs);
    }

    #[test]
    fn entries_that_are_named_like_a_table_are_known() {
        let tables = ["partners", "associations"];
        let like = [
            "Associations/",
            "associations (1).parquet",
            "associations - Copy/",
            "associations.PARQUET",
            "associations.bak/",
            "associations.csv",
            "partners",
            "partners.parq",
            "Copy of partners.parquet",
        ];
        let others = [
            "partners.parquet",
            "partners.parquet/a.parquet",
            "associations/",
            "associations/a.csv",
            "history.json",
            "partnership.parquet",
            "partners_2025.parquet",
            "_partners.parquet",
            ".partners.csv",
        ];
        let names = [like.as_slice(), others.as_slice()].concat();
        assert_eq!(like_tables(&entries(&names), &tables), like);
    }

    #[test]
    fn links_to_nothing_are_refused_unless_they_are_hidden() {
        let link = |name: &str| Entry { name: name.to_owned(), kind: EntryKind::BrokenLink };
        for name in
            ["partners/a.parquet", "partners/month=2026-10-01", "partners/README", "partners.parquet", "partners"]
        {
            let mut entries = vec![link(name)];
            if name.contains('/') {
                entries.extend(self::entries(&["partners/"]));
            }
            assert_eq!(of_table(&entries, "partners"), Err(Refusal::BrokenLink(name.to_owned())), "{name}");
        }
        for name in ["partners/_a.parquet", "other", "partners.csv"] {
            let entries = [vec![link(name)], entries(&["partners/", "partners/b.parquet"])].concat();
            assert!(of_table(&entries, "partners").is_ok(), "{name}");
        }
    }
}
