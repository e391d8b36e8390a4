//! `apsides demo`: the whole job against a simulated API on this machine.

use crate::{
    args::{Demo, Output},
    failure::{Exit, Failure},
    names::{Lookup, resolved},
    reports::Told,
    run::{Job, execute},
    shutdown::Shutdown,
    summary::print,
    tables::Published,
    watch::Watch,
};
use apsides_batcher::{Options, Typed, published};
use apsides_fetcher::{Client, ClientConfig, ExportSpec, Limits, Secret};
use apsides_simulator::{CorpusSpec, Server, Settings, Size, Window, catalogue};
use jiff::Timestamp;
use std::time::Duration;

/// What the manifest says of tables that a demo wrote; a further demo may replace them.
const SOURCE: &str = "demo";

pub(crate) async fn demo(args: Demo, watch: &Watch, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    if args.out.starts_with("s3:") {
        let failure = Failure::new(Exit::Configuration, "the demo writes to a folder");
        return Err(failure.next("`apsides convert` and `apsides run` write to S3"));
    }
    let settings = Settings {
        corpus: CorpusSpec { size: Size::Profiles(args.profiles), ..CorpusSpec::default() },
        ..Settings::default()
    };
    let (client_id, client_secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let server = Server::start(settings).await.map_err(|error| Failure::new(Exit::Unexpected, error.to_string()))?;
    let base_url =
        server.base_url().parse().map_err(|_| Failure::new(Exit::Unexpected, "the simulated API has no address"))?;
    let limits = Limits { poll_interval_first: Duration::from_millis(300), ..Limits::default() };
    let window = Window::default();
    let time = |milliseconds| Timestamp::from_millisecond(milliseconds).ok();
    let job = Job {
        client: ClientConfig { limits, ..ClientConfig::new(base_url, client_id, Secret::new(client_secret)) },
        export: ExportSpec {
            attributes: catalogue::attributes().map(|attribute| attribute.id.to_owned()).collect(),
            tags: catalogue::tags().map(|tag| tag.id.to_owned()).collect(),
            events: catalogue::EVENTS.iter().map(|event| event.id.to_owned()).collect(),
            start_at: time(window.start_ms),
            end_at: time(window.end_ms),
            ..ExportSpec::default()
        },
        schedule: None,
        lookup: Lookup { always: true, ..Lookup::default() },
        source: SOURCE.to_owned(),
        keep_raw: None,
        spools: false,
        overwrite: args.overwrite || published(&args.out)?.is_some_and(|manifest| manifest.source == SOURCE),
        destination: args.out.as_path().into(),
        told: Told::default(),
        options: Options { typed: Typed { wide: true, events: true, ..Typed::default() }, ..Options::default() },
    };
    let destination = job.destination.clone();
    let result = match Client::new(job.client.clone()) {
        Ok(client) => run(job, &client, watch, output, shutdown).await,
        Err(error) => Err(error.into()),
    };
    server.stop().await;
    result?.printed(&destination, output)?;
    if !output.json {
        print(&format!("\ntry next:\n  duckdb -c \"{}\"", query(&destination.to_string())))?;
    }
    Ok(())
}

async fn run(
    job: Job,
    client: &Client,
    watch: &Watch,
    output: &Output,
    shutdown: &Shutdown,
) -> Result<Published, Failure> {
    let job = resolved(job, client, output, shutdown).await?;
    execute(&job, client, watch, output, shutdown).await
}

/// A first question to the tables: which events there were, and from how many people.
fn query(folder: &str) -> String {
    format!(
        "SELECT name, count(*) AS events, count(DISTINCT export_key) AS profiles, max(source_event_time) AS latest \
         FROM '{folder}/events/*.parquet' JOIN '{folder}/event_definitions/*.parquet' USING (section_id, type_id) \
         WHERE NOT is_duplicate GROUP BY name ORDER BY events DESC"
    )
}
