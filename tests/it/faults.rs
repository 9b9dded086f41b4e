//! Every refusal and every exit code, made to happen. A refusal publishes nothing.

use std::fs;

use crate::baseline_history::{AS_OF, Placed, association, day, history, partner, spoil, usage};
use crate::command::{run, said};
use crate::fixture::{self, Layout};

#[test]
fn a_sound_history_scores() {
    let placed = Placed::new(&history());
    placed.score(&["--strict"]).succeeds();
    assert!(placed.run().join("scores.parquet").exists());
}

// Exit 2: usage, rulebook or pipeline file wrong.

#[test]
fn an_unknown_flag_is_a_usage_error() {
    assert_eq!(run(&["score", "data/sample", "--uot", "x"]).code, 2);
}

#[test]
fn an_unknown_partner_is_named_with_the_nearest() {
    let placed = Placed::new(&history());
    placed.score(&["--partner", "acmee"]).fails(2, &["no partner `acmee`", "did you mean `acme`?"]);
    placed.score(&["--distributor", "north"]).fails(2, &["no distributor `north`"]);
    placed.nothing_published();
}

#[test]
fn an_unknown_rulebook_is_named_with_the_nearest() {
    let placed = Placed::new(&history());
    placed.score(&["--rulebook", "modern-work-2042"]).fails(2, &["no rulebook", "did you mean `modern-work-2024`?"]);
}

#[test]
fn a_wrong_pipeline_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("nightly.toml");
    for (text, line, hint) in [
        ("history = 'h'\noutput = 'o'\nas_off = 'today'\n", 3, "did you mean `as_of`?"),
        ("history = 'h'\noutput = 'o'\nas_of = 'yesterday'\n", 3, "as_of is"),
        ("history = 'h'\noutput = 'o'\nas_of = 'today'\nshards = 0\n", 4, "use 1 or more"),
        ("history = 'h'\noutput = 'o'\nas_of = 'today'\nmin_coverage = 2.0\n", 4, "from 0 to 1"),
    ] {
        fs::write(&file, text).expect("a file");
        run(&["run", &file.to_string_lossy()]).fails(2, &[&format!("nightly.toml:{line}"), hint]);
    }
    run(&["run", "pipelines/nightlly.toml"]).fails(2, &["could not read the pipeline file"]);
}

// Exit 3: wrong content.

#[test]
fn a_missing_column_is_refused_with_the_nearest() {
    let placed = Placed::new(&history());
    let rows = history().associations;
    let mut columns = fixture::associations(&rows);
    columns[3].0 = "assocation_type";
    fixture::write_file(&placed.history().join("associations.parquet"), columns, &Layout::default());
    placed
        .score(&[])
        .fails(3, &["lacks column `association_type`", "associations.parquet", "there is `assocation_type`"]);
    placed.nothing_published();
}

#[test]
fn a_wrong_type_is_refused() {
    let placed = Placed::new(&history());
    let rows = history().associations;
    let mut columns = fixture::associations(&rows);
    columns[4].1 = fixture::Content::Text(vec![Some("2024-01-01".to_owned()); rows.len()]);
    fixture::write_file(&placed.history().join("associations.parquet"), columns, &Layout::default());
    placed.score(&[]).fails(3, &["`start_date`", "must be a date", "associations.parquet"]);
    placed.nothing_published();
}

#[test]
fn a_wrong_type_in_one_of_many_files_is_refused() {
    let placed = Placed::laid_out(&history(), &Layout { files: 3, ..Layout::default() });
    let rows = history().workload_usage;
    let mut columns = fixture::usage(&rows[..2], false);
    columns[2].1 = fixture::Content::Text(vec![Some("many".to_owned()); 2]);
    let file = placed.history().join("workload_usage/month=2026-10-01/part-2.parquet");
    fixture::write_file(&file, columns, &Layout::default());
    placed.score(&[]).fails(3, &["`paid_seats`", "must be an integer", "part-2.parquet"]);
}

#[test]
fn a_partner_that_stands_twice_with_different_values_is_refused() {
    let mut history = history();
    history.partners.push(history.partners[0].clone());
    Placed::new(&history).score(&[]).succeeds();
    history.partners[2].market = Some("DE".to_owned());
    let placed = Placed::new(&history);
    placed.score(&[]).fails(3, &["`acme` stands twice with different values", "partners"]);
    placed.nothing_published();
}

#[test]
fn a_chain_of_global_accounts_is_refused() {
    let mut history = history();
    history.partners[0].global_partner_id = Some("birch".to_owned());
    Placed::new(&history).score(&[]).succeeds();
    history.partners[1].global_partner_id = Some("corp".to_owned());
    let placed = Placed::new(&history);
    placed.score(&[]).fails(3, &["`acme` names `birch`", "which names `corp` in turn"]);
    placed.nothing_published();
}

#[test]
fn an_account_that_names_itself_is_no_chain() {
    let mut history = history();
    history.partners[0].global_partner_id = Some("birch".to_owned());
    history.partners[1].global_partner_id = Some("birch".to_owned());
    Placed::new(&history).score(&[]).succeeds();
}

#[test]
fn an_unreadable_file_is_refused() {
    for (change, why) in [
        (
            Box::new(|mut bytes: Vec<u8>| bytes.drain(..bytes.len() / 2).collect()) as Box<dyn Fn(Vec<u8>) -> Vec<u8>>,
            "truncated",
        ),
        (Box::new(|_| Vec::new()), "shorter than a Parquet footer"),
        (Box::new(|_| b"tenant_id,workload\n".to_vec()), "does not end as Parquet does"),
        (Box::new(|bytes: Vec<u8>| bytes[bytes.len() - 8..].to_vec()), "footer is longer than the file"),
    ] {
        let placed = Placed::new(&history());
        let file = placed.history().join("workload_usage/month=2026-10-01/part-0.parquet");
        spoil(&file, change);
        placed.score(&[]).fails(3, &["cannot be read as Parquet", why, "part-0.parquet"]);
        placed.nothing_published();
    }
}

#[test]
fn damaged_pages_are_an_error_and_publish_nothing() {
    let placed = Placed::new(&history());
    let file = placed.history().join("workload_usage/month=2026-10-01/part-0.parquet");
    spoil(&file, |mut bytes| {
        bytes[4..60].fill(0xff);
        bytes
    });
    placed.score(&[]).fails(3, &["part-0.parquet, row group 0, column tenant_id", "hint:"]);
    placed.nothing_published();
}

#[test]
fn delta_and_iceberg_tables_are_refused() {
    for (marker, format) in [
        ("workload_usage/_delta_log/0.json", "Delta"),
        ("associations/metadata/v1.metadata.json", "Iceberg"),
        ("_delta_log/0.json", "Delta"),
    ] {
        let placed = Placed::laid_out(&history(), &Layout { files: 2, ..Layout::default() });
        let marker = placed.history().join(marker);
        fs::create_dir_all(marker.parent().expect("a folder")).expect("a folder");
        fs::write(marker, "{}").expect("a file");
        placed.score(&[]).fails(3, &[format, "deleted or replaced rows", "hint:"]);
        placed.nothing_published();
    }
}

#[test]
fn a_table_that_is_there_twice_is_refused() {
    let placed = Placed::new(&history());
    fs::create_dir(placed.history().join("partners")).expect("a folder");
    placed.score(&[]).fails(3, &["table `partners` is there twice"]);
}

#[test]
fn too_many_rejects_are_refused_and_a_share_is_not_too_many() {
    let mut history = history();
    // 3 of 300 rows are the 0.01 that is allowed, 4 of 301 are more.
    history
        .associations
        .extend((0..294).map(|index| association("acme", &format!("other{index}"), "CPOR", "2020-01-01")));
    for association in &mut history.associations[3..] {
        association.end_date = Some(day("2021-01-01"));
    }
    history.associations.extend((0..3).map(|index| association("nobody", &format!("x{index}"), "CPOR", "2024-01-01")));
    Placed::new(&history).score(&[]).succeeds();
    history.associations.push(association("nobody", "x3", "CPOR", "2024-01-01"));
    let placed = Placed::new(&history);
    placed.score(&[]).fails(3, &["4 of 301 checked rows of `associations` were rejected", "--max-reject-ratio"]);
    placed.nothing_published();
    placed.score(&["--max-reject-ratio", "0.02"]).succeeds();
}

#[test]
fn too_little_coverage_is_refused_and_half_is_enough() {
    let mut history = history();
    history
        .associations
        .extend((0..3).map(|index| association("acme", &format!("other{index}"), "CPOR", "2024-01-01")));
    Placed::new(&history).score(&[]).succeeds();
    history.associations.push(association("acme", "other3", "CPOR", "2024-01-01"));
    let placed = Placed::new(&history);
    placed.score(&[]).fails(3, &["only 3 of 7 tenants", "form or case", "--min-coverage"]);
    placed.nothing_published();
    placed.score(&["--min-coverage", "0.4"]).succeeds();
}

// Exit 4: published, with warnings or rejects, under --strict.

#[test]
fn strict_runs_publish_and_fail_on_rejects_and_on_warnings() {
    let mut history = history();
    history.associations.push(association("nobody", "t1", "CPOR", "2024-01-01"));
    let rejects = Placed::new(&history);
    rejects.score(&["--strict", "--max-reject-ratio", "1"]).fails(4, &["1 rejected row"]);
    assert!(rejects.run().join("scores.parquet").exists());
    let mut history = crate::baseline_history::history();
    history.workload_usage.push(usage("t1", "minesweeper", "2026-10-01", 5, 5));
    let warnings = Placed::new(&history);
    warnings.score(&[]).succeeds();
    warnings.score(&["--strict"]).fails(4, &["1 kind of warnings"]);
}

// Exit 5: missing or not there yet.

#[test]
fn a_missing_history_or_table_is_absent() {
    let placed = Placed::new(&history());
    crate::command::score(&placed.folder.path().join("nowhere"), &placed.out(), AS_OF, &[])
        .fails(5, &["no such history"]);
    for table in ["partners.parquet", "associations.parquet", "certifications.parquet", "workload_usage"] {
        let placed = Placed::new(&history());
        let (path, aside) =
            (placed.history().join(table), placed.history().join(format!("{}x", table.trim_end_matches(".parquet"))));
        fs::rename(path, aside).expect("renamed");
        let name = table.trim_end_matches(".parquet");
        placed.score(&[]).fails(5, &[&format!("table `{name}` is missing"), &format!("`{name}x`")]);
        placed.nothing_published();
    }
}

#[test]
fn a_month_that_is_not_there_is_absent() {
    for hive in [true, false] {
        for (gone, named) in [
            ("2026-10-01", "no rows of 2026-10"),
            ("2025-10-01", "no rows of 2025-10"),
            ("2026-03-01", "begin in 2026-03"),
        ] {
            let mut history = history();
            history.workload_usage.retain(|row| row.month != Some(day(gone)));
            let placed = Placed::laid_out(&history, &Layout { hive, ..Layout::default() });
            placed.score(&[]).fails(5, &[named, "hint:"]);
            placed.nothing_published();
        }
        // Months in which no association that counts begins may be missing.
        let mut history = history();
        history.workload_usage.retain(|row| ![Some(day("2026-02-01")), Some(day("2026-09-01"))].contains(&row.month));
        Placed::laid_out(&history, &Layout { hive, ..Layout::default() }).score(&[]).succeeds();
    }
}

#[test]
fn a_folder_of_a_month_without_rows_is_absent() {
    let placed = Placed::new(&history());
    let file = placed.history().join("workload_usage/month=2026-10-01/part-0.parquet");
    fixture::write_file(&file, fixture::usage(&[], false), &Layout::default());
    placed.score(&[]).fails(5, &["no rows of 2026-10", "--month 2026-09"]);
}

// Exit 6: storage or access failed.

#[test]
fn an_output_folder_that_cannot_be_made_is_a_storage_error() {
    let placed = Placed::new(&history());
    let file = placed.folder.path().join("file");
    fs::write(&file, "").expect("a file");
    crate::command::score(&placed.history(), &file.join("out"), AS_OF, &[]).fails(6, &["could not", "hint:"]);
}

/// A file system of 64 kB: smaller than what evidence of the sample takes.
#[test]
fn a_full_disk_is_a_storage_error_and_publishes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs '{0}' || exit 99; '{1}' score data/sample --as-of {AS_OF} --evidence --out '{0}/out'; code=$?; ls -A '{0}/out'; exit $code",
        disk.display(),
        env!("CARGO_BIN_EXE_partnerscore")
    );
    let mut command = std::process::Command::new("unshare");
    let ended = command.args(["-rm", "sh", "-c", &script]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    match ended.map(said) {
        Ok(said) if said.code == 6 => {
            assert!(said.stderr.contains("hint:"), "{}", said.stderr);
            assert_eq!(said.stdout.trim(), ".partnerscore.lock", "nothing is left but the lock");
        }
        Ok(said) if said.code == 0 => panic!("a disk of 64 kB was enough"),
        Ok(said) if said.stderr.contains("unshare") || said.code == 99 => {
            crate::not_run("a full disk", "no user namespaces here")
        }
        Ok(said) => panic!("exit {}: {}", said.code, said.stderr),
        Err(_) => crate::not_run("a full disk", "the command unshare (util-linux) is missing"),
    }
}

/// Files may not grow beyond a limit: the same fault without any privilege.
#[test]
fn a_file_that_cannot_grow_is_a_storage_error_and_publishes_nothing() {
    let placed = Placed::new(&history());
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec '{}' score data/sample --as-of {AS_OF} --evidence --out '{}'",
        env!("CARGO_BIN_EXE_partnerscore"),
        placed.out().display()
    );
    let mut command = std::process::Command::new("bash");
    said(command.args(["-c", &script]).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("bash"))
        .fails(6, &["hint:"]);
    placed.nothing_published();
}

// Exit 7: locked.

#[test]
fn a_locked_output_folder_is_left_alone() {
    let placed = Placed::new(&history());
    placed.score(&[]).succeeds();
    let before = fixture::published(&placed.run());
    let lock = fs::File::open(placed.out().join(".partnerscore.lock")).expect("the lock file");
    lock.try_lock().expect("nobody holds it");
    placed.score(&["--evidence"]).fails(7, &["another run is writing", "hint:"]);
    assert_eq!(fixture::published(&placed.run()), before);
    drop(lock);
    placed.score(&["--evidence"]).succeeds();
}

#[test]
fn a_partner_of_no_tenant_still_gets_a_row() {
    let mut history = history();
    history.partners.push(partner("nothing"));
    let placed = Placed::new(&history);
    let said = placed.score(&["--format", "csv"]);
    assert!(said.succeeds().stdout.contains("nothing"), "{}", said.stdout);
}
