//! `apsides init`: a pipeline to start from.

use crate::{
    args::Init,
    failure::{Exit, Failure},
};
use std::{fs::File, io::Write};

/// Lines that start with `#` and a word are options, those with `#` and a space are prose.
const PIPELINE: &str = include_str!("init.toml");

/// Writes it, unless something is there.
pub(crate) fn init(args: &Init) -> Result<(), Failure> {
    let path = &args.path;
    let written = File::create_new(path).and_then(|mut file| file.write_all(PIPELINE.as_bytes()));
    written.map_err(|error| {
        let message = format!("could not write {}: {error}", path.display());
        let next = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "choose another name; what is there is never replaced",
            _ => "check the folder and its permissions",
        };
        Failure::new(Exit::Destination, message).next(next)
    })?;
    eprintln!("{0} is there; edit it, then: apsides check {0}", path.display());
    Ok(())
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
        job(PIPELINE).expect("a pipeline");
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
