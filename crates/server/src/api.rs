//! One file per endpoint: parse, call, encode.

pub mod catalog;
pub mod environments;
pub mod facts;
pub mod file_bucket_file;
pub mod file_content;
pub mod file_metadata;
pub mod node;
pub mod report;
pub mod status;
