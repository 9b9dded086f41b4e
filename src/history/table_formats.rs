//! Table formats that keep files which are no longer part of the table, recognised by the names of what they leave.
//!
//! Their data files are Parquet, and only their log tells which of them are alive: a scan of all files would count deleted rows.
//! The names are those that each format documents or that its writers use:
//! Delta (PROTOCOL.md), Iceberg (spec, "File System Tables"; `OutputFileFactory`), Hudi (tech-specs), Paimon (spec, "File Layouts"),
//! DuckLake (spec, "Data files"), Spark Structured Streaming (`FileStreamSink.metadataDir`).

/// A table in another format, found below a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// The format with its article, such as `a Delta table`.
    pub format: &'static str,
    /// The folder that is such a table; empty for the folder in which the names begin.
    pub folder: &'a str,
    /// The name in that folder which no other format uses.
    pub mark: &'a str,
}

const DELTA: &str = "a Delta table";
const ICEBERG: &str = "an Iceberg table";
const HUDI: &str = "a Hudi table";
const PAIMON: &str = "a Paimon table";
const DUCKLAKE: &str = "a DuckLake table";
const STREAM: &str = "the sink of a Spark stream";

/// Folders of common names, which are marks only by what they hold.
const COMMON_FOLDERS: [&str; 4] = ["metadata", "snapshot", "schema", "manifest"];

/// Digits of a version in the log of a Delta table.
const DELTA_VERSION: usize = "00000000000000000000".len();
/// Digits of the times that Hudi names files by: to the second, and since 0.10 to the millisecond.
const HUDI_TIMES: [usize; 2] = ["20261101020000".len(), "20261101020000000".len()];
/// Digits of an Iceberg writer's partition.
const ICEBERG_PARTITION: usize = "00000".len();
const UUID: usize = "4bbc7c0c-61d1-46b7-a15b-8b538852e50e".len();

/// The format that a name belongs to: the path of a file, or of a folder with a slash behind it, in parts between slashes.
///
/// The first part that is a mark decides, and the folder that holds it is the table.
pub(super) fn of_name(path: &str) -> Option<Found<'_>> {
    let mut start = 0;
    for part in path.split('/') {
        let rest = &path[start..];
        let below = rest.strip_prefix(part).and_then(|rest| rest.strip_prefix('/'));
        if let Some(format) = of_part(part, below) {
            return Some(Found { format, folder: path[..start].trim_end_matches('/'), mark: part });
        }
        start += part.len() + 1;
    }
    None
}

/// Whether a folder is a mark only by the names of what it holds.
pub(super) fn is_told_by_content(folder: &str) -> bool {
    COMMON_FOLDERS.contains(&folder)
}

/// The format that one part of a path marks; `below` is what follows it, where it is a folder.
fn of_part(part: &str, below: Option<&str>) -> Option<&'static str> {
    match below {
        _ if part.starts_with(".hoodie") => Some(HUDI),
        Some(below) => of_reserved_name(part).or_else(|| of_folder(part, below)),
        // A link or shortcut to such a folder can be listed as a file.
        None => of_reserved_name(part).or_else(|| of_file(part)),
    }
}

/// Folders that only one format makes.
fn of_reserved_name(name: &str) -> Option<&'static str> {
    match name {
        "_delta_log" | "_delta_index" | "_change_data" | "_symlink_format_manifest" => Some(DELTA),
        "_spark_metadata" => Some(STREAM),
        _ => None,
    }
}

/// Folders of common names by what they hold, and numbered ones.
fn of_folder(name: &str, below: &str) -> Option<&'static str> {
    match name {
        "metadata" if is_iceberg_metadata(below) || below.ends_with(".avro") => Some(ICEBERG),
        "snapshot" if is_numbered(below, "snapshot-") || ["LATEST", "EARLIEST"].contains(&below) => Some(PAIMON),
        "schema" if is_numbered(below, "schema-") => Some(PAIMON),
        "manifest" if below.starts_with("manifest-") => Some(PAIMON),
        "bucket-postpone" => Some(PAIMON),
        _ if is_numbered(name, "bucket-") => Some(PAIMON),
        _ if name.ends_with(".ducklake.files") => Some(DUCKLAKE),
        _ => None,
    }
}

fn of_file(name: &str) -> Option<&'static str> {
    let is_between = |begin: &str, end: &str| name.starts_with(begin) && name.ends_with(end);
    match name {
        _ if is_between("deletion_vector_", ".bin") || is_of_delta_log(name) || is_change_of_delta(name) => Some(DELTA),
        _ if is_between("ducklake-", ".parquet") => Some(DUCKLAKE),
        _ if name.ends_with(".ducklake") || name.ends_with(".ducklake.wal") => Some(DUCKLAKE),
        _ if is_iceberg_metadata(name) || is_iceberg_data(name) => Some(ICEBERG),
        _ if is_hudi_data(name) => Some(HUDI),
        _ => None,
    }
}

/// Commits, checkpoints and checksums of a Delta log that were copied out of its folder.
fn is_of_delta_log(name: &str) -> bool {
    let Some((version, rest)) = name.split_once('.') else { return name == "_last_checkpoint" };
    let is_version = version.len() == DELTA_VERSION && is_digits(version);
    is_version && (rest.ends_with("json") || rest == "crc" || rest.starts_with("checkpoint."))
}

/// A file of the change data of a Delta table, such as `cdc-00000-UUID.c000.snappy.parquet`.
fn is_change_of_delta(name: &str) -> bool {
    let rest = name.strip_prefix("cdc-").and_then(|rest| rest.split_once('-'));
    rest.is_some_and(|(number, rest)| is_digits(number) && begins_with_uuid(rest)) && name.ends_with(".parquet")
}

/// Table metadata in every naming (`v1.metadata.json`, `00001-UUID.metadata.json`, either compressed), manifests and statistics.
fn is_iceberg_metadata(name: &str) -> bool {
    const ENDINGS: [&str; 5] =
        [".metadata.json", ".metadata.json.gz", ".metadata.json.zst", ".metadata.json.zstd", ".puffin"];
    let is_manifest = name.ends_with(".avro") && (name.starts_with("snap-") || is_manifest_name(name));
    name == "version-hint.text" || ENDINGS.iter().any(|ending| name.ends_with(ending)) || is_manifest
}

/// Whether a name is that of an Iceberg manifest, such as `UUID-m0.avro`.
fn is_manifest_name(name: &str) -> bool {
    let number = name.strip_suffix(".avro").and_then(|stem| stem.rsplit_once("-m")).map(|(_, number)| number);
    number.is_some_and(is_digits)
}

/// Data and delete files of Iceberg writers: `00000-4-UUID-00001.parquet`, `00000-4-UUID-00001-deletes.parquet`.
fn is_iceberg_data(name: &str) -> bool {
    let mut parts = name.splitn(3, '-');
    let (partition, task, rest) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let is_partition = partition.is_some_and(|number| number.len() == ICEBERG_PARTITION && is_digits(number));
    let is_data = is_partition && is_digits(task) && begins_with_uuid(rest) && name.ends_with(".parquet");
    is_data || name.ends_with("-deletes.parquet")
}

/// Whether a name is that of a Hudi base file: `FILE_TOKEN_TIME.parquet`, with a token of three numbers.
fn is_hudi_data(name: &str) -> bool {
    let mut parts = name.strip_suffix(".parquet").unwrap_or_default().rsplitn(3, '_');
    let (Some(time), Some(token), Some(file)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let is_time = HUDI_TIMES.contains(&time.len()) && is_digits(time);
    is_time && token.split('-').count() == 3 && token.split('-').all(is_digits) && begins_with_uuid(file)
}

fn begins_with_uuid(text: &str) -> bool {
    let Some(uuid) = text.get(..UUID) else { return false };
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Whether a name is a prefix and a number.
fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(is_digits)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
            ("metadata.ducklake.wal", DUCKLAKE),
            ("lake.ducklake.files/main/partners/a.parquet", DUCKLAKE),
            ("_delta_log", DELTA),
            ("_last_checkpoint", DELTA),
            ("00000000000000000010.json", DELTA),
            ("00000000000000000010.crc", DELTA),
            ("00000000000000000010.00000000000000000020.compacted.json", DELTA),
            ("00000000000000000010.checkpoint.parquet", DELTA),
            ("00000000000000000010.checkpoint.0000000001.0000000002.parquet", DELTA),
            ("cdc-00000-4bbc7c0c-61d1-46b7-a15b-8b538852e50e.c000.snappy.parquet", DELTA),
            ("_symlink_format_manifest/manifest", DELTA),
            ("ab/deletion_vector_61d16c75-6994-46b7-a15b-8b538852e50e.bin", DELTA),
            ("metadata/optimized-m-4bbc7c0c-61d1-46b7-a15b-8b538852e50e.avro", ICEBERG),
            ("data/00000-4-4bbc7c0c-61d1-46b7-a15b-8b538852e50e-00001.parquet", ICEBERG),
            ("00000-0-4bbc7c0c-61d1-46b7-a15b-8b538852e50e.parquet", ICEBERG),
            ("00000-4-4bbc7c0c-61d1-46b7-a15b-8b538852e50e-00002-deletes.parquet", ICEBERG),
            ("data/4bbc7c0c-deletes.parquet", ICEBERG),
            ("65254296-10d0-49d4-b168-6708e6274712-0_0-12-7_20261101020000000.parquet", HUDI),
            ("65254296-10d0-49d4-b168-6708e6274712-0_1-0-1_20261101020000.parquet", HUDI),
            ("bucket-postpone/a.parquet", PAIMON),
            ("_spark_metadata", STREAM),
        ] {
            let found = of_name(name).map(|found| found.format);
            assert_eq!(found, Some(format), "{name}");
            let below = format!("certifications/market=US/{name}");
            let found = of_name(&below).map(|found| (found.format, found.folder));
            assert!(found.is_some_and(|found| found.0 == format && found.1.starts_with("certifications/market=US")));
        }
        let mark = of_name("certifications/market=US/_change_data/cdc-0.parquet");
        assert_eq!(mark, Some(Found { format: DELTA, folder: "certifications/market=US", mark: "_change_data" }));
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
            "0000000000.json",
            "000000000000.parquet",
            "00000000.parquet",
            "20261101_4bbc7c0c-61d1-46b7-a15b-8b538852e50e.parquet",
            "part-00000-4bbc7c0c-61d1-46b7-a15b-8b538852e50e_00001.c000.snappy.parquet",
            "4bbc7c0c-61d1-46b7-a15b-8b538852e50e-0.parquet",
            "4bbc7c0c61d146b7a15b8b538852e50e_000000_000000.parquet",
            "data_0_0_0.snappy.parquet",
            "data-4bbc7c0c-61d1-46b7-a15b-8b538852e50e-0.parquet",
            "000000_0",
            "deletes.parquet",
            "snapshot/part-0.parquet",
            "bucket-1a/part-0.parquet",
        ] {
            assert_eq!(of_name(name), None, "{name}");
        }
    }
}
