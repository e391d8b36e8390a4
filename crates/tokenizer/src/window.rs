//! The bounded window that slides over the stream.

use crate::picture::Picture;
use std::io::{self, Read};

/// A buffer over a reader. It holds one contiguous stretch of the stream; [`Window::slide`] drops
/// what was read, moves the unread rest to the front and reads on behind it. It grows only while a
/// single token needs it, and shrinks again afterwards.
pub(crate) struct Window<R> {
    reader: R,
    /// Bytes `..end` are the stretch held, bytes `end..` are room. Its length is the window's
    /// size: `size_usual`, or more while a long token is being read.
    buffer: Vec<u8>,
    end: usize,
    /// Offset in the stream of `buffer[0]`.
    base: u64,
    /// The reader has said that there is no more.
    ended: bool,
    size_usual: usize,
    /// What the buffer's length is kept to while it grows.
    size_max: usize,
}

impl<R: Read> Window<R> {
    /// A window of `size_usual` bytes, which a token of `kept_max` bytes makes grow, no further
    /// than it needs.
    pub(crate) fn new(reader: R, size_usual: usize, kept_max: usize) -> Self {
        let size_usual = size_usual.max(16);
        let size_max = kept_max.saturating_add(size_usual);
        Self { reader, buffer: vec![0; size_usual], end: 0, base: 0, ended: false, size_usual, size_max }
    }

    /// A window over another reader, with the memory of this one, unless that has grown.
    pub(crate) fn restart<S>(self, reader: S) -> Window<S> {
        let Self { mut buffer, size_usual, size_max, .. } = self;
        if buffer.len() > size_usual {
            buffer = vec![0; size_usual];
        }
        Window { reader, buffer, end: 0, base: 0, ended: false, size_usual, size_max }
    }

    /// The bytes held.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.end]
    }

    /// The bytes held and, behind them, room: for who knows where they end.
    #[inline(always)]
    pub(crate) fn room(&self) -> &[u8] {
        &self.buffer
    }

    /// The offset in the stream of the byte at `index`.
    #[inline]
    pub(crate) fn offset(&self, index: usize) -> u64 {
        self.base + index as u64
    }

    /// How many bytes to keep before those that are needed, for a [`Picture`]: a small part of the
    /// window, so that it need not grow for them.
    pub(crate) fn before_max(&self) -> usize {
        Picture::BYTES_MAX.min(self.size_usual / 8)
    }

    /// Forgets the bytes before `keep` and reads at least one more behind the rest; what was at
    /// `keep` is then at 0. False if the stream has ended; the bytes have moved all the same.
    pub(crate) fn slide(&mut self, keep: usize) -> io::Result<bool> {
        debug_assert!(keep <= self.end, "only bytes held can be kept");
        let kept = self.end - keep;
        if self.buffer.len() > self.size_usual && kept <= self.size_usual / 2 {
            let mut usual = vec![0; self.size_usual];
            usual[..kept].copy_from_slice(&self.buffer[keep..self.end]);
            self.buffer = usual;
        } else {
            self.buffer.copy_within(keep..self.end, 0);
        }
        self.base += keep as u64;
        self.end = kept;
        if self.end == self.buffer.len() {
            let size = self.buffer.len();
            let grown = (size * 2).min(self.size_max).max(size + self.size_usual);
            // Left to itself the vector would double, past what the limits promise.
            self.buffer.reserve_exact(grown - size);
            self.buffer.resize(grown, 0);
        }
        while !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
