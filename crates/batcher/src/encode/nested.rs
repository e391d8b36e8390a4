//! Columns of structs and lists to the scalars that they are made of, each a column for Parquet.
//!
//! Of a scalar, Parquet keeps the values that are there, and two small numbers for every place where one
//! could be: the definition level tells how much of the way down to it is there (a struct, a list, an
//! element of that, the value itself), the repetition level which list goes on there, 0 for a new row:
//!
//! ```text
//! items                               items.list.element.sku: definition (of 4), repetition (of 1)
//! null                             ▶  0 0
//! []                               ▶  1 0
//! [null, {"sku": null}, {"sku":7}] ▶  2 0, 3 1, 4 1
//! ```
//!
//! The levels are found on the way down, a list of places at a time: a place that ends early has no
//! index any more. The values are then encoded as those of flat columns are; the crate's own writer
//! would encode batch after batch in the one thread that writes, and hash every text for a dictionary.

use crate::schema::{Column, ColumnType, TableSchema};
use arrow::{
    array::{Array, ArrayRef, AsArray, UInt32Array},
    compute::take,
    error::ArrowError,
};

/// A scalar of a column of structs or lists.
pub(crate) struct Leaf<'a> {
    pub(crate) column: &'a Column,
    /// What it is called, with what it is in.
    pub(crate) path: String,
    /// The values in their order; those that are null stand for places without a value.
    pub(crate) values: ArrayRef,
    pub(crate) definition: Vec<u8>,
    pub(crate) definition_max: u8,
    pub(crate) repetition: Vec<u8>,
    pub(crate) repetition_max: u8,
}

/// Places for values of an array.
#[derive(Clone, Default)]
struct Places {
    repetition: Vec<u8>,
    definition: Vec<u8>,
    /// For each place, the value in the array, or [`NOWHERE`].
    at: Vec<u32>,
    repetition_max: u8,
    definition_max: u8,
}

/// The place ended further up.
const NOWHERE: u32 = u32::MAX;

/// The scalars that a column is made of, in the order of its file.
pub(crate) fn leaves<'a>(column: &'a Column, array: &ArrayRef) -> Result<Vec<Leaf<'a>>, ArrowError> {
    let rows = array.len();
    let places = Places {
        repetition: vec![0; rows],
        definition: vec![0; rows],
        at: (0..rows as u32).collect(),
        ..Places::default()
    };
    let mut leaves = Vec::new();
    descend(column, array, places, column.name.as_ref().to_owned(), &mut leaves)?;
    Ok(leaves)
}

/// What the scalars of a table are called, in the order of its file.
pub(crate) fn paths(table: &TableSchema) -> Vec<String> {
    fn add(column: &Column, path: String, paths: &mut Vec<String>) {
        match column.column_type {
            ColumnType::Struct => {
                column.members.iter().for_each(|member| add(member, format!("{path}.{}", member.name), paths));
            }
            ColumnType::List => column.members.iter().for_each(|element| add(element, format!("{path}[]"), paths)),
            _ => paths.push(path),
        }
    }
    let mut paths = Vec::new();
    table.columns.iter().for_each(|column| add(column, column.name.as_ref().to_owned(), &mut paths));
    paths
}

fn descend<'a>(
    column: &'a Column,
    array: &ArrayRef,
    mut places: Places,
    path: String,
    leaves: &mut Vec<Leaf<'a>>,
) -> Result<(), ArrowError> {
    if column.nullable {
        places.stay_where(|at| array.is_valid(at as usize));
    }
    match column.column_type {
        ColumnType::Struct => {
            let members = array.as_struct().columns();
            for (member, array) in column.members.iter().zip(members) {
                descend(member, array, places.clone(), format!("{path}.{}", member.name), leaves)?;
            }
            Ok(())
        }
        ColumnType::List => {
            let list = array.as_list::<i32>();
            let Some(element) = column.members.first() else { return Ok(()) };
            let places = places.spread(list.value_offsets());
            descend(element, list.values(), places, format!("{path}[]"), leaves)
        }
        _ => {
            let values = places.values(array)?;
            let Places { repetition, definition, repetition_max, definition_max, .. } = places;
            leaves.push(Leaf { column, path, values, definition, definition_max, repetition, repetition_max });
            Ok(())
        }
    }
}

impl Places {
    /// A level more where there is something; other places end.
    fn stay_where(&mut self, is_there: impl Fn(u32) -> bool) {
        self.definition_max += 1;
        for (at, definition) in self.at.iter_mut().zip(&mut self.definition) {
            if *at != NOWHERE {
                if is_there(*at) {
                    *definition += 1;
                } else {
                    *at = NOWHERE;
                }
            }
        }
    }

    /// The places of the lists' elements; an empty list has one that ends there.
    fn spread(self, offsets: &[i32]) -> Self {
        let mut places = Self {
            repetition_max: self.repetition_max + 1,
            definition_max: self.definition_max + 1,
            ..Self::default()
        };
        for ((at, definition), repetition) in self.at.into_iter().zip(self.definition).zip(self.repetition) {
            let elements = match at {
                NOWHERE => 0..0,
                at => offsets[at as usize] as u32..offsets[at as usize + 1] as u32,
            };
            if elements.is_empty() {
                places.push(repetition, definition, NOWHERE);
            }
            let repetitions = std::iter::once(repetition).chain(std::iter::repeat(places.repetition_max));
            for (at, repetition) in elements.zip(repetitions) {
                places.push(repetition, definition + 1, at);
            }
        }
        places
    }

    fn push(&mut self, repetition: u8, definition: u8, at: u32) {
        self.repetition.push(repetition);
        self.definition.push(definition);
        self.at.push(at);
    }

    /// The values of the places that have one: all of the array's, as a rule.
    fn values(&self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let there = self.definition.iter().filter(|&&level| level == self.definition_max).count();
        if there == array.len() - array.null_count() {
            return Ok(ArrayRef::clone(array));
        }
        let there = self.at.iter().filter(|&&at| at != NOWHERE).copied();
        take(array, &UInt32Array::from_iter_values(there), None)
    }
}
