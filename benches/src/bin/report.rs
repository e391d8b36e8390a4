//! Measures `apsides convert` as its users run it, beside the program of a day, and writes the figures to
//! `benches/record/<date>.md`: `cargo run --release -p apsides-benches`.
//!
//! With `--quick` all exports are 16 times smaller, and the figures are only printed.

#![forbid(unsafe_code)]

use apsides_benches::{
    BUFFER_BYTES, Processors, Result, first_word, gzip, keep, machine, peer::Converted, today, versions,
};
use serde::Deserialize;
use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufReader, BufWriter},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

const MIB: u64 = 1 << 20;
/// The export that is read several times, from a file.
const FILE_BYTES: u64 = 256 * MIB;
/// Those that are read once, from a pipe. Two of one kind, since one peak alone cannot tell whether memory grows.
const HALF_BYTES: u64 = 2048 * MIB;
const LARGE_BYTES: u64 = 4096 * MIB;
const SINGLE_PROFILE_BYTES: u64 = 1024 * MIB;
/// How often each contender reads the file; the run of median time is reported.
const RUNS: usize = 5;
const SEED: &str = "1";

fn main() -> Result<()> {
    let divisor = match std::env::args().nth(1).as_deref() {
        None => 1,
        Some("--quick") => 16,
        Some(_) => return Err("usage: report [--quick]".into()),
    };
    let bench = Bench::prepare(divisor)?;
    let report = bench.report()?;
    println!("{report}");
    if divisor == 1 {
        keep(&report, "")?;
    }
    Ok(())
}

/// The programs, and a temporary folder for what they read and write.
struct Bench {
    folder: tempfile::TempDir,
    apsides: PathBuf,
    peer: PathBuf,
    divisor: u64,
}

/// One run of a program.
struct Run<T> {
    seconds: f64,
    /// Processor time, of all threads.
    cpu_seconds: f64,
    output: T,
}

/// What `apsides convert --json` says of a run.
#[derive(Deserialize)]
struct Summary {
    json_bytes: u64,
    peak_memory_bytes: Option<u64>,
    tables: Vec<Table>,
}

#[derive(Deserialize)]
struct Table {
    name: String,
    rows: u64,
    bytes: u64,
    files: Vec<DataFile>,
}

#[derive(Deserialize)]
struct DataFile {
    row_groups: u64,
}

/// What the program of a day says of a run.
#[derive(Deserialize)]
struct PeerSummary {
    written: Converted,
    peak_memory_bytes: Option<u64>,
}

impl Bench {
    /// Builds the programs, and sets them aside: other builds must not exchange them in between.
    fn prepare(divisor: u64) -> Result<Self> {
        say("building");
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let build = ["build", "--release", "--quiet", "-p", "apsides-cli", "-p", "apsides-benches", "--bins"];
        let built = Command::new(cargo).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
        if !built.success() {
            return Err("the build failed".into());
        }
        let folder = tempfile::tempdir()?;
        let built = std::env::current_exe()?.parent().ok_or("a program is in a folder")?.to_owned();
        let [apsides, peer] = ["apsides", "peer"].map(|program| folder.path().join(program));
        fs::copy(built.join("apsides"), &apsides)?;
        fs::copy(built.join("peer"), &peer)?;
        Ok(Self { folder, apsides, peer, divisor })
    }

    fn report(&self) -> Result<String> {
        let load = first_word("/proc/loadavg")?;
        let processors_before = Processors::read()?;
        let plain = self.folder.path().join("export.json");
        let compressed = self.folder.path().join("export.json.gz");
        say("writing the export");
        let generated = measure(self.simulate(FILE_BYTES).arg("--write").arg(&plain), |_| Ok(()))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, File::create(&compressed)?);
        gzip(BufReader::with_capacity(BUFFER_BYTES, File::open(&plain)?), file)?;
        let file_bytes = fs::metadata(&plain)?.len();
        let compressed_bytes = fs::metadata(&compressed)?.len();

        say("both programs once: their rows have to be the same");
        self.check(&plain, &compressed)?;
        let mut apsides_runs = [Vec::new(), Vec::new()];
        let mut peer_runs = [Vec::new(), Vec::new()];
        for run in 1..=RUNS {
            say(&format!("run {run} of {RUNS}"));
            // Side by side, so that a change in the machine's mood meets all.
            for (place, export) in [&plain, &compressed].into_iter().enumerate() {
                apsides_runs[place].push(self.apsides(export)?);
                peer_runs[place].push(self.peer(export)?);
            }
        }
        let [apsides_plain, apsides_gzip] = apsides_runs.map(median);
        let [peer_plain, peer_gzip] = peer_runs.map(median);
        say("the large exports, through a pipe");
        let half = self.piped(HALF_BYTES, &[])?;
        let large = self.piped(LARGE_BYTES, &[])?;
        say("the single profile, through a pipe");
        let single = self.piped(SINGLE_PROFILE_BYTES, &["--single-profile"])?;

        let withheld = Processors::read()?.withheld_since(&processors_before);

        let mut out = String::new();
        writeln!(out, "# apsides, measured on {}\n", today()?)?;
        writeln!(out, "{}\n", machine()?)?;
        writeln!(out, "{}\n", versions(&["arrow", "parquet", "struson", "flate2", "zlib-rs", "zstd-sys"])?)?;
        writeln!(
            out,
            "Whole processes, page cache warm. MB/s are 10⁶ bytes of uncompressed JSON per second of wall time; CPU is \
             processor time of all threads; memory is the peak (VmHWM). Machines of this kind are shared and noisy, \
             and this one may have had other work at the same time: compare within this page, not between pages. \
             The load average before was {load}; during the measurement the hypervisor withheld {:.0} % of the processor time.\n",
            withheld,
        )?;
        writeln!(out, "## One export, {} of it\n", size(file_bytes))?;
        writeln!(
            out,
            "Median of {RUNS} runs, in turns; between brackets the slowest and the fastest; all other figures \
             are those of the median run. As gzip the export has {} (1 : {:.1}). Both programs wrote the same number of attributes and events.\n",
            size(compressed_bytes),
            file_bytes as f64 / compressed_bytes as f64,
        )?;
        writeln!(out, "| Program | Input | MB/s | Seconds | CPU seconds | Peak memory | Written |")?;
        writeln!(out, "|---|---|---:|---:|---:|---:|---:|")?;
        for (input, run) in [("plain", &apsides_plain), ("gzip", &apsides_gzip)] {
            let Summary { peak_memory_bytes, tables, .. } = &run.median.output;
            let written = tables.iter().map(|table| table.bytes).sum();
            row(&mut out, "apsides, all tables", input, file_bytes, run, *peak_memory_bytes, written)?;
        }
        for (input, run) in [("plain", &peer_plain), ("gzip", &peer_gzip)] {
            let PeerSummary { peak_memory_bytes, written } = &run.median.output;
            row(&mut out, "program of a day, 2 tables", input, file_bytes, run, *peak_memory_bytes, written.bytes)?;
        }
        writeln!(
            out,
            "\nRatio of the medians: **{:.1} ×** plain, **{:.1} ×** gzip in wall time; {:.1} × and {:.1} × in \
             processor time. The program of a day (struson + arrow + parquet, zstd(1)) has one thread and leaves out \
             much of the work; `benches/src/peer.rs` says what.\n",
            peer_plain.median.seconds / apsides_plain.median.seconds,
            peer_gzip.median.seconds / apsides_gzip.median.seconds,
            peer_plain.median.cpu_seconds / apsides_plain.median.cpu_seconds,
            peer_gzip.median.cpu_seconds / apsides_gzip.median.cpu_seconds,
        )?;
        writeln!(out, "## Large exports, through a pipe\n")?;
        writeln!(
            out,
            "`apsides simulate --write - | apsides convert -`, one run each. The generator runs at the same time on \
             the same processors (alone, to a file, it writes {:.0} MB/s), so the speed is a lower bound. These runs are \
             there for the memory.\n",
            file_bytes as f64 / 1e6 / generated.seconds,
        )?;
        writeln!(out, "| Export | MB/s | Seconds | CPU seconds | Peak memory |")?;
        writeln!(out, "|---|---:|---:|---:|---:|")?;
        for (name, run) in [("many profiles", &half), ("many profiles", &large), ("a single profile", &single)] {
            let bytes = run.output.json_bytes;
            writeln!(
                out,
                "| {name}, {} | {:.0} | {:.2} | {:.2} | {} |",
                size(bytes),
                bytes as f64 / 1e6 / run.seconds,
                run.seconds,
                run.cpu_seconds,
                memory(run.output.peak_memory_bytes),
            )?;
        }
        writeln!(out, "\n## Files\n")?;
        writeln!(out, "Tables without rows are left out.\n")?;
        writeln!(out, "| Export | Table | Rows | Files | Row groups | Size | Per row group |")?;
        writeln!(out, "|---|---|---:|---:|---:|---:|---:|")?;
        let exports = [
            ("many profiles", &apsides_plain.median.output),
            ("many profiles", &large.output),
            ("a single profile", &single.output),
        ];
        for (name, summary) in exports {
            files(&mut out, name, summary)?;
        }
        Ok(out)
    }

    /// Both programs have to find the same rows.
    fn check(&self, plain: &Path, compressed: &Path) -> Result<()> {
        let expected = self.peer(plain)?.output.written;
        let found = [
            ("apsides, plain", self.apsides(plain)?.output.rows()),
            ("apsides, gzip", self.apsides(compressed)?.output.rows()),
            ("program of a day, gzip", {
                let Converted { attributes, events, .. } = self.peer(compressed)?.output.written;
                (attributes, events)
            }),
        ];
        for (name, rows) in found {
            if rows != (expected.attributes, expected.events) {
                return Err(format!("{name}: {rows:?} attributes and events instead of {expected:?}").into());
            }
        }
        Ok(())
    }

    fn apsides(&self, export: &Path) -> Result<Run<Summary>> {
        let out = self.empty_folder()?;
        let mut convert = Command::new(&self.apsides);
        convert.arg("convert").arg(export).arg("--out").arg(out).args(["--json", "--quiet"]);
        measure(&mut convert, json)
    }

    fn peer(&self, export: &Path) -> Result<Run<PeerSummary>> {
        let out = self.empty_folder()?;
        measure(Command::new(&self.peer).arg(export).arg(out), json)
    }

    fn piped(&self, bytes: u64, options: &[&str]) -> Result<Run<Summary>> {
        let out = self.empty_folder()?;
        let mut simulate = self.simulate(bytes).args(options).args(["--write", "-"]).stdout(Stdio::piped()).spawn()?;
        let pipe = simulate.stdout.take().ok_or("the generator has no output")?;
        let mut convert = Command::new(&self.apsides);
        convert.args(["convert", "-", "--json", "--quiet", "--out"]).arg(out).stdin(pipe);
        // The generator is waited for only afterwards, so that its processor time does not count.
        let run = measure(&mut convert, json);
        // The command holds the pipe's end, and a generator that nobody reads any more has to notice.
        drop(convert);
        if !simulate.wait()?.success() {
            return Err("the generator failed".into());
        }
        run
    }

    fn simulate(&self, bytes: u64) -> Command {
        let mut simulate = Command::new(&self.apsides);
        let bytes = (bytes / self.divisor).to_string();
        simulate.args(["simulate", "--seed", SEED, "--bytes", &bytes]).stderr(Stdio::null());
        simulate
    }

    /// A folder that does not exist: what was there is removed.
    fn empty_folder(&self) -> Result<PathBuf> {
        let out = self.folder.path().join("out");
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        Ok(out)
    }
}

impl Summary {
    /// Of the tables that both programs write.
    fn rows(&self) -> (u64, u64) {
        let rows = |name| self.tables.iter().find(|table| table.name == name).map_or(0, |table| table.rows);
        (rows("attributes"), rows("events"))
    }
}

/// Runs a program to its end and reads its standard output.
fn measure<T>(command: &mut Command, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<Run<T>> {
    let cpu_before = children_cpu_seconds()?;
    let started = Instant::now();
    let output = command.stdout(Stdio::piped()).spawn()?.wait_with_output()?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = children_cpu_seconds()? - cpu_before;
    if !output.status.success() {
        return Err(format!("a program failed: {}", output.status).into());
    }
    Ok(Run { seconds, cpu_seconds, output: read(&output.stdout)? })
}

fn json<T: for<'de> Deserialize<'de>>(output: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(output)?)
}

/// Processor time of the processes that this one has started and waited for.
fn children_cpu_seconds() -> Result<f64> {
    // Linux counts in hundredths of a second here, whatever its clock.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name between brackets; cutime and cstime are the 16th and 17th.
    let (_, fields) = stat.rsplit_once(") ").ok_or("unknown form of /proc/self/stat")?;
    let ticks: Vec<f64> = fields.split(' ').skip(13).take(2).map(str::parse).collect::<std::result::Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// Several runs of the same.
struct Runs<T> {
    /// The one of median time.
    median: Run<T>,
    fastest: f64,
    slowest: f64,
}

fn median<T>(mut runs: Vec<Run<T>>) -> Runs<T> {
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let (fastest, slowest) = (runs[0].seconds, runs[runs.len() - 1].seconds);
    Runs { median: runs.swap_remove(runs.len() / 2), fastest, slowest }
}

fn row<T>(
    out: &mut String,
    program: &str,
    input: &str,
    bytes: u64,
    runs: &Runs<T>,
    peak: Option<u64>,
    written: u64,
) -> Result<()> {
    let speed = |seconds: f64| bytes as f64 / 1e6 / seconds;
    let Run { seconds, cpu_seconds, .. } = runs.median;
    writeln!(
        out,
        "| {program} | {input} | {:.0} ({:.0}–{:.0}) | {seconds:.2} | {cpu_seconds:.2} | {} | {} |",
        speed(seconds),
        speed(runs.slowest),
        speed(runs.fastest),
        memory(peak),
        size(written),
    )?;
    Ok(())
}

fn files(out: &mut String, export: &str, summary: &Summary) -> Result<()> {
    for table in summary.tables.iter().filter(|table| table.rows > 0) {
        let row_groups: u64 = table.files.iter().map(|file| file.row_groups).sum();
        writeln!(
            out,
            "| {export}, {} | {} | {} | {} | {row_groups} | {} | {} |",
            size(summary.json_bytes),
            table.name,
            table.rows,
            table.files.len(),
            size(table.bytes),
            size(table.bytes / row_groups.max(1)),
        )?;
    }
    Ok(())
}

fn size(bytes: u64) -> String {
    match bytes {
        0..MIB => format!("{:.0} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / MIB as f64),
    }
}

fn memory(peak: Option<u64>) -> String {
    peak.map_or("unknown".to_owned(), size)
}

fn say(what: &str) {
    eprintln!("report: {what}");
}
