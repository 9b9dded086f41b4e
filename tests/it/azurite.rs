//! A real Azurite for tests, and a gate in front of a store: what passes is counted, and can be held up or answered otherwise.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

/// The account that every Azurite has, with its published key.
pub const ACCOUNT: &str = "devstoreaccount1";
pub const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Runs Azurite until standard input closes, which it does however the tests end.
const WATCH: &str = "
const child = require('child_process').spawn(process.execPath, process.argv.slice(1), { stdio: 'ignore' });
process.stdin.resume();
process.stdin.on('end', () => { child.kill('SIGKILL'); process.exit(0); });
child.on('exit', () => process.exit(1));
";

/// Creates a container, or makes a token that lets its bearer read and write for an hour.
const ASK: &str = "
const crypto = require('crypto');
const [what, port, container, account, key] = process.argv.slice(1);
const signed = (text) => crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(text, 'utf8').digest('base64');
if (what === 'container') {
    const date = new Date().toUTCString();
    const headers = 'x-ms-date:' + date + '\\nx-ms-version:2021-08-06';
    const text = ['PUT', '', '', '', '', '', '', '', '', '', '', '', headers,
        '/' + account + '/' + account + '/' + container, 'restype:container'].join('\\n');
    fetch('http://127.0.0.1:' + port + '/' + account + '/' + container + '?restype=container', {
        method: 'PUT',
        headers: { 'x-ms-date': date, 'x-ms-version': '2021-08-06', authorization: 'SharedKey ' + account + ':' + signed(text) },
    }).then(async (answer) => { if (answer.status !== 201) { console.error(answer.status, await answer.text()); process.exit(1); } });
} else {
    const expiry = new Date(Date.now() + 3600e3).toISOString().slice(0, 19) + 'Z';
    const text = [account, 'rwlac', 'b', 'sco', '', expiry, '', '', '2021-08-06', '', ''].join('\\n');
    console.log('sv=2021-08-06&ss=b&srt=sco&sp=rwlac&se=' + encodeURIComponent(expiry) + '&sig=' + encodeURIComponent(signed(text)));
}
";

/// A running Azurite.
pub struct Azurite {
    pub port: u16,
    _process: Child,
}

static RUNNING: LazyLock<Option<Azurite>> = LazyLock::new(Azurite::start);
static CONTAINERS: Mutex<u32> = Mutex::new(0);

impl Azurite {
    /// The Azurite that all tests share; None where there is none, which is said.
    pub fn running(what: &str) -> Option<&'static Azurite> {
        if RUNNING.is_none() {
            crate::not_run(
                what,
                "PARTNERSCORE_TEST_AZURITE names no Azurite; ./test.sh installs one where npm is there",
            );
        }
        RUNNING.as_ref()
    }

    fn start() -> Option<Azurite> {
        let program = std::env::var_os("PARTNERSCORE_TEST_AZURITE")?;
        let port = free_port();
        let mut node = Command::new("node");
        node.args(["-e", WATCH]).arg(program).args(["--disableTelemetry", "--inMemoryPersistence"]);
        node.args(["--skipApiVersionCheck", "--silent", "--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        let process = node.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("node starts");
        await_listener(port);
        Some(Azurite { port, _process: process })
    }

    fn ask(&self, what: &str, container: &str) -> String {
        let mut node = Command::new("node");
        node.args(["-e", ASK, what, &self.port.to_string(), container, ACCOUNT, KEY]);
        let said = crate::command::said(node.output().expect("node"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.stdout.trim().to_owned()
    }

    /// A token for the account, as a query of a URL.
    pub fn token(&self) -> String {
        self.ask("token", "-")
    }

    /// A new, empty container.
    pub fn container(&self) -> Container {
        let mut count = CONTAINERS.lock().expect("a number");
        *count += 1;
        let name = format!("test{count}");
        self.ask("container", &name);
        let store = MicrosoftAzureBuilder::new()
            .with_account(ACCOUNT)
            .with_access_key(KEY)
            .with_container_name(&name)
            .with_endpoint(format!("http://127.0.0.1:{}/{ACCOUNT}", self.port))
            .with_allow_http(true);
        Container::new("az", name, self.port, store.build().expect("a store"))
    }
}

/// A port that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port()
}

/// Waits until somebody listens.
pub fn await_listener(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "nobody ever listened");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The variables that let a program into a store at a port, and no other.
pub fn access(scheme: &str, port: u16) -> Vec<(&'static str, String)> {
    match scheme {
        "az" => vec![
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY.to_owned()),
            ("AZURE_STORAGE_ENDPOINT", format!("http://127.0.0.1:{port}/{ACCOUNT}")),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ],
        _ => vec![
            ("AWS_ACCESS_KEY_ID", "testing".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "testing-secret".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ],
    }
}

/// A container, or a bucket, of a store.
pub struct Container {
    pub scheme: &'static str,
    pub name: String,
    pub port: u16,
    store: Box<dyn ObjectStore>,
    runtime: tokio::runtime::Runtime,
}

impl Container {
    /// One that is there already.
    pub fn new(scheme: &'static str, name: String, port: u16, store: impl ObjectStore) -> Container {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Container { scheme, name, port, store: Box::new(store), runtime }
    }

    /// The URL of a folder.
    pub fn url(&self, folder: &str) -> String {
        format!("{}://{}/{folder}", self.scheme, self.name)
    }

    /// Writes an object.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let key = object_store::path::Path::parse(name).expect("a name");
        self.runtime.block_on(self.store.put(&key, PutPayload::from(bytes))).expect("written");
    }

    /// Reads an object.
    pub fn get(&self, name: &str) -> Vec<u8> {
        let key = object_store::path::Path::parse(name).expect("a name");
        let read = self.runtime.block_on(async { self.store.get(&key).await.expect("it is there").bytes().await });
        read.expect("bytes").to_vec()
    }

    /// Removes an object.
    pub fn delete(&self, name: &str) {
        let key = object_store::path::Path::parse(name).expect("a name");
        self.runtime.block_on(self.store.delete(&key)).expect("removed");
    }

    /// Writes all files of a local folder below a name.
    pub fn put_folder(&self, local: &Path, name: &str) {
        for (file, bytes) in files(local) {
            self.put(&format!("{name}/{file}"), bytes);
        }
    }

    /// Names of all objects, with their etags.
    pub fn names(&self) -> BTreeMap<String, String> {
        let all = self.runtime.block_on(self.store.list(None).try_collect::<Vec<_>>()).expect("a list");
        all.into_iter().map(|meta| (meta.location.to_string(), meta.e_tag.unwrap_or_default())).collect()
    }
}

/// The files below a folder by name, with their bytes.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(within) = folders.pop() {
        for entry in std::fs::read_dir(&within).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// What a gate does with a request.
pub enum Let {
    Pass,
    /// Answers with this status instead.
    Answer(u16),
    /// Cuts the connection before an answer, once the request was passed on.
    LoseAnswer,
    /// Never answers.
    Hold,
}

type Rule = dyn Fn(&str) -> Let + Send + Sync;

/// A gate in front of a store, which sees the first line of every request.
pub struct Gate {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Gate {
    /// Opens one; `rule` says what becomes of each request.
    pub fn before(store: u16, rule: impl Fn(&str) -> Let + Send + Sync + 'static) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (seen, rule): (Arc<Mutex<Vec<String>>>, Arc<Rule>) = (Arc::default(), Arc::new(rule));
        let told = seen.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (told, rule) = (told.clone(), rule.clone());
                std::thread::spawn(move || pass(client, store, &told, &*rule));
            }
        });
        Gate { port, seen }
    }

    /// Requests so far whose first line has each of the texts.
    pub fn count(&self, texts: &[&str]) -> usize {
        let seen = self.seen.lock().expect("requests");
        seen.iter().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }
}

/// One request and its answer; then the connection is closed, so that each connection carries one.
fn pass(mut client: TcpStream, store: u16, seen: &Mutex<Vec<String>>, rule: &Rule) -> Option<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 65536]);
    let end = loop {
        let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let length = head.lines().filter_map(|line| line.split_once(':'));
    let length = length
        .filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .find_map(|(_, value)| value.trim().parse().ok());
    while request.len() < end + 4 + length.unwrap_or(0) {
        let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
    }
    let line = head.lines().next().unwrap_or_default().to_owned();
    let what = rule(&line);
    seen.lock().expect("requests").push(line.clone());
    let lost = match what {
        Let::Pass => false,
        Let::LoseAnswer => true,
        Let::Answer(status) => {
            let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            return client.write_all(answer.as_bytes()).ok();
        }
        Let::Hold => loop {
            std::thread::sleep(Duration::from_secs(60));
        },
    };
    let mut server = TcpStream::connect(("127.0.0.1", store)).ok()?;
    let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    server.write_all(head.as_bytes()).ok()?;
    server.write_all(&request[end..]).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    if lost { None } else { client.write_all(&answer).ok() }
}
