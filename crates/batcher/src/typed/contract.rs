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
//!
//! The members of a struct are columns in it, for which the same holds; the elements of a list make its type.
//! What is only learned of objects and arrays, and of too few, changes nothing that is published.

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
    /// What the elements were, where the column was of lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements_before: Option<Kind>,
    /// What they are from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements_after: Option<Kind>,
}

impl Change {
    pub(super) fn of(
        table: &str,
        column: Option<String>,
        before: Option<&TypedColumn>,
        after: Option<&TypedColumn>,
    ) -> Self {
        let kind = |column: Option<&TypedColumn>| column.map(|column| column.kind);
        let elements = |column: Option<&TypedColumn>| {
            column.filter(|column| column.kind == Kind::List).and_then(|list| Some(list.members.first()?.kind))
        };
        Self {
            table: table.to_owned(),
            column,
            before: kind(before),
            after: kind(after),
            elements_before: elements(before),
            elements_after: elements(after),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match (&self.column, self.before, self.after) {
            (None, ..) => write!(out, "new table {table}"),
            (Some(column), None, Some(after)) => {
                write!(out, "new column {table}.{column} ({})", named(after, self.elements_after))
            }
            (Some(column), Some(before), Some(after)) => {
                let (before, after) = (named(before, self.elements_before), named(after, self.elements_after));
                write!(out, "{table}.{column} was {before}, is {after}")
            }
            (Some(column), _, None) => write!(out, "{table}.{column} is no longer asked for"),
        }
    }
}

fn named(kind: Kind, elements: Option<Kind>) -> String {
    elements.map_or_else(|| kind.name().to_owned(), |elements| format!("{} of {}", kind.name(), elements.name()))
}

/// Tells the log what changes.
pub(crate) fn warn_of(changes: &[Change]) {
    for change in changes {
        tracing::warn!(table = change.table, column = change.column, "schema: {change}");
    }
}

/// The schema of this run, and what is new in it; or else what may not change.
pub(crate) fn merge(
    before: Option<&TypedSchema>,
    now: TypedSchema,
    mode: SchemaMode,
    asked: &Asked,
) -> Result<(TypedSchema, Vec<Change>), Vec<Change>> {
    let Some(before) = before else {
        let mut now = now;
        now.tables.iter_mut().for_each(settle);
        return Ok((now, Vec::new()));
    };
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
        changes.push(Change::of(&table.name, None, None, None));
        if mode == SchemaMode::Evolve {
            table.name = distinct(&table.name, |name| tables.iter().any(|other| other.name == name));
            settle(&mut table);
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

pub(super) fn is_same_table(one: &TypedTable, other: &TypedTable) -> bool {
    match (&one.of, &other.of) {
        (TypedOf::Sections, TypedOf::Sections) => true,
        (
            TypedOf::Events { type_ids, discriminator },
            TypedOf::Events { type_ids: other_ids, discriminator: other },
        ) => is_same(discriminator, type_ids, other, other_ids),
        _ => false,
    }
}

pub(super) fn is_same(one: &str, ids: &[String], other: &str, other_ids: &[String]) -> bool {
    if one.is_empty() || other.is_empty() { ids.iter().any(|id| other_ids.contains(id)) } else { one == other }
}

fn settle(table: &mut TypedTable) {
    for column in &mut table.columns {
        column.settle();
    }
}

/// How columns change.
struct Merge<'m> {
    table: &'m str,
    mode: SchemaMode,
    asked: &'m Asked,
    changes: &'m mut Vec<Change>,
}

fn merge_table(
    before: &TypedTable,
    now: TypedTable,
    mode: SchemaMode,
    asked: &Asked,
    changes: &mut Vec<Change>,
) -> TypedTable {
    let mut merge = Merge { table: &now.name, mode, asked, changes };
    let columns = merge.columns(&before.columns, now.columns, "");
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

impl Merge<'_> {
    /// The columns of a table, or of a struct in it, which is `within`.
    fn columns(&mut self, before: &[TypedColumn], now: Vec<TypedColumn>, within: &str) -> Vec<TypedColumn> {
        let mut columns = before.to_vec();
        let mut met = vec![false; columns.len()];
        for mut column in now {
            let same: Vec<usize> = (0..before.len())
                .filter(|&at| {
                    let known = &before[at];
                    let both_tags = (known.kind == Kind::Tag) == (column.kind == Kind::Tag);
                    both_tags && is_same(&known.discriminator, &known.ids, &column.discriminator, &column.ids)
                })
                .collect();
            // Too little is known to make a struct or a list of it: what is filled now takes it.
            let takes = |known: &TypedColumn| !known.retired && (known.kind.is_nested() || holds(known, &column));
            let taken = same.iter().find(|&&at| column.is_unknown() && takes(&before[at]));
            if taken.is_none() && column.is_unknown() {
                column.settle();
            }
            let equal = |at: &&usize| before[**at].kind == column.kind && holds(&before[**at], &column);
            let other = same.iter().find(equal).or_else(|| same.iter().find(|&&at| holds(&before[at], &column)));
            if let Some(&at) = taken.or(other) {
                met[at] = true;
                self.update(&mut columns[at], column, within);
                continue;
            }
            column.settle();
            let Some(&at) = same.iter().find(|&&at| !columns[at].retired).or(same.first()) else {
                self.change(within, &column.name, None, Some(&column));
                if self.mode == SchemaMode::Evolve {
                    push(&mut columns, column);
                }
                continue;
            };
            met[at] = true;
            self.change(within, &columns[at].name, Some(&columns[at]), Some(&column));
            if self.mode == SchemaMode::Evolve {
                columns[at].retired = true;
                let name = format!("{}_{}", columns[at].name, column.kind.name());
                push(&mut columns, TypedColumn { name, ..column });
            }
        }
        for (column, _) in columns.iter_mut().zip(met).filter(|(_, met)| !met) {
            // Whether a profile lacks a tag that nobody asked for is not known: it is null, not false.
            if column.kind == Kind::Tag && !column.retired && !Asked::has(self.asked.tags.as_ref(), &column.ids) {
                self.change(within, &column.name, Some(column), None);
                column.retired = true;
            }
        }
        columns
    }

    /// What is known of the column now; its name and its kind stay.
    fn update(&mut self, known: &mut TypedColumn, now: TypedColumn, within: &str) {
        let earlier = std::mem::replace(&mut known.ids, now.ids);
        known.ids.extend(earlier.into_iter().filter(|id| !known.ids.contains(id)).collect::<Vec<_>>());
        known.retired = false;
        for (known, now) in [(&mut known.discriminator, now.discriminator), (&mut known.title, now.title)] {
            if !now.is_empty() {
                *known = now;
            }
        }
        let within = format!("{within}{}", known.name);
        match (known.kind, now.kind) {
            (Kind::Struct, Kind::Struct) => {
                known.members = self.columns(&known.members, now.members, &format!("{within}."));
            }
            (Kind::List, Kind::List) => {
                for (element, now) in known.members.iter_mut().zip(now.members) {
                    let (Kind::Struct, Kind::Struct) = (element.kind, now.kind) else { continue };
                    element.members = self.columns(&element.members, now.members, &format!("{within}[]."));
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, within: &str, name: &str, before: Option<&TypedColumn>, after: Option<&TypedColumn>) {
        self.changes.push(Change::of(self.table, Some(format!("{within}{name}")), before, after));
    }
}

/// Whether a column holds whatever the other would: the members of a struct are another matter.
fn holds(column: &TypedColumn, other: &TypedColumn) -> bool {
    match (column.kind, other.kind) {
        (Kind::Struct, Kind::Struct) => true,
        (Kind::List, Kind::List) => match (column.members.first(), other.members.first()) {
            (Some(element), Some(other)) => holds(element, other),
            _ => true,
        },
        // An object or an array, of which nothing is known.
        (Kind::Struct | Kind::List, Kind::Json) => other.is_tentative,
        (kind, other) => kind.holds(other),
    }
}

fn push(columns: &mut Vec<TypedColumn>, column: TypedColumn) {
    let name = distinct(&column.name, |name| columns.iter().any(|other| other.name == name));
    columns.push(TypedColumn { name, ..column });
}
