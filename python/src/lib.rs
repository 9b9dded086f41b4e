//! The native half of the Python package: arguments in, answers and tables out. The rules are in the `partnerscore` crate.

mod arguments;
mod errors;
mod histories;
mod questions;
mod rulebooks;
mod runs;
mod sets;
mod stream;
mod tables;
mod unseen;
mod values;
mod work;

use std::ffi::OsString;

use partnerscore::cli;
use pyo3::prelude::*;

/// Runs the command line; `program` starts it anew, before its arguments. Returns the exit code.
#[pyfunction]
fn main(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| cli::run(&cli::Start { program, arguments, own_allocator: false }))
}

#[pymodule]
fn _partnerscore(module: &Bound<'_, PyModule>) -> PyResult<()> {
    partnerscore::engine::log_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<tables::NativeTable>()?;
    module.add_class::<runs::NativeRun>()?;
    module.add_class::<rulebooks::NativeRulebook>()?;
    module.add_function(wrap_pyfunction!(main, module)?)?;
    module.add_function(wrap_pyfunction!(unseen::remove_unseen, module)?)?;
    module.add_function(wrap_pyfunction!(runs::score, module)?)?;
    module.add_function(wrap_pyfunction!(runs::open_run, module)?)?;
    module.add_function(wrap_pyfunction!(sets::settled, module)?)?;
    module.add_function(wrap_pyfunction!(sets::tenant_sets, module)?)?;
    module.add_function(wrap_pyfunction!(sets::tenant_facts, module)?)?;
    module.add_function(wrap_pyfunction!(sets::finish, module)?)?;
    module.add_function(wrap_pyfunction!(rulebooks::builtin_rulebooks, module)?)?;
    module.add_function(wrap_pyfunction!(rulebooks::load_rulebook, module)?)?;
    module.add_function(wrap_pyfunction!(rulebooks::read_rulebook, module)?)?;
    module.add_function(wrap_pyfunction!(questions::explain, module)?)?;
    module.add_function(wrap_pyfunction!(questions::plan, module)?)?;
    module.add_function(wrap_pyfunction!(questions::simulate, module)?)?;
    module.add_function(wrap_pyfunction!(questions::outlook, module)?)?;
    module.add_function(wrap_pyfunction!(questions::diff, module)?)
}
