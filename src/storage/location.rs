//! What a path on the command line names: a folder of this machine, or one of an object store.

use std::path::{Path, PathBuf};

use object_store::path::Path as Key;
use percent_encoding::percent_decode_str;

use crate::error::{Error, Result, nearest};

/// What stands between a scheme and the rest.
const MARK: &str = "://";
/// URLs of this machine's own files.
const FILE: &str = "file://";

/// The stores that are spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Azure,
    S3,
}

/// The schemes of URLs, each with its store.
const SCHEMES: [(&str, Kind); 5] =
    [("az", Kind::Azure), ("abfss", Kind::Azure), ("abfs", Kind::Azure), ("s3", Kind::S3), ("s3a", Kind::S3)];

/// Whether a path is the URL of an object store.
pub fn is_url(path: &Path) -> bool {
    let text = path.to_string_lossy();
    text.contains(MARK) && !text.starts_with(FILE)
}

/// The path that a `file://` URL names; anything else as it is.
pub fn local(path: &Path) -> PathBuf {
    let text = path.to_string_lossy();
    match text.strip_prefix(FILE) {
        Some(rest) => {
            let path = rest.strip_prefix("localhost").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
            path_of_bytes(percent_decode_str(path).collect())
        }
        None => path.to_owned(),
    }
}

/// The path of bytes that a URL carries: of those that are no text as well, where the system knows such names.
#[cfg(unix)]
fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// A folder of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub kind: Kind,
    /// Scheme and container, with the account where the URL has it: `az://container`.
    pub store: String,
    /// The bucket or container.
    pub container: String,
    /// The folder within.
    pub folder: Key,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// Usage where it is of no known form, or carries credentials; these are not repeated.
    pub(super) fn parse(path: &Path) -> Result<Address> {
        let text = path.to_string_lossy();
        let (scheme, rest) = text.split_once(MARK).unwrap_or(("", &text));
        let scheme = scheme.to_ascii_lowercase();
        let Some((_, kind)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
            return Err(unknown(&scheme));
        };
        let (authority, folder) = rest.split_once('/').unwrap_or((rest, ""));
        if rest.contains(['?', '#']) || authority.contains(':') {
            return Err(Error::usage("a URL carries no credentials, queries or ports here")
                .at(format!("{scheme}{MARK}..."))
                .hint(
                    "name the container and the path; keys and tokens come from variables, as docs/storage.md tells",
                ));
        }
        let (container, account) = authority.split_once('@').unwrap_or((authority, ""));
        let is_account = |account: &str| account.contains('.') && *kind == Kind::Azure && scheme != "az";
        if container.is_empty() || (authority.contains('@') && !is_account(account)) {
            return Err(Error::usage("the URL names no container that can be read").at(&text).hint(forms(*kind)));
        }
        let wrong = |error: object_store::path::Error| {
            Error::usage(format!("the path within the container cannot be one: {error}")).at(&text).hint(forms(*kind))
        };
        let folder = Key::parse(folder.trim_matches('/')).map_err(wrong)?;
        let store = format!("{scheme}{MARK}{authority}");
        Ok(Address { kind: *kind, store, container: container.to_owned(), folder })
    }

    /// Whether the URL says whose container it is.
    pub(super) fn names_account(&self) -> bool {
        self.store.contains('@')
    }

    /// The folder as a person names it.
    pub(super) fn url(&self) -> String {
        match self.folder.as_ref() {
            "" => self.store.clone(),
            folder => format!("{}/{folder}", self.store),
        }
    }
}

fn forms(kind: Kind) -> &'static str {
    match kind {
        Kind::Azure => "az://container/path, or abfss://container@account.dfs.core.windows.net/path",
        Kind::S3 => "s3://bucket/path",
    }
}

fn unknown(scheme: &str) -> Error {
    let error = Error::usage(format!("there is no store `{scheme}{MARK}` here")).at(format!("{scheme}{MARK}..."));
    match nearest(scheme, SCHEMES.map(|(known, _)| known)) {
        Some(near) => error.hint(format!("did you mean {near}{MARK}?")),
        None => error.hint("use az://, abfss://, s3:// or file://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn parsed(url: &str) -> Result<Address> {
        Address::parse(Path::new(url))
    }

    #[test]
    fn urls_of_each_store_are_read() -> Result<()> {
        for (url, kind, container, folder) in [
            ("az://data/history", Kind::Azure, "data", "history"),
            ("az://data", Kind::Azure, "data", ""),
            ("abfss://data@acme.dfs.core.windows.net/a/b/", Kind::Azure, "data", "a/b"),
            ("s3://bucket/month=2026-10-01", Kind::S3, "bucket", "month=2026-10-01"),
            ("S3://my.bucket/x", Kind::S3, "my.bucket", "x"),
        ] {
            let address = parsed(url)?;
            assert_eq!((address.kind, address.container.as_str()), (kind, container), "{url}");
            assert_eq!(address.folder.as_ref(), folder, "{url}");
        }
        assert_eq!(parsed("az://data/history//")?.url(), "az://data/history");
        Ok(())
    }

    #[test]
    fn urls_that_name_nothing_are_refused() {
        for url in
            ["az://", "az:///path", "s3://user@bucket/x", "abfss://c@/x", "gs://b/x", "http://b/x", "az://c/a//b"]
        {
            assert_eq!(parsed(url).map_err(|error| error.code).err(), Some(Code::Usage), "{url}");
        }
    }

    #[test]
    fn a_token_in_a_url_is_refused_and_not_repeated() {
        for url in ["az://data/history?sv=2024&sig=hush", "s3://key:hush@bucket/x"] {
            let error = parsed(url).expect_err("refused");
            assert!(error.code == Code::Usage && !error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_mistyped_scheme_is_told_the_nearest() {
        let error = parsed("abfs3://data/x").expect_err("refused");
        assert!(error.to_string().contains("abfs"), "{error}");
    }

    #[test]
    fn file_urls_are_paths() {
        assert_eq!(local(Path::new("file:///data/history")), Path::new("/data/history"));
        assert_eq!(local(Path::new("file://localhost/data")), Path::new("/data"));
        assert_eq!(local(Path::new("file:///a%20b/%C3%A4")), Path::new("/a b/ä"));
        assert_eq!(local(Path::new("file:///100%")), Path::new("/100%"));
        assert_eq!(local(Path::new("data/history")), Path::new("data/history"));
        assert_eq!(local(Path::new("data/a%20b")), Path::new("data/a%20b"));
        assert!(is_url(Path::new("az://data")) && !is_url(Path::new("file:///data")) && !is_url(Path::new("data")));
    }
}
