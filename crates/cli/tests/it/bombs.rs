//! Inputs that would fill the memory of a careless program.

use crate::{
    exports::gzip,
    program::{Ended, apsides, convert, end, feed},
    tables::rows,
};
use std::{
    io::{self, Write},
    process::Stdio,
    time::Duration,
};
use tempfile::tempdir;

const MIB: u64 = 1 << 20;

/// The peak that the run itself tells, checked against the one seen from outside.
fn peak(ended: &Ended) -> u64 {
    let told = ended.json()["peak_memory_bytes"].as_u64().unwrap();
    assert!(told >= ended.peak / 2, "the summary tells {told}, seen were {}", ended.peak);
    told.max(ended.peak)
}

/// A gibibyte of white space takes a few megabytes of gzip.
#[test]
fn a_gzip_bomb_is_read_in_little_memory() {
    let folder = tempdir().unwrap();
    let block = gzip(&vec![b' '; 16 << 20]);
    let ended = feed(convert("-".as_ref(), folder.path()).arg("--json"), |pipe| {
        (0..64).for_each(|_| pipe.write_all(&block).unwrap());
        pipe.write_all(&gzip(b"{}")).unwrap();
    })
    .succeeded();
    assert_eq!(ended.json()["json_bytes"], 1024 * MIB + 2);
    assert!(peak(&ended) < 150 * MIB, "{} bytes of memory", peak(&ended));
}

/// The same in one member, and where it ends in an error.
#[test]
fn a_gzip_bomb_of_nothing_is_refused_in_little_memory() {
    let folder = tempdir().unwrap();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::copy(&mut io::Read::take(io::repeat(b'\n'), 256 * MIB), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    let out = folder.path().join("out");
    let ended = feed(&mut convert("-".as_ref(), &out), |pipe| pipe.write_all(&bomb).unwrap()).failed(3);
    assert!(ended.stderr.contains("at byte 268435456"), "{}", ended.stderr);
    assert!(ended.peak < 150 * MIB, "{} bytes of memory", ended.peak);
    assert!(ended.took < Duration::from_secs(60));
    assert!(!out.exists());
}

/// Nothing of a profile may be held until its end.
#[test]
fn a_single_profile_larger_than_its_memory() {
    let folder = tempdir().unwrap();
    let mut simulated = apsides("simulate --write - --bytes 64M --single-profile")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut export = simulated.stdout.take().unwrap();
    let ended = feed(convert("-".as_ref(), folder.path()).arg("--json"), |mut pipe| {
        io::copy(&mut export, &mut pipe).unwrap();
    })
    .succeeded();
    assert!(simulated.wait().unwrap().success());
    assert!(ended.json()["json_bytes"].as_u64().unwrap() > 64 * MIB);
    assert!(peak(&ended) < 256 * MIB, "{} bytes of memory", peak(&ended));
    assert_eq!(rows(folder.path())["profiles"].num_rows(), 1);
}

/// Millions of tiny parts: whatever is kept per part would show.
#[test]
fn millions_of_profiles_and_of_unknown_members_are_read_in_little_memory() {
    for (name, part) in [("profiles", "{},"), ("unmapped", "1,")] {
        let folder = tempdir().unwrap();
        let ended = feed(convert("-".as_ref(), folder.path()).arg("--json"), |pipe| {
            let mut pipe = io::BufWriter::new(pipe);
            pipe.write_all(b"{").unwrap();
            for key in 0..1_000_000 {
                write!(pipe, "\"{key}\":{part}").unwrap();
            }
            pipe.write_all(b"\"last\":{}}").unwrap();
            pipe.flush().unwrap();
        })
        .succeeded();
        assert!(ended.rows().iter().any(|(table, rows)| table == name && *rows >= 1_000_000), "{:?}", ended.rows());
        assert!(peak(&ended) < 150 * MIB, "{name}: {} bytes of memory", peak(&ended));
    }
}

/// What is held depends on the limit, not on the export; of many profiles and of one.
#[test]
fn a_memory_limit_is_kept() {
    for of in ["", "--single-profile"] {
        let folder = tempdir().unwrap();
        let export = folder.path().join("export.json");
        let simulated = apsides(&format!("simulate --bytes 160M {of}")).arg("--write").arg(&export).status().unwrap();
        assert!(simulated.success());
        for limit in [48, 64, 192] {
            let out = folder.path().join(limit.to_string());
            let ended = end(convert(&export, &out).arg("--json").arg(format!("--memory-limit={limit}M"))).succeeded();
            assert!(peak(&ended) < limit * MIB, "{of}: {} bytes of {limit} MiB", peak(&ended));
        }
    }
}

/// Nor on how many tables are made of it, nor on how many row groups these have.
#[test]
fn a_memory_limit_is_kept_with_typed_tables() {
    let folder = tempdir().unwrap();
    let [export, definitions, out] = ["export.json", "definitions.json", "out"].map(|name| folder.path().join(name));
    let mut simulate = apsides("simulate --bytes 200M --oddities");
    assert!(simulate.arg("--write").arg(&export).arg("--definitions").arg(&definitions).status().unwrap().success());
    for group_rows in ["1048576", "2000"] {
        let mut all = convert(&export, &out.join(group_rows));
        all.args(["--json", "--memory-limit=64M", "--tables=profiles,attributes,tags,events,wide,events_*"]);
        let ended = end(all.arg("--definitions").arg(&definitions).arg("--row-group-rows").arg(group_rows)).succeeded();
        assert!(ended.rows().iter().any(|(table, rows)| table == "wide" && *rows > 100_000), "{:?}", ended.rows());
        assert!(peak(&ended) < 64 * MIB, "{} bytes of 64 MiB with row groups of {group_rows} rows", peak(&ended));
    }
}
