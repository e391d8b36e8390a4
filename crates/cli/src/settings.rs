//! `apsides config show`: what a pipeline amounts to, value by value.

use crate::{
    args::{ConfigShow, Output},
    config::{Effective, Origin, Place, effective},
    failure::Failure,
    listing::clean,
    progress::width,
    summary::print,
};
use comfy_table::{ContentArrangement, Table, presets};

/// Prints every setting with its value and origin.
pub(crate) fn show(args: &ConfigShow, output: &Output) -> Result<(), Failure> {
    let settings = effective(&args.pipeline)?;
    if output.json {
        return print(&serde_json::to_string_pretty(&settings).expect("plain data"));
    }
    print(&text(&settings, width()))
}

fn text(settings: &[Effective], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(["setting", "value", "from"]);
    for Effective { setting, value, origin } in settings {
        let value = value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        table.add_row([clean(setting), clean(&value), clean(&told(origin))]);
    }
    let columns = table.column_count();
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((u16::from(at > 0), u16::from(at + 1 < columns)));
    }
    table.trim_fmt()
}

/// An origin in words.
fn told(origin: &Origin) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Environment { name } => format!("environment {name}"),
        Origin::File { path, line, from } => {
            let from = from.iter().map(|place| match place {
                Place::Environment { name } => format!(", environment {name}"),
                Place::SecretFile { path } => format!(", file {path}"),
                Place::Command => ", a command".to_owned(),
            });
            // A whole path would leave a narrow terminal no room for the values.
            let file = path.rsplit('/').next().unwrap_or(path);
            format!("{file}:{line}{}", from.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_broken_and_origins_are_told() {
        let file = |line, from| Origin::File { path: "/etc/apsides/nightly.toml".to_owned(), line, from };
        let of = |setting: &str, value: Option<toml::Value>, origin| Effective {
            setting: setting.to_owned(),
            value,
            origin,
        };
        let ids = toml::Value::Array((40_000..40_012).map(|id| id.to_string().into()).collect());
        let text = text(
            &[
                of("source.client_secret", Some("***".into()), file(6, vec![Place::Command])),
                of("source.state", None, Origin::Default),
                of(
                    "destination.s3.region",
                    Some("eu-north-1".into()),
                    Origin::Environment { name: "AWS_REGION".into() },
                ),
                of("export.attributes", Some(ids), file(9, vec![])),
            ],
            80,
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap_or_default();
        assert!(line("client_secret").ends_with("  nightly.toml:6, a command"), "{text}");
        assert!(
            line("region").contains("\"eu-north-1\"") && line("region").contains("environment AWS_REGION"),
            "{text}"
        );
        assert!(line("state").contains(" - ") && line("state").ends_with("default"), "{text}");
        assert_eq!(text.matches("\"400").count(), 12, "{text}");
    }
}
