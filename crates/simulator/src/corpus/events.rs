//! Events: when they happen, and what they say.
//!
//! A section's events are drawn day by day, each day from random numbers of its own, and everything about a day's
//! events is settled before any is left out. So a window or a selection only ever filters: the events of two adjoining
//! windows are those of the whole.

use super::{
    rng::Rng,
    spec::Arrivals,
    values::{Person, number, push, push_url, push_uuid},
    words::{BOUNCES, FIRST_NAMES, MAILING_LISTS, PATHS, PRODUCTS, SUBJECTS, USER_AGENTS},
};
use crate::catalogue::{EVENTS, EventKind};
use std::io;
use struson::writer::JsonWriter;

pub(super) const DAY_MS: i64 = 86_400_000;

/// How often events happen in a section of a profile.
pub(super) struct Schedule {
    /// Names the random numbers of the section's events.
    pub(super) seed: u64,
    /// Events per day, in thousandths.
    pub(super) daily_thousandths: u32,
}

impl Schedule {
    /// Appends the events of a day (counted from the Unix epoch), ordered by `createdAt`.
    pub(super) fn draw_day(&self, day: i64, drafts: &mut Vec<Draft>) {
        let mut rng = Rng::of([self.seed, day as u64]);
        let more = u32::from(rng.below(1_000) < self.daily_thousandths % 1_000);
        let span = Span { start_ms: day * DAY_MS, len_ms: DAY_MS as u32 };
        for _ in 0..self.daily_thousandths / 1_000 + more {
            span.draw(&mut rng, drafts);
        }
        drafts.sort_by_key(|draft| draft.created_at);
    }
}

/// A time within a day, for events to happen in.
pub(super) struct Span {
    pub(super) start_ms: i64,
    /// Above zero, at most a day.
    pub(super) len_ms: u32,
}

impl Span {
    /// Appends an event, and what may follow from it: a retry, or another event that shares its correlation id.
    pub(super) fn draw(&self, rng: &mut Rng, drafts: &mut Vec<Draft>) {
        let offset_ms = rng.below(self.len_ms);
        let created_at = self.start_ms + i64::from(offset_ms);
        let draft = Draft {
            created_at,
            source_time: SourceTime::draw(created_at, rng),
            correlation: (!rng.one_in(500)).then(|| rng.next()),
            event: draw_event(rng),
            contents: rng.next(),
        };
        drafts.push(draft);
        if rng.one_in(50) {
            // The source sent it again: all is the same, but it may have been received later (within the span, so that
            // the whole day stays settled).
            let later_ms = rng.below(2) * rng.below(self.len_ms - offset_ms);
            drafts.push(Draft { created_at: created_at + i64::from(later_ms), ..draft });
        }
        if rng.one_in(80) {
            drafts.push(Draft { event: (draft.event + 1) % EVENTS.len(), contents: rng.next(), ..draft });
        }
    }
}

/// An event, before it is written.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    pub(super) created_at: i64,
    source_time: SourceTime,
    /// Names the random numbers of its correlation id, if it has one.
    correlation: Option<u64>,
    /// Its type's place in [`EVENTS`].
    pub(super) event: usize,
    /// Names the random numbers of its `data`.
    contents: u64,
}

impl Draft {
    /// Whether the event has arrived.
    pub(super) fn is_there(&self, arrivals: Option<Arrivals>) -> bool {
        arrivals.is_none_or(|Arrivals { now_ms, late_ms_max }| {
            let mut rng = Rng::of([self.contents, self.created_at as u64]);
            let late_ms = if rng.one_in(8) { i64::from(rng.below(1_000)) * late_ms_max / 1_000 } else { 0 };
            self.created_at + late_ms < now_ms
        })
    }

    /// Writes the event. `text` is scratch space.
    pub(super) fn write(&self, json: &mut impl JsonWriter, text: &mut String, person: &Person) -> io::Result<()> {
        let event = &EVENTS[self.event];
        json.begin_object()?;
        json.name("correlationId")?;
        match self.correlation {
            Some(correlation) => {
                text.clear();
                push_uuid(&mut Rng::of([correlation]), text);
                json.string_value(text)?;
            }
            None => json.null_value()?,
        }
        self.source_time.write(json)?;
        json.name("typeId")?;
        json.string_value(event.id)?;
        json.name("createdAt")?;
        json.number_value(self.created_at)?;
        let mut data = Data { json, text, rng: Rng::of([self.contents]) };
        match data.rng.below(300) {
            0 => data.name("data")?.null_value()?,
            1 => {}
            _ => {
                data.name("data")?.begin_object()?;
                data.write(event.kind, person)?;
                data.json.end_object()?;
            }
        }
        json.end_object()
    }
}

#[derive(Clone, Copy)]
enum SourceTime {
    At(i64),
    Zero,
    Null,
    Missing,
}

impl SourceTime {
    fn draw(created_at: i64, rng: &mut Rng) -> SourceTime {
        match rng.below(300) {
            0 => SourceTime::Null,
            1 => SourceTime::Missing,
            2..12 => SourceTime::Zero,
            // Most arrive within seconds.
            12..250 => SourceTime::At(created_at - i64::from(rng.below(5_000))),
            _ => SourceTime::At(created_at - i64::from(rng.below(3_600_000))),
        }
    }

    fn write(self, json: &mut impl JsonWriter) -> io::Result<()> {
        if !matches!(self, SourceTime::Missing) {
            json.name("sourceEventTime")?;
        }
        match self {
            SourceTime::At(time) => json.number_value(time),
            SourceTime::Zero => json.number_value(0_u8),
            SourceTime::Null => json.null_value(),
            SourceTime::Missing => Ok(()),
        }
    }
}

/// Chooses a type by the catalogue's weights.
fn draw_event(rng: &mut Rng) -> usize {
    let total = EVENTS.iter().map(|event| event.weight).sum();
    let mut left = rng.below(total);
    EVENTS
        .iter()
        .position(|event| match left.checked_sub(event.weight) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        })
        .expect("what is left is below the sum of all weights")
}

/// Writes the members of an event's `data`.
struct Data<'d, J> {
    json: &'d mut J,
    text: &'d mut String,
    rng: Rng,
}

impl<J: JsonWriter> Data<'_, J> {
    fn write(&mut self, kind: EventKind, person: &Person) -> io::Result<()> {
        match kind {
            EventKind::EmailSent => {
                self.mailing()?;
                self.word("subject", SUBJECTS)
            }
            EventKind::EmailOpened => {
                self.mailing()?;
                self.word("userAgent", USER_AGENTS)
            }
            EventKind::EmailClicked => {
                self.mailing()?;
                self.integer("linkId", 40)?;
                self.url("url")
            }
            EventKind::EmailBounced => {
                self.mailing()?;
                self.word("bounceType", &["hard", "soft"])?;
                self.word("reason", BOUNCES)
            }
            EventKind::PageView => self.page_view(),
            EventKind::OrderPlaced => self.order(),
            EventKind::FormSubmitted => self.form(person),
            EventKind::Custom => self.custom(),
        }
    }

    fn mailing(&mut self) -> io::Result<()> {
        self.integer("activityId", 90_000)?;
        self.integer("messageId", 4_000_000)?;
        self.word("mailingList", MAILING_LISTS)
    }

    fn page_view(&mut self) -> io::Result<()> {
        self.url("url")?;
        self.word("title", PRODUCTS)?;
        match self.rng.below(3) {
            0 => self.name("referrer")?.null_value()?,
            1 => self.url("referrer")?,
            _ => {}
        }
        self.integer("durationMs", 400_000)?;
        if self.rng.one_in(4) {
            self.name("utm")?.begin_object()?;
            self.word("utm_source", &["newsletter", "google", "instagram"])?;
            self.word("utm_campaign", SUBJECTS)?;
            self.json.end_object()?;
        }
        Ok(())
    }

    fn order(&mut self) -> io::Result<()> {
        self.text.clear();
        push(self.text, format_args!("SO-{:07}", self.rng.below(10_000_000)));
        self.json.name("orderId")?;
        self.json.string_value(self.text)?;
        self.word("currency", &["SEK", "EUR", "NOK", "DKK", "JPY"])?;
        self.amount("total", 9_000)?;
        self.name("items")?.begin_array()?;
        for _ in 0..self.rng.between(1, 6) {
            self.json.begin_object()?;
            self.integer("sku", 900_000)?;
            self.word("name", PRODUCTS)?;
            self.integer("quantity", 5)?;
            self.amount("price", 2_000)?;
            if self.rng.one_in(10) {
                self.name("options")?.begin_array()?;
                self.json.string_value("gift \"wrap\"")?;
                self.json.begin_array()?;
                self.json.end_array()?;
                self.json.end_array()?;
            }
            self.json.end_object()?;
        }
        self.json.end_array()?;
        self.name("shipping")?.begin_object()?;
        self.word("method", &["post", "courier", "pick-up/store"])?;
        self.amount("cost", 100)?;
        self.json.end_object()
    }

    fn form(&mut self, person: &Person) -> io::Result<()> {
        self.integer("formId", 300)?;
        self.name("fields")?.begin_object()?;
        self.text.clear();
        person.push_email(&mut self.rng, self.text);
        self.json.name("E-mail address")?;
        self.json.string_value(self.text)?;
        self.word("Förnamn", FIRST_NAMES)?;
        let accepted = self.rng.percent(80);
        self.name("accepts \"terms\"")?.bool_value(accepted)?;
        self.json.end_object()
    }

    fn custom(&mut self) -> io::Result<()> {
        self.word("action", &["added", "removed", "shared"])?;
        self.word("önskan", PRODUCTS)?;
        self.name("matrix")?.begin_array()?;
        for _ in 0..self.rng.below(3) {
            self.json.begin_array()?;
            self.json.number_value(self.rng.below(100))?;
            self.json.number_value(self.rng.next() as i64)?;
            self.json.end_array()?;
        }
        self.json.end_array()?;
        self.word("path", PATHS)
    }

    fn name(&mut self, name: &str) -> io::Result<&mut J> {
        self.json.name(name)?;
        Ok(self.json)
    }

    fn word(&mut self, name: &str, words: &[&str]) -> io::Result<()> {
        let word = self.rng.pick(words);
        self.name(name)?.string_value(word)
    }

    fn integer(&mut self, name: &str, bound: u32) -> io::Result<()> {
        let value = self.rng.below(bound);
        self.name(name)?.number_value(value)
    }

    fn amount(&mut self, name: &str, bound: u32) -> io::Result<()> {
        self.text.clear();
        let (whole, cents) = (self.rng.below(bound), self.rng.below(100));
        push(self.text, format_args!("{whole}.{cents:02}"));
        self.json.name(name)?;
        number(self.json, self.text)
    }

    fn url(&mut self, name: &str) -> io::Result<()> {
        self.text.clear();
        push_url(&mut self.rng, self.text);
        self.json.name(name)?;
        self.json.string_value(self.text)
    }
}
