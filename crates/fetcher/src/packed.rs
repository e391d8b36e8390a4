//! Bytes as they came, on their way from the task that receives them to the thread that inflates them: a queue that is
//! bounded in bytes.

use crate::{
    Error, Progress,
    inflate::Piece,
    source::{Origin, Source},
};
use bytes::{Buf, Bytes, BytesMut};
use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncBufRead, AsyncRead, ReadBuf},
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
    },
};

/// What a piece counts for at least: one of few bytes may hold all of the buffer that they were received into. So there
/// is a bound on the number of pieces, too.
const PIECE_BYTES_MIN: usize = 8 << 10;

/// The queue for what comes of `source`, with room for so many bytes. A single piece may be larger, if it is the only
/// one.
pub(crate) fn queue(source: &Source, bytes_max: usize) -> (Sender, Packed) {
    let bytes_max = bytes_max.clamp(1, u32::MAX as usize);
    let (sender, receiver) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(bytes_max));
    let packed = Packed {
        queue: receiver,
        piece: Bytes::new(),
        room: None,
        taken: 0,
        ended: false,
        from: source.from.clone(),
        progress: source.progress.clone(),
    };
    (Sender { queue: sender, room, kept_room: None, bytes_max }, packed)
}

/// The near end. If it is dropped before it has said how the stream ended, that is a failure.
pub(crate) struct Sender {
    queue: UnboundedSender<(Piece, Option<OwnedSemaphorePermit>)>,
    /// As many permits as further bytes may wait.
    room: Arc<Semaphore>,
    /// Taken beforehand, for the next pieces.
    kept_room: Option<OwnedSemaphorePermit>,
    bytes_max: usize,
}

impl Sender {
    /// Waits for room; `false` says that nobody inflates any more.
    pub(crate) async fn send(&mut self, bytes: Bytes) -> bool {
        let counted = bytes.len().max(PIECE_BYTES_MIN).min(self.bytes_max);
        let room = self.take_room(counted).await;
        room.is_some() && self.queue.send((Piece::Data(bytes), room)).is_ok()
    }

    /// Says how the stream ended.
    pub(crate) fn end(self, end: Piece) {
        // If nobody inflates any more, that is known elsewhere.
        let _ = self.queue.send((end, None));
    }

    /// Takes a quarter of all room at once where it takes any: whoever inflates, and makes room, then wakes this task
    /// once for that, and not for every piece.
    async fn take_room(&mut self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kept = self.kept_room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if kept < bytes {
            let more = u32::try_from(bytes.max(self.bytes_max / 4) - kept).ok()?;
            let more = self.room.clone().acquire_many_owned(more).await.ok()?;
            match &mut self.kept_room {
                Some(kept) => kept.merge(more),
                None => self.kept_room = Some(more),
            }
        }
        self.kept_room.as_mut()?.split(bytes)
    }
}

/// The far end, as an [`AsyncBufRead`] with typed errors inside its `io::Error`s: what every decoder reads from.
pub(crate) struct Packed {
    queue: UnboundedReceiver<(Piece, Option<OwnedSemaphorePermit>)>,
    /// Taken out of the queue and not yet consumed.
    piece: Bytes,
    /// What the piece counts for, until it is consumed.
    room: Option<OwnedSemaphorePermit>,
    /// All that was taken out of the queue.
    taken: u64,
    /// The stream has ended or failed, and nothing more is in the queue.
    ended: bool,
    from: Origin,
    progress: Arc<Progress>,
}

impl Packed {
    /// The first `count` bytes, or fewer if there are no more, without consuming them. Pieces may be as small as a
    /// byte.
    pub(crate) async fn peek(&mut self, count: usize) -> Result<&[u8], Error> {
        while self.piece.len() < count {
            let seen = std::mem::take(&mut self.piece);
            // The next piece may need all of it.
            self.room = None;
            poll_fn(|cx| self.poll_piece(cx)).await?;
            if seen.is_empty() && !self.ended {
                continue;
            }
            let mut joined = BytesMut::from(&seen[..]);
            joined.extend_from_slice(&self.piece);
            self.piece = joined.freeze();
            if self.ended {
                break;
            }
        }
        Ok(&self.piece)
    }

    pub(crate) fn from(&self) -> &Origin {
        &self.from
    }

    /// How many bytes have come this far. More of them may have been received.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Says that the bytes turned out to be compressed.
    pub(crate) fn set_packed(&self) {
        self.progress.set_packed();
    }

    fn make_room(&mut self) {
        if self.piece.is_empty() {
            self.room = None;
        }
    }

    /// Until `piece` has bytes or `ended` is set.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while self.piece.is_empty() && !self.ended {
            let Some((piece, room)) = ready!(self.queue.poll_recv(cx)) else {
                self.ended = true;
                return Poll::Ready(Err(Error::Stopped { from: self.from.clone() }));
            };
            self.room = room;
            match piece {
                Piece::Data(bytes) => {
                    self.taken += bytes.len() as u64;
                    self.piece = bytes;
                }
                Piece::End => self.ended = true,
                Piece::Failed(error) => {
                    self.ended = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Packed {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.poll_piece(cx))?;
        Poll::Ready(Ok(&this.piece))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.piece.advance(count);
        self.make_room();
    }
}

impl AsyncRead for Packed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_piece(cx))?;
        let count = self.piece.len().min(buf.remaining());
        buf.put_slice(&self.piece.split_to(count));
        self.make_room();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, stream};
    use tokio::io::AsyncReadExt;

    fn queue_of(bytes_max: usize) -> (Sender, Packed) {
        let nothing = stream::empty::<io::Result<Bytes>>();
        queue(&Source::new(nothing, Origin::Stdin, Progress::new(None), None), bytes_max)
    }

    /// What comes of these pieces.
    async fn sent(pieces: &[&'static str]) -> Packed {
        let (mut sender, packed) = queue_of(1 << 20);
        for piece in pieces {
            assert!(sender.send(Bytes::from_static(piece.as_bytes())).await);
        }
        sender.end(Piece::End);
        packed
    }

    #[tokio::test]
    async fn peeking_joins_small_pieces_and_loses_nothing() {
        for pieces in [&["abcdef"][..], &["a", "b", "", "c", "def"], &["", "abc", "def"]] {
            let mut packed = sent(pieces).await;
            assert!(packed.peek(4).await.unwrap().starts_with(b"abcd"));
            let mut all = String::new();
            packed.read_to_string(&mut all).await.unwrap();
            assert_eq!((all.as_str(), packed.taken()), ("abcdef", 6));
        }
    }

    #[tokio::test]
    async fn peeking_has_room_for_a_piece_after_small_ones() {
        for bytes_max in [1, 10_000, 1 << 20] {
            let (mut sender, mut packed) = queue_of(bytes_max);
            let sending = async {
                for size in [1, 2, 3 << 20] {
                    assert!(sender.send(Bytes::from(vec![0; size])).await);
                }
            };
            let (peeked, ()) = tokio::join!(packed.peek(4), sending);
            assert_eq!(peeked.unwrap().len(), 3 + (3 << 20));
        }
    }

    #[tokio::test]
    async fn peeking_takes_what_there_is() {
        assert_eq!(sent(&[]).await.peek(4).await.unwrap(), b"");
        assert_eq!(sent(&["a", "b"]).await.peek(4).await.unwrap(), b"ab");
    }

    /// How many pieces of this size are taken before there is no more room.
    fn taken(sender: &mut Sender, size: usize) -> usize {
        let piece = Bytes::from(vec![0; size]);
        (0..).take_while(|_| sender.send(piece.clone()).now_or_never().is_some()).count()
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        const KIB: usize = 1 << 10;
        for (bytes_max, size, count) in [
            (64 * KIB, 16 * KIB, 4),
            (64 * KIB, 24 * KIB, 2),
            (64 * KIB, 64 * KIB, 1),
            // Each counts for more than it is.
            (64 * KIB, 1, 8),
            (64 * KIB, 8 * KIB, 8),
            // One larger than all room comes alone.
            (64 * KIB, 100 * KIB, 1),
            (1, 100 * KIB, 1),
            (0, 1, 1),
        ] {
            let (mut sender, mut packed) = queue_of(bytes_max);
            for round in 0..3 {
                assert_eq!(taken(&mut sender, size), count, "{size} of {bytes_max}, round {round}");
                let read = packed.read_exact(&mut vec![0; size * count]).now_or_never();
                assert_eq!(read.unwrap().unwrap(), size * count);
            }
        }
    }
}
