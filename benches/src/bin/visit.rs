//! One contender, one document, one process: `visit [--warm] TOOL FILE [BACKEND]`.
//!
//! Prints the counts; with `--warm` it then reads the file into memory, visits it there once untimed and once timed.
//! The second line has the nanoseconds of that, the third the peak memory in bytes. `tokenizer` starts this program
//! again and again; it does nothing else, so that its memory is the contender's.

#![forbid(unsafe_code)]

use apsides_benches::{Result, contenders::Tool, peak_memory};
use std::{fs, path::Path, time::Instant};

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let warm = arguments.first().is_some_and(|argument| argument == "--warm");
    if warm {
        arguments.remove(0);
    }
    let (tool, file, backend) = match &arguments[..] {
        [tool, file] => (tool, file, None),
        [tool, file, backend] => (tool, file, Some(backend.parse()?)),
        _ => return Err("usage: visit [--warm] TOOL FILE [BACKEND]".into()),
    };
    let tool = Tool::named(tool, backend).ok_or("no such tool")?;
    let (counts, nanoseconds) = if warm {
        let json = fs::read(file)?;
        let mut visit = tool.visitor(json.len());
        visit(&json)?;
        let started = Instant::now();
        (visit(&json)?, started.elapsed().as_nanos())
    } else {
        (tool.visit_file(Path::new(file))?, 0)
    };
    println!("{counts}\n{nanoseconds}\n{}", peak_memory().unwrap_or_default());
    Ok(())
}
