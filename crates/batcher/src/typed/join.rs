//! Two schemas of the same destination: the one that is published, and that of tables which were made apart, and are to be
//! published beside. Files are not written again, so each column must be in both what it is in one.

use super::{
    contract::{Change, SchemaMode, is_same, is_same_table},
    kind::Kind,
    schema::{TypedColumn, TypedSchema},
};
use crate::error::{Error, Result};

/// The schema that holds both, and what is new in it, if something is published.
///
/// Columns are one by their name in files. Fails where two of a name are of different types, or of different attributes, tags
/// or members; and where there is one that is not published, if something is, and nothing new is to come (`freeze`, `discard`).
pub(crate) fn join(
    published: Option<TypedSchema>,
    apart: &TypedSchema,
    mode: SchemaMode,
) -> Result<(TypedSchema, Vec<Change>)> {
    let is_first = published.is_none();
    let takes_new = is_first || mode == SchemaMode::Evolve;
    let mut joined = published.unwrap_or_default();
    let mut changes = Vec::new();
    for table in &apart.tables {
        let mut join = Join { table: &table.name, takes_new, changes: &mut changes };
        match joined.tables.iter_mut().find(|known| known.name == table.name) {
            Some(known) if is_same_table(known, table) => join.columns(&mut known.columns, &table.columns, "")?,
            Some(_) => return Err(join.conflict(TYPE.to_owned(), "another one", "of this event type")),
            None if takes_new => {
                changes.push(Change::of(&table.name, None, None, None));
                joined.tables.push(table.clone());
            }
            None => return Err(join.conflict(TYPE.to_owned(), "not there", "new")),
        }
    }
    joined.sections.extend(apart.sections.clone());
    if is_first {
        changes.clear();
    }
    Ok((joined, changes))
}

/// The column that is named where whole tables differ.
const TYPE: &str = "type_id";

struct Join<'a> {
    table: &'a str,
    /// Whether there may be columns that are not published.
    takes_new: bool,
    changes: &'a mut Vec<Change>,
}

impl Join<'_> {
    /// Adds the columns of a table, or of a struct in it, which is `within`.
    fn columns(&mut self, known: &mut Vec<TypedColumn>, apart: &[TypedColumn], within: &str) -> Result<()> {
        for column in apart {
            let place = format!("{within}{}", column.name);
            match known.iter_mut().find(|known| known.name == column.name) {
                Some(known) => self.column(known, column, place)?,
                None if self.takes_new => {
                    self.changes.push(Change::of(self.table, Some(place), None, Some(column)));
                    known.push(column.clone());
                }
                None => return Err(self.conflict(place, "not there", "new")),
            }
        }
        Ok(())
    }

    fn column(&mut self, known: &mut TypedColumn, apart: &TypedColumn, place: String) -> Result<()> {
        if known.kind != apart.kind {
            return Err(self.conflict(place, known.kind.name(), apart.kind.name()));
        }
        // Elements of lists are of nothing of their own.
        let is_element = known.ids.is_empty() && apart.ids.is_empty();
        if !is_element && !is_same(&known.discriminator, &known.ids, &apart.discriminator, &apart.ids) {
            return Err(self.conflict(place, "something else", "this"));
        }
        known.ids.extend(apart.ids.iter().filter(|id| !known.ids.contains(id)).cloned().collect::<Vec<_>>());
        known.retired &= apart.retired;
        match known.kind {
            Kind::Struct => self.columns(&mut known.members, &apart.members, &format!("{place}.")),
            Kind::List => match (known.members.first_mut(), apart.members.first()) {
                (Some(element), Some(other)) => {
                    let place = format!("{place}[].{}", element.name);
                    self.column(element, other, place)
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn conflict(&self, column: String, published: &'static str, apart: &'static str) -> Error {
        Error::SchemaApart { table: self.table.to_owned(), column, published, apart }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typed::{TypedOf, TypedTable};

    /// Columns by name, kind and what they are of; members behind a colon: `a:integer b:struct(c:text)` without structs.
    fn schema(table: &str, ids: &str, columns: &[(&str, Kind, &str)]) -> TypedSchema {
        let columns = columns.iter().map(|(name, kind, id)| {
            let ids = vec![(*id).to_owned()];
            TypedColumn { ids, ..TypedColumn::of(*name, *kind) }
        });
        let of = TypedOf::Events { type_ids: vec![ids.to_owned()], discriminator: String::new() };
        let table = TypedTable { name: table.to_owned(), of, columns: columns.collect() };
        TypedSchema { tables: vec![table], ..TypedSchema::default() }
    }

    fn shown(schema: &TypedSchema) -> String {
        let columns = |table: &TypedTable| {
            table.columns.iter().map(|column| format!(" {}:{}", column.name, column.kind.name())).collect::<String>()
        };
        schema.tables.iter().map(|table| format!("{}{}", table.name, columns(table))).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn schemas_are_joined_by_name_or_not_at_all() {
        let published = schema("events_a", "1", &[("x", Kind::Integer, "x"), ("y", Kind::Text, "y")]);
        let (a, b) = ("events_a x:integer y:text", "events_b");
        for (name, apart, expected) in [
            ("the same", schema("events_a", "1", &[("y", Kind::Text, "y"), ("x", Kind::Integer, "x")]), a.to_owned()),
            ("fewer", schema("events_a", "1", &[]), a.to_owned()),
            (
                "more",
                schema("events_a", "1", &[("z", Kind::Text, "z")]),
                format!("{a} z:text (new column events_a.z (text))"),
            ),
            ("another table", schema("events_b", "2", &[]), format!("{a}; {b} (new table events_b)")),
            (
                "another type",
                schema("events_a", "1", &[("x", Kind::Text, "x")]),
                "events_a.x: integer, text".to_owned(),
            ),
            (
                "another member",
                schema("events_a", "1", &[("x", Kind::Integer, "X")]),
                "events_a.x: something else, this".to_owned(),
            ),
            (
                "another event type",
                schema("events_a", "9", &[("x", Kind::Integer, "x")]),
                "events_a.type_id: another one, of this event type".to_owned(),
            ),
        ] {
            let joined = match join(Some(published.clone()), &apart, SchemaMode::Evolve) {
                Ok((joined, changes)) => {
                    shown(&joined) + &changes.iter().map(|change| format!(" ({change})")).collect::<String>()
                }
                Err(Error::SchemaApart { table, column, published, apart }) => {
                    format!("{table}.{column}: {published}, {apart}")
                }
                Err(error) => panic!("{name}: {error}"),
            };
            assert_eq!(joined, expected, "{name}");
        }
    }

    #[test]
    fn what_is_frozen_gets_nothing_new() {
        let published = schema("events_a", "1", &[("x", Kind::Integer, "x")]);
        let more = schema("events_a", "1", &[("z", Kind::Text, "z")]);
        let other = schema("events_b", "2", &[]);
        for mode in [SchemaMode::Freeze, SchemaMode::Discard] {
            for (apart, place) in [(&more, "z"), (&other, "type_id")] {
                let error = join(Some(published.clone()), apart, mode).expect_err("it is new");
                assert!(matches!(&error, Error::SchemaApart { column, .. } if column == place), "{error}");
                // The first that is published may be anything, and none of it is a change.
                assert!(join(None, apart, mode).is_ok_and(|(_, changes)| changes.is_empty()));
            }
            assert!(join(Some(published.clone()), &published, mode).is_ok());
        }
    }

    #[test]
    fn structs_and_lists_are_joined_by_their_members() {
        let of = |kind: Kind, members: Vec<TypedColumn>| TypedColumn {
            members,
            ids: vec!["m".to_owned()],
            ..TypedColumn::of("m", kind)
        };
        let field = |name: &str, kind| TypedColumn { ids: vec![name.to_owned()], ..TypedColumn::of(name, kind) };
        let element = |kind| TypedColumn::of_elements(kind);
        for (name, one, other, expected) in [
            (
                "a member more",
                of(Kind::Struct, vec![field("a", Kind::Text)]),
                of(Kind::Struct, vec![field("b", Kind::Text)]),
                Ok(vec!["a", "b"]),
            ),
            (
                "a member of another type",
                of(Kind::Struct, vec![field("a", Kind::Text)]),
                of(Kind::Struct, vec![field("a", Kind::Integer)]),
                Err("m.a"),
            ),
            (
                "elements of another type",
                of(Kind::List, vec![element(Kind::Text)]),
                of(Kind::List, vec![element(Kind::Integer)]),
                Err("m[].element"),
            ),
            (
                "the same elements",
                of(Kind::List, vec![element(Kind::Text)]),
                of(Kind::List, vec![element(Kind::Text)]),
                Ok(vec!["element"]),
            ),
        ] {
            let mut columns = vec![one];
            let mut changes = Vec::new();
            let joined =
                Join { table: "t", takes_new: true, changes: &mut changes }.columns(&mut columns, &[other], "");
            match (joined, expected) {
                (Ok(()), Ok(names)) => {
                    let members: Vec<_> = columns[0].members.iter().map(|member| member.name.as_str()).collect();
                    assert_eq!(members, names, "{name}");
                    let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
                    let is_more = names.contains(&"b");
                    assert_eq!(changes, if is_more { vec!["new column t.m.b (text)"] } else { vec![] }, "{name}");
                }
                (Err(Error::SchemaApart { column, .. }), Err(place)) => assert_eq!(column, place, "{name}"),
                (joined, expected) => panic!("{name}: {joined:?}, {expected:?}"),
            }
        }
    }
}
