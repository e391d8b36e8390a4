//! The export's grammar: tokens in, rows out. This is the only file that knows the export's shape.
//!
//! ```text
//! export    := { <export key>: profile, … }  |  { "profiles": { <export key>: profile, … }, … }
//! profile   := { "sections": { <section id>: section, … }, … }
//! section   := { "attributes": { <id>: { "value": any }, … }, "events": [ event, … ] }
//! event     := { "correlationId", "sourceEventTime", "typeId", "createdAt", "data" }
//! ```
//!
//! Members come in any order; any of them may be missing, null, of another kind, or there twice.
//! What the grammar does not name goes to the table `unmapped`, byte for byte.

mod cells;

use crate::{
    duplicates::Seen,
    error::{Error, Result},
    event::{Event, Member},
    facts::{Facts, ProfileCounts, Reason, Unplaced, Value},
    progress::Progress,
    scope::{Level, Scope},
};
use apsides_tokenizer::{self as json, Next, Number, Text, Token, Tokens};
use cells::EventCells;
use std::{collections::HashSet, io::Read};

/// What a reading of an export found, besides its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Findings {
    /// Lone surrogate escapes in texts, which became U+FFFD.
    pub replaced_surrogates: u64,
    /// Members of events that came twice, so that the earlier value gave way to the later.
    pub superseded_members: u64,
    /// Events that the source sent again.
    pub duplicate_events: u64,
    /// Attributes, tags and members of data that the typed tables have no column for.
    #[serde(default)]
    pub without_column: u64,
}

impl Findings {
    /// Adds what another part has.
    pub(crate) fn add(&mut self, other: Self) {
        self.replaced_surrogates += other.replaced_surrogates;
        self.superseded_members += other.superseded_members;
        self.duplicate_events += other.duplicate_events;
        self.without_column += other.without_column;
    }
}

/// A reading of an export.
pub(crate) struct Export<'p, R, F> {
    tokens: Tokens<R>,
    facts: F,
    scope: Scope,
    counts: ProfileCounts,
    event: Event,
    /// The events of this profile.
    seen: Seen,
    /// Ids that are attributes even where their value is null.
    attribute_ids: &'p HashSet<String>,
    progress: &'p Progress,
    findings: Findings,
    /// For texts with escapes, and for ids with them.
    scratch: String,
    id_scratch: String,
    /// The name of the member being read, where it is needed beyond its token.
    member: String,
}

/// The members of the outermost object.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Top {
    /// There is one that is called `profiles`: there are no profiles beside it.
    pub(crate) has_profiles: bool,
    pub(crate) others: u64,
}

/// Why a reading stopped: the tokenizer's errors get their path once, at the end.
enum Stop {
    Json(json::Error),
    Other(Error),
}

impl From<json::Error> for Stop {
    fn from(error: json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

type Step = Result<(), Stop>;

/// Which value an unmapped one is.
#[derive(Clone, Copy)]
enum Whose {
    /// The place's own.
    Place,
    /// That of the place's member with this name.
    Member(&'static str),
    /// That of the place's member whose name has just been read.
    MemberRead,
}

impl<'p, R: Read, F: Facts> Export<'p, R, F> {
    pub(crate) fn new(
        tokens: Tokens<R>,
        facts: F,
        seen: Seen,
        attribute_ids: &'p HashSet<String>,
        progress: &'p Progress,
    ) -> Self {
        Self {
            tokens,
            facts,
            scope: Scope::default(),
            counts: ProfileCounts::default(),
            event: Event::default(),
            seen,
            attribute_ids,
            progress,
            findings: Findings::default(),
            scratch: String::new(),
            id_scratch: String::new(),
            member: String::new(),
        }
    }

    /// Keeps export keys out of errors.
    pub(crate) fn hiding_keys(mut self, hides_keys: bool) -> Self {
        self.scope.hides_keys = hides_keys;
        self
    }

    /// Reads the whole export; gives back who took its facts.
    pub(crate) fn read(self) -> Result<(F, Findings)> {
        self.read_with_top().map(|(facts, findings, _)| (facts, findings))
    }

    /// The same; also tells what members the outermost object has.
    pub(crate) fn read_with_top(mut self) -> Result<(F, Findings, Top)> {
        let read = self.document();
        self.progress.set_bytes(self.tokens.consumed());
        match read {
            Ok(top) => Ok((self.facts, self.findings, top)),
            Err(Stop::Json(error)) => Err(Error::json(error, self.scope.path())),
            Err(Stop::Other(error)) => Err(error),
        }
    }

    /// Reads as far as the export goes, which may be cut off or malformed; gives back who took its
    /// facts.
    pub(crate) fn read_sample(mut self) -> F {
        // Whoever reads the whole export tells what is wrong with it.
        let _ = self.document();
        self.facts
    }

    fn document(&mut self) -> Result<Top, Stop> {
        let found = match self.tokens.peek()? {
            Next::Object => None,
            Next::Array => Some("an array"),
            _ => Some("a single value"),
        };
        if let Some(found) = found {
            return Err(Error::NoObject { found, offset: self.tokens.consumed() }.into());
        }
        self.tokens.pull()?;
        let mut top = Top::default();
        while self.member()? {
            let is_object = self.tokens.peek()? == Next::Object;
            match self.member.as_str() {
                "profiles" => {
                    top.others += u64::from(top.has_profiles);
                    top.has_profiles = true;
                    if is_object {
                        self.wrapped_profiles()?
                    } else {
                        self.unmapped(Whose::MemberRead, Reason::TypeMismatch)?
                    }
                }
                _ => {
                    top.others += 1;
                    self.beside_profiles(is_object && !top.has_profiles)?;
                }
            }
        }
        // Makes sure that nothing follows.
        self.tokens.pull()?;
        Ok(top)
    }

    /// Reads a member of the outermost object: a profile, unless they are all elsewhere.
    fn beside_profiles(&mut self, may_be_profile: bool) -> Step {
        if may_be_profile && self.member != "metadata" {
            self.profile()
        } else {
            self.unmapped(Whose::MemberRead, Reason::UnknownMember)
        }
    }

    fn wrapped_profiles(&mut self) -> Step {
        self.tokens.pull()?;
        self.scope.wrapped = true;
        while self.member()? {
            self.profile()?;
        }
        self.scope.wrapped = false;
        Ok(())
    }

    /// Reads a profile, whose export key has just been read.
    fn profile(&mut self) -> Step {
        std::mem::swap(&mut self.scope.export_key, &mut self.member);
        self.scope.level = Level::Profile;
        self.facts.begin_profile(&self.scope.export_key)?;
        self.counts = ProfileCounts::default();
        self.seen.clear();
        let start;
        if self.tokens.enter_object()? {
            start = self.tokens.offset();
            while self.member()? {
                match self.member.as_str() {
                    "sections" => self.sections()?,
                    _ => self.unmapped(Whose::MemberRead, Reason::UnknownMember)?,
                }
            }
        } else {
            self.unmapped(Whose::Place, Reason::TypeMismatch)?;
            start = self.tokens.offset();
        }
        self.counts.bytes = self.tokens.consumed() - start;
        self.facts.end_profile(&self.scope.export_key, self.counts)?;
        self.scope.level = Level::Top;
        self.progress.add_profile(self.tokens.consumed());
        Ok(())
    }

    fn sections(&mut self) -> Step {
        match self.tokens.peek()? {
            Next::Object => {
                self.tokens.pull()?;
                while let Some(Token::Key(id)) = self.tokens.pull()? {
                    copy(id, &mut self.scope.section_id, &mut self.findings);
                    self.section()?;
                }
            }
            Next::Null => self.tokens.skip()?,
            _ => self.unmapped(Whose::Member("sections"), Reason::TypeMismatch)?,
        }
        Ok(())
    }

    fn section(&mut self) -> Step {
        self.scope.level = Level::Section;
        self.counts.sections += 1;
        self.facts.begin_section(&self.scope.section_id)?;
        if self.tokens.enter_object()? {
            while self.member()? {
                match self.member.as_str() {
                    "attributes" => self.attributes()?,
                    "events" if self.facts.wants_events() => self.events()?,
                    "events" => self.tokens.skip()?,
                    _ => self.unmapped(Whose::MemberRead, Reason::UnknownMember)?,
                }
            }
        } else {
            self.unmapped(Whose::Place, Reason::TypeMismatch)?;
        }
        self.facts.end_section()?;
        self.scope.level = Level::Profile;
        Ok(())
    }

    fn attributes(&mut self) -> Step {
        match self.tokens.peek()? {
            Next::Object => {
                self.tokens.pull()?;
                self.facts.begin_attributes()?;
                self.scope.level = Level::Attributes;
                loop {
                    self.usual_attributes()?;
                    let Some(Token::Key(id)) = self.tokens.pull()? else { break };
                    copy(id, &mut self.scope.attribute_id, &mut self.findings);
                    self.scope.level = Level::Attribute;
                    self.attribute()?;
                    self.scope.level = Level::Attributes;
                }
                self.scope.level = Level::Section;
            }
            Next::Null => self.tokens.skip()?,
            _ => self.unmapped(Whose::Member("attributes"), Reason::TypeMismatch)?,
        }
        Ok(())
    }

    /// Reads entries of `attributes` as long as they are of the usual form: `"id":{"value":scalar}`.
    fn usual_attributes(&mut self) -> Step {
        while let Some((id, value)) = self.tokens.entry("value") {
            let id = decode(id, &mut self.id_scratch, &mut self.findings);
            let value = match value {
                Token::String(text) => string::<F>(text, &mut self.scratch, &mut self.findings),
                Token::Number(number) => number_value::<F>(number),
                Token::Bool(value) => Value::Boolean(value),
                _ if !self.attribute_ids.contains(id) => {
                    self.counts.tags += 1;
                    self.facts.tag(id)?;
                    continue;
                }
                _ => Value::Null,
            };
            self.counts.attributes += 1;
            self.facts.attribute(id, value)?;
        }
        Ok(())
    }

    /// Reads an entry of `attributes`: an attribute or a tag.
    fn attribute(&mut self) -> Step {
        if !self.tokens.enter_object()? {
            return self.unmapped(Whose::Place, Reason::TypeMismatch);
        }
        let mut has_value = false;
        while let Some(Token::Key(name)) = self.tokens.pull()? {
            if name.is("value") {
                has_value = true;
                self.value()?;
            } else {
                copy(name, &mut self.member, &mut self.findings);
                self.unmapped(Whose::MemberRead, Reason::UnknownMember)?;
            }
        }
        if has_value { Ok(()) } else { self.null_value() }
    }

    fn value(&mut self) -> Step {
        let id = &self.scope.attribute_id;
        let value = match self.tokens.scalar()? {
            Some(Token::String(text)) => string::<F>(text, &mut self.scratch, &mut self.findings),
            Some(Token::Number(number)) => number_value::<F>(number),
            Some(Token::Bool(value)) => Value::Boolean(value),
            Some(_) => return self.null_value(),
            None => match self.tokens.peek()? {
                Next::Object => Value::Object(self.tokens.raw()?),
                _ => Value::Array(self.tokens.raw()?),
            },
        };
        self.counts.attributes += 1;
        self.facts.attribute(id, value)?;
        Ok(())
    }

    /// An entry without a value is a tag, unless its id is known as an attribute's.
    fn null_value(&mut self) -> Step {
        let id = &self.scope.attribute_id;
        if self.attribute_ids.contains(id) {
            self.counts.attributes += 1;
            self.facts.attribute(id, Value::Null)?;
        } else {
            self.counts.tags += 1;
            self.facts.tag(id)?;
        }
        Ok(())
    }

    fn events(&mut self) -> Step {
        match self.tokens.peek()? {
            Next::Array => {
                self.tokens.pull()?;
                self.scope.level = Level::Event;
                self.scope.ordinal = 0;
                loop {
                    match self.tokens.peek()? {
                        Next::End => break,
                        Next::Object => self.event()?,
                        _ => self.unmapped(Whose::Place, Reason::TypeMismatch)?,
                    }
                    self.scope.ordinal += 1;
                    self.progress.set_bytes(self.tokens.consumed());
                }
                self.tokens.pull()?;
                self.scope.level = Level::Section;
            }
            Next::Null => self.tokens.skip()?,
            _ => self.unmapped(Whose::Member("events"), Reason::TypeMismatch)?,
        }
        Ok(())
    }

    fn event(&mut self) -> Step {
        self.tokens.pull()?;
        self.event.clear();
        while self.event_member()? {}
        let is_duplicate = self.is_duplicate()?;
        self.findings.duplicate_events += u64::from(is_duplicate);
        self.findings.superseded_members += self.event.superseded;
        self.counts.events += 1;
        self.facts.event(self.scope.ordinal, &self.event, is_duplicate)?;
        Ok(())
    }

    /// Reads a member of the event; false at its end.
    fn event_member(&mut self) -> Result<bool, Stop> {
        let mut cells = EventCells {
            event: &mut self.event,
            facts: &mut self.facts,
            scope: &self.scope,
            scratch: &mut self.scratch,
            findings: &mut self.findings,
        };
        if let Some((name, value)) = self.tokens.scalar_member() {
            match Member::of(name_of(name, &mut self.id_scratch)) {
                Some(member) => cells.set(member, value)?,
                None => {
                    let name = decode(name, &mut self.id_scratch, cells.findings);
                    let pointer = cells.scope.pointer(Some(name));
                    cells.unmapped(&pointer, Reason::UnknownMember, value)?;
                }
            }
            return Ok(true);
        }
        let Some(Token::Key(name)) = self.tokens.pull()? else { return Ok(false) };
        let Some(member) = Member::of(name_of(name, &mut self.id_scratch)) else {
            copy(name, &mut self.member, &mut self.findings);
            self.unmapped(Whose::MemberRead, Reason::UnknownMember)?;
            return Ok(true);
        };
        match (self.tokens.peek()?, member) {
            (Next::Object | Next::Array, Member::Data) if !F::WANTS_TEXT => {
                self.event.see(member);
                self.event.data_bytes = Some(self.tokens.measure()?);
            }
            (Next::Object | Next::Array, Member::Data) => {
                self.event.see(member);
                self.event.data.set(Some(self.tokens.raw()?));
            }
            (Next::Object | Next::Array, _) => {
                self.event.see(member);
                self.event.clear_cell(member);
                self.unmapped(Whose::Member(member.name()), Reason::TypeMismatch)?;
            }
            _ => {
                if let Some(value) = self.tokens.pull()? {
                    cells.set(member, value)?;
                }
            }
        }
        Ok(true)
    }

    fn is_duplicate(&mut self) -> Result<bool, Stop> {
        if !F::WANTS_TEXT {
            return Ok(false);
        }
        let event = &self.event;
        // Without a correlation id nothing tells a repetition from a coincidence.
        let Some(correlation_id) = event.correlation_id.get() else { return Ok(false) };
        let parts = [
            Some(self.scope.section_id.as_bytes()),
            Some(correlation_id.as_bytes()),
            event.type_id.get().map(str::as_bytes),
            event.data.get().map(str::as_bytes),
        ];
        Ok(self.seen.insert(parts, event.source_event_time).map_err(Error::Duplicates)?)
    }

    /// Reads the name of the open object's next member; false at the object's end.
    fn member(&mut self) -> Result<bool, Stop> {
        let Some(Token::Key(name)) = self.tokens.pull()? else { return Ok(false) };
        copy(name, &mut self.member, &mut self.findings);
        Ok(true)
    }

    /// Takes the next value, whole, to the table `unmapped`.
    fn unmapped(&mut self, whose: Whose, reason: Reason) -> Step {
        let member = match whose {
            Whose::Place => None,
            Whose::Member(name) => Some(name),
            Whose::MemberRead => Some(self.member.as_str()),
        };
        let pointer = self.scope.pointer(member);
        let value = self.tokens.raw()?;
        let (export_key, section_id) = (self.scope.export_key(), self.scope.section_id());
        self.facts.unmapped(Unplaced { export_key, section_id, pointer: &pointer, reason, value })?;
        Ok(())
    }
}

/// A text as an attribute's value.
#[inline(always)]
fn string<'s, F: Facts>(text: Text<'s>, scratch: &'s mut String, findings: &mut Findings) -> Value<'s> {
    let decoded = if F::WANTS_TEXT { decode(text, scratch, findings) } else { text.text() };
    Value::String { decoded, raw: Some(text.text()) }
}

/// A number as an attribute's value.
#[inline(always)]
fn number_value<F: Facts>(number: Number<'_>) -> Value<'_> {
    if F::WANTS_TEXT { Value::of_number(number) } else { Value::of_number_unread(number) }
}

/// A member's name, only to be compared.
fn name_of<'s>(name: Text<'s>, scratch: &'s mut String) -> &'s str {
    name.decode(scratch).text
}

/// Decodes a text, over `scratch` if need be, and counts what could not be kept.
fn decode<'s>(text: Text<'s>, scratch: &'s mut String, findings: &mut Findings) -> &'s str {
    let decoded = text.decode(scratch);
    findings.replaced_surrogates += u64::from(decoded.replaced);
    decoded.text
}

/// Decodes a text over `target`.
fn copy(text: Text<'_>, target: &mut String, findings: &mut Findings) {
    if text.is_escaped() {
        findings.replaced_surrogates += u64::from(text.decode(target).replaced);
    } else {
        target.clear();
        target.push_str(text.text());
    }
}

#[cfg(test)]
mod tests;
