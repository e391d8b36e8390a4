//! The schema that was published before, and what may change of it.
//!
//! Readers keep what they wrote against a schema, and read the files of several runs together. So a
//! column keeps its name and its type for good, whatever becomes of the definitions:
//!
//! | what comes | `evolve` | `discard` | `freeze` |
//! |---|---|---|---|
//! | a new column or table | is added behind the others | is left out | fails |
//! | a type that the column's holds (integers in doubles, anything in JSON) | the column stays | the column stays | the column stays |
//! | another type | the column is null from now on; a new one, `<name>_<type>`, is added | the column stays: values that do not fit it go to `unmapped` | fails |
//! | a new display name | the column stays | the column stays | the column stays |
//! | nothing more of a column | the column stays; null, if no values come | the same | the same |

use super::{
    kind::Kind,
    plan::{Asked, distinct},
    schema::{TypedColumn, TypedOf, TypedSchema, TypedTable},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What becomes of columns that the tables published before did not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchemaMode {
    /// They are added.
    #[default]
    Evolve,
    /// The run fails.
    Freeze,
    /// They are left out.
    Discard,
}

/// A change of a published schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The table.
    pub table: String,
    /// The column; none if the table is new.
    pub column: Option<String>,
    /// The column's kind before, where it had one.
    pub before: Option<Kind>,
    /// Its kind from now on, which is that of a column of its own where there was one before; none if
    /// nothing is asked for that would fill it.
    pub after: Option<Kind>,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match (&self.column, self.before, self.after) {
            (None, ..) => write!(out, "new table {table}"),
            (Some(column), None, Some(after)) => write!(out, "new column {table}.{column} ({})", after.name()),
            (Some(column), Some(before), Some(after)) => {
                write!(out, "{table}.{column} was {}, is {}", before.name(), after.name())
            }
            (Some(column), _, None) => write!(out, "{table}.{column} is no longer asked for"),
        }
    }
}

/// The schema of this run, and what is new in it; or else what may not change.
pub(crate) fn merge(
    before: Option<&TypedSchema>,
    now: TypedSchema,
    mode: SchemaMode,
    asked: &Asked,
) -> Result<(TypedSchema, Vec<Change>), Vec<Change>> {
    let Some(before) = before else { return Ok((now, Vec::new())) };
    let mut changes = Vec::new();
    let mut tables = Vec::new();
    let mut left: Vec<Option<TypedTable>> = now.tables.into_iter().map(Some).collect();
    for table in &before.tables {
        let same = left.iter_mut().find(|other| other.as_ref().is_some_and(|other| is_same_table(table, other)));
        tables.push(match same.and_then(Option::take) {
            Some(now) => merge_table(table, now, mode, asked, &mut changes),
            None => table.clone(),
        });
    }
    for mut table in left.into_iter().flatten() {
        changes.push(Change { table: table.name.clone(), column: None, before: None, after: None });
        if mode == SchemaMode::Evolve {
            table.name = distinct(&table.name, |name| tables.iter().any(|other| other.name == name));
            tables.push(table);
        }
    }
    let is_breaking = |change: &Change| change.after.is_some() || change.column.is_none();
    if mode == SchemaMode::Freeze && changes.iter().any(is_breaking) {
        return Err(changes);
    }
    let mut sections = before.sections.clone();
    sections.extend(now.sections);
    Ok((TypedSchema { tables, sections }, changes))
}

fn is_same_table(one: &TypedTable, other: &TypedTable) -> bool {
    match (&one.of, &other.of) {
        (TypedOf::Sections, TypedOf::Sections) => true,
        (
            TypedOf::Events { type_ids, discriminator },
            TypedOf::Events { type_ids: other_ids, discriminator: other },
        ) => is_same(discriminator, type_ids, other, other_ids),
        _ => false,
    }
}

fn is_same(one: &str, ids: &[String], other: &str, other_ids: &[String]) -> bool {
    if one.is_empty() || other.is_empty() { ids.iter().any(|id| other_ids.contains(id)) } else { one == other }
}

fn merge_table(
    before: &TypedTable,
    now: TypedTable,
    mode: SchemaMode,
    asked: &Asked,
    changes: &mut Vec<Change>,
) -> TypedTable {
    let mut columns = before.columns.clone();
    let mut met = vec![false; columns.len()];
    let mut change = |column: &str, before, after| {
        changes.push(Change { table: now.name.clone(), column: Some(column.to_owned()), before, after });
    };
    for column in now.columns {
        let same: Vec<usize> = (0..before.columns.len())
            .filter(|&at| {
                let known = &before.columns[at];
                let both_tags = (known.kind == Kind::Tag) == (column.kind == Kind::Tag);
                both_tags && is_same(&known.discriminator, &known.ids, &column.discriminator, &column.ids)
            })
            .collect();
        let holds = |at: &&usize| before.columns[**at].kind.holds(column.kind);
        let equal = |at: &&usize| before.columns[**at].kind == column.kind;
        if let Some(&at) = same.iter().find(equal).or_else(|| same.iter().find(holds)) {
            let known = &mut columns[at];
            update(known, column);
            met[at] = true;
            continue;
        }
        let Some(&at) = same.iter().find(|&&at| !columns[at].retired).or(same.first()) else {
            change(&column.name, None, Some(column.kind));
            if mode == SchemaMode::Evolve {
                push(&mut columns, column);
            }
            continue;
        };
        met[at] = true;
        change(&columns[at].name, Some(columns[at].kind), Some(column.kind));
        if mode == SchemaMode::Evolve {
            columns[at].retired = true;
            let name = format!("{}_{}", columns[at].name, column.kind.name());
            push(&mut columns, TypedColumn { name, ..column });
        }
    }
    for (column, _) in columns.iter_mut().zip(met).filter(|(_, met)| !met) {
        // Whether a profile lacks a tag that nobody asked for is not known: it is null, not false.
        if column.kind == Kind::Tag && !column.retired && !Asked::has(asked.tags.as_ref(), &column.ids) {
            change(&column.name, Some(column.kind), None);
            column.retired = true;
        }
    }
    let mut of = before.of.clone();
    if let (TypedOf::Events { type_ids, discriminator }, TypedOf::Events { type_ids: more, discriminator: known }) =
        (&mut of, now.of)
    {
        type_ids.extend(more.into_iter().filter(|id| !type_ids.contains(id)).collect::<Vec<_>>());
        if discriminator.is_empty() {
            *discriminator = known;
        }
    }
    TypedTable { name: before.name.clone(), of, columns }
}

/// What is known of the column now; its name and its kind stay.
fn update(known: &mut TypedColumn, now: TypedColumn) {
    let earlier = std::mem::replace(&mut known.ids, now.ids);
    known.ids.extend(earlier.into_iter().filter(|id| !known.ids.contains(id)).collect::<Vec<_>>());
    known.retired = false;
    for (known, now) in [(&mut known.discriminator, now.discriminator), (&mut known.title, now.title)] {
        if !now.is_empty() {
            *known = now;
        }
    }
}

fn push(columns: &mut Vec<TypedColumn>, column: TypedColumn) {
    let name = distinct(&column.name, |name| columns.iter().any(|other| other.name == name));
    columns.push(TypedColumn { name, ..column });
}
