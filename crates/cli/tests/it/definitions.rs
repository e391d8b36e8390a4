//! Definitions: fetched, shown, kept in a file, and used.

use crate::{
    program::{convert, end},
    tables::rows,
};
use std::fs;
use tempfile::tempdir;

#[test]
fn a_conversion_knows_attributes_by_their_definitions() {
    let folder = tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let export = file("export.json", r#"{"p":{"sections":{"1":{"attributes":{"7":{"value":null},"8":{}}}}}}"#);
    let of = |definitions: &str, out: &str| {
        let definitions = file("definitions.json", definitions);
        end(convert(&export, &folder.path().join(out)).arg("--definitions").arg(definitions))
    };
    for (definitions, attributes) in [
        (r#"{"format": 1, "attributes": [{"versions": [{"id": "7"}]}]}"#, 1),
        (r#"{"attributes": {"items": [{"id": 7}, {"id": 8}]}}"#, 2),
        (r#"{"tags": [{"id": 7}]}"#, 0),
    ] {
        let out = format!("out-{attributes}");
        of(definitions, &out).succeeded();
        let rows = rows(&folder.path().join(out));
        assert_eq!((rows["attributes"].num_rows(), rows["tags"].num_rows()), (attributes, 2 - attributes));
    }
    let ended = of(r#"{"tags": [{"id": 7}, {"name": "no id"}]}"#, "out-skipped").succeeded();
    assert!(ended.stderr.contains("without an id are left out") && ended.stderr.contains("skipped=1"), "{ended:?}");
    for (wrong, words) in [
        ("{}", "none of sections, attributes, tags, events, segments is a list"),
        ("[", "it is no JSON\n  because: EOF while parsing"),
        (r#"{"format": 99}"#, "it has format 99"),
    ] {
        let ended = of(wrong, "out").failed(2);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(ended.stderr.contains("next: `apsides definitions PIPELINE.toml --json` writes such a file"));
        assert!(!folder.path().join("out").exists());
    }
}
