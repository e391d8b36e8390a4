//! The lines at the bottom of a terminal: drawn in place, gone when their work is done.

use super::figures::{Figures, Phases};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    io::{self, Write},
    sync::LazyLock,
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// How often lines are drawn.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// All lines, so that what is logged meanwhile comes above them.
static SCREEN: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Adds a line below those that are there.
fn line(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸ ");
    SCREEN.add(ProgressBar::no_length()).with_style(style)
}

/// A line for something that takes its time.
pub(super) struct Spinner(ProgressBar);

impl Spinner {
    pub(super) fn new(message: String) -> Self {
        let line = line("{spinner:.cyan} {wide_msg}").with_message(message);
        line.enable_steady_tick(TICK);
        Self(line)
    }

    pub(super) fn say(&self, message: String) {
        self.0.set_message(message);
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line for each phase of a conversion.
pub(super) struct Bars {
    input: ProgressBar,
    json: ProgressBar,
    tables: Option<ProgressBar>,
}

impl Bars {
    pub(super) fn new(phases: &Phases, has_total: bool) -> Self {
        let bar = if has_total { "{bar:12.cyan} {percent:>3}%  " } else { "" };
        Self {
            input: line(&format!("{{spinner:.cyan}} {{prefix:<11}}  {bar}{{wide_msg}}")).with_prefix(phases.reading),
            json: line("  {prefix:<11}  {wide_msg}").with_prefix("parsing"),
            tables: phases.writing.map(|name| line("  {prefix:<11}  {wide_msg}").with_prefix(name)),
        }
    }

    pub(super) fn draw(&self, figures: &Figures) {
        if let Some(total) = figures.total_in {
            self.input.set_length(total);
            self.input.set_position(figures.bytes_in.min(total));
        }
        self.input.set_message(figures.of_input());
        let memory = figures.of_memory().map(|memory| format!("  {memory}")).unwrap_or_default();
        match &self.tables {
            Some(tables) => {
                self.json.set_message(figures.of_json());
                tables.set_message(figures.of_tables() + &memory);
            }
            None => self.json.set_message(figures.of_json() + &memory),
        }
        self.input.tick();
    }

    /// Nothing is drawn any more.
    pub(super) fn clear(&self) {
        self.input.finish_and_clear();
        self.json.finish_and_clear();
        if let Some(tables) = &self.tables {
            tables.finish_and_clear();
        }
    }
}

/// Standard error for logs, which does not write over the lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AboveLines;

impl<'a> MakeWriter<'a> for AboveLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for AboveLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SCREEN.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
