//! Measures the tokenizer beside its peers on documents of four shapes, and writes the figures to
//! `benches/record/<date>-tokenizer.md`: `cargo run --release -p apsides-benches --bin tokenizer`.
//!
//! With `--callgrind` valgrind counts instructions instead, and they go to `<date>-tokenizer-instructions.md`. With
//! `--quick` all documents are 16 times smaller, and the figures are only printed.
//!
//! Each figure comes from a process of its own (`visit`), so that no contender inherits another's memory; and the
//! contenders take turns, so that a change in the machine's mood meets all.

#![forbid(unsafe_code)]

mod instructions;

use apsides_benches::{
    Counts, Processors, Result, Shape,
    contenders::{Tool, apsides, apsides_raw_whole},
    first_word, keep, machine, today, versions,
};
use apsides_tokenizer::Backend;
use std::{
    fmt::{self, Write as _},
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

const MIB: u64 = 1 << 20;
const DOCUMENT_BYTES: u64 = 256 * MIB;
/// How often each contender reads each document in each way; the run of median time is reported.
const RUNS: usize = 5;

const USAGE: &str = "usage: tokenizer [--quick] [--callgrind]";

fn main() -> Result<()> {
    let (mut divisor, mut callgrind) = (1, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => divisor = 16,
            "--callgrind" => callgrind = true,
            _ => return Err(USAGE.into()),
        }
    }
    let (report, name) = if callgrind {
        let bench = Bench::prepare(instructions::DOCUMENT_BYTES / divisor)?;
        (bench.instructions()?, "-tokenizer-instructions")
    } else {
        let bench = Bench::prepare(DOCUMENT_BYTES / divisor)?;
        bench.build_native()?;
        (bench.report()?, "-tokenizer")
    };
    println!("{report}");
    if divisor == 1 {
        keep(&report, name)?;
    }
    Ok(())
}

/// The programs, and a temporary folder for what they read.
struct Bench {
    folder: tempfile::TempDir,
    /// Compiled as usual, for any processor of the architecture.
    visit: PathBuf,
    /// Compiled for this processor.
    visit_native: PathBuf,
    bytes: u64,
}

/// What has a row in a table.
#[derive(Clone, Copy, PartialEq)]
struct Contender {
    tool: Tool,
    /// Some peers have the instructions of SIMD chosen when they are compiled.
    native: bool,
}

/// What `visit` says of a run.
struct Run {
    counts: Counts,
    seconds: f64,
    peak_memory: u64,
}

/// All that is known of one contender on one document.
struct Row {
    contender: Contender,
    warm: Vec<Run>,
    whole: Vec<Run>,
}

impl Bench {
    /// Builds the first of the programs, and sets it aside: other builds must not exchange it in between.
    fn prepare(bytes: u64) -> Result<Self> {
        say("building");
        build(&mut Command::new(cargo()))?;
        let folder = tempfile::tempdir()?;
        let [visit, visit_native] = ["visit", "visit-native"].map(|program| folder.path().join(program));
        fs::copy(programs()?.join("visit"), &visit)?;
        Ok(Self { folder, visit, visit_native, bytes })
    }

    /// The same with the other.
    fn build_native(&self) -> Result<()> {
        let target = programs()?.parent().ok_or("the folder of programs is in the target folder")?.join("native");
        let flags = "-C target-cpu=native";
        build(Command::new(cargo()).env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", &target))?;
        fs::copy(target.join("release/visit"), &self.visit_native)?;
        Ok(())
    }

    fn report(&self) -> Result<String> {
        let load = first_word("/proc/loadavg")?;
        let processors_before = Processors::read()?;
        let mut tables = String::new();
        for shape in Shape::ALL {
            self.table(shape, &mut tables)?;
        }
        let withheld = Processors::read()?.withheld_since(&processors_before);

        let mut out = String::new();
        writeln!(out, "# The tokenizer, measured on {}\n", today()?)?;
        writeln!(out, "{}\n", machine()?)?;
        let libraries = ["struson", "actson", "serde_json", "sonic-rs", "simd-json", "jiter"];
        writeln!(out, "{}\n", versions(&libraries)?)?;
        writeln!(out, "{NOTES}")?;
        writeln!(
            out,
            "The load average before was {load}; during the measurement the hypervisor withheld {withheld:.0} % of \
             the processor time.",
        )?;
        out.push_str(&tables);
        Ok(out)
    }

    fn table(&self, shape: Shape, out: &mut String) -> Result<()> {
        say(&format!("{}: writing it", shape.name()));
        let document = self.document(shape, self.bytes)?;
        let bytes = fs::metadata(&document)?.len();
        let expected = apsides(File::open(&document)?, None)?;

        say(&format!("{}: all contenders once, so that their counts can be compared", shape.name()));
        let mut rows = Vec::new();
        for contender in contenders(shape) {
            rows.push(Row { contender, warm: Vec::new(), whole: Vec::new() });
            let counts = self.whole(contender, &document)?.counts;
            check(contender.tool, &document, counts, expected)?;
        }
        for run in 1..=RUNS {
            say(&format!("{}: run {run} of {RUNS}", shape.name()));
            for row in &mut rows {
                row.warm.push(self.warm(row.contender, &document)?);
                row.whole.push(self.whole(row.contender, &document)?);
            }
        }
        for row in &mut rows {
            let mut counts = row.warm.iter().chain(&row.whole).map(|run| run.counts);
            let first = counts.next();
            if counts.any(|counts| Some(counts) != first) {
                return Err(format!("{}: the counts differ from run to run", row.contender).into());
            }
        }
        fs::remove_file(document)?;
        self.write_table(shape, bytes, expected, &rows, out)
    }

    fn document(&self, shape: Shape, bytes: u64) -> Result<PathBuf> {
        let path = self.folder.path().join("document.json");
        shape.write(bytes, BufWriter::with_capacity(1 << 20, File::create(&path)?))?;
        Ok(path)
    }

    fn whole(&self, contender: Contender, document: &Path) -> Result<Run> {
        let started = Instant::now();
        let output = self.command(contender, document).stdout(Stdio::piped()).spawn()?.wait_with_output()?;
        let seconds = started.elapsed().as_secs_f64();
        let run = read(contender, &output)?;
        Ok(Run { seconds, ..run })
    }

    fn warm(&self, contender: Contender, document: &Path) -> Result<Run> {
        read(contender, &self.command_of(contender, document, &["--warm"]).output()?)
    }

    fn command(&self, contender: Contender, document: &Path) -> Command {
        self.command_of(contender, document, &[])
    }

    fn command_of(&self, Contender { tool, native }: Contender, document: &Path, options: &[&str]) -> Command {
        let mut visit = Command::new(if native { &self.visit_native } else { &self.visit });
        visit.args(options).arg(tool.name()).arg(document).args(tool.backend().map(|backend| backend.to_string()));
        visit
    }

    fn write_table(&self, shape: Shape, bytes: u64, expected: Counts, rows: &[Row], out: &mut String) -> Result<()> {
        let speed = |seconds: f64| bytes as f64 / 1e6 / seconds;
        let speeds = |runs: &[Run]| {
            let [slowest, median, fastest] = spread(runs).map(speed);
            format!("{median:.0} ({slowest:.0}–{fastest:.0})")
        };
        let struson = rows.iter().find(|row| row.contender.tool == Tool::Struson).ok_or("struson takes part")?;
        let [warm, whole] = [&struson.warm, &struson.whole].map(|runs| spread(runs)[1]);
        writeln!(out, "\n## {}\n", shape.name())?;
        writeln!(
            out,
            "{:.1} MiB; {} tokens but for ends and {:.0} bytes of text in each KiB.\n",
            bytes as f64 / MIB as f64,
            expected.values(),
            expected.text_bytes as f64 / bytes as f64 * 1024.0,
        )?;
        writeln!(
            out,
            "| Contender | Holds the document | Warm MB/s | × struson | Whole process MB/s | × struson | Peak memory |"
        )?;
        writeln!(out, "|---|---|---:|---:|---:|---:|---:|")?;
        for row in rows {
            let tool = row.contender.tool;
            let peak = row.whole.iter().map(|run| run.peak_memory).max().unwrap_or_default();
            writeln!(
                out,
                "| {} | {} | {} | {:.1} | {} | {:.1} | {:.1} MiB |",
                row.contender,
                if tool.holds_document() { "yes" } else { "no" },
                speeds(&row.warm),
                warm / spread(&row.warm)[1],
                speeds(&row.whole),
                whole / spread(&row.whole)[1],
                peak as f64 / MIB as f64,
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let native = if self.native { ", target-cpu=native" } else { "" };
        write!(f, "{}{native}", self.tool)
    }
}

fn contenders(shape: Shape) -> Vec<Contender> {
    let mut ours: Vec<Tool> = Tool::ours().collect();
    ours.extend(Backend::available().map(|backend| Tool::Pull(Some(backend))));
    if shape == Shape::Export {
        ours.extend(Backend::available().map(|backend| Tool::Skip(Some(backend))));
        ours.extend(Backend::available().map(|backend| Tool::Raw(Some(backend))));
    }
    let all = ours.into_iter().chain(Tool::PEERS).map(|tool| Contender { tool, native: false });
    all.chain([Tool::SonicRs, Tool::SimdJson].map(|tool| Contender { tool, native: true })).collect()
}

/// Fails unless the contender read what the others did.
fn check(tool: Tool, document: &Path, counts: Counts, expected: Counts) -> Result<()> {
    let agrees = match tool {
        // The members of the outermost object are counted, and nothing else.
        Tool::Skip(_) => {
            counts == Counts { objects: 1, keys: counts.keys, text_bytes: counts.text_bytes, ..Counts::default() }
        }
        Tool::Raw(backend) => apsides_raw_whole(File::open(document)?, backend)? == expected,
        _ => counts == expected,
    };
    if agrees { Ok(()) } else { Err(format!("{tool}: {counts:?} instead of {expected:?}").into()) }
}

fn read(contender: Contender, output: &std::process::Output) -> Result<Run> {
    if !output.status.success() {
        return Err(format!("{contender}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = str::from_utf8(&output.stdout)?;
    let lines: Vec<&str> = text.lines().collect();
    let [counts, nanoseconds, peak_memory] = lines[..] else { return Err("visit says three lines".into()) };
    let nanoseconds: f64 = nanoseconds.parse()?;
    Ok(Run { counts: counts.parse()?, seconds: nanoseconds / 1e9, peak_memory: peak_memory.parse()? })
}

/// The longest, the median and the shortest time.
fn spread(runs: &[Run]) -> [f64; 3] {
    let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    [seconds[seconds.len() - 1], seconds[seconds.len() / 2], seconds[0]]
}

/// The folder of programs that this one is in.
fn programs() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.parent().ok_or("a program is in a folder")?.to_owned())
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or("cargo".into())
}

fn build(cargo: &mut Command) -> Result<()> {
    // Without the features there is nothing to build but what reads JSON.
    let arguments =
        ["build", "--release", "--quiet", "-p", "apsides-benches", "--bin", "visit", "--no-default-features"];
    let built = cargo.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    if built.success() { Ok(()) } else { Err("the build failed".into()) }
}

fn say(what: &str) {
    eprintln!("tokenizer: {what}");
}

const NOTES: &str = "\
Every contender visits every token and decodes every string, on one thread; `skip` and `raw` of ours do what their \
names say. All agreed on the counts before they were timed. MB/s are 10⁶ bytes of JSON per second of wall time: the \
median of 5 runs in turns, between brackets the slowest and the fastest.

- **Warm**: the document is in memory and was visited once before by the same process. Streaming contenders copy it \
from there through their window or buffer. simd-json overwrites the document, so its time has a copy in it, but the \
memory for that is there from the first visit.
- **Whole process**: start, reading the file (page cache warm), visiting, end. What holds the document reads it whole \
first. Peak memory (VmHWM) is of these runs.
- serde_json, sonic-rs and simd-json turn numbers into binary, since they cannot leave them; the others check them and \
give their text. struson and actson decode all strings into a buffer; the others lend those without escapes.
- `target-cpu=native` is compiled for this very processor, as sonic-rs recommends; all else runs on any x86-64, and \
ours and simd-json choose by what they find.
- Machines of this kind are shared and noisy: compare within this page, not between pages.
";
