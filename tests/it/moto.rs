//! A real server of moto for tests, which speaks S3 as AWS does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use object_store::aws::AmazonS3Builder;

use crate::azurite::{Container, await_listener, free_port};

/// Serves until standard input closes, which it does however the tests end.
const SERVE: &str = "
import os, sys
from moto.server import ThreadedMotoServer
ThreadedMotoServer(ip_address='127.0.0.1', port=int(sys.argv[1]), verbose=False).start()
sys.stdin.read()
os._exit(0)
";

/// Enough of a signature for a server that does not check any.
const SIGNED: &str = "authorization: AWS4-HMAC-SHA256 Credential=testing/20261120/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";

/// A running server.
pub struct Moto {
    pub port: u16,
    process: Child,
}

static RUNNING: LazyLock<Option<Moto>> = LazyLock::new(|| Moto::start(&[]));
static BUCKETS: Mutex<u32> = Mutex::new(0);

impl Moto {
    /// The server that all tests share; None where there is none, which is said.
    pub fn running(what: &str) -> Option<&'static Moto> {
        if RUNNING.is_none() {
            without(what);
        }
        RUNNING.as_ref()
    }

    /// One that lets nobody in.
    pub fn strict(what: &str) -> Option<Moto> {
        let moto = Moto::start(&[("INITIAL_NO_AUTH_ACTION_COUNT", "0")]);
        if moto.is_none() {
            without(what);
        }
        moto
    }

    fn start(settings: &[(&str, &str)]) -> Option<Moto> {
        let python = std::env::var_os("PARTNERSCORE_TEST_PYTHON")?;
        let has_moto = Command::new(&python).args(["-c", "import moto.server"]).stderr(Stdio::null()).status();
        if !has_moto.is_ok_and(|ended| ended.success()) {
            return None;
        }
        let port = free_port();
        let mut server = Command::new(python);
        server.args(["-c", SERVE, &port.to_string()]).envs(settings.iter().copied());
        let process = server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        await_listener(port);
        Some(Moto { port, process: process.expect("it starts") })
    }

    /// A new, empty bucket.
    pub fn bucket(&self) -> Container {
        let mut count = BUCKETS.lock().expect("a number");
        *count += 1;
        let name = format!("test{count}");
        self.create(&name);
        let store = AmazonS3Builder::new()
            .with_access_key_id("testing")
            .with_secret_access_key("testing-secret")
            .with_region("us-east-1")
            .with_bucket_name(&name)
            .with_endpoint(format!("http://127.0.0.1:{}", self.port))
            .with_allow_http(true);
        Container::new("s3", name, self.port, store.build().expect("a store"))
    }

    fn create(&self, bucket: &str) {
        let mut server = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let host = format!("host: 127.0.0.1:{}", self.port);
        let request =
            format!("PUT /{bucket} HTTP/1.1\r\n{host}\r\n{SIGNED}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        server.write_all(request.as_bytes()).expect("asked");
        let mut answer = String::new();
        server.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Nothing of it is worth keeping.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

fn without(what: &str) {
    crate::not_run(what, "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one");
}
