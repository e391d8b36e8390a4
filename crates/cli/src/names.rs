//! From the names in a pipeline to the ids that an export is asked for.

use crate::{
    args::Output,
    failure::{Exit, Failure},
    progress::Waiting,
    run::Job,
    shutdown::Shutdown,
};
use apsides_definitions::{Definitions, Index, Kind, SelectError, Snapshot, ValueType, Versions, is_id};
use apsides_fetcher::{Client, DefinitionsCache, ExportSpec};
use std::cmp::Reverse;

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
    if !has_columns(&job.export) {
        let (id, name) = chosen(&snapshot.definitions).ok_or_else(|| {
            Failure::new(
                Exit::Configuration,
                "[export] asks for no attribute and no tag, so that no profile would show up",
            )
            .next("the account has no attribute that could be taken by itself: ask for a tag")
        })?;
        tracing::info!(id, name, "no attribute and no tag is asked for, without which no profile shows up: taking one");
        job.export.attributes.push(id.to_owned());
    }
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
    has_columns(export) && lists.all(|wanted| is_id(wanted)) && export.segment_filter.as_deref().is_none_or(is_segment)
}

/// Whether any profile would show up.
fn has_columns(export: &ExportSpec) -> bool {
    !export.attributes.is_empty() || !export.tags.is_empty()
}

/// The id and the name of the attribute that is asked for where a pipeline names none: of those in use that most sections
/// have, the one that says the least of a person by its type, and of these the one with the lowest id.
fn chosen(definitions: &Definitions) -> Option<(&str, &str)> {
    let index = Index::new(definitions);
    let says = |id: &str| match index.attribute(id).and_then(|(_, version)| version.value_type) {
        Some(ValueType::Boolean) => 0,
        Some(ValueType::Integer | ValueType::Double) => 1,
        Some(ValueType::Date | ValueType::Timestamp) => 2,
        Some(ValueType::Text | ValueType::Json) | None => 3,
    };
    let attributes = definitions.things(Kind::Attribute);
    let in_use = attributes.iter().filter_map(|thing| Some((thing.live().last()?, thing.name, thing.sections.len())));
    let chosen = in_use.min_by_key(|&(id, _, sections)| (Reverse(sections), says(id), id.len(), id));
    chosen.map(|(id, name, _)| (id, name))
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
            (export(&[], &[], None), false),
            (export(&[], &["1"], None), true),
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
    fn an_attribute_is_chosen_that_many_have_and_that_says_little() {
        for (attributes, expected) in [
            (r#"[]"#, None),
            (r#"[{"id": 1, "deprecated_at": "2024"}]"#, None),
            (r#"[{"id": 10, "name": "A"}, {"id": 9, "name": "B"}]"#, Some(("9", "B"))),
            (
                r#"[{"id": 1, "type": "text"}, {"id": 2, "type": "number"}, {"id": 3, "type": "boolean"}]"#,
                Some(("3", "")),
            ),
            (r#"[{"id": 1, "type": "text"}, {"id": 2, "type": "date"}]"#, Some(("2", ""))),
            (
                r#"[{"section_id": "s", "discriminator": "a", "id": 1, "type": "boolean"},
                    {"section_id": "s", "discriminator": "b", "id": 2, "type": "text"},
                    {"section_id": "t", "discriminator": "b", "id": 2, "type": "text"}]"#,
                Some(("2", "")),
            ),
        ] {
            let json = format!("{{\"attributes\": {attributes}}}");
            let definitions = Snapshot::parse(json.as_bytes()).expect("definitions").definitions;
            assert_eq!(chosen(&definitions), expected, "{attributes}");
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
