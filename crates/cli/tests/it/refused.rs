//! Inputs and destinations that are refused: with one clear message, and without a trace at the destination.

use crate::{
    exports::{Seeded, export, gzip, zstd},
    program::{Ended, convert, convert_bytes, end, end_with, feed},
    tables::{contents, rows},
};
use std::{fs, path::Path, time::Duration};
use tempfile::tempdir;

const CUT_SHORT: &str = "nothing was published; the export is cut short: fetch it again";
const NO_EXPORT: &str = "nothing was published; check that this file is an export";
const TOO_LONG: &str = "nothing was published; if the value is meant to be there, raise --max-value-size (in a pipeline: limits.max_value_size)";
const TOO_DEEP: &str =
    "nothing was published; if the nesting is meant to be there, raise --max-depth (in a pipeline: limits.max_depth)";
const TRAILING: &str =
    "nothing was published; an export ends with its closing brace: cut off what follows, or convert it by itself";
const EMPTY: &str = "nothing was published; the input is empty: fetch it again";
const NO_JSON: &str = "nothing was published; this is no JSON: check that it is an export, and no web page or table";
/// Stands for the general advice, which has the offset in it.
const LOOK: &str = "";

/// An input in words, its bytes, what is said of it, and what is advised.
type Case = (&'static str, &'static [u8], &'static str, &'static str);

const CASES: &[Case] = &[
    ("nothing", b"", "the input ends before the document does at byte 0, in $", EMPTY),
    ("white space", b" \n", "the input ends before the document does at byte 2, in $", CUT_SHORT),
    ("an array", b"[]", "an export is one JSON object, but this is an array, at byte 0", NO_EXPORT),
    ("a text", b"  \"x\"", "an export is one JSON object, but this is a single value, at byte 2", NO_EXPORT),
    ("null", b"null", "an export is one JSON object, but this is a single value, at byte 0", NO_EXPORT),
    ("a web page", b"<html>", "expected a value at byte 0, in $", NO_JSON),
    ("CSV", b"id;name\n1;x\n", "expected a value at byte 0, in $", NO_JSON),
    ("UTF-16", b"\xff\xfe{\0}\0", "expected a value at byte 0, in $", NO_JSON),
    ("Parquet", b"PAR1\x15\x04", "expected a value at byte 0, in $", NO_JSON),
    ("two exports", b"{}\n{}", "unexpected data after the document's end at byte 3, in $", TRAILING),
    ("garbage after", b"{} x", "unexpected data after the document's end at byte 3, in $", TRAILING),
    ("a zero byte after", b"{}\0", "unexpected data after the document's end at byte 2, in $", TRAILING),
    ("a comma too many", b"{\"k\":{},}", "expected a member name in quotes at byte 8, in $", LOOK),
    ("a comma too few", b"{\"k\":{}\"l\":{}}", "expected `,` or `}` at byte 7, in $", LOOK),
    ("no colon", b"{\"k\" {}}", "expected `:` after a member name at byte 5, in $", LOOK),
    ("no value", b"{\"k\":}", "expected a value at byte 5, in $", LOOK),
    ("a wrong bracket", b"{\"k\":{]}", "expected a member name in quotes or `}` at byte 6, in $.\"k\"", LOOK),
    ("a comment", b"{/**/}", "expected a member name in quotes or `}` at byte 1, in $", LOOK),
    ("single quotes", b"{'k':{}}", "expected a member name in quotes or `}` at byte 1, in $", LOOK),
    (
        "a quote flipped",
        b"{\"k\":{\"sections\":{\"1\":{\"events\":[{\"typeId\":\"12\xa2,\"createdAt\":0}]}}}}",
        "invalid UTF-8 in a string at byte 46, in $.\"k\".sections.\"1\".events[0]",
        LOOK,
    ),
    (
        "a quote missing",
        b"{\"k\":{\"sections\":{\"1\":{\"events\":[{\"typeId\":\"12,\"createdAt\":0}]}}}}",
        "expected `,` or `}` at byte 48, in $.\"k\".sections.\"1\".events[0]",
        LOOK,
    ),
    (
        "invalid UTF-8",
        b"{\"k\":{\"sections\":{\"1\":{\"attributes\":{\"7\":{\"value\":\"a\xff\"}}}}}}",
        "invalid UTF-8 in a string at byte 52, in $.\"k\".sections.\"1\".attributes.\"7\"",
        LOOK,
    ),
    (
        "invalid UTF-8 in raw data",
        b"{\"k\":{\"sections\":{\"1\":{\"events\":[{\"data\":{\"x\":\"\xc3\x28\"}}]}}}}",
        "invalid UTF-8 in a string at byte 47, in $.\"k\".sections.\"1\".events[0]",
        LOOK,
    ),
    (
        "a raw control character",
        b"{\"k\":{\"sections\":{\"1\":{\"attributes\":{\"7\":{\"value\":\"a\nb\"}}}}}}",
        "unescaped control character in a string at byte 52, in $.\"k\".sections.\"1\".attributes.\"7\"",
        LOOK,
    ),
    (
        "an unknown escape",
        b"{\"k\":{\"sections\":{\"1\":{\"attributes\":{\"7\":{\"value\":\"\\x41\"}}}}}}",
        "unknown escape sequence in a string at byte 52, in $.\"k\".sections.\"1\".attributes.\"7\"",
        LOOK,
    ),
    (
        "a malformed number",
        b"{\"k\":{\"sections\":{\"1\":{\"events\":[{},{\"createdAt\":01}]}}}}",
        "malformed number at byte 50, in $.\"k\".sections.\"1\".events[1]",
        LOOK,
    ),
    (
        "a word that is none",
        b"{\"k\":{\"sections\":{\"1\":{\"events\":[{\"data\":nul}]}}}}",
        "expected `true`, `false` or `null` at byte 44, in $.\"k\".sections.\"1\".events[0]",
        LOOK,
    ),
    (
        "a name that may be personal",
        b"{\"profiles\":{\"anna@example.com\":{\"sections\":{\"1\":{\"events\":[x]}}}}}",
        "expected a value or `]` at byte 60, in $.profiles.\"…\".sections.\"1\".events[0]",
        LOOK,
    ),
];

/// Converts an input that is refused: with this exit status, and leaving no folder.
#[track_caller]
fn refused(exit: i32, run: impl FnOnce(&Path) -> Ended) -> Ended {
    let folder = tempdir().unwrap();
    let ended = run(&folder.path().join("out")).failed(exit);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    ended
}

#[test]
fn what_is_no_export_is_told_where_and_why() {
    for &(name, input, message, next) in CASES {
        let ended = refused(3, |out| convert_bytes(input, out));
        let offset = message.split("at byte ").nth(1).unwrap().split(',').next().unwrap();
        let look = format!(
            "nothing was published; look at the file around byte {offset} of the (inflated) JSON, or fetch it again"
        );
        let next = if next == LOOK { &look } else { next };
        assert_eq!(ended.stderr, format!("error: {message}\n  next: {next}\n"), "{name}");
    }
}

/// An export with all of its parts, in few bytes.
const SMALL: &str = r#"{"kéy-1":{"sections":{"1203":{"attributes":{"7":{"value":"åß\u00e9"},"8":{"value":-1.5e3},"9":{"value":null}},"events":[{"correlationId":"c","sourceEventTime":0,"typeId":"5","createdAt":1699999999999,"data":{"a":[true,{"b":"\\"}]}},{}],"new":[1]}}},"k2":{"sections":null}}"#;

#[test]
fn an_export_cut_at_any_byte_is_refused() {
    assert!(serde_json::from_str::<serde_json::Value>(SMALL).is_ok());
    for length in 0..SMALL.len() {
        let ended = refused(3, |out| convert_bytes(&SMALL.as_bytes()[..length], out));
        let message = format!("error: the input ends before the document does at byte {length}, in $");
        assert!(ended.stderr.starts_with(&message), "{length}: {}", ended.stderr);
    }
}

#[test]
fn a_larger_export_cut_anywhere_is_refused() {
    let export = export(300 << 10);
    let mut seeded = Seeded(7);
    for _ in 0..50 {
        let length = seeded.below(export.len() - 1);
        let ended = refused(3, |out| convert_bytes(&export[..length], out));
        let message = format!("error: the input ends before the document does at byte {length}, in $");
        assert!(ended.stderr.starts_with(&message), "{length}: {}", ended.stderr);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = "[".repeat(100_000);
    for (place, before) in [
        ("$", "{\"x\":"),
        ("$.\"k\".sections.\"1\".events[0]", "{\"k\":{\"sections\":{\"1\":{\"events\":[{\"data\":"),
        ("$.\"k\".sections.\"1\".attributes.\"7\"", "{\"k\":{\"sections\":{\"1\":{\"attributes\":{\"7\":{\"value\":"),
    ] {
        let ended = refused(3, |out| convert_bytes(format!("{before}{deep}").as_bytes(), out));
        let message = "error: nesting deeper than the limit of 1024 levels at byte ";
        assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
        assert!(ended.stderr.ends_with(&format!(", in {place}\n  next: {TOO_DEEP}\n")), "{}", ended.stderr);
    }
}

#[test]
fn a_text_of_a_gibibyte_is_refused_once_it_is_too_long() {
    for (message, before) in [
        ("a string or number longer than the limit of 67108864 bytes at byte 1, in $", "{\""),
        (
            "a string or number longer than the limit of 67108864 bytes at byte 50, in $.\"k\".sections.\"1\".attributes.\"7\"",
            "{\"k\":{\"sections\":{\"1\":{\"attributes\":{\"7\":{\"value\":\"",
        ),
        (
            "a value longer than the limit of 67108864 bytes at byte 41, in $.\"k\".sections.\"1\".events[0]",
            "{\"k\":{\"sections\":{\"1\":{\"events\":[{\"data\":[\"",
        ),
    ] {
        let mut sent = 0;
        let ended = refused(3, |out| {
            feed(&mut convert("-".as_ref(), out), |pipe| {
                let _ = pipe.write_all(before.as_bytes());
                let block = vec![b'a'; 1 << 20];
                while sent < 1024 && pipe.write_all(&block).is_ok() {
                    sent += 1;
                }
            })
        });
        assert_eq!(ended.stderr, format!("error: {message}\n  next: {TOO_LONG}\n"));
        assert!(sent < 100, "{sent} MiB were read");
        assert!(ended.peak < 256 << 20, "{} bytes of memory", ended.peak);
        assert!(ended.took < Duration::from_secs(20), "{:?}", ended.took);
    }
}

#[test]
fn damaged_packing_is_refused() {
    let export = export(300 << 10);
    let packed = gzip(&export);
    let flipped = |at: usize| {
        let mut packed = packed.clone();
        packed[at] ^= 0x10;
        packed
    };
    let crc = packed.len() - 8;
    let cut = |mut packed: Vec<u8>| {
        packed.truncate(packed.len() - 1);
        packed
    };
    let frame = zstd(&export);
    let after = |packed: &[u8]| [packed, b"garbage, longer than a header"].concat();
    for (name, input, message) in [
        ("gzip cut", packed[..packed.len() / 2].to_vec(), "the gzip stream of standard input is cut short after"),
        ("gzip without its last byte", packed[..packed.len() - 1].to_vec(), "the gzip stream of standard input is cut"),
        ("gzip's magic alone", packed[..3].to_vec(), "the gzip stream of standard input is cut short after 3"),
        // The damage may show as JSON that is none, before it shows as a wrong checksum.
        ("gzip's data flipped", flipped(packed.len() / 2), "the gzip stream of standard input is corrupt"),
        ("gzip's first data flipped", flipped(200), "the gzip stream of standard input is corrupt"),
        ("no JSON in gzip", gzip(b"{]"), "expected a member name in quotes or `}` at byte 1, in $"),
        (
            "no JSON in gzip that is cut",
            cut(gzip(&[b"{]", &export[..]].concat())),
            "the gzip stream of standard input is cut short after",
        ),
        ("gzip's checksum flipped", flipped(crc), "the gzip stream of standard input is corrupt"),
        ("gzip's length flipped", flipped(crc + 4), "the gzip stream of standard input is corrupt"),
        (
            "garbage after gzip",
            after(&packed),
            "after the end of the gzip stream of standard input comes something else",
        ),
        (
            "a cut export in gzip",
            gzip(&export[..99_999]),
            "the input ends before the document does at byte 99999, in $",
        ),
        ("an empty file in gzip", gzip(b""), "the input ends before the document does at byte 0, in $"),
        ("zstd cut", frame[..frame.len() / 2].to_vec(), "the zstd stream of standard input is cut short after"),
        (
            "garbage after zstd",
            after(&frame),
            "after the end of the zstd stream of standard input comes something else",
        ),
    ] {
        let ended = refused(3, |out| convert_bytes(&input, out));
        assert!(ended.stderr.starts_with(&format!("error: {message}")), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("nothing was published"), "{name}: {}", ended.stderr);
    }
}

#[test]
fn inputs_that_cannot_be_opened_are_refused() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("missing.json");
    for (input, because) in
        [(missing.as_path(), "No such file or directory (os error 2)"), (folder.path(), "it is a folder")]
    {
        let ended = refused(3, |out| end(&mut convert(input, out)));
        let message = format!("error: {} cannot be opened\n  because: {because}\n", input.display());
        assert_eq!(ended.stderr, message + "  next: check the path and its permissions\n");
    }
}

#[test]
fn addresses_that_are_not_understood_are_refused() {
    for input in ["ftp://user:hunter2@example.com/x", "http://example.com/x?sig=hunter2", "https://user:hunter2@"] {
        let ended = refused(3, |out| end(&mut convert(input.as_ref(), out)));
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    }
}

#[test]
fn destinations_that_cannot_be_written_are_refused() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let no_folder = "choose a folder: what is there is a file";
    for (out, because, next) in [
        (file.clone(), "Not a directory (os error 20)", no_folder),
        (file.join("below"), "Not a directory (os error 20)", no_folder),
        (
            "/proc/apsides".into(),
            "No such file or directory (os error 2)",
            "check free space and permissions, and run again",
        ),
    ] {
        let ended = end_with(&mut convert("-".as_ref(), &out), b"{}").failed(4);
        let message = format!("error: could not create the folder {}: {because}\n", out.join(".apsides").display());
        assert_eq!(ended.stderr, format!("{message}  next: nothing was published; {next}\n"));
    }
    assert_eq!(fs::read(file).unwrap(), b"mine");
}

#[test]
fn tables_are_replaced_only_on_demand_and_only_whole() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    let overwrite = |input: &[u8]| end_with(convert("-".as_ref(), &out).arg("--overwrite"), input);
    let (old, new) = (export(50 << 10), export(90 << 10));
    convert_bytes(&old, &out).succeeded();
    let before = contents(&out);

    let ended = convert_bytes(&new, &out).failed(4);
    let next = "choose another folder, or replace the tables with --overwrite (in a pipeline: overwrite = true)";
    assert_eq!(ended.stderr, format!("error: {} already holds tables\n  next: {next}\n", out.display()));
    assert!(contents(&out) == before, "a refused run changed the tables");

    overwrite(&new[..new.len() - 1]).failed(3);
    overwrite(&gzip(&new)[..1000]).failed(3);
    overwrite(b"[]").failed(3);
    assert!(contents(&out) == before, "a failed run changed the tables");

    overwrite(&new).succeeded();
    let elsewhere = folder.path().join("elsewhere");
    convert_bytes(&new, &elsewhere).succeeded();
    assert!(contents(&out) == contents(&elsewhere), "replaced tables are like new ones");
}

#[test]
fn what_others_wrote_is_never_touched() {
    let folder = tempdir().unwrap();
    let refuse = |foreign: &str| {
        let before = contents(folder.path());
        for arguments in [&[][..], &["--overwrite"]] {
            let ended = end_with(convert("-".as_ref(), folder.path()).args(arguments), b"{}").failed(4);
            let next = "choose an empty folder; what others wrote is never removed";
            let message =
                format!("error: {} holds `{foreign}`, which apsides did not write\n", folder.path().display());
            assert_eq!(ended.stderr, format!("{message}  next: {next}\n"));
        }
        assert!(contents(folder.path()) == before);
    };
    fs::write(folder.path().join("letter.txt"), "mine").unwrap();
    refuse("letter.txt");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a hidden folder was left in a foreign one");
    fs::remove_file(folder.path().join("letter.txt")).unwrap();

    convert_bytes(b"{}", folder.path()).succeeded();
    fs::write(folder.path().join("events/mine.parquet"), "mine").unwrap();
    refuse("events/mine.parquet");
    fs::remove_file(folder.path().join("events/mine.parquet")).unwrap();

    fs::create_dir(folder.path().join("notes")).unwrap();
    refuse("notes");
    fs::remove_dir(folder.path().join("notes")).unwrap();

    end_with(convert("-".as_ref(), folder.path()).arg("--overwrite"), b"{}").succeeded();
    assert_eq!(rows(folder.path()).len(), 5);
}
