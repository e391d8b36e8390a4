//! The tables of a run: which are written, and in what order.

use crate::{
    dimensions::dimension_tables,
    schema::{TableId, TableRef, TableSchema},
    typed::{ByTypePlan, TypedSchema, WidePlan},
};
use apsides_definitions::Definitions;
use arrow::array::RecordBatch;
use std::{collections::HashSet, sync::Arc};

/// The tables that are written.
pub(crate) struct Catalogue {
    /// All of them, each at its index.
    pub(crate) tables: Vec<TableRef>,
    pub(crate) long: Long,
    pub(crate) wide: Option<Arc<WidePlan>>,
    pub(crate) by_type: Option<Arc<ByTypePlan>>,
    /// The dimension tables, with their rows.
    pub(crate) dimensions: Vec<(TableRef, RecordBatch)>,
}

/// The places of the long tables.
pub(crate) struct Long {
    pub(crate) profiles: TableRef,
    pub(crate) attributes: TableRef,
    pub(crate) tags: TableRef,
    pub(crate) events: TableRef,
    pub(crate) unmapped: TableRef,
}

impl Long {
    fn of(mut place: impl FnMut(TableId) -> TableRef) -> Self {
        Self {
            profiles: place(TableId::Profiles),
            attributes: place(TableId::Attributes),
            tags: place(TableId::Tags),
            events: place(TableId::Events),
            unmapped: place(TableId::Unmapped),
        }
    }
}

/// Which long tables are written. `unmapped` always is: nothing else would tell what went there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection(HashSet<TableId>);

impl Default for Selection {
    /// All.
    fn default() -> Self {
        Self(TableId::ALL.into())
    }
}

impl Selection {
    /// These, and `unmapped`.
    pub fn of(tables: impl IntoIterator<Item = TableId>) -> Self {
        Self(tables.into_iter().chain([TableId::Unmapped]).collect())
    }

    /// Whether the table is one of them.
    pub fn has(&self, table: TableId) -> bool {
        self.0.contains(&table)
    }
}

impl Catalogue {
    pub(crate) fn new(selection: &Selection, typed: &TypedSchema, definitions: Option<&Definitions>) -> Self {
        let mut tables = Vec::new();
        let long = Long::of(|id| match selection.has(id) {
            true => add(&mut tables, id.schema()),
            false => TableRef::unwritten(id.schema()),
        });
        // What does not fit typed columns goes to files of its own, since those are filled elsewhere.
        let wide = typed.wide().map(|wide| {
            let (table, misfits) = (add(&mut tables, wide.schema()), add(&mut tables, TableId::Unmapped.schema()));
            WidePlan::new(wide, &typed.sections, table, misfits)
        });
        let events: Vec<_> = typed.events().map(|table| (table, add(&mut tables, table.schema()))).collect();
        let misfits = (!events.is_empty()).then(|| add(&mut tables, TableId::Unmapped.schema()));
        let by_type = misfits.map(|misfits| ByTypePlan::new(events, long.events.clone(), misfits));
        let dimensions = definitions.map_or(Vec::new(), dimension_tables).into_iter();
        let dimensions = dimensions
            .map(|(name, schema, rows)| (add(&mut tables, TableSchema::from_arrow(name, &schema)), rows))
            .collect();
        Self { dimensions, tables, long, wide: wide.map(Arc::new), by_type: by_type.map(Arc::new) }
    }

    /// The same with `wide` alone, whose writers and encoders are those of this one.
    pub(crate) fn of_wide(&self) -> Self {
        Self {
            tables: Vec::new(),
            long: Long::of(|id| TableRef::unwritten(id.schema())),
            wide: self.wide.clone(),
            by_type: None,
            dimensions: Vec::new(),
        }
    }
}

fn add(tables: &mut Vec<TableRef>, schema: TableSchema) -> TableRef {
    let table = TableRef { index: tables.len(), schema: Arc::new(schema) };
    tables.push(table.clone());
    table
}
