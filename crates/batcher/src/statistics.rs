//! What the log of a Delta table says of a file's rows, so that its readers leave the file out.

use crate::{
    encode::{Bounds, EncodedBatch},
    schema::{Column, ColumnType, TableSchema},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// Of so many columns, counted as Parquet does, something is known: most writers of Delta tables have it so.
pub(crate) const COLUMNS_MAX: usize = 32;

/// What is known of a file's rows, as a text of JSON: the one that stands in the log, byte for byte, whoever writes it.
///
/// It has values of the rows, so it is not told where the file itself is not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics(String);

impl Statistics {
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Statistics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Statistics(… {} bytes)", self.0.len())
    }
}

/// The columns of a table of which every file tells the least and the greatest value. They are there from the beginning,
/// before others that may come later, and what they hold comes in some order.
pub(crate) fn bounded(table: &TableSchema) -> impl Iterator<Item = &Column> {
    table.columns.iter().take(COLUMNS_MAX).filter(|column| column.has_range)
}

/// What is known of the rows of a file that is being written.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    rows: usize,
    /// Of its first columns.
    columns: Vec<Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    nulls: usize,
    bounds: Bounds,
}

impl Collected {
    pub(crate) fn add(&mut self, batch: &EncodedBatch) {
        self.rows += batch.rows;
        let pages = batch.columns.iter().map(|(page, _)| page).take(COLUMNS_MAX);
        self.columns.resize(self.columns.len().max(pages.len()), Known::default());
        for (known, page) in self.columns.iter_mut().zip(pages) {
            known.nulls += page.nulls;
            known.bounds = std::mem::take(&mut known.bounds).merge(page.bounds.clone());
        }
    }

    /// Nothing but the number of rows where a table has no column that every file tells the bounds of; and no bounds where
    /// one of those columns has values, and no bounds that could be told.
    pub(crate) fn of(self, table: &TableSchema) -> Statistics {
        let mut told = Told::default();
        told.columns(&table.columns, &mut self.columns.into_iter());
        let mut statistics = Map::from_iter([("numRecords".to_owned(), Value::from(self.rows))]);
        let mut parts = vec![("nullCount", &told.nulls)];
        let is_told = |column: &Column| {
            let name = column.name.as_ref();
            let is_null = told.nulls.get(name).and_then(Value::as_u64) == Some(self.rows as u64);
            is_null || told.min.contains_key(name) && told.max.contains_key(name)
        };
        if bounded(table).all(is_told) {
            parts.extend([("minValues", &told.min), ("maxValues", &told.max)]);
        }
        if bounded(table).next().is_none() {
            parts.clear();
        }
        for (name, of_columns) in parts {
            if !of_columns.is_empty() {
                statistics.insert(name.to_owned(), of_columns.clone().into());
            }
        }
        Statistics(Value::from(statistics).to_string())
    }
}

/// What is told of columns, or of the members of a struct, by their names.
#[derive(Default)]
struct Told {
    min: Map<String, Value>,
    max: Map<String, Value>,
    nulls: Map<String, Value>,
}

impl Told {
    fn columns(&mut self, columns: &[Column], known: &mut impl Iterator<Item = Known>) {
        for column in columns {
            match column.column_type {
                // Readers look for no value in a list.
                ColumnType::List => known.by_ref().take(column.leaves()).for_each(drop),
                ColumnType::Struct => {
                    let mut members = Self::default();
                    members.columns(&column.members, known);
                    let Self { min, max, nulls } = members;
                    for (of_columns, of_members) in
                        [(&mut self.min, min), (&mut self.max, max), (&mut self.nulls, nulls)]
                    {
                        if !of_members.is_empty() {
                            of_columns.insert(column.name.clone().into_owned(), of_members.into());
                        }
                    }
                }
                _ => {
                    let Some(Known { nulls, bounds }) = known.next() else { return };
                    let [min, max] = bounds.json();
                    let told = [(&mut self.min, min), (&mut self.max, max), (&mut self.nulls, Some(nulls.into()))];
                    for (of_columns, value) in told {
                        if let Some(value) = value {
                            of_columns.insert(column.name.clone().into_owned(), value);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{optional, required};
    use serde_json::json;

    fn column(name: &'static str, column_type: ColumnType, members: Vec<Column>) -> Column {
        Column { members, ..optional(name, column_type) }
    }

    fn integers(nulls: usize, min: i64, max: i64) -> Known {
        Known { nulls, bounds: Bounds::Integers { min, max } }
    }

    #[test]
    fn members_are_told_in_their_structs_and_lists_not_at_all() {
        use ColumnType as T;
        let within = column("c", T::Struct, vec![optional("d", T::Int64), optional("e", T::String)]);
        let element = column("element", T::Struct, vec![optional("x", T::Int64), optional("y", T::Int64)]);
        let columns = vec![
            required("a", T::Int64).with_range(),
            column("b", T::Struct, vec![within, optional("f", T::Int64)]),
            column("g", T::List, vec![element]),
            optional("h", T::Int64),
            optional("i", T::Int64),
        ];
        let table = TableSchema { name: "t".into(), columns };
        let unknown = Known { nulls: 4, bounds: Bounds::Unknown };
        let [a, d, f] = [integers(0, 1, 2), integers(1, 3, 4), integers(2, 5, 6)];
        let [x, y, h] = [integers(0, 0, 0), integers(0, 0, 0), integers(5, 7, 8)];
        // Of the last one nothing is known.
        let columns = vec![a, d, unknown, f, x, y, h];
        let statistics = Collected { rows: 9, columns }.of(&table);
        let told: Value = serde_json::from_str(statistics.text()).expect("JSON");
        assert_eq!(
            told,
            json!({
                "numRecords": 9,
                "minValues": { "a": 1, "b": { "c": { "d": 3 }, "f": 5 }, "h": 7 },
                "maxValues": { "a": 2, "b": { "c": { "d": 4 }, "f": 6 }, "h": 8 },
                "nullCount": { "a": 0, "b": { "c": { "d": 1, "e": 4 }, "f": 2 }, "h": 5 },
            })
        );
        assert_eq!(format!("{statistics:?}"), format!("Statistics(… {} bytes)", statistics.text().len()));
    }

    /// Some readers find no row of a file that tells bounds of other columns and none of those.
    #[test]
    fn bounds_are_those_of_all_columns_that_must_have_them_or_none() {
        let ordered = |name| optional(name, ColumnType::Int64).with_range();
        let columns = vec![ordered("a"), ordered("b"), optional("c", ColumnType::Int64)];
        let table = TableSchema { name: "t".into(), columns };
        let [nothing, unknown] =
            [(9, Bounds::Nothing), (4, Bounds::Unknown)].map(|(nulls, bounds)| Known { nulls, bounds });
        for (columns, bounds, nulls) in [
            (
                [integers(0, 1, 2), integers(1, 3, 4), integers(2, 5, 6)],
                Some(json!({"a": 1, "b": 3, "c": 5})),
                [0, 1, 2],
            ),
            ([integers(0, 1, 2), integers(1, 3, 4), unknown.clone()], Some(json!({"a": 1, "b": 3})), [0, 1, 4]),
            ([integers(0, 1, 2), nothing.clone(), nothing], Some(json!({"a": 1})), [0, 9, 9]),
            ([integers(0, 1, 2), unknown, integers(2, 5, 6)], None, [0, 4, 2]),
        ] {
            let shown = format!("{columns:?}");
            let statistics = Collected { rows: 9, columns: columns.into() }.of(&table);
            let told: Value = serde_json::from_str(statistics.text()).expect("JSON");
            assert_eq!(told.get("minValues"), bounds.as_ref(), "{shown}");
            assert_eq!(told.get("maxValues").is_some(), bounds.is_some(), "{shown}");
            assert_eq!(told["nullCount"], json!({"a": nulls[0], "b": nulls[1], "c": nulls[2]}), "{shown}");
        }
    }

    #[test]
    fn where_no_column_has_bounds_or_no_row_is_there_are_but_rows_told() {
        let column = || required("a", ColumnType::Int64);
        for (column, rows, columns) in [(column(), 3, vec![integers(0, 1, 2)]), (column().with_range(), 0, Vec::new())]
        {
            let table = TableSchema { name: "t".into(), columns: vec![column] };
            let text = Collected { rows, columns }.of(&table).text().to_owned();
            assert_eq!(text, format!(r#"{{"numRecords":{rows}}}"#));
        }
    }
}
