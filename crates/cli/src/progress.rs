//! What a person sees while a command works: lines on a terminal; elsewhere a log line now and then.

mod figures;
mod screen;

pub(crate) use figures::{Phases, duration};
pub(crate) use screen::AboveLines;

use crate::args::{LogFormat, Output};
use apsides_batcher::Progress as Conversion;
use apsides_fetcher::Progress as Transfer;
use figures::Figures;
use screen::{Bars, Spinner, TICK};
use std::{
    io::{IsTerminal, stderr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{task::JoinHandle, time::interval};
use tracing::Instrument;

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

/// How progress is shown.
enum Means {
    Not,
    Lines,
    /// So often.
    Log(Duration),
}

impl Means {
    fn of(output: &Output) -> Self {
        match output.progress_interval {
            _ if output.quiet => Self::Not,
            _ if stderr().is_terminal() => Self::Lines,
            0 => Self::Not,
            seconds => Self::Log(Duration::from_secs(seconds.into())),
        }
    }
}

/// Something that is done from time to time, until it is dropped.
struct Ticker(JoinHandle<()>);

impl Ticker {
    fn new(every: Duration, mut tick: impl FnMut() + Send + 'static) -> Self {
        let ticks = async move {
            let mut ticks = interval(every);
            // The first is at once.
            ticks.tick().await;
            loop {
                ticks.tick().await;
                tick();
            }
        };
        Self(tokio::spawn(ticks.in_current_span()))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Something that takes its time; no more shown when dropped.
pub(crate) struct Waiting(Shown);

enum Shown {
    Not,
    Line(Spinner),
    Log { message: Arc<Mutex<String>>, _ticker: Ticker },
}

impl Waiting {
    pub(crate) fn new(output: &Output, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(match Means::of(output) {
            Means::Not => Shown::Not,
            Means::Lines => Shown::Line(Spinner::new(message)),
            Means::Log(every) => {
                let message = Arc::new(Mutex::new(message));
                let said = Arc::clone(&message);
                let tick = move || tracing::info!("{}", said.lock().unwrap_or_else(PoisonError::into_inner));
                Shown::Log { message, _ticker: Ticker::new(every, tick) }
            }
        })
    }

    pub(crate) fn say(&self, message: impl Into<String>) {
        match &self.0 {
            Shown::Not => {}
            Shown::Line(line) => line.say(message.into()),
            Shown::Log { message: said, .. } => {
                *said.lock().unwrap_or_else(PoisonError::into_inner) = message.into();
            }
        }
    }
}

/// A running conversion; no more shown when dropped.
pub(crate) struct Converting {
    bars: Option<Arc<Bars>>,
    _ticker: Option<Ticker>,
}

impl Converting {
    pub(crate) fn new(output: &Output, phases: Phases, transfer: Arc<Transfer>, conversion: Arc<Conversion>) -> Self {
        let began = Instant::now();
        let has_total = transfer.total_in().is_some();
        let now = move || Figures::now(&transfer, &conversion, began.elapsed());
        match Means::of(output) {
            Means::Not => Self { bars: None, _ticker: None },
            Means::Lines => {
                let bars = Arc::new(Bars::new(&phases, has_total));
                let drawn = Arc::clone(&bars);
                Self { bars: Some(bars), _ticker: Some(Ticker::new(TICK, move || drawn.draw(&now()))) }
            }
            Means::Log(every) => {
                let format = output.log_format;
                Self { bars: None, _ticker: Some(Ticker::new(every, move || log(&now(), &phases, format))) }
            }
        }
    }
}

impl Drop for Converting {
    fn drop(&mut self) {
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }
}

/// A line for people, or fields for machines.
fn log(figures: &Figures, phases: &Phases, format: LogFormat) {
    let line = figures.line(phases);
    match format {
        LogFormat::Text => tracing::info!("{line}"),
        LogFormat::Json => tracing::info!(
            elapsed_seconds = figures.elapsed.as_secs(),
            bytes_in = figures.bytes_in,
            total_in = figures.total_in,
            json_bytes = figures.json_bytes,
            profiles = figures.profiles,
            rows = figures.rows,
            written_bytes = figures.written,
            memory_bytes = figures.memory,
            seconds_left = figures.seconds_left(),
            "{line}"
        ),
    }
}
