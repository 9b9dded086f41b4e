//! The end of a process that gets no more memory.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Code;

const TEXT: &[u8] = b"error: out of memory; nothing is half-published\n\
hint: use more --shards, fewer --threads, or raise the limit of memory\n";
const JSON: &[u8] = b"{\"level\":\"ERROR\",\"message\":\"out of memory; nothing is half-published\",\"code\":6,\
\"retryable\":true,\"place\":\"\",\"hint\":\"use more --shards, fewer --threads, or raise the limit of memory\"}\n";

static SPEAKS_JSON: AtomicBool = AtomicBool::new(false);

/// Has the end told as a line of JSON.
pub(super) fn speak_json() {
    SPEAKS_JSON.store(true, Ordering::Relaxed);
}

/// Ends the process with a message and [`Code::Storage`]. Called by an allocator that has no memory to give, so it takes none.
pub fn out_of_memory() -> ! {
    let text = if SPEAKS_JSON.load(Ordering::Relaxed) { JSON } else { TEXT };
    // Where nobody reads it, the exit code says the same.
    #[cfg(unix)]
    let _ = rustix::io::write(std::io::stderr(), text);
    #[cfg(not(unix))]
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text);
    signal_hook::low_level::exit(Code::Storage.exit().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_one_line_of_json_with_the_code_it_ends_with() {
        let line: serde_json::Value = serde_json::from_slice(JSON).expect("JSON");
        assert_eq!(line["code"], Code::Storage.exit());
        assert_eq!(line["retryable"], Code::Storage.retry_helps());
        assert!(TEXT.ends_with(b"memory\n") && !TEXT.contains(&b'\\'));
    }
}
