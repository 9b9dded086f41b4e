//! What Excel cannot hold: long texts are cut with a note, and no text becomes a formula, a number or an unreadable file.

use std::fs;
use std::io::Read;

use crate::baseline_history::{Placed, history};
use crate::command::run;

/// Parts of a workbook by name.
fn parts(book: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(book)).expect("a workbook");
    let count = archive.len();
    let read = |number| {
        let mut part = archive.by_index(number).expect("a part");
        let mut text = String::new();
        part.read_to_string(&mut text).expect("text");
        (part.name().expect("a name").into_owned(), text)
    };
    (0..count).map(read).collect()
}

/// The workbook of a run whose first partner has this name, and the texts of its cells.
fn texts_of(name: &str) -> (Vec<(String, String)>, Vec<String>) {
    let mut history = history();
    history.partners[0].partner_name = Some(name.to_owned());
    history.partners[0].market = Some("00042".to_owned());
    let placed = Placed::new(&history);
    placed.score(&["--quiet"]).succeeds();
    let book = placed.folder.path().join("book.xlsx");
    run(&["report", &placed.out().display().to_string(), "--xlsx", &book.display().to_string()]).succeeds();
    let parts = parts(&fs::read(&book).expect("a workbook"));
    let shared = &parts.iter().find(|(part, _)| part.ends_with("sharedStrings.xml")).expect("texts").1;
    let text =
        |item: &str| item.split_once('>').map(|(_, text)| text.split("</t>").next().unwrap_or_default().to_owned());
    let texts = shared.split("<t").skip(1).filter_map(text).collect();
    (parts, texts)
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[test]
fn a_text_longer_than_a_cell_is_cut_with_a_mark_and_a_note() {
    let note =
        "Ranking, partner_name: 1 text longer than the 32,767 characters of a cell, cut where \u{2026} [cut] stands";
    for (name, is_cut) in [
        ("n".repeat(32_767), false),
        ("n".repeat(32_768), true),
        ("\u{20ac}".repeat(32_767), false),
        ("\u{20ac}".repeat(32_768), true),
        ("\u{1f600}".repeat(16_383), false),
        ("\u{1f600}".repeat(16_384), true),
        ("\u{1f600}".repeat(40_000), true),
    ] {
        let (_, texts) = texts_of(&name);
        let longest = texts.iter().max_by_key(|text| units(text)).expect("texts");
        assert!(units(longest) <= 32_767, "{}", units(longest));
        assert_eq!(longest.ends_with("\u{2026} [cut]"), is_cut, "{} units", units(&name));
        assert_eq!(*longest == name, !is_cut, "{} units", units(&name));
        assert_eq!(texts.iter().any(|text| text == note), is_cut, "{} units", units(&name));
    }
}

#[test]
fn texts_stay_texts() {
    for name in ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "|cmd", "00042", "1e5", "TRUE", "2026-01-01", "'x", "_x0041_"]
    {
        let (parts, texts) = texts_of(name);
        let written = name.replace("_x0041_", "_x005F_x0041_").replace('\'', "&apos;");
        let is_there = texts.iter().any(|text| *text == written || text.replace('\'', "&apos;") == written);
        assert!(is_there, "{name:?} in {texts:?}");
        assert!(texts.iter().any(|text| text == "00042"), "{texts:?}");
        for (part, text) in parts.iter().filter(|(part, _)| part.starts_with("xl/worksheets/sheet")) {
            assert!(!text.contains("<f>") && !text.contains("<f "), "{part} of {name:?} has a formula");
        }
    }
}

#[test]
fn control_characters_never_reach_a_workbook() {
    let (parts, texts) = texts_of("a\u{1}b\u{0}c\u{1b}[31md\u{b}\u{7f}\u{fffe}\u{ffff}\u{202e}\u{9b}\r");
    assert!(texts.iter().any(|text| text.starts_with("a\u{fffd}b\u{fffd}c\u{fffd}[31md")), "{texts:?}");
    for (part, text) in &parts {
        let steers = |letter: char| (letter.is_control() && !"\r\n\t".contains(letter)) || letter == '\u{202e}';
        assert!(!text.contains(steers), "{part}");
        assert!(!text.contains("_x0000_") && !text.contains("_x001B_"), "{part}");
    }
}
