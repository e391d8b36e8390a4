//! Headers of one's own for a [`post`](crate::post()): keys and tokens of whoever is told.

use crate::Secret;
use reqwest::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::header::{TRANSFER_ENCODING, USER_AGENT};

/// How many there may be.
const HEADERS_MAX: usize = 64;

/// Headers whose values are never shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(HeaderMap);

/// Why a header cannot be sent. Its value is not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is none.
    #[error("a header has a name that is none; write letters, digits and `-`")]
    Name,
    /// It belongs to the request itself.
    #[error("the header {0} is set by apsides; leave it out")]
    Reserved(String),
    /// The value has line breaks or other control characters.
    #[error("the header {0} has a value that cannot be sent; write printable characters alone")]
    Value(String),
    /// There are too many.
    #[error("there are more than {HEADERS_MAX} headers; leave some out")]
    TooMany,
}

impl Headers {
    /// Adds one, in place of one with the same name.
    pub fn add(&mut self, name: &str, value: &Secret) -> Result<(), HeaderError> {
        let name = HeaderName::try_from(name).map_err(|_| HeaderError::Name)?;
        if [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT].contains(&name) {
            return Err(HeaderError::Reserved(name.to_string()));
        }
        if self.0.len() == HEADERS_MAX && !self.0.contains_key(&name) {
            return Err(HeaderError::TooMany);
        }
        let value = HeaderValue::try_from(value.expose()).map_err(|_| HeaderError::Value(name.to_string()));
        let mut value = value?;
        value.set_sensitive(true);
        self.0.insert(name, value);
        Ok(())
    }

    /// Those of a request that sends JSON.
    pub(crate) fn of_json(&self) -> HeaderMap {
        let mut headers = self.0.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_told_without_its_value() {
        let mut headers = Headers::default();
        for (name, value, error) in [
            ("api-key", "h1dden", None),
            ("API-Key", "h1dden too", None),
            ("x-tenant", "Åre", None),
            ("", "h1dden", Some(HeaderError::Name)),
            ("api key", "h1dden", Some(HeaderError::Name)),
            ("Content-Type", "h1dden", Some(HeaderError::Reserved("content-type".into()))),
            ("x-key", "h1dden\r\nhost: x", Some(HeaderError::Value("x-key".into()))),
        ] {
            assert_eq!(headers.add(name, &Secret::new(value)).err(), error, "{name}");
        }
        assert_eq!(headers.0.len(), 2);
        assert!(!format!("{headers:?}").contains("h1dden"), "{headers:?}");
        for number in 0..HEADERS_MAX - 2 {
            assert_eq!(headers.add(&format!("x-{number}"), &Secret::new("")), Ok(()));
        }
        assert_eq!(headers.add("one-more", &Secret::new("")), Err(HeaderError::TooMany));
        assert_eq!(headers.add("api-key", &Secret::new("other")), Ok(()), "it is there already");
    }
}
