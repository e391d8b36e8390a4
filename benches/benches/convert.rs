//! From an export to published Parquet files, beside the program of a day. The numbers of rows have to be the same
//! before any is timed.

use apsides_batcher::{Manifest, Options, Progress, stage};
use apsides_benches::{BUFFER_BYTES, Result, export, gzip, peer};
use apsides_fetcher::{Input, Limits, open};
use apsides_simulator::Written;
use criterion::{BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::{
    fs::File,
    io::{BufReader, BufWriter, Read},
    path::Path,
    time::Duration,
};
use tempfile::{TempDir, tempdir};
use tokio::runtime::Runtime;

fn bench(criterion: &mut Criterion) {
    let (json, written) = export();
    let runtime = Runtime::new().expect("a runtime");
    let folder = tempdir().expect("a temporary folder");
    let compressed = folder.path().join("export.json.gz");
    let file = File::create(&compressed).expect("a temporary file");
    gzip(&json[..], BufWriter::with_capacity(BUFFER_BYTES, file)).expect("a temporary file can be written");
    check(&json, &compressed, written, &runtime).expect("the export is valid");

    let mut group = criterion.benchmark_group("convert");
    group
        .throughput(Throughput::Bytes(json.len() as u64))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5));
    time(&mut group, "apsides, plain", |out| apsides(&json[..], out, &runtime).map(drop));
    time(&mut group, "apsides, gzip", |out| apsides_file(&compressed, out, &runtime).map(drop));
    time(&mut group, "program of a day, plain", |out| peer(&json, out).map(drop));
    time(&mut group, "program of a day, gzip", |out| peer::convert_file(&compressed, out).map(drop));
    group.finish();
}

/// Times a conversion to a new folder, which is made before and removed after.
fn time(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    mut convert: impl FnMut(&Path) -> Result<()>,
) {
    let mut convert = |folder: TempDir| {
        convert(folder.path()).expect("checked before");
        folder
    };
    group.bench_function(name, |bencher| {
        bencher.iter_batched(|| tempdir().expect("a temporary folder"), &mut convert, BatchSize::PerIteration);
    });
}

fn apsides(json: impl Read, folder: &Path, runtime: &Runtime) -> Result<Manifest> {
    let staged = stage(json, folder, &Options::default(), runtime.handle(), &Progress::default())?;
    Ok(staged.publish()?)
}

fn apsides_file(path: &Path, folder: &Path, runtime: &Runtime) -> Result<Manifest> {
    let reader = runtime.block_on(open(&Input::Path(path.to_owned()), &Limits::default()))?;
    apsides(reader, folder, runtime)
}

fn peer(json: &[u8], folder: &Path) -> Result<peer::Converted> {
    peer::convert(BufReader::with_capacity(BUFFER_BYTES, json), folder)
}

/// Panics unless all contenders find what the generator wrote.
fn check(json: &[u8], compressed: &Path, written: Written, runtime: &Runtime) -> Result<()> {
    let new_folder = || tempdir().expect("a temporary folder");
    let expected = (written.attributes, written.events);
    for (name, manifest) in [
        ("apsides, plain", apsides(json, new_folder().path(), runtime)?),
        ("apsides, gzip", apsides_file(compressed, new_folder().path(), runtime)?),
    ] {
        let rows = |table| manifest.table(table).map_or(0, |table| table.rows);
        assert_eq!((rows("attributes"), rows("events")), expected, "{name}");
    }
    for (name, converted) in [
        ("program of a day, plain", peer(json, new_folder().path())?),
        ("program of a day, gzip", peer::convert_file(compressed, new_folder().path())?),
    ] {
        assert_eq!((converted.attributes, converted.events), expected, "{name}");
    }
    println!("{} bytes, all contenders agree: {} attributes, {} events", json.len(), expected.0, expected.1);
    Ok(())
}

criterion_group!(benches, bench);
criterion_main!(benches);
