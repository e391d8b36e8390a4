//! Visiting every token of a document and decoding every string, beside the readers a Rust program would use else, on
//! documents of four shapes; and on the export what `skip` and `raw` save. All contenders have to agree on what a
//! document contains before they are timed.

use apsides_benches::{
    Result, Shape,
    contenders::{Tool, apsides, apsides_raw_whole},
    document_bytes,
};
use apsides_tokenizer::Backend;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, time::Duration};

fn bench(criterion: &mut Criterion) {
    for shape in Shape::ALL {
        let json = shape.document(document_bytes());
        let tools = tools(shape);
        check(shape, &json, &tools).expect("a shape is valid JSON");
        let mut group = criterion.benchmark_group(shape.name());
        group
            .throughput(Throughput::Bytes(json.len() as u64))
            .sampling_mode(SamplingMode::Flat)
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(2));
        for tool in tools {
            let mut visit = tool.visitor(json.len());
            group.bench_function(tool.to_string(), |bencher| {
                bencher.iter(|| visit(black_box(&json)).expect("checked before"));
            });
        }
        group.finish();
    }
}

fn tools(shape: Shape) -> Vec<Tool> {
    let mut tools: Vec<Tool> = Tool::ours().chain(Tool::PEERS).collect();
    if shape == Shape::Export {
        tools.extend(Backend::available().flat_map(|backend| [Tool::Skip(Some(backend)), Tool::Raw(Some(backend))]));
    }
    tools
}

/// Panics unless all contenders read the same.
fn check(shape: Shape, json: &[u8], tools: &[Tool]) -> Result<()> {
    let expected = apsides(json, None)?;
    for tool in tools {
        match tool {
            // Each member of the outermost object has a name; all the rest is passed over.
            Tool::Skip(_) => assert!(tool.visitor(json.len())(json)?.keys > 0, "{tool}"),
            Tool::Raw(backend) => assert_eq!(apsides_raw_whole(json, *backend)?, expected, "{tool}"),
            _ => assert_eq!(tool.visitor(json.len())(json)?, expected, "{tool}"),
        }
    }
    println!("{}, {} bytes, all contenders agree: {expected:?}", shape.name(), json.len());
    Ok(())
}

criterion_group!(benches, bench);
criterion_main!(benches);
