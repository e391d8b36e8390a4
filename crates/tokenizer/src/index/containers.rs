//! Where containers open and close, to pass over a whole one without looking at its tokens.

use super::STRETCH_BLOCKS;

/// The tokens that are marked, by and by: up to 64 in each word, a bit for each.
#[derive(Debug)]
pub(super) struct Containers {
    words: Box<[Word; STRETCH_BLOCKS]>,
    count: usize,
    /// Where the last search ended: a word, and how many tokens there are before it.
    word: usize,
    before: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Word {
    opens: u64,
    closes: u64,
    tokens: u32,
    /// How far the depth comes down below what it is before the first.
    down: u32,
}

impl Containers {
    pub(super) fn new() -> Self {
        Self { words: Box::new([Word::default(); STRETCH_BLOCKS]), count: 0, word: 0, before: 0 }
    }

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        (self.count, self.word, self.before) = (0, 0, 0);
    }

    /// Adds tokens; `down` of them close containers that none of them opens.
    #[inline(always)]
    pub(super) fn push(&mut self, opens: u64, closes: u64, tokens: u32, down: u32) {
        self.words[self.count] = Word { opens, closes, tokens, down };
        self.count += 1;
    }

    /// From the token `from` on, `depth` deep, the first at which it comes down to `goal`: its number. If
    /// there is none, the depth behind the last token. Numbers do not go back from one search to the next.
    pub(super) fn find(&mut self, from: usize, mut depth: u16, goal: u16) -> Result<usize, u16> {
        let words = &self.words[..self.count];
        while let Some(word) = words.get(self.word)
            && from >= self.before + word.tokens as usize
        {
            self.before += word.tokens as usize;
            self.word += 1;
        }
        let mut passed = from - self.before;
        while let Some(&Word { opens, closes, tokens, down: down_max }) = words.get(self.word) {
            let (opens, closes) = (opens >> passed << passed, closes >> passed << passed);
            let down = u32::from(depth - goal);
            // How far a part of the word comes down is not known.
            let down_max = if passed == 0 { down_max } else { closes.count_ones() };
            if down_max >= down {
                let (mut rest, mut closed) = (closes, 0);
                while rest != 0 {
                    let bit = rest & rest.wrapping_neg();
                    closed += 1;
                    if closed == down + (opens & (bit - 1)).count_ones() {
                        return Ok(self.before + bit.trailing_zeros() as usize);
                    }
                    rest ^= bit;
                }
            }
            depth = (u32::from(depth) + opens.count_ones() - closes.count_ones()) as u16;
            self.before += tokens as usize;
            self.word += 1;
            passed = 0;
        }
        Err(depth)
    }
}
