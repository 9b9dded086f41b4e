//! Text of the data and of the environment steers neither a terminal nor a page nor a spreadsheet, and tells no credentials.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::baseline_history::{AS_OF, Placed, history};
use crate::command::{partnerscore, run, said};

/// A name with everything that may steer.
const STEERING: &str = "\u{1b}]0;title\u{7}\u{0}\u{9b}31m\u{202e}evil\u{2066}\r\u{c}\u{7f}\u{ffff}";

fn steering() -> Placed {
    let mut history = history();
    history.partners[0].partner_name = Some(format!("Acme {STEERING}"));
    history.partners[0].distributor_id = Some(format!("north{STEERING}"));
    history.partners[0].market = Some(format!("AT{STEERING}"));
    let id = format!("birch{STEERING}");
    history.partners[1].partner_id = Some(id.clone());
    history.associations[2].partner_id = Some(id);
    Placed::new(&history)
}

#[track_caller]
fn steers_nothing(what: &str, text: &str) {
    let steers =
        |letter: char| (letter.is_control() && !"\n\t".contains(letter)) || "\u{202e}\u{2066}\u{ffff}".contains(letter);
    let found = text.find(steers).map(|place| text[place..].chars().take(20).collect::<String>());
    assert_eq!(found, None, "{what}");
}

#[test]
fn control_characters_reach_neither_the_terminal_nor_a_page() {
    let placed = steering();
    let (history, out) = (placed.history().display().to_string(), placed.out().display().to_string());
    let scored = placed.score(&["--format", "table", "--evidence"]);
    steers_nothing("score", &format!("{}{}", scored.succeeds().stdout, scored.stderr));
    for command in [
        &["explain", &out, "--partner", "acme"][..],
        &["explain", &history, "--partner", "acme", "--as-of", AS_OF],
        &["plan", &history, "--all", "--as-of", AS_OF],
        &["outlook", &history, "--as-of", AS_OF],
        &["simulate", &history, "--against", "modern-work-2023", "--as-of", AS_OF],
        &["check", &history, "--rejects"],
        &["diff", &out, &out],
    ] {
        let said = run(command);
        assert_eq!(said.code, 0, "{command:?} {}", said.stderr);
        steers_nothing(command[0], &format!("{}{}", said.stdout, said.stderr));
    }
    // Errors tell what they were given.
    let unknown = run(&["explain", &out, "--partner", &format!("birc{}", STEERING.replace('\0', ""))]);
    assert_eq!(unknown.code, 2);
    steers_nothing("an error", &unknown.stderr);
    let path = |name: &str| placed.folder.path().join(name);
    let (page, each) = (path("page.html").display().to_string(), path("each").display().to_string());
    run(&["report", &out, "--html", &page, "--each", &each]).succeeds();
    for file in fs::read_dir(&each).expect("a folder").flatten().map(|entry| entry.path()).chain([path("page.html")]) {
        if file.extension().is_some_and(|extension| extension == "html") {
            steers_nothing("a page", &fs::read_to_string(&file).expect("a page"));
        }
    }
    assert!(fs::read_to_string(path("page.html")).expect("a page").contains("Acme \u{fffd}"));
}

#[test]
fn safe_csv_marks_names_that_begin_like_formulas() {
    let mut history = history();
    history.partners[0].partner_name = Some("=HYPERLINK(\"http://x\")".to_owned());
    history.partners[1].partner_name = Some("-2".to_owned());
    let placed = Placed::new(&history);
    let names = |more: &[&str]| {
        let said = placed.score(&[&["--format", "csv", "--quiet"], more].concat());
        let bytes = said.succeeds().stdout.clone().into_bytes();
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        let mut names: Vec<String> = reader.records().map(|record| record.expect("a row")[2].to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&[]), ["-2", "=HYPERLINK(\"http://x\")"]);
    assert_eq!(names(&["--csv-safe"]), ["'-2", "'=HYPERLINK(\"http://x\")"]);
    // Another format is what it was.
    let json = |more: &[&str]| placed.score(&[&["--format", "json", "--quiet"], more].concat()).stdout;
    assert_eq!(json(&["--csv-safe"]), json(&[]));
}

#[test]
fn csv_files_of_pipelines_are_safe_where_they_are_to_be() {
    for (declared, flags, safe) in [("", &[][..], false), ("csv_safe = true\n", &[], true), ("", &["--csv-safe"], true)]
    {
        let mut before = history();
        before.partners[0].partner_name = Some("=1+1".to_owned());
        let placed = Placed::new(&before);
        let file = placed.folder.path().join("night.toml");
        let text = format!(
            "history = 'history'\noutput = 'out'\nas_of = 'today'\nmin_coverage = 0\n[alerts]\nfile = 'alerts.csv'\n{declared}"
        );
        fs::write(&file, text).expect("a file");
        let night = |as_of: &str| run(&[&["run", &file.display().to_string(), "--as-of", as_of], flags].concat());
        night("2026-11-22").succeeds();
        before.partners.remove(0);
        before.associations.retain(|row| row.partner_id.as_deref() != Some("acme"));
        before.certifications.clear();
        crate::fixture::write(&before, &placed.history(), &crate::fixture::Layout::default());
        let ended = night(AS_OF);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let alerts = fs::read_to_string(placed.folder.path().join("alerts.csv")).expect("alerts");
        assert_eq!(alerts.contains(",'=1+1,"), safe, "{declared} {flags:?}: {alerts}");
        assert_eq!(alerts.contains(",=1+1,"), !safe, "{declared} {flags:?}: {alerts}");
    }
}

/// A store, or a proxy, that answers every request with a refusal. Returns its port.
fn refusing_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut request = [0; 1 << 14];
                let _ = stream.read(&mut request);
                let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    port
}

#[test]
fn credentials_in_front_of_a_host_are_told_nowhere() {
    let placed = Placed::new(&history());
    let out = placed.out().display().to_string();
    let file = placed.folder.path().join("night.toml");
    let declared = "history = 's3://bucket/history'\noutput = 'night'\nas_of = 'today'\n[telemetry]\nopenlineage = 'lineage.jsonl'\n";
    fs::write(&file, declared).expect("a file");
    let pipeline = file.display().to_string();
    let port = refusing_server();
    let host = format!("127.0.0.1:{port}");
    let (plain, encoded) =
        (format!("http://someuser:sesame-open@{host}"), format!("http://someuser:sesame%2Dopen@{host}"));
    let (bare, wrong) = (format!("someuser:sesame-open@{host}"), "http://someuser:sesame-open@not a host");
    let endpoint = format!("http://{host}");
    let commands: [&[&str]; 5] = [
        &["score", "s3://bucket/history", "--out", &out, "--as-of", AS_OF],
        &["score", "s3://bucket/history", "--out", &out, "--as-of", AS_OF, "-vv"],
        &["score", "s3://bucket/history", "--out", &out, "--as-of", AS_OF, "--log-format", "json", "-vv"],
        &["run", &pipeline],
        &["run", &pipeline, "--plan", "--format", "json"],
    ];
    for variables in [
        &[("AWS_ENDPOINT_URL", plain.as_str()), ("AWS_ALLOW_HTTP", "true")][..],
        &[("AWS_ENDPOINT_URL", encoded.as_str()), ("AWS_ALLOW_HTTP", "true"), ("RUST_LOG", "trace")],
        &[("AWS_ENDPOINT_URL", plain.as_str())],
        &[("AWS_ENDPOINT_URL", bare.as_str()), ("AWS_ALLOW_HTTP", "true")],
        &[("AWS_ENDPOINT_URL", wrong), ("AWS_ALLOW_HTTP", "true")],
        &[("HTTP_PROXY", plain.as_str()), ("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ALLOW_HTTP", "true")],
        &[("http_proxy", wrong), ("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_ALLOW_HTTP", "true")],
    ] {
        for command in commands {
            // Requests that are tried again and again are not waited for.
            let mut program = std::process::Command::new("timeout");
            program.args(["-k", "1", "5"]).arg(partnerscore().get_program()).args(command);
            program.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG");
            program.envs([("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key"), ("AWS_REGION", "us-east-1")]);
            let said = said(program.envs(variables.iter().copied()).output().expect("timeout"));
            // Refused by the store, or still trying; a request that cannot be made is no crash.
            assert!([6, 124].contains(&said.code), "{variables:?} {command:?}: {} {}", said.code, said.stderr);
            let beside = ["night/night.status.json", "lineage.jsonl"]
                .map(|name| fs::read_to_string(placed.folder.path().join(name)).unwrap_or_default());
            for text in [&said.stdout, &said.stderr, &beside[0], &beside[1]] {
                let told = ["sesame", "someuser"].iter().find(|secret| text.contains(*secret));
                assert_eq!(told, None, "{variables:?} {command:?}: {text}");
            }
        }
    }
}

#[test]
fn a_url_with_credentials_on_the_command_line_is_not_repeated() {
    let placed = Placed::new(&history());
    let out = placed.out().display().to_string();
    for url in ["s3://someuser:sesame-open@bucket/a", "https://someuser:sesame-open@host/a", "az://c/a?sig=sesame-open"]
    {
        for command in [
            &["score", url, "--out", &out, "--as-of", AS_OF][..],
            &["score", "history", "--out", url, "--as-of", AS_OF],
            &["report", url, "--html", "x.html"],
            &["report", &out, "--html", url],
            &["score", &out, "--shards", url, "--out", &out],
        ] {
            for format in ["text", "json"] {
                let ended = run(&[command, &["--log-format", format]].concat());
                assert_ne!(ended.code, 0, "{command:?}");
                assert_ne!(ended.code, 1, "{command:?}");
                assert!(!ended.stderr.contains("sesame"), "{command:?}: {}", ended.stderr);
            }
        }
    }
    assert!(!Path::new("x.html").exists());
}

#[test]
fn files_that_people_write_are_refused_with_their_line() {
    let placed = Placed::new(&history());
    placed.score(&["--quiet"]).succeeds();
    let file = placed.folder.path().join("file");
    let (name, history, out) =
        (file.display().to_string(), placed.history().display().to_string(), placed.out().display().to_string());
    let commands: [(i32, &[&str]); 6] = [
        (2, &["rules", "check", &name]),
        (2, &["score", &history, "--out", &out, "--rulebook", &name, "--as-of", AS_OF]),
        (2, &["run", &name]),
        (2, &["plan", &history, "--partner", "acme", "--as-of", AS_OF, "--effort", &name]),
        (2, &["simulate", &history, "--partner", "acme", "--as-of", AS_OF, "--scenario", &name]),
        (3, &["reconcile", &out, "--official", &name]),
    ];
    let mut cut = b"# one\n# two\nname = '".to_vec();
    cut.extend(b"caf\xe9'\n");
    let utf16: Vec<u8> = "id = 'a'\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = [b"\xff\xfe".to_vec(), utf16].concat();
    for (code, command) in commands {
        for (content, line, says) in [
            (Vec::new(), 1, "is empty"),
            (b"  \n\t\n".to_vec(), 1, "is empty"),
            (b"\xef\xbb\xbf\n".to_vec(), 1, "is empty"),
            (cut.clone(), 3, "is not UTF-8"),
            (utf16.clone(), 1, "not UTF-8"),
        ] {
            fs::write(&file, &content).expect("a file");
            run(command).fails(code, &["the file", says, &format!("{name}:{line}"), "hint:"]);
        }
    }
}
