//! Texts of a pipeline that come from elsewhere: from the environment, a file, a command.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{
    fs,
    io::{self, Read},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Text in which `${env:NAME}`, `${file:PATH}` and `${command:LINE}` stand for what they name.
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Text(pub(super) String);

impl std::fmt::Debug for Text {
    /// It may be a secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Its own words would show what stands there, which may be a secret without its quotes.
        let text = String::deserialize(deserializer).map_err(|error| {
            // A key that is not there comes here, too, and nothing of it is secret.
            let is_missing = error.to_string().starts_with("missing field");
            if is_missing { error } else { D::Error::custom("a text in quotes is expected") }
        })?;
        expand(&text).map(Self).map_err(D::Error::custom)
    }
}

pub(super) fn expand(text: &str) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("`${` without its `}`")?;
        expanded.push_str(before);
        expanded.push_str(&match name.split_once(':') {
            Some(("env", name)) => std::env::var(name)
                .map_err(|_| format!("the environment variable {name} is not set where apsides runs"))?,
            Some(("file", path)) => read_secret(path).map_err(|error| format!("{path} cannot be read: {error}"))?,
            Some(("command", line)) => secret_of(line)?,
            _ => return Err("`${…}` names neither env:NAME nor file:PATH nor command:LINE".to_owned()),
        });
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// A place that a part of a text comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Place {
    Environment {
        name: String,
    },
    SecretFile {
        path: String,
    },
    /// Its line is not told: it may hold what nobody is to see.
    Command,
}

/// The places that a text names.
pub(super) fn places(text: &str) -> Vec<Place> {
    let names = text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let place = |name: &str| match name.split_once(':')? {
        ("env", name) => Some(Place::Environment { name: name.to_owned() }),
        ("file", path) => Some(Place::SecretFile { path: path.to_owned() }),
        ("command", _) => Some(Place::Command),
        _ => None,
    };
    names.filter_map(place).collect()
}

/// Secrets in files mostly end with a line break that does not belong to them.
fn read_secret(path: &str) -> io::Result<String> {
    Ok(fs::read_to_string(path)?.trim_end_matches(['\r', '\n']).to_owned())
}

/// How long a command may take to tell a secret.
const COMMAND_WAIT: Duration = Duration::from_secs(60);

/// What a command line for `sh` prints. Its standard error is the program's own, so that it can say what is wrong.
fn secret_of(line: &str) -> Result<String, String> {
    let failed = |why: String| format!("the command `{line}` {why}");
    let mut child = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let mut out = child.stdout.take().expect("it is piped");
    let (sender, read) = mpsc::channel();
    // On a thread of its own, so that a command that never ends does not keep us.
    thread::spawn(move || {
        let mut text = String::new();
        drop(sender.send(out.read_to_string(&mut text).map(|_| text)));
    });
    let Ok(text) = read.recv_timeout(COMMAND_WAIT) else {
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(format!("said nothing within {} s", COMMAND_WAIT.as_secs())));
    };
    let status = child.wait().map_err(|error| failed(format!("cannot be waited for: {error}")))?;
    if !status.success() {
        return Err(failed(format!("failed with {status}")));
    }
    let text = text.map_err(|_| failed("did not print text".to_owned()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_expanded() {
        assert_eq!(expand("a${env:CARGO_PKG_NAME}b").as_deref(), Ok("aapsides-clib"));
        assert_eq!(expand("plain").as_deref(), Ok("plain"));
        assert_eq!(expand("<${command:printf 's3\\n'; echo cret}>").as_deref(), Ok("<s3\ncret>"));
        for wrong in
            ["${env:APSIDES_NOT_SET}", "${file:/nowhere}", "${HOME}", "${env:X", "${command:echo hunter2; exit 3}"]
        {
            assert!(!expand(wrong).expect_err(wrong).replace("echo hunter2", "").contains("hunter2"), "{wrong}");
        }
    }
}
