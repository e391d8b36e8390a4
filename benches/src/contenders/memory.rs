//! Peers that want the whole document in memory.

use super::serde::counts;
use crate::{Counts, Result};
use jiter::{Jiter, Peek};
use simd_json::{Buffers, Node, StaticNode, Tape};
use std::slice;

/// serde_json, visiting a slice.
pub fn serde_json_slice(json: &[u8]) -> Result<Counts> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let counts = counts(&mut json)?;
    json.end()?;
    Ok(counts)
}

/// sonic-rs, visiting a slice.
pub fn sonic_rs(json: &[u8]) -> Result<Counts> {
    let mut json = sonic_rs::Deserializer::from_slice(json);
    let counts = counts(&mut json)?;
    json.end()?;
    Ok(counts)
}

/// jiter, by its iterator.
pub fn jiter(json: &[u8]) -> Result<Counts> {
    let mut jiter = Jiter::new(json);
    let mut counts = Counts::default();
    let first = jiter.peek()?;
    jiter_value(&mut jiter, first, &mut counts)?;
    jiter.finish()?;
    Ok(counts)
}

fn jiter_value(jiter: &mut Jiter<'_>, first: Peek, counts: &mut Counts) -> Result<()> {
    match first {
        Peek::Object => {
            counts.objects += 1;
            let mut key = jiter.known_object()?;
            while let Some(name) = key {
                counts.key(name);
                let first = jiter.peek()?;
                jiter_value(jiter, first, counts)?;
                key = jiter.next_key()?;
            }
        }
        Peek::Array => {
            counts.arrays += 1;
            let mut item = jiter.known_array()?;
            while let Some(first) = item {
                jiter_value(jiter, first, counts)?;
                item = jiter.array_step()?;
            }
        }
        Peek::String => counts.string(jiter.known_str()?),
        Peek::True | Peek::False => {
            jiter.known_bool(first)?;
            counts.booleans += 1;
        }
        Peek::Null => {
            jiter.known_null()?;
            counts.nulls += 1;
        }
        _ => {
            jiter.known_number_bytes(first)?;
            counts.numbers += 1;
        }
    }
    Ok(())
}

/// simd-json, making a tape of the document and visiting that. It decodes strings where they stand, so it needs a copy
/// of a document that has to live on; what it allocates is kept from one document to the next.
pub struct SimdJson {
    copy: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl SimdJson {
    /// For documents of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { copy: Vec::with_capacity(bytes), buffers: Buffers::new(bytes), tape: Tape::null() }
    }

    /// Copies a document, and visits it.
    pub fn visit(&mut self, json: &[u8]) -> Result<Counts> {
        let mut copy = std::mem::take(&mut self.copy);
        copy.clear();
        copy.extend_from_slice(json);
        let counts = self.visit_in_place(&mut copy);
        self.copy = copy;
        counts
    }

    /// Visits a document, which is worth nothing afterwards.
    pub fn visit_in_place(&mut self, json: &mut [u8]) -> Result<Counts> {
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        simd_json::fill_tape(json, &mut self.buffers, &mut tape)?;
        let mut counts = Counts::default();
        simd_json_value(&mut tape.0.iter(), &mut counts).ok_or("the tape ended early")?;
        self.tape = tape.reset();
        Ok(counts)
    }
}

fn simd_json_value(tape: &mut slice::Iter<'_, Node<'_>>, counts: &mut Counts) -> Option<()> {
    match *tape.next()? {
        Node::Object { len, .. } => {
            counts.objects += 1;
            for _ in 0..len {
                let Node::String(name) = tape.next()? else { return None };
                counts.key(name);
                simd_json_value(tape, counts)?;
            }
        }
        Node::Array { len, .. } => {
            counts.arrays += 1;
            for _ in 0..len {
                simd_json_value(tape, counts)?;
            }
        }
        Node::String(text) => counts.string(text),
        Node::Static(StaticNode::Bool(_)) => counts.booleans += 1,
        Node::Static(StaticNode::Null) => counts.nulls += 1,
        Node::Static(_) => counts.numbers += 1,
    }
    Some(())
}
