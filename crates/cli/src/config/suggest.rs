//! Did you mean …?

/// How unlike two words may be, and one still be meant for the other.
const LIKE_MIN: f64 = 0.8;

/// An error of the TOML parser in the words of those who write pipelines.
pub(super) fn in_plain_words(message: &str) -> String {
    if let Some(meant) = meant(message) {
        // Then the rest of the names is of no use.
        let wrong = message.split(", expected").next().unwrap_or(message);
        return format!("{}; did you mean `{meant}`?", plain(wrong));
    }
    plain(message)
}

fn plain(message: &str) -> String {
    let words = [
        ("unknown field", "unknown key"),
        ("unknown variant", "unknown value"),
        ("missing field", "missing key"),
        ("there are no fields", "there are no keys"),
        ("expected a sequence", "expected a list, as in [\"one\", \"two\"]"),
        ("expected a string", "expected a text in quotes"),
        ("expected a map", "expected a section of its own"),
        ("integer `", "the number `"),
        ("string \"", "the text \""),
    ];
    words.into_iter().fold(message.to_owned(), |message, (from, to)| message.replacen(from, to, 1))
}

/// The name that was probably meant, in an error that says which were expected: "unknown field `atributes`, expected one
/// of `segment`, `attributes`".
fn meant(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field ").or(message.strip_prefix("unknown variant "))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    let unknown = names.next()?.to_lowercase();
    let like = names.map(|name| (strsim::jaro_winkler(&unknown, name), name));
    let (likeness, name) = like.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness >= LIKE_MIN).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_in_plain_words() {
        for (message, plain) in [
            ("unknown field `tag`, expected one of `segment`, `tags`", "unknown key `tag`; did you mean `tags`?"),
            ("unknown field `x`, expected `path` or `overwrite`", "unknown key `x`, expected `path` or `overwrite`"),
            (
                "unknown variant `europe`, expected `emea` or `apac`",
                "unknown value `europe`, expected `emea` or `apac`",
            ),
            ("missing field `client_id`", "missing key `client_id`"),
            (
                "invalid type: string \"40103\", expected a sequence",
                "invalid type: the text \"40103\", expected a list, as in [\"one\", \"two\"]",
            ),
            ("invalid type: integer `7`, expected a string", "invalid type: the number `7`, expected a text in quotes"),
            ("duplicate key", "duplicate key"),
        ] {
            assert_eq!(in_plain_words(message), plain);
        }
    }

    #[test]
    fn what_is_nearly_right_was_meant() {
        for (message, expected) in [
            ("unknown field `atributes`, expected one of `segment`, `attributes`, `tags`", Some("attributes")),
            ("unknown field `tag`, expected one of `segment`, `attributes`, `tags`", Some("tags")),
            ("unknown field `Region`, expected one of `region`, `base_url`", Some("region")),
            ("unknown field `overwite`, expected `path` or `overwrite`", Some("overwrite")),
            ("unknown variant `zst`, expected one of `zstd`, `snappy`, `lz4`, `none`", Some("zstd")),
            ("unknown field `colour`, expected one of `segment`, `attributes`, `tags`", None),
            ("unknown field `x`, there are no fields", None),
            ("missing field `client_id`", None),
            ("invalid type: integer `1`, expected a string", None),
        ] {
            assert_eq!(meant(message), expected, "{message}");
        }
    }
}
