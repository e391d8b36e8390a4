//! The tables of event types, and the columns of what is in `data`: by what a pipeline says, else by what
//! the definitions declare, else by what the sample had.

use super::{
    kind::Kind,
    plan::{Asked, COLUMNS_MAX, Draft, Nested, Sources, Typed, add, called, kind, least, named},
    schema::{TypedColumn, TypedOf, TypedSchema, TypedTable},
    shape::{DEPTH_MAX, Shape},
};
use apsides_definitions::{Field, Named, ValueType, unique_names};
use std::collections::BTreeMap;

/// A type of events.
struct Type<'a> {
    name: &'a str,
    discriminator: &'a str,
    ids: Vec<String>,
    /// The members that are declared, in that order.
    fields: Vec<(&'a str, Option<Shape>)>,
}

pub(super) fn events(known: &Sources<'_>) -> Vec<TypedTable> {
    let Sources { typed, definitions, learned, ref index } = *known;
    let mut types: Vec<Type<'_>> = Vec::new();
    for event in &definitions.events {
        let ids: Vec<_> = event.versions.iter().map(|version| version.id.clone()).collect();
        let known = types.iter().position(|known| match event.discriminator.is_empty() {
            true => known.ids.iter().any(|id| ids.contains(id)),
            false => known.discriminator == event.discriminator,
        });
        let at = known.unwrap_or_else(|| {
            let name = called(&event.discriminator, &event.name);
            types.push(Type { name, discriminator: &event.discriminator, ids: Vec::new(), fields: Vec::new() });
            types.len() - 1
        });
        add(&mut types[at].ids, ids);
        for field in event.versions.iter().flat_map(|version| &version.fields) {
            let shape = declared(field);
            match types[at].fields.iter_mut().find(|(name, _)| *name == field.name) {
                Some((_, known)) => {
                    *known = match (known.take(), shape) {
                        (Some(one), Some(other)) => Some(one.widened(other)),
                        (one, other) => one.or(other),
                    }
                }
                None => types[at].fields.push((&field.name, shape)),
            }
        }
    }
    types.retain(|known| Asked::has(typed.asked.events.as_ref(), &known.ids));
    let undefined = learned.type_ids.iter().filter(|id| index.event(id).is_none());
    types.extend(undefined.map(|id| Type { name: id, discriminator: "", ids: vec![id.clone()], fields: Vec::new() }));
    let things =
        types.iter().map(|known| Named { name: known.name, discriminator: known.discriminator, id: least(&known.ids) });
    let names = unique_names(&things.collect::<Vec<_>>(), &[]);
    types.into_iter().zip(names).map(|(of, name)| table(of, &name, known)).collect()
}

fn table(of: Type<'_>, name: &str, known: &Sources<'_>) -> TypedTable {
    let Sources { typed, learned, .. } = *known;
    let mut members: Vec<(String, Option<Shape>)> =
        of.fields.into_iter().map(|(name, shape)| (name.to_owned(), shape)).collect();
    for seen in of.ids.iter().filter_map(|id| learned.events.get(id)) {
        for name in &seen.names {
            let learned = seen.shape(name);
            match members.iter_mut().find(|(known, _)| known == name) {
                Some((_, shape)) => {
                    *shape = match (shape.take(), learned) {
                        (Some(declared), Some(learned)) => Some(declared.with(learned)),
                        (declared, learned) => declared.or(learned),
                    }
                }
                None => members.push((name.clone(), learned)),
            }
        }
    }
    say(&mut members, &of.ids, of.discriminator, typed);
    let members = members.into_iter().filter_map(|(name, shape)| Some((name, shape?)));
    let members = members.map(|(name, shape)| {
        match typed.nested == Nested::Json && (shape.kind.is_nested() || shape.is_tentative) {
            true => (name, Shape::of(Kind::Json)),
            false => (name, shape),
        }
    });
    let type_of = TypedOf::Events { type_ids: of.ids, discriminator: of.discriminator.to_owned() };
    let mut columns = columns(members.collect(), &TypedTable::fixed_names(&type_of), DEPTH_MAX);
    let mut leaves = 0;
    columns.retain(|column| {
        leaves += column.leaves();
        leaves <= COLUMNS_MAX
    });
    TypedTable { name: format!("events_{}", name.trim_start_matches('_')), of: type_of, columns }
}

/// The columns of members, named as columns are. So many structs and lists may be in one another; what is
/// deeper is JSON text.
fn columns(members: Vec<(String, Shape)>, reserved: &[String], depth_left: u32) -> Vec<TypedColumn> {
    let drafts = members.into_iter().map(|(member, shape)| {
        let TypedColumn { kind, members, is_tentative, .. } = column(shape, depth_left);
        let (name, ids) = (member.clone(), vec![member]);
        Draft { name, ids, kind, members, is_tentative, discriminator: "".into(), title: "".into(), is_other: false }
    });
    named(drafts.collect(), reserved)
}

/// A column of this shape, as if it held the elements of a list.
fn column(Shape { kind, members, is_tentative }: Shape, depth_left: u32) -> TypedColumn {
    let Some(depth_left) = depth_left.checked_sub(1).filter(|_| kind.is_nested()) else {
        let kind = if kind.is_nested() { Kind::Json } else { kind };
        return TypedColumn { is_tentative, ..TypedColumn::of_elements(kind) };
    };
    let members = match kind {
        Kind::List => members.into_iter().map(|(_, shape)| column(shape, depth_left)).collect(),
        _ => columns(members, &[], depth_left),
    };
    TypedColumn { members, is_tentative, ..TypedColumn::of_elements(kind) }
}

/// What a definition declares of a member; none if it names no type.
fn declared(field: &Field) -> Option<Shape> {
    if let Some(items) = &field.items {
        // What is in them is for the sample to tell where the definition does not.
        return Some(match declared(items) {
            Some(element) if element.kind == Kind::List || (element.kind == Kind::Json && element.is_tentative) => {
                open()
            }
            Some(element) => Shape::list(Some(element)),
            None => open(),
        });
    }
    if !field.fields.is_empty() {
        let members = field.fields.iter().filter_map(|field| Some((field.name.clone(), declared(field)?)));
        let members: Vec<_> = members.collect();
        return Some(if members.is_empty() { open() } else { Shape { members, ..Shape::of(Kind::Struct) } });
    }
    let is_any = |name: &str| ["json", "map"].iter().any(|any| any.eq_ignore_ascii_case(name));
    match field.value_type? {
        ValueType::Json if !field.type_name.as_deref().is_some_and(is_any) => Some(open()),
        value_type => Some(Shape::of(kind(value_type))),
    }
}

/// An object or an array, of which no more is declared.
fn open() -> Shape {
    Shape { is_tentative: true, ..Shape::of(Kind::Json) }
}

/// What a pipeline says of members: `<type>/<member>` of the whole of it, and `<type>/<member>/<member>` or
/// `<type>/<member>[]` of what is in it.
fn say(members: &mut Vec<(String, Option<Shape>)>, ids: &[String], discriminator: &str, typed: &Typed) {
    // The last word is the discriminator's, and before it that of the first id.
    let of = ids.iter().rev().map(String::as_str).chain((!discriminator.is_empty()).then_some(discriminator));
    let mut inner: BTreeMap<Vec<Option<String>>, Kind> = BTreeMap::new();
    for of in of {
        for (path, kind) in typed.kinds.iter().filter_map(|(name, kind)| Some((path_in(name, of)?, *kind))) {
            match members.iter_mut().find(|(name, _)| *name == path) {
                Some((_, shape)) => *shape = Some(Shape::of(kind)),
                None => drop(inner.insert(steps(path), kind)),
            }
        }
    }
    for (steps, kind) in inner {
        let Some((Some(name), steps)) = steps.split_first() else { continue };
        // A member that is said to be a scalar, and that nobody knows, has no column yet.
        if steps.is_empty() {
            continue;
        }
        let at = members.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            members.push((name.clone(), None));
            members.len() - 1
        });
        members[at].1.get_or_insert_with(open).say(steps, kind);
    }
}

/// What a pipeline says a type of that is in no table, in order.
pub(crate) fn unused<'t>(typed: &'t Typed, schema: &TypedSchema) -> Vec<&'t str> {
    let is_of_column = |name: &str| {
        let columns = schema.wide().into_iter().flat_map(|wide| &wide.columns);
        let mut columns = columns.filter(|column| column.kind != Kind::Tag);
        columns.any(|column| column.discriminator == name || column.ids.iter().any(|id| id == name))
    };
    let is_of_member = |name: &str| {
        schema.events().any(|table| {
            let TypedOf::Events { type_ids, discriminator } = &table.of else { return false };
            let mut paths = type_ids.iter().chain(std::iter::once(discriminator)).filter_map(|of| path_in(name, of));
            let is_there = |member: &str| table.columns.iter().any(|column| column.ids.iter().any(|id| id == member));
            paths.any(|path| steps(path).first().is_some_and(|first| first.as_deref().is_some_and(is_there)))
        })
    };
    let is_unused = |name: &&str| match name.contains('/') {
        true => typed.events && !is_of_member(name),
        false => typed.wide && !is_of_column(name),
    };
    let mut unused: Vec<_> = typed.kinds.keys().map(String::as_str).filter(is_unused).collect();
    unused.sort_unstable();
    unused
}

fn path_in<'n>(name: &'n str, of: &str) -> Option<&'n str> {
    name.strip_prefix(of)?.strip_prefix('/')
}

/// The steps to a member in another: names as in a JSON Pointer, none for the elements of a list.
fn steps(path: &str) -> Vec<Option<String>> {
    let mut steps = Vec::new();
    for step in path.split('/') {
        let name = step.trim_end_matches("[]");
        steps.push(Some(name.replace("~1", "/").replace("~0", "~")));
        steps.extend((0..(step.len() - name.len()) / 2).map(|_| None));
    }
    steps
}
