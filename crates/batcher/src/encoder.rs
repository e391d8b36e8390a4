//! What encodes batches: threads of their own, and the one that reads while there is no room for what it has read.
//!
//! Encoders take any batch, whatever its table, build its arrays, and make pages of them.

use crate::{
    catalogue::Catalogue,
    encode::{EncodedBatch, PageEncoder},
    error::{Error, Result},
    gate::Gate,
    options::Options,
    profile::Profile,
    table::{Batch, BatchSink, Unbuilt},
    typed::{Maker, Workshop},
};
use std::{
    sync::{
        Mutex, PoisonError, TryLockError,
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

/// Batches that no encoder has taken yet, in the order in which they came.
pub(crate) struct Queue(Mutex<Receiver<Batch<Unbuilt>>>);

impl Queue {
    pub(crate) fn new(batches: Receiver<Batch<Unbuilt>>) -> Self {
        Self(Mutex::new(batches))
    }

    /// Waits for the next batch; none if there will not be any.
    fn next(&self) -> Option<Batch<Unbuilt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
    }

    /// The next batch, if there is one now. Does not wait for an encoder that waits for one.
    fn at_hand(&self) -> Option<Batch<Unbuilt>> {
        match self.0.try_lock() {
            Ok(batches) => batches.try_recv().ok(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().try_recv().ok(),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// What encoders are made of, and work with.
#[derive(Clone)]
pub(crate) struct Equipment<'w> {
    pub(crate) queue: &'w Queue,
    pub(crate) workshop: &'w Workshop<'w>,
    pub(crate) catalogue: &'w Catalogue,
    pub(crate) options: &'w Options,
    pub(crate) encoded: Sender<EncodedBatch>,
}

/// Makes pages of batches, of one after the other.
pub(crate) struct Encoder<'w> {
    pages: PageEncoder,
    maker: Maker<'w>,
    encoded: Sender<EncodedBatch>,
    profile: Profile,
}

impl<'w> Encoder<'w> {
    pub(crate) fn new(equipment: &Equipment<'w>) -> Result<Self> {
        let Equipment { workshop, catalogue, options, encoded, .. } = equipment;
        Ok(Self {
            pages: PageEncoder::with_codec(options.files.codec)?.telling_bounds(options.wants_statistics()),
            maker: Maker::new(workshop, catalogue, options),
            encoded: encoded.clone(),
            profile: Profile::default(),
        })
    }

    /// Encodes what comes, to the end. Gives how many values had no column in typed tables, and its times.
    pub(crate) fn all(mut self, queue: &Queue) -> Result<(u64, Profile)> {
        while let Some(batch) = queue.next() {
            if !self.batch(batch)? {
                break;
            }
        }
        Ok(self.finish())
    }

    fn finish(self) -> (u64, Profile) {
        (self.maker.without_column(), self.profile)
    }

    /// Encodes a batch, and all that is made from it; false if nobody writes any more.
    fn batch(&mut self, batch: Batch<Unbuilt>) -> Result<bool> {
        let began = Instant::now();
        let batch = batch.build()?;
        self.profile.arrays += began.elapsed();
        let began = Instant::now();
        let batches = self.maker.batches(batch)?;
        self.profile.typed += began.elapsed();
        for batch in batches {
            // A table that is not written has come this far only for those that are made from it. Without
            // a writer there is nothing to do; the writer tells why.
            if self.encoded.send(self.pages.batch(&batch, &mut self.profile)?).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Where the thread that reads puts batches. It encodes some itself, where it would wait for those that do.
pub(crate) struct Batches<'w> {
    batches: Sender<Batch<Unbuilt>>,
    gate: &'w Gate,
    helper: Helper<'w>,
}

impl<'w> Batches<'w> {
    pub(crate) fn new(batches: Sender<Batch<Unbuilt>>, gate: &'w Gate, equipment: Equipment<'w>) -> Self {
        Self { batches, gate, helper: Helper { equipment, encoder: None, profile: Profile::default() } }
    }

    pub(crate) fn equipment(&self) -> &Equipment<'w> {
        &self.helper.equipment
    }

    /// All have been sent: encodes what is left, as the others do, and gives what they give.
    pub(crate) fn finish(self) -> Result<(u64, Profile)> {
        let Self { batches, mut helper, .. } = self;
        drop(batches);
        while let Some(batch) = helper.equipment.queue.next() {
            if !helper.encode(batch)? {
                break;
            }
        }
        let Helper { encoder, mut profile, .. } = helper;
        let (without_column, encoded) = encoder.map(Encoder::finish).unwrap_or_default();
        profile.add(encoded);
        Ok((without_column, profile))
    }
}

impl BatchSink for Batches<'_> {
    fn send(&mut self, batch: Batch<Unbuilt>) -> Result<()> {
        // The gate bounds the queue.
        let bytes = batch.all_bytes();
        let may_enter = loop {
            if let Some(may_enter) = self.gate.enter_at_once(bytes) {
                break may_enter;
            }
            let Some(other) = self.helper.equipment.queue.at_hand() else {
                break self.helper.wait(|| self.gate.enter(bytes));
            };
            // Where nobody writes any more, the gate is closed.
            let _ = self.helper.encode(other)?;
        };
        let table = batch.table.clone();
        if may_enter && self.batches.send(batch).is_ok() {
            return Ok(());
        }
        Err(Error::EncoderGone { table: table.schema.name.clone().into_owned() })
    }
}

/// An encoder that the thread that reads is now and then.
struct Helper<'w> {
    equipment: Equipment<'w>,
    /// Made when there is something for it to do.
    encoder: Option<Encoder<'w>>,
    /// The times of the thread that reads.
    profile: Profile,
}

impl Helper<'_> {
    /// Encodes a batch; false if nobody writes any more.
    fn encode(&mut self, batch: Batch<Unbuilt>) -> Result<bool> {
        let began = Instant::now();
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new(&self.equipment)?),
        };
        let is_written = encoder.batch(batch)?;
        self.profile.helped += began.elapsed();
        Ok(is_written)
    }

    fn wait<T>(&mut self, wait: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let waited = wait();
        self.profile.blocked += began.elapsed();
        waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::Selection, typed::TypedSchema};
    use arrow::array::RecordBatch;
    use std::{sync::mpsc::channel, thread, time::Duration};

    /// Batches without rows, each the next one of its table.
    fn batch(catalogue: &Catalogue, sequence: u64) -> Batch<Unbuilt> {
        let table = catalogue.long.events.clone();
        let whole = Batch::whole(table.clone(), RecordBatch::new_empty(table.schema.batch_schema()));
        Batch { sequence, ..whole }
    }

    /// Runs what sends batches where there is no encoder, and room for one batch at a time; and what takes their pages.
    fn without_encoders(run: impl for<'w> FnOnce(Batches<'w>, &'w Gate, &'w Catalogue, Receiver<EncodedBatch>)) {
        let (options, gate) = (Options::default(), Gate::new(1));
        let workshop = Workshop::new(&gate);
        let catalogue = Catalogue::new(&Selection::default(), &TypedSchema::default(), None);
        let (batches, queue) = channel();
        let (encoded, written) = channel();
        let queue = Queue::new(queue);
        let equipment =
            Equipment { queue: &queue, workshop: &workshop, catalogue: &catalogue, options: &options, encoded };
        run(Batches::new(batches, &gate, equipment), &gate, &catalogue, written);
    }

    #[test]
    fn the_thread_that_reads_encodes_what_nobody_else_does() {
        without_encoders(|mut batches, gate, catalogue, written| {
            let sequences: Vec<u64> = thread::scope(|scope| {
                let writer = scope.spawn(|| {
                    let written = written.into_iter().inspect(|batch: &EncodedBatch| gate.leave(batch.bytes));
                    written.map(|batch| batch.sequence).collect()
                });
                for sequence in 0..20 {
                    batches.send(batch(catalogue, sequence)).expect("room for it, sooner or later");
                }
                let (without_column, profile) = batches.finish().expect("the last one");
                assert_eq!(without_column, 0);
                assert!(profile.helped > Duration::ZERO);
                writer.join().expect("all were written")
            });
            assert_eq!(sequences, (0..20).collect::<Vec<_>>());
        });
    }

    #[test]
    fn where_nobody_writes_no_batch_is_taken() {
        without_encoders(|mut batches, gate, catalogue, written| {
            batches.send(batch(catalogue, 0)).expect("there is room");
            drop((written, gate.closer()));
            let error = batches.send(batch(catalogue, 1)).expect_err("the gate is closed");
            assert!(matches!(error, Error::EncoderGone { table } if table == "events"));
        });
    }
}
