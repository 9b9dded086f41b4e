//! The Python package, as its users have it.

use std::process::Command;

use crate::command::said;
use crate::documents::root;

/// Whether the Python of the tests has the package, built of this library.
pub fn installed(python: &std::ffi::OsStr) -> bool {
    let asked = Command::new(python).args(["-c", "import partnerscore"]).current_dir(root()).output().expect("python");
    asked.status.success()
}

/// Every check of `tests/python_module.py`, which compares with this build of the command.
#[test]
fn the_python_package_does_what_the_command_does() {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run(
            "the Python package",
            "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt; ./test.sh makes one",
        );
    };
    if !installed(&python) {
        return crate::not_run("the Python package", "it is not installed there; ./test.sh builds it");
    }
    let mut checks = Command::new(python);
    checks.arg("tests/python_module.py").arg(env!("CARGO_BIN_EXE_partnerscore")).current_dir(root());
    let ended = said(checks.env_remove("RUST_LOG").env("COLUMNS", "100").output().expect("python"));
    println!("{}", ended.stdout);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}
