//! `partnerscore sample`: a synthetic history.

use super::arguments::SampleArguments;
use super::console::Console;
use crate::error::{Error, Result};
use crate::rulebook::{self, Metric};
use crate::sample::{self, Sample};

/// Writes a history and says how large it is.
pub fn sample(arguments: &SampleArguments, console: &Console) -> Result<()> {
    let rules = rulebook::choose(None)?;
    let names = |metric| rules.certifications(metric).iter().map(|entry| entry.name.clone()).collect();
    let sample = Sample {
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
    };
    let out = &arguments.out;
    let written = sample::write(&sample, out, &mut |done, of| console.progress("sample", done, of));
    let written = written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists
        | std::io::ErrorKind::DirectoryNotEmpty
        | std::io::ErrorKind::InvalidInput => Error::usage(error.to_string())
            .at(out.display())
            .hint("give a new or empty folder, and numbers that fit together"),
        _ => Error::storage("write the sample", out, &error),
    })?;
    let text = format!(
        "{}: {} partners, {} associations, {} certifications, {} usage rows, {} bytes",
        out.display(),
        written.partners,
        written.associations,
        written.certifications,
        written.usage_rows,
        written.bytes
    );
    console.say(&text, || tracing::info!(usage_rows = written.usage_rows, bytes = written.bytes, "written"));
    Ok(())
}
