//! The walk over the document: profiles, their sections, and what these hold.

use super::{
    escape::{Escaper, Meter},
    events::{DAY_MS, Draft, Schedule, Span},
    plan::{Plan, SectionPlan},
    rng::Rng,
    spec::{CorpusSpec, Shape, Size, Written},
    values::{Person, push_uuid, write_value},
};
use crate::catalogue::SECTIONS;
use std::io;
use struson::writer::{JsonStreamWriter, JsonWriter, WriterSettings};

/// Of [`Size::Profiles`], for a single profile.
const EVENTS_PER_PROFILE: u64 = 5;

/// Writes an export.
///
/// Memory does not depend on the size. Output goes down in pieces of about 64 KiB; `out` needs no buffer of its own,
/// and is flushed at the end.
///
/// # Errors
///
/// Only those of `out`: the first one ends the generation, which is how a receiver stops it.
pub fn write_export<W: io::Write>(spec: &CorpusSpec, out: W) -> io::Result<Written> {
    let escaper = Escaper::new(out);
    let meter = escaper.meter();
    let settings = WriterSettings { pretty_print: spec.layout.pretty, ..WriterSettings::default() };
    let mut generator = Generator {
        spec,
        plan: Plan::new(&spec.selection, spec.oddities),
        json: JsonStreamWriter::new_custom(escaper, settings),
        written: Written::default(),
        meter,
        text: String::new(),
        drafts: Vec::new(),
    };
    generator.write_document()?;
    let Generator { json, written, meter, .. } = generator;
    json.finish_document()?;
    Ok(Written { bytes: meter.bytes(), ..written })
}

struct Generator<'s, W: io::Write> {
    spec: &'s CorpusSpec,
    plan: Plan,
    json: JsonStreamWriter<Escaper<W>>,
    /// Counts so far; the bytes are the meter's.
    written: Written,
    meter: Meter,
    /// Scratch space for one string.
    text: String,
    /// Scratch space for the events of one day.
    drafts: Vec<Draft>,
}

/// A profile's section, as the draw settled it.
struct Traits {
    /// Names the random numbers of its attributes and tags.
    seed: u64,
    schedule: Schedule,
    has_attributes: bool,
    has_events: bool,
    events_first: bool,
}

impl<W: io::Write> Generator<'_, W> {
    fn write_document(&mut self) -> io::Result<()> {
        let wrapped = self.spec.layout.wrapped;
        self.json.begin_object()?;
        if wrapped {
            self.write_metadata()?;
            self.json.name("profiles")?;
            self.json.begin_object()?;
        }
        if self.plan.has_profiles() {
            match self.spec.shape {
                Shape::Audience => self.write_audience()?,
                Shape::SingleProfile => self.write_single_profile()?,
            }
        }
        if wrapped {
            self.json.end_object()?;
        }
        self.json.end_object()
    }

    fn write_metadata(&mut self) -> io::Result<()> {
        self.json.name("metadata")?;
        self.json.begin_object()?;
        self.json.name("version")?;
        self.json.string_value("1.0")?;
        self.json.name("account")?;
        self.json.string_value("Simulated account \"Öresund\"")?;
        self.json.name("window")?;
        self.json.begin_array()?;
        self.json.number_value(self.spec.window.start_ms)?;
        self.json.number_value(self.spec.window.end_ms)?;
        self.json.end_array()?;
        self.json.end_object()
    }

    fn write_audience(&mut self) -> io::Result<()> {
        loop {
            let enough = match self.spec.size {
                Size::Profiles(profiles) => self.written.profiles >= profiles,
                Size::Bytes(bytes) => self.meter.bytes() >= bytes,
            };
            if enough {
                return Ok(());
            }
            self.write_profile(self.written.profiles)?;
        }
    }

    fn write_profile(&mut self, index: u64) -> io::Result<()> {
        let mut rng = Rng::of([self.spec.seed, index]);
        let person = self.begin_profile(&mut rng)?;
        let huge = rng.one_in(20_000);
        let chosen = if huge { 1 } else { draw_sections(&mut rng) };
        for place in (0..SECTIONS.len()).filter(|place| chosen >> place & 1 == 1) {
            let mut rng = Rng::of([rng.next(), place as u64]);
            let traits = Traits::draw(&mut rng, huge);
            self.write_section(place, &traits, &person)?;
        }
        self.end_profile()
    }

    fn begin_profile(&mut self, rng: &mut Rng) -> io::Result<Person> {
        self.text.clear();
        push_uuid(rng, &mut self.text);
        self.json.name(&self.text)?;
        self.json.begin_object()?;
        self.json.name("sections")?;
        self.json.begin_object()?;
        Ok(Person::draw(rng))
    }

    fn end_profile(&mut self) -> io::Result<()> {
        self.json.end_object()?;
        self.json.end_object()?;
        self.written.profiles += 1;
        Ok(())
    }

    fn write_section(&mut self, place: usize, traits: &Traits, person: &Person) -> io::Result<()> {
        let events = self.plan.has_events() && traits.has_events;
        self.json.name(self.plan.sections[place].id)?;
        self.json.begin_object()?;
        if events && traits.events_first {
            self.write_events(&traits.schedule, person)?;
        }
        if traits.has_attributes {
            self.write_entries(place, traits.seed, person)?;
        }
        if events && !traits.events_first {
            self.write_events(&traits.schedule, person)?;
        }
        self.json.end_object()
    }

    /// Writes the attributes and tags of the section at this place of the catalogue.
    fn write_entries(&mut self, place: usize, seed: u64, person: &Person) -> io::Result<()> {
        let SectionPlan { entries, .. } = &self.plan.sections[place];
        self.json.name("attributes")?;
        self.json.begin_object()?;
        for entry in entries {
            let mut rng = Rng::of([seed, entry.stream]);
            if !rng.percent(entry.share) {
                continue;
            }
            self.json.name(entry.id)?;
            self.json.begin_object()?;
            self.json.name("value")?;
            match entry.attribute {
                Some(attribute) => {
                    let (json, text) = (&mut self.json, &mut self.text);
                    write_value(json, text, attribute.content, person, &mut rng)?;
                    self.written.attributes += 1;
                }
                None => {
                    self.json.null_value()?;
                    self.written.tags += 1;
                }
            }
            self.json.end_object()?;
        }
        self.json.end_object()
    }

    fn write_events(&mut self, schedule: &Schedule, person: &Person) -> io::Result<()> {
        self.json.name("events")?;
        self.json.begin_array()?;
        for day in self.days() {
            self.drafts.clear();
            schedule.draw_day(day, &mut self.drafts);
            self.write_drafts(person, |_| false)?;
        }
        self.json.end_array()
    }

    /// Writes the day's events that are asked for, until there are enough.
    fn write_drafts(&mut self, person: &Person, enough: impl Fn(&Self) -> bool) -> io::Result<()> {
        for at in 0..self.drafts.len() {
            let draft = self.drafts[at];
            let is_asked_for = self.plan.events[draft.event] && self.spec.window.contains(draft.created_at);
            if !is_asked_for || !draft.is_there(self.spec.arrivals) {
                continue;
            }
            if enough(self) {
                break;
            }
            draft.write(&mut self.json, &mut self.text, person)?;
            self.written.events += 1;
        }
        Ok(())
    }

    fn write_single_profile(&mut self) -> io::Result<()> {
        let mut rng = Rng::of([self.spec.seed, 0]);
        let person = self.begin_profile(&mut rng)?;
        self.json.name(self.plan.sections[0].id)?;
        self.json.begin_object()?;
        self.write_entries(0, rng.next(), &person)?;
        if self.plan.has_events() {
            self.json.name("events")?;
            self.json.begin_array()?;
            self.write_growing_events(&mut rng, &person)?;
            self.json.end_array()?;
        }
        self.json.end_object()?;
        self.end_profile()
    }

    fn write_growing_events(&mut self, rng: &mut Rng, person: &Person) -> io::Result<()> {
        let size = self.spec.size;
        let enough = move |this: &Self| match size {
            Size::Profiles(profiles) => this.written.events >= profiles.saturating_mul(EVENTS_PER_PROFILE),
            Size::Bytes(bytes) => this.meter.bytes() >= bytes,
        };
        while !enough(self) && !self.days().is_empty() {
            for day in self.days() {
                let window = self.spec.window;
                let start_ms = window.start_ms.max(day * DAY_MS);
                let end_ms = window.end_ms.min((day + 1) * DAY_MS);
                let span = Span { start_ms, len_ms: (end_ms - start_ms) as u32 };
                self.drafts.clear();
                for _ in 0..100 {
                    span.draw(rng, &mut self.drafts);
                }
                self.write_drafts(person, enough)?;
            }
        }
        Ok(())
    }

    /// The days, counted from the Unix epoch, that the window touches.
    fn days(&self) -> std::ops::Range<i64> {
        let window = self.spec.window;
        let first = window.start_ms.div_euclid(DAY_MS);
        if window.start_ms >= window.end_ms {
            // An empty window lies within a day and touches none.
            return first..first;
        }
        first..(window.end_ms - 1).div_euclid(DAY_MS) + 1
    }
}

impl Traits {
    fn draw(rng: &mut Rng, huge: bool) -> Traits {
        let daily_thousandths = match rng.below(100) {
            _ if huge => rng.between(60_000, 300_000),
            0..40 => 0,
            _ => rng.between(20, 240),
        };
        Traits {
            seed: rng.next(),
            schedule: Schedule { seed: rng.next(), daily_thousandths },
            has_attributes: !rng.one_in(200),
            has_events: huge || !rng.one_in(10),
            events_first: rng.one_in(50),
        }
    }
}

/// Which sections a profile is in: a set of places in the catalogue, one to four of them, rarely none.
fn draw_sections(rng: &mut Rng) -> u32 {
    let count = match rng.below(200) {
        0 => 0,
        1..80 => 1,
        80..140 => 2,
        140..180 => 3,
        _ => 4,
    };
    let mut chosen = 0_u32;
    while chosen.count_ones() < count {
        chosen |= 1 << rng.below(SECTIONS.len() as u32);
    }
    chosen
}
