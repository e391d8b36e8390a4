//! How many instructions each contender takes for a byte, as callgrind counts them. They repeat to the third figure,
//! however busy the machine is, which times do not.

use super::{Bench, Contender, check, contenders, say};
use apsides_benches::{Result, Shape, contenders::apsides, first_line, machine, today, versions};
use apsides_tokenizer::Backend;
use std::{
    fmt::Write as _,
    fs::{self, File},
    path::Path,
    process::Command,
};

/// Under valgrind all is some fifty times slower, and the counts per byte are the same.
pub(crate) const DOCUMENT_BYTES: u64 = 8 << 20;

impl Bench {
    /// A table with a column for each shape.
    pub(crate) fn instructions(&self) -> Result<String> {
        // What it takes to start and to end does not belong to the document.
        let empty = self.folder.path().join("empty.json");
        fs::write(&empty, "{}")?;
        // The export has all contenders that the others have.
        let rows: Vec<Contender> = contenders(Shape::Export).into_iter().filter(counted).collect();
        let mut columns = Vec::new();
        for shape in Shape::ALL {
            let document = self.document(shape, self.bytes)?;
            let (bytes, expected) = (fs::metadata(&document)?.len(), apsides(File::open(&document)?, None)?);
            let mut column = Vec::new();
            for &contender in &rows {
                if !contenders(shape).contains(&contender) {
                    column.push(None);
                    continue;
                }
                say(&format!("{}: counting instructions of {contender}", shape.name()));
                check(contender.tool, &document, self.whole(contender, &document)?.counts, expected)?;
                let taken = self.callgrind(contender, &document)? - self.callgrind(contender, &empty)?;
                column.push(Some(taken / bytes as f64));
            }
            columns.push(column);
        }

        let mut out = String::new();
        writeln!(out, "# The tokenizer's instructions, counted on {}\n", today()?)?;
        writeln!(out, "{}\n", machine()?)?;
        let libraries = ["struson", "actson", "serde_json", "sonic-rs", "simd-json", "jiter"];
        let valgrind = first_line(Command::new("valgrind").arg("--version"))?;
        writeln!(out, "{} {valgrind}.\n", versions(&libraries)?)?;
        writeln!(out, "{}", NOTES.replace("SIZE", &format!("{} KiB", self.bytes >> 10)))?;
        writeln!(out, "| Contender | {} |", Shape::ALL.map(Shape::name).join(" | "))?;
        writeln!(out, "|---|{}", "---:|".repeat(Shape::ALL.len()))?;
        for (row, contender) in rows.iter().enumerate() {
            write!(out, "| {contender} |")?;
            for column in &columns {
                write!(out, " {} |", column[row].map_or("–".into(), |count: f64| format!("{count:.2}")))?;
            }
            writeln!(out)?;
        }
        Ok(out)
    }

    /// All instructions of a process.
    fn callgrind(&self, contender: Contender, document: &Path) -> Result<f64> {
        let visit = self.command(contender, document);
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        valgrind.arg(visit.get_program()).args(visit.get_args());
        let output = valgrind.output().map_err(|error| format!("valgrind, which counts, does not start: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        let count = text.lines().find_map(|line| line.split_once("Collected : "));
        match count {
            Some((_, count)) if output.status.success() => Ok(count.trim().parse()?),
            _ => Err(format!("{contender} under valgrind: {}: {text}", output.status).into()),
        }
    }
}

/// Not what valgrind does not know: AVX-512, and perhaps more that this processor has.
fn counted(contender: &Contender) -> bool {
    !contender.native && contender.tool.backend() != Some(Backend::Avx512)
}

const NOTES: &str = "\
Instructions per byte of JSON, as callgrind counts them, in whole processes that read a document of SIZE and visit \
every token and decode every string (`skip` and `raw` of ours do what their names say), without those that a process \
takes for `{}`. All agreed on the counts first.

- They repeat on a busy machine, and do not tell how many fit a cycle: times are in the record of the tokenizer.
- Valgrind has no AVX-512: that backend is not counted, nor is what was compiled for this very processor; and simd-json, \
which chooses by what it finds, has AVX2 here.
- What the kernel does is not counted: reading the file, and giving memory to those that hold the document.
";
