//! Identities of input files: they show that a file changed while a run read it.

use std::fs::{self, Metadata};
use std::io;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::files::File;
use super::footer::Footer;
use crate::error::{Error, Result};

/// The version of a local file, as the file system records it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Size in bytes.
    size: u64,
    modified: Option<SystemTime>,
    /// Last change of content or attributes, which no program can set back; None where the system records none.
    pub changed: Option<DateTime<Utc>>,
    /// Device and inode; None where the system has none.
    inode: Option<(u64, u64)>,
}

impl Identity {
    /// The identity of an open file, or of the file at a path.
    pub(super) fn new(metadata: &Metadata) -> Identity {
        let (changed, inode) = (changed(metadata), inode(metadata));
        Identity { size: metadata.len(), modified: metadata.modified().ok(), changed, inode }
    }

    /// Whether two looks at a path agree in all but the inode, which some network file systems assign anew.
    fn agrees_with(&self, other: &Identity) -> bool {
        Identity { inode: None, ..*self } == Identity { inode: None, ..*other }
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<DateTime<Utc>> {
    use std::os::unix::fs::MetadataExt;
    DateTime::from_timestamp(metadata.ctime(), u32::try_from(metadata.ctime_nsec()).ok()?)
}

#[cfg(not(unix))]
fn changed(_metadata: &Metadata) -> Option<DateTime<Utc>> {
    None
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Fails where an open file is not the version that was listed. A file of an object store is the version of its etag.
///
/// # Errors
/// Refused where the file changed; storage where the system does not describe it.
pub(super) fn require_listed(file: &File, open: &fs::File) -> Result<()> {
    let Some(listed) = file.identity else { return Ok(()) };
    let metadata = open.metadata().map_err(|error| Error::storage("read the footer", &file.path, &error))?;
    if Identity::new(&metadata).agrees_with(&listed) { Ok(()) } else { Err(changed_while_read(file, "")) }
}

/// Fails where the file at a path is not the version that was listed any more. `footer_hash` is that of the footer that was
/// read; without one, a new inode alone is a change.
///
/// # Errors
/// Refused where the file changed or was removed; storage where the system does not describe it.
pub(super) fn require_unchanged(file: &File, footer_hash: Option<&str>) -> Result<()> {
    let Some(listed) = file.identity else { return Ok(()) };
    let now = match fs::metadata(&file.path) {
        Ok(metadata) => Identity::new(&metadata),
        Err(error) if is_gone(&error) => return Err(changed_while_read(file, ": it was removed")),
        Err(error) => return Err(Error::storage("look at the file", &file.path, &error)),
    };
    let has_same_footer = || Footer::read(file).is_ok_and(|footer| Some(footer.hash.as_str()) == footer_hash);
    match now == listed || (now.agrees_with(&listed) && has_same_footer()) {
        true => Ok(()),
        false => Err(changed_while_read(file, "")),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn changed_while_read(file: &File, how: &str) -> Error {
    Error::refused(format!("an input file changed while it was read{how}"))
        .at(&file.place)
        .hint("run it again once nothing writes to the history")
}
