//! `apsides init`: a pipeline to start from, with what the account has, where there are credentials to ask.

use crate::{
    args::{Init, Output},
    config::Pipeline,
    failure::{Exit, Failure},
    listing, measure, names,
    shutdown::Shutdown,
};
use apsides_definitions::Snapshot;
use apsides_fetcher::Client;
use std::{fs::File, io::Write};

/// Lines that start with `#` and a word are options, those with `#` and a space are prose.
const PIPELINE: &str = include_str!("init.toml");
/// In it: where the API is.
const REGION: &str = "region = \"emea\" ";
/// In it: the examples of what is asked for.
const EXAMPLES: &str = "attributes = [\"Email\"]\ntags = []\nevents = []\n#segment = \"Newsletter\"\n";
/// The variables that it takes credentials from.
const CREDENTIALS: [&str; 2] = ["APSIS_CLIENT_ID", "APSIS_CLIENT_SECRET"];

/// Writes it, unless something is there.
pub(crate) async fn init(args: &Init, output: &Output, shutdown: &Shutdown) -> Result<(), Failure> {
    let path = &args.path;
    let mut text = of_source(args);
    let has_credentials = CREDENTIALS.iter().all(|name| std::env::var(name).is_ok_and(|value| !value.is_empty()));
    let mut is_as_account = None;
    // What is there is not replaced, so there is nothing to ask for.
    if has_credentials && !path.exists() {
        match account(&text, output, shutdown).await {
            Ok(snapshot) => {
                text = text.replacen(EXAMPLES, &listing::toml(&snapshot), 1);
                is_as_account = Some(snapshot);
            }
            Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
            Err(failure) => {
                let (message, next) = failure.told();
                eprintln!("note: the file has examples, since the account could not be asked: {message}");
                next.iter().for_each(|next| eprintln!("  next: {next}"));
            }
        }
    }
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let message = format!("could not write {}: {error}", path.display());
        let next = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "choose another name; what is there is never replaced",
            _ => "check the folder and its permissions",
        };
        Failure::new(Exit::Destination, message).next(next)
    })?;
    if let Some(Snapshot { definitions: all, .. }) = is_as_account {
        let count = |count: usize| measure::count(count as u64);
        eprintln!(
            "{} attributes, {} tags, {} event types and {} segments of the account are in it; keep what is needed",
            count(all.attributes.len()),
            count(all.tags.len()),
            count(all.events.len()),
            count(all.segments.len()),
        );
    }
    eprintln!("{0} is there; edit it, then: apsides check {0}", path.display());
    Ok(())
}

/// The pipeline of the account's region, or of another address.
fn of_source(args: &Init) -> String {
    match (&args.base_url, &args.region) {
        (Some(url), _) => PIPELINE.replacen(REGION, &format!("base_url = {} ", toml::Value::from(url.as_str())), 1),
        (None, Some(region)) => {
            PIPELINE.replacen(REGION, &format!("region = {} ", toml::Value::from(region.as_str())), 1)
        }
        (None, None) => PIPELINE.to_owned(),
    }
}

/// What there is to ask for.
async fn account(text: &str, output: &Output, shutdown: &Shutdown) -> Result<Snapshot, Failure> {
    let pipeline: Pipeline =
        toml::from_str(text).map_err(|error| Failure::new(Exit::Configuration, error.message().to_owned()))?;
    let (client, _) = pipeline.into_source()?;
    names::fetch(&Client::new(client)?, None, output, shutdown).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pipeline;

    /// Whoever runs the tests has no credentials.
    fn job(text: &str) -> Result<crate::run::Job, String> {
        let text = text.replace("${env:", "").replace("}\"", "\"");
        let pipeline: Pipeline = toml::from_str(&text).map_err(|error| error.to_string())?;
        pipeline.into_job().map_err(|failure| failure.to_string())
    }

    #[test]
    fn it_is_a_pipeline() {
        let args = |region: Option<&str>, base_url: Option<&str>| Init {
            path: "x.toml".into(),
            region: region.map(str::to_owned),
            base_url: base_url.map(str::to_owned),
        };
        for (args, line) in [
            (args(None, None), "region = \"emea\" "),
            (args(Some("apac"), None), "region = \"apac\" "),
            (args(None, Some("http://127.0.0.1:1")), "base_url = \"http://127.0.0.1:1\" "),
        ] {
            let text = of_source(&args);
            assert!(text.lines().any(|other| other.starts_with(line)), "{line}");
            job(&text).expect("a pipeline");
            let asked = text.replacen(EXAMPLES, &listing::toml(&Snapshot::default()), 1);
            assert!(asked != text && toml::from_str::<toml::Table>(&asked).is_ok(), "{asked}");
        }
    }

    #[test]
    fn each_option_can_be_switched_on() {
        let is_option = |line: &&str| {
            line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
        };
        let options = PIPELINE.lines().filter(is_option).count();
        assert!(options >= 20, "{options}");
        let on: String = PIPELINE
            .lines()
            .map(|line| if is_option(&line) { &line[1..] } else { line })
            .map(|line| line.to_owned() + "\n")
            .collect();
        // Two ways to say the same exclude each other.
        let on = on.replace("base_url = ", "# ").replace("\nstart = ", "\n# ").replace("\nend = ", "\n# ");
        job(&on).expect("a pipeline");
    }
}
