//! Whether an export that is no JSON was damaged on its way. What was compressed says so at its end: the checksum of gzip stands
//! behind what it is of. Whoever stops at the first wrong byte never hears of it, and would take a bad line for a bad export.

use apsides_batcher::Error;
use apsides_fetcher::{self as fetcher, Reader};
use std::{
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// So much of the rest is read for that, and for so long.
const REST_BYTES: u64 = 1 << 30;
const REST_TIME: Duration = Duration::from_secs(30);

/// The input that is read now, for whoever wants to know its end.
#[derive(Clone, Default)]
pub(crate) struct LastRead(Arc<Mutex<Option<Arc<Mutex<Reader>>>>>);

/// A reader of which another has a hold.
struct Shared(Arc<Mutex<Reader>>);

impl LastRead {
    /// The same input, which is the one that is read from now on.
    pub(crate) fn reader(&self, input: Reader) -> impl Read + use<> {
        let shared = Arc::new(Mutex::new(input));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&shared));
        Shared(shared)
    }

    /// The error, or what the rest of the input says that is to blame for it.
    pub(crate) fn blamed(&self, error: Error) -> Error {
        let offset = match &error {
            Error::Json { source, .. } if !source.kind().is_limit() => source.offset(),
            Error::NoObject { .. } => 0,
            _ => return error,
        };
        let Some(input) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return error };
        let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
        match input.check_rest(REST_BYTES, REST_TIME) {
            Err(blamed) if blamed.kind() == fetcher::ErrorKind::Data => {
                tracing::info!(%error, "what was read is no JSON, since it was damaged");
                Error::Read { offset, source: blamed.into() }
            }
            _ => error,
        }
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}
