//! What was found, for a terminal: tables with small bars, in whatever width there is.

use super::shown::{Timeline, day, nulls, percent, span, span_of, types};
use crate::{listing::clean, measure, progress::width};
use apsides_batcher::{AttributeFound, Inspection};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use std::{
    fmt::Write,
    io::{IsTerminal, stdout},
};

/// Rows of one table; `--json` and `--html` have all.
const ROWS_MAX: usize = 40;

/// How a text is to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    width: u16,
    colours: bool,
}

impl Look {
    /// For standard output as it is.
    pub(super) fn of_stdout() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { width: width(), colours: stdout().is_terminal() && !plain }
    }
}

/// All that was found, [by id](super::shown::by_id).
pub(super) fn text(found: &Inspection, look: Look) -> String {
    let mut text = head(found);
    let mut out = Tables { text: &mut text, found, look, has_sections: found.sections.len() > 1 };
    out.profile_sizes();
    out.sections();
    out.attributes();
    out.tags();
    out.event_types();
    out.unmapped();
    for note in notes(found) {
        let _ = writeln!(text, "note: {note}");
    }
    let text = text.trim_end();
    if look.colours { coloured(text) } else { text.to_owned() }
}

fn head(found: &Inspection) -> String {
    let totals = &found.totals;
    let mut text = String::new();
    let lines = [
        ("json", measure::size(found.json_bytes)),
        (
            "profiles",
            format!(
                "{}, the largest {}",
                measure::count(totals.profiles),
                measure::size(found.profile_sizes.bytes_max)
            ),
        ),
        ("sections", format!("{} of all profiles", measure::count(totals.sections))),
        ("attributes", measure::count(totals.attributes)),
        ("tags", measure::count(totals.tags)),
        ("events", measure::count(totals.events)),
        ("happened", span(&found.source_event_time)),
        ("received", span(&found.created_at)),
        ("data", format!("{}, the largest {}", measure::size(found.data_bytes), measure::size(found.data_bytes_max))),
        ("sent again", found.duplicate_events.map_or("not counted; --duplicates does".to_owned(), measure::count)),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "{name:<10}  {value}");
    }
    text.push('\n');
    text
}

struct Tables<'t> {
    text: &'t mut String,
    found: &'t Inspection,
    look: Look,
    has_sections: bool,
}

impl Tables<'_> {
    fn profile_sizes(&mut self) {
        let histogram = &self.found.profile_sizes.histogram;
        let most = histogram.iter().map(|bucket| bucket.profiles).max().unwrap_or_default();
        let width = usize::from(self.look.width / 2);
        let rows = histogram.iter().map(|bucket| {
            let from = format!("from {}", measure::size(bucket.from_bytes));
            [from, measure::count(bucket.profiles), bar(bucket.profiles, most, width)]
        });
        self.table("profiles by size", ["size", "profiles", ""], &[0, 1], rows.collect());
    }

    fn sections(&mut self) {
        let rows = self.found.sections.iter().map(|section| {
            let counts = [section.profiles, section.attributes, section.tags, section.events].map(measure::count);
            let [profiles, attributes, tags, events] = counts;
            let data = measure::size(section.data_bytes);
            [shown(&section.id), name(&section.name), profiles, attributes, tags, events, data]
        });
        let header = ["id", "name", "profiles", "attributes", "tags", "events", "data"];
        self.table("sections", header, &[2, 3, 4, 5, 6], rows.collect());
    }

    fn attributes(&mut self) {
        let rows = self.found.attributes.iter().map(|of| {
            let values = of.values.values();
            let all = values + nulls(of);
            let null = if nulls(of) > 0 { percent(nulls(of), all) } else { String::new() };
            let filled = [bar(values, of.of, 10), percent(values, of.of)];
            let [bar, share] = filled;
            [
                self.section(&of.section_id),
                shown(&of.id),
                name(&of.name),
                value_type(of),
                measure::count(values),
                share,
                bar,
                null,
            ]
        });
        let header = ["section", "id", "name", "type", "values", "filled", "", "null"];
        self.table("attributes", header, &[4, 5, 7], rows.collect());
    }

    fn tags(&mut self) {
        let rows = self.found.tags.iter().map(|of| {
            let section = self.section(&of.section_id);
            [
                section,
                shown(&of.id),
                name(&of.name),
                measure::count(of.tags),
                percent(of.tags, of.of),
                bar(of.tags, of.of, 10),
            ]
        });
        self.table("tags", ["section", "id", "name", "profiles", "share", ""], &[3, 4], rows.collect());
    }

    fn event_types(&mut self) {
        // Beside all the other columns there is room for a few bars, or for none.
        let bars_max = match self.look.width {
            100.. => self.look.width / 4,
            72.. => self.look.width / 6,
            _ => 0,
        };
        let timeline = (bars_max > 0).then(|| Timeline::new(self.found, bars_max.into())).flatten();
        let rows = self.found.event_types.iter().map(|of| {
            let spark = timeline.as_ref().map(|timeline| sparks(&timeline.bars(&of.days))).unwrap_or_default();
            let times = span_of(of);
            let (first, last) = (day(times.first_micros), day(times.last_micros));
            let id = of.id.as_deref().map_or("none".to_owned(), shown);
            [self.section(&of.section_id), id, name(&of.name), measure::count(of.events), first, last, spark]
        });
        let title = match &timeline {
            Some(Timeline { days_per_bar: 1, .. }) => "event types, by day".to_owned(),
            Some(Timeline { days_per_bar, .. }) => format!("event types, by {days_per_bar} days"),
            None => "event types".to_owned(),
        };
        let header = ["section", "id", "name", "events", "first", "last", ""];
        self.table(&title, header, &[3], rows.collect());
    }

    fn unmapped(&mut self) {
        let rows = self.found.unmapped.iter().map(|of| {
            [clean(&of.pattern), of.reason.replace('_', " "), measure::count(of.values), measure::size(of.bytes)]
        });
        self.table("values without a column", ["where", "reason", "values", "bytes"], &[2, 3], rows.collect());
    }

    /// The section's id, or how many they are, if there are several.
    fn section(&self, id: &str) -> String {
        if self.has_sections { shown(id) } else { String::new() }
    }

    /// A table with its title above; nothing if it has no rows. Columns without any cell are left out.
    fn table<const N: usize>(&mut self, title: &str, header: [&str; N], right: &[usize], rows: Vec<[String; N]>) {
        if rows.is_empty() {
            return;
        }
        let used: Vec<_> = (0..N).filter(|&column| rows.iter().any(|row| !row[column].is_empty())).collect();
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(self.look.width);
        table.set_header(used.iter().map(|&column| header[column]));
        for row in rows.iter().take(ROWS_MAX) {
            table.add_row(used.iter().map(|&column| &row[column]));
        }
        for (at, column) in table.column_iter_mut().enumerate() {
            column.set_padding((u16::from(at > 0), u16::from(at + 1 < used.len())));
            if header[used[at]].is_empty() {
                // Half a bar on another line would be another number.
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            if right.contains(&used[at]) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let _ = writeln!(self.text, "{title}: {}\n{}", rows.len(), table.trim_fmt());
        if rows.len() > ROWS_MAX {
            let more = rows.len() - ROWS_MAX;
            let _ = writeln!(self.text, "… and {more} more: --json and --html have all");
        }
        self.text.push('\n');
    }
}

/// What a careful reader wants to know.
pub(super) fn notes(found: &Inspection) -> Vec<String> {
    let others = &found.others;
    let mixed = found.attributes.iter().filter(|of| of.as_tag > 0).count() as u64;
    let notes = [
        (
            mixed,
            "attributes are without a value somewhere, where `convert` takes them for tags unless --definitions or --attribute-id say what they are",
        ),
        (others.sections, "sections were not told apart"),
        (others.attributes, "attributes were not told apart"),
        (others.tags, "tags were not told apart"),
        (others.events, "events have types that were not told apart"),
        (others.unmapped, "values without a column were not told apart"),
    ];
    let noted = notes.into_iter().filter(|(number, _)| *number > 0);
    noted.map(|(number, note)| format!("{} {note}", measure::count(number))).collect()
}

/// The type that most values have, and how many others there are.
fn value_type(of: &AttributeFound) -> String {
    match types(&of.values)[..] {
        [] => "null".to_owned(),
        [(one, _)] => one.to_owned(),
        [(most, _), ref others @ ..] => format!("{most} +{}", others.len()),
    }
}

fn shown(id: &str) -> String {
    clean(id)
}

fn name(name: &Option<String>) -> String {
    name.as_deref().map(clean).unwrap_or_default()
}

/// A bar of up to so many characters, in eighths; what is there at all is seen.
fn bar(part: u64, whole: u64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if part == 0 {
        return String::new();
    }
    let share = (part as f64 / whole.max(1) as f64).min(1.0);
    let eighths = ((share * width as f64 * 8.0).round() as usize).max(1);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A column a number, the highest as high as a line.
fn sparks(numbers: &[u64]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = numbers.iter().copied().max().unwrap_or_default().max(1);
    let height = |number: u64| match number {
        0 => '·',
        number => HEIGHTS[((number as f64 / most as f64 * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    numbers.iter().map(|&number| height(number)).collect()
}

/// The text with its bars in a colour, and its titles bold.
fn coloured(text: &str) -> String {
    let mut coloured = String::with_capacity(text.len() * 2);
    let mut in_bar = false;
    for character in text.chars() {
        let is_bar = matches!(character, '▁'..='▏');
        if is_bar != in_bar {
            coloured.push_str(if is_bar { "\u{1b}[36m" } else { "\u{1b}[0m" });
            in_bar = is_bar;
        }
        coloured.push(character);
    }
    if in_bar {
        coloured.push_str("\u{1b}[0m");
    }
    coloured
}

#[cfg(test)]
mod tests {
    use super::*;
    use apsides_batcher::{InspectOptions, Progress, inspect};

    fn found() -> Inspection {
        let long = "9".repeat(128);
        let export = format!(
            r#"{{"k":{{"topics":1,"sections":{{"1":{{"attributes":{{"7":{{"value":"a"}},"{long}":{{"value":1}},"8":{{}}}},
            "events":[{{"typeId":"9","createdAt":0}},{{"typeId":"9","createdAt":900000000}}]}},"2":{{"attributes":{{"7":{{}}}}}}}}}}}}"#
        );
        inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export")
    }

    #[test]
    fn every_width_is_kept() {
        for width in [60, 80, 120] {
            let text = text(&found(), Look { width, colours: false });
            for line in text.lines().filter(|line| !line.starts_with("note: ")) {
                assert!(line.chars().count() <= usize::from(width), "{line}\n{text}");
            }
        }
    }

    #[test]
    fn bars_are_not_broken() {
        let mut export = String::from("{\"k\":{\"sections\":{\"1\":{\"events\":[");
        for day in 0..30_u64 {
            export.push_str(&format!("{{\"typeId\":\"{}\",\"createdAt\":{}}},", "9".repeat(20), day * 86_400_000));
        }
        let export = export.trim_end_matches(',').to_owned() + "]},\"2222222222\":{}}}}";
        let found = inspect(export.as_bytes(), &InspectOptions::default(), &Progress::default()).expect("an export");
        for (width, bars) in [(60, 0), (80, 10), (100, 15), (120, 30)] {
            let text = text(&found, Look { width, colours: false });
            let is_bar = |&character: &char| matches!(character, '▁'..='█');
            let with_bars = text
                .lines()
                .skip_while(|line| !line.starts_with("event types"))
                .map(|line| line.chars().filter(is_bar).count());
            assert_eq!(
                with_bars.filter(|&bars| bars > 0).collect::<Vec<_>>(),
                Vec::from_iter((bars > 0).then_some(bars)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_has_what_was_found() {
        let text = text(&found(), Look { width: 80, colours: false });
        for line in [
            "events      2",
            "received    1970-01-01 00:00:00 to 1970-01-11 10:00:00",
            "sent again  not counted; --duplicates does",
            "event types, by day: 1",
            "1  9  2  1970-01-01  1970-01-11  █·········█",
            "/*/topics  unknown member  1       1 B",
        ] {
            let found = text.lines().any(|found| found.split_whitespace().eq(line.split_whitespace()));
            assert!(found, "{line}\n{text}");
        }
    }

    #[test]
    fn bars_and_sparks() {
        for (part, whole, expected) in
            [(0, 0, ""), (0, 9, ""), (1, 1_000_000, "▏"), (1, 2, "██"), (4, 4, "████"), (9, 4, "████"), (3, 8, "█▌")]
        {
            assert_eq!(bar(part, whole, 4), expected, "{part} of {whole}");
        }
        assert_eq!(sparks(&[0, 1, 50, 100]), "·▁▄█");
        assert_eq!(sparks(&[]), "");
    }

    #[test]
    fn colours_are_added_and_nothing_else() {
        assert_eq!(coloured("a ██▏ b·▁"), "a \u{1b}[36m██▏\u{1b}[0m b·\u{1b}[36m▁\u{1b}[0m");
    }
}
