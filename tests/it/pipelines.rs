//! Pipeline files: what they declare is what the commands do.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Said, run};
use crate::fixture;

/// A folder with the sample and one pipeline file.
struct Piped {
    folder: tempfile::TempDir,
}

impl Piped {
    fn new(pipeline: &str) -> Piped {
        let folder = tempfile::tempdir().expect("a folder");
        let history = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
        let text = pipeline.replace("SAMPLE", &history.to_string_lossy());
        fs::write(folder.path().join("pipeline.toml"), text).expect("a file");
        Piped { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self) -> Said {
        run(&["run", &self.path("pipeline.toml").to_string_lossy()])
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

const PORTFOLIO: &str = "
history = 'SAMPLE'
output = 'out'
as_of = 'newest_month'
evidence = true
[[reports]]
html = 'all.html'
xlsx = 'all.xlsx'
compare = 'last_run'
[[reports]]
distributor = 'D01'
each = 'D01'
";

/// The first run has no run before it; the second compares with it, as `report --compare` does.
#[test]
fn reports_are_those_of_the_report_command() {
    let piped = Piped::new(PORTFOLIO);
    piped.run().succeeds();
    let alone = piped.bytes("all.html");
    let [out, july, page, book] =
        ["out", "out/as_of=2026-08-20", "page.html", "book.xlsx"].map(|name| piped.path(name).display().to_string());
    let report = |more: &[&str]| {
        run(&[&["report", &out, "--html", &page, "--xlsx", &book], more].concat()).succeeds();
    };
    report(&[]);
    assert!(alone == piped.bytes("page.html"), "the page without a run before");
    run(&["score", "data/sample", "--month", "2026-07", "--out", &out, "--evidence"]).succeeds();
    let of_a_few = ["score", "data/sample", "--month", "2026-09", "--out", &out, "--distributor", "D01"];
    run(&of_a_few).succeeds();
    piped.run().succeeds();
    report(&["--compare", &july]);
    assert!(
        piped.bytes("all.html") == piped.bytes("page.html"),
        "the page beside July, which was asked for as this run was"
    );
    assert!(piped.bytes("all.xlsx") == piped.bytes("book.xlsx"), "the workbook");
    assert!(alone != piped.bytes("all.html"), "movers are told");
    let each = piped.path("each").display().to_string();
    run(&["report", &out, "--distributor", "D01", "--each", &each]).succeeds();
    assert!(fixture::published(&piped.path("D01")) == fixture::published(Path::new(&each)), "the pages to hand out");
}

#[test]
fn a_declared_backfill_is_the_backfill_command() {
    let text = "history = 'SAMPLE'\noutput = 'out'\n[backfill]\nfrom = '2026-09'\nto = 'newest_month'\n[[reports]]\nhtml = 'all.html'\ncompare = 'last_run'\n";
    let piped = Piped::new(text);
    assert!(piped.run().succeeds().stderr.contains("2 published, 0 up to date"));
    let again = piped.run();
    assert!(again.succeeds().stderr.contains("0 published, 2 up to date"), "{}", again.stderr);
    let beside = piped.path("beside");
    run(&["backfill", "data/sample", "--from", "2026-09", "--to", "2026-10", "--out", &beside.display().to_string()])
        .succeeds();
    for name in ["as_of=2026-10-20", "as_of=2026-11-20"] {
        let [ours, theirs] = [piped.path("out"), beside.clone()].map(|out| fixture::published(&out.join(name)));
        assert!(ours == theirs, "{name}");
    }
    let page = String::from_utf8(piped.bytes("all.html")).expect("text");
    assert!(
        page.contains("20 November 2026") && page.contains("20 October 2026"),
        "the newest month beside the one before"
    );
}

#[test]
fn what_a_pipeline_cannot_mean_is_refused_with_its_line() {
    for (text, line, what) in [
        ("", 1, "one day or every month"),
        ("as_of = 'today'\n[backfill]\nfrom = '2026-05'\nto = 'newest_month'\n", 4, "either as_of or [backfill]"),
        ("[backfill]\nfrom = 'May'\nto = 'newest_month'\n", 4, "from is a month"),
        ("[backfill]\nfrom = '2026-05'\nto = 'newest'\n", 5, "to is \"newest_month\" or a month"),
        ("[backfill]\nfrom = '2026-05'\ntil = 'newest_month'\n", 5, "unknown field `til`"),
        ("strict = true\n[backfill]\nfrom = '2026-05'\nto = 'newest_month'\n", 3, "leave strict out"),
        ("as_of = 'today'\n[[reports]]\ncompare = 'last_run'\n", 4, "add html, xlsx or each"),
        ("as_of = 'today'\n[[reports]]\nhmtl = 'page.html'\n", 5, "did you mean `html`?"),
    ] {
        let piped = Piped::new(&format!("history = 'SAMPLE'\noutput = 'out'\n{text}"));
        piped.run().fails(2, &[&format!("pipeline.toml:{line}"), what]);
        assert!(!piped.path("out").exists(), "nothing is made");
    }
}

#[test]
fn a_run_to_compare_with_that_is_not_there_is_told_of_before_anything_is_scored() {
    let piped = Piped::new(&PORTFOLIO.replace("'last_run'", "'nowhere'"));
    piped.run().fails(5, &["nowhere", "name a published run"]);
    assert!(!piped.path("out").exists(), "nothing is published");
}
