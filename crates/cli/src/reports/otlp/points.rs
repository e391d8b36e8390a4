//! The metrics of a run as OTLP has them: the same names and values as in the text file.

use super::{
    Run,
    wire::{Attribute, CUMULATIVE, Data, Metric, Number, Point, signed},
};
use crate::reports::metrics::{self, Kind};

/// All that this run knows of. What an earlier one has told, the collector has.
pub(super) fn of(run: &Run<'_>) -> Vec<Metric> {
    let began = run.watch.began_at();
    let [start, end] = [began, began + run.elapsed].map(super::spans::unix_nano);
    let point = |metric: &metrics::Metric, of: &str, number: metrics::Number| {
        let mut attributes: Vec<_> = run.labels.iter().map(|(name, value)| Attribute::text(name, value)).collect();
        if !metric.label.is_empty() {
            attributes.push(Attribute::text(metric.label, of));
        }
        let value = match number {
            metrics::Number::Whole(number) => Number::AsInt(signed(number)),
            metrics::Number::Thousandths(number) => Number::AsDouble(number as f64 / 1000.0),
        };
        let start_time_unix_nano = (metric.kind == Kind::Sum).then_some(start);
        Point { attributes, start_time_unix_nano, time_unix_nano: end, value }
    };
    let known = run.metrics.iter().filter_map(|metric| Some((metric, metric.samples.as_ref()?)));
    let all = known.map(|(metric, samples)| {
        let data_points = samples.iter().map(|(of, number)| point(metric, of, *number)).collect();
        let data = match metric.kind {
            Kind::Gauge => Data::Gauge { data_points },
            Kind::Sum => Data::Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true },
        };
        Metric { name: metric.name.clone(), description: metric.help, unit: metric.unit, data }
    });
    all.collect()
}
