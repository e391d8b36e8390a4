//! What is withheld is in no byte of the tables, wherever in the export it stood.

use apsides_batcher::{Codec, Error, FileOptions, Options, PrivacyRules, Progress, Treatment, Typed, stage};
use apsides_definitions::Snapshot;
use std::{fs, path::Path};
use tempfile::tempdir;

/// Secrets are words that nothing else has.
const EXPORT: &str = r#"{
  "KEY-ONE": {"sections": {"1": {
    "attributes": {
      "5": {"value": "SECRET-A"}, "6": {"value": "SECRET-B", "history": ["SECRET-B"]}, "7": {"value": 4711000815},
      "8": {"value": "open"}, "5": ["SECRET-A"], "20": {"value": null}, "21": {}
    },
    "events": [
      {"typeId": "30", "correlationId": "c", "data": {"who": "SECRET-C", "what": "open", "deep": {"who": "kept"}}},
      {"typeId": "31", "data": {"who": "allowed", "mail": "SECRET-D"}, "extra": {"mail": ["SECRET-D"]}},
      {"typeId": "30", "data": [{"who": "SECRET-C"}]},
      {"attributes": {"5": "SECRET-A"}, "typeId": "30", "data": null},
      ["a", {"6": "SECRET-B", "who": "SECRET-C"}]
    ]
  }}, "attributeHistory": {"5": ["SECRET-A"], "x": [{"6": {"from": "SECRET-B"}}]}},
  "KEY-TWO": {"sections": [{"5": "SECRET-A"}]},
  "KEY-THREE": 3,
  "metadata": {"5": "SECRET-A"}
}"#;

const DEFINITIONS: &str = r#"{
  "attributes": [{"discriminator": "a.name", "name": "Name", "type": "text", "versions": [{"id": "5"}]},
                 {"discriminator": "a.mail", "name": "Mail", "type": "integer", "versions": [{"id": "6"}]}],
  "tags": [{"discriminator": "t.vip", "name": "VIP", "versions": [{"id": "20"}]}],
  "events": [{"discriminator": "e.met", "name": "Met", "versions": [{"id": "30", "fields": [{"name": "who", "type": "number"}]}]}]
}"#;

fn convert(rules: PrivacyRules, folder: &Path) -> Result<(), Error> {
    let definitions = Snapshot::parse(DEFINITIONS.as_bytes()).unwrap().definitions;
    let options = Options {
        privacy: rules,
        definitions: Some(definitions),
        typed: Typed { wide: true, events: true, ..Typed::default() },
        files: FileOptions { codec: Codec::Uncompressed, ..FileOptions::default() },
        ..Options::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let staged = stage(EXPORT.as_bytes(), folder, &options, runtime.handle(), &Progress::default())?;
    staged.publish().map(drop)
}

/// All bytes below a folder, as text as far as they are any.
fn everything(folder: &Path) -> String {
    let mut text = String::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap())),
            }
        }
    }
    text
}

fn rules(attributes: &[(&str, Treatment)], members: &[(&str, Treatment)]) -> PrivacyRules {
    let owned = |rules: &[(&str, Treatment)]| rules.iter().map(|(name, how)| ((*name).to_owned(), *how)).collect();
    PrivacyRules {
        attributes: owned(attributes),
        members: owned(members),
        hash_export_key: false,
        key: Some("a key of many bytes".to_owned()),
    }
}

#[test]
fn what_is_withheld_is_in_no_byte() {
    use Treatment::{Drop, Hash, Mask};
    for (rules, gone, there) in [
        (rules(&[], &[]), &[][..], &["SECRET-A", "SECRET-B", "SECRET-C", "SECRET-D", "KEY-ONE"][..]),
        (rules(&[("5", Drop)], &[]), &["SECRET-A"], &["SECRET-B", "SECRET-C", "KEY-ONE"]),
        (rules(&[("a.name", Drop), ("Mail", Drop)], &[]), &["SECRET-A", "SECRET-B"], &["SECRET-C", "open"]),
        (rules(&[("a.name", Hash), ("6", Hash)], &[]), &["SECRET-A", "SECRET-B"], &["SECRET-C", "open"]),
        (rules(&[("5", Mask), ("6", Mask)], &[]), &["SECRET-A", "SECRET-B"], &["***", "open"]),
        (rules(&[("7", Hash)], &[]), &["4711000815"], &["SECRET-A"]),
        (rules(&[], &[("e.met/who", Drop)]), &["SECRET-C"], &["allowed", "SECRET-D", "open"]),
        (rules(&[], &[("30/who", Hash)]), &["SECRET-C"], &["allowed", "kept", "open"]),
        (rules(&[], &[("*/who", Mask)]), &["SECRET-C", "allowed"], &["SECRET-D", "***", "open"]),
        (rules(&[], &[("*/mail", Drop)]), &["SECRET-D"], &["SECRET-C"]),
        (
            PrivacyRules { hash_export_key: true, ..rules(&[], &[]) },
            &["KEY-ONE", "KEY-TWO", "KEY-THREE"],
            &["SECRET-A"],
        ),
    ] {
        let folder = tempdir().unwrap();
        convert(rules.clone(), folder.path()).unwrap();
        let text = everything(folder.path());
        for secret in gone {
            assert!(!text.contains(secret), "{secret} with {rules:?}");
        }
        for word in there {
            assert!(text.contains(word), "no {word} with {rules:?}");
        }
    }
}

#[test]
fn equal_values_have_equal_hashes_everywhere() {
    let folder = tempdir().unwrap();
    let mut rules = rules(&[("5", Treatment::Hash)], &[("*/who", Treatment::Hash)]);
    rules.hash_export_key = true;
    convert(rules, folder.path()).unwrap();
    let text = everything(folder.path());
    // HMAC-SHA-256 of the words with the key, by Python.
    for (word, hash) in [
        ("SECRET-A", "57b8a757ad3c66a29ca52ce07f8c9828c131b117046efe3a55a68643892c7ba5"),
        ("SECRET-C", "21a6750600aac6eae1741663879472cab2013025871bf6d6e5ac58b33c1f9c7d"),
        ("KEY-ONE", "2005e27e8d2ea364c97f1dfd498c0dd794ae462ef5c977656ed3b9b540ff7568"),
    ] {
        assert!(text.contains(hash), "{word}");
    }
}

#[test]
fn rules_that_would_protect_nothing_are_refused() {
    use Treatment::{Drop, Hash};
    const NO_KEY: &str = "hashing needs a key: `key` in [privacy] of a pipeline, or --hash-key-file";
    let without_key = |rules: PrivacyRules| PrivacyRules { key: None, ..rules };
    for (rules, problem) in [
        (rules(&[("nmae", Drop)], &[]), "`nmae` is no id, and no definition has this discriminator or name"),
        (rules(&[], &[("e.meet/who", Drop)]), "`e.meet` is no id, and no definition has this discriminator or name"),
        (rules(&[], &[("who", Drop)]), "`who` is not of the form <event type>/<member>"),
        (without_key(rules(&[("5", Hash)], &[])), NO_KEY),
        (without_key(rules(&[], &[("*/who", Hash)])), NO_KEY),
        (
            PrivacyRules { key: Some("short".into()), ..rules(&[("5", Drop)], &[]) },
            "the key for hashing is shorter than 16 bytes",
        ),
    ] {
        let folder = tempdir().unwrap();
        let error = convert(rules, folder.path()).unwrap_err().to_string();
        assert_eq!(error, format!("privacy: {problem}"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
