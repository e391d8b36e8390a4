//! Visiting every token of an export and decoding every string, beside the readers a Rust program would use else; and
//! what `skip` and `raw` save. All contenders have to agree on what the export contains before they are timed.

use apsides_benches::{
    Counts, Result, apsides, apsides_raw, apsides_skip, export, serde_json_reader, serde_json_slice, struson,
};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};

type Contender = (&'static str, fn(&[u8]) -> Result<Counts>);

const EVERY_TOKEN: [Contender; 4] = [
    ("apsides", |json| apsides(json)),
    ("struson", |json| struson(json)),
    ("serde_json, stream", |json| serde_json_reader(json)),
    ("serde_json, slice", serde_json_slice),
];

fn bench(criterion: &mut Criterion) {
    let (json, _) = export();
    check(&json).expect("the export is valid JSON");
    let mut group = criterion.benchmark_group("tokenizer");
    group
        .throughput(Throughput::Bytes(json.len() as u64))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    for (name, count) in EVERY_TOKEN {
        group.bench_function(name, |bencher| bencher.iter(|| count(black_box(&json)).expect("checked before")));
    }
    group.bench_function("apsides, events' data raw", |bencher| {
        bencher.iter(|| apsides_raw(black_box(&json[..]), |data| _ = black_box(data)).expect("checked before"));
    });
    group.bench_function("apsides, skip", |bencher| {
        bencher.iter(|| apsides_skip(black_box(&json[..])).expect("checked before"));
    });
    group.finish();
}

/// Panics unless all contenders read the same.
fn check(json: &[u8]) -> Result<()> {
    let expected = apsides(json)?;
    for (name, count) in EVERY_TOKEN {
        assert_eq!(count(json)?, expected, "{name}");
    }
    assert_eq!(apsides_skip(json)?, json.len() as u64, "bytes passed over");
    // What was handed out raw, and what was not, are together the whole.
    let mut raw = Vec::new();
    let mut counts = apsides_raw(json, |data| raw.push(apsides(data.as_bytes())))?;
    for data in raw {
        let data = data?;
        counts.objects += data.objects;
        counts.arrays += data.arrays;
        counts.keys += data.keys;
        counts.strings += data.strings;
        counts.numbers += data.numbers;
        counts.booleans += data.booleans;
        counts.nulls += data.nulls;
        counts.text_bytes += data.text_bytes;
    }
    assert_eq!(counts, expected, "with raw data");
    println!("{} bytes, all contenders agree: {expected:?}", json.len());
    Ok(())
}

criterion_group!(benches, bench);
criterion_main!(benches);
