//! Plots as SVG within a page, whose styles they have.

use super::{page::Escaped, shown::Timeline};
use crate::measure;
use apsides_batcher::{EventTypeFound, Inspection, SizeBucket};
use std::fmt::{self, Write};

/// As many as the page's style has.
const COLOURS: usize = 8;

/// What all plots measure, in the units of their own: as many as pixels on a wide screen.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers at the left.
const LEFT: f64 = 64.0;
/// Room for the dates below.
const BELOW: f64 = 22.0;

/// Events as stacked bars, with a key.
pub(super) fn events(out: &mut String, found: &Inspection, timeline: &Timeline) -> fmt::Result {
    let mut types: Vec<&EventTypeFound> = found.event_types.iter().collect();
    types.sort_by_key(|of| std::cmp::Reverse(of.events));
    // The last colour is the others', unless there is only one.
    let own = if types.len() <= COLOURS { types.len() } else { COLOURS - 1 };
    let (own, others) = types.split_at(own);
    let mut series: Vec<(String, Vec<u64>)> = own.iter().map(|of| (label(of), timeline.bars(&of.days))).collect();
    if !others.is_empty() {
        let days: Vec<_> = others.iter().flat_map(|of| of.days.iter().cloned()).collect();
        series.push((format!("{} other types", others.len()), timeline.bars(&days)));
    }
    let bars = series.first().map_or(0, |(_, bars)| bars.len());
    let sums: Vec<u64> = (0..bars).map(|bar| series.iter().map(|(_, bars)| bars[bar]).sum()).collect();
    let most = sums.iter().copied().max().unwrap_or_default().max(1);
    start(out, most, "events by day and type")?;
    let step = (WIDTH - LEFT) / bars as f64;
    for bar in 0..bars {
        let mut top = HEIGHT;
        for (colour, (name, bars)) in series.iter().enumerate().filter(|(_, (_, bars))| bars[bar] > 0) {
            let height = bars[bar] as f64 / most as f64 * HEIGHT;
            top -= height;
            rect(out, &format!("s{colour}"), bar as f64 * step, top, step, height)?;
            let count = measure::count(bars[bar]);
            writeln!(out, "<title>{}, {}: {count}</title></rect>", timeline.day(bar), Escaped(name))?;
        }
    }
    let last = timeline.last;
    writeln!(out, "<text x=\"{LEFT}\" y=\"{}\">{}</text>", HEIGHT + BELOW - 4.0, timeline.first)?;
    writeln!(out, "<text x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{last}</text>\n</svg>", HEIGHT + BELOW - 4.0)?;
    out.push_str("<ul class=\"key\">\n");
    for (colour, (name, _)) in series.iter().enumerate() {
        writeln!(
            out,
            "<li><svg viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"s{colour}\" width=\"1\" height=\"1\"/></svg>{}</li>",
            Escaped(name)
        )?;
    }
    out.push_str("</ul>\n");
    Ok(())
}

/// How many profiles have which size.
pub(super) fn sizes(out: &mut String, histogram: &[SizeBucket]) -> fmt::Result {
    let most = histogram.iter().map(|bucket| bucket.profiles).max().unwrap_or_default().max(1);
    start(out, most, "profiles by size")?;
    let step = (WIDTH - LEFT) / histogram.len() as f64;
    for (at, bucket) in histogram.iter().enumerate() {
        let height = bucket.profiles as f64 / most as f64 * HEIGHT;
        let from = measure::size(bucket.from_bytes);
        let x = at as f64 * step;
        rect(out, "bar", x, HEIGHT - height, step, height)?;
        writeln!(out, "<title>from {from}: {}</title></rect>", measure::count(bucket.profiles))?;
        writeln!(out, "<text x=\"{:.1}\" y=\"{}\">{from}</text>", LEFT + x, HEIGHT + BELOW - 4.0)?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

/// Opens a plot, with lines at nothing, half and all.
fn start(out: &mut String, most: u64, name: &str) -> fmt::Result {
    writeln!(out, "<svg viewBox=\"0 -8 {WIDTH} {}\" role=\"img\" aria-label=\"{name}\">", HEIGHT + BELOW + 8.0)?;
    for (share, count) in [(0.0, 0), (0.5, most / 2), (1.0, most)] {
        let y = HEIGHT - share * HEIGHT;
        writeln!(out, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>")?;
        let count = measure::count(count);
        writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{count}</text>", LEFT - 8.0, y + 4.0)?;
    }
    Ok(())
}

/// Opens a bar, with a little room beside it.
fn rect(out: &mut String, class: &str, x: f64, y: f64, step: f64, height: f64) -> fmt::Result {
    let room = (step * 0.15).min(3.0);
    let (x, width) = (LEFT + x + room / 2.0, step - room);
    write!(out, "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\">")
}

fn label(of: &EventTypeFound) -> String {
    match (of.name.as_deref(), of.id.as_deref()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(id)) => id.to_owned(),
        (None, None) => "without a type".to_owned(),
    }
}
