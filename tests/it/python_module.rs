//! The Python package, as its users have it.

use std::process::Command;

use crate::command::said;
use crate::documents::root;

/// Whether the Python of the tests has the package, built of this library.
pub fn installed(python: &std::ffi::OsStr) -> bool {
    let asked = Command::new(python).args(["-c", "import partnerscore"]).current_dir(root()).output().expect("python");
    asked.status.success()
}

/// A script of checks with the Python of the tests; None where there is none with the package, which is said.
pub fn script(what: &str, script: &str) -> Option<Command> {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        let why = "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one";
        crate::not_run(what, why);
        return None;
    };
    if !installed(&python) {
        crate::not_run(what, "the package is not installed there; ./test.sh builds it");
        return None;
    }
    let mut checks = Command::new(python);
    checks.arg(script).current_dir(root()).env_remove("RUST_LOG").env("COLUMNS", "100");
    Some(checks)
}

/// Runs a script of checks, all of which have to pass.
pub fn passes(mut checks: Command) {
    let ended = said(checks.output().expect("python"));
    println!("{}", ended.stdout);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// Every check of `tests/python_module.py`, which compares with this build of the command.
#[test]
fn the_python_package_does_what_the_command_does() {
    let Some(mut checks) = script("the Python package", "tests/python_module.py") else { return };
    checks.arg(env!("CARGO_BIN_EXE_partnerscore"));
    passes(checks);
}

/// Every check of `tests/python_delta.py`.
#[test]
fn delta_tables_are_read_as_their_logs_say() {
    let Some(checks) = script("Delta tables", "tests/python_delta.py") else { return };
    passes(checks);
}
