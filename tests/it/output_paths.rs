//! Where results may go: only folders become output folders, only regular files are replaced, and no output meets another or an input.

use std::fs;
use std::path::{Path, PathBuf};

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command::{Said, partnerscore, run, said};

struct Place {
    placed: Placed,
}

impl Place {
    fn scored() -> Place {
        let placed = Placed::new(&history());
        placed.score(&["--quiet"]).succeeds();
        Place { placed }
    }

    fn path(&self, name: &str) -> String {
        self.placed.folder.path().join(name).display().to_string()
    }

    fn report(&self, more: &[&str]) -> Said {
        run(&[&["report", &self.path("out")], more].concat())
    }

    /// A pipeline of this history, in a file of its own.
    fn pipeline(&self, more: &str) -> Said {
        let file = self.path("night.toml");
        fs::write(&file, format!("history = 'history'\noutput = 'night'\nas_of = '{AS_OF}'\n{more}")).expect("a file");
        run(&["run", &file])
    }
}

#[cfg(unix)]
mod special {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").permissions().mode()
    }

    /// What is there already, by what an error calls it.
    fn special(place: &Place) -> Vec<(&'static str, PathBuf)> {
        let path = |name: &str| PathBuf::from(place.path(name));
        let fifo = path("fifo");
        assert!(Command::new("mkfifo").args(["-m", "640"]).arg(&fifo).status().expect("mkfifo").success());
        let socket = path("socket");
        drop(UnixListener::bind(&socket).expect("a socket"));
        fs::create_dir(path("folder")).expect("a folder");
        symlink(&fifo, path("link")).expect("a link");
        vec![
            ("a FIFO", fifo),
            ("a socket", socket),
            ("a part of the system", PathBuf::from("/dev/null")),
            ("a part of the system", PathBuf::from("/dev/stdout")),
            ("a folder", path("folder")),
            ("a FIFO", path("link")),
        ]
    }

    #[test]
    fn reports_replace_regular_files_alone() {
        let place = Place::scored();
        for (kind, path) in special(&place) {
            let (before, text) = (mode(&path), path.display().to_string());
            for flag in ["--html", "--xlsx"] {
                let refused = place.report(&[flag, &text]);
                refused
                    .fails(2, &[flag, "the output is a file, and this is", kind, &text, "hint: name a regular file"]);
            }
            assert_eq!(mode(&path), before, "{text}");
        }
        assert!(fs::metadata(place.path("fifo")).expect("metadata").file_type().is_fifo());
    }

    #[test]
    fn only_folders_become_output_folders() {
        let place = Place::scored();
        fs::write(place.path("file"), "mine").expect("a file");
        let mut others: Vec<_> = special(&place).into_iter().filter(|(kind, _)| *kind != "a folder").collect();
        others.retain(|(_, path)| !path.starts_with("/dev"));
        others.push(("a device", PathBuf::from("/dev/null")));
        others.push(("a file", PathBuf::from(place.path("file"))));
        others.push(("a link that leads nowhere", PathBuf::from(place.path("nowhere"))));
        symlink("missing", place.path("nowhere")).expect("a link");
        for (kind, path) in others {
            let (before, text) = (fs::metadata(&path).ok().map(|_| mode(&path)), path.display().to_string());
            let history = place.path("history");
            let of_score = run(&["score", &history, "--out", &text, "--as-of", AS_OF]);
            of_score.fails(2, &["the output is a folder, and this is", kind, &text]);
            let span = ["--from", "2026-10", "--to", "2026-10", "--out"];
            run(&[&["backfill", &history][..], &span, &[&text]].concat()).fails(2, &["is a folder, and this is", kind]);
            place.report(&["--each", &text]).fails(2, &["--each", "is a folder, and this is", kind, &text]);
            assert_eq!(fs::metadata(&path).ok().map(|_| mode(&path)), before, "{text}");
        }
        run(&["score", &place.path("history"), "--out", &place.path("file/below"), "--as-of", AS_OF])
            .fails(6, &["could not", "hint:"]);
        assert_eq!(fs::read_to_string(place.path("file")).expect("a file"), "mine");
    }

    #[test]
    fn a_run_and_its_lock_take_the_place_of_nothing_special() {
        let place = Place::scored();
        let fresh = place.path("fresh");
        fs::create_dir(&fresh).expect("a folder");
        let target = Path::new(&fresh).join(format!("as_of={AS_OF}"));
        fs::write(&target, "mine").expect("a file");
        let score = || run(&["score", &place.path("history"), "--out", &fresh, "--as-of", AS_OF]);
        score().fails(2, &["a run is a folder, and this is a file"]);
        assert_eq!(fs::read_to_string(&target).expect("a file"), "mine");
        fs::remove_file(&target).expect("a file");
        fs::remove_file(Path::new(&fresh).join(".partnerscore.lock")).expect("a lock");
        let lock = Path::new(&fresh).join(".partnerscore.lock");
        assert!(Command::new("mkfifo").arg(&lock).status().expect("mkfifo").success());
        score().fails(2, &["this is a FIFO"]);
    }

    #[test]
    fn what_a_link_leads_to_is_replaced_and_the_link_stays() {
        let place = Place::scored();
        fs::create_dir(place.path("elsewhere")).expect("a folder");
        fs::write(place.path("elsewhere/page.html"), "old").expect("a file");
        symlink("elsewhere/page.html", place.path("page.html")).expect("a link");
        symlink("elsewhere/new.xlsx", place.path("book.xlsx")).expect("a link");
        place.report(&["--html", &place.path("page.html"), "--xlsx", &place.path("book.xlsx")]).succeeds();
        for (link, file) in [("page.html", "elsewhere/page.html"), ("book.xlsx", "elsewhere/new.xlsx")] {
            assert!(fs::symlink_metadata(place.path(link)).expect("metadata").is_symlink(), "{link}");
            assert!(fs::read(place.path(file)).expect("a file").len() > 1000, "{file}");
        }
        // An output folder may be a link to one.
        symlink("out", place.path("same")).expect("a link");
        run(&["score", &place.path("history"), "--out", &place.path("same"), "--as-of", AS_OF]).succeeds();
        // Links in a circle lead to nothing.
        symlink("b", place.path("a")).expect("a link");
        symlink("a", place.path("b")).expect("a link");
        place.report(&["--html", &place.path("a")]).fails(2, &["a link that leads in circles"]);
    }

    #[test]
    fn files_of_pipelines_are_regular_and_refused_before_anything_is_scored() {
        let place = Place::scored();
        special(&place);
        for (declared, key, kind) in [
            ("[[reports]]\nhtml = 'fifo'\n", "reports.1.html", "a FIFO"),
            ("[[reports]]\nxlsx = '/dev/null'\n", "reports.1.xlsx", "a part of the system"),
            ("[[reports]]\neach = 'fifo'\n", "reports.1.each", "a FIFO"),
            ("[telemetry]\nprometheus = 'fifo'\n", "telemetry.prometheus", "a FIFO"),
            ("[telemetry]\nopenlineage = 'folder'\n", "telemetry.openlineage", "a folder"),
        ] {
            place.pipeline(declared).fails(2, &[key, kind, "night.toml:"]);
            assert!(!Path::new(&place.path("night")).exists(), "{declared}");
        }
        symlink(place.path("fifo"), place.path("alerts.json")).expect("a link");
        place.pipeline("[alerts]\nfile = 'alerts.json'\n").fails(2, &["alerts.file", "a FIFO"]);
    }

    /// Whatever the umask, and for what is beside the runs as well.
    #[test]
    fn everything_published_has_the_mode_of_the_run() {
        for (mask, bits, folders) in [("000", 0o640, 0o750), ("077", 0o640, 0o750), ("000", 0o600, 0o700)] {
            let place = Place { placed: Placed::new(&history()) };
            let file = place.path("night.toml");
            let declared = format!(
                "history = 'history'\noutput = 'night'\nas_of = '{AS_OF}'\nevidence = true\nmode = '{bits:o}'\n[[reports]]\n\
                 html = 'heard/a.html'\nxlsx = 'heard/a.xlsx'\neach = 'heard/each'\n[alerts]\nfile = 'heard/alerts.csv'\n\
                 [telemetry]\nprometheus = 'heard/metrics.prom'\nopenlineage = 'heard/lineage.jsonl'\n"
            );
            fs::write(&file, declared).expect("a file");
            let masked = format!("umask {mask}; exec \"$0\" run \"$1\" --quiet");
            let program = partnerscore().get_program().to_owned();
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(&masked).arg(program).arg(&file);
            fs::create_dir(place.path("heard")).expect("a folder");
            for _ in 0..2 {
                said(shell.output().expect("a shell")).succeeds();
            }
            let mut seen = 0;
            for root in ["night", "heard"] {
                let mut folder = vec![PathBuf::from(place.path(root))];
                while let Some(within) = folder.pop() {
                    for entry in fs::read_dir(&within).expect("a folder").flatten() {
                        let is_folder = entry.path().is_dir();
                        let expected = if is_folder { folders } else { bits };
                        assert_eq!(mode(&entry.path()) & 0o777, expected, "{} under {mask}", entry.path().display());
                        folder.extend(is_folder.then(|| entry.path()));
                        seen += 1;
                    }
                }
            }
            assert!(seen > 12, "{seen}");
        }
    }
}

#[test]
fn two_outputs_never_meet() {
    let place = Place::scored();
    let path = |name: &str| place.path(name);
    fs::create_dir(path("pages")).expect("a folder");
    for outputs in [
        [("--html", "same"), ("--xlsx", "same")],
        [("--html", "same"), ("--xlsx", "./pages/../same")],
        [("--html", "pages/page.html"), ("--each", "pages")],
        [("--xlsx", "pages/below/book.xlsx"), ("--each", "pages")],
        [("--html", "new"), ("--each", "new")],
        [("--each", "new/below"), ("--html", "new")],
    ] {
        let [first, second] = outputs.map(|(flag, name)| (flag, path(name)));
        let refused = place.report(&[first.0, &first.1, second.0, &second.1]);
        refused.fails(2, &[first.0, second.0, "hint: give each a path of its own"]);
    }
    assert_eq!(fs::read_dir(path("pages")).expect("a folder").count(), 0);
    assert!(!Path::new(&path("same")).exists() && !Path::new(&path("new")).exists());
    let (page, book) = (path("pages/page.html"), path("pages/book.xlsx"));
    place.report(&["--html", &page, "--xlsx", &book, "--each", &path("pages/each")]).succeeds();
}

#[test]
fn no_output_lies_in_what_is_read() {
    let place = Place::scored();
    let (history, before) = (place.path("history"), fs::read_dir(place.path("history")).expect("a folder").count());
    for out in ["history", "history/", "history/out", "history/partners/out", "out/../history"] {
        let out = place.path(out);
        let refused = run(&["score", &history, "--out", &out, "--as-of", AS_OF]);
        refused.fails(2, &["--out is", "the history", "hint:"]);
        let span = ["--from", "2026-10", "--to", "2026-10", "--out"];
        run(&[&["backfill", &history][..], &span, &[&out]].concat()).fails(2, &["--out is", "the history"]);
    }
    assert_eq!(fs::read_dir(&history).expect("a folder").count(), before);
    // A folder around the history is nobody's input.
    run(&["score", &history, "--out", &place.path(""), "--as-of", AS_OF, "--quiet"]).succeeds();
    for name in ["run.json", "scores.parquet", "page.html"] {
        let inside = place.path(&format!("out/as_of={AS_OF}/{name}"));
        place.report(&["--html", &inside]).fails(2, &["--html is inside the run", "hint:"]);
    }
}

#[test]
fn outputs_of_a_pipeline_never_meet_and_its_folder_may_hold_reports() {
    let place = Place::scored();
    let file = place.path("night.toml");
    for (declared, texts) in [
        (
            "[[reports]]\nhtml = 'a'\nxlsx = 'a'\n",
            ["reports.1.html and reports.1.xlsx are the same path", "night.toml:4"],
        ),
        ("[[reports]]\nhtml = 'a'\n[[reports]]\nhtml = './a'\n", ["reports.1.html and reports.2.html", "same path"]),
        (
            "[[reports]]\neach = 'a'\n[[reports]]\nhtml = 'a/b.html'\n",
            ["reports.2.html is inside reports.1.each", "night.toml"],
        ),
        ("[[reports]]\nhtml = 'history/a.html'\n", ["reports.1.html is inside history", "night.toml:4"]),
        ("[[reports]]\nhtml = 'night.toml'\n", ["reports.1.html is the same as the pipeline file", "night.toml:4"]),
        (
            "[[reports]]\nhtml = 'night/night.status.json'\n",
            ["a file that every run writes and reports.1.html", "same path"],
        ),
        ("[[reports]]\nhtml = 'night/as_of=2026-11-23/a.html'\n", ["reports.1.html is inside output", "night.toml:4"]),
        (
            "[telemetry]\nprometheus = 'a'\nopenlineage = 'a'\n",
            ["telemetry.prometheus and telemetry.openlineage", "night.toml:5"],
        ),
        (
            "[[comparisons]]\ncompare = 'last_run'\nfile = 'a.json'\n[alerts]\nfile = 'a.json'\n",
            ["comparisons.1.file and alerts.file", "same path"],
        ),
    ] {
        place.pipeline(declared).fails(2, &texts);
        run(&["run", &file, "--plan"]).fails(2, &texts);
        assert!(!Path::new(&place.path("night")).exists(), "{declared}");
    }
    let output = format!("history = 'history'\noutput = 'history/night'\nas_of = '{AS_OF}'\n");
    fs::write(&file, output).expect("a file");
    run(&["run", &file]).fails(2, &["output is inside history", "night.toml:2"]);
    place.pipeline("[[reports]]\nhtml = 'night/a.html'\nxlsx = 'night/a.xlsx'\neach = 'night/each'\n").succeeds();
    let elsewhere = place.path("history/elsewhere");
    run(&["run", &file, "--output", &elsewhere]).fails(2, &["output is inside history", "the flag --output"]);
}

#[test]
fn a_sample_and_its_exports_have_folders_of_their_own() {
    let place = Place { placed: Placed::new(&history()) };
    let size = ["--partners", "3", "--tenants", "9", "--months", "13"];
    let (same, below) = (place.path("same"), place.path("same/below"));
    for [out, exports] in [[&same, &same], [&same, &below], [&below, &same]] {
        let refused = run(&[&["sample"][..], &size, &["--out", out, "--exports", exports]].concat());
        refused.fails(2, &["--out", "--exports"]);
    }
    assert!(!Path::new(&same).exists());
}
