//! The structural index: where the tokens of the window are, known to be right before any of them
//! is looked at.
//!
//! The window is indexed in stretches of some KiB, which with all that is said of them stay in a core's
//! first cache. Each goes through three steps, in each of which there is less to look at:
//!
//! ```text
//! blocks    bytes     64 at a time: strings, scalars; where tokens are          all bytes
//! grammar   tokens    64 at a time: which token may follow which                about a third as many
//! brackets  brackets  up to 64 at a time: which kind of container is open       about a ninth
//! ```
//!
//! A *mark* is an index in the window: each token has one of its first byte and one of the byte behind its last.
//! To the grammar commas and colons are tokens too; they have no marks.
//!
//! Nothing is ever reported from here. Of a stretch that is not provably right nothing is kept, and
//! a shorter one is tried, down to a single block; that is left to be read byte by byte, which finds the
//! error and its exact place. The same becomes of the block in which the document ends, of one that is not
//! whole in the window, and of brackets too deep or too many at once to be told from here.

mod blocks;
mod brackets;
mod carry;
mod containers;
mod grammar;
pub(crate) mod kernel;
mod utf8;

pub(crate) use blocks::ESCAPED;

use crate::{backend::Backend, nesting::Nesting, simd, tokens::Place};
use blocks::{Later, Marks};
use carry::Carry;
use containers::Containers;
use kernel::{BLOCK, CODES, Kernel};

/// How much of the window is indexed at once, in blocks: 8 KiB.
const STRETCH_BLOCKS: usize = 128;
/// The same at first, and after a stretch was wrong a fraction of that; it grows again.
const FIRST_STRETCH_BLOCKS: usize = 16;
const STRETCH_FACTOR: usize = 8;
/// Marks of a stretch, of the tokens that the one before left waiting, and room to write more than
/// there are.
const MARKS: usize = STRETCH_BLOCKS * BLOCK + 2 + BLOCK;

/// What is indexed.
#[derive(Debug)]
pub(crate) struct Index {
    backend: Backend,
    /// Where tokens start.
    starts: Box<[u32]>,
    /// Where they end.
    ends: Box<[u32]>,
    /// The next token to be read.
    cursor: usize,
    /// Tokens before this one have both marks and are right. At most two more are waiting.
    ready: usize,
    starts_count: usize,
    ends_count: usize,
    /// The cursor when it was last asked where that is.
    settled: usize,
    codes: Box<[u64; CODES]>,
    later: Later,
    containers: Containers,
    /// Where the index goes on; none if it has to start again.
    next: Option<(usize, Carry)>,
    stretch_blocks: usize,
    /// Before this index in the window a block has been in vain.
    in_vain: usize,
}

impl Index {
    pub(crate) fn new(backend: Option<Backend>) -> Self {
        Self {
            backend: backend.filter(|backend| backend.is_available()).unwrap_or_else(Backend::preferred),
            starts: vec![0; MARKS].into_boxed_slice(),
            ends: vec![0; MARKS].into_boxed_slice(),
            cursor: 0,
            ready: 0,
            starts_count: 0,
            ends_count: 0,
            settled: 0,
            codes: Box::new([0; CODES]),
            later: Later::new(),
            containers: Containers::new(),
            next: None,
            stretch_blocks: FIRST_STRETCH_BLOCKS,
            in_vain: 0,
        }
    }

    /// Where the next token starts, if one is ready.
    #[inline(always)]
    pub(crate) fn start(&self) -> Option<usize> {
        (self.cursor < self.ready).then(|| simd::marked::mark(&self.starts, self.cursor) as usize)
    }

    /// Where the next token ends, with the bit [`ESCAPED`]: one is ready.
    #[inline(always)]
    pub(crate) fn end(&self) -> u32 {
        simd::marked::mark(&self.ends, self.cursor)
    }

    /// Passes a token.
    #[inline(always)]
    pub(crate) fn pass(&mut self) {
        self.cursor += 1;
    }

    /// The marks of the next tokens, starts and ends, if so many are ready.
    #[inline(always)]
    pub(crate) fn ahead<const COUNT: usize>(&self) -> Option<([u32; COUNT], [u32; COUNT])> {
        if self.cursor + COUNT > self.ready {
            return None;
        }
        Some((*self.starts[self.cursor..].first_chunk()?, *self.ends[self.cursor..].first_chunk()?))
    }

    /// Passes so many tokens, which are ready.
    #[inline(always)]
    pub(crate) fn pass_many(&mut self, count: usize) {
        self.cursor += count;
    }

    /// The marks of all tokens that are ready.
    #[inline(always)]
    pub(crate) fn rest(&self) -> impl Iterator<Item = (&u32, &u32)> {
        let rest = self.cursor..self.ready;
        self.starts[rest.clone()].iter().zip(&self.ends[rest])
    }

    /// Passes all tokens that are ready.
    #[inline(always)]
    pub(crate) fn pass_all(&mut self) {
        self.cursor = self.ready;
    }

    /// Passes tokens from the next one on, `depth` deep, up to that which brings the depth down to
    /// `goal`; gives the depth then. It is more than `goal` if all were passed that are ready.
    pub(crate) fn pass_container(&mut self, depth: u16, goal: u16) -> u16 {
        match self.containers.find(self.cursor, depth, goal) {
            Ok(token) => {
                self.cursor = token + 1;
                goal
            }
            Err(depth) => {
                self.cursor = self.ready;
                depth
            }
        }
    }

    /// The marks of the token that was passed last, if any has been since they were settled.
    #[inline(always)]
    pub(crate) fn passed(&self) -> Option<(usize, u32)> {
        let passed = self.cursor.wrapping_sub(1);
        (self.cursor != self.settled).then(|| (self.starts[passed] as usize, self.ends[passed]))
    }

    /// Forgets which token was passed last.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        self.settled = self.cursor;
    }

    /// Forgets everything: tokens are read without the index.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.cursor, self.ready, self.starts_count, self.ends_count, self.settled) = (0, 0, 0, 0, 0);
        self.next = None;
    }

    /// Forgets everything, and what is known of the document besides.
    pub(crate) fn restart(&mut self) {
        self.clear();
        (self.stretch_blocks, self.in_vain) = (FIRST_STRETCH_BLOCKS, 0);
    }

    /// The window has moved by so many bytes.
    pub(crate) fn slide(&mut self, by: usize) {
        debug_assert!(self.next.is_none(), "everything was forgotten");
        self.in_vain = self.in_vain.saturating_sub(by);
    }

    /// Indexes on from where it stopped, or starts at `position`, which is between two tokens. False
    /// if no token could be made ready: the next is to be read byte by byte.
    pub(crate) fn extend(&mut self, bytes: &[u8], position: usize, place: Place, nesting: &mut Nesting) -> bool {
        debug_assert!(self.cursor >= self.ready, "tokens are passed before more are made ready");
        loop {
            let (at, carry) = match self.next.take() {
                Some(next) => next,
                None if position < self.in_vain => return false,
                None => {
                    self.clear();
                    let Some(carry) = Carry::between(place, nesting) else { return false };
                    (position, carry)
                }
            };
            // Tokens that are waiting go to the front.
            self.starts.copy_within(self.ready..self.starts_count, 0);
            self.ends.copy_within(self.ready..self.ends_count.max(self.ready), 0);
            self.starts_count -= self.ready;
            self.ends_count = self.ends_count.saturating_sub(self.ready);
            (self.cursor, self.ready, self.settled) = (0, 0, 0);

            let blocks = self.stretch_blocks.min((bytes.len() - at) / BLOCK);
            if !self.stretch(bytes, at, blocks, carry, nesting) {
                return false;
            }
            if self.ready > 0 {
                return true;
            }
        }
    }

    /// Indexes so many blocks, or fewer if they are wrong. False if it is none.
    fn stretch(&mut self, bytes: &[u8], at: usize, mut blocks: usize, carry: Carry, nesting: &mut Nesting) -> bool {
        nesting.save();
        while blocks > 0 {
            let mut carry = carry;
            self.containers.clear();
            kernel::clear(&mut self.codes);
            let mut stretch = Stretch {
                bytes,
                at,
                end: at + blocks * BLOCK,
                carry: &mut carry,
                nesting,
                marks: Marks {
                    starts: &mut self.starts,
                    starts_count: self.starts_count,
                    ends: &mut self.ends,
                    ends_count: self.ends_count,
                    codes: &mut self.codes,
                    codes_count: 0,
                },
                later: &mut self.later,
                containers: &mut self.containers,
            };
            if simd::index(self.backend, &mut stretch) {
                (self.starts_count, self.ends_count) = (stretch.marks.starts_count, stretch.marks.ends_count);
                self.ready = self.starts_count - carry.tokens.waiting();
                self.next = Some((at + blocks * BLOCK, carry));
                self.stretch_blocks = STRETCH_BLOCKS.min(blocks * STRETCH_FACTOR);
                return true;
            }
            nesting.restore();
            self.in_vain = if blocks == 1 { at + BLOCK } else { self.in_vain };
            blocks = if blocks == 1 { 0 } else { (blocks / STRETCH_FACTOR).max(1) };
            self.stretch_blocks = blocks.max(1);
        }
        false
    }
}

/// What is to be indexed.
pub(crate) struct Stretch<'s> {
    bytes: &'s [u8],
    /// Whole blocks, from here up to `end`.
    at: usize,
    end: usize,
    carry: &'s mut Carry,
    nesting: &'s mut Nesting,
    marks: Marks<'s>,
    later: &'s mut Later,
    containers: &'s mut Containers,
}

/// Indexes a stretch with a kernel; to be compiled once for each. False if it cannot be; then all that
/// is carried is of no meaning.
#[inline(always)]
pub(crate) fn index<K: Kernel>(stretch: &mut Stretch<'_>) -> bool {
    let Stretch { bytes, at, end, carry, nesting, marks, later, containers } = stretch;
    blocks::mark::<K>(bytes, *at, *end, &mut carry.bytes, marks, later)
        && grammar::check::<K>(marks.codes, marks.codes_count, &mut carry.tokens, nesting, containers)
}
