//! Scores on a Spark cluster.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::azurite::{ACCOUNT, Azurite, KEY};
use crate::command::said;
use crate::documents::root;

/// Every check of `tests/spark.py`, which starts its clusters itself.
#[test]
fn a_cluster_gives_the_scores_of_one_process() {
    let what = "scores on a Spark cluster";
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run(
            what,
            "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one",
        );
    };
    if !works(&python, &["-c", "import partnerscore, pyspark"]) {
        return crate::not_run(what, "the package and pyspark are not installed there; ./test.sh does it");
    }
    if !works(OsStr::new("java"), &["-version"]) {
        return crate::not_run(what, "there is no Java; install openjdk-17-jre-headless");
    }
    let cache = tempfile::tempdir().expect("a folder");
    let mut checks = Command::new(python);
    checks.arg("tests/spark.py").arg(env!("CARGO_BIN_EXE_partnerscore")).current_dir(root());
    if let Some(azurite) = Azurite::running("scores on a Spark cluster of a history on a store") {
        let container = azurite.container();
        container.put_folder(Path::new("data/sample"), "history");
        let endpoint = format!("http://127.0.0.1:{}/{ACCOUNT}", container.port);
        checks.env("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT).env("AZURE_STORAGE_ACCOUNT_KEY", KEY);
        checks.env("AZURE_STORAGE_ENDPOINT", endpoint).env("AZURE_ALLOW_HTTP", "true");
        checks.env("PARTNERSCORE_CACHE", cache.path()).env("PARTNERSCORE_TEST_URL", container.url("history"));
    }
    let ended = said(checks.env_remove("RUST_LOG").output().expect("python"));
    println!("{}", ended.stdout);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

fn works(program: &OsStr, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).current_dir(root()).output().is_ok_and(|ended| ended.status.success())
}
