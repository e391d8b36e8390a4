//! SQL that names the published files: a view per table, one of all its snapshots where several are kept, and views in which
//! ids have their names.
//! Whoever reads through them never looks at a file that is not published.

use crate::{
    extent::Window,
    manifest::{DataFile, Manifest, TableFiles},
};
use jiff::Timestamp;
use std::fmt::Write;

/// The folder of the views, beside those of the tables.
pub(crate) const FOLDER: &str = "views";

/// Its files.
pub(crate) const FILES: [&str; 2] = ["duckdb.sql", "spark.sql"];

/// The files of SQL that every destination has beside its tables, by their paths in it.
pub fn view_paths() -> [String; 2] {
    FILES.map(|file| format!("{FOLDER}/{file}"))
}

/// The files' texts, for tables below `root`, an absolute path or an address.
pub(crate) fn views(root: &str, manifest: &Manifest) -> [(&'static str, String); 2] {
    let [duckdb, spark] = FILES;
    [(duckdb, Dialect::DuckDb.views(root, manifest)), (spark, Dialect::Spark.views(root, manifest))]
}

#[derive(Clone, Copy)]
enum Dialect {
    DuckDb,
    Spark,
}

/// A view that names what a table has by id.
struct Named {
    name: &'static str,
    table: &'static str,
    /// The table that knows the id.
    definitions: &'static str,
    id: &'static str,
    /// What it knows: column there, column here.
    columns: &'static [(&'static str, &'static str)],
}

const NAMED: [Named; 3] = [
    Named {
        name: "attributes_named",
        table: "attributes",
        definitions: "attribute_definitions",
        id: "attribute_id",
        columns: &[
            ("discriminator", "attribute_discriminator"),
            ("name", "attribute_name"),
            ("type", "attribute_type"),
        ],
    },
    Named {
        name: "tags_named",
        table: "tags",
        definitions: "tag_definitions",
        id: "tag_id",
        columns: &[("discriminator", "tag_discriminator"), ("name", "tag_name")],
    },
    Named {
        name: "events_named",
        table: "events",
        definitions: "event_definitions",
        id: "type_id",
        columns: &[("discriminator", "event_discriminator"), ("name", "event_name")],
    },
];

impl Dialect {
    fn views(self, root: &str, manifest: &Manifest) -> String {
        let root = match (self, root.strip_prefix("s3://")) {
            // The name under which Hadoop has it.
            (Self::Spark, Some(rest)) => format!("s3a://{rest}"),
            _ => root.to_owned(),
        };
        let mut sql =
            String::from("-- The published tables, file by file. Written by apsides with each publication.\n");
        for table in &manifest.tables {
            if is_current(manifest, table) {
                let current = table.files.iter().filter(|file| manifest.is_current(file));
                self.view(&mut sql, &table.name, &self.files(&root, table, "*", &current.collect::<Vec<_>>()));
            }
            let snapshots = self.snapshots(&root, table, &manifest.snapshots);
            if !snapshots.is_empty() {
                self.view(&mut sql, &format!("{}_snapshots", table.name), &snapshots.join(self.union()));
            }
        }
        let is_there = |name: &str| manifest.table(name).is_some_and(|table| is_current(manifest, table));
        for named in NAMED.iter().filter(|named| is_there(named.table) && is_there(named.definitions)) {
            self.view(&mut sql, named.name, &named.select());
        }
        sql
    }

    fn view(self, sql: &mut String, name: &str, select: &str) {
        let temporary = match self {
            Self::DuckDb => "",
            Self::Spark => "TEMPORARY ",
        };
        // Writing to a string cannot fail.
        let _ = write!(sql, "\nCREATE OR REPLACE {temporary}VIEW {name} AS\n{select};\n");
    }

    /// A query for each snapshot that a table has files of.
    fn snapshots(self, root: &str, table: &TableFiles, snapshots: &[Window]) -> Vec<String> {
        let selects = snapshots.iter().filter_map(|snapshot| {
            let folder = snapshot.snapshot_partition();
            let files = table.files.iter().filter(|file| file.partition() == Some(folder.as_str()));
            let files: Vec<_> = files.collect();
            let columns = format!("{} AS snapshot_at, *", self.moment(snapshot.asked_at));
            (!files.is_empty()).then(|| self.files(root, table, &columns, &files))
        });
        selects.collect()
    }

    /// What brings the rows of several queries together, by the names of columns where their number may differ.
    fn union(self) -> &'static str {
        match self {
            Self::DuckDb => "\nUNION ALL BY NAME ",
            // Each file's columns are listed.
            Self::Spark => "\nUNION ALL ",
        }
    }

    fn moment(self, moment: Timestamp) -> String {
        match self {
            Self::DuckDb => format!("TIMESTAMPTZ '{moment:.0}'"),
            Self::Spark => format!("TIMESTAMP '{moment:.0}'"),
        }
    }

    /// These files of a table; `*` in the columns stands for its own.
    fn files(self, root: &str, table: &TableFiles, columns: &str, files: &[&DataFile]) -> String {
        let path = |file: &DataFile| format!("{root}/{}/{}", table.name, file.name);
        match self {
            Self::DuckDb => {
                let quoted = files.iter().map(|file| format!("  '{}'", path(file).replace('\'', "''")));
                let quoted: Vec<_> = quoted.collect();
                // Windows and snapshots are folders, of which no column is made.
                let folders = if table.has_partitions() { ", hive_partitioning = false" } else { "" };
                // Those of other times may have fewer columns. Only then is each file opened twice, which in a folder
                // may be replaced in between.
                let others = files.iter().any(|file| file.columns != files[0].columns);
                let union = if others { ", union_by_name = true" } else { "" };
                format!("SELECT {columns} FROM read_parquet([\n{}\n]{folders}{union})", quoted.join(",\n"))
            }
            Self::Spark => {
                let selects = files.iter().map(|file| {
                    let columns = columns.replace('*', &own_columns(table, file));
                    format!("SELECT {columns} FROM parquet.`{}`", path(file).replace('`', "``"))
                });
                selects.collect::<Vec<_>>().join(self.union())
            }
        }
    }
}

/// Whether there is more of a table than earlier snapshots of it.
fn is_current(manifest: &Manifest, table: &TableFiles) -> bool {
    table.files.is_empty() || table.files.iter().any(|file| manifest.is_current(file))
}

/// The columns of a file, with those that the table has got since.
fn own_columns(table: &TableFiles, file: &DataFile) -> String {
    let Some(there) = &file.columns else { return "*".to_owned() };
    let all = table.columns.iter().map(|column| {
        let name = column.name.replace('`', "``");
        let is_there = there.contains(&column.name);
        if is_there { format!("`{name}`") } else { format!("NULL AS `{name}`") }
    });
    all.collect::<Vec<_>>().join(", ")
}

impl Named {
    /// Each id is joined once, however many sections list it, so that rows stay as many as they are.
    fn select(&self) -> String {
        let Self { table, definitions, id, .. } = self;
        let known: Vec<_> = self.columns.iter().map(|(there, here)| format!("min({there}) AS {here}")).collect();
        let shown: Vec<_> = self.columns.iter().map(|(_, here)| format!("known.{here}")).collect();
        format!(
            "SELECT {table}.*, section.section_name, {shown}\n\
             FROM {table}\n\
             LEFT JOIN (SELECT section_id, min(name) AS section_name FROM sections GROUP BY section_id) AS section\n  \
             ON section.section_id = {table}.section_id\n\
             LEFT JOIN (SELECT {id}, {known} FROM {definitions} GROUP BY {id}) AS known\n  \
             ON known.{id} = {table}.{id}",
            shown = shown.join(", "),
            known = known.join(", "),
        )
    }
}
