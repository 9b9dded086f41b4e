//! Table formats that keep files which are no longer part of the table, recognised by the names of what they leave.
//!
//! Their data files are Parquet, and only their log tells which of them are alive: a scan of all files would count deleted rows.
//! The names are those that each format documents:
//! Delta (PROTOCOL.md), Iceberg (spec, "File System Tables"), Hudi (tech-specs), Paimon (spec, "File Layouts"), DuckLake (spec, "Data
//! files"), Spark Structured Streaming (`FileStreamSink.metadataDir`).

/// A table in another format, found below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The format with its article, such as `a Delta table`.
    pub format: &'static str,
    /// The folder that is such a table; empty for the folder in which the names begin.
    pub folder: &'a str,
}

const DELTA: &str = "a Delta table";
const ICEBERG: &str = "an Iceberg table";
const HUDI: &str = "a Hudi table";
const PAIMON: &str = "a Paimon table";
const DUCKLAKE: &str = "a DuckLake table";
const STREAM: &str = "the sink of a Spark stream";

/// The format that a name belongs to: the path of a file, or of a folder with a slash behind it, in parts between slashes.
///
/// The deepest folder that holds the mark is the table: partition folders can hold marks as well.
pub(super) fn of_name(path: &str) -> Option<Found<'_>> {
    let mut start = 0;
    for part in path.split('/') {
        let rest = &path[start..];
        let below = rest.strip_prefix(part).and_then(|rest| rest.strip_prefix('/'));
        if let Some(format) = of_part(part, below) {
            return Some(Found { format, folder: path[..start].trim_end_matches('/') });
        }
        start += part.len() + 1;
    }
    None
}

/// The format that one part of a path marks; `below` is what follows it, where it is a folder.
fn of_part(part: &str, below: Option<&str>) -> Option<&'static str> {
    match below {
        Some(below) => of_folder(part, below),
        None => of_file(part),
    }
}

/// Folders that a format makes, whatever they hold, and folders of common names by what they hold.
fn of_folder(name: &str, below: &str) -> Option<&'static str> {
    match name {
        "_delta_log" | "_delta_index" | "_change_data" => Some(DELTA),
        "_spark_metadata" => Some(STREAM),
        "metadata" if is_iceberg_metadata(below) => Some(ICEBERG),
        "snapshot" if is_numbered(below, "snapshot-") || ["LATEST", "EARLIEST"].contains(&below) => Some(PAIMON),
        "schema" if is_numbered(below, "schema-") => Some(PAIMON),
        "manifest" if below.starts_with("manifest-") => Some(PAIMON),
        _ if name.starts_with(".hoodie") => Some(HUDI),
        _ if is_numbered(name, "bucket-") => Some(PAIMON),
        _ => None,
    }
}

fn of_file(name: &str) -> Option<&'static str> {
    let is_between = |begin: &str, end: &str| name.starts_with(begin) && name.ends_with(end);
    match name {
        _ if name.starts_with(".hoodie") => Some(HUDI),
        _ if is_between("deletion_vector_", ".bin") => Some(DELTA),
        _ if is_between("ducklake-", ".parquet") || name.ends_with(".ducklake") => Some(DUCKLAKE),
        _ if name == "version-hint.text" || is_iceberg_metadata(name) => Some(ICEBERG),
        _ => None,
    }
}

/// Table metadata in every naming (`v1.metadata.json`, `00001-UUID.metadata.json`, either compressed), manifests and statistics.
fn is_iceberg_metadata(name: &str) -> bool {
    const ENDINGS: [&str; 4] = [".metadata.json", ".metadata.json.gz", ".metadata.json.zst", ".puffin"];
    let is_manifest = name.ends_with(".avro") && (name.starts_with("snap-") || is_manifest_name(name));
    name == "version-hint.text" || ENDINGS.iter().any(|ending| name.ends_with(ending)) || is_manifest
}

/// Whether a name is that of an Iceberg manifest, such as `0a1b-m0.avro`.
fn is_manifest_name(name: &str) -> bool {
    let number = name.strip_suffix(".avro").and_then(|stem| stem.rsplit_once("-m")).map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a name is a prefix and a number.
fn is_numbered(name: &str, prefix: &str) -> bool {
    let number = name.strip_prefix(prefix);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_of_a_format_is_recognised_at_any_level() {
        for (name, format) in [
            ("_delta_log/00000000000000000000.json", DELTA),
            ("_delta_log/", DELTA),
            ("_change_data/cdc-00000.snappy.parquet", DELTA),
            ("_delta_index/bloom/", DELTA),
            ("deletion_vector_61d16c75-6994-46b7-a15b-8b538852e50e.bin", DELTA),
            ("metadata/v1.metadata.json", ICEBERG),
            ("metadata/v2.gz.metadata.json", ICEBERG),
            ("metadata/00002-aaaa.metadata.json.gz", ICEBERG),
            ("metadata/snap-812-1-0a1b.avro", ICEBERG),
            ("metadata/0a1b-m0.avro", ICEBERG),
            ("metadata/20260101_812.stats.puffin", ICEBERG),
            ("metadata/version-hint.text", ICEBERG),
            ("00000-0a1b.metadata.json", ICEBERG),
            (".hoodie/hoodie.properties", HUDI),
            (".hoodie/", HUDI),
            (".hoodie_partition_metadata", HUDI),
            (".hoodie_partition_metadata.parquet", HUDI),
            ("_spark_metadata/0", STREAM),
            ("_spark_metadata/9.compact", STREAM),
            ("snapshot/snapshot-2", PAIMON),
            ("snapshot/LATEST", PAIMON),
            ("schema/schema-0", PAIMON),
            ("manifest/manifest-list-0a1b-0", PAIMON),
            ("bucket-0/data-0a1b-0.parquet", PAIMON),
            ("ducklake-0199a1b2.parquet", DUCKLAKE),
            ("ducklake-0199a1b2-delete.parquet", DUCKLAKE),
            ("metadata.ducklake", DUCKLAKE),
        ] {
            assert_eq!(of_name(name), Some(Found { format, folder: "" }), "{name}");
            let below = format!("certifications/market=US/{name}");
            assert_eq!(of_name(&below), Some(Found { format, folder: "certifications/market=US" }), "{below}");
        }
    }

    #[test]
    fn names_of_plain_tables_are_no_marks() {
        for name in [
            "part-00000-4bbc7c0c-c000.snappy.parquet",
            "month=2026-10-01/part-0.parquet",
            "metadata/readme.txt",
            "metadata/",
            "snapshot/2026/part-0.parquet",
            "schema/part-0.parquet",
            "bucket-a/part-0.parquet",
            "manifest/list.parquet",
            "ducks/part-0.parquet",
            "_SUCCESS",
            "_committed_812",
            "delta_log/part-0.parquet",
            "a.avro",
        ] {
            assert_eq!(of_name(name), None, "{name}");
        }
    }
}
