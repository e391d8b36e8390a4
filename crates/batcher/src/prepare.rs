//! What is found out before an export is read: what its ids stand for, what is withheld of it, and
//! which typed tables there are to be.

use crate::{
    duplicates::Seen,
    error::{Error, Result},
    export::Export,
    facts::Facts,
    manifest::Manifest,
    options::Options,
    privacy::{Guarded, Privacy},
    progress::Progress,
    typed::{self, Change, Learner, Typed, TypedSchema, TypedTable},
};
use apsides_definitions::{Definitions, Snapshot};
use apsides_tokenizer::Tokens;
use std::{collections::HashSet, io::Read};

/// What was found out.
pub(crate) struct Prepared {
    pub(crate) known: Known,
    /// The bytes that were read for it.
    pub(crate) sample: Vec<u8>,
    /// The typed tables that are written.
    pub(crate) typed: TypedSchema,
    /// Those that are not, but were once.
    pub(crate) remembered: Vec<TypedTable>,
    pub(crate) changes: Vec<Change>,
}

/// What is known of the export's ids.
pub(crate) struct Known {
    pub(crate) definitions: Option<Definitions>,
    /// Those that are attributes'.
    attribute_ids: HashSet<String>,
    /// Those whose values are withheld.
    privacy: Option<Privacy>,
}

impl Known {
    pub(crate) fn new(options: &Options, definitions: Option<Definitions>) -> Result<Self> {
        let mut attribute_ids = options.attribute_ids.clone();
        let attributes = definitions.iter().flat_map(|definitions| &definitions.attributes);
        attribute_ids.extend(attributes.flat_map(|attribute| &attribute.versions).map(|version| version.id.clone()));
        let rules = Some(&options.privacy).filter(|rules| !rules.is_empty());
        let privacy = rules.map(|rules| Privacy::new(rules, definitions.as_ref())).transpose()?;
        Ok(Self { definitions, attribute_ids, privacy })
    }

    /// A reading of an export that tells what may be known of it.
    pub(crate) fn export<'p, R: Read, F: Facts>(
        &'p self,
        input: R,
        facts: F,
        options: &Options,
        progress: &'p Progress,
    ) -> Export<'p, R, Guarded<'p, F>> {
        let tokens = Tokens::with_limits(input, options.limits);
        let seen = Seen::new(options.duplicates_in_memory);
        let hides_keys = self.privacy.as_ref().is_some_and(Privacy::hides_export_keys);
        let guarded = Guarded::new(facts, self.privacy.as_ref());
        Export::new(tokens, guarded, seen, &self.attribute_ids, progress).hiding_keys(hides_keys)
    }

    /// The typed tables that there are to be, and what is new in them; or else what may not be.
    fn planned(
        &self,
        typed: &Typed,
        learned: &Learner,
        before: Option<&TypedSchema>,
    ) -> Result<(TypedSchema, Vec<Change>), Vec<Change>> {
        let definitions = self.definitions.clone().unwrap_or_default();
        let (typed, definitions) = match &self.privacy {
            Some(privacy) => privacy.typed(typed, &definitions),
            None => (typed.clone(), definitions),
        };
        let now = typed::plan(&typed, &definitions, learned);
        typed::merge(before, now, typed.mode, &typed.asked)
    }

    fn learn(&self, sample: &[u8], options: &Options, learner: Learner) -> Learner {
        let progress = Progress::default();
        self.export(sample, learner, options, &progress).read_sample().into_inner()
    }
}

/// Finds out what is to be known before an export is read; `before` is what was published of typed
/// tables. Without typed tables, nothing of the input is read for that.
pub(crate) fn prepare(input: &mut dyn Read, options: &Options, before: Option<TypedSchema>) -> Result<Prepared> {
    let typed = &options.typed;
    let mut before = before;
    let remembered = before.as_mut().map_or(Vec::new(), |before| before.split_off(typed.wide, typed.events));
    let mut sample = Vec::new();
    if typed.wide || typed.events || options.profile {
        input
            .take(options.sample_bytes as u64)
            .read_to_end(&mut sample)
            .map_err(|source| Error::Read { source, offset: sample.len() as u64 })?;
    }
    if !typed.wide && !typed.events {
        let known = Known::new(options, options.definitions.clone())?;
        let typed = before.unwrap_or_default();
        return Ok(Prepared { known, sample, typed, remembered, changes: Vec::new() });
    }
    // A first run of these tables has none to compare with.
    let before = before.filter(|before| !before.tables.is_empty());
    let known = Known::new(options, options.definitions.clone().or_else(|| metadata(&sample, options)))?;
    let learned = known.learn(&sample, options, Learner::with_events(typed.events));
    let planned = known.planned(typed, &learned, before.as_ref());
    let (typed, changes) = planned.map_err(|changes| Error::Frozen { changes })?;
    typed::warn_of(&changes);
    for name in typed::unused(&options.typed, &typed) {
        tracing::warn!("the type that is said of {name} is of nothing that is defined, or that the export begins with");
    }
    Ok(Prepared { known, sample, typed, remembered, changes })
}

/// How typed tables that are published would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaOutlook {
    /// What would be new, in the order of the tables.
    pub changes: Vec<Change>,
    /// Whether the run would fail, since nothing may be new.
    pub is_refused: bool,
}

impl SchemaOutlook {
    /// What a run with these options would change, as far as that is known before its export is: by the definitions, and
    /// by what is asked for. What only values show is not among it. Fails as the run would where it is not clear what is
    /// to be withheld.
    pub fn new(options: &Options, published: Option<&Manifest>) -> Result<Self> {
        let typed = &options.typed;
        let before = published.and_then(|manifest| manifest.typed.clone());
        let Some(mut before) = before.filter(|_| typed.wide || typed.events) else { return Ok(Self::default()) };
        before.split_off(typed.wide, typed.events);
        let known = Known::new(options, options.definitions.clone())?;
        let before = Some(before).filter(|before| !before.tables.is_empty());
        Ok(match known.planned(typed, &Learner::default(), before.as_ref()) {
            Ok((_, changes)) => Self { changes, is_refused: false },
            Err(changes) => Self { changes, is_refused: true },
        })
    }
}

/// The definitions that the export itself tells at its start, if it does.
fn metadata(sample: &[u8], options: &Options) -> Option<Definitions> {
    let nothing = Known { definitions: None, attribute_ids: HashSet::new(), privacy: None };
    let metadata = nothing.learn(sample, options, Learner::with_events(false)).metadata?;
    Some(Snapshot::from_metadata(metadata.as_bytes())?.definitions)
}
