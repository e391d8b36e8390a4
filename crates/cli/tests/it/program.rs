//! Running the program and looking at how it ended.

use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// No run of these tests takes this long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(100);

/// How a run ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; None if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory it was seen to have, in bytes. Sampled: the very last growth may be missing.
    pub(crate) peak: u64,
    pub(crate) took: Duration,
}

impl Ended {
    /// Asserts success.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Asserts failure with this exit status, told in our own words.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        // Log lines may come first; in a log for machines it is a line like any other.
        let is_told = |line: &str| line.starts_with("error: ") || line.contains(r#""level":"ERROR""#);
        assert!(self.stderr.lines().any(is_told), "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// The summary of a run with `--json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The rows of each table, as the summary has them.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<(String, u64)> {
        let json = self.json();
        let tables = json["tables"].as_array().unwrap().iter();
        tables.map(|table| (table["name"].as_str().unwrap().to_owned(), table["rows"].as_u64().unwrap())).collect()
    }
}

/// The program with arguments separated by spaces, in an environment without what would change its output.
pub(crate) fn apsides(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apsides"));
    command.args(arguments.split_whitespace());
    quiet(&mut command);
    command
}

/// `apsides convert INPUT --out FOLDER`.
pub(crate) fn convert(input: &Path, folder: &Path) -> Command {
    let mut command = apsides("convert");
    command.arg(input).arg("--out").arg(folder);
    command
}

/// The same, of bytes on standard input.
pub(crate) fn convert_bytes(input: &[u8], folder: &Path) -> Ended {
    end_with(&mut convert("-".as_ref(), folder), input)
}

/// The same, to Delta tables.
pub(crate) fn delta(input: &[u8], folder: &Path) -> Ended {
    end_with(convert("-".as_ref(), folder).args(["--commit", "delta"]), input)
}

/// The program below `strace`, which tampers with its system calls; None where there is no strace.
pub(crate) fn tampered(injection: &str, program: &Command) -> Option<Command> {
    let can_trace = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !can_trace.is_ok_and(|output| output.status.success()) {
        return None;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", injection]).arg(program.get_program()).args(program.get_args());
    quiet(&mut command);
    Some(command)
}

fn quiet(command: &mut Command) {
    for name in ["APSIDES_LOG", "NO_COLOR", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
}

/// Runs it to its end.
pub(crate) fn end(command: &mut Command) -> Ended {
    watch(start(command))
}

/// Runs it to its end, with these bytes on its standard input.
pub(crate) fn end_with(command: &mut Command, input: &[u8]) -> Ended {
    feed(command, |pipe| drop(pipe.write_all(input)))
}

/// Runs it to its end, while `writer` writes to its standard input from a thread of its own.
pub(crate) fn feed(command: &mut Command, writer: impl FnOnce(&mut dyn Write) + Send) -> Ended {
    let mut child = start(command.stdin(Stdio::piped()));
    let mut pipe = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || writer(&mut pipe));
        watch(child)
    })
}

/// Starts it, with its output for [`watch`].
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for its end.
pub(crate) fn watch(mut child: Child) -> Ended {
    let started = Instant::now();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    thread::scope(|scope| {
        let stdout = scope.spawn(move || text(&mut out));
        let stderr = scope.spawn(move || text(&mut err));
        let (mut peak, mut status) = (0, None);
        while status.is_none() {
            peak = peak.max(peak_memory(child.id()).unwrap_or(0));
            thread::sleep(Duration::from_millis(2));
            status = child.try_wait().unwrap();
            if status.is_none() && started.elapsed() > PATIENCE {
                child.kill().unwrap();
            }
        }
        Ended {
            code: status.and_then(|status| status.code()),
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
            peak,
            took: started.elapsed(),
        }
    })
}

/// Sends a signal by its name.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn text(pipe: &mut impl Read) -> String {
    let mut text = Vec::new();
    pipe.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// The most memory a running process has had, in bytes.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}
