//! Where the tokens of a stretch start and end: a bit for each byte at first, and marks not before somebody is about to look
//! at the tokens. Those of a container that is passed over as a whole need none.

use super::{
    STRETCH_BLOCKS,
    blocks::ESCAPED,
    kernel::{BLOCK, Kernel},
};

/// Marks of a stretch, of the tokens that the one before left waiting, and room to write more than
/// there are.
const MARKS: usize = STRETCH_BLOCKS * BLOCK + 2 + BLOCK;

/// Of a block, a bit for each byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bitmap {
    /// First bytes of tokens; commas and colons have none.
    pub(super) starts: u64,
    /// The bytes behind the last ones.
    pub(super) ends: u64,
    /// Those of `ends` that are behind a string with an escape.
    pub(super) escaped: u64,
}

/// The marks, by the tokens' numbers in the stretch, as far as they are written, and what they are written from.
#[derive(Debug)]
pub(crate) struct Marks {
    starts: Box<[u32]>,
    ends: Box<[u32]>,
    bitmaps: Box<[Bitmap; STRETCH_BLOCKS]>,
    /// How many of the blocks there are.
    blocks: usize,
    /// Where the first block is in the window.
    at: usize,
    /// The first block whose marks are not written, and how many tokens start and end before it.
    next: usize,
    starts_count: usize,
    ends_count: usize,
}

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            starts: vec![0; MARKS].into_boxed_slice(),
            ends: vec![0; MARKS].into_boxed_slice(),
            bitmaps: Box::new([Bitmap::default(); STRETCH_BLOCKS]),
            blocks: 0,
            at: 0,
            next: 0,
            starts_count: 0,
            ends_count: 0,
        }
    }

    #[inline(always)]
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }

    #[inline(always)]
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// How many tokens end in blocks that are written: of those nothing is left to be written.
    #[inline(always)]
    pub(super) fn written(&self) -> usize {
        self.ends_count
    }

    /// How many blocks are not written.
    #[inline(always)]
    pub(super) fn blocks_left(&self) -> usize {
        self.blocks - self.next
    }

    /// Where the last token starts of those written; of no meaning if there is none.
    #[inline(always)]
    pub(super) fn last_start(&self) -> u32 {
        self.starts[self.starts_count.saturating_sub(1)]
    }

    pub(super) fn clear(&mut self) {
        (self.blocks, self.next, self.starts_count, self.ends_count) = (0, 0, 0, 0);
    }

    /// Forgets all tokens before this one, which is the first then. All must be written.
    pub(super) fn forget(&mut self, tokens: usize) {
        debug_assert!(self.blocks_left() == 0, "whoever is waiting keeps its marks");
        // Only the start of the last one may have been seen so far.
        let ends_count = self.ends_count.max(tokens);
        self.starts.copy_within(tokens..self.starts_count, 0);
        self.ends.copy_within(tokens..ends_count, 0);
        self.starts_count -= tokens;
        self.ends_count = ends_count - tokens;
    }

    /// Room for the bits of a stretch, of which nothing counts before [`take`](Self::take).
    #[inline(always)]
    pub(super) fn room(&mut self) -> &mut [Bitmap; STRETCH_BLOCKS] {
        &mut self.bitmaps
    }

    /// Takes so many blocks; the first is at `at`. Gives how many tokens start before them.
    #[inline(always)]
    pub(super) fn take(&mut self, at: usize, blocks: usize) -> usize {
        (self.at, self.blocks, self.next) = (at, blocks, 0);
        self.starts_count
    }

    /// Passes over blocks in which neither this token is nor any behind it.
    pub(super) fn pass_before(&mut self, token: usize) {
        for bitmap in &self.bitmaps[self.next..self.blocks] {
            let starts_count = self.starts_count + bitmap.starts.count_ones() as usize;
            if starts_count > token {
                break;
            }
            self.starts_count = starts_count;
            self.ends_count += bitmap.ends.count_ones() as usize;
            self.next += 1;
        }
    }
}

/// Writes the marks of so many blocks, or of all if there are fewer; to be compiled once for each kernel.
#[inline(always)]
pub(crate) fn write<K: Kernel>(marks: &mut Marks, blocks: usize) {
    let Marks { starts, ends, bitmaps, at, next, .. } = marks;
    let (mut starts_count, mut ends_count) = (marks.starts_count, marks.ends_count);
    let end = marks.blocks.min(*next + blocks);
    let mut base = (*at + *next * BLOCK) as u32;
    for bitmap in &bitmaps[*next..end] {
        let room = starts[starts_count..].first_chunk_mut().expect("there is room for a block's marks");
        K::flatten(bitmap.starts, base, room);
        let room = ends[ends_count..].first_chunk_mut().expect("there is room for a block's marks");
        K::flatten(bitmap.ends, base, room);
        if bitmap.escaped != 0 {
            K::flag(bitmap.escaped, bitmap.ends, ESCAPED, room);
        }
        starts_count += bitmap.starts.count_ones() as usize;
        ends_count += bitmap.ends.count_ones() as usize;
        base += BLOCK as u32;
    }
    *next = end;
    (marks.starts_count, marks.ends_count) = (starts_count, ends_count);
}
