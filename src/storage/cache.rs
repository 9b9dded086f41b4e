//! Where what lies on a store is kept on this machine: a folder for each URL, a file for each name, size and etag.
//!
//! A file is written beside and renamed once it is whole. What nobody has used for a month is removed.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::folder::Object;
use crate::error::{Error, Result};
use crate::rulebook::hex;

/// The variable that names the cache folder.
const VARIABLE: &str = "PARTNERSCORE_CACHE";
/// The folder's name below the user's cache directory.
const NAME: &str = "partnerscore";
/// How files begin that are not whole yet.
const PART: &str = ".part-";
/// How long an unused file is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a file may be in the making.
const IN_THE_MAKING: Duration = Duration::from_secs(24 * 60 * 60);
/// Digits of a hash that make a name.
const DIGITS: usize = 32;

thread_local! {
    static CHOSEN: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Chooses the cache folder for what this thread opens from now on: several callers may work in one process, each with its own.
pub fn choose(folder: PathBuf) {
    CHOSEN.set(Some(folder));
}

/// The cache of one URL.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache of a URL, its folder created for this user alone.
    pub(super) fn of(url: &str) -> Result<Cache> {
        let root = root();
        create(&root)?;
        own(&root)?;
        let folder = root.join(name(&[url]));
        create(&folder)?;
        Ok(Cache { folder })
    }

    /// One that nothing is put in.
    #[cfg(test)]
    pub(super) fn unused() -> Cache {
        Cache { folder: PathBuf::from("cache") }
    }

    /// Where an object is, or will be once it is brought.
    pub(super) fn place(&self, object: &Object) -> PathBuf {
        let version = object.etag.clone().unwrap_or_else(|| format!("{:?}", object.modified));
        self.folder.join(name(&[&object.name, &object.size.to_string(), &version]))
    }

    /// A folder for the files of something that never changes.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        create(&folder)?;
        Ok(folder)
    }

    /// A folder to write in what is published at the URL. Nothing in it is removed for its age.
    pub(super) fn workspace(&self) -> Result<PathBuf> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let folder = self.folder.with_file_name(format!("{name}-staging"));
        create(&folder)?;
        Ok(folder)
    }

    /// Removes what has not been used for long, and what killed runs left.
    pub(super) fn prune(&self) {
        prune(&self.folder);
    }
}

/// Whether a file is there whole. One that is there counts as used now.
pub(super) fn holds(path: &Path, size: u64) -> bool {
    if !fs::metadata(path).is_ok_and(|metadata| metadata.len() == size) {
        return false;
    }
    // Where the time cannot be set, the file is brought again after a month.
    let _ = fs::File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    true
}

/// A file in the making, removed when dropped unless it was put in its place.
pub(super) struct Part {
    pub file: fs::File,
    path: PathBuf,
}

impl Part {
    /// A new file beside the path that it will have.
    pub(super) fn beside(path: &Path) -> Result<Part> {
        if let Some(above) = path.parent() {
            create(above)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let path = path.with_file_name(format!("{PART}{}-{name}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Part { file, path }),
            Err(error) => Err(Error::storage("write to the cache", &path, &error)),
        }
    }

    /// Gives it its name, in one step.
    pub(super) fn put(self, path: &Path) -> std::io::Result<()> {
        fs::rename(&self.path, path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Under its own name it is there no more, and otherwise a later run removes it.
        let _ = fs::remove_file(&self.path);
    }
}

fn name(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut digits = hex(&hash.finalize());
    digits.truncate(DIGITS);
    digits
}

/// The folder of all caches.
fn root() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let chosen = CHOSEN.with_borrow(Clone::clone).or_else(|| set(VARIABLE));
    let of_user = || {
        let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let of_home = || set("HOME").filter(|home| home.is_absolute()).map(|home| home.join(below_home));
        let of_system = if cfg!(windows) { "LOCALAPPDATA" } else { "XDG_CACHE_HOME" };
        set(of_system).filter(|folder| folder.is_absolute()).or_else(of_home).map(|folder| folder.join(NAME))
    };
    chosen.or_else(of_user).unwrap_or_else(|| std::env::temp_dir().join(format!("{NAME}-{}", user())))
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn user() -> u32 {
    0
}

/// In a folder that everybody may write to, somebody else may have been quicker.
#[cfg(unix)]
fn own(root: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    match fs::metadata(root) {
        Ok(metadata) if metadata.uid() == user() || user() == 0 => Ok(()),
        Ok(_) => Err(Error::usage("the cache folder belongs to another user")
            .at(root.display())
            .hint(format!("name one of your own with --cache or {VARIABLE}"))),
        Err(error) => Err(Error::storage("open the cache folder", root, &error)),
    }
}

#[cfg(not(unix))]
fn own(_root: &Path) -> Result<()> {
    Ok(())
}

fn create(folder: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        Error::storage("create the cache folder", folder, &error)
            .hint(format!("name a folder that this user may write to, with --cache or {VARIABLE}"))
    })
}

fn prune(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
        let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default();
        let in_the_making = metadata.is_dir() || entry.file_name().to_string_lossy().starts_with(PART);
        let is_old = age > if in_the_making { IN_THE_MAKING } else { KEPT };
        // What cannot be removed now is tried again by the next run; of folders, only empty ones go.
        if metadata.is_dir() {
            prune(&path);
            let _ = if is_old { fs::remove_dir(&path) } else { Ok(()) };
        } else if is_old {
            let _ = fs::remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, size: u64, etag: Option<&str>) -> Object {
        Object { name: name.to_owned(), size, etag: etag.map(str::to_owned), modified: SystemTime::UNIX_EPOCH }
    }

    #[test]
    fn another_name_size_or_etag_is_another_file() {
        let cache = Cache::unused();
        let files =
            [("a", 1, Some("x")), ("b", 1, Some("x")), ("a", 2, Some("x")), ("a", 1, Some("y")), ("a", 1, None)];
        let mut places: Vec<PathBuf> =
            files.iter().map(|(name, size, etag)| cache.place(&object(name, *size, *etag))).collect();
        places.sort();
        places.dedup();
        assert_eq!(places.len(), files.len());
        assert_eq!(cache.place(&object("a", 1, Some("x"))), cache.place(&object("a", 1, Some("x"))));
    }

    #[test]
    fn what_is_old_goes_and_what_is_used_stays() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        for (name, days) in [("old", 31), ("new", 29), (".part-1-killed", 2), (".part-2-running", 0), ("used", 31)] {
            fs::write(path(name), "12345")?;
            let modified = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
            fs::File::options().write(true).open(path(name))?.set_modified(modified)?;
        }
        assert!(holds(&path("used"), 5) && !holds(&path("used"), 4));
        prune(folder.path());
        let left = ["old", "new", ".part-1-killed", ".part-2-running", "used"].map(|name| path(name).exists());
        assert_eq!(left, [false, true, false, true, true]);
        Ok(())
    }
}
