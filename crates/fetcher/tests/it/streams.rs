//! What becomes of the bytes: inflated whatever says so, bounded, and never a short success.

use crate::{
    limits, read_all, said, seen_of,
    server::{Server, raw, reply, says},
};
use apsides_fetcher::{Error, Input, Limits, Origin, Reader, from_stream, open};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{Stream, StreamExt, stream};
use std::{
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncWriteExt;
use url::Url;

const TEXT: &[u8] = br#"{"profiles":{"a":{"sections":{}}}}"#;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn origin() -> Origin {
    Origin::Url("http://storage/file".into())
}

/// A stream of these bytes in chunks of `size`.
fn streamed(bytes: &[u8], size: usize) -> Reader {
    let chunks: Vec<io::Result<Bytes>> = bytes.chunks(size).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    from_stream(stream::iter(chunks), origin(), None, &limits())
}

async fn get(url: Url, limits: &Limits) -> Reader {
    open(&Input::Https(url), limits).await.unwrap()
}

/// What came, and the typed error it ended with.
async fn failed(reader: Reader) -> (Vec<u8>, Error) {
    let (bytes, end) = read_all(reader).await;
    let error = end.expect_err("a short success");
    assert!(Error::of(&error).is_some(), "{error}");
    (bytes, error.downcast().unwrap())
}

#[tokio::test]
async fn gzip_is_told_by_content() {
    let packed = gzip(TEXT);
    for (reply, bytes_in) in [
        (reply(200, packed.clone()).with("content-encoding", "gzip"), packed.len()),
        (reply(200, packed.clone()), packed.len()),
        (reply(200, TEXT), TEXT.len()),
        (reply(200, TEXT).with("content-encoding", "gzip"), TEXT.len()),
    ] {
        let server = Server::start([("/file", vec![reply])]).await;
        let reader = get(server.url.join("/file").unwrap(), &limits()).await;
        let progress = reader.progress();
        let (bytes, end) = read_all(reader).await;
        end.unwrap();
        assert_eq!(bytes, TEXT);
        assert_eq!((progress.bytes_in(), progress.bytes_out()), (bytes_in as u64, TEXT.len() as u64));
        assert_eq!(progress.total_in(), Some(bytes_in as u64));
        assert_eq!(server.asked("/file")[0].bearer(), None);
    }
}

#[tokio::test]
async fn gzip_members_in_a_row_are_one_stream_however_it_is_cut() {
    let packed = [gzip(b"{\"a\":"), gzip(b""), gzip(b"1}")].concat();
    for size in 1..=packed.len() {
        let (bytes, end) = read_all(streamed(&packed, size)).await;
        end.unwrap();
        assert_eq!(bytes, b"{\"a\":1}", "in chunks of {size}");
    }
}

#[tokio::test]
async fn gzip_that_is_cut_anywhere_is_an_error() {
    let packed = gzip(TEXT);
    for size in [1, packed.len()] {
        for cut in 1..packed.len() {
            let (bytes, error) = failed(streamed(&packed[..cut], size)).await;
            assert!(matches!(error, Error::Truncated { received, .. } if received == cut as u64), "{cut}: {error}");
            assert!(TEXT.starts_with(&bytes));
        }
    }
    // The same in the second member.
    let twice = [packed.clone(), packed.clone()].concat();
    for cut in packed.len() + 1..twice.len() {
        let (bytes, error) = failed(streamed(&twice[..cut], 7)).await;
        assert!(matches!(error, Error::Truncated { .. }), "{cut}: {error}");
        assert!(bytes.starts_with(TEXT));
    }
}

#[tokio::test]
async fn nothing_where_gzip_was_promised_is_cut_short() {
    let server = Server::start([("/file", vec![reply(200, "").with("content-encoding", "gzip")])]).await;
    let (_, error) = failed(get(server.url.join("/file").unwrap(), &limits()).await).await;
    assert!(
        said(&error, &[]).contains("the gzip stream of")
            && said(&error, &[]).contains("cut short after 0 compressed bytes")
    );
}

#[tokio::test]
async fn corrupt_gzip_is_an_error() {
    let packed = gzip(TEXT);
    let length = packed.len();
    // A bit of the checksum, of the length, of the method, of the data.
    for at in [length - 8, length - 1, 2, 12] {
        let mut corrupt = packed.clone();
        corrupt[at] ^= 0x40;
        let (_, error) = failed(streamed(&corrupt, 5)).await;
        assert_eq!(error.kind(), apsides_fetcher::ErrorKind::Data, "{at}: {error}");
    }
    for at in [2, length - 8] {
        let mut corrupt = packed.clone();
        corrupt[at] ^= 1;
        assert!(matches!(failed(streamed(&corrupt, 99)).await.1, Error::Corrupt { .. }));
    }
}

#[tokio::test]
async fn what_follows_gzip_is_an_error() {
    for garbage in [&b"{}"[..], b"\0", b"\0\0\0\0\0\0\0\0\0\0\0\0", b"\x1fx"] {
        for size in [1, 1000] {
            let (bytes, error) = failed(streamed(&[&gzip(TEXT), garbage].concat(), size)).await;
            assert_eq!(bytes, TEXT);
            assert!(matches!(error, Error::Trailing { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error() {
    for (head, total) in [("Content-Length: 100", "100"), ("Transfer-Encoding: chunked", "an unknown number of")] {
        let body = if total == "100" { "{\"a\":1" } else { "6\r\n{\"a\":1\r\n" };
        let url = says(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}")).await;
        let (bytes, error) = failed(get(url, &limits()).await).await;
        assert_eq!(bytes, b"{\"a\":1");
        assert_eq!(error.kind(), apsides_fetcher::ErrorKind::Network);
        let said = said(&error, &["h1dden"]);
        assert!(said.contains(&format!("broke after 6 of {total} bytes")), "{said}");
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_an_error() {
    let (url, _) = raw(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":1").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let limits = Limits { read_idle_timeout: Duration::from_millis(30), ..limits() };
    let (_, error) = failed(get(url, &limits).await).await;
    assert!(matches!(error, Error::Stalled { received: 6, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_rests_longer_than_the_idle_limit_is_no_silence() {
    let body = vec![b' '; 1 << 20];
    let server = Server::start([("/file", vec![reply(200, body)])]).await;
    let limits = Limits { read_idle_timeout: Duration::from_millis(50), ..limits() };
    let mut reader = get(server.url.join("/file").unwrap(), &limits).await;
    let read = tokio::task::spawn_blocking(move || {
        let mut buffer = vec![0; 16 << 10];
        reader.read_exact(&mut buffer).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        reader.read_to_end(&mut Vec::new()).unwrap() + buffer.len()
    });
    assert_eq!(read.await.unwrap(), 1 << 20);
}

#[tokio::test]
async fn after_an_error_there_is_no_end() {
    let packed = gzip(TEXT);
    let mut reader = streamed(&packed[..packed.len() - 1], 9);
    tokio::task::spawn_blocking(move || {
        reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(matches!(Error::of(&reader.read(&mut [0]).unwrap_err()), Some(Error::Stopped { .. })));
    })
    .await
    .unwrap();
}

#[test]
fn a_runtime_that_goes_down_is_no_end() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut reader = {
        let _inside = runtime.enter();
        from_stream(stream::pending::<io::Result<Bytes>>(), origin(), None, &limits())
    };
    runtime.shutdown_background();
    assert!(matches!(Error::of(&reader.read(&mut [0]).unwrap_err()), Some(Error::Stopped { .. })));
}

/// Compressible, but not very.
fn numbers() -> Vec<u8> {
    (0..300_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_string().into_bytes()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_all_sizes_come_in_order() {
    let numbers = numbers();
    let packed = gzip(&numbers);
    for size in [100, 1 << 10, 10 << 10, limits().packed_bytes, packed.len()] {
        let (bytes, end) = read_all(streamed(&packed, size)).await;
        end.unwrap();
        assert!(bytes == numbers, "in chunks of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_inflated_is_bounded() {
    let packed = Bytes::from(gzip(&numbers()));
    for size in [100, 10_000] {
        let chunks = packed.clone();
        let endless = stream::unfold(0, move |at| {
            let chunk = chunks.slice(at..(at + size).min(chunks.len()));
            let next = if at + size < chunks.len() { at + size } else { 0 };
            async move { Some((Ok::<_, io::Error>(chunk), next)) }
        });
        let reader = from_stream(endless, origin(), None, &limits());
        tokio::time::sleep(Duration::from_millis(200)).await;
        let before = reader.progress().bytes_in();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(reader.progress().bytes_in(), before);
        // It inflates to more than it is, and the last chunk waits for room. A small one counts for more.
        let bound = 3 * limits().chunk_bytes + limits().packed_bytes + size;
        assert!(before <= bound as u64, "{before} > {bound}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_is_found_while_more_is_received_starts_over() {
    let numbers = numbers();
    let (first, second) = numbers.split_at(numbers.len() / 3);
    let first = gzip(first);
    let packed = [first.clone(), gzip(second)].concat();
    // In the header of the first member, in that of the second, in its checksum.
    for at in [2, first.len(), packed.len() - 8] {
        let mut broken = packed.clone();
        broken[at] ^= 0x40;
        let script = vec![reply(200, broken.clone()), reply(200, broken), reply(200, packed.clone())];
        let server = Server::start([("/file", script)]).await;
        let (bytes, end) = read_all(get(server.url.join("/file").unwrap(), &limits()).await).await;
        end.unwrap();
        assert!(bytes == numbers, "{at}");
        assert_eq!(server.count("/file"), 3);
    }
}

/// Does something with the thread that lets go of these bytes last.
struct Watched<F: FnMut(&str)>(Vec<u8>, F);

impl<F: FnMut(&str)> AsRef<[u8]> for Watched<F> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<F: FnMut(&str)> Drop for Watched<F> {
    fn drop(&mut self) {
        (self.1)(std::thread::current().name().unwrap_or_default());
    }
}

/// A stream of these bytes in one piece, that then says nothing.
fn silent_after(
    bytes: Vec<u8>,
    let_go: impl FnMut(&str) + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let bytes = Bytes::from_owner(Watched(bytes, let_go));
    stream::iter([Ok(bytes)]).chain(stream::pending())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_reader_ends_the_thread_that_inflates() {
    let (sender, let_go) = std::sync::mpsc::channel();
    let stream = silent_after(gzip(&numbers()), move |thread| sender.send(thread.to_owned()).unwrap());
    let mut reader = from_stream(stream, origin(), None, &limits());
    let ended = tokio::task::spawn_blocking(move || {
        reader.read_exact(&mut [0; 100]).unwrap();
        // It waits for the reader, with the rest in hand.
        assert!(let_go.recv_timeout(Duration::from_millis(100)).is_err());
        drop(reader);
        let_go.recv_timeout(Duration::from_secs(5)).unwrap()
    });
    assert_eq!(ended.await.unwrap(), "inflate");
}

#[test]
fn a_runtime_that_ends_does_not_wait_for_the_thread_that_inflates() {
    let numbers = numbers();
    // With the thread waiting for the reader, and for the source.
    for reads in [100, numbers.len() / 2] {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let mut packed = gzip(&numbers);
        packed.truncate(packed.len() * 3 / 4);
        let mut reader = {
            let _inside = runtime.enter();
            from_stream(silent_after(packed, |_| {}), origin(), None, &limits())
        };
        let mut bytes = vec![0; reads];
        reader.read_exact(&mut bytes).unwrap();
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(runtime);
            sender.send(()).unwrap();
        });
        ended.recv_timeout(Duration::from_secs(5)).unwrap();
        // What was inflated can be read; but it is no end.
        let error = reader.read_to_end(&mut bytes).unwrap_err();
        assert!(matches!(Error::of(&error), Some(Error::Stopped { .. })), "{error}");
        assert!(numbers.starts_with(&bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_is_lost_is_no_end() {
    let bomb = |thread: &str| assert_ne!(thread, "inflate", "as this test wants it");
    let stream = silent_after(gzip(TEXT), bomb).take(1);
    let (_, error) = failed(from_stream(stream, origin(), None, &limits())).await;
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
}

/// Says when it is dropped.
struct Flag(Arc<AtomicBool>);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_stops_stops_the_producer() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Flag(dropped.clone());
    let endless =
        stream::unfold(flag, |flag| async move { Some((Ok::<_, io::Error>(Bytes::from_static(&[b' '; 1000])), flag)) });
    let mut reader = from_stream(endless, origin(), None, &limits());
    let progress = reader.progress();
    let reader = tokio::task::spawn_blocking(move || {
        reader.read_exact(&mut [0; 100]).unwrap();
        reader
    })
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // One piece with the reader, two in the queue, one in hand, what waits to be inflated, and a chunk of the stream.
    let bound = (4 * limits().chunk_bytes + limits().packed_bytes) as u64 + 1000;
    assert!(progress.bytes_in() <= bound, "{} > {bound}", progress.bytes_in());
    assert!(!dropped.load(Ordering::SeqCst));
    drop(reader);
    until(|| dropped.load(Ordering::SeqCst)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_reader_stops_a_silent_download() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Flag(dropped.clone());
    let silent = stream::unfold(flag, |flag| async move {
        std::future::pending::<()>().await;
        Some((Ok::<_, io::Error>(Bytes::new()), flag))
    });
    drop(from_stream(silent, origin(), None, &limits()));
    until(|| dropped.load(Ordering::SeqCst)).await;
}

async fn until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen in five seconds");
}

#[tokio::test]
async fn much_out_of_little_flows_in_pieces() {
    let (size, packed) = (32 << 20, gzip(&vec![b' '; 32 << 20]));
    let (bytes, end) = read_all(streamed(&packed, 4096)).await;
    end.unwrap();
    assert_eq!(bytes.len(), size);
}

#[tokio::test]
async fn debug_of_a_download_shows_no_signature() {
    let server = Server::start([("/file", vec![reply(200, TEXT)])]).await;
    let reader = get(server.url.join("/file?signature=h1dden").unwrap(), &limits()).await;
    assert!(!seen_of(&reader).contains("h1dden"));
}
