//! Histories and runs on an object store, against a real Azurite and a server of moto that speaks S3: the same bytes, nothing twice, nothing half, nothing told.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::azurite::{ACCOUNT, Azurite, Container, Gate, Let, access, files, free_port};
use crate::command::{Said, partnerscore, said};
use crate::moto::Moto;
use crate::python_module;

const AS_OF: &str = "2026-11-20";
const CURRENT: &str = "runs/as_of=2026-11-20/current.json";

/// A container with the sample as its history, and a cache of its own.
pub struct Placed {
    pub container: Container,
    pub cache: tempfile::TempDir,
    pub port: u16,
}

impl Placed {
    /// In a container of its own.
    pub fn new(azurite: &Azurite) -> Placed {
        Placed::within(azurite.container())
    }

    /// In this one.
    pub fn within(container: Container) -> Placed {
        container.put_folder(Path::new("data/sample"), "history");
        Placed { port: container.port, container, cache: tempfile::tempdir().expect("a folder") }
    }

    /// The same through a gate.
    pub fn through(mut self, gate: &Gate) -> Placed {
        self.port = gate.port;
        self
    }

    /// As another machine would have it.
    pub fn with_other_cache(mut self) -> Placed {
        self.cache = tempfile::tempdir().expect("a folder");
        self
    }

    /// The program, with access to the container and nothing else from the environment.
    pub fn program(&self) -> Command {
        self.allowed(partnerscore())
    }

    /// A command with the same access.
    fn allowed(&self, mut command: Command) -> Command {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AZURE") || name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command.envs(access(self.container.scheme, self.port)).env("PARTNERSCORE_CACHE", self.cache.path());
        command
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.program().args(arguments).output().expect("the program starts"))
    }

    fn scoring(&self, more: &[&str]) -> Command {
        let mut command = self.program();
        command.args(["score", &self.container.url("history"), "--out", &self.container.url("runs")]);
        command.args(["--as-of", AS_OF]).args(more);
        command
    }

    fn score(&self, more: &[&str]) -> Said {
        said(self.scoring(more).output().expect("the program starts"))
    }

    /// The name of the run that counts.
    fn current(&self) -> String {
        let pointer: Value = serde_json::from_slice(&self.container.get(CURRENT)).expect("JSON");
        pointer["run"].as_str().expect("a run").to_owned()
    }
}

/// Scores the sample in a local folder, and returns the run's files.
fn local(out: &Path, more: &[&str]) -> std::collections::BTreeMap<String, Vec<u8>> {
    crate::command::score(Path::new("data/sample"), out, AS_OF, more).succeeds();
    files(&out.join(format!("as_of={AS_OF}")))
}

#[test]
fn a_history_on_a_store_gives_the_bytes_of_a_local_one_and_is_brought_here_once() {
    let Some(azurite) = Azurite::running("histories on a store") else { return };
    gives_the_bytes_of_a_local_one(Placed::new(azurite));
}

fn gives_the_bytes_of_a_local_one(placed: Placed) {
    let gate = Gate::before(placed.port, |_| Let::Pass);
    let placed = placed.through(&gate);
    // What is no part of a history there.
    placed.container.put("history/_temporary/partners.parquet", b"no".to_vec());
    placed.container.put("history/workload_usage/.month=2026-10-01/part-0.parquet", b"no".to_vec());
    let (out, here) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let score = |more: &[&str]| {
        let (history, out) = (placed.container.url("history"), out.path().display().to_string());
        placed.run(&[&["score", &history, "--out", &out, "--as-of", AS_OF, "--evidence"], more].concat())
    };
    score(&[]).succeeds();
    let (mut ours, mut theirs) =
        (files(&out.path().join(format!("as_of={AS_OF}"))), local(here.path(), &["--evidence"]));
    let run: Value = serde_json::from_slice(&ours.remove("run.json").expect("run.json")).expect("JSON");
    theirs.remove("run.json");
    assert!(ours == theirs, "{:?} {:?}", ours.keys(), theirs.keys());
    let inputs = run["inputs"].as_array().expect("inputs");
    assert!(!inputs.is_empty() && inputs.iter().all(|input| input["etag"].is_string()), "{inputs:?}");
    // P to M are 13 months, and the sample holds 25.
    let brought = gate.count(&["GET", ".parquet"]);
    assert_eq!(brought, 13 + 3, "only what the score depends on");
    score(&[]).succeeds();
    assert_eq!(gate.count(&["GET", ".parquet"]), brought, "the second run brings nothing");
    // One file that changed is brought anew, and the run is another.
    let [file, other] =
        ["10", "09"].map(|month| format!("history/workload_usage/month=2026-{month}-01/part-0.parquet"));
    placed.container.put(&file, placed.container.get(&other));
    let before = gate.count(&["GET", ".parquet"]);
    score(&[]).succeeds();
    assert_eq!(gate.count(&["GET", ".parquet"]), before + 1);
}

#[test]
fn a_broken_history_on_a_store_is_told_by_its_url() {
    let Some(azurite) = Azurite::running("broken histories on a store") else { return };
    let placed = Placed::new(azurite);
    let (check, url) = (|folder: &str| placed.run(&["check", &placed.container.url(folder)]), placed.container.url(""));
    check("nothing").fails(5, &["there is no such history", &format!("at: {url}nothing")]);
    placed.container.put("empty/partner.parquet", b"x".to_vec());
    check("empty").fails(5, &["table `partners` is missing", "there is `partner.parquet`"]);
    placed.container.put("history/certifications.parquet", b"half a file".to_vec());
    check("history").fails(3, &["cannot be read as Parquet", &format!("at: {url}history/certifications.parquet")]);
    placed.container.put("history/associations/_delta_log/00000000000000000000.json", b"{}".to_vec());
    check("history").fails(3, &["table `associations` is there twice"]);
    placed.container.delete("history/associations.parquet");
    check("history").fails(3, &["this is a Delta table", &format!("at: {url}history/associations")]);
    placed.container.put("history/metadata/v1.metadata.json", b"{}".to_vec());
    check("history").fails(3, &["this is an Iceberg table"]);
}

#[test]
fn a_run_is_published_once_and_read_from_there() {
    let Some(azurite) = Azurite::running("runs on a store") else { return };
    is_published_once(Placed::new(azurite));
}

fn is_published_once(placed: Placed) {
    let told = placed.score(&["--evidence"]);
    told.succeeds();
    let run = format!("runs/as_of={AS_OF}/run={}", placed.current());
    assert!(told.stderr.contains(&placed.container.url(&run)), "{}", told.stderr);
    let here = tempfile::tempdir().expect("a folder");
    for (name, bytes) in local(here.path(), &["--evidence"]).iter().filter(|(name, _)| *name != "run.json") {
        assert!(placed.container.get(&format!("{run}/{name}")) == *bytes, "{name}");
    }
    // A repeat changes nothing, from another machine as well.
    let before = placed.container.names();
    placed.score(&["--evidence"]).succeeds();
    let placed = placed.with_other_cache();
    placed.score(&["--evidence"]).succeeds();
    assert_eq!(placed.container.names(), before);
    // Read back, by the date, by the folder above and by the run itself.
    let explain = |run: &str| {
        let told = placed.run(&["explain", run, "--partner", "2613076", "--format", "json"]);
        told.succeeds();
        told.stdout
    };
    let expected = explain(&here.path().display().to_string());
    for folder in ["runs".to_owned(), format!("runs/as_of={AS_OF}"), run.clone()] {
        assert_eq!(explain(&placed.container.url(&folder)), expected, "{folder}");
    }
    // Without evidence it is another run; the first stays as it is.
    let first = placed.current();
    placed.score(&[]).succeeds();
    assert_ne!(placed.current(), first);
    let now = placed.container.names();
    assert!(before.iter().filter(|(name, _)| *name != CURRENT).all(|(name, etag)| now.get(name) == Some(etag)));
    let diff = placed.run(&["diff", &placed.container.url(&run), &placed.container.url("runs"), "--format", "json"]);
    let diff: Value = serde_json::from_str(&diff.succeeds().stdout).expect("JSON");
    assert_eq!(diff["before"]["folder"], placed.container.url(&run));
    // Back to the first result: its folder is there already, and counts again.
    placed.score(&["--evidence"]).succeeds();
    assert_eq!(placed.current(), first);
    let page = here.path().join("page.html");
    placed.run(&["report", &placed.container.url("runs"), "--html", &page.display().to_string()]).succeeds();
    assert!(page.exists());
    let official = ["--official", "data/official.csv"];
    placed.run(&[&["reconcile", &placed.container.url("runs")][..], &official].concat()).succeeds();
    placed.run(&["explain", &placed.container.url("runs/as_of=2020-01-20"), "--partner", "x"]).fails(5, &["://"]);
    placed.run(&["report", &placed.container.url("history"), "--html", "x.html"]).fails(5, &["no published run"]);
}

#[test]
fn a_race_that_was_lost_ends_with_7_and_leaves_the_winner() {
    let Some(azurite) = Azurite::running("races on a store") else { return };
    loses_races(&|| Placed::new(azurite));
}

/// Another machine publishes the date while this one scores: the first run of it, and one in the place of another.
fn loses_races(place: &dyn Fn() -> Placed) {
    for published_before in [false, true] {
        let placed = place();
        if published_before {
            placed.score(&["--distributor", "D01"]).succeeds();
        }
        let other_cache = tempfile::tempdir().expect("a folder");
        let (name, cache, once) = (placed.container.name.clone(), other_cache.path().to_owned(), AtomicUsize::new(0));
        let (scheme, port) = (placed.container.scheme, placed.port);
        let gate = Gate::before(port, move |line| {
            if line.starts_with("PUT") && line.contains("current.json") && once.fetch_add(1, Ordering::SeqCst) == 0 {
                let mut other = partnerscore();
                other.envs(access(scheme, port)).env("PARTNERSCORE_CACHE", &cache);
                let (history, runs) = (format!("{scheme}://{name}/history"), format!("{scheme}://{name}/runs"));
                let arguments = ["score", &history, "--out", &runs, "--as-of", AS_OF, "--distributor", "D02"];
                said(other.args(arguments).output().expect("the program starts")).succeeds();
            }
            Let::Pass
        });
        let placed = placed.through(&gate);
        placed.score(&[]).fails(7, &["another run has published this date in the meantime", "current.json"]);
        let placed = Placed { port, ..placed };
        let run = format!("runs/as_of={AS_OF}/run={}/run.json", placed.current());
        let run: Value = serde_json::from_slice(&placed.container.get(&run)).expect("JSON");
        assert_eq!(run["selection"]["distributors"][0], "D02", "the winner's stays");
        placed.score(&[]).succeeds();
    }
}

#[test]
fn an_answer_that_was_lost_is_no_race() {
    let Some(azurite) = Azurite::running("lost answers of a store") else { return };
    let once = AtomicUsize::new(0);
    let gate = Gate::before(azurite.port, move |line| {
        let is_pointer = line.starts_with("PUT") && line.contains("current.json");
        if is_pointer && once.fetch_add(1, Ordering::SeqCst) == 0 { Let::LoseAnswer } else { Let::Pass }
    });
    let placed = Placed::new(azurite).through(&gate);
    placed.score(&[]).succeeds();
    assert!(gate.count(&["PUT", "current.json"]) > 1, "it was tried again");
}

#[test]
fn a_store_that_falters_is_asked_again() {
    let Some(azurite) = Azurite::running("retries against a store") else { return };
    let asked = AtomicUsize::new(0);
    let gate = Gate::before(azurite.port, move |_| match asked.fetch_add(1, Ordering::SeqCst) % 4 {
        0 => Let::Answer(503),
        2 => Let::Answer(429),
        _ => Let::Pass,
    });
    let placed = Placed::new(azurite).through(&gate);
    placed.score(&[]).succeeds();
    assert!(gate.count(&["GET", ".parquet"]) > 16);
}

/// Killed before any of its files, in the middle of them, and before the last step.
#[test]
fn an_upload_that_is_killed_leaves_the_old_run() {
    let Some(azurite) = Azurite::running("killed uploads to a store") else { return };
    for at in ["scores.parquet", "run.json", "current.json"] {
        let placed = Placed::new(azurite);
        placed.score(&["--distributor", "D01"]).succeeds();
        let (old, pointer) = (placed.current(), placed.container.get(CURRENT));
        let gate = Gate::before(azurite.port, move |line| {
            if line.starts_with("PUT") && line.contains(at) { Let::Hold } else { Let::Pass }
        });
        let placed = placed.through(&gate);
        let mut child = placed.scoring(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let start = Instant::now();
        while gate.count(&["PUT", at]) == 0 {
            assert!(start.elapsed() < Duration::from_secs(120), "it never wrote {at}");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("a kill");
        child.wait().expect("it ends");
        let placed = Placed { port: azurite.port, ..placed };
        assert!(placed.container.get(CURRENT) == pointer && placed.current() == old, "{at}");
        let report = tempfile::tempdir().expect("a folder");
        let page = report.path().join("page.html").display().to_string();
        placed.run(&["report", &placed.container.url("runs"), "--html", &page]).succeeds();
        // The next run needs no help.
        placed.score(&[]).succeeds();
        assert_ne!(placed.current(), old, "{at}");
    }
}

/// A download that is killed leaves no file that a later run takes for whole.
#[test]
fn a_download_that_is_killed_leaves_nothing_half() {
    let Some(azurite) = Azurite::running("killed downloads from a store") else { return };
    let gate = Gate::before(azurite.port, |line| {
        if line.starts_with("GET") && line.contains("month=2026-03-01") { Let::Hold } else { Let::Pass }
    });
    let placed = Placed::new(azurite).through(&gate);
    let mut child = placed.scoring(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let start = Instant::now();
    while gate.count(&["GET", "month=2026-03-01"]) == 0 || gate.count(&["GET", ".parquet"]) < 14 {
        assert!(start.elapsed() < Duration::from_secs(120), "it never read the month");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("a kill");
    child.wait().expect("it ends");
    let placed = Placed { port: azurite.port, ..placed };
    placed.score(&[]).succeeds();
}

#[test]
fn credentials_that_are_wrong_end_with_6_and_are_never_told() {
    let Some(azurite) = Azurite::running("credentials of a store") else { return };
    let placed = Placed::new(azurite);
    let wrong = "bm90IHRoZSBrZXkgb2YgdGhpcyBhY2NvdW50LCBidXQgb25lIG9mIGEgZ29vZCBsZW5ndGg=";
    let not_one = "this-is-no-key-at-all-%%%";
    for (key, more) in [(wrong, &[][..]), (wrong, &["-vv"]), (not_one, &["--log-format", "json", "-vv"])] {
        let mut command = placed.scoring(more);
        let told = said(command.env("AZURE_STORAGE_ACCOUNT_KEY", key).env("RUST_LOG", "trace").output().expect("it"));
        told.fails(6, &["AZURE_STORAGE_ACCOUNT_KEY", &placed.container.name]);
        assert!(!told.stderr.contains(key), "{}", told.stderr);
    }
    // A token stands in every URL that is asked for.
    let token = azurite.token();
    let secret = token.split("sig=").nth(1).expect("a signature").to_owned();
    let with_token = |port: u16, token: &str| {
        let mut command = placed.scoring(&["-vv"]);
        command.env_remove("AZURE_STORAGE_ACCOUNT_KEY").env("AZURE_STORAGE_SAS_TOKEN", token);
        command.env("AZURE_STORAGE_ENDPOINT", format!("http://127.0.0.1:{port}/{ACCOUNT}"));
        said(command.env("RUST_LOG", "trace,object_store::client=trace").output().expect("it starts"))
    };
    let told = with_token(azurite.port, &token);
    assert!(!told.succeeds().stderr.contains(&secret), "{}", told.stderr);
    // Bad requests are told with their URL by the library, and are not tried again.
    let gate = Gate::before(azurite.port, |_| Let::Answer(400));
    let told = with_token(gate.port, &token);
    told.fails(6, &["400"]);
    assert!(!told.stderr.contains(&secret) && !told.stderr.contains("sig="), "{}", told.stderr);
    let told = with_token(azurite.port, &token.replace("sig=", "sig=A"));
    told.fails(6, &["access was denied"]);
    assert!(!told.stderr.contains(&secret), "{}", told.stderr);
}

#[test]
fn a_container_that_is_not_there_ends_with_5_before_anything_is_scored() {
    let Some(azurite) = Azurite::running("absent containers") else { return };
    let placed = Placed::new(azurite);
    placed.run(&["check", "az://nobody-made-this/history"]).fails(5, &["no such container", "az://nobody-made-this"]);
    let out = ["--out", "az://nobody-made-this/runs", "--as-of", AS_OF];
    let told = placed.run(&[&["score", "data/sample"][..], &out].concat());
    told.fails(5, &["no such container", "az://nobody-made-this/runs"]);
}

#[test]
fn the_same_on_s3() {
    let Some(moto) = Moto::running("histories and runs on S3") else { return };
    gives_the_bytes_of_a_local_one(Placed::within(moto.bucket()));
    is_published_once(Placed::within(moto.bucket()));
    loses_races(&|| Placed::within(moto.bucket()));
}

/// Every check of `tests/python_storage.py`, on a container and on a bucket.
#[test]
fn the_python_package_does_the_same() {
    let azure = Azurite::running("the Python package on Azure").map(Placed::new);
    let s3 = Moto::running("the Python package on S3").map(|moto| Placed::within(moto.bucket()));
    for placed in [azure, s3].into_iter().flatten() {
        let Some(mut checks) = python_module::script("the Python package on a store", "tests/python_storage.py") else {
            return;
        };
        checks.arg(env!("CARGO_BIN_EXE_partnerscore")).arg(placed.container.url("").trim_end_matches('/'));
        python_module::passes(placed.allowed(checks));
    }
}

/// A server that lets nobody in whom it does not know.
#[test]
fn credentials_of_s3_that_are_wrong_end_with_6_and_are_never_told() {
    let Some(moto) = Moto::strict("credentials of S3") else { return };
    let cache = tempfile::tempdir().expect("a folder");
    for more in [&[][..], &["-vv"], &["--log-format", "json", "-vv"]] {
        let mut command = partnerscore();
        command.envs(access("s3", moto.port)).env("PARTNERSCORE_CACHE", cache.path()).env("RUST_LOG", "trace");
        let told = said(command.args(["check", "s3://somebody/history"]).args(more).output().expect("it starts"));
        told.fails(6, &["access was denied", "s3://somebody/history", "AWS_ACCESS_KEY_ID"]);
        assert!(!told.stderr.contains("testing-secret"), "{}", told.stderr);
    }
}

/// The rules of `tests/it/history_files.rs` hold for objects as well.
#[test]
fn objects_beside_the_files_of_a_table_are_told_apart_as_in_a_folder() {
    let azure = Azurite::running("other objects on Azure").map(Placed::new);
    let s3 = Moto::running("other objects on S3").map(|moto| Placed::within(moto.bucket()));
    for placed in [azure, s3].into_iter().flatten() {
        follows_the_rules_of_folders(&placed);
    }
}

fn follows_the_rules_of_folders(placed: &Placed) {
    let (history, container) = (placed.container.url("history"), &placed.container);
    let check = |more: &[&str]| placed.run(&[&["check", &history, "--format", "csv"], more].concat());
    let before = check(&[]).succeeds().stdout.clone();
    // Objects that stand for folders.
    for marker in [
        "associations_$folder$",
        "workload_usage/",
        "workload_usage/month=2026-10-01/",
        "workload_usage/month=2027-01-01_$folder$",
    ] {
        container.put(&format!("history/{marker}"), Vec::new());
    }
    assert_eq!(check(&[]).succeeds().stdout, before);
    // A folder as Spark writes it, with an object for the folder.
    let partners = container.get("history/partners.parquet");
    container.put("history/partners.parquet/part-00000.snappy.parquet", partners);
    container.put("history/partners.parquet", Vec::new());
    assert_eq!(check(&[]).succeeds().stdout, before);
    // Files that are not read, and copies.
    let month = "history/workload_usage/month=2026-10-01";
    container.put(&format!("{month}/README.txt"), b"for people".to_vec());
    container.put(&format!("{month}/_SUCCESS"), Vec::new());
    let part = container.get(&format!("{month}/part-0.parquet"));
    container.put(&format!("{month}/part-0 (1).parquet"), part.clone());
    let told = check(&[]);
    told.succeeds();
    for warning in ["file_not_read,workload_usage/month=2026-10-01/README.txt", "copied_file,"] {
        assert!(told.stdout.contains(warning), "{}", told.stdout);
    }
    container.delete(&format!("{month}/part-0 (1).parquet"));
    container.put(&format!("{month}/part-1.parq"), part.clone());
    check(&[]).fails(3, &["does not end in .parquet", "part-1.parq", "rename it"]);
    container.delete(&format!("{month}/part-1.parq"));
    // Months and other formats.
    container.put("history/workload_usage/month=2026-11/part-0.parquet", part);
    check(&[]).fails(3, &["`month=2026-11`", "month=2026-10-01"]);
    container.delete("history/workload_usage/month=2026-11/part-0.parquet");
    for (mark, format) in [
        ("partners.parquet/_spark_metadata/0", "Spark stream"),
        ("workload_usage/month=2026-10-01/.hoodie_partition_metadata", "Hudi"),
        ("workload_usage/metadata/v2.gz.metadata.json", "Iceberg"),
        ("metadata/version-hint.text", "Iceberg"),
        ("workload_usage/_change_data/a.parquet", "Delta"),
    ] {
        container.put(&format!("history/{mark}"), b"{}".to_vec());
        check(&[]).fails(3, &[format, "deleted or replaced rows"]);
        container.delete(&format!("history/{mark}"));
    }
    check(&[]).succeeds();
}

#[test]
fn a_bucket_that_is_not_there_ends_with_5_before_anything_is_scored() {
    let Some(moto) = Moto::running("absent buckets") else { return };
    let placed = Placed::within(moto.bucket());
    placed.run(&["check", "s3://nobody-made-this/history"]).fails(5, &["no such container", "s3://nobody-made-this"]);
    placed.run(&["check", &placed.container.url("nothing")]).fails(5, &["there is no such history"]);
    let out = ["--out", "s3://nobody-made-this/runs", "--as-of", AS_OF];
    let told = placed.run(&[&["score", "data/sample"][..], &out].concat());
    told.fails(5, &["no such container", "s3://nobody-made-this/runs"]);
}

/// A check of a history whose store is told of by these variables alone.
fn check_with(url: &str, variables: &[(&str, &str)]) -> Said {
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = partnerscore();
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AZURE") || name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.env("PARTNERSCORE_CACHE", cache.path()).envs(variables.iter().copied());
    said(command.args(["check", url]).output().expect("it starts"))
}

#[test]
fn an_account_that_nobody_names_is_told_of() {
    let told = check_with("az://data/history", &[]);
    told.fails(6, &["nothing names the account", "az://data/history", "AZURE_STORAGE_ACCOUNT_NAME", "abfss://"]);
}

/// Nobody listens where a machine's identity would be asked for.
#[test]
fn credentials_that_are_missing_are_told_of() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let told = check_with("s3://data/history", &[("AWS_METADATA_ENDPOINT", &nobody)]);
    told.fails(6, &["no credentials", "at: s3://data/history", "AWS_ACCESS_KEY_ID"]);
    let identity = format!("{nobody}/metadata/identity/oauth2/token");
    let account = ("AZURE_STORAGE_ACCOUNT_NAME", "acme");
    let told = check_with("az://data/history", &[account, ("IDENTITY_ENDPOINT", &identity)]);
    told.fails(6, &["no credentials", "at: az://data/history", "AZURE_STORAGE_SAS_TOKEN"]);
}

#[test]
fn file_urls_and_wrong_urls_need_no_store() {
    let out = tempfile::tempdir().expect("a folder");
    let history = format!("file://{}/data/sample", env!("CARGO_MANIFEST_DIR"));
    let target = format!("file://{}", out.path().display());
    crate::command::run(&["score", &history, "--out", &target, "--as-of", AS_OF]).succeeds();
    assert!(out.path().join(format!("as_of={AS_OF}/scores.parquet")).exists());
    crate::command::run(&["explain", &target, "--partner", "2613076"]).fails(5, &["without evidence"]);
    crate::command::run(&["check", "abfs3://data/history"]).fails(2, &["did you mean"]);
    let told = crate::command::run(&["check", "az://data/history?sig=hush"]);
    told.fails(2, &["no credentials"]);
    assert!(!told.stderr.contains("hush"));
}
