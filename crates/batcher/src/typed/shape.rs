//! What the values of a member of `data` are like: a kind, and of objects and arrays what is in them.
//!
//! A shape is declared, by definitions or a pipeline, or learned from a sample. What is learned makes a
//! struct or a list only where it is stable:
//!
//! - all values are objects, or all are arrays, nulls aside;
//! - at least [`VALUES_MIN`] of them were seen;
//! - the members of the objects come again: of [`SPREAD_MAX`] objects, one has a member, on the average.
//!   An object whose names are keys (`{"4711": …}`) would have columns without end;
//! - the elements of the arrays are scalars of one kind, or objects of one stable shape;
//! - they are no more than [`DEPTH_MAX`] structs and lists in one another, of [`LEAVES_MAX`] scalars.
//!
//! Else the value is JSON text, as it stands. What is known too little of is tentative: it adds to a
//! struct that has been published, and is JSON text otherwise.

use super::{
    kind::Kind,
    learn::{Ordered, Seen},
};
use std::fmt;

/// Structs and lists that may be in one another. What is deeper is JSON text.
pub(crate) const DEPTH_MAX: u32 = 8;

/// Scalars that a learned struct or list is made of, at most.
const LEAVES_MAX: usize = 64;

/// Objects or arrays that make a shape.
pub(super) const VALUES_MIN: u32 = 20;

/// Of so many objects, at least one has a member, on the average of all members.
const SPREAD_MAX: u64 = 10;

/// What values are like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    /// Of a struct, its members by name; of a list, its elements, if anything is known of them.
    pub(crate) members: Vec<(String, Shape)>,
    /// Too little is known of it to publish it for the first time.
    pub(crate) is_tentative: bool,
}

impl Shape {
    /// Of a kind of scalars.
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind, members: Vec::new(), is_tentative: false }
    }

    pub(crate) fn list(element: Option<Shape>) -> Self {
        let members = element.into_iter().map(|element| (String::new(), element)).collect();
        Self { kind: Kind::List, members, is_tentative: false }
    }

    /// The shape that all values have that were seen; none if there were only nulls.
    pub(super) fn of_seen(seen: &Seen) -> Option<Self> {
        let Seen { string, integer, double, boolean, other, objects, arrays, .. } = *seen;
        let scalars = [string, integer || double, boolean].into_iter().filter(|&is_seen| is_seen).count();
        match (other, scalars, objects, arrays) {
            (false, 0, 0, 0) => None,
            (false, 0, 1.., 0) => Some(Self::of_objects(&seen.members, objects)),
            (false, 0, 0, 1..) => Some(Self::of_arrays(seen.element.as_deref(), arrays)),
            (false, 1, 0, 0) if string => Some(Self::of(Kind::Text)),
            (false, 1, 0, 0) if boolean => Some(Self::of(Kind::Boolean)),
            (false, 1, 0, 0) if double => Some(Self::of(Kind::Double)),
            (false, 1, 0, 0) => Some(Self::of(Kind::Integer)),
            _ => Some(Self::of(Kind::Json)),
        }
    }

    fn of_objects(seen: &Ordered, objects: u32) -> Self {
        let times: u64 = seen.iter().map(|(_, member)| u64::from(member.times)).sum();
        let are_keys = seen.has_more || times * SPREAD_MAX < u64::from(objects) * seen.names.len() as u64;
        let members = seen.iter().filter_map(|(name, member)| Some((name.to_owned(), Self::of_seen(member)?)));
        let shape = Self { kind: Kind::Struct, members: members.collect(), is_tentative: objects < VALUES_MIN };
        match are_keys || shape.members.is_empty() || shape.leaves() > LEAVES_MAX {
            true => Self { members: Vec::new(), is_tentative: true, ..shape },
            false => shape,
        }
    }

    fn of_arrays(element: Option<&Seen>, arrays: u32) -> Self {
        let element = element.and_then(Self::of_seen);
        if element.as_ref().is_some_and(|element| matches!(element.kind, Kind::List | Kind::Json)) {
            return Self::of(Kind::Json);
        }
        Self { is_tentative: arrays < VALUES_MIN || element.is_none(), ..Self::list(element) }
    }

    fn leaves(&self) -> usize {
        if self.kind.is_nested() { self.members.iter().map(|(_, member)| member.leaves()).sum() } else { 1 }
    }

    /// The shape that holds what both hold. Both are declared.
    pub(crate) fn widened(self, other: Self) -> Self {
        if self.is_open() && (other.kind.is_nested() || other.kind == Kind::Json) {
            return other;
        }
        if other.is_open() && (self.kind.is_nested() || self.kind == Kind::Json) {
            return self;
        }
        match (self.kind, other.kind) {
            (Kind::Struct, Kind::Struct) | (Kind::List, Kind::List) => self.joined(other, Self::widened),
            (one, other) if one.is_nested() || other.is_nested() => Self::of(Kind::Json),
            (one, other) => Self::of(one.widened(other)),
        }
    }

    /// What is declared, with what was learned where that is silent.
    pub(crate) fn with(self, learned: Self) -> Self {
        let Self { kind, is_tentative, .. } = self;
        match (kind, learned.kind) {
            (Kind::Json, Kind::Struct | Kind::List | Kind::Json) if is_tentative => learned,
            (Kind::Struct, Kind::Struct) | (Kind::List, Kind::List) => {
                Self { is_tentative, ..self.joined(learned, Self::with) }
            }
            _ => self,
        }
    }

    /// An object or an array, and nothing is declared of what is in it.
    fn is_open(&self) -> bool {
        self.kind == Kind::Json && self.is_tentative
    }

    fn joined(mut self, other: Self, join: impl Fn(Self, Self) -> Self) -> Self {
        for (name, member) in other.members {
            match self.members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => {
                    let declared = std::mem::replace(known, Self::of(Kind::Json));
                    *known = join(declared, member);
                }
                None => self.members.push((name, member)),
            }
        }
        self
    }

    /// A member that is said to be of a kind, by the steps that lead to it: names, and `None` for the
    /// elements of a list. What is on the way is declared by that.
    pub(crate) fn say(&mut self, steps: &[Option<String>], kind: Kind) {
        let Some((step, rest)) = steps.split_first() else {
            *self = Self::of(kind);
            return;
        };
        let wanted = if step.is_some() { Kind::Struct } else { Kind::List };
        if self.kind != wanted {
            *self = Self { kind: wanted, ..Self::of(wanted) };
        }
        self.is_tentative = false;
        let name = step.clone().unwrap_or_default();
        let at = self.members.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.members.push((name, Self::of(Kind::Json)));
            self.members.len() - 1
        });
        self.members[at].1.say(rest, kind);
    }
}

/// As in `list<struct<sku: integer>>`; what is tentative has a question mark behind it.
impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind.name())?;
        if self.kind.is_nested() {
            out.write_str("<")?;
            for (at, (name, member)) in self.members.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let colon = if name.is_empty() { "" } else { ": " };
                write!(out, "{comma}{name}{colon}{member}")?;
            }
            out.write_str(">")?;
        }
        out.write_str(if self.is_tentative { "?" } else { "" })
    }
}
