//! Object stores: what lies on Azure or S3 is listed, brought into a cache on this machine, and written there.
//!
//! The rest of the code reads local files. Requests run on one small runtime of this room and everything here blocks until they are
//! done; they are tried again with growing pauses, ten times within three minutes. Credentials come from the environment
//! alone, and what an error says is rid of them.

mod cache;
mod folder;
mod location;
mod trouble;

pub use cache::choose as choose_cache;
pub use folder::{Content, Folder, GoOn, Object, Replaced, Version};
pub use location::{is_url, local};
pub use trouble::{HTTP_CRATES, redacted, redacted_error};
