//! A future on a plain thread, outside of any runtime.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future that in turn waits for queues alone: nothing here serves the network or keeps the time. Unlike a
/// runtime's, this thread may outlive the runtime whose tasks are at the other ends.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            // Who woke it in the meantime has left a token, with which this returns at once.
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[test]
    fn what_comes_from_other_threads_comes_in_order() {
        let (sender, mut receiver) = mpsc::channel(1);
        let sending = thread::spawn(move || (0..1_000).for_each(|number| sender.blocking_send(number).unwrap()));
        let received = block_on(async {
            let mut all = Vec::new();
            while let Some(number) = receiver.recv().await {
                all.push(number);
            }
            all
        });
        sending.join().unwrap();
        assert_eq!(received, (0..1_000).collect::<Vec<_>>());
    }
}
