//! The members of an object to the cells of their columns, whatever is in them.
//!
//! An event's `data` is such an object, and so is each value of a column of structs. Values of lists are
//! arrays of what their elements are.

use super::{cells::Cells, kind::Kind, schema::TypedColumn};
use crate::facts::Value;
use apsides_tokenizer::{self as json, Next, Text, Token, Tokens};
use std::{collections::HashMap, io};

/// Which members of an object go to which column.
#[derive(Debug)]
pub(super) struct Members {
    /// The names of the members, by column; none where nothing fills it any more.
    names: Vec<Option<String>>,
    by_name: HashMap<String, usize>,
    ways: Vec<Way>,
}

/// How a column takes its values.
#[derive(Debug)]
enum Way {
    /// As they are.
    Scalar,
    Struct(Members),
    /// Of such elements.
    List(Box<Way>),
}

impl Members {
    pub(super) fn new(columns: &[TypedColumn]) -> Self {
        let name = |column: &TypedColumn| (!column.retired).then(|| column.ids.concat());
        let names: Vec<_> = columns.iter().map(name).collect();
        Self {
            by_name: (0..).zip(&names).filter_map(|(index, name)| Some((name.clone()?, index))).collect(),
            names,
            ways: columns.iter().map(Way::new).collect(),
        }
    }

    /// The column of a member. Members come in the same order again and again.
    #[inline]
    fn column(&self, name: Text<'_>, predicted: &mut usize, scratch: &mut String) -> Option<usize> {
        let name = name.decode(scratch).text;
        let is_predicted = self.names.get(*predicted).is_some_and(|next| next.as_deref() == Some(name));
        let column = if is_predicted { Some(*predicted) } else { self.by_name.get(name).copied() };
        if let Some(column) = column {
            *predicted = column + 1;
        }
        column
    }
}

impl Way {
    fn new(column: &TypedColumn) -> Self {
        match column.kind {
            Kind::Struct => Self::Struct(Members::new(&column.members)),
            Kind::List => Self::List(Box::new(Self::new(&column.element()))),
            _ => Self::Scalar,
        }
    }
}

/// A step on the way from `data` to a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'p> {
    Member(&'p str),
    Element(usize),
}

/// Texts that are decoded, kept for what they have allocated.
#[derive(Default)]
pub(super) struct Scratch {
    name: String,
    value: String,
    json: String,
}

/// Fills cells from tokens.
pub(super) struct Filling<'a, 'p> {
    /// Takes a value that does not fit: the steps to it, and its JSON text.
    pub(super) misfit: &'a mut dyn FnMut(&[Step<'_>], &str),
    pub(super) scratch: &'a mut Scratch,
    /// Members that have no column.
    pub(super) without_column: &'a mut u64,
    /// To the value that is being read.
    pub(super) steps: Vec<Step<'p>>,
}

impl<'p> Filling<'_, 'p> {
    /// The members of an object that has been entered, to its end, into this row.
    pub(super) fn members<R: io::Read>(
        &mut self,
        tokens: &mut Tokens<R>,
        plan: &'p Members,
        cells: &mut [Cells],
        row: usize,
    ) -> json::Result<()> {
        let mut predicted = 0;
        loop {
            if let Some((name, value)) = tokens.scalar_member() {
                let Some(column) = plan.column(name, &mut predicted, &mut self.scratch.name) else {
                    *self.without_column += 1;
                    continue;
                };
                let value = Value::of_scalar(value, &mut self.scratch.value);
                if cells[column].set(row, value, &mut self.scratch.json).is_err() {
                    self.steps.push(Step::Member(plan.names[column].as_deref().unwrap_or_default()));
                    (self.misfit)(&self.steps, &value.json());
                    self.steps.pop();
                }
                continue;
            }
            let Some(Token::Key(name)) = tokens.pull()? else { return Ok(()) };
            let Some(column) = plan.column(name, &mut predicted, &mut self.scratch.name) else {
                *self.without_column += 1;
                tokens.skip()?;
                continue;
            };
            self.steps.push(Step::Member(plan.names[column].as_deref().unwrap_or_default()));
            self.value(tokens, &plan.ways[column], &mut cells[column], row)?;
            self.steps.pop();
        }
    }

    /// The next value, into this row.
    fn value<R: io::Read>(
        &mut self,
        tokens: &mut Tokens<R>,
        way: &'p Way,
        cells: &mut Cells,
        row: usize,
    ) -> json::Result<()> {
        let value = match (way, tokens.peek()?) {
            (Way::Struct(members), Next::Object) if let Some(cells) = cells.as_struct() => {
                tokens.pull()?;
                cells.begin(row);
                return self.members(tokens, members, cells.members(), row);
            }
            (Way::List(element), Next::Array) if let Some(cells) = cells.as_list() => {
                tokens.pull()?;
                cells.begin(row);
                for at in 0.. {
                    if tokens.peek()? == Next::End {
                        break;
                    }
                    self.steps.push(Step::Element(at));
                    let (row, cells) = cells.element();
                    self.value(tokens, element, cells, row)?;
                    self.steps.pop();
                }
                return tokens.pull().map(drop);
            }
            (_, Next::Object) => Value::Object(tokens.raw()?),
            (_, Next::Array) => Value::Array(tokens.raw()?),
            _ => tokens.pull()?.map_or(Value::Null, |token| Value::of_scalar(token, &mut self.scratch.value)),
        };
        if cells.set(row, value, &mut self.scratch.json).is_err() {
            (self.misfit)(&self.steps, &value.json());
        }
        Ok(())
    }
}
