//! Two schemas of the same destination: the one that is published, and that of tables which were made apart, and are to be
//! published beside. Files are not written again, so each column must be in both what it is in one.

use super::{
    contract::{is_same, is_same_table},
    kind::Kind,
    schema::{TypedColumn, TypedSchema, TypedTable},
};
use crate::error::{Error, Result};

/// The schema that holds both, and the columns that it has besides those published, as `(table, column)`.
///
/// Columns are one by their name in files. Fails where two of a name are of different types, or of different attributes, tags
/// or members.
pub(crate) fn join(published: TypedSchema, apart: &TypedSchema) -> Result<TypedSchema> {
    let mut joined = published;
    for table in &apart.tables {
        match joined.tables.iter_mut().find(|known| known.name == table.name) {
            Some(known) if is_same_table(known, table) => {
                Join { table: &table.name }.columns(&mut known.columns, &table.columns, "")?;
            }
            Some(_) => {
                return Err(Join { table: &table.name }.conflict(String::new(), "another event type", "this one"));
            }
            None => joined.tables.push(table.clone()),
        }
    }
    joined.sections.extend(apart.sections.clone());
    Ok(joined)
}

/// Whether tables of a name have the same columns in their files.
pub(crate) fn is_equal(one: &TypedTable, other: &TypedTable) -> bool {
    let same = |(one, other): (&TypedColumn, &TypedColumn)| is_equal_column(one, other);
    one.columns.len() == other.columns.len() && one.columns.iter().zip(&other.columns).all(same)
}

fn is_equal_column(one: &TypedColumn, other: &TypedColumn) -> bool {
    let same = |(one, other): (&TypedColumn, &TypedColumn)| is_equal_column(one, other);
    (&one.name, one.kind, one.members.len()) == (&other.name, other.kind, other.members.len())
        && one.members.iter().zip(&other.members).all(same)
}

struct Join<'a> {
    table: &'a str,
}

impl Join<'_> {
    /// Adds the columns of a table, or of a struct in it, which is `within`.
    fn columns(&self, known: &mut Vec<TypedColumn>, apart: &[TypedColumn], within: &str) -> Result<()> {
        for column in apart {
            match known.iter_mut().find(|known| known.name == column.name) {
                Some(known) => self.column(known, column, within)?,
                None => known.push(column.clone()),
            }
        }
        Ok(())
    }

    fn column(&self, known: &mut TypedColumn, apart: &TypedColumn, within: &str) -> Result<()> {
        let place = format!("{within}{}", known.name);
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
                (Some(element), Some(other)) => self.column(element, other, &format!("{place}[].")),
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
    use crate::typed::TypedOf;

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
            ("more", schema("events_a", "1", &[("z", Kind::Text, "z")]), format!("{a} z:text")),
            ("another table", schema("events_b", "2", &[]), format!("{a}; {b}")),
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
                "events_a.: another event type, this one".to_owned(),
            ),
        ] {
            let joined = match join(published.clone(), &apart) {
                Ok(joined) => shown(&joined),
                Err(Error::SchemaApart { table, column, published, apart }) => {
                    format!("{table}.{column}: {published}, {apart}")
                }
                Err(error) => panic!("{name}: {error}"),
            };
            assert_eq!(joined, expected, "{name}");
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
            let joined = Join { table: "t" }.columns(&mut columns, &[other], "");
            match (joined, expected) {
                (Ok(()), Ok(names)) => {
                    let members: Vec<_> = columns[0].members.iter().map(|member| member.name.as_str()).collect();
                    assert_eq!(members, names, "{name}");
                }
                (Err(Error::SchemaApart { column, .. }), Err(place)) => assert_eq!(column, place, "{name}"),
                (joined, expected) => panic!("{name}: {joined:?}, {expected:?}"),
            }
        }
    }
}
