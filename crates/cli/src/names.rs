//! From the names in a pipeline to the ids that an export is asked for.

use crate::{
    args::Output,
    failure::{Exit, Failure},
    progress::Waiting,
    run::Job,
    shutdown::Shutdown,
};
use apsides_definitions::{Definitions, Kind, SelectError, Snapshot, Versions, is_id};
use apsides_fetcher::{Client, DefinitionsCache, ExportSpec};

/// How names are looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookup {
    /// Which versions a name stands for.
    pub(crate) versions: Versions,
    /// Whether the definitions are wanted even if there is nothing to look up.
    pub(crate) always: bool,
    /// Where they are remembered.
    pub(crate) cache: Option<DefinitionsCache>,
}

/// The job with ids for names. Where there is nothing to look up, the API is not asked.
pub(crate) async fn resolved(
    mut job: Job,
    client: &Client,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Job, Failure> {
    if !job.lookup.always && is_resolved(&job.export) && !job.options.needs_definitions() {
        return Ok(job);
    }
    let snapshot = fetch(client, job.lookup.cache.as_ref(), output, shutdown).await?;
    job.export = select(job.export, &snapshot.definitions, job.lookup.versions).map_err(|errors| wrong(&errors))?;
    job.options.definitions = Some(snapshot.definitions);
    Ok(job)
}

/// The definitions of an account, from the cache while it is good.
pub(crate) async fn fetch(
    client: &Client,
    cache: Option<&DefinitionsCache>,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Snapshot, Failure> {
    let _waiting = Waiting::new(output, format!("fetching the definitions from {}", client.base_url()));
    let snapshot = async {
        match cache {
            Some(cache) => client.cached_definitions(cache).await,
            None => client.definitions().await,
        }
    };
    Ok(shutdown.or_interrupted(snapshot).await??)
}

fn is_resolved(export: &ExportSpec) -> bool {
    let mut lists = [&export.attributes, &export.tags, &export.events].into_iter().flatten();
    lists.all(|wanted| is_id(wanted)) && export.segment_filter.as_deref().is_none_or(is_segment)
}

/// Whether a text is a segment's discriminator, which an export can be asked for as it is.
fn is_segment(text: &str) -> bool {
    text.contains(".segments.") && !text.contains(|c: char| c.is_whitespace() || matches!(c, '*' | '?'))
}

fn select(export: ExportSpec, definitions: &Definitions, versions: Versions) -> Result<ExportSpec, Vec<SelectError>> {
    let mut errors = Vec::new();
    let mut ids = |kind, wanted: &[String]| {
        definitions.select(kind, wanted, versions).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            Vec::new()
        })
    };
    let attributes = ids(Kind::Attribute, &export.attributes);
    let tags = ids(Kind::Tag, &export.tags);
    let events = ids(Kind::Event, &export.events);
    let segment_filter = match export.segment_filter {
        Some(wanted) if !is_segment(&wanted) => {
            definitions.select_segment(&wanted).map_err(|wrong| errors.push(wrong)).ok()
        }
        segment => segment,
    };
    if errors.is_empty() { Ok(ExportSpec { attributes, tags, events, segment_filter, ..export }) } else { Err(errors) }
}

fn wrong(errors: &[SelectError]) -> Failure {
    let lines: Vec<_> = errors
        .iter()
        .map(|error| {
            // What lists them is told once, below.
            format!("[export] {}", error.to_string().trim_end_matches("; `apsides definitions` lists what there is"))
        })
        .collect();
    let next = "`apsides definitions` with this pipeline lists what there is, with --toml as lines to paste";
    Failure::new(Exit::Configuration, lines.join("\n       ")).next(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(attributes: &[&str], tags: &[&str], segment: Option<&str>) -> ExportSpec {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let segment_filter = segment.map(str::to_owned);
        ExportSpec { attributes: texts(attributes), tags: texts(tags), segment_filter, ..ExportSpec::default() }
    }

    #[test]
    fn what_needs_no_definitions() {
        for (export, resolved) in [
            (export(&[], &[], None), true),
            (export(&["40103", "7"], &["1"], None), true),
            (export(&["40103"], &[], Some("usercreated.segments.vip-0y3nrd8jva")), true),
            (export(&["40103"], &[], Some("usercreated.segments.vip*")), false),
            (export(&["40103"], &[], Some("VIP")), false),
            (export(&["40103", "Email"], &[], None), false),
            (export(&["40103"], &["com.*"], None), false),
            (export(&["40103 "], &[], None), false),
        ] {
            assert_eq!(is_resolved(&export), resolved, "{export:?}");
        }
    }

    #[test]
    fn all_errors_come_at_once() {
        let export = export(&["Emial", "1"], &["Gold"], Some("VIP"));
        let errors = select(export, &Definitions::default(), Versions::Live).expect_err("nothing is defined");
        assert_eq!(errors.len(), 3);
        let text = wrong(&errors).to_string();
        assert!(text.starts_with("error: [export] there is no attribute \"Emial\""), "{text}");
        assert!(text.contains("\n       [export] there is no segment \"VIP\""), "{text}");
    }
}
