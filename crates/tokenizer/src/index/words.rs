//! Bits of several blocks at once: long words, each block a part of 64 bits.

/// How many blocks a long word has at most.
pub(crate) const GROUP: usize = 8;

/// One or more words, the first the lowest, that are shifted and added as one long one.
pub(crate) trait Words: Copy {
    /// How many; at most [`GROUP`].
    const COUNT: usize;

    fn load(words: &[u64; GROUP]) -> Self;
    fn store(self, words: &mut [u64; GROUP]);
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// What is here, and not in the other.
    fn without(self, other: Self) -> Self;
    /// Each word by one place towards the lower bits; the topmost bit of each is set.
    fn down(self) -> Self;
    /// By one place towards the higher bits. The topmost bit of `carry` comes in, that which
    /// goes out is left there.
    fn up(self, carry: &mut u64) -> Self;
    /// A sum. The lowest bit of `carry` comes in, that which goes out is left there alone.
    fn plus(self, other: Self, carry: &mut u64) -> Self;
    fn any(self) -> bool;
}

impl Words for u64 {
    const COUNT: usize = 1;

    #[inline(always)]
    fn load(words: &[u64; GROUP]) -> Self {
        words[0]
    }

    #[inline(always)]
    fn store(self, words: &mut [u64; GROUP]) {
        words[0] = self;
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        self & !other
    }

    #[inline(always)]
    fn down(self) -> Self {
        self >> 1 | 1 << 63
    }

    #[inline(always)]
    fn up(self, carry: &mut u64) -> Self {
        let up = self << 1 | *carry >> 63;
        *carry = self;
        up
    }

    #[inline(always)]
    fn plus(self, other: Self, carry: &mut u64) -> Self {
        let (sum, one) = self.overflowing_add(other);
        let (sum, two) = sum.overflowing_add(*carry);
        *carry = u64::from(one | two);
        sum
    }

    #[inline(always)]
    fn any(self) -> bool {
        self != 0
    }
}

/// A whole group in plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Plain([u64; GROUP]);

impl Plain {
    #[inline(always)]
    fn each(mut self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = f(*word, other);
        }
        self
    }
}

impl Words for Plain {
    const COUNT: usize = GROUP;

    #[inline(always)]
    fn load(words: &[u64; GROUP]) -> Self {
        Self(*words)
    }

    #[inline(always)]
    fn store(self, words: &mut [u64; GROUP]) {
        *words = self.0;
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self.each(other, |one, other| one & other)
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self.each(other, |one, other| one | other)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self.each(other, |one, other| one ^ other)
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        self.each(other, |one, other| one & !other)
    }

    #[inline(always)]
    fn down(self) -> Self {
        self.each(self, |one, _| one.down())
    }

    #[inline(always)]
    fn up(mut self, carry: &mut u64) -> Self {
        for word in &mut self.0 {
            *word = word.up(carry);
        }
        self
    }

    #[inline(always)]
    fn plus(mut self, other: Self, carry: &mut u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = word.plus(other, carry);
        }
        self
    }

    #[inline(always)]
    fn any(self) -> bool {
        self.0.iter().fold(0, |bits, word| bits | word) != 0
    }
}
