//! What the encoders make of the batches that they take.

use super::{
    ByType, ByTypePlan, Wide,
    bundle::Bundles,
    by_type::BundledEvents,
    wide::{Pair, WidePlan},
};
use crate::{catalogue::Catalogue, error::Result, gate::Gate, options::Options, schema::TableRef, table::Batch};
use std::sync::Arc;

/// Where the makers of all encoders put what they are to make something of together.
pub(crate) struct Workshop<'g> {
    wide: Bundles<'g, Pair>,
    events: Bundles<'g, BundledEvents>,
}

impl<'g> Workshop<'g> {
    pub(crate) fn new(gate: &'g Gate) -> Self {
        Self { wide: Bundles::new(gate), events: Bundles::new(gate) }
    }
}

/// Makes batches of typed tables from those of long ones.
pub(crate) struct Maker<'w> {
    workshop: &'w Workshop<'w>,
    wide: Option<Wide>,
    events: Option<(TableRef, ByType)>,
}

impl<'w> Maker<'w> {
    pub(crate) fn new(workshop: &'w Workshop<'w>, catalogue: &Catalogue, options: &Options) -> Self {
        let by_type = |plan: &Arc<ByTypePlan>| (plan.events.clone(), ByType::new(plan, options.limits));
        let wide = |plan: &Arc<WidePlan>| Wide::new(plan);
        Self { workshop, wide: catalogue.wide.as_ref().map(wide), events: catalogue.by_type.as_ref().map(by_type) }
    }

    /// The batch, and all that is made from it and those of its bundle, if it is the last of them to come.
    pub(crate) fn batches(&mut self, mut batch: Batch) -> Result<Vec<Batch>> {
        let mut batches = Vec::new();
        let (at, bytes) = (batch.in_bundle, batch.made_bytes);
        if let (Some(beside), Some(wide)) = (batch.beside.take(), &mut self.wide) {
            let (attributes, tags) = (batch.records.clone(), beside.tags.records.clone());
            let pair = Pair { attributes, tags, sections: beside.sections, bytes };
            if let Some(pairs) = self.workshop.wide.add(at, bytes, pair) {
                batches.extend(wide.rows(at.number, &pairs)?);
            }
            batches.push(beside.tags);
        }
        if let Some((_, by_type)) = self.events.as_mut().filter(|(events, _)| events.is(&batch.table)) {
            let one = BundledEvents { records: batch.records.clone(), bytes, ends_group: batch.ends_typed_group };
            if let Some(all) = self.workshop.events.add(at, bytes, one) {
                batches.extend(by_type.split(at.number, &all)?);
            }
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
