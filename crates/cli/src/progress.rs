//! What a person sees while a command works: a line on the terminal, nothing elsewhere.

use crate::{args::Output, measure};
use apsides_batcher::Progress as Conversion;
use apsides_fetcher::Progress as Transfer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{IsTerminal, stderr},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// How often the line is drawn.
const TICK: Duration = Duration::from_millis(100);

/// Whether standard error takes colours.
pub(crate) fn colours() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Narrower tables cannot be read, and wider ones neither.
const WIDTH: std::ops::RangeInclusive<u16> = 60..=120;

/// The width where nobody tells one.
const WIDTH_DEFAULT: u16 = 80;

/// The columns that tables on standard output have.
pub(crate) fn width() -> u16 {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = columns.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0));
    width.unwrap_or(WIDTH_DEFAULT).clamp(*WIDTH.start(), *WIDTH.end())
}

fn line(output: &Output) -> ProgressBar {
    let target = if output.quiet || !stderr().is_terminal() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    ProgressBar::with_draw_target(None, target)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸ ")
}

/// A line for something that takes its time; gone when dropped.
pub(crate) struct Waiting(ProgressBar);

impl Waiting {
    pub(crate) fn new(output: &Output, message: impl Into<String>) -> Self {
        let line = line(output);
        line.set_style(style("{spinner:.cyan} {wide_msg}"));
        line.set_message(message.into());
        line.enable_steady_tick(TICK);
        Self(line)
    }

    pub(crate) fn say(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The line of a running conversion; gone when dropped.
pub(crate) struct Converting {
    line: ProgressBar,
    ticker: JoinHandle<()>,
}

impl Converting {
    pub(crate) fn new(output: &Output, transfer: Arc<Transfer>, conversion: Arc<Conversion>) -> Self {
        let line = line(output);
        match transfer.total_in() {
            Some(total) => {
                line.set_length(total);
                line.set_style(style("{spinner:.cyan} {bar:14.cyan} {percent:>3}%  {wide_msg}"));
            }
            None => line.set_style(style("{spinner:.cyan} {wide_msg}")),
        }
        let started = Instant::now();
        let drawn = line.clone();
        let ticker = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                drawn.set_position(transfer.bytes_in());
                drawn.set_message(message(&transfer, &conversion, started.elapsed()));
                drawn.tick();
            }
        });
        Self { line, ticker }
    }
}

impl Drop for Converting {
    fn drop(&mut self) {
        self.ticker.abort();
        self.line.finish_and_clear();
    }
}

fn message(transfer: &Transfer, conversion: &Conversion, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = conversion.bytes() as f64 / seconds.max(0.001);
    let mut message = format!("{}  {}/s", measure::size(conversion.bytes()), measure::size(rate as u64));
    // Of the input as it comes, compressed or not, the rest takes as long as the part so far did.
    let done = transfer.bytes_in() as f64;
    if let Some(total) = transfer.total_in()
        && seconds > 1.0
        && done > 0.0
    {
        let left = seconds * (total as f64 - done).max(0.0) / done;
        message.push_str(&format!("  {} left", duration(left.ceil() as u64)));
    }
    // Last, since a narrow terminal cuts the end off.
    message.push_str(&format!("  {} profiles", measure::count(conversion.profiles())));
    message
}

/// Seconds for people.
pub(crate) fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}
