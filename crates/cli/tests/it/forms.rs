//! The same tables, whatever form the export comes in.

use crate::{
    exports::{self, Seeded, export, golden, gzip, gzip_members, laid_out},
    program::{convert, convert_bytes, end, end_with, feed},
    tables::{Rows, contents, minified, rows},
};
use apsides_batcher::TableId;
use apsides_simulator::Layout;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::tempdir;

const EXPORT_BYTES: u64 = 3 << 20;

/// The Parquet files that an export on standard input becomes.
fn files_of(input: &[u8]) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = tempdir().unwrap();
    convert_bytes(input, folder.path()).succeeded();
    parquet_files(folder.path())
}

fn parquet_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    contents(folder).into_iter().filter(|(path, _)| !path.starts_with(".apsides")).collect()
}

fn rows_of(input: &[u8]) -> Rows {
    let folder = tempdir().unwrap();
    convert_bytes(input, folder.path()).succeeded();
    rows(folder.path())
}

#[test]
fn packed_exports_become_the_same_files() {
    let export = export(EXPORT_BYTES);
    let expected = files_of(&export);
    assert_eq!(expected.len(), TableId::ALL.len() + 2, "a file each, and the views");
    for (form, input) in [
        ("again", export.clone()),
        ("byte-order mark", [b"\xef\xbb\xbf", export.as_slice()].concat()),
        ("white space around", [b" \r\n\t", export.as_slice(), b"\n\n  "].concat()),
        ("gzip", gzip(&export)),
        ("gzip, empty member at the end", [gzip(&export), gzip(b"")].concat()),
        ("gzip in 2 members", gzip_members(&export, 2)),
        ("gzip in 997 members", gzip_members(&export, 997)),
        ("zstd", exports::zstd(&export)),
        ("zstd in 2 frames", [exports::zstd(&export[..1000]), exports::zstd(&export[1000..])].concat()),
    ] {
        assert!(files_of(&input) == expected, "{form}");
    }
}

#[test]
fn a_file_tells_its_form_by_its_content_and_not_by_its_name() {
    let export = export(100 << 10);
    let expected = files_of(&export);
    let folder = tempdir().unwrap();
    for (name, bytes) in
        [("plain.json", export.clone()), ("plain.json.gz", export.clone()), ("packed.json", gzip(&export))]
    {
        let (input, out) = (folder.path().join(name), folder.path().join(name).with_extension("out"));
        fs::write(&input, bytes).unwrap();
        end(&mut convert(&input, &out)).succeeded();
        assert!(parquet_files(&out) == expected, "{name}");
        fs::remove_dir_all(out).unwrap();
    }
}

#[test]
fn pipes_that_give_odd_pieces_become_the_same_files() {
    let export = export(1 << 20);
    let expected = files_of(&export);
    for packed in [export.clone(), gzip(&export)] {
        let folder = tempdir().unwrap();
        let (fifo, out) = (folder.path().join("fifo"), folder.path().join("out"));
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        std::thread::scope(|scope| {
            scope.spawn(|| write_in_odd_pieces(&packed, &mut File::options().write(true).open(&fifo).unwrap()));
            end(&mut convert(&fifo, &out)).succeeded();
        });
        assert!(parquet_files(&out) == expected, "fifo");

        let out = folder.path().join("stdin");
        feed(&mut convert("-".as_ref(), &out), |mut pipe| write_in_odd_pieces(&packed, &mut pipe)).succeeded();
        assert!(parquet_files(&out) == expected, "stdin");
    }
}

/// Single bytes first, then pieces of any length up to 70,000.
fn write_in_odd_pieces(mut bytes: &[u8], pipe: &mut impl Write) {
    let mut seeded = Seeded(1);
    let mut pieces = 0;
    while !bytes.is_empty() {
        let length = if pieces < 200 { 1 } else { 1 + seeded.below(70_000) };
        let (piece, rest) = bytes.split_at(length.min(bytes.len()));
        pipe.write_all(piece).unwrap();
        (bytes, pieces) = (rest, pieces + 1);
    }
}

#[test]
fn pretty_and_wrapped_exports_have_the_same_rows() {
    let compact = minified(rows_of(&export(EXPORT_BYTES)));
    for (form, layout) in [
        ("pretty", Layout { pretty: true, wrapped: false }),
        ("wrapped", Layout { pretty: false, wrapped: true }),
        ("both", Layout { pretty: true, wrapped: true }),
    ] {
        let mut other = minified(rows_of(&laid_out(EXPORT_BYTES, 1, layout)));
        if layout.wrapped {
            // The member `metadata` is all that a wrapped export has besides.
            let metadata = other.insert("unmapped", compact["unmapped"].clone()).unwrap();
            assert_eq!(metadata.num_rows(), compact["unmapped"].num_rows() + 1, "{form}");
        }
        for (table, rows) in &compact {
            assert!(&other[table] == rows, "{form}: {table}");
        }
    }
}

#[test]
fn every_oddity_of_the_format_comes_through_every_form() {
    for name in ["duplicates.json", "layout-wrapped.json", "text.json", "times.json", "unmapped.json", "values.json"] {
        let export = fs::read(golden(name)).unwrap();
        let expected = files_of(&export);
        for input in [gzip(&export), gzip_members(&export, 7), exports::zstd(&export)] {
            assert!(files_of(&input) == expected, "{name}");
        }
    }
}

#[test]
fn an_empty_export_becomes_five_empty_tables_with_their_columns() {
    for (input, unmapped) in [("{}", 0), ("{\"profiles\":{}}", 0), ("{\"metadata\":{},\"profiles\":{}}", 1)] {
        let tables = rows_of(input.as_bytes());
        for table in TableId::ALL {
            let rows = &tables[table.name()];
            let expected = if table == TableId::Unmapped { unmapped } else { 0 };
            assert_eq!(rows.num_rows(), expected, "{input}: {}", table.name());
            let schema = table.schema();
            let columns: Vec<_> = schema.columns.iter().map(|column| (column.name.as_ref(), column.nullable)).collect();
            let schema = rows.schema();
            let found: Vec<_> =
                schema.fields().iter().map(|field| (field.name().as_str(), field.is_nullable())).collect();
            assert_eq!(found, columns, "{}", table.name());
        }
    }
}

#[test]
fn a_summary_that_nobody_reads_is_no_failure() {
    let folder = tempdir().unwrap();
    let mut child = crate::program::start(convert("-".as_ref(), folder.path()).stdin(std::process::Stdio::piped()));
    // The reader of the summary goes away before there is one.
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(b"{}").unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(rows(folder.path()).len(), 5);
}

#[test]
fn the_summary_counts_the_rows() {
    let folder = tempdir().unwrap();
    let ended = end_with(convert("-".as_ref(), folder.path()).arg("--json"), &export(100 << 10)).succeeded();
    let tables = rows(folder.path());
    assert_eq!(ended.rows().len(), tables.len());
    for (table, count) in ended.rows() {
        assert_eq!(tables[table.as_str()].num_rows() as u64, count, "{table}");
    }
}
