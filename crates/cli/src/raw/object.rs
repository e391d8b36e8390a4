//! A download that is kept as an object of a bucket, while it is read.

use apsides_batcher::{Archive, NewObject};
use apsides_fetcher::Keep;
use async_trait::async_trait;
use bytes::Bytes;
use std::{error::Error, io, mem};
use tokio::sync::Mutex;

/// An object to be.
pub(super) struct KeptObject {
    archive: Archive,
    name: String,
    /// Its address, for messages.
    place: String,
    state: Mutex<State>,
}

enum State {
    /// Nothing has come yet.
    Fresh,
    Growing(Box<NewObject>),
    /// It is whole, or will never be.
    Over,
}

impl KeptObject {
    pub(super) fn new(archive: &Archive, name: &str, place: String) -> Self {
        Self { archive: archive.clone(), name: name.to_owned(), place, state: Mutex::new(State::Fresh) }
    }

    /// Removes what has been sent of an object that is not whole; one that is stays.
    pub(super) async fn discard(&self) {
        if let State::Growing(object) = mem::replace(&mut *self.state.lock().await, State::Over) {
            object.discard().await;
        }
    }
}

#[async_trait]
impl Keep for KeptObject {
    async fn write(&self, chunk: Bytes, at: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut state = self.state.lock().await;
        // What an object has cannot be written over: it begins anew with the download.
        if at == 0 && !matches!(*state, State::Over) {
            let before = mem::replace(&mut *state, State::Growing(Box::new(self.archive.create(&self.name))));
            if let State::Growing(object) = before {
                object.discard().await;
            }
        }
        match &mut *state {
            State::Growing(object) => Ok(object.write(&chunk).await?),
            State::Fresh | State::Over => Err(over()),
        }
    }

    async fn finish(&self, bytes: u64) -> Result<(), Box<dyn Error + Send + Sync>> {
        let object = match mem::replace(&mut *self.state.lock().await, State::Over) {
            State::Growing(object) if object.bytes() == bytes => *object,
            // It has started over, and nothing has come then.
            State::Growing(object) => {
                object.discard().await;
                self.archive.create(&self.name)
            }
            State::Fresh => self.archive.create(&self.name),
            State::Over => return Err(over()),
        };
        Ok(object.finish().await?)
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

fn over() -> Box<dyn Error + Send + Sync> {
    io::Error::other("the run is over").into()
}
