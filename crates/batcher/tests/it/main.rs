//! The crate from outside: its tables against the published schemas, and how its files are cut.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod delta;
mod files;
mod parts;
mod privacy;
mod schemas;
mod snapshots;
mod typed;
mod windows;
