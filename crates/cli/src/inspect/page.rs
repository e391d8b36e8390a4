//! What was found, as one HTML page that needs nothing else: no script, no font, no address. What it shows is in light
//! and dark as the reader's system has it.

use super::{
    plot,
    shown::{Timeline, day, nulls, percent, span, span_of, types},
    text::notes,
};
use crate::measure;
use apsides_batcher::Inspection;
use std::fmt::{self, Display, Write};

const STYLE: &str = include_str!("page.css");

/// Bars of the plot of events.
const BARS_MAX: usize = 120;

/// The page of what was found, [by id](super::shown::by_id).
pub(super) fn page(found: &Inspection) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page, found);
    page
}

/// A text that is nothing but text in HTML.
pub(super) struct Escaped<'t>(pub(super) &'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                // No control character has a place in HTML.
                control if control.is_control() => out.write_char(char::REPLACEMENT_CHARACTER)?,
                other => out.write_char(other)?,
            }
        }
        Ok(())
    }
}

fn write(out: &mut String, found: &Inspection) -> fmt::Result {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>What is in the export</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>What is in the export</h1>\n"
    )?;
    figures(out, found)?;
    let mut parts = String::new();
    let all = [events_by_day, event_types, attributes, tags, sections, profile_sizes, unmapped, noted];
    all.iter().try_for_each(|part| part(&mut parts, found))?;
    contents(out, &parts)?;
    out.push_str(&parts);
    writeln!(out, "<p class=\"faint\">apsides {}</p>\n</body>\n</html>", env!("CARGO_PKG_VERSION"))
}

/// Links to the parts of the page, which begin with their titles.
fn contents(out: &mut String, parts: &str) -> fmt::Result {
    if parts.is_empty() {
        return Ok(());
    }
    out.push_str("<nav>\n");
    for title in parts.split("<h2 id=\"").skip(1) {
        let (id, rest) = title.split_once("\">").unwrap_or_default();
        let title = rest.split(',').next().unwrap_or_default().split("</h2>").next().unwrap_or_default();
        writeln!(out, "<a href=\"#{id}\">{title}</a>")?;
    }
    out.push_str("</nav>\n");
    Ok(())
}

/// The title of a part, by which it is found: nothing but words of our own.
fn title(out: &mut String, title: &str) -> fmt::Result {
    let id = title.split(',').next().unwrap_or_default().to_lowercase().replace(' ', "-");
    writeln!(out, "<h2 id=\"{id}\">{title}</h2>")
}

fn noted(out: &mut String, found: &Inspection) -> fmt::Result {
    let notes = notes(found);
    if !notes.is_empty() {
        title(out, "Notes")?;
    }
    notes.iter().try_for_each(|note| writeln!(out, "<p>{}</p>", Escaped(note)))
}

fn figures(out: &mut String, found: &Inspection) -> fmt::Result {
    let totals = &found.totals;
    let repeated = found.duplicate_events.map_or("not counted".to_owned(), measure::count);
    out.push_str("<dl>\n");
    for (name, value) in [
        ("JSON", measure::size(found.json_bytes)),
        ("profiles", measure::count(totals.profiles)),
        ("attributes", measure::count(totals.attributes)),
        ("tags", measure::count(totals.tags)),
        ("events", measure::count(totals.events)),
        ("events sent again", repeated),
        ("data of events", measure::size(found.data_bytes)),
        ("without a column", measure::count(totals.unmapped)),
    ] {
        writeln!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(&value))?;
    }
    out.push_str("</dl>\n");
    writeln!(out, "<p>Events happened: {} (UTC)</p>", Escaped(&span(&found.source_event_time)))?;
    writeln!(out, "<p>Events were received: {} (UTC)</p>", Escaped(&span(&found.created_at)))
}

fn events_by_day(out: &mut String, found: &Inspection) -> fmt::Result {
    let Some(timeline) = Timeline::new(found, BARS_MAX) else { return Ok(()) };
    match timeline.days_per_bar {
        1 => title(out, "Events by day and type")?,
        days => title(out, &format!("Events by type, {days} days a bar"))?,
    }
    plot::events(out, found, &timeline)
}

fn profile_sizes(out: &mut String, found: &Inspection) -> fmt::Result {
    let sizes = &found.profile_sizes;
    if sizes.histogram.is_empty() {
        return Ok(());
    }
    let mean = sizes.bytes / found.totals.profiles.max(1);
    title(out, "Profiles by size")?;
    plot::sizes(out, &sizes.histogram)?;
    let [mean, most] = [mean, sizes.bytes_max].map(measure::size);
    writeln!(
        out,
        "<p class=\"faint\">On average {mean}, the largest {most}; each bar stands for sizes up to twice its first.</p>"
    )
}

fn sections(out: &mut String, found: &Inspection) -> fmt::Result {
    let header = ["section", "name", "#profiles", "#attributes", "#tags", "#events", "#data"];
    table(out, "Sections", &header, &found.sections, |out, of| {
        id(out, &of.id)?;
        cell(out, of.name.as_deref().unwrap_or_default())?;
        for count in [of.profiles, of.attributes, of.tags, of.events] {
            number(out, &measure::count(count))?;
        }
        number(out, &measure::size(of.data_bytes))
    })
}

fn attributes(out: &mut String, found: &Inspection) -> fmt::Result {
    let header = ["attribute", "name", "section", "type", "#values", "#null", "#filled", ""];
    table(out, "Attributes, and how many profiles have them", &header, &found.attributes, |out, of| {
        let values = of.values.values();
        id(out, &of.id)?;
        cell(out, of.name.as_deref().unwrap_or_default())?;
        short(out, &of.section_id)?;
        let types = types(&of.values);
        let several = types.len() > 1;
        let share = |&(name, count): &(&str, u64)| match several {
            true => format!("{name} {}", percent(count, values)),
            false => name.to_owned(),
        };
        let observed = types.iter().map(share).collect::<Vec<_>>().join(", ");
        let defined = of.defined_type.as_ref().map(|defined| format!(" (defined as {defined})")).unwrap_or_default();
        cell(out, &(observed + &defined))?;
        number(out, &measure::count(values))?;
        number(out, &percent(nulls(of), values + nulls(of)))?;
        filled(out, values, of.of)
    })
}

fn tags(out: &mut String, found: &Inspection) -> fmt::Result {
    let header = ["tag", "name", "section", "#profiles", "#share", ""];
    table(out, "Tags, and how many profiles have them", &header, &found.tags, |out, of| {
        id(out, &of.id)?;
        cell(out, of.name.as_deref().unwrap_or_default())?;
        short(out, &of.section_id)?;
        number(out, &measure::count(of.tags))?;
        filled(out, of.tags, of.of)
    })
}

fn event_types(out: &mut String, found: &Inspection) -> fmt::Result {
    let header = ["type", "name", "section", "#events", "#sent again", "#data", "#largest", "first", "last"];
    table(out, "Event types", &header, &found.event_types, |out, of| {
        id(out, of.id.as_deref().unwrap_or("none"))?;
        cell(out, of.name.as_deref().unwrap_or_default())?;
        short(out, &of.section_id)?;
        number(out, &measure::count(of.events))?;
        number(out, &of.duplicates.map_or("–".to_owned(), measure::count))?;
        number(out, &measure::size(of.data_bytes))?;
        number(out, &measure::size(of.data_bytes_max))?;
        let times = span_of(of);
        short(out, &day(times.first_micros))?;
        short(out, &day(times.last_micros))
    })
}

fn unmapped(out: &mut String, found: &Inspection) -> fmt::Result {
    let header = ["where", "reason", "#values", "#bytes"];
    table(out, "Values without a column", &header, &found.unmapped, |out, of| {
        write!(out, "<td class=\"where\">{}</td>", Escaped(&of.pattern))?;
        cell(out, &of.reason.replace('_', " "))?;
        number(out, &measure::count(of.values))?;
        number(out, &measure::size(of.bytes))
    })
}

/// A table with its title; nothing if it has no rows. Headers with a `#` are of numbers.
fn table<T>(
    out: &mut String,
    name: &str,
    header: &[&str],
    rows: &[T],
    row: impl Fn(&mut String, &T) -> fmt::Result,
) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    title(out, name)?;
    writeln!(out, "<div class=\"scroll\"><table>\n<thead><tr>")?;
    for name in header {
        match name.strip_prefix('#') {
            Some(name) => write!(out, "<th class=\"n\">{name}</th>")?,
            None => write!(out, "<th>{name}</th>")?,
        }
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for each in rows {
        out.push_str("<tr>");
        row(out, each)?;
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    Ok(())
}

fn id(out: &mut String, id: &str) -> fmt::Result {
    write!(out, "<td class=\"id\">{}</td>", Escaped(id))
}

fn cell(out: &mut String, text: &str) -> fmt::Result {
    write!(out, "<td>{}</td>", Escaped(text))
}

/// A cell that is not broken.
fn short(out: &mut String, text: &str) -> fmt::Result {
    write!(out, "<td class=\"short\">{}</td>", Escaped(text))
}

fn number(out: &mut String, text: &str) -> fmt::Result {
    write!(out, "<td class=\"n\">{}</td>", Escaped(text))
}

/// A share, in figures and as a bar.
fn filled(out: &mut String, part: u64, whole: u64) -> fmt::Result {
    number(out, &percent(part, whole))?;
    let share = (part as f64 / whole.max(1) as f64).min(1.0) * 100.0;
    write!(out, "<td class=\"bar\"><span class=\"track\"><i style=\"width:{share:.1}%\"></i></span></td>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use apsides_batcher::{InspectOptions, Progress, inspect};
    use apsides_definitions::Snapshot;

    #[test]
    fn texts_are_nothing_but_texts() {
        for (text, expected) in [
            ("plain", "plain"),
            ("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"),
            ("a \"b\" & c", "a &quot;b&quot; &amp; c"),
            ("a\0\u{1b}b", "a\u{fffd}\u{fffd}b"),
        ] {
            assert_eq!(Escaped(text).to_string(), expected);
        }
    }

    #[test]
    fn a_page_needs_nothing_and_trusts_no_name() {
        let name = r#"<img src=x onerror="alert(1)">"#;
        let escaped = "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;";
        let definitions = serde_json::json!({
            "sections": [{"id": "1", "name": name}],
            "attributes": [{"section_id": "1", "name": name, "versions": [{"id": "7"}]}],
            "tags": [{"section_id": "1", "name": name, "versions": [{"id": "20"}]}],
            "events": [{"section_id": "1", "name": name, "versions": [{"id": "9"}]}],
        });
        let definitions = Snapshot::parse(definitions.to_string().as_bytes()).expect("definitions").definitions;
        let options = InspectOptions { definitions: Some(definitions), ..InspectOptions::default() };
        let export = r#"{"k":{"topics":1,"sections":{"1":{"attributes":{"7":{"value":1},"20":{}},
            "events":[{"typeId":9,"createdAt":0},{"typeId":9,"createdAt":86400000}]}}}}"#;
        let found = inspect(export.as_bytes(), &options, &Progress::default()).expect("an export");
        let page = page(&found);
        assert!(!page.contains("<img"), "{page}");
        // In four tables, in the key of the plot, and in the hint of its two bars.
        assert_eq!(page.matches(escaped).count(), 7, "{page}");
        for external in ["http://", "https://", "<script", "src=\"", "href=\"h", "href=\"/", "url(", "@import"] {
            assert!(!page.contains(external), "{external}");
        }
    }

    #[test]
    fn links_lead_to_the_parts() {
        let export = r#"{"k":{"sections":{"1":{"attributes":{"7":{"value":1}}}}}}"#;
        let found = inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export");
        let page = page(&found);
        for (id, title) in
            [("attributes", "Attributes"), ("sections", "Sections"), ("profiles-by-size", "Profiles by size")]
        {
            assert!(page.contains(&format!("<a href=\"#{id}\">{title}</a>")), "{page}");
            assert_eq!(page.matches(&format!("<h2 id=\"{id}\">")).count(), 1, "{page}");
        }
        assert_eq!(page.matches("<a href").count(), 3, "{page}");
    }

    #[test]
    fn an_empty_export_has_a_page() {
        let found = inspect("{}".as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export");
        assert!(page(&found).ends_with("</html>\n"));
    }
}
