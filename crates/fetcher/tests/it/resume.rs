//! Downloads that break, against the simulated API: gone on with, and never anything but the right bytes.

use crate::{limits, read_all, said, seen_of};
use apsides_fetcher::{Client, ClientConfig, Error, ErrorKind, ExportSpec, Keep, Limits, Ready, Result, Secret};
use apsides_simulator::{CorpusSpec, Faults, Selection, Server, Settings, Size, Stats, write_export};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    error, fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

const ATTRIBUTES: [&str; 3] = ["40103", "40105", "40114"];
const TAGS: [&str; 2] = ["40226", "40227"];

pub(crate) fn corpus() -> CorpusSpec {
    CorpusSpec { size: Size::Profiles(400), ..CorpusSpec::default() }
}

/// The export that [`spec`] asks for.
pub(crate) fn expected() -> Vec<u8> {
    let some = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    let selection = Selection { attributes: some(&ATTRIBUTES), tags: some(&TAGS), events: some(&[]) };
    let mut bytes = Vec::new();
    write_export(&CorpusSpec { selection, ..corpus() }, &mut bytes).unwrap();
    bytes
}

pub(crate) fn spec() -> ExportSpec {
    let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    ExportSpec { attributes: list(&ATTRIBUTES), tags: list(&TAGS), ..ExportSpec::default() }
}

pub(crate) fn client_of(server: &Server, limits: Limits) -> Client {
    let base_url = server.base_url().parse().unwrap();
    let secret = Secret::new("simulated-secret");
    Client::new(ClientConfig { limits, ..ClientConfig::new(base_url, "simulated-client", secret) }).unwrap()
}

async fn simulated(faults: &str, ranges: bool) -> Server {
    let faults = faults.split_whitespace().fold(Faults::default(), |plan, fault| plan.parsed(fault).unwrap());
    Server::start(Settings { corpus: corpus(), polls_until_ready: 0, ranges, faults, ..Settings::default() })
        .await
        .unwrap()
}

/// A short patience with silence.
fn hasty() -> Limits {
    Limits { read_idle_timeout: Duration::from_millis(60), ..limits() }
}

async fn ready(server: &Server) -> Ready {
    client_of(server, hasty()).export(&spec(), |_| {}).await.unwrap()
}

async fn read(download: Result<apsides_fetcher::Download>) -> Result<Vec<u8>> {
    let (bytes, end) = read_all(download?.into_reader()).await;
    end.map(|()| bytes).map_err(|error| error.downcast().unwrap())
}

async fn downloaded(faults: &str, ranges: bool) -> (Result<Vec<u8>>, Stats) {
    let server = simulated(faults, ranges).await;
    let read = read(ready(&server).await.download().await).await;
    assert_eq!(server.stats().leaks, 0);
    (read, server.stats())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_download_is_gone_on_with_by_its_rest() {
    for (faults, downloads, resumed) in [
        ("download=cut:9000", 2, 1),
        ("download=stall:9000", 2, 1),
        // Each fault is at a byte of its own answer.
        ("download=cut:9000 download=cut:9000 download=stall:100", 4, 3),
        ("download=cut:9000 download=503:text download=call-lost download=answer-lost", 3, 2),
        ("download=redirect download=cut:9000 download=redirect", 2, 1),
        // What the server has then is another file.
        ("download=cut:1 download=changed", 2, 0),
        ("download=cut:9000 download=cut:9000 download=wrong-length:-5", 4, 1),
    ] {
        let (read, stats) = downloaded(faults, true).await;
        if faults.ends_with("changed") {
            // Nothing of it was read, so nothing is lost.
            assert_ne!(read.unwrap(), expected());
        } else {
            assert!(read.unwrap() == expected(), "{faults}");
        }
        assert_eq!((stats.downloads, stats.resumed), (downloads, resumed), "{faults}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_download_starts_over_where_there_are_no_ranges() {
    for faults in [
        "download=cut:9000",
        "download=stall:9000",
        "download=cut:1 download=cut:9000 download=cut:20 download=cut:15000",
        "download=wrong-length:50",
        "download=wrong-length:-50",
        "download=corrupt:3",
        "download=cut:9000 download=redirect",
        "download=cut:9000 download=tokens-expire",
        "download=cut:9000 download=503:text download=429:message:retry=0 download=call-lost",
    ] {
        let (read, stats) = downloaded(faults, false).await;
        assert!(read.unwrap() == expected(), "{faults}");
        assert_eq!(stats.resumed, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_became_another_is_an_error_once_some_of_it_was_read() {
    for ranges in [false, true] {
        let (read, _) = downloaded("download=cut:20000 download=changed", ranges).await;
        let error = read.unwrap_err();
        assert!(matches!(error, Error::Changed { bytes: 1.., .. }), "{error}");
        assert!(said(&error, &[]).contains("start over"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_always_breaks_is_given_up() {
    for (faults, ranges) in [
        ("download=cut:9000*99", false),
        ("download=stall:9000*99", false),
        ("download=cut:9000 download=cut:0*99", true),
        ("download=corrupt:3*99", false),
        ("download=wrong-length:50*99", true),
    ] {
        let (read, stats) = downloaded(faults, ranges).await;
        let error = read.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Network | ErrorKind::Data), "{faults}: {error}");
        let tries = u64::from(limits().resumes_in_vain_max);
        // Those for the rest, and then those from the start.
        assert!((1 + tries..=2 * (1 + tries)).contains(&stats.downloads), "{faults}: {}", stats.downloads);
    }
    // Every try brings something, but there is an end to that too.
    let limits = Limits { resumes_max: 5, ..hasty() };
    let server = simulated("download=cut:3000*99", true).await;
    let ready = client_of(&server, limits).export(&spec(), |_| {}).await.unwrap();
    assert!(read(ready.download().await).await.is_err());
    assert_eq!(server.stats().downloads, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_is_new_before_it_is_inflated() {
    let server = simulated("download=cut:3000*8", true).await;
    // No piece is full, nor handed on, before the end.
    let limits = Limits { chunk_bytes: 16 << 20, ..hasty() };
    assert!(limits.resumes_in_vain_max < 8);
    let ready = client_of(&server, limits).export(&spec(), |_| {}).await.unwrap();
    assert!(read(ready.download().await).await.unwrap() == expected());
    assert_eq!(server.stats().downloads, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_is_gone_when_its_download_breaks_says_so() {
    let (read, _) = downloaded("download=cut:9000 download=gone", false).await;
    assert!(matches!(read.unwrap_err(), Error::ExportGone { .. }));
}

/// What a kept file holds, inflated.
fn inflated(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_the_file_as_it_came_however_often_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (faults, ranges)) in [
        ("", false),
        ("", true),
        ("download=cut:9000 download=stall:200", true),
        ("download=cut:9000 download=cut:100", false),
        ("download=corrupt:3", false),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(format!("kept/{number}.gz"));
        let server = simulated(faults, ranges).await;
        let download = ready(&server).await.download().await.unwrap().keep(&path).await.unwrap();
        let part = path.with_extension("gz.part");
        assert_eq!(fs::metadata(&part).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read(Ok(download)).await.unwrap() == expected(), "{faults}");
        assert!(inflated(&path) == expected() && !part.exists(), "{faults}");
    }
    let server = simulated("download=cut:9000*99", false).await;
    let path = folder.path().join("broken.gz");
    let download = ready(&server).await.download().await.unwrap().keep(&path).await.unwrap();
    assert!(read(Ok(download)).await.is_err() && !path.exists());
}

/// A place that can only append, as an object store.
#[derive(Default)]
struct Appended {
    file: Mutex<Vec<u8>>,
    is_whole: AtomicBool,
}

#[async_trait]
impl Keep for Appended {
    async fn write(&self, chunk: Bytes, at: u64) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        let mut file = self.file.lock().unwrap();
        if at == 0 {
            file.clear();
        }
        assert_eq!(file.len() as u64, at, "it comes in a row");
        file.extend_from_slice(&chunk);
        Ok(())
    }

    async fn finish(&self, bytes: u64) -> Result<(), Box<dyn error::Error + Send + Sync>> {
        assert_eq!(self.file.lock().unwrap().len() as u64, bytes);
        self.is_whole.store(true, Relaxed);
        Ok(())
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_can_only_append_has_the_file_as_it_came_too() {
    for (faults, ranges, is_whole) in [
        ("", false, true),
        ("download=cut:9000 download=stall:200", true, true),
        ("download=cut:9000 download=cut:100", false, true),
        ("download=corrupt:3", false, true),
        ("download=cut:9000*99", false, false),
    ] {
        let server = simulated(faults, ranges).await;
        let kept = Arc::new(Appended::default());
        let keep = Arc::clone(&kept);
        let download = ready(&server).await.download().await.unwrap().keep_in(keep);
        assert_eq!(download.drain().await.is_ok(), is_whole, "{faults}");
        assert_eq!(kept.is_whole.load(Relaxed), is_whole, "{faults}");
        if is_whole {
            let mut bytes = Vec::new();
            let file = kept.file.lock().unwrap();
            io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&file[..]), &mut bytes).unwrap();
            assert!(bytes == expected(), "{faults}");
        }
    }
}

#[test]
fn a_slow_disk_spoils_no_file_and_is_no_silence_of_the_server() {
    let server_side = Runtime::new().unwrap();
    let server = server_side.block_on(simulated("", true));
    // What is written waits for the one thread that there is for it.
    let our_side = Builder::new_multi_thread().max_blocking_threads(1).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.gz");
    let bytes = our_side.block_on(async {
        let download = ready(&server).await.download().await.unwrap().keep(&path).await.unwrap();
        tokio::task::spawn_blocking(|| thread::sleep(hasty().read_idle_timeout * 5 / 2));
        let mut reader = download.into_reader();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut reader, &mut bytes).map(|_| bytes)
        })
    });
    assert!(bytes.join().unwrap().unwrap() == expected());
    assert!(inflated(&path) == expected());
    assert_eq!(server.stats().downloads, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_kept_is_an_error() {
    let server = simulated("", false).await;
    let nowhere = Path::new("/proc/nowhere/file");
    let error = ready(&server).await.download().await.unwrap().keep(nowhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert!(said(&error, &[]).contains("/proc/nowhere/file"));
    // /dev/full takes nothing.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("full.part")).unwrap();
    let download = ready(&server).await.download().await.unwrap().keep(&folder.path().join("full")).await.unwrap();
    assert_eq!(read(Ok(download)).await.unwrap_err().kind(), ErrorKind::Disk);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spooled_download_is_whole_before_it_is_read_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for faults in ["", "download=cut:9000 download=cut:100"] {
        let server = simulated(faults, false).await;
        let reader = ready(&server).await.download().await.unwrap().spool(folder.path()).await.unwrap();
        assert!(seen_of(&reader).contains(server.base_url()));
        server.stop().await;
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let (bytes, end) = read_all(reader).await;
        end.unwrap();
        assert!(bytes == expected());
    }
    let server = simulated("download=corrupt:5000*99", false).await;
    let error = ready(&server).await.download().await.unwrap().spool(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_flows_while_nobody_reads() {
    // An export without an end: whatever is taken from the socket would have to be kept somewhere.
    let endless = CorpusSpec { size: Size::Bytes(u64::MAX), ..corpus() };
    let settings = Settings { corpus: endless, polls_until_ready: 0, ..Settings::default() };
    let server = Server::start(settings).await.unwrap();
    let mut reader = ready(&server).await.download().await.unwrap().into_reader();
    let progress = reader.progress();
    let reader = tokio::task::spawn_blocking(move || {
        io::Read::read_exact(&mut reader, &mut [0; 100_000]).unwrap();
        reader
    });
    let reader = reader.await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = progress.bytes_in();
    // Many times as long as the download may be silent.
    tokio::time::sleep(hasty().read_idle_timeout * 10).await;
    assert_eq!(progress.bytes_in(), before);
    assert!(before < 1 << 20, "{before}");
    // It goes on as if nothing had been, on the same connection.
    let read = tokio::task::spawn_blocking(move || {
        let mut reader = reader;
        io::Read::read_exact(&mut reader, &mut vec![0; 4_000_000])
    });
    read.await.unwrap().unwrap();
    assert_eq!(server.stats().downloads, 1);
    assert!(progress.bytes_in() > before);
}
