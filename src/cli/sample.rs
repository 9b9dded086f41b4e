//! `partnerscore sample`: a synthetic history, and the exports it would come from.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::arguments::SampleArguments;
use super::console::Console;
use crate::error::{Error, Result};
use crate::publish::{self, Output, OutputKind};
use crate::rulebook::{self, Metric};
use crate::sample::exports::{self, Layouts};
use crate::sample::{self, Sample};
use crate::words::counted;

/// Writes a history, exports or both, and says how large they are.
pub fn sample(arguments: &SampleArguments, console: &Console) -> Result<()> {
    let sample = described(arguments)?;
    let folders = [("--out", &arguments.out), ("--exports", &arguments.exports)];
    let folders =
        folders.into_iter().filter_map(|(name, path)| Some(Output::new(name, path.as_ref()?, OutputKind::Folder)));
    publish::refuse_outputs(&folders.collect::<Vec<_>>(), &[])?;
    let layouts = match &arguments.layout {
        Some(id) => Layouts::one(id)?,
        None => Layouts::by_date()?,
    };
    if let Some(out) = &arguments.out {
        history(&sample, out, console)?;
    }
    match &arguments.exports {
        Some(out) => export(&sample, &layouts, arguments.distributor.as_deref(), out, console),
        None => Ok(()),
    }
}

fn described(arguments: &SampleArguments) -> Result<Sample> {
    let rules = rulebook::choose(None)?;
    let names = |metric| rules.certifications(metric).iter().map(|entry| entry.name.clone()).collect();
    Ok(Sample {
        partners: arguments.partners,
        tenants: arguments.tenants,
        months: arguments.months,
        last_month: arguments.last_month.first_day(),
        seed: arguments.seed,
        dirty: arguments.dirty,
        workloads: rules
            .workload_list(Metric::UsageGrowth)
            .map(|list| rules.workloads(list).to_vec())
            .unwrap_or_default(),
        intermediate_certifications: names(Metric::IntermediateCertifications),
        advanced_certifications: names(Metric::AdvancedCertifications),
    })
}

fn history(sample: &Sample, out: &Path, console: &Console) -> Result<()> {
    let written = sample::write(sample, out, &mut |done, of| console.progress("sample", done, of));
    let written = written.map_err(|error| failed(out, &error))?;
    let text = format!(
        "{}: {}, {}, {}, {}, {}",
        out.display(),
        counted(written.partners, "partner"),
        counted(written.associations, "association"),
        counted(written.certifications, "certification"),
        counted(written.usage_rows, "usage row"),
        counted(written.bytes, "byte")
    );
    console.say(&text, || tracing::info!(usage_rows = written.usage_rows, bytes = written.bytes, "written"));
    Ok(())
}

fn export(sample: &Sample, layouts: &Layouts, distributor: Option<&str>, out: &Path, console: &Console) -> Result<()> {
    let exported =
        exports::write(sample, layouts, distributor, out, &mut |done, of| console.progress("exports", done, of));
    let exported = exported.map_err(|error| failed(out, &error))?;
    let (files, rows) = (counted(exported.files, "file"), counted(exported.rows, "row"));
    let text = format!("{}: {files}, {rows}, {}", out.display(), counted(exported.bytes, "byte"));
    console.say(&text, || tracing::info!(files = exported.files, rows = exported.rows, "exported"));
    Ok(())
}

fn failed(out: &Path, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::InvalidInput => {
            Error::usage(error.to_string())
                .at(out.display())
                .hint("give a new or empty folder, and numbers that fit together")
        }
        _ => Error::storage("write the sample", out, error),
    }
}
