//! The structural index: where the tokens of the window are, known to be right before any of them
//! is looked at.
//!
//! The window is indexed in stretches of some KiB, which with their marks stay in a core's first
//! cache. A stretch is taken in blocks of 64 bytes, and these in groups ([`group`]); what a group needs
//! of those before it passes along in [`carry`]. The index ends before a block that is not whole in the
//! window, that is wrong, or in which the document ends; the tokens there are read byte by byte, and
//! behind them the index starts again.
//!
//! A *mark* is the index in the window of a bracket, of a quote that opens or closes a string, of the
//! first byte of a number or literal, or of the byte behind one, which may be a bracket as well.

mod brackets;
mod carry;
mod group;
pub(crate) mod kernel;
mod utf8;
pub(crate) mod words;

pub(crate) use group::ESCAPED;

use crate::{backend::Backend, nesting::Nesting, simd, tokens::Place};
use carry::Carry;
use group::{Marks, Outcome};
use kernel::{BLOCK, Classes, Kernel};
use std::ops::Range;
use words::GROUP;

/// How much of the window is indexed at once, in blocks: 8 KiB.
const STRETCH_BLOCKS: usize = 128;
/// The same after a start, from where it doubles: much of it may be skipped.
const FIRST_STRETCH_BLOCKS: usize = 8;
/// Marks of a stretch, of the token that the one before left incomplete, and room to write more than
/// there are.
const MARKS: usize = STRETCH_BLOCKS * BLOCK + 2 + BLOCK;

/// What is indexed.
#[derive(Debug)]
pub(crate) struct Index {
    backend: Backend,
    marks: Box<[u32]>,
    /// The next mark to be read.
    cursor: usize,
    /// Marks before this one are of whole tokens.
    ready: usize,
    /// All marks there are; at most two more.
    count: usize,
    /// Where the index goes on; none if it has to start again.
    next: Option<(usize, Carry)>,
    stretch_blocks: usize,
    /// The first mark of the token that was passed last, or [`NONE`].
    passed: usize,
}

const NONE: usize = usize::MAX;

/// Where to read on.
pub(crate) enum Skipped {
    /// Behind the bracket at this index, which closes the container.
    Closed(usize),
    /// At this index, byte by byte.
    Resume(usize, Place),
}

impl Index {
    pub(crate) fn new(backend: Option<Backend>) -> Self {
        Self {
            backend: backend.filter(|backend| backend.is_available()).unwrap_or_else(Backend::preferred),
            marks: vec![0; MARKS].into_boxed_slice(),
            cursor: 0,
            ready: 0,
            count: 0,
            next: None,
            stretch_blocks: FIRST_STRETCH_BLOCKS,
            passed: NONE,
        }
    }

    /// Where the next token starts, if one is ready.
    #[inline(always)]
    pub(crate) fn first(&self) -> Option<usize> {
        (self.cursor < self.ready).then(|| simd::marked::mark(&self.marks, self.cursor) as usize)
    }

    /// The next token's second mark: one is ready that has two.
    #[inline(always)]
    pub(crate) fn second(&self) -> u32 {
        simd::marked::mark(&self.marks, self.cursor + 1)
    }

    /// Passes a token by the number of its marks.
    #[inline(always)]
    pub(crate) fn pass(&mut self, marks: usize) {
        self.passed = self.cursor;
        self.cursor += marks;
    }

    /// The marks of the token that was passed last, if any has been since the last time they were
    /// forgotten. The second is of no meaning where it has only one.
    #[inline(always)]
    pub(crate) fn passed(&self) -> Option<(usize, u32)> {
        (self.passed != NONE).then(|| (self.marks[self.passed] as usize, self.marks[self.passed + 1]))
    }

    /// Forgets which token was passed last.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        self.passed = NONE;
    }

    /// Forgets everything: the window has moved, or tokens are read without the index.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.cursor, self.ready, self.count, self.next) = (0, 0, 0, None);
        self.stretch_blocks = FIRST_STRETCH_BLOCKS;
        self.passed = NONE;
    }

    /// Indexes on from where it stopped, or starts at `position`, which is between two tokens. False
    /// if no token could be made ready: the next is to be read byte by byte.
    pub(crate) fn extend(&mut self, bytes: &[u8], position: usize, place: Place, nesting: &mut Nesting) -> bool {
        debug_assert!(self.cursor >= self.ready, "tokens are passed before more are made ready");
        loop {
            if self.next.is_none() {
                // Marks of a token that the index stopped in are made again.
                (self.ready, self.count) = (0, 0);
            }
            let start = || Carry::between(place, nesting).map(|carry| (position, carry));
            let Some((from, mut carry)) = self.next.take().or_else(start) else { return false };
            let Some(mut range) = whole_blocks(bytes, from) else { return false };
            range.end = range.end.min(from + self.stretch_blocks * BLOCK);
            self.stretch_blocks = STRETCH_BLOCKS.min(self.stretch_blocks * 2);
            // What was left incomplete goes to the front.
            self.marks.copy_within(self.ready..self.count, 0);
            let count = self.count - self.ready;
            let marks = &mut self.marks;
            let stop =
                simd::index(self.backend, Run { bytes, range, carry: &mut carry, nesting, marks, count, goal: 0 });
            (self.cursor, self.count) = (0, stop.count);
            if stop.outcome == Outcome::Indexed {
                self.next = Some((stop.at, carry));
            }
            self.ready = self.count - self.incomplete(bytes, &carry);
            if self.ready > 0 || stop.outcome != Outcome::Indexed {
                return self.ready > 0;
            }
        }
    }

    /// How many of the last marks are of a token that may go on, or of a string of which it is not
    /// known yet whether it is a name.
    fn incomplete(&self, bytes: &[u8], carry: &Carry) -> usize {
        let is_quote = |mark: &u32| bytes[(mark & !ESCAPED) as usize] == b'"';
        if carry.in_token() {
            1
        } else if carry.after_end() && self.marks[..self.count].last().is_some_and(is_quote) {
            2
        } else {
            0
        }
    }

    /// Passes over everything up to the bracket that brings the depth down to `goal`, if that is in
    /// the window, and else as far as possible. None if nothing is indexed to go on from.
    pub(crate) fn skip(&mut self, bytes: &[u8], goal: u16, nesting: &mut Nesting) -> Option<Skipped> {
        let (from, mut carry) = self.next.take()?;
        if carry.in_string != 0 {
            // The only mark of a token that is not whole is its opening quote's.
            carry.string_at = self.marks[self.ready] as usize;
        }
        self.clear();
        let Some(range) = whole_blocks(bytes, from) else {
            let (at, place) = carry.resume(bytes, from, nesting);
            return Some(Skipped::Resume(at, place));
        };
        let run = Run { bytes, range, carry: &mut carry, nesting, marks: &mut [], count: 0, goal };
        let stop = simd::skip(self.backend, run);
        if let Outcome::Closed(index) = stop.outcome {
            return Some(Skipped::Closed(index));
        }
        let (at, place) = carry.resume(bytes, stop.at, nesting);
        Some(Skipped::Resume(at, place))
    }
}

/// The whole blocks from an index on, if there are any.
fn whole_blocks(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let blocks = (bytes.len() - from) / BLOCK;
    (blocks > 0).then_some(from..from + blocks * BLOCK)
}

/// What is to be indexed.
pub(crate) struct Run<'r> {
    bytes: &'r [u8],
    /// Whole blocks.
    range: Range<usize>,
    carry: &'r mut Carry,
    nesting: &'r mut Nesting,
    marks: &'r mut [u32],
    /// Marks there are already.
    count: usize,
    /// The depth that is asked for, or 0.
    goal: u16,
}

/// How far it came. The carry is that to this block.
pub(crate) struct Stop {
    /// Index of the first block that was not indexed.
    at: usize,
    outcome: Outcome,
    /// Marks there are now.
    count: usize,
}

/// Indexes with a kernel; to be compiled once for each.
#[inline(always)]
pub(crate) fn run<K: Kernel, const MARKS: bool>(run: Run<'_>) -> Stop {
    let Run { bytes, range, carry, nesting, marks, count, goal } = run;
    let (mut at, end) = (range.start, range.end);
    let mut marks = Marks { list: marks, count };
    let mut classes = Classes::default();
    // Up to here it goes block by block.
    let mut single = at;
    while at < end {
        let mut next = *carry;
        if at >= single && end - at >= GROUP * BLOCK {
            let outcome =
                group::index::<K, K::Group, MARKS>(bytes, at, &mut next, nesting, &mut marks, goal, &mut classes);
            if outcome == Outcome::Indexed {
                *carry = next;
                at += GROUP * BLOCK;
            } else {
                single = at + GROUP * BLOCK;
            }
            continue;
        }
        let outcome = group::index::<K, u64, MARKS>(bytes, at, &mut next, nesting, &mut marks, goal, &mut classes);
        if outcome != Outcome::Indexed {
            return Stop { at, outcome, count: marks.count };
        }
        *carry = next;
        at += BLOCK;
    }
    Stop { at, outcome: Outcome::Indexed, count: marks.count }
}
