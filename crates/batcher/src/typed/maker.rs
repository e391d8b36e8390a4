//! What an encoder makes of the batches that it takes.

use super::{ByType, ByTypePlan, Wide};
use crate::{catalogue::Catalogue, error::Result, options::Options, schema::TableRef, table::Batch};
use std::sync::Arc;

/// Makes batches of typed tables from those of long ones.
pub(crate) struct Maker {
    wide: Option<Wide>,
    events: Option<(TableRef, ByType)>,
}

impl Maker {
    pub(crate) fn new(catalogue: &Catalogue, options: &Options) -> Self {
        let by_type = |plan: &Arc<ByTypePlan>| (plan.events.clone(), ByType::new(plan, options.limits));
        Self { wide: catalogue.wide.as_ref().map(Wide::new), events: catalogue.by_type.as_ref().map(by_type) }
    }

    /// The batch, and all that is made from it.
    pub(crate) fn batches(&mut self, mut batch: Batch) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        if let (Some(beside), Some(wide)) = (batch.beside.take(), &mut self.wide) {
            batches.extend(wide.rows(&beside.sections, &batch, &beside.tags)?);
            batches.push(beside.tags);
        }
        if let Some((_, by_type)) = self.events.as_mut().filter(|(events, _)| events.is(&batch.table)) {
            batches.extend(by_type.split(&batch)?);
        }
        batches.push(batch);
        Ok(batches)
    }

    /// How many values had no column.
    pub(crate) fn without_column(&self) -> u64 {
        self.wide.as_ref().map_or(0, |wide| wide.without_column)
            + self.events.as_ref().map_or(0, |(_, by_type)| by_type.without_column)
    }
}
