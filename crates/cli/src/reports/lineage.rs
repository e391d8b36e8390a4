//! OpenLineage events of a run: that it starts, and how it ends, with what it has published.
//!
//! The shape is that of <https://openlineage.io/spec/2-0-2/OpenLineage.json>. There are names and counts in it, and
//! nobody's data: no values, no paths of an export, no error messages, which may name one of its profiles.

use crate::failure::{Exit, Failure};
use apsides_batcher::{ColumnOf, Destination, Manifest, TableFiles};
use apsides_fetcher::{Headers, Network, post};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf, absolute},
};
use url::Url;

const EVENT: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const SCHEMA: &str = "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet";
const STATISTICS: &str = "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/\
                          OutputStatisticsOutputDatasetFacet";
const ERROR: &str = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet";
const PRODUCER: &str = concat!("urn:apsides:", env!("CARGO_PKG_VERSION"));
/// Of the jobs, where a pipeline does not say another.
const NAMESPACE: &str = "apsides";

/// Who is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lineage {
    /// By a `POST` for each event.
    pub(crate) url: Option<Url>,
    /// By a line for each event, at the end of a file.
    pub(crate) file: Option<PathBuf>,
    /// Of the jobs.
    pub(crate) namespace: Option<String>,
}

/// The run that is told of.
pub(super) struct Of<'a> {
    pub(super) id: String,
    pub(super) job: &'a str,
    pub(super) destination: &'a Destination,
}

impl Lineage {
    /// Tells that a run starts.
    pub(super) async fn started(&self, of: &Of<'_>, network: &Network) {
        self.tell("START", of, json!({}), &[], None, network).await;
    }

    /// Tells how it ended.
    pub(super) async fn ended(&self, of: &Of<'_>, ended: Result<&Manifest, &Failure>, network: &Network) {
        match ended {
            Ok(Manifest { tables, source, .. }) => {
                self.tell("COMPLETE", of, json!({}), tables, Some(source), network).await;
            }
            Err(failure) => {
                let kind = if failure.exit == Exit::Interrupted { "ABORT" } else { "FAIL" };
                let message = format!("exit status {}", failure.exit as u8);
                let error = facet(ERROR, json!({ "message": message, "programmingLanguage": "rust" }));
                self.tell(kind, of, json!({ "errorMessage": error }), &[], None, network).await;
            }
        }
    }

    async fn tell(
        &self,
        kind: &str,
        of: &Of<'_>,
        facets: Value,
        tables: &[TableFiles],
        source: Option<&str>,
        network: &Network,
    ) {
        if self.url.is_none() && self.file.is_none() {
            return;
        }
        let event = json!({
            "eventType": kind,
            "eventTime": Timestamp::now(),
            "producer": PRODUCER,
            "schemaURL": EVENT,
            "run": { "runId": of.id, "facets": facets },
            "job": { "namespace": self.namespace.as_deref().unwrap_or(NAMESPACE), "name": of.job },
            "inputs": source.and_then(input).into_iter().collect::<Vec<_>>(),
            "outputs": tables.iter().map(|table| output(of.destination, table)).collect::<Vec<_>>(),
        });
        if let Some(path) = &self.file
            && let Err(error) = append(path, &event)
        {
            tracing::warn!(path = %path.display(), "the lineage could not be written: {error}");
        }
        if let Some(url) = &self.url
            && let Err(error) = post(url, &Headers::default(), event.to_string().into_bytes(), network).await
        {
            let cause = std::error::Error::source(&error).map(tracing::field::display);
            tracing::warn!(cause, "the lineage could not be told: {error}");
        }
    }
}

/// Adds a line, in one piece, so that those of other runs do not fall in between.
fn append(path: &Path, event: &Value) -> io::Result<()> {
    File::options().create(true).append(true).open(path)?.write_all(format!("{event}\n").as_bytes())
}

/// What an export came from, where it has an address: an API, or an object.
fn input(source: &str) -> Option<Value> {
    let url = Url::parse(source).ok().filter(Url::has_host)?;
    let namespace = format!("{}://{}", url.scheme(), &url[url::Position::BeforeHost..url::Position::AfterPort]);
    let name = match url.path().trim_matches('/') {
        "" => "profiles/exports",
        path => path,
    };
    Some(json!({ "namespace": namespace, "name": name }))
}

/// A table, by its place: OpenLineage calls files by their path, and objects by bucket and key.
fn output(destination: &Destination, table: &TableFiles) -> Value {
    let place = match destination {
        Destination::Folder(folder) => absolute(folder).unwrap_or_else(|_| folder.clone()).display().to_string(),
        Destination::Bucket { address, .. } => address.to_string(),
    };
    let (namespace, folder) = match place.strip_prefix("s3://") {
        None => ("file".to_owned(), place),
        Some(rest) => {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("s3://{bucket}"), prefix.to_owned())
        }
    };
    let name = if folder.is_empty() { table.name.clone() } else { format!("{folder}/{}", table.name) };
    let field = |column: &ColumnOf| json!({ "name": column.name, "type": column.column_type });
    let fields: Vec<_> = table.columns.iter().map(field).collect();
    let statistics = json!({ "rowCount": table.rows, "size": table.bytes, "fileCount": table.files.len() });
    json!({
        "namespace": namespace,
        "name": name,
        "facets": { "schema": facet(SCHEMA, json!({ "fields": fields })) },
        "outputFacets": { "outputStatistics": facet(STATISTICS, statistics) },
    })
}

fn facet(schema: &str, mut members: Value) -> Value {
    members["_producer"] = PRODUCER.into();
    members["_schemaURL"] = schema.into();
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_the_names_that_openlineage_gives_them() {
        for (source, expected) in [
            ("https://api.apsis.one", Some("https://api.apsis.one profiles/exports")),
            ("http://127.0.0.1:8089", Some("http://127.0.0.1:8089 profiles/exports")),
            ("s3://inbox/a/export.json", Some("s3://inbox a/export.json")),
            ("https://me:hunter2@host/export.json?sig=hunter2", Some("https://host export.json")),
            ("export.json", None),
            ("demo", None),
        ] {
            let name = |input: Value| format!("{} {}", input["namespace"], input["name"]).replace('"', "");
            assert_eq!(input(source).map(name).as_deref(), expected, "{source}");
        }
        let table: TableFiles =
            serde_json::from_str(r#"{"name": "tags", "rows": 3, "bytes": 40, "files": []}"#).expect("a table");
        let settings = apsides_batcher::StorageSettings::default;
        for (destination, expected) in [
            ("/data/apsis", ["file", "/data/apsis/tags"]),
            ("s3://lake/apsis/one", ["s3://lake", "apsis/one/tags"]),
            ("s3://lake", ["s3://lake", "tags"]),
        ] {
            let destination = Destination::parse(destination, settings()).expect("a destination");
            let output = output(&destination, &table);
            assert_eq!([&output["namespace"], &output["name"]], expected);
        }
    }
}
