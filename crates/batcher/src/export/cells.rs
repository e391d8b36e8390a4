//! The members of an event that are scalars: what becomes of each.

use super::{Findings, decode};
use crate::{
    error::Result,
    event::{Event, Member},
    facts::{Facts, Reason, Unplaced},
    scope::Scope,
    time,
};
use apsides_tokenizer::{Number, Token};

/// Where the scalars of an event go.
pub(super) struct EventCells<'a, F> {
    pub(super) event: &'a mut Event,
    pub(super) facts: &'a mut F,
    pub(super) scope: &'a Scope,
    pub(super) scratch: &'a mut String,
    pub(super) findings: &'a mut Findings,
}

impl<F: Facts> EventCells<'_, F> {
    pub(super) fn set(&mut self, member: Member, value: Token<'_>) -> Result<()> {
        self.event.see(member);
        match member {
            Member::CorrelationId if !F::WANTS_TEXT && !matches!(value, Token::Bool(_)) => Ok(()),
            Member::CorrelationId | Member::TypeId => self.id(member, value),
            Member::SourceEventTime => {
                // Zero stands for "unknown" here.
                self.event.source_event_time = self.time(member, value)?.filter(|&micros| micros != 0);
                Ok(())
            }
            Member::CreatedAt => {
                self.event.created_at = self.time(member, value)?;
                Ok(())
            }
            Member::Data if !F::WANTS_TEXT => {
                self.event.data_bytes = match value {
                    Token::Null => None,
                    Token::String(text) => Some(text.text().len() as u64 + 2),
                    other => Some(plain(other).len() as u64),
                };
                Ok(())
            }
            Member::Data => {
                let quoted;
                self.event.data.set(match value {
                    Token::Null => None,
                    Token::String(text) => {
                        quoted = format!("\"{}\"", text.text());
                        Some(&quoted)
                    }
                    other => Some(plain(other)),
                });
                Ok(())
            }
        }
    }

    /// An id: text, or a number as written.
    fn id(&mut self, member: Member, value: Token<'_>) -> Result<()> {
        let cell = match member {
            Member::CorrelationId => &mut self.event.correlation_id,
            _ => &mut self.event.type_id,
        };
        match value {
            Token::String(text) => cell.set(Some(decode(text, self.scratch, self.findings))),
            Token::Number(number) => cell.set(Some(number.text())),
            other => {
                cell.set(None);
                if let Token::Bool(_) = other {
                    self.mismatch(member, other)?;
                }
            }
        }
        Ok(())
    }

    /// The microseconds of a time.
    fn time(&mut self, member: Member, value: Token<'_>) -> Result<Option<i64>> {
        let micros = match value {
            Token::Number(number) => time::micros(number),
            Token::String(text) => {
                let decoded = decode(text, self.scratch, self.findings);
                Number::parse(decoded).and_then(time::micros)
            }
            Token::Null => return Ok(None),
            _ => None,
        };
        if micros.is_none() {
            self.mismatch(member, value)?;
        }
        Ok(micros)
    }

    #[cold]
    fn mismatch(&mut self, member: Member, value: Token<'_>) -> Result<()> {
        let pointer = self.scope.pointer(Some(member.name()));
        self.unmapped(&pointer, Reason::TypeMismatch, value)
    }

    #[cold]
    pub(super) fn unmapped(&mut self, pointer: &str, reason: Reason, value: Token<'_>) -> Result<()> {
        let quoted;
        let value = match value {
            Token::String(text) => {
                quoted = format!("\"{}\"", text.text());
                &quoted
            }
            other => plain(other),
        };
        let (export_key, section_id) = (self.scope.export_key(), self.scope.section_id());
        self.facts.unmapped(Unplaced { export_key, section_id, pointer, reason, value })
    }
}

/// The JSON text of a scalar that is no string.
fn plain(value: Token<'_>) -> &str {
    match value {
        Token::Number(number) => number.text(),
        Token::Bool(true) => "true",
        Token::Bool(false) => "false",
        _ => "null",
    }
}
