//! The `partnerscore` command.

use std::process::ExitCode;

/// Beside the system's allocator: docs/performance.md. `cli::environment` has it leave huge pages alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    partnerscore::cli::main()
}
