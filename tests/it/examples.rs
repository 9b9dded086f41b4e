//! Examples in the documents: what a block shows is what the command prints.
//!
//! A block of language `console` begins with `$ ` and a command; what follows is its standard output, and where it failed its standard error.
//! A last line `…` leaves the rest out. With `UPDATE_EXAMPLES=1` in the environment blocks are written anew, as long as they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::said;
use crate::documents::{copy, root};

const BEGIN: &str = "```console\n";
const END: &str = "\n```";
const MORE: &str = "…";
/// Lines that a block without any is given.
const LINES: usize = 24;

fn documents() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("docs")).expect("docs").flatten().map(|entry| entry.path());
    let mut documents: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    documents.sort();
    documents
}

/// Runs a command line as a reader would, in a folder with the project's data.
fn output(command: &str, folder: &Path) -> String {
    let binaries = Path::new(env!("CARGO_BIN_EXE_partnerscore")).parent().expect("a folder").to_owned();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env("COLUMNS", "100").env_remove("RUST_LOG");
    let said = said(shell.output().expect("sh"));
    let text = if said.code == 0 { said.stdout } else { format!("{}{}", said.stdout, said.stderr) };
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// What a block should be, given what it is.
fn renewed(block: &str, folder: &Path) -> String {
    let (command, shown) = block.split_once('\n').unwrap_or((block, ""));
    let printed = output(command.strip_prefix("$ ").expect("a command"), folder);
    let lines: Vec<&str> = printed.lines().collect();
    let most = match shown.lines().count() {
        0 => LINES,
        shown_lines if shown.ends_with(MORE) => shown_lines - 1,
        _ => lines.len(),
    };
    let more = if lines.len() > most { format!("\n{MORE}") } else { String::new() };
    let kept = lines[..most.min(lines.len())].join("\n");
    if kept.is_empty() { command.to_owned() } else { format!("{command}\n{kept}{more}") }
}

#[test]
fn every_example_shows_what_its_command_prints() {
    let mut examples = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document");
        let mut parts = text.split(BEGIN);
        let mut written = parts.next().unwrap_or_default().to_owned();
        let folder = tempfile::tempdir().expect("a folder");
        for part in parts {
            if examples == 0 || !folder.path().join("data").exists() {
                ["data", "pipelines"].iter().for_each(|name| copy(&root().join(name), &folder.path().join(name)));
            }
            let (block, rest) = part.split_once(END).expect("a block that ends");
            let renewed = renewed(block, folder.path());
            if std::env::var_os("UPDATE_EXAMPLES").is_none() {
                assert_eq!(block, renewed, "{} shows what its command does not print", path.display());
            }
            written.push_str(&format!("{BEGIN}{renewed}{END}{rest}"));
            examples += 1;
        }
        if written != text {
            fs::write(&path, written).expect("the document");
        }
    }
    assert!(examples > 5, "{examples} examples");
}
