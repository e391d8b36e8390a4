//! The program of a day, as a program: `peer EXPORT.json[.gz] FOLDER`. Prints what it wrote, and its peak memory, as
//! JSON.

#![forbid(unsafe_code)]

use apsides_benches::{Result, peak_memory, peer};
use std::path::Path;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [export, folder] = &arguments[..] else { return Err("usage: peer EXPORT.json[.gz] FOLDER".into()) };
    std::fs::create_dir_all(folder)?;
    let written = peer::convert_file(Path::new(export), Path::new(folder))?;
    println!("{}", serde_json::json!({ "written": written, "peak_memory_bytes": peak_memory() }));
    Ok(())
}
