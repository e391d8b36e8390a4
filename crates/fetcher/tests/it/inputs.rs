//! Exports at hand: files, pipes and addresses.

use crate::{limits, read_all, said, server::Server, server::reply, streams::gzip};
use apsides_fetcher::{Error, ErrorKind, Input, Limits, open};
use async_compression::{Level, tokio::write::ZstdEncoder, zstd::CParameter};
use std::path::Path;
use tokio::io::AsyncWriteExt;

const TEXT: &[u8] = br#"{"profiles":{"a":{"sections":{}}}}"#;

async fn zstd(bytes: &[u8], params: &[CParameter]) -> Vec<u8> {
    let mut encoder = ZstdEncoder::with_quality_and_params(Vec::new(), Level::Fastest, params);
    encoder.write_all(bytes).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

async fn opened(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let reader = open(&Input::parse(path.to_str().unwrap()).unwrap(), limits).await?;
    let (bytes, end) = read_all(reader).await;
    end.map(|()| bytes).map_err(|error| error.downcast().unwrap())
}

/// A file of these bytes, by a name that says nothing.
async fn file(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export.json.gz.zst.txt");
    std::fs::write(&path, bytes).unwrap();
    opened(&path, &limits()).await
}

#[test]
fn inputs_are_told_by_their_names() {
    for (text, input) in [
        ("-", Input::Stdin),
        ("export.json", Input::Path("export.json".into())),
        ("./-", Input::Path("./-".into())),
        ("https://example.com/x?y", Input::Https("https://example.com/x?y".parse().unwrap())),
        ("http://localhost:1/x", Input::Https("http://localhost:1/x".parse().unwrap())),
    ] {
        assert_eq!(text.parse::<Input>().unwrap(), input);
    }
    for text in
        ["", "http://example.com/?h1dden", "ftp://user:h1dden@example.com", "https://user:h1dden@:x", "s3://bucket/key"]
    {
        let error = Input::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        said(&error, &["h1dden"]);
    }
}

#[tokio::test]
async fn formats_are_told_by_content() {
    assert_eq!(file(TEXT).await.unwrap(), TEXT);
    assert_eq!(file(b"").await.unwrap(), b"");
    assert_eq!(file(b"{}").await.unwrap(), b"{}");
    assert_eq!(file(&gzip(TEXT)).await.unwrap(), TEXT);
    assert_eq!(file(&[gzip(b"{"), gzip(b"}")].concat()).await.unwrap(), b"{}");
    assert_eq!(file(&zstd(TEXT, &[]).await).await.unwrap(), TEXT);
    assert_eq!(file(&[zstd(b"{", &[]).await, zstd(b"}", &[]).await].concat()).await.unwrap(), b"{}");
}

#[tokio::test]
async fn large_files_come_whole() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| b' ' + (n.wrapping_mul(2_654_435_761) >> 27) as u8).collect();
    assert!(file(&large).await.unwrap() == large);
    assert!(file(&gzip(&large)).await.unwrap() == large);
    assert!(file(&zstd(&large, &[]).await).await.unwrap() == large);
}

#[tokio::test]
async fn counters_tell_how_far_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export");
    for (bytes, inflated) in [(TEXT.to_vec(), TEXT.len()), (gzip(TEXT), TEXT.len())] {
        std::fs::write(&path, &bytes).unwrap();
        let reader = open(&Input::Path(path.clone()), &limits()).await.unwrap();
        let progress = reader.progress();
        assert_eq!(progress.total_in(), Some(bytes.len() as u64));
        read_all(reader).await.1.unwrap();
        assert_eq!((progress.bytes_in(), progress.bytes_out()), (bytes.len() as u64, inflated as u64));
    }
}

#[tokio::test]
async fn cut_and_corrupt_files_are_errors() {
    for (whole, name) in [(gzip(TEXT), "gzip"), (zstd(TEXT, &[CParameter::checksum_flag(true)]).await, "zstd")] {
        for cut in 1..whole.len() {
            let error = file(&whole[..cut]).await.unwrap_err();
            assert!(matches!(error, Error::Truncated { format, .. } if format == name), "{cut}: {error}");
        }
        let mut corrupt = whole.clone();
        // Both formats end in a checksum, gzip's with a length after it.
        let at = if name == "gzip" { whole.len() - 8 } else { whole.len() - 1 };
        corrupt[at] ^= 1;
        assert!(matches!(file(&corrupt).await, Err(Error::Corrupt { .. })));
        let trailing = [whole, b"{\"more\":1}".to_vec()].concat();
        assert!(matches!(file(&trailing).await, Err(Error::Trailing { .. })));
    }
}

#[tokio::test]
async fn a_zstd_window_beyond_the_limit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export");
    std::fs::write(&path, zstd(&vec![b' '; 1 << 23], &[CParameter::window_log(22)]).await).unwrap();
    let limits = Limits { zstd_window_log_max: 20, ..limits() };
    let error = opened(&path, &limits).await.unwrap_err();
    assert!(matches!(error, Error::Window { .. }), "{error}");
    let limits = Limits { zstd_window_log_max: 22, ..limits };
    assert_eq!(opened(&path, &limits).await.unwrap().len(), 1 << 23);
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.json");
    for (path, words) in [(missing.as_path(), "missing.json cannot be opened"), (folder.path(), "it is a folder")] {
        let error = opened(path, &limits()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        let said = said(&error, &[]);
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn addresses_are_fetched_or_their_status_is_told() {
    let server =
        Server::start([("/x", vec![reply(503, ""), reply(200, gzip(TEXT))]), ("/y", vec![reply(404, "no such file")])])
            .await;
    let input = |path: &str| Input::parse(server.url.join(path).unwrap().as_str()).unwrap();
    let (bytes, end) = read_all(open(&input("/x"), &limits()).await.unwrap()).await;
    end.unwrap();
    assert_eq!(bytes, TEXT);
    let error = open(&input("/y"), &limits()).await.unwrap_err();
    assert!(said(&error, &[]).contains("no such file"));
}
