//! Scores every partner of a portfolio for the *Solutions Partner for Modern Work* designation, from Parquet history.
//!
//! Data flows one way through the modules, in the order below; a module uses those above it, never those below.

pub mod cli;
pub mod declared;
pub mod email;
pub mod engine;
pub mod error;
pub mod history;
pub mod ingest;
pub mod insight;
pub mod metrics;
pub mod month;
pub mod pipeline;
pub mod publish;
pub mod report;
pub mod rulebook;
pub mod sample;
pub mod score;
pub mod storage;
pub mod toml_file;
pub mod words;
