//! The `partnerscore` command.

use std::alloc::{GlobalAlloc, Layout};
use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Beside the system's allocator: docs/performance.md. `cli::environment` has it leave huge pages alone.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// mimalloc, except that a process without memory ends with a documented code and a hint, where Rust would abort it.
struct Allocator;

/// Returns what was allocated, or ends the process.
fn or_end(allocated: *mut u8) -> *mut u8 {
    if allocated.is_null() { partnerscore::cli::out_of_memory() } else { allocated }
}

// The trait is unsafe; nothing short of it learns that there is no memory before the process aborts.
// SAFETY: every call goes to mimalloc unchanged, and what it returns goes back unchanged; null never returns.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises about the layout are those that mimalloc asks for.
        or_end(unsafe { MiMalloc.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        or_end(unsafe { MiMalloc.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the pointer came from mimalloc with this layout, as the caller promises.
        or_end(unsafe { MiMalloc.realloc(pointer, layout, size) })
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as for `realloc`.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }
}

fn main() -> ExitCode {
    partnerscore::cli::main()
}
