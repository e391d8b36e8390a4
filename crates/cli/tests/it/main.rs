//! The program from outside: what it makes of good and bad inputs, and what it leaves behind when it is stopped, killed
//! or out of room.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ahead;
mod bombs;
mod checks;
mod crashes;
mod definitions;
mod disk_full;
mod exports;
mod forms;
mod inspect;
mod lineage;
mod manual;
mod mistakes;
mod nights;
mod operations;
mod pipelines;
mod plans;
mod program;
mod progress;
mod refused;
mod schedules;
mod tables;
