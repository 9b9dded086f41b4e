//! Reports: the page in a real browser, the workbook cell by cell, and a file for each partner.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use partnerscore::report;

use crate::command::{partnerscore, run, said};
use crate::outputs::{read, texts};

/// The sample's runs of two months, with evidence.
struct Runs {
    folder: tempfile::TempDir,
}

static RUNS: LazyLock<Runs> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for month in ["2026-07", "2026-10"] {
        let out = folder.path().to_string_lossy().into_owned();
        run(&["score", "data/sample", "--month", month, "--out", &out, "--evidence", "--quiet"]).succeeds();
    }
    Runs { folder }
});

impl Runs {
    fn run(&self, as_of: &str) -> PathBuf {
        self.folder.path().join(format!("as_of={as_of}"))
    }

    fn report(&self, more: &[&std::ffi::OsStr]) -> crate::command::Said {
        let mut command = partnerscore();
        command.arg("report").arg(self.folder.path()).arg("--compare").arg(self.run("2026-08-20")).args(more);
        said(command.output().expect("the program starts"))
    }
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("PARTNERSCORE_TEST_CHROMIUM").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from("/usr/bin/chromium"))).filter(|path| path.exists())
}

#[test]
fn the_pages_show_what_the_tables_say() {
    let (Some(python), Some(_)) = (std::env::var_os("PARTNERSCORE_TEST_PYTHON"), chromium()) else {
        return crate::not_run(
            "the pages in a browser",
            "needs PARTNERSCORE_TEST_PYTHON, and Chromium (Debian: chromium)",
        );
    };
    let folder = tempfile::tempdir().expect("a folder");
    let [page, partner] = ["page.html", "partner.html"].map(|name| folder.path().join(name));
    RUNS.report(&["--html".as_ref(), page.as_os_str()]).succeeds();
    RUNS.report(&["--html".as_ref(), partner.as_os_str(), "--partner".as_ref(), "2613076".as_ref()]).succeeds();
    let pictures =
        std::env::var_os("PARTNERSCORE_TEST_PICTURES").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    let mut browser = Command::new(&python);
    browser.arg("tests/report_page.py").args([RUNS.run("2026-11-20"), RUNS.run("2026-08-20")]);
    browser.args([&page, &partner]).arg("2613076").arg(pictures);
    let ended = said(browser.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("python"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    // The pictures of the documents can be taken anew, and are of today's pages by name.
    let mut pictures = Command::new(&python);
    pictures.arg("tests/pictures.py").args([&page, &partner]).arg(folder.path().join("pictures"));
    let ended = said(pictures.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("python"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let names = |folder: &Path| -> BTreeSet<std::ffi::OsString> {
        std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.file_name()).collect()
    };
    let documented = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
    assert_eq!(names(&folder.path().join("pictures")), names(&documented), "`just pictures` takes them anew");
}

#[test]
fn the_workbook_holds_the_tables_cell_by_cell() {
    let Some(python) = std::env::var_os("PARTNERSCORE_TEST_PYTHON") else {
        return crate::not_run("the workbook", "PARTNERSCORE_TEST_PYTHON names no Python with tests/requirements.txt");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let [path, again] = ["book.xlsx", "again.xlsx"].map(|name| folder.path().join(name));
    RUNS.report(&["--xlsx".as_ref(), path.as_os_str()]).succeeds();
    let mut reader = Command::new(python);
    reader.arg("tests/report_book.py").arg(RUNS.run("2026-11-20")).arg(&path);
    let ended = said(reader.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("python"));
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    RUNS.report(&["--xlsx".as_ref(), again.as_os_str()]).succeeds();
    assert!(
        std::fs::read(&path).expect("a book") == std::fs::read(&again).expect("a book"),
        "the same run, the same bytes"
    );
}

#[test]
fn each_partner_gets_a_page_of_its_own_rows_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    RUNS.report(&["--each".as_ref(), folder.path().as_os_str(), "--distributor".as_ref(), "D01".as_ref()]).succeeds();
    let manifest = std::fs::read_to_string(folder.path().join(report::MANIFEST)).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    let scores = read(&RUNS.run("2026-11-20").join("scores.parquet"));
    let of: Vec<(String, Option<String>)> =
        texts(&scores, "partner_id").into_iter().flatten().zip(texts(&scores, "distributor_id")).collect();
    let pages = manifest["pages"].as_array().expect("pages");
    let expected: BTreeSet<&str> =
        of.iter().filter(|(_, distributor)| distributor.as_deref() == Some("D01")).map(|(id, _)| id.as_str()).collect();
    assert_eq!(pages.iter().filter_map(|page| page["partner_id"].as_str()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(manifest["roles"].as_array().map(Vec::len), Some(2));
    for page in pages {
        let file = folder.path().join(page["file"].as_str().expect("a file"));
        let text = std::fs::read_to_string(&file).expect("a page");
        let own = page["partner_id"].as_str().expect("an id");
        assert!(text.contains(own));
        for (other, _) in of.iter().filter(|(other, _)| other != own) {
            assert!(!text.contains(other.as_str()), "{} tells of {other}", file.display());
        }
    }
}

#[test]
fn files_are_named_safely_and_never_alike() {
    let ids = [
        "a",
        "A",
        "a/b",
        "a_b",
        "../etc/passwd",
        "",
        "-x",
        "CON",
        "con",
        "ü",
        "😀",
        "a\u{0}b",
        "a b",
        &"x".repeat(300),
        &"x".repeat(301),
    ];
    let names: Vec<String> = ids.iter().map(|id| report::file_name(id)).collect();
    let lower: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), ids.len(), "{names:?}");
    for name in &names {
        assert!(
            name.len() < 100 && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter)),
            "{name}"
        );
    }
}

#[test]
fn a_report_that_cannot_be_made_says_why() {
    let folder = RUNS.folder.path().to_string_lossy().into_owned();
    run(&["report", &folder]).fails(2, &["there is no report to write", "--html FILE"]);
    run(&["report", &folder, "--html", "x.html", "--partner", "2613077"])
        .fails(2, &["no partner `2613077`", "did you mean `2613076`?"]);
    run(&["report", &folder, "--html", "x.html", "--distributor", "D0"])
        .fails(2, &["no distributor `D0`", "did you mean `D01`?"]);
    run(&["report", "data/sample", "--html", "x.html"]).fails(5, &["no published run"]);
    run(&["report", "nowhere", "--html", "x.html"]).fails(5, &["no such folder"]);
    run(&["report", &folder, "--html", "/nowhere/x.html"]).fails(6, &["/nowhere/"]);
    assert!(!Path::new("x.html").exists());
}
