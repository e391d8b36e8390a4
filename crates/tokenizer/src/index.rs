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
//! To the grammar commas and colons are tokens too; they have no marks. Marks are written last ([`marks`]), and only of blocks
//! whose tokens somebody is about to look at.
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
pub(crate) mod marks;
mod utf8;

pub(crate) use blocks::ESCAPED;

use crate::{backend::Backend, nesting::Nesting, simd, tokens::Place};
use blocks::{Found, Later};
use carry::Carry;
use containers::Containers;
use kernel::{BLOCK, CODES, Kernel};
use marks::Marks;

/// How much of the window is indexed at once, in blocks: 8 KiB.
const STRETCH_BLOCKS: usize = 128;
/// The same at first, and after a stretch was wrong a fraction of that; it grows again.
const FIRST_STRETCH_BLOCKS: usize = 16;
const STRETCH_FACTOR: usize = 8;
/// How many blocks' marks are written at once at first where most tokens are passed over with their containers.
const FEW_BLOCKS: usize = 4;
/// Of a stretch so many of its tokens must have been passed over for that.
const PASSED_PARTS: (usize, usize) = (3, 4);

/// What is indexed.
#[derive(Debug)]
pub(crate) struct Index {
    backend: Backend,
    marks: Marks,
    /// The next token to be read.
    cursor: usize,
    /// Tokens before this one, from the cursor on, have both marks written and are right.
    ready: usize,
    /// Tokens before this one are right. At most two more are waiting.
    right: usize,
    /// The cursor when it was last asked where that is.
    settled: usize,
    /// How many tokens of the stretch were passed over with their containers.
    passed_over: usize,
    /// How many blocks' marks are written at once.
    write_blocks: usize,
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
            marks: Marks::new(),
            cursor: 0,
            ready: 0,
            right: 0,
            settled: 0,
            passed_over: 0,
            write_blocks: STRETCH_BLOCKS,
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
        (self.cursor < self.ready).then(|| simd::marked::mark(self.marks.starts(), self.cursor) as usize)
    }

    /// Where the next token ends, with the bit [`ESCAPED`]: one is ready.
    #[inline(always)]
    pub(crate) fn end(&self) -> u32 {
        simd::marked::mark(self.marks.ends(), self.cursor)
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
        Some((*self.marks.starts()[self.cursor..].first_chunk()?, *self.marks.ends()[self.cursor..].first_chunk()?))
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
        self.marks.starts()[rest.clone()].iter().zip(&self.marks.ends()[rest])
    }

    /// Passes all tokens that are ready.
    #[inline(always)]
    pub(crate) fn pass_all(&mut self) {
        self.cursor = self.ready;
    }

    /// Passes tokens from the next one on, `depth` deep, up to that which brings the depth down to
    /// `goal`; gives the depth then. It is more than `goal` if all were passed that are right.
    pub(crate) fn pass_container(&mut self, depth: u16, goal: u16) -> u16 {
        let (cursor, depth) = match self.containers.find(self.cursor, depth, goal) {
            Ok(token) => (token + 1, goal),
            Err(depth) => (self.right, depth),
        };
        self.passed_over += cursor - self.cursor;
        self.cursor = cursor;
        // Of the token passed last it may be asked where it is.
        if cursor > self.ready {
            self.marks.pass_before(cursor - 1);
            while self.ready < cursor {
                self.write(FEW_BLOCKS);
            }
        }
        depth
    }

    /// Writes the marks of some more blocks.
    fn write(&mut self, blocks: usize) {
        simd::write(self.backend, &mut self.marks, blocks);
        self.ready = self.right.min(self.marks.written());
    }

    /// The marks of the token that was passed last, if any has been since they were settled.
    #[inline(always)]
    pub(crate) fn passed(&self) -> Option<(usize, u32)> {
        let passed = self.cursor.wrapping_sub(1);
        (self.cursor != self.settled).then(|| (self.marks.starts()[passed] as usize, self.marks.ends()[passed]))
    }

    /// Forgets which token was passed last.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        self.settled = self.cursor;
    }

    /// Forgets everything: tokens are read without the index.
    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.cursor, self.ready, self.right, self.settled, self.passed_over) = (0, 0, 0, 0, 0);
        self.marks.clear();
        self.next = None;
    }

    /// Forgets everything, and what is known of the document besides.
    pub(crate) fn restart(&mut self) {
        self.clear();
        (self.stretch_blocks, self.in_vain, self.write_blocks) = (FIRST_STRETCH_BLOCKS, 0, STRETCH_BLOCKS);
    }

    /// The window has moved by so many bytes.
    pub(crate) fn slide(&mut self, by: usize) {
        debug_assert!(self.next.is_none(), "everything was forgotten");
        self.in_vain = self.in_vain.saturating_sub(by);
    }

    /// Makes more tokens ready: of those that were indexed, or indexes on from where it stopped, or starts at `position`, which is
    /// between two tokens. False if no token could be made ready: the next is to be read byte by byte.
    pub(crate) fn extend(&mut self, bytes: &[u8], position: usize, place: Place, nesting: &mut Nesting) -> bool {
        debug_assert!(self.cursor >= self.ready, "tokens are passed before more are made ready");
        if self.write_on() {
            return true;
        }
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
            let (parts, of) = PASSED_PARTS;
            let is_passed_over = self.right > 0 && self.passed_over * of >= self.right * parts;
            self.write_blocks = if is_passed_over { FEW_BLOCKS } else { STRETCH_BLOCKS };
            // Tokens that are waiting go to the front.
            self.write(STRETCH_BLOCKS);
            self.marks.forget(self.right);
            (self.cursor, self.ready, self.right, self.settled, self.passed_over) = (0, 0, 0, 0, 0);

            let blocks = self.stretch_blocks.min((bytes.len() - at) / BLOCK);
            if !self.stretch(bytes, at, blocks, carry, nesting) {
                return false;
            }
            if self.write_on() {
                return true;
            }
        }
    }

    /// Writes the marks of tokens that are right and have none yet, first of few blocks, then of more. False if there are none.
    #[inline]
    fn write_on(&mut self) -> bool {
        while self.ready <= self.cursor && self.cursor < self.right {
            self.write(self.write_blocks);
            self.write_blocks = STRETCH_BLOCKS.min(self.write_blocks * STRETCH_FACTOR);
        }
        self.cursor < self.right
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
                last_start: self.marks.last_start(),
                found: Found { bitmaps: self.marks.room(), codes: &mut self.codes, later: &mut self.later },
                containers: &mut self.containers,
            };
            if let Some(starts) = simd::index(self.backend, &mut stretch) {
                self.right = self.marks.take(at, blocks) + starts - carry.tokens.waiting();
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
    /// Where the token starts that goes on at `at`, if one does.
    last_start: u32,
    found: Found<'s>,
    containers: &'s mut Containers,
}

/// Indexes a stretch with a kernel; to be compiled once for each. Gives how many tokens start in it. None if it cannot be
/// indexed; then all that is carried is of no meaning.
#[inline(always)]
pub(crate) fn index<K: Kernel>(stretch: &mut Stretch<'_>) -> Option<usize> {
    let Stretch { bytes, at, end, carry, nesting, last_start, found, containers } = stretch;
    let counts = blocks::find::<K>(bytes, *at, *end, *last_start, &mut carry.bytes, found)?;
    grammar::check::<K>(found.codes, counts.codes, &mut carry.tokens, nesting, containers).then_some(counts.starts)
}
