//! The ladder of the house: a room uses what is above it, never below.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, top to bottom, as ARCHITECTURE.md draws them.
const LADDER: [&str; 19] = [
    "email",
    "words",
    "error",
    "month",
    "toml_file",
    "rulebook",
    "storage",
    "engine",
    "history",
    "metrics",
    "score",
    "publish",
    "pipeline",
    "insight",
    "report",
    "ingest",
    "declared",
    "sample",
    "cli",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room a file of `src/` stands in.
fn room(path: &Path, src: &Path) -> String {
    let first = path.strip_prefix(src).expect("below").components().next().expect("a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// Rooms that a source text names through `crate::`, one or several at once.
fn used(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for part in text.split("crate::").skip(1) {
        let names: Vec<&str> = match part.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or("").split(',').collect(),
            None => vec![part],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            rooms.push(name);
        }
    }
    rooms
}

#[test]
fn every_room_uses_only_rooms_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let place = |room: &str| LADDER.iter().position(|name| *name == room);
    let mut checked = 0;
    for path in sources(&src) {
        let room = room(&path, &src);
        if ["lib", "main"].contains(&room.as_str()) {
            continue;
        }
        let own = place(&room).unwrap_or_else(|| panic!("{} is in no room of the ladder", path.display()));
        for other in used(&fs::read_to_string(&path).expect("a source")) {
            let Some(used) = place(&other) else { panic!("{} uses crate::{other}, which is no room", path.display()) };
            assert!(used <= own, "{} ({room}) uses {other}, a room below it", path.display());
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} uses found");
}

#[test]
fn the_rulebook_knows_nothing_of_the_engine() {
    let rulebook = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rulebook");
    for path in sources(&rulebook) {
        assert!(!fs::read_to_string(&path).expect("a source").contains("polars"), "{}", path.display());
    }
}

/// Only the engine runs plans.
#[test]
fn only_the_engine_collects() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&src).iter().filter(|path| !path.ends_with("engine.rs")) {
        let text = fs::read_to_string(path).expect("a source");
        for call in [".collect_with_engine(", ".sink(", "collect_all", ".collect_schema("] {
            assert!(!text.contains(call), "{} has {call}", path.display());
        }
    }
}

/// The numbers of the programme stand in rulebooks alone.
#[test]
fn no_number_of_the_programme_is_in_the_code() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in ["metrics", "score", "history"] {
        for path in sources(&src.join(room)) {
            let text = fs::read_to_string(&path).expect("a source");
            let code: String =
                text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            for number in ["300", "301", "11", "40", "70", "500", "1000", "2000", "4000", "20", "25", "30", "15"] {
                let alone = code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == number);
                assert!(!alone, "{} has the number {number}", path.display());
            }
            assert!(
                !code.contains("\"cpor\"") && !code.contains("\"teams\"") && !code.contains("CPOR\""),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn the_map_of_the_house_names_every_room() {
    let map =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut last = 0;
    for room in LADDER {
        let place = map.find(&format!("`src/{room}")).unwrap_or_else(|| panic!("ARCHITECTURE.md does not name {room}"));
        assert!(place > last, "ARCHITECTURE.md names {room} out of the ladder's order");
        last = place;
    }
}

/// `benches/ablations.toml` names texts of the sources; each must stand once, or `just ablations` cannot turn its idea round.
#[test]
fn every_idea_for_speed_that_was_tried_can_be_turned_round() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ideas = fs::read_to_string(root.join("benches/ablations.toml")).expect("ideas");
    let ideas: toml::Table = ideas.parse().expect("TOML");
    let ideas = ideas["idea"].as_array().expect("a list of ideas");
    let mut checked = 0;
    for idea in ideas {
        for edit in idea.get("edits").and_then(|edits| edits.as_array()).into_iter().flatten() {
            let text = |name: &str| edit[name].as_str().expect("a text");
            let source = fs::read_to_string(root.join(text("file"))).expect("a source");
            let name = &idea["name"];
            assert_eq!(
                source.matches(text("from")).count(),
                1,
                "{name}: {} has not once: {}",
                text("file"),
                text("from")
            );
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked} edits found");
}
