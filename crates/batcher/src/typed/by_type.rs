//! The tables `events_<type>`: a row per event of the type, with a column per member of its `data`.
//!
//! They are made from the batches of the long table, in which an event's `data` stands as text, where
//! these are encoded: the reading of an export has enough to do. The texts of a batch are read as
//! one document, `[data,data,…]`, so that its tokens are found at full speed.

use super::{
    cells::Cells,
    fill::{Filling, Members, Scratch, Step},
    schema::{TypedColumn, TypedOf, TypedTable},
};
use crate::{
    column::finish_text,
    error::Error,
    facts::{Reason, Unplaced},
    schema::TableRef,
    scope::data_pointer,
    table::{Batch, Columns, Unmapped},
};
use apsides_tokenizer::{self as json, Limits, Next, Tokens};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, DictionaryArray, Int64Builder, PrimitiveArray,
        RecordBatch, StringArray, StringBuilder, TimestampMicrosecondBuilder,
    },
    datatypes::{Int32Type, Int64Type, TimestampMicrosecondType, UInt32Type},
    error::ArrowError,
};
use std::{borrow::Cow, collections::HashMap, io, sync::Arc};

/// Which events go to which table, and which members of their data to which column.
#[derive(Debug)]
pub(crate) struct ByTypePlan {
    tables: Vec<TypePlan>,
    by_type_id: HashMap<String, usize>,
    /// The long table that the batches are of.
    pub(crate) events: TableRef,
    /// Where values go that do not fit their column.
    misfits: TableRef,
}

#[derive(Debug)]
struct TypePlan {
    table: TableRef,
    columns: Vec<TypedColumn>,
    members: Members,
}

impl ByTypePlan {
    pub(crate) fn new(schemas: Vec<(&TypedTable, TableRef)>, events: TableRef, misfits: TableRef) -> Self {
        let mut by_type_id = HashMap::new();
        let mut tables = Vec::new();
        for (schema, table) in schemas {
            if let TypedOf::Events { type_ids, .. } = &schema.of {
                by_type_id.extend(type_ids.iter().map(|id| (id.clone(), tables.len())));
            }
            tables.push(TypePlan { table, columns: schema.columns.clone(), members: Members::new(&schema.columns) });
        }
        Self { tables, by_type_id, events, misfits }
    }
}

/// A batch of events, of a bundle.
pub(super) struct BundledEvents {
    pub(super) records: RecordBatch,
    /// What is made from them takes about so much on the way.
    pub(super) bytes: usize,
    /// The row groups of all types end with them.
    pub(super) ends_group: bool,
}

/// Makes the batches of all types from batches of events.
pub(crate) struct ByType {
    plan: Arc<ByTypePlan>,
    tables: Vec<TypeRows>,
    misfits: Unmapped,
    limits: Limits,
    scratch: Scratch,
    /// Members of data that have no column.
    pub(crate) without_column: u64,
}

/// The rows of a type.
struct TypeRows {
    export_key: StringBuilder,
    section_id: StringBuilder,
    ordinal: Int64Builder,
    correlation_id: StringBuilder,
    type_id: StringBuilder,
    source_event_time: TimestampMicrosecondBuilder,
    created_at: TimestampMicrosecondBuilder,
    is_duplicate: BooleanBuilder,
    members: Vec<Cells>,
    rows: usize,
}

impl ByType {
    pub(crate) fn new(plan: &Arc<ByTypePlan>, limits: Limits) -> Self {
        Self {
            tables: plan.tables.iter().map(TypeRows::new).collect(),
            plan: Arc::clone(plan),
            misfits: Unmapped::new(),
            limits,
            scratch: Scratch::default(),
            without_column: 0,
        }
    }

    /// The batches of all types from a bundle of events, in the order of the tables; some may be
    /// without rows.
    pub(super) fn split(&mut self, bundle: u64, all: &[BundledEvents]) -> Result<Vec<Batch>, Error> {
        let failed = |source: ArrowError| Error::encode("events", source.into());
        for one in all {
            let events = EventRows::new(&one.records).map_err(failed)?;
            self.fill(&events).map_err(|error| Error::json(error, "the data of events".to_owned()))?;
        }
        let ends_group = all.last().is_some_and(|one| one.ends_group);
        let batch = |table: &TableRef, columns, bytes| {
            let records = RecordBatch::try_new(table.schema.batch_schema(), columns).map_err(failed)?;
            Ok(Batch::new(table.clone(), bundle, records, bytes, ends_group))
        };
        let mut batches = Vec::new();
        for (rows, plan) in self.tables.iter_mut().zip(&self.plan.tables) {
            batches.push(batch(&plan.table, rows.finish().map_err(failed)?, 0)?);
        }
        // The last stands for all of them on the way.
        let bytes = all.iter().map(|one| one.bytes).sum();
        batches.push(batch(&self.plan.misfits, self.misfits.take().build().map_err(failed)?, bytes)?);
        Ok(batches)
    }

    fn fill(&mut self, events: &EventRows<'_>) -> json::Result<()> {
        let plan = Arc::clone(&self.plan);
        let tables: Vec<Option<usize>> = events.type_names.iter().map(|id| plan.by_type_id.get(id?).copied()).collect();
        let mut tokens = Tokens::with_limits(Joined::new(events.data), self.limits);
        tokens.pull()?;
        for row in 0..events.rows {
            let type_index = events.type_index(row);
            match type_index.and_then(|index| tables[index]) {
                Some(table) => self.event(&mut tokens, events, row, table)?,
                None => tokens.skip()?,
            }
        }
        Ok(())
    }

    fn event(
        &mut self,
        tokens: &mut Tokens<Joined<'_>>,
        events: &EventRows<'_>,
        row: usize,
        table: usize,
    ) -> json::Result<()> {
        let rows = &mut self.tables[table];
        rows.push(events, row);
        let mut misfits = Misfits { events, row, unmapped: &mut self.misfits };
        match tokens.peek()? {
            Next::Object => {}
            Next::Null => return tokens.skip(),
            _ => {
                misfits.tell(&[], tokens.raw()?);
                return Ok(());
            }
        }
        tokens.pull()?;
        let mut filling = Filling {
            misfit: &mut |steps, value| misfits.tell(steps, value),
            scratch: &mut self.scratch,
            without_column: &mut self.without_column,
            steps: Vec::new(),
        };
        filling.members(tokens, &self.plan.tables[table].members, &mut rows.members, rows.rows - 1)
    }
}

/// Where values of an event's data go that do not fit.
struct Misfits<'a> {
    events: &'a EventRows<'a>,
    row: usize,
    unmapped: &'a mut Unmapped,
}

impl Misfits<'_> {
    #[cold]
    fn tell(&mut self, steps: &[Step<'_>], value: &str) {
        let (events, row) = (self.events, self.row);
        let steps = steps.iter().map(|step| match *step {
            Step::Member(name) => Cow::Borrowed(name),
            Step::Element(at) => at.to_string().into(),
        });
        let pointer = data_pointer(events.section_id(row), events.ordinal.value(row), steps);
        let (export_key, section_id) = (Some(events.export_key(row)), Some(events.section_id(row)));
        let reason = Reason::TypeMismatch;
        self.unmapped.push(Unplaced { export_key, section_id, pointer: &pointer, reason, value });
    }
}

/// The columns of a batch of events.
struct EventRows<'a> {
    rows: usize,
    /// For each row, the run of its key.
    runs: Vec<u32>,
    key_texts: &'a StringArray,
    sections: &'a DictionaryArray<UInt32Type>,
    ordinal: &'a PrimitiveArray<Int64Type>,
    correlation_id: &'a StringArray,
    types: &'a DictionaryArray<UInt32Type>,
    type_names: &'a StringArray,
    source_event_time: &'a PrimitiveArray<TimestampMicrosecondType>,
    created_at: &'a PrimitiveArray<TimestampMicrosecondType>,
    data: &'a StringArray,
    is_duplicate: &'a BooleanArray,
}

impl<'a> EventRows<'a> {
    fn new(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let column = |index: usize| -> &'a ArrayRef { batch.column(index) };
        let (keys, types) = (column(0).as_run::<Int32Type>(), column(4).as_dictionary::<UInt32Type>());
        let mut runs = Vec::with_capacity(batch.num_rows());
        for (run, &end) in (0..).zip(keys.run_ends().values()) {
            runs.resize(end as usize, run);
        }
        Ok(Self {
            rows: batch.num_rows(),
            runs,
            key_texts: keys.values().as_string(),
            sections: column(1).as_dictionary(),
            ordinal: column(2).as_primitive(),
            correlation_id: column(3).as_string(),
            types,
            type_names: types.values().as_string(),
            source_event_time: column(5).as_primitive(),
            created_at: column(6).as_primitive(),
            data: column(7).as_string(),
            is_duplicate: column(8).as_boolean(),
        })
    }

    fn export_key(&self, row: usize) -> &'a str {
        self.key_texts.value(self.runs[row] as usize)
    }

    fn section_id(&self, row: usize) -> &'a str {
        self.sections.values().as_string::<i32>().value(self.sections.keys().value(row) as usize)
    }

    fn type_index(&self, row: usize) -> Option<usize> {
        self.types.is_valid(row).then(|| self.types.keys().value(row) as usize)
    }
}

impl TypeRows {
    fn new(plan: &TypePlan) -> Self {
        let times = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            export_key: StringBuilder::new(),
            section_id: StringBuilder::new(),
            ordinal: Int64Builder::new(),
            correlation_id: StringBuilder::new(),
            type_id: StringBuilder::new(),
            source_event_time: times(),
            created_at: times(),
            is_duplicate: BooleanBuilder::new(),
            members: plan.columns.iter().map(Cells::new).collect(),
            rows: 0,
        }
    }

    fn push(&mut self, events: &EventRows<'_>, row: usize) {
        fn text(array: &StringArray, row: usize) -> Option<&str> {
            array.is_valid(row).then(|| array.value(row))
        }
        fn time(array: &PrimitiveArray<TimestampMicrosecondType>, row: usize) -> Option<i64> {
            array.is_valid(row).then(|| array.value(row))
        }
        self.export_key.append_value(events.export_key(row));
        self.section_id.append_value(events.section_id(row));
        self.ordinal.append_value(events.ordinal.value(row));
        self.correlation_id.append_option(text(events.correlation_id, row));
        self.type_id.append_option(events.type_index(row).map(|index| events.type_names.value(index)));
        self.source_event_time.append_option(time(events.source_event_time, row));
        self.created_at.append_option(time(events.created_at, row));
        self.is_duplicate.append_value(events.is_duplicate.value(row));
        self.rows += 1;
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        let mut columns: Vec<ArrayRef> = vec![
            finish_text(&mut self.export_key),
            finish_text(&mut self.section_id),
            Arc::new(self.ordinal.finish()),
            finish_text(&mut self.correlation_id),
            finish_text(&mut self.type_id),
            Arc::new(self.source_event_time.finish()),
            Arc::new(self.created_at.finish()),
            Arc::new(self.is_duplicate.finish()),
        ];
        for cells in &mut self.members {
            columns.push(cells.finish(rows)?);
        }
        Ok(columns)
    }
}

/// The texts of a column as one JSON array; a row without a text is null.
struct Joined<'a> {
    texts: &'a StringArray,
    /// The piece that is read next: the bracket, the first text, what follows it, the second text, …
    piece: usize,
    /// What is left of the piece before it.
    rest: &'a [u8],
}

impl<'a> Joined<'a> {
    fn new(texts: &'a StringArray) -> Self {
        Self { texts, piece: 0, rest: b"" }
    }

    fn piece(&self) -> Option<&'a [u8]> {
        let rows = self.texts.len();
        let row = self.piece.saturating_sub(1) / 2;
        match self.piece {
            0 => Some(b"["),
            1 if rows == 0 => Some(b"]"),
            _ if row >= rows => None,
            piece if piece % 2 == 0 => Some(if row + 1 < rows { b"," } else { b"]" }),
            _ if self.texts.is_null(row) => Some(b"null"),
            _ => Some(self.texts.value(row).as_bytes()),
        }
    }
}

impl io::Read for Joined<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < target.len() {
            if self.rest.is_empty() {
                let Some(piece) = self.piece() else { break };
                (self.rest, self.piece) = (piece, self.piece + 1);
            }
            let length = self.rest.len().min(target.len() - filled);
            let (now, later) = self.rest.split_at(length);
            target[filled..filled + length].copy_from_slice(now);
            self.rest = later;
            filled += length;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn texts_are_one_array_in_pieces_of_any_size() {
        for (texts, expected) in [
            (vec![], "[]"),
            (vec![None], "[null]"),
            (vec![Some("{}")], "[{}]"),
            (vec![Some(r#"{"a":1}"#), None, Some("[2]")], r#"[{"a":1},null,[2]]"#),
        ] {
            let texts = StringArray::from(texts);
            for size in 1..10 {
                let mut joined = Joined::new(&texts);
                let mut found = Vec::new();
                let mut piece = vec![0; size];
                loop {
                    match joined.read(&mut piece).expect("memory") {
                        0 => break,
                        length => found.extend_from_slice(&piece[..length]),
                    }
                }
                assert_eq!(String::from_utf8_lossy(&found), expected);
            }
        }
    }
}
