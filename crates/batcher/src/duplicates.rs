//! Which events the source sent again: an exact answer in bounded memory.
//!
//! An event is known by a fingerprint of 128 bits of all that must be equal. At 10 billion events
//! in one profile, the chance that any two different ones share theirs is below 10⁻¹⁸.
//!
//! Fingerprints live in an open-addressed hash table. It is in memory up to a limit, which only a
//! profile with hundreds of thousands of events reaches; then the table moves to a private
//! temporary file, of which each look-up reads and writes one slot or a few next to each other. A
//! full table doubles: since a fingerprint's slot is its leading bits (times the size), the
//! doubled table is written in one pass from front to back.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
};
use twox_hash::XxHash3_128;

/// A fingerprint; 0 marks a free slot.
type Fingerprint = u128;

const SLOT_BYTES: usize = size_of::<Fingerprint>();
/// Slots read at once while a table in a file is searched.
const PROBE_SLOTS: usize = 32;
const SLOTS_MIN: u64 = 64;

/// The events of one profile.
pub(crate) struct Seen {
    table: Table,
    /// Slots in use.
    used: u64,
    /// Slots there are: a power of two.
    slots: u64,
    /// The largest table that stays in memory.
    memory_slots_max: u64,
    scratch: Vec<u8>,
}

enum Table {
    Memory(Vec<Fingerprint>),
    File(File),
}

impl Seen {
    /// A set that keeps at most `memory_events_max` events in memory.
    pub(crate) fn new(memory_events_max: usize) -> Self {
        let memory_slots_max = (memory_events_max as u64 * 4).div_ceil(3).next_power_of_two().max(SLOTS_MIN);
        Self {
            table: Table::Memory(vec![0; SLOTS_MIN as usize]),
            used: 0,
            slots: SLOTS_MIN,
            memory_slots_max,
            scratch: Vec::new(),
        }
    }

    /// Forgets all events.
    pub(crate) fn clear(&mut self) {
        if self.used == 0 {
            return;
        }
        // A table that one profile made large is not swept for each of the next.
        self.table = match std::mem::replace(&mut self.table, Table::Memory(Vec::new())) {
            Table::Memory(mut slots) if self.slots <= 16 * SLOTS_MIN => {
                slots.fill(0);
                Table::Memory(slots)
            }
            _ => {
                self.slots = SLOTS_MIN;
                Table::Memory(vec![0; SLOTS_MIN as usize])
            }
        };
        self.used = 0;
    }

    /// Adds the event with these parts; true if it was there already.
    pub(crate) fn insert(&mut self, parts: [Option<&[u8]>; 4], time: Option<i64>) -> io::Result<bool> {
        let fingerprint = self.fingerprint(parts, time);
        if self.used * 4 >= self.slots * 3 {
            self.double()?;
        }
        let known = match &mut self.table {
            Table::Memory(slots) => insert_in_memory(slots, fingerprint),
            Table::File(file) => insert_in_file(file, self.slots, fingerprint)?,
        };
        self.used += u64::from(!known);
        Ok(known)
    }

    /// The parts are told apart by their lengths, so that no two events look alike.
    fn fingerprint(&mut self, parts: [Option<&[u8]>; 4], time: Option<i64>) -> Fingerprint {
        self.scratch.clear();
        for part in parts {
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            self.scratch.extend(length.to_le_bytes());
            self.scratch.extend(part.unwrap_or_default());
        }
        self.scratch.push(u8::from(time.is_some()));
        self.scratch.extend(time.unwrap_or_default().to_le_bytes());
        XxHash3_128::oneshot(&self.scratch).max(1)
    }

    fn double(&mut self) -> io::Result<()> {
        let doubled = self.slots * 2;
        self.table = match &mut self.table {
            Table::Memory(slots) if doubled <= self.memory_slots_max => {
                let mut larger = vec![0; doubled as usize];
                for &fingerprint in slots.iter().filter(|&&fingerprint| fingerprint != 0) {
                    insert_in_memory(&mut larger, fingerprint);
                }
                Table::Memory(larger)
            }
            Table::Memory(slots) => {
                let bytes: Vec<u8> = slots.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()).collect();
                Table::File(rewrite(&bytes[..], doubled)?)
            }
            Table::File(file) => {
                file.seek(SeekFrom::Start(0))?;
                Table::File(rewrite(io::BufReader::with_capacity(64 << 10, &*file), doubled)?)
            }
        };
        self.slots = doubled;
        Ok(())
    }
}

/// The slot where the search for a fingerprint starts: its leading bits.
fn home(fingerprint: Fingerprint, slots: u64) -> u64 {
    (fingerprint >> (128 - slots.ilog2())) as u64
}

fn insert_in_memory(slots: &mut [Fingerprint], fingerprint: Fingerprint) -> bool {
    let mut slot = home(fingerprint, slots.len() as u64) as usize;
    loop {
        match slots[slot] {
            0 => {
                slots[slot] = fingerprint;
                return false;
            }
            found if found == fingerprint => return true,
            _ => slot = (slot + 1) % slots.len(),
        }
    }
}

fn insert_in_file(file: &File, slots: u64, fingerprint: Fingerprint) -> io::Result<bool> {
    let mut slot = home(fingerprint, slots);
    let mut probe = [0; PROBE_SLOTS * SLOT_BYTES];
    loop {
        let count = (slots - slot).min(PROBE_SLOTS as u64);
        let probe = &mut probe[..count as usize * SLOT_BYTES];
        file.read_exact_at(probe, slot * SLOT_BYTES as u64)?;
        for (index, bytes) in probe.chunks_exact(SLOT_BYTES).enumerate() {
            match Fingerprint::from_le_bytes(bytes.try_into().expect("a slot's bytes")) {
                0 => {
                    let offset = (slot + index as u64) * SLOT_BYTES as u64;
                    file.write_all_at(&fingerprint.to_le_bytes(), offset)?;
                    return Ok(false);
                }
                found if found == fingerprint => return Ok(true),
                _ => {}
            }
        }
        slot = (slot + count) % slots;
    }
}

/// A new file with a table twice as large as the one that `smaller` reads, slot by slot.
fn rewrite(mut smaller: impl Read, slots: u64) -> io::Result<File> {
    let file = tempfile::tempfile()?;
    // Free slots need not be written: a file reads as zeros where nothing was.
    file.set_len(slots * SLOT_BYTES as u64)?;
    let mut larger = Rewriter { out: io::BufWriter::with_capacity(64 << 10, &file), slots, next_free: 0 };
    // Fingerprints that belong to the table's end, but for want of room stand at its front, or
    // would. There are only a few.
    let mut displaced = Vec::new();
    // A stretch of used slots, which are in order but for the order of insertion.
    let mut run = Vec::new();
    let mut bytes = [0; SLOT_BYTES];
    for slot in 0..slots / 2 {
        smaller.read_exact(&mut bytes)?;
        match Fingerprint::from_le_bytes(bytes) {
            0 => larger.append(&mut run, &mut displaced)?,
            wrapped if home(wrapped, slots / 2) > slot => displaced.push(wrapped),
            fingerprint => run.push(fingerprint),
        }
    }
    larger.append(&mut run, &mut displaced)?;
    larger.out.flush()?;
    drop(larger);
    for fingerprint in displaced {
        insert_in_file(&file, slots, fingerprint)?;
    }
    Ok(file)
}

/// Writes a table from front to back.
struct Rewriter<'f> {
    out: io::BufWriter<&'f File>,
    slots: u64,
    /// The first slot behind the last one written.
    next_free: u64,
}

impl Rewriter<'_> {
    /// Empties `run`, none of whose fingerprints belongs before an earlier run's.
    fn append(&mut self, run: &mut Vec<Fingerprint>, displaced: &mut Vec<Fingerprint>) -> io::Result<()> {
        // The order of fingerprints is that of their slots.
        run.sort_unstable();
        for fingerprint in run.drain(..) {
            let slot = home(fingerprint, self.slots).max(self.next_free);
            if slot >= self.slots {
                displaced.push(fingerprint);
                continue;
            }
            if slot > self.next_free {
                self.out.seek(SeekFrom::Start(slot * SLOT_BYTES as u64))?;
            }
            self.out.write_all(&fingerprint.to_le_bytes())?;
            self.next_free = slot + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn insert(seen: &mut Seen, id: u64, time: Option<i64>) -> bool {
        seen.insert([Some(b"section"), Some(&id.to_le_bytes()), None, Some(b"data")], time).expect("a temporary file")
    }

    #[test]
    fn in_memory_and_in_a_file_it_answers_as_a_set_does() {
        for memory_events_max in [16, 1_000, 1 << 20] {
            let mut seen = Seen::new(memory_events_max);
            for round in 0..3 {
                let mut expected = HashSet::new();
                let mut state = 7_u64 + round;
                for _ in 0..20_000 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let id = state >> 50;
                    assert_eq!(insert(&mut seen, id, None), !expected.insert(id));
                }
                seen.clear();
            }
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let mut seen = Seen::new(100);
        assert!(!seen.insert([Some(b"a"), Some(b"bc"), None, None], None).expect("memory"));
        assert!(!seen.insert([Some(b"ab"), Some(b"c"), None, None], None).expect("memory"));
        assert!(!seen.insert([Some(b"a"), Some(b"bc"), Some(b""), None], None).expect("memory"));
        assert!(!seen.insert([Some(b"a"), Some(b"bc"), None, None], Some(0)).expect("memory"));
        assert!(seen.insert([Some(b"a"), Some(b"bc"), None, None], Some(0)).expect("memory"));
    }
}
