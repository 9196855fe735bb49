//! (sketch)
pub mod trace;
