//! A folder of an object store: what lies in it, brought here, and written there.

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, Error as StoreError, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use tokio::runtime::Runtime;

use super::cache::{self, Cache};
use super::location::{Address, Kind};
use super::trouble;
use crate::error::{Code, Error, Result};

/// Requests under way at a time.
const AT_A_TIME: usize = 8;
/// A request is tried again so often, and within so much time.
const RETRIES: usize = 10;
const RETRIED_WITHIN: Duration = Duration::from_secs(3 * 60);
/// How often whoever waits is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Whether work goes on: an error ends it.
pub type GoOn = fn() -> Result<()>;

/// A folder of an object store.
pub struct Folder {
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
    address: Address,
    cache: Cache,
    go_on: GoOn,
}

/// One object of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name within the folder, with slashes.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// What the store calls this version of it.
    pub etag: Option<String>,
    pub modified: SystemTime,
}

/// Which version of an object was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(UpdateVersion);

/// A small object, read.
#[derive(Debug, Clone)]
pub struct Content {
    pub bytes: Vec<u8>,
    pub version: Version,
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    Done,
    /// Somebody else has written since.
    Lost,
}

/// Whether an object was written, or was there before; with the size of what was to be written.
enum Created {
    Now(u64),
    Before(u64),
}

impl Folder {
    /// Speaks to the store of a URL, with what the environment tells of it. Nothing is asked of it yet. While a request is under way,
    /// `go_on` is asked now and then, and its error ends the request.
    ///
    /// # Errors
    /// Usage where the URL is wrong; storage where what the environment tells cannot be used, or there is no cache.
    pub fn open(url: &Path, go_on: GoOn) -> Result<Folder> {
        let retry =
            RetryConfig { max_retries: RETRIES, retry_timeout: RETRIED_WITHIN, backoff: BackoffConfig::default() };
        let address = Address::parse(url)?;
        let store: object_store::Result<Arc<dyn ObjectStore>> = match address.kind {
            Kind::Azure => {
                let azure = MicrosoftAzureBuilder::from_env().with_url(&address.store).with_retry(retry);
                if !address.names_account() && is_without_account(&azure) {
                    return Err(trouble::without_account(&address.url()));
                }
                azure.build().map(|store| Arc::new(store) as _)
            }
            Kind::S3 => {
                let s3 = AmazonS3Builder::from_env().with_bucket_name(&address.container).with_retry(retry).build();
                s3.map(|store| Arc::new(store) as _)
            }
        };
        let unusable = |error: StoreError| {
            trouble::trouble("speak to the store", address.kind, &address.url(), &error)
                .hint(trouble::access(address.kind))
        };
        let store = store.map_err(unusable)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::internal(format!("could not start a runtime: {error}")))?;
        let cache = Cache::of(&address.url())?;
        Ok(Folder { store, runtime, address, cache, go_on })
    }

    /// Waits for a request, as long as work goes on. The library panics where an endpoint is no URL.
    fn wait<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        let waiting = async {
            let mut request = pin!(request);
            loop {
                match tokio::time::timeout(TICK, &mut request).await {
                    Ok(result) => return result,
                    Err(_) => (self.go_on)()?,
                }
            }
        };
        let ended = catch_unwind(AssertUnwindSafe(|| self.runtime.block_on(waiting)));
        ended.unwrap_or_else(|panic| Err(trouble::panicked(&self.url(), &*panic)))
    }

    /// The folder as a person names it.
    pub fn url(&self) -> String {
        self.address.url()
    }

    /// An object of it as a person names it.
    pub fn url_of(&self, name: &str) -> String {
        format!("{}/{name}", self.url())
    }

    /// Where an object is on this machine once it was [fetched](Self::fetch).
    pub fn place(&self, object: &Object) -> PathBuf {
        self.cache.place(object)
    }

    /// A folder of the cache for files that never change, created.
    pub fn cached_folder(&self, name: &str) -> Result<PathBuf> {
        self.cache.folder(name)
    }

    /// A folder of the cache to write in what is published here.
    pub fn workspace(&self) -> Result<PathBuf> {
        self.cache.workspace()
    }

    /// Everything in it, by name.
    ///
    /// # Errors
    /// Absent where there is no such container; storage where access fails.
    pub fn list(&self) -> Result<Vec<Object>> {
        let listed: Vec<ObjectMeta> = self.wait(async {
            let listed = self.store.list(Some(&self.address.folder)).try_collect().await;
            listed.map_err(|error| self.trouble("list the folder", None, &error))
        })?;
        let mut objects: Vec<Object> = listed.into_iter().filter_map(|meta| self.object(meta)).collect();
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }

    /// Names of the folders in it, sorted.
    ///
    /// # Errors
    /// Absent where there is no such container; storage where access fails.
    pub fn folders(&self) -> Result<Vec<String>> {
        let listed = self.wait(async {
            let listed = self.store.list_with_delimiter(Some(&self.address.folder)).await;
            listed.map_err(|error| self.trouble("list the folder", None, &error))
        })?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|key| key.filename().map(str::to_owned)).collect();
        names.sort();
        Ok(names)
    }

    fn object(&self, meta: ObjectMeta) -> Option<Object> {
        let (whole, folder) = (meta.location.as_ref(), self.address.folder.as_ref());
        let name = match folder {
            "" => whole,
            folder => whole.strip_prefix(folder)?.strip_prefix('/')?,
        };
        Some(Object { name: name.to_owned(), size: meta.size, etag: meta.e_tag, modified: meta.last_modified.into() })
    }

    /// A small object; None where it is not there.
    ///
    /// # Errors
    /// Storage where access fails.
    pub fn read(&self, name: &str) -> Result<Option<Content>> {
        let key = self.key(name)?;
        let read = async {
            let found = self.store.get(&key).await?;
            let version = UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            Ok(Content { bytes: found.bytes().await?.to_vec(), version: Version(version) })
        };
        self.wait(async {
            match read.await {
                Ok(content) => Ok(Some(content)),
                Err(StoreError::NotFound { .. }) => Ok(None),
                Err(error) => Err(self.trouble("read the file", Some(name), &error)),
            }
        })
    }

    /// Some bytes of an object.
    ///
    /// # Errors
    /// Storage where access fails, or the object is not there any more.
    pub fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let key = self.key(name)?;
        self.wait(async {
            let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
            let read = async { Ok(self.store.get_opts(&key, options).await?.bytes().await?.to_vec()) };
            read.await.map_err(|error: StoreError| self.trouble("read the file", Some(name), &error))
        })
    }

    /// Those of some objects that are not on this machine yet, each with where it goes.
    pub fn missing<'a>(&self, objects: impl IntoIterator<Item = (&'a Object, PathBuf)>) -> Vec<(&'a Object, PathBuf)> {
        objects.into_iter().filter(|(object, place)| !cache::holds(place, object.size)).collect()
    }

    /// Brings objects to where they go, several at a time; each is there whole or not at all. `told` hears how many are done.
    ///
    /// # Errors
    /// Storage where access fails or the cache cannot be written; refused where an object that was listed with its etag has changed
    /// since or is gone; absent where another one is gone.
    pub fn fetch(&self, wanted: &[(&Object, PathBuf)], told: &mut dyn FnMut(usize)) -> Result<()> {
        let requests = wanted.iter().map(|(object, place)| self.fetch_one(object, place));
        let fetched = self.wait(several(requests, told));
        self.cache.prune();
        fetched
    }

    async fn fetch_one(&self, object: &Object, place: &Path) -> Result<()> {
        // An object that was listed with its etag is an input file of that version.
        let failed = |error: &StoreError| match error {
            StoreError::Precondition { .. } => self.changed_while_read(&object.name, ""),
            StoreError::NotFound { .. } if object.etag.is_some() => {
                self.changed_while_read(&object.name, ": it was removed")
            }
            error => self.trouble("read the file", Some(&object.name), error),
        };
        let options = GetOptions { if_match: object.etag.clone(), ..GetOptions::default() };
        let key = self.key(&object.name)?;
        let found = self.store.get_opts(&key, options).await.map_err(|error| failed(&error))?;
        let part = cache::Part::beside(place)?;
        let unwritten = |error: std::io::Error| Error::storage("write to the cache", place, &error);
        let (mut chunks, mut size) = (found.into_stream(), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| failed(&error))?;
            (&part.file).write_all(&chunk).map_err(unwritten)?;
            size += chunk.len() as u64;
        }
        if size != object.size {
            let what = format!("{size} bytes came, and the store lists {}", object.size);
            return Err(Error::new(Code::Storage, what)
                .at(self.url_of(&object.name))
                .hint("run it again; the file may have been written at the same time"));
        }
        part.put(place).map_err(unwritten)
    }

    /// Writes local files as objects that never change, several at a time. One that is there already, with the same size, is left alone.
    ///
    /// # Errors
    /// Storage where access fails, or another object stands in the way; absent where there is no such container.
    pub fn put_new(&self, files: &[(String, PathBuf)], told: &mut dyn FnMut(usize)) -> Result<()> {
        self.wait(several(files.iter().map(|(name, path)| self.put_one(name, path)), told))
    }

    /// Writes a local file as an object, unless one is there, which is as good. Returns the size of the one that is there now.
    ///
    /// # Errors
    /// Storage where access fails; absent where there is no such container.
    pub fn put_or_keep(&self, name: &str, path: &Path) -> Result<u64> {
        self.wait(async {
            match self.create(name, path).await? {
                Created::Now(size) => Ok(size),
                Created::Before(_) => self.size(name).await,
            }
        })
    }

    async fn size(&self, name: &str) -> Result<u64> {
        let there = self.store.head(&self.key(name)?).await;
        there.map(|meta| meta.size).map_err(|error| self.trouble("look at the file", Some(name), &error))
    }

    /// Writes an object that must not be there.
    async fn create(&self, name: &str, path: &Path) -> Result<Created> {
        let bytes = std::fs::read(path).map_err(|error| Error::storage("read what was staged", path, &error))?;
        let size = bytes.len() as u64;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&self.key(name)?, PutPayload::from(bytes), options).await {
            Ok(_) => Ok(Created::Now(size)),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(Created::Before(size)),
            Err(error) => Err(self.trouble("write the file", Some(name), &error)),
        }
    }

    async fn put_one(&self, name: &str, path: &Path) -> Result<()> {
        let Created::Before(size) = self.create(name, path).await? else { return Ok(()) };
        let there = self.size(name).await?;
        if there == size {
            return Ok(());
        }
        let what = format!("another file of {there} bytes is in the place of one of {size}");
        Err(Error::new(Code::Storage, what).at(self.url_of(name)).hint("remove the folder of this run there"))
    }

    /// Writes a small object in the place of the version that was read before, or where none was.
    ///
    /// # Errors
    /// Storage where access fails.
    pub fn replace(&self, name: &str, bytes: Vec<u8>, before: Option<&Version>) -> Result<Replaced> {
        let key = self.key(name)?;
        let mode = before.map_or(PutMode::Create, |version| PutMode::Update(version.0.clone()));
        let options = PutOptions { mode, ..PutOptions::default() };
        self.wait(async {
            match self.store.put_opts(&key, PutPayload::from(bytes), options).await {
                Ok(_) => Ok(Replaced::Done),
                Err(StoreError::Precondition { .. } | StoreError::AlreadyExists { .. }) => Ok(Replaced::Lost),
                // One that was read and is gone was removed by somebody else.
                Err(StoreError::NotFound { .. }) if before.is_some() => Ok(Replaced::Lost),
                Err(error) => Err(self.trouble("write the file", Some(name), &error)),
            }
        })
    }

    fn key(&self, name: &str) -> Result<Key> {
        let whole = match self.address.folder.as_ref() {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        Key::parse(&whole).map_err(|error| Error::internal(format!("a name that no store can hold: {error}")))
    }

    fn changed_while_read(&self, name: &str, how: &str) -> Error {
        Error::refused(format!("an input file changed while it was read{how}"))
            .at(self.url_of(name))
            .hint("run it again once nothing writes to the history")
    }

    fn trouble(&self, doing: &str, name: Option<&str>, error: &StoreError) -> Error {
        let place = name.map_or_else(|| self.url(), |name| self.url_of(name));
        trouble::trouble(doing, self.address.kind, &place, error)
    }
}

/// Whether the environment tells of no account either.
fn is_without_account(azure: &MicrosoftAzureBuilder) -> bool {
    let set = |key| azure.get_config_value(&key);
    let is_emulator = set(AzureConfigKey::UseEmulator).is_some_and(|value| value != "false");
    set(AzureConfigKey::AccountName).is_none() && !is_emulator
}

/// Awaits requests, several at a time, until one fails; `told` hears how many are done.
async fn several<R: Future<Output = Result<()>>>(
    requests: impl Iterator<Item = R>,
    told: &mut dyn FnMut(usize),
) -> Result<()> {
    let mut requests = futures::stream::iter(requests).buffer_unordered(AT_A_TIME);
    let mut done = 0;
    while let Some(result) = requests.next().await {
        result?;
        done += 1;
        told(done);
    }
    Ok(())
}

impl fmt::Debug for Folder {
    /// Without the store, which knows credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// `az://data/history` at an endpoint, with few retries.
    fn folder(endpoint: &str, go_on: GoOn) -> std::io::Result<Folder> {
        let address = Address::parse(Path::new("az://data/history")).map_err(std::io::Error::other)?;
        let retry = RetryConfig { max_retries: 2, ..RetryConfig::default() };
        let store = MicrosoftAzureBuilder::new()
            .with_account("acme")
            .with_container_name("data")
            .with_endpoint(endpoint.to_owned())
            .with_allow_http(true)
            .with_sas_authorization([("sig".to_owned(), "hush".to_owned())])
            .with_retry(retry);
        let store = Arc::new(store.build().map_err(std::io::Error::other)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Folder { store, runtime, address, cache: Cache::unused(), go_on })
    }

    /// Nobody answers, and whoever waits is stopped.
    #[test]
    fn a_wait_ends_once_it_is_not_wanted() -> std::io::Result<()> {
        let silent = TcpListener::bind("127.0.0.1:0")?;
        let stop = || Err(Error::new(Code::Interrupted, "enough"));
        let folder = folder(&format!("http://{}", silent.local_addr()?), stop)?;
        let start = std::time::Instant::now();
        assert_eq!(folder.list().map_err(|error| error.code).err(), Some(Code::Interrupted));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        Ok(())
    }

    /// A store in memory gives a new etag to each version of an object.
    #[test]
    fn an_object_that_changed_since_it_was_listed_is_refused() -> std::io::Result<()> {
        let store = Arc::new(object_store::memory::InMemory::new());
        let folder = Folder { store: store.clone(), ..folder("http://127.0.0.1:1", || Ok(()))? };
        let there = tempfile::tempdir()?;
        let key = Key::from("history/partners.parquet");
        let put = |bytes: &'static [u8]| folder.runtime.block_on(store.put(&key, PutPayload::from_static(bytes)));
        put(b"first").map_err(std::io::Error::other)?;
        let listed = folder.list().map_err(std::io::Error::other)?;
        let object = listed.first().ok_or_else(|| std::io::Error::other("nothing was listed"))?;
        let place = there.path().join("partners.parquet");
        let fetch = || folder.fetch(&[(object, place.clone())], &mut |_| ()).map_err(|error| (error.code, error.what));
        let changed = |how: &str| Err((Code::Refused, format!("an input file changed while it was read{how}")));
        assert_eq!(fetch(), Ok(()));
        assert_eq!(std::fs::read(&place)?, b"first");
        put(b"other").map_err(std::io::Error::other)?;
        assert_eq!(fetch(), changed(""));
        folder.runtime.block_on(store.delete(&key)).map_err(std::io::Error::other)?;
        assert_eq!(fetch(), changed(": it was removed"));
        assert_eq!(std::fs::read(&place)?, b"first", "what was brought before stays");
        Ok(())
    }

    /// Nobody listens: what is tried again comes to an end, with what, where and what to do.
    #[test]
    fn retries_have_a_clear_end() -> std::io::Result<()> {
        let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = folder(&format!("http://{nobody}"), || Ok(()))?;
        let error = folder.list().err().ok_or_else(|| std::io::Error::other("nobody answered"))?;
        assert_eq!(error.code, Code::Storage);
        let text = error.to_string();
        assert!(text.contains("at: az://data/history") && text.contains("retries"), "{text}");
        assert!(!text.contains("hush"), "{text}");
        Ok(())
    }
}
