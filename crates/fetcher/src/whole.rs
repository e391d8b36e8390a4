//! A local file as it is, of which any slice can be read: for several threads at once.

use crate::{Error, Progress, source::Origin};
use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    sync::Arc,
};

/// See [`Reader::whole`](crate::Reader::whole).
#[derive(Debug)]
pub struct Whole {
    file: File,
    bytes: u64,
    from: Origin,
    progress: Arc<Progress>,
}

impl Whole {
    /// None if it is no file, but a pipe or the like.
    pub(crate) fn open(from: &Origin, progress: &Arc<Progress>) -> io::Result<Option<Self>> {
        let Origin::Path(path) = from else { return Ok(None) };
        // Asked first: to open a pipe with a name again is to wait for another writer.
        if !fs::metadata(path)?.is_file() {
            return Ok(None);
        }
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Some(Self { file, bytes, from: from.clone(), progress: Arc::clone(progress) }))
    }

    /// How long it is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads these bytes of it. Errors are as those of a [`Reader`](crate::Reader).
    pub fn slice(&self, range: Range<u64>) -> impl io::Read + Send {
        FileSlice { whole: self, range }
    }

    /// What was read so far will be read again.
    pub fn start_over(&self) {
        self.progress.start_over(Some(self.bytes));
    }
}

struct FileSlice<'w> {
    whole: &'w Whole,
    range: Range<u64>,
}

impl io::Read for FileSlice<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Whole { file, from, progress, .. } = self.whole;
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX).min(buf.len());
        match file.read_at(&mut buf[..left], self.range.start) {
            Ok(count) => {
                progress.add_in(count);
                progress.add_out(count);
                self.range.start += count as u64;
                Ok(count)
            }
            // By the contract of `Read` this one is no failure: the caller reads again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let (from, received) = (from.clone(), progress.bytes_in());
                Err(Error::InputRead { from, received, source: error.into() }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn slices_are_read_in_any_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("export.json");
        std::fs::write(&path, "0123456789").expect("a file");
        let progress = Progress::new(Some(10));
        let whole = Whole::open(&Origin::Path(path), &progress).expect("it is there").expect("it is a file");
        let read = |range| {
            let mut text = String::new();
            whole.slice(range).read_to_string(&mut text).expect("it is there");
            text
        };
        for (range, expected) in [(4..10, "456789"), (0..3, "012"), (3..3, ""), (8..20, "89")] {
            assert_eq!(read(range.clone()), expected, "{range:?}");
        }
        assert_eq!((whole.bytes(), progress.bytes_in()), (10, 11));
        whole.start_over();
        assert_eq!((progress.bytes_in(), progress.total_in()), (0, Some(10)));
        let stdin = Whole::open(&Origin::Stdin, &progress).expect("nothing is opened");
        assert!(stdin.is_none());
    }
}
