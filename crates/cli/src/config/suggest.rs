//! Did you mean …?

/// How unlike two words may be, and one still be meant for the other.
const LIKE_MIN: f64 = 0.8;

/// The name that was probably meant, in an error that says which were expected: "unknown field `atributes`, expected one
/// of `segment`, `attributes`".
pub(super) fn meant(message: &str) -> Option<&str> {
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
