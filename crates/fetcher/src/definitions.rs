//! What the ids of the account stand for: listings, page by page, and a file that remembers them.

use crate::{
    Client, Error, Result,
    http::{Call, Content},
    retry::Repeat,
    wire,
};
use apsides_definitions::{Attribute, Definitions, EventType, Page, Section, Segment, Snapshot, Tag};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    time::Duration,
};
use url::Url;

/// A file that remembers the definitions of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionsCache {
    /// The file, in the form of a [`Snapshot`]. Its folder must be there.
    pub path: PathBuf,
    /// How long what it has is taken for true.
    pub max_age: Duration,
}

const WHAT_SECTIONS: &str = "listing of sections";
const WHAT_ATTRIBUTES: &str = "listing of attributes";
const WHAT_TAGS: &str = "listing of tags";
const WHAT_EVENTS: &str = "listing of events";
const WHAT_SEGMENTS: &str = "listing of segments";

pub(crate) async fn fetch(client: &Client) -> Result<Snapshot> {
    let base = client.base_url();
    let listings = Listings { client };
    let (sections, skipped) = listings.all(WHAT_SECTIONS, wire::sections_url(base), Page::<Section>::parse).await?;
    let nameless = sections.iter().filter(|section| section.discriminator.is_empty()).count();
    if nameless > 0 {
        tracing::warn!(sections = nameless, "sections without a discriminator: what they have cannot be listed");
    }
    let named = sections.iter().filter(|section| !section.discriminator.is_empty()).cloned();
    let of_sections = stream::iter(named).map(|section| listings.of_section(section));
    let of_sections: Vec<(Definitions, usize)> =
        of_sections.buffered(client.http().limits.listings_at_once.max(1)).try_collect().await?;
    let (segments, skipped_segments) =
        listings.all(WHAT_SEGMENTS, wire::segments_url(base), Page::<Segment>::parse).await?;

    let mut snapshot = Snapshot {
        source: Some(client.account().to_owned()),
        fetched_at: Some(now().to_string()),
        skipped: skipped + skipped_segments,
        definitions: Definitions { sections, segments, ..Definitions::default() },
    };
    let all = &mut snapshot.definitions;
    for (of_section, skipped) in of_sections {
        all.attributes.extend(of_section.attributes);
        all.tags.extend(of_section.tags);
        all.events.extend(of_section.events);
        snapshot.skipped += skipped;
    }
    if snapshot.skipped > 0 {
        tracing::warn!(skipped = snapshot.skipped, "definitions without an id are left out");
    }
    tracing::info!(
        sections = all.sections.len(),
        attributes = all.attributes.len(),
        tags = all.tags.len(),
        events = all.events.len(),
        segments = all.segments.len(),
        "definitions fetched"
    );
    Ok(snapshot)
}

pub(crate) async fn cached(client: &Client, cache: &DefinitionsCache) -> Result<Snapshot> {
    let file = cache.path.display();
    let known = remembered(client, cache);
    if let Some(known) = &known
        && is_fresh(known, cache.max_age, Timestamp::now())
    {
        tracing::debug!(%file, fetched_at = known.fetched_at, "definitions from the cache");
        return Ok(known.clone());
    }
    match (fetch(client).await, known) {
        (Ok(snapshot), _) => {
            if let Err(error) = snapshot.write(&cache.path) {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(cause, "{error}; they are fetched again next time");
            }
            Ok(snapshot)
        }
        (Err(error), Some(known)) => {
            let fetched_at = known.fetched_at.as_deref().unwrap_or("an unknown time");
            tracing::warn!(%file, "definitions of {fetched_at} are used, for they cannot be fetched: {error}");
            Ok(known)
        }
        (Err(error), None) => Err(error),
    }
}

/// In whole seconds.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Names an account: where it is, and a number that tells its API key from others without saying it. Should another
/// version of the program come to another number, the definitions are fetched once more.
pub(crate) fn account(base: &Url, client_id: &str) -> String {
    let mut hasher = DefaultHasher::new();
    client_id.hash(&mut hasher);
    format!("{}, client {:016x}", base.origin().ascii_serialization(), hasher.finish())
}

/// What the cache has of this account.
fn remembered(client: &Client, cache: &DefinitionsCache) -> Option<Snapshot> {
    let file = cache.path.display();
    if !cache.path.exists() {
        return None;
    }
    match Snapshot::read(&cache.path) {
        Ok(known) if known.source.as_deref() == Some(client.account()) => Some(known),
        Ok(_) => {
            tracing::info!(%file, "the cached definitions are of another account");
            None
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::warn!(cause, "{error}; they are fetched anew");
            None
        }
    }
}

/// A time in the future is as good as none: some clock was wrong.
fn is_fresh(known: &Snapshot, max_age: Duration, now: Timestamp) -> bool {
    let fetched_at = known.fetched_at.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
    let age = fetched_at.and_then(|fetched_at| Duration::try_from(now.duration_since(fetched_at)).ok());
    age.is_some_and(|age| age < max_age)
}

/// Asks for listings.
struct Listings<'c> {
    client: &'c Client,
}

impl Listings<'_> {
    /// What a section has, and how many items were skipped.
    async fn of_section(&self, section: Section) -> Result<(Definitions, usize)> {
        let Section { id, discriminator, .. } = &section;
        let url = |kind| wire::section_url(self.client.base_url(), discriminator, kind);
        let parse = |json: &[u8]| Page::<Attribute>::parse(json, id);
        let (attributes, skipped) = self.all_or_none(WHAT_ATTRIBUTES, url("attributes"), parse).await?;
        let parse = |json: &[u8]| Page::<Tag>::parse(json, id);
        let (tags, skipped_tags) = self.all_or_none(WHAT_TAGS, url("tags"), parse).await?;
        let parse = |json: &[u8]| Page::<EventType>::parse(json, id);
        let (events, skipped_events) = self.all_or_none(WHAT_EVENTS, url("events"), parse).await?;
        let skipped = skipped + skipped_tags + skipped_events;
        Ok((Definitions { attributes, tags, events, ..Definitions::default() }, skipped))
    }

    /// The same as [`all`](Self::all), where an account may have no such listing.
    async fn all_or_none<T>(
        &self,
        what: &'static str,
        url: Url,
        parse: impl Fn(&[u8]) -> Result<Page<T>, apsides_definitions::Error>,
    ) -> Result<(Vec<T>, usize)> {
        match self.all(what, url, parse).await {
            Err(Error::Status { url, status: 404, .. }) => {
                tracing::warn!(url, "there is no {what}");
                Ok((Vec::new(), 0))
            }
            result => result,
        }
    }

    /// All pages of a listing, and how many items were skipped.
    async fn all<T>(
        &self,
        what: &'static str,
        url: Url,
        parse: impl Fn(&[u8]) -> Result<Page<T>, apsides_definitions::Error>,
    ) -> Result<(Vec<T>, usize)> {
        let http = self.client.http();
        let (mut items, mut skipped, mut bytes) = (Vec::new(), 0, 0);
        let (mut next, mut seen) = (Some(url), HashSet::new());
        while let Some(url) = next {
            let call = Call { what, url: &url, repeat: Repeat::Freely, content: Content::Listing };
            if seen.len() == http.limits.listing_pages_max {
                return Err(http.unexpected(&call, &format!("it has more than {} pages", seen.len())));
            }
            let reply = self.client.call(&call).await?;
            if !reply.response.status().is_success() {
                return Err(http.status_error(what, reply.response).await);
            }
            let answer = http.answer(&call, reply)?;
            bytes += answer.len();
            if bytes > http.limits.listing_bytes_max {
                let max = http.limits.listing_bytes_max;
                return Err(http.unexpected(&call, &format!("all its pages are longer than {max} bytes")));
            }
            let page = parse(&answer).map_err(|error| http.unexpected(&call, &error.to_string()))?;
            items.extend(page.items);
            skipped += page.skipped;
            next = page.next.map(|text| self.next(&call, &text)).transpose()?;
            seen.insert(url.clone());
            if next.as_ref().is_some_and(|next| seen.contains(next)) {
                return Err(http.unexpected(&call, "its next page is one that came before"));
            }
        }
        Ok((items, skipped))
    }

    /// The URL of the next page: our token goes nowhere else.
    fn next(&self, call: &Call<'_>, text: &str) -> Result<Url> {
        match call.url.join(text) {
            Ok(url) if self.client.is_own(&url) => Ok(url),
            Ok(_) => Err(self.client.http().unexpected(call, "its next page is not on the API's own origin")),
            Err(_) => Err(self.client.http().unexpected(call, "its next page is no URL")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_names_without_credentials() {
        let (one, two) =
            (Url::parse("https://api.apsis.one/x").unwrap(), Url::parse("https://api-apac.apsis.one").unwrap());
        let name = account(&one, "the-id");
        assert!(name.starts_with("https://api.apsis.one, client ") && !name.contains("the-id"), "{name}");
        assert_eq!(name, account(&one, "the-id"));
        assert_ne!(name, account(&one, "other-id"));
        assert_ne!(name, account(&two, "the-id"));
    }

    #[test]
    fn ages() {
        let now = "2026-01-31T12:00:00Z".parse().unwrap();
        for (fetched_at, fresh) in [
            (Some("2026-01-31T12:00:00Z"), true),
            (Some("2026-01-30T12:00:01Z"), true),
            (Some("2026-01-30T12:00:00Z"), false),
            (Some("2026-01-31T12:00:01Z"), false),
            (Some("today"), false),
            (None, false),
        ] {
            let known = Snapshot { fetched_at: fetched_at.map(str::to_owned), ..Snapshot::default() };
            assert_eq!(is_fresh(&known, Duration::from_secs(86_400), now), fresh, "{fetched_at:?}");
        }
    }
}
