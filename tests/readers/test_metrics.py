"""The metrics of a run, read by Prometheus's own parser."""

from __future__ import annotations

from pathlib import Path

from program import Apsides
from prometheus_client.parser import text_string_to_metric_families

EXPORT = b'{"p": {"sections": {"1": {"attributes": {"7": {"value": "x"}, "8": {"value": null}}, "news": 1}}}}'


def samples(file: Path) -> dict[str, dict[str | None, float]]:
    """The values of each metric, by the one label that its samples differ in, if they do."""
    found: dict[str, dict[str | None, float]] = {}
    for family in text_string_to_metric_families(file.read_text()):
        assert family.type == "gauge" and family.documentation, family
        for sample in family.samples:
            own = {name: value for name, value in sample.labels.items() if name not in ("pipeline", "destination")}
            assert sample.labels["pipeline"] == "convert" and len(own) <= 1, sample
            assert sample.name == family.name
            values = found.setdefault(sample.name, {})
            label = next(iter(own.values()), None)
            assert label not in values, sample
            values[label] = sample.value
    return found


def test_prometheus_reads_the_metrics(apsides: Apsides, tmp_path: Path) -> None:
    # What must be escaped in a label.
    out, file = tmp_path / 'a "b" \\c', tmp_path / "apsides.prom"
    told = ("--out", out, "--metrics-textfile", file)
    apsides.succeed("convert", "-", *told, stdin=EXPORT)
    good = samples(file)
    assert good["apsides_last_run_success"] == {None: 1}
    assert good["apsides_last_success_rows"] == {"profiles": 1, "attributes": 1, "tags": 1, "events": 0, "unmapped": 1}
    assert good["apsides_last_success_unmapped_rows"] == {None: 1}
    assert set(good["apsides_last_run_phase_duration_seconds"]) == {"waiting", "downloading", "converting", "publishing"}
    labels = next(text_string_to_metric_families(file.read_text())).samples[0].labels
    assert labels["destination"] == str(out)

    assert apsides.run("convert", "-", *told, "--overwrite", stdin=EXPORT[:-1]).returncode == 3
    bad = samples(file)
    assert (bad["apsides_last_run_success"], bad["apsides_last_run_exit_status"]) == ({None: 0}, {None: 3})
    kept = {name: values for name, values in bad.items() if name.startswith("apsides_last_success_")}
    assert kept == {name: values for name, values in good.items() if name.startswith("apsides_last_success_")}
    assert set(good) == set(bad)
