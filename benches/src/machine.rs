//! What a record says of the machine and of the programs.

use crate::Result;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// Processor time of the whole machine, in ticks.
pub struct Processors {
    all: f64,
    /// What the hypervisor gave to others.
    stolen: f64,
}

impl Processors {
    /// Since the machine was started.
    pub fn read() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        // user nice system idle iowait irq softirq steal; what follows is counted in these already.
        let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8);
        let ticks: Vec<f64> = fields.map(str::parse).collect::<std::result::Result<_, _>>()?;
        Ok(Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or_default() })
    }

    /// The share that the hypervisor withheld since then, in percent.
    pub fn withheld_since(&self, before: &Self) -> f64 {
        (self.stolen - before.stolen) / (self.all - before.all).max(1.0) * 100.0
    }
}

/// The machine, by its kind only.
pub fn machine() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field(&processors, "model name").unwrap_or("a processor without a name".to_owned());
    // Clouds hide the name; family and model still tell the microarchitecture.
    let part = |name| field(&processors, name).unwrap_or("?".to_owned());
    let threads = std::thread::available_parallelism()?;
    let memory = field(&fs::read_to_string("/proc/meminfo")?, "MemTotal").unwrap_or_default();
    let kib: u64 = memory.trim_end_matches("kB").trim().parse()?;
    Ok(format!(
        "{model} (family {}, model {}), {threads} processors, {:.0} GiB.",
        part("cpu family"),
        part("model\t"),
        kib as f64 / 1024.0 / 1024.0
    ))
}

/// The revision of the work tree, as far as the programs depend on it, the compiler, and these libraries.
pub fn versions(libraries: &[&str]) -> Result<String> {
    let rustc = first_line(Command::new("rustc").arg("--version"))?;
    // Without a repository the revision is just not told.
    let git = |arguments: &[&str]| {
        first_line(Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"))).unwrap_or_default()
    };
    let mut apsides = format!("apsides {} {}", env!("CARGO_PKG_VERSION"), git(&["rev-parse", "--short", "HEAD"]));
    if !git(&["status", "--porcelain", "--", "../crates", "../Cargo.lock", "../Cargo.toml"]).is_empty() {
        apsides.push_str(" with changes");
    }
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"))?;
    let version = |name: &&str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        Some(format!("{name} {}", rest.split('"').next()?))
    };
    let libraries: Vec<String> = libraries.iter().filter_map(version).collect();
    Ok(format!("{}, {rustc}; {}.", apsides.trim(), libraries.join(", ")))
}

/// Keeps a report in `record/`, by its date and what it is of.
pub fn keep(report: &str, of: &str) -> Result<()> {
    let record = Path::new(env!("CARGO_MANIFEST_DIR")).join("record");
    let name = format!("{}{of}.md", today()?);
    fs::create_dir_all(&record)?;
    fs::write(record.join(&name), report)?;
    eprintln!("written to benches/record/{name}");
    Ok(())
}

/// The date in Greenwich.
pub fn today() -> Result<String> {
    first_line(Command::new("date").args(["-u", "+%F"]))
}

/// What a program says in one line; nothing where it says nothing.
pub fn first_line(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::null()).output()?;
    Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().to_owned())
}

/// The first word of a file.
pub fn first_word(path: &str) -> Result<String> {
    Ok(fs::read_to_string(path)?.split_whitespace().next().unwrap_or_default().to_owned())
}
