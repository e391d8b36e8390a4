//! What is said of a conversion before it begins.

use crate::{
    catalogue::Selection,
    destination::{Commit, StorageSettings},
    error::Result,
    extent::Extent,
    prepare::Known,
    privacy::{ANY_TYPE, PrivacyRules},
    run::RunId,
    typed::{Typed, TypedSchema},
    writer::FileOptions,
};
use apsides_definitions::{Definitions, is_id};
use apsides_tokenizer::Limits;
use std::{collections::HashSet, thread::available_parallelism, time::Duration};

/// How an export becomes tables. Every bound of memory is here.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the export is, for the manifest: a file's name, an address without secrets.
    pub source: String,
    /// What the run is called. Default: it gets a name of its own.
    pub run: Option<RunId>,
    /// Whether tables at the destination are replaced.
    pub overwrite: bool,
    /// What of them. Default: all.
    pub extent: Extent,
    /// How the destination tells which files are its tables. Default: by its manifest alone.
    pub commit: Commit,
    /// Whether the manifest has what the logs of Delta tables say of files, where there are none: the files are to be published
    /// where there are. Default: no.
    pub with_statistics: bool,
    /// How long replaced files stay in a folder of Delta tables; for a bucket, its settings say it. Default 1 h.
    pub grace: Duration,
    /// Ids that are attributes even where their value is null, which else marks a tag.
    pub attribute_ids: HashSet<String>,
    /// Which long tables are written. Default: all.
    pub selection: Selection,
    /// Which typed tables are written besides, and how. Default: none.
    pub typed: Typed,
    /// What the columns of typed tables are held to where nothing is published yet. Default: nothing.
    pub schema: Option<TypedSchema>,
    /// What the ids stand for, where that is known. Its attributes are attributes even where their value is null; and
    /// the dimension tables are written.
    pub definitions: Option<Definitions>,
    /// What is withheld.
    pub privacy: PrivacyRules,
    /// Bytes at the export's start from which is learned what the definitions don't tell of the typed
    /// tables' columns. Default 4 MiB.
    pub sample_bytes: usize,
    /// Whether the export's start is read once more, to tell finding tokens from making rows in the
    /// [`Profile`](crate::Profile).
    pub profile: bool,
    /// How files are cut and encoded.
    pub files: FileOptions,
    /// Bounds of the tokenizer.
    pub limits: Limits,
    /// The most rows of a record batch. Default 32 Ki.
    pub batch_rows: usize,
    /// The most bytes of a record batch, give or take one row. Default 2 MiB.
    pub batch_bytes: usize,
    /// The most bytes of a dictionary; a row group ends when it is full. Default 8 MiB.
    pub dictionary_bytes: usize,
    /// The most bytes of the batches from which those of typed tables are made together, or one batch if it is larger.
    /// Default 6.7 MiB.
    pub bundle_bytes: usize,
    /// The most bytes of the attributes and tags of one section where `wide` is written; of one profile, where they come in
    /// several parts. Default 32 MiB.
    pub section_bytes: usize,
    /// Attributes and tags come in several parts of an export, so that rows of `wide` are put together when all are read:
    /// what is said of them is in temporary files until then. Default: no.
    pub columns_in_parts: bool,
    /// Threads that encode. Default: as many as there are processors besides the one that reads, which
    /// has more to do than any of them, and encodes as well while there is no room for what it has read.
    /// The output does not depend on them.
    pub threads: Option<usize>,
    /// Bytes of record batches on their way from the reading to their row groups, or one batch if it is
    /// larger. Default 16 MiB.
    pub bytes_under_way: usize,
    /// Events of one profile that are remembered in memory to find repetitions; beyond that, in a
    /// temporary file. Each takes 21 to 43 bytes, once half as much again while their table grows.
    /// Default 1.5 Mi.
    pub duplicates_in_memory: usize,
}

impl Options {
    /// The least that [`within`](Self::within) can do with, in bytes.
    pub const MEMORY_MIN: usize = 48 << 20;
    /// The same where typed tables are written.
    pub const MEMORY_MIN_TYPED: usize = 64 << 20;
    /// What [`default`](Self::default) stays within, in bytes.
    pub const MEMORY_DEFAULT: usize = 192 << 20;

    /// Whether it is to be found out what a log says of files.
    pub(crate) fn wants_statistics(&self) -> bool {
        self.with_statistics || self.commit == Commit::Delta
    }

    /// Options with which a process stays within so many bytes of memory, whatever the export, as long
    /// as no single value of it is larger than about a thirty-second of them: a value is held in the
    /// tokenizer's window, a batch and a page at the same time.
    ///
    /// About 32 MiB are the program's own. Row groups get the largest part, since readers like them
    /// large; they are counted before they are encoded, and mostly take a quarter of that then.
    pub fn within(memory_bytes: usize) -> Self {
        let memory = memory_bytes.max(Self::MEMORY_MIN);
        let batch_bytes = (memory / 96).min(2 << 20);
        let row_group_bytes = (memory - (32 << 20)) * 2 / 5;
        Self {
            source: String::new(),
            run: None,
            overwrite: false,
            extent: Extent::All,
            commit: Commit::Manifest,
            with_statistics: false,
            grace: StorageSettings::default().grace,
            attribute_ids: HashSet::new(),
            selection: Selection::default(),
            typed: Typed::default(),
            schema: None,
            definitions: None,
            privacy: PrivacyRules::default(),
            sample_bytes: memory / 48,
            profile: false,
            files: FileOptions { row_group_bytes, chunks_max: memory / (16 << 10), ..FileOptions::default() },
            limits: Limits::default(),
            batch_rows: 32 << 10,
            batch_bytes,
            dictionary_bytes: memory / 24,
            // Little memory is for other things.
            bundle_bytes: (memory - (32 << 20)) / 24,
            section_bytes: memory / 6,
            columns_in_parts: false,
            threads: None,
            bytes_under_way: memory / 12,
            // A table of twelve in a hundred, half as much again while it grows.
            duplicates_in_memory: memory / 128,
        }
    }

    /// Tells before anything is read whether what is to be withheld is clear, as far as definitions are known.
    pub fn check(&self) -> Result<()> {
        Known::new(self, self.definitions.clone()).map(drop)
    }

    /// Whether definitions would tell more: for the columns of typed tables, or for names of what is withheld or typed.
    pub fn needs_definitions(&self) -> bool {
        let withheld = self.privacy.attributes.iter().chain(&self.privacy.members).map(|(name, _)| name);
        let is_name = |name: &String| {
            let of = name.split_once('/').map_or(name.as_str(), |(of, _)| of);
            of != ANY_TYPE && !is_id(of)
        };
        self.typed.wide || self.typed.events || withheld.chain(self.typed.kinds.keys()).any(is_name)
    }

    /// How many threads encode.
    pub(crate) fn encoder_threads(&self) -> usize {
        let processors = available_parallelism().map_or(1, usize::from);
        // One more would take turns with the thread that reads, for which all wait later.
        self.threads.unwrap_or(processors.saturating_sub(1)).max(1)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::within(Self::MEMORY_DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind::Text, Treatment::Drop};

    #[test]
    fn what_is_said_of_the_tables_may_need_definitions() {
        let rule = |name: &str| vec![(name.to_owned(), Drop)];
        let withheld = |attributes, members| Options {
            privacy: PrivacyRules { attributes, members, ..PrivacyRules::default() },
            ..Options::default()
        };
        let typed = |typed| Options { typed, ..Options::default() };
        let kinds = |name: &str| typed(Typed { kinds: [(name.to_owned(), Text)].into(), ..Typed::default() });
        for (options, needs) in [
            (Options::default(), false),
            (withheld(rule("40103"), vec![]), false),
            (withheld(rule("Email"), vec![]), true),
            (withheld(vec![], rule("*/url")), false),
            (withheld(vec![], rule("90201/url")), false),
            (withheld(vec![], rule("Email clicked/url")), true),
            (kinds("40103"), false),
            (kinds("90201/url"), false),
            (kinds("com.apsis1.attributes.email"), true),
            (typed(Typed { wide: true, ..Typed::default() }), true),
            (typed(Typed { events: true, ..Typed::default() }), true),
        ] {
            assert_eq!(options.needs_definitions(), needs, "{options:?}");
            // A name that nothing is known of protects nothing.
            assert_eq!(options.check().is_err(), !options.privacy.is_empty() && needs, "{options:?}");
        }
    }
}
