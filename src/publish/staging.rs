//! The folder a run is written to before it is published.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;

use chrono::NaiveDate;

use super::lock::Lock;
use super::{exchange, output};
use crate::error::{Error, Result};

/// What an interrupted run leaves behind begins like this, hidden from every reader.
const PREFIX: &str = ".staging-";

/// How often removing a folder that is being written to is tried.
const REMOVALS: usize = 20;

/// The staging folders of this process, for [`abandon`].
static CURRENT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Permission bits of published files; folders add the right to enter where there is one to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Default for Mode {
    /// Readable and writable by the owner alone.
    fn default() -> Self {
        Mode(0o600)
    }
}

impl FromStr for Mode {
    type Err = String;

    /// Octal digits that let the owner read and write.
    fn from_str(text: &str) -> std::result::Result<Mode, String> {
        match u32::from_str_radix(text, 8) {
            Ok(bits) if bits <= 0o777 && bits & 0o600 == 0o600 => Ok(Mode(bits)),
            _ => Err("give octal digits that let the owner read and write, such as 640".to_owned()),
        }
    }
}

impl Mode {
    pub(super) fn folder(self) -> u32 {
        self.0 | ((self.0 & 0o444) >> 2) | 0o700
    }

    /// The permissions of a file that is there already; the default where there is none.
    pub(super) fn of_file(path: &Path) -> Mode {
        permission_bits(path).map_or_else(Mode::default, |bits| Mode(bits | Mode::default().0))
    }

    pub(super) fn apply_to_file(self, path: &Path) -> Result<()> {
        set_permissions(path, self.0)
    }
}

#[cfg(unix)]
pub(super) fn set_permissions(path: &Path, bits: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = fs::Permissions::from_mode(bits);
    fs::set_permissions(path, permissions).map_err(|error| Error::storage("set permissions", path, &error))
}

#[cfg(not(unix))]
pub(super) fn set_permissions(_path: &Path, _bits: u32) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
fn permission_bits(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn permission_bits(_path: &Path) -> Option<u32> {
    None
}

/// Creates a folder that is removed where the process is interrupted.
pub(super) fn enter(path: &Path, mode: Mode) -> Result<()> {
    // An interrupt waits until the folder is known: one that nobody knows would stay.
    let mut current = CURRENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    create_folder(path, mode)?;
    current.insert(path.to_owned());
    Ok(())
}

/// Publishes what is in such a folder. An interrupt waits until that is over, or has removed the folder before it began: never in between.
pub(super) fn publish_from<T>(path: &Path, publish: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut current = CURRENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !current.remove(path) {
        return Err(Error::internal("the run was interrupted").at(path.display()));
    }
    publish()
}

/// Removes such a folder, unless it was published from.
pub(super) fn leave(path: &Path) {
    let mut current = CURRENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if current.remove(path) {
        remove(path);
    }
}

/// Creates a folder and those above it; only folders that are new get the mode.
pub fn create_folder(path: &Path, mode: Mode) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        create_folder(above, mode)?;
    }
    match fs::create_dir(path) {
        Ok(()) => set_permissions(path, mode.folder()),
        // Another process was quicker, or no folder is there: its mode is not this program's to change, and what is put into it fails.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::storage("create the folder", path, &error)),
    }
}

/// A folder in the making, removed when dropped unless it was published.
#[derive(Debug)]
pub struct Staging {
    out: PathBuf,
    target: PathBuf,
    path: PathBuf,
    mode: Mode,
}

impl Staging {
    /// Removes what killed runs left in an output folder whose lock is held.
    pub fn clean(out: &Path) -> Result<()> {
        let failed = |error: std::io::Error| Error::storage("clean up after a run that was killed", out, &error);
        for entry in fs::read_dir(out).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(PREFIX) {
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Begins the folder of an as-of date in a clean output folder.
    pub fn begin(out: &Path, as_of: NaiveDate, mode: Mode) -> Result<Staging> {
        let name = format!("as_of={as_of}");
        exchange::recover(out, &name)?;
        output::require_folder(&out.join(&name), "a run")?;
        let path = out.join(format!("{PREFIX}{name}"));
        enter(&path, Mode::default())?;
        Ok(Staging { out: out.to_owned(), target: out.join(name), path, mode })
    }

    /// The folder to write to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it will be published.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A folder within, created.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        create_folder(&path, Mode::default())?;
        Ok(path)
    }

    /// Writes a small file.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        fs::write(&path, content).map_err(|error| Error::storage("write the file", &path, &error))
    }

    /// Whether what is published already has the same files with the same bytes, `run.json` aside.
    pub fn is_published(&self) -> bool {
        let staged = content(&self.path);
        !staged.is_empty()
            && staged == content(&self.target)
            && staged.iter().all(|name| same_bytes(&self.path.join(name), &self.target.join(name)))
    }

    /// Gives what is published already this run's mode.
    pub fn settle_published(&self) -> Result<()> {
        settle(&self.target, self.mode)
    }

    /// Publishes the folder in one step: the old or the new is there at any moment.
    pub fn publish(self) -> Result<PathBuf> {
        settle(&self.path, self.mode)?;
        publish_from(&self.path, || exchange::exchange(&self.path, &self.target))?;
        sync_folder(&self.out)?;
        Ok(self.target.clone())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        leave(&self.path);
    }
}

/// Removes what this process has staged, as far as possible; called when it is interrupted, before it ends.
///
/// Threads that begin, publish or leave a folder afterwards wait for that end: none makes a new folder, or an error of a removed one.
pub fn abandon() {
    let mut current = CURRENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    std::mem::take(&mut *current).iter().for_each(|path| remove(path));
    std::mem::forget(current);
}

/// Removes a folder that may be written to at this moment; what could not be removed now the next run removes.
pub(super) fn remove(path: &Path) {
    for _ in 0..REMOVALS {
        if fs::remove_dir_all(path).is_ok() || !path.exists() {
            return;
        }
    }
}

/// Removes a published run from an output folder whose lock is held: in one step it is gone, and then its files are.
pub fn remove_run(_lock: &Lock, folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::storage("remove the run", folder, &error);
    let hidden = beside(folder);
    fs::rename(folder, &hidden).map_err(failed)?;
    fs::remove_dir_all(&hidden).map_err(failed)
}

/// Where a file is written before it takes its place.
pub(super) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{PREFIX}{name}"))
}

/// Gives a file its mode, waits until it is on disk, and puts it in its place in one step.
pub(super) fn put(beside: &Path, path: &Path, mode: Mode) -> Result<()> {
    mode.apply_to_file(beside)?;
    let failed = |error: std::io::Error| Error::storage("write the file", path, &error);
    fs::File::open(beside).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(beside, path).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

/// Writes a small file in the place of what stood there, in one step. Where a link stood there, the file that it leads to is replaced.
///
/// # Errors
/// Usage where something other than a regular file is there; storage where it cannot be written.
pub fn replace_file(path: &Path, content: &[u8], mode: Mode) -> Result<()> {
    let path = output::resolved_file(path)?;
    let beside = beside(&path);
    let failed = |error: std::io::Error| Error::storage("write the file", &beside, &error);
    if fs::symlink_metadata(&beside).is_ok_and(|left| !left.is_file()) {
        fs::remove_file(&beside).map_err(failed)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    // Nobody else reads it before it has its mode, whatever the umask.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, Mode::default().0);
    options.open(&beside).and_then(|mut file| file.write_all(content)).map_err(failed)?;
    put(&beside, &path, mode)
}

/// Adds a line to a file of this mode, in one write. A file of another owner keeps the mode it has.
///
/// # Errors
/// Usage where something other than a regular file is there; storage where it cannot be written.
pub fn append_line(path: &Path, line: &[u8], mode: Mode) -> Result<()> {
    let path = output::resolved_file(path)?;
    let failed = |error: std::io::Error| Error::storage("add a line to the file", &path, &error);
    let mut options = fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, Mode::default().0);
    let is_new = !path.exists();
    let mut file = options.open(&path).map_err(failed)?;
    let applied = mode.apply_to_file(&path);
    if is_new {
        applied?;
    }
    file.write_all(line).map_err(failed)
}

/// Gives everything its mode and waits until it is on disk.
pub(super) fn settle(folder: &Path, mode: Mode) -> Result<()> {
    let failed = |error: std::io::Error| Error::storage("finish the folder", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            settle(&path, mode)?;
        } else {
            mode.apply_to_file(&path)?;
            fs::File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
        }
    }
    set_permissions(folder, mode.folder())?;
    sync_folder(folder)
}

/// Names of the files below a folder, sorted, `run.json` aside.
pub(super) fn content(folder: &Path) -> Vec<PathBuf> {
    let mut names = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(within) = folders.pop() {
        for entry in fs::read_dir(folder.join(&within)).into_iter().flatten().flatten() {
            let name = within.join(entry.file_name());
            match entry.path().is_dir() {
                true => folders.push(name),
                false => names.push(name),
            }
        }
    }
    names.retain(|name| name != Path::new("run.json"));
    names.sort();
    names
}

fn same_bytes(a: &Path, b: &Path) -> bool {
    let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).ok();
    if size(a) != size(b) {
        return false;
    }
    let (Ok(a), Ok(b)) = (fs::File::open(a), fs::File::open(b)) else { return false };
    let (mut a, mut b) = (BufReader::new(a), BufReader::new(b));
    loop {
        let (Ok(left), Ok(right)) = (a.fill_buf(), b.fill_buf()) else { return false };
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return false;
        }
        if length == 0 {
            return left.len() == right.len();
        }
        a.consume(length);
        b.consume(length);
    }
}

/// Waits until a folder's entries are on disk.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    let synced = fs::File::open(folder).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::storage("finish the folder", folder, &error))
}
