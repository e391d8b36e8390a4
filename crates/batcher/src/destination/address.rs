//! `s3://bucket/prefix`.

use crate::error::{Error, Result};
use object_store::path::Path;
use std::fmt;

const SCHEME: &str = "s3://";

/// A bucket, and a prefix or an object in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) bucket: String,
    pub(super) prefix: Path,
}

impl Address {
    /// None if the text is no address, but the name of a folder or file.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let wrong = |problem| Err(Error::StorageSettings { problem: format!("{text}: {problem}") });
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return match text.split_once("://") {
                Some((scheme, _)) => Err(Error::StorageSettings {
                    problem: format!("{scheme}:// is no destination; there are folders and s3://bucket/prefix"),
                }),
                None => Ok(None),
            };
        };
        if rest.contains(['?', '#', '@']) {
            // It is not shown: it may hold a password or a signature.
            return Err(Error::StorageSettings {
                problem: "s3://…: an address is s3://bucket/prefix and nothing more; credentials come from the \
                          environment"
                    .to_owned(),
            });
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        if bucket.is_empty() || !bucket.chars().all(is_plain) {
            return wrong("this is no bucket's name; write s3://bucket/prefix");
        }
        match Path::parse(prefix) {
            Ok(prefix) => Ok(Some(Self { bucket: bucket.to_owned(), prefix })),
            Err(_) => wrong("this prefix cannot be used; it has an empty or a relative part"),
        }
    }

    /// The object or prefix of this name below this one.
    pub fn join(&self, name: &str) -> Self {
        Self { bucket: self.bucket.clone(), prefix: self.prefix.clone().join(name) }
    }

    /// The prefix, or the object's name in the bucket.
    pub fn prefix(&self) -> &str {
        self.prefix.as_ref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{SCHEME}{}", self.bucket)?;
        if self.prefix.as_ref().is_empty() { Ok(()) } else { write!(out, "/{}", self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let shown = |text: &str| Address::parse(text).map(|address| address.map(|address| address.to_string()));
        for (text, expected) in [
            ("s3://lake/a/b", Some("s3://lake/a/b")),
            ("s3://lake/a/", Some("s3://lake/a")),
            ("s3://lake", Some("s3://lake")),
            ("s3://my-lake.x/", Some("s3://my-lake.x")),
            ("warehouse", None),
            ("/data/s3:/x", None),
        ] {
            assert_eq!(shown(text).expect(text).as_deref(), expected, "{text}");
        }
        let run = Address::parse("s3://lake/raw").expect("an address").map(|raw| raw.join("run").join("part"));
        assert_eq!(run.map(|run| run.to_string()).as_deref(), Some("s3://lake/raw/run/part"));
        for wrong in
            ["s3://", "s3:///a", "s3://a b/c", "s3://a/../b", "gs://a/b", "s3://key:secret@a/b", "s3://a/b?x=y"]
        {
            let error = shown(wrong).expect_err(wrong).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
