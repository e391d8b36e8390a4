//! Where the time of a conversion went, for people.

use crate::measure;
use apsides_batcher::{ColumnCost, Profile};
use comfy_table::{CellAlignment, Table, presets};
use std::time::Duration;

/// Columns that are listed.
const COLUMNS_SHOWN_MAX: usize = 15;

/// The stages, and the columns that cost most.
pub(crate) fn text(profile: &Profile, json_bytes: u64) -> String {
    format!("{}\n\n{}", stages(profile, json_bytes), columns(profile))
}

fn stages(profile: &Profile, json_bytes: u64) -> String {
    let of_columns = profile.columns.values().flat_map(|columns| columns.values());
    let all = of_columns.fold(ColumnCost::default(), |mut all, column| {
        all.add(*column);
        all
    });
    let mut table = table(["stage", "thread", "time", "JSON per time"]);
    let mut stage = |name: &str, thread: &str, time: Duration| {
        let rate = json_bytes as f64 / 1e6 / time.as_secs_f64().max(1e-9);
        // What takes no time to speak of has no rate.
        let rate = if time < Duration::from_millis(1) { String::new() } else { format!("{rate:.0} MB/s") };
        table.add_row([name.to_owned(), thread.to_owned(), seconds(time), rate]);
    };
    stage("wait for the input", "reads", profile.input);
    if let Some(tokens) = profile.tokens {
        stage("find and check tokens (by a sample)", "reads", tokens);
    }
    stage("make rows", "reads", profile.flatten());
    stage("wait for room", "reads", profile.blocked);
    stage("encode in place of waiting", "reads", profile.helped);
    stage("make arrays", "encode", profile.arrays);
    if !profile.typed.is_zero() {
        stage("make typed rows", "encode", profile.typed);
    }
    stage("encode", "encode", all.encode);
    stage("compress", "encode", all.compress);
    stage("write", "writes", profile.write);
    table.trim_fmt()
}

fn columns(profile: &Profile) -> String {
    let mut columns: Vec<(String, ColumnCost)> = Vec::new();
    for (name, of_table) in &profile.columns {
        columns.extend(of_table.iter().map(|(column, cost)| (format!("{name}.{column}"), *cost)));
    }
    columns.sort_by_key(|(_, cost)| std::cmp::Reverse(cost.encode + cost.compress));
    let mut table = table(["column", "encode", "compress", "before", "after"]);
    for (name, cost) in columns.iter().take(COLUMNS_SHOWN_MAX) {
        table.add_row([
            name.clone(),
            seconds(cost.encode),
            seconds(cost.compress),
            measure::size(cost.plain_bytes),
            measure::size(cost.bytes),
        ]);
    }
    let mut text = table.trim_fmt();
    if columns.len() > COLUMNS_SHOWN_MAX {
        let more = measure::count((columns.len() - COLUMNS_SHOWN_MAX) as u64);
        text.push_str(&format!("\n … and {more} columns that cost less; --json has them all"));
    }
    text
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    let numbers = if header[1] == "thread" { 2 } else { 1 };
    for column in table.column_iter_mut().skip(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
