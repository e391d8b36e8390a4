//! `examples/`: what schedules `apsides run` elsewhere is well-formed, and what it calls is there.

use crate::program::{apsides, end};
use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};
use yaml_rust2::{Yaml, YamlLoader};

/// Exit statuses after which somebody has to look: of the others, the network's and the API's may pass.
const FINAL: [&str; 6] = ["1", "2", "3", "4", "6", "9"];

fn example(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// Runs a command line of an example up to its pipeline, which is not there: exit status 2, of the pipeline's absence.
fn calls_apsides(words: &[&str]) {
    assert_eq!(words.first().and_then(|word| word.rsplit('/').next()), Some("apsides"), "{words:?}");
    let mut command = apsides("");
    let words = words[1..].iter().map(|word| word.replace("/etc/apsides", "/nowhere"));
    let ended = end(command.args(words)).failed(2);
    assert!(ended.stderr.contains("/nowhere/nightly.toml cannot be read"), "{ended:?}");
}

#[test]
fn the_line_for_cron() {
    let text = example("cron/apsides.cron");
    let is_setting =
        |line: &&str| line.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase()));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#') && !is_setting(line));
    let [line] = lines.collect::<Vec<_>>()[..] else { panic!("one line: {text}") };
    let fields: Vec<_> = line.split_whitespace().collect();
    let is_time = |field: &&str| field.chars().all(|c| c.is_ascii_digit() || "*/,-".contains(c));
    assert!(fields[..5].iter().all(is_time) && fields[5] == "apsides", "{line}");
    let command = line.splitn(7, ' ').last().unwrap();
    let ended = Command::new("sh").args(["-n", "-c", command]).status().unwrap();
    assert!(ended.success() && !command.contains('%'), "cron makes line breaks of it: {command}");
    let called = command.split("apsides ").last().unwrap().split(" >>").next().unwrap();
    calls_apsides(&[vec!["apsides"], called.split_whitespace().collect()].concat());
}

/// The sections of a unit, each with its settings.
fn unit(text: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut sections: BTreeMap<String, Vec<_>> = BTreeMap::new();
    let mut section = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(name) => section = name.to_owned(),
            None => {
                let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
                assert!(!section.is_empty() && name.chars().all(char::is_alphanumeric), "{line}");
                sections.entry(section.clone()).or_default().push((name.to_owned(), value.to_owned()));
            }
        }
    }
    sections
}

#[test]
fn the_units_of_systemd() {
    let service = unit(&example("systemd/apsides.service"));
    let calls = service["Service"].iter().filter(|(name, _)| name.starts_with("ExecStart"));
    let calls: Vec<_> = calls.map(|(_, line)| line.split_whitespace().collect::<Vec<_>>()).collect();
    // The run looks at its destination itself, and needs no check before.
    let [call] = &calls[..] else { panic!("one call: {calls:?}") };
    calls_apsides(call);
    let (_, statuses) = service["Service"].iter().find(|(name, _)| name == "RestartPreventExitStatus").unwrap();
    assert_eq!(statuses.split_whitespace().collect::<Vec<_>>(), FINAL);
    let timer = unit(&example("systemd/apsides.timer"));
    assert!(timer["Timer"].iter().any(|(name, _)| name == "OnCalendar") && timer.contains_key("Install"));
    let verified = Command::new("systemd-analyze").args(["calendar", "*-*-* 02:15:00 UTC"]).output();
    match verified {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => eprintln!("skipped: systemd-analyze is not installed"),
    }
}

#[test]
fn the_cron_job_of_kubernetes() {
    let documents = YamlLoader::load_from_str(&example("kubernetes/cronjob.yaml")).unwrap();
    let of_kind = |kind: &str| documents.iter().find(|document| document["kind"].as_str() == Some(kind)).unwrap();
    let job = &of_kind("CronJob")["spec"];
    assert_eq!(job["concurrencyPolicy"].as_str(), Some("Forbid"));
    let statuses = &job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"];
    let statuses: Vec<_> =
        statuses.as_vec().unwrap().iter().map(|status| status.as_i64().unwrap().to_string()).collect();
    assert_eq!(statuses, FINAL);
    let pod = &job["jobTemplate"]["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let arguments: Vec<_> = container["args"].as_vec().unwrap().iter().filter_map(Yaml::as_str).collect();
    calls_apsides(&[vec!["apsides"], arguments].concat());
    let names = |list: &Yaml| -> Vec<String> {
        list.as_vec().unwrap().iter().map(|each| each["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&container["volumeMounts"]), names(&pod["volumes"]));
    // What it mounts and takes its credentials from is there.
    for (kind, wanted) in [
        ("Secret", &container["envFrom"][0]["secretRef"]["name"]),
        ("ConfigMap", &pod["volumes"][0]["configMap"]["name"]),
        ("PersistentVolumeClaim", &pod["volumes"][1]["persistentVolumeClaim"]["claimName"]),
    ] {
        assert_eq!(&of_kind(kind)["metadata"]["name"], wanted, "{kind}");
    }
    // Its pipeline is one: all that is wrong is that nobody answers.
    let folder = tempfile::tempdir().unwrap();
    let pipeline = of_kind("ConfigMap")["data"]["nightly.toml"].as_str().unwrap();
    let pipeline = pipeline.replace("region = \"emea\"", "base_url = \"http://127.0.0.1:9\"");
    let pipeline = pipeline.replace("/data", folder.path().to_str().unwrap());
    let path = folder.path().join("nightly.toml");
    fs::write(&path, pipeline).unwrap();
    let mut check = apsides("check");
    check.arg(&path).env("APSIS_CLIENT_ID", "id").env("APSIS_CLIENT_SECRET", "secret");
    let ended = end(&mut check).failed(8);
    assert!(
        ended.stdout.contains("ok       configuration") && ended.stdout.contains("ok       destination"),
        "{ended:?}"
    );
}

#[test]
fn the_dag_of_airflow() {
    let text = example("airflow/apsides_dag.py");
    assert!(text.contains("apsides run --log-format json {PIPELINE}") && text.contains("max_active_runs=1"));
    let parse = "import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])";
    match Command::new("python3").args(["-c", parse]).arg(path("airflow/apsides_dag.py")).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => eprintln!("skipped: python3 is not installed"),
    }
    calls_apsides(&["apsides", "run", "--log-format", "json", "/etc/apsides/nightly.toml"]);
}

#[test]
fn the_indexed_job_of_kubernetes() {
    let documents = YamlLoader::load_from_str(&example("kubernetes/backfill.yaml")).unwrap();
    let of = |kind: &str, name: &str| {
        let is_it = |document: &&Yaml| {
            document["kind"].as_str() == Some(kind) && document["metadata"]["name"].as_str() == Some(name)
        };
        documents.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
    };
    let job = &of("Job", "apsides-backfill")["spec"];
    assert_eq!(job["completionMode"].as_str(), Some("Indexed"));
    let statuses = job["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"].as_vec().unwrap();
    let statuses: Vec<_> = statuses.iter().map(|status| status.as_i64().unwrap().to_string()).collect();
    assert_eq!(statuses, FINAL);
    let arguments = |job: &Yaml| -> Vec<String> {
        let arguments = job["template"]["spec"]["containers"][0]["args"].as_vec().unwrap();
        arguments.iter().map(|argument| argument.as_str().unwrap().to_owned()).collect()
    };
    let made = arguments(job);
    let shards = format!("$(SHARD)/{}", job["completions"].as_i64().unwrap());
    assert_eq!(made.last(), Some(&shards), "as many shards as there are pods");
    let folder = tempfile::tempdir().unwrap();
    let pipeline = of("ConfigMap", "apsides-backfill")["data"]["events.toml"].as_str().unwrap();
    let pipeline = pipeline.replace("s3://lake/apsis", folder.path().join("out").to_str().unwrap());
    let path = folder.path().join("events.toml");
    fs::write(&path, pipeline.replace("region = \"emea\"", "base_url = \"http://127.0.0.1:9\"")).unwrap();
    let call = |arguments: &[String]| {
        let path = path.to_str().unwrap();
        let words =
            arguments.iter().map(|word| word.replace("/etc/apsides/events.toml", path).replace("$(SHARD)", "0"));
        let mut command = apsides("");
        end(command.args(words).env("APSIS_CLIENT_ID", "id").env("APSIS_CLIENT_SECRET", "secret"))
    };
    // All that is wrong is that nobody answers; and there is nothing to publish yet.
    let _ = call(&made).failed(8);
    let published = call(&arguments(&of("Job", "apsides-commit")["spec"])).succeeded();
    assert!(published.stdout.contains("no shard has anything that is not published"), "{published:?}");
}

#[test]
fn the_mapped_tasks_of_airflow() {
    let text = example("airflow/apsides_backfill_dag.py");
    assert!(text.contains("--shard {number}/{SHARDS}") && text.contains("apsides commit --log-format json {PIPELINE}"));
    let parse = "import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])";
    match Command::new("python3").args(["-c", parse]).arg(path("airflow/apsides_backfill_dag.py")).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        Err(_) => eprintln!("skipped: python3 is not installed"),
    }
    let span = "--from 2024-01-01 --to 2026-01-01 --shard 3/4";
    let words = format!("apsides backfill --log-format json /etc/apsides/nightly.toml {span}");
    calls_apsides(&words.split(' ').collect::<Vec<_>>());
    calls_apsides(&["apsides", "commit", "--log-format", "json", "/etc/apsides/nightly.toml"]);
}
