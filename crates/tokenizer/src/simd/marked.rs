//! Reading where the marks point, without asking again whether there is anything.
//!
//! Callers are [`crate::index::Index`], which reads marks below its count, and the walk along them, which
//! reads what lies at and between the marks of whole tokens. Marks are indices of bytes that were in the
//! window when it was indexed, and a window that moves makes the index forget them.

/// A mark.
#[inline(always)]
pub(crate) fn mark(marks: &[u32], index: usize) -> u32 {
    debug_assert!(index < marks.len(), "there is such a mark");
    // SAFETY: the index is below the count of marks, as said above, and all marks are in the list.
    unsafe { *marks.get_unchecked(index) }
}

/// The byte at a mark, or right behind a marked closing quote; some marked token is behind it.
#[inline(always)]
pub(crate) fn byte(bytes: &[u8], index: usize) -> u8 {
    debug_assert!(index < bytes.len(), "there is such a byte");
    // SAFETY: the byte was indexed, as said above, so it is in the window.
    unsafe { *bytes.get_unchecked(index) }
}

/// The text between two marks of a token: the inside of a string, or a number.
#[inline(always)]
pub(crate) fn text(bytes: &[u8], from: usize, to: usize) -> &str {
    debug_assert!(from <= to && to <= bytes.len(), "there are such bytes");
    // SAFETY: the bytes were indexed, as said above; the first mark of a token is before its second.
    super::text::known(unsafe { bytes.get_unchecked(from..to) })
}
