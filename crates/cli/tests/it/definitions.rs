//! Definitions: fetched, shown, kept in a file, and used.

use crate::{
    pipelines::{Api, CREDENTIALS, Pipeline, SECRET},
    program::{Ended, apsides, convert, end},
    tables::rows,
};
use apsides_definitions::{Index, Snapshot};
use apsides_simulator::{CorpusSpec, Server, Settings, Size};
use std::fs;
use tempfile::tempdir;

const WINDOW: &str = "window = { start = \"2026-01-01\", end = \"2026-01-05\" }";

fn definitions(pipeline: &Pipeline, arguments: &str) -> Ended {
    end(pipeline.command_of("definitions").args(arguments.split_whitespace()))
}

#[test]
fn definitions_are_listed_for_people_machines_and_pipelines() {
    let api = Api::start("--oddities");
    // Nobody who looks for ids has some yet, and perhaps no place for tables.
    let pipeline = Pipeline::new(&format!("[source]\nbase_url = \"{}\"\n{CREDENTIALS}\n", api.base_url));
    let table = definitions(&pipeline, "").succeeded().stdout;
    for line in ["40113  20113  text       Mobile                      every section", "sections: 6", "attributes: 66"]
    {
        assert!(table.lines().any(|found| found == line), "{line} in\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");

    let json = definitions(&pipeline, "--json").succeeded().stdout;
    let snapshot = Snapshot::parse(json.as_bytes()).unwrap();
    let index = Index::new(&snapshot.definitions);
    assert_eq!(index.attribute("40103").unwrap().0.name, "Email");
    assert_eq!(index.event("90219").unwrap().1.fields.len(), 5);

    let toml = definitions(&pipeline, "--toml").succeeded().stdout;
    let lines: toml::Table = toml::from_str(&toml).unwrap();
    let live = ["attributes", "tags", "events"].map(|kind| lines[kind].as_array().unwrap().len());
    assert_eq!(live, [65, 25, 8]);

    let file = pipeline.folder.path().join("definitions");
    let out = format!("--out {}", file.display());
    let ended = definitions(&pipeline, &out).succeeded();
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("6 sections, with 186 attributes, 25 tags and 48 event types"), "{ended:?}");
    assert_eq!(Snapshot::read(&file).unwrap().definitions, snapshot.definitions);
    definitions(&pipeline, &format!("{out} --toml")).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), toml.lines().count());

    assert_eq!(definitions(&pipeline, "--json --toml").code, Some(2));
    let ended = definitions(&pipeline, "--out /nowhere/definitions.json").failed(4);
    assert!(ended.stderr.contains("the definitions cannot be written to /nowhere/definitions.json"), "{ended:?}");
}

#[test]
fn the_simulator_writes_what_its_api_lists() {
    let folder = tempdir().unwrap();
    for oddities in ["", "--oddities"] {
        let api = Api::start(oddities);
        let listed = definitions(&Pipeline::of(&api.base_url, ""), "--json").succeeded().stdout;
        let file = folder.path().join("definitions.json");
        let mut command = apsides("simulate --write /dev/null --profiles 1");
        end(command.args(oddities.split_whitespace()).arg("--definitions").arg(&file)).succeeded();
        let written = Snapshot::read(&file).unwrap();
        assert_eq!(written.definitions, Snapshot::parse(listed.as_bytes()).unwrap().definitions);
    }
}

#[test]
fn names_and_patterns_ask_for_the_same_as_ids() {
    let api = Api::start("--polls 0");
    let ids = "attributes = [\"40103\", \"40126\", \"40247\", \"40156\", \"40163\"]\ntags = [\"40365\"]\nevents = [\"90219\"]";
    let names = "attributes = [\"email\", \"Postal code\", \"usercreated.attributes.butik-aj08xui6d3\", \"Consent: *\"]\n\
                 tags = [\"Gold\"]\nevents = [\"com.apsis1.events.email.cl*\"]\nsegment = \"active customers\"";
    let by_ids = Pipeline::of(&api.base_url, &format!("{ids}\n{WINDOW}"));
    let by_names = Pipeline::of(&api.base_url, &format!("{names}\n{WINDOW}"));
    by_ids.run("").succeeded();
    by_names.run("").succeeded();
    let found = rows(&by_names.out());
    assert!(found == rows(&by_ids.out()));
    assert!(found["attributes"].num_rows() > 0 && found["events"].num_rows() > 0 && found["tags"].num_rows() > 0);
    // Definitions were fetched for the names, and so there are tables of them.
    assert!(by_names.out().join("attribute_definitions").is_dir());
    assert!(!by_ids.out().join("attribute_definitions").exists());
}

#[test]
fn the_api_is_asked_for_definitions_only_if_need_be() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = Settings {
        corpus: CorpusSpec { size: Size::Profiles(10), ..CorpusSpec::default() },
        polls_until_ready: 0,
        client_id: "the-client".to_owned(),
        client_secret: SECRET.to_owned(),
        ..Settings::default()
    };
    let server = runtime.block_on(Server::start(settings)).unwrap();
    let segment = "segment = \"usercreated.segments.active_customers-2h7c0wq9xk\"";
    let mut listings = 0;
    for (export, calls) in [
        ("attributes = [\"40103\", \"40105\"]\ntags = [\"40226\"]", 0),
        (&format!("attributes = [\"40103\"]\n{segment}"), 0),
        ("attributes = [\"40103\"]\n[definitions]", 18),
        ("attributes = [\"Email\"]", 18),
        ("attributes = [\"40103\"]\nsegment = \"Active customers\"", 18),
    ] {
        Pipeline::of(server.base_url(), export).run("").succeeded();
        let stats = server.stats();
        assert_eq!(stats.definitions - listings, calls, "{export}");
        assert_eq!(stats.sections * 18, stats.definitions, "{export}");
        listings = stats.definitions;
    }
}

#[test]
fn names_that_stand_for_nothing_are_told_at_once() {
    let api = Api::start("--oddities");
    let pipeline = Pipeline::of(
        &api.base_url,
        "attributes = [\"Emial\", \"City\", \"Faxnummer\", \"40103\"]\ntags = [\"VIP\", \"zzz*\"]\nsegment = \"vips\"",
    );
    let ended = pipeline.run("").failed(2);
    for words in [
        "[export] there is no attribute \"Emial\"; near: \"Email\" (com.apsis1.attributes.email)",
        "[export] \"City\" is the name of more than one attribute; write which: com.apsis1.attributes.city, usercreated.attributes.city-c5t0m1k8wz",
        "[export] the attribute \"Faxnummer\" is no longer in use; to have its values nevertheless, write an id of it: 40424",
        "[export] \"VIP\" is the name of more than one tag; write which: usercreated.tags.vip-nsipzz5fk2, usercreated.tags.vip-v6k4b2e9hs",
        "[export] no tag in use has a name or discriminator like \"zzz*\"",
        "[export] there is no segment \"vips\"; near: \"VIP 東京\"",
    ] {
        assert!(ended.stderr.contains(words), "{words} in\n{}", ended.stderr);
    }
    assert!(!pipeline.out().exists());
}

#[test]
fn definitions_are_remembered_as_long_as_the_pipeline_says() {
    let api = Api::start("--polls 0");
    let named = |name: &str, max_age: &str| {
        let pipeline = Pipeline::of(&api.base_url, &format!("attributes = [\"{name}\"]"));
        let file = pipeline.folder.path().join("pipeline.toml");
        let cache = pipeline.folder.path().join("cache.json");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{text}\n[definitions]\ncache = {cache:?}\nmax_age = \"{max_age}\"\n")).unwrap();
        (pipeline, cache)
    };
    let (pipeline, cache) = named("Email", "1h");
    pipeline.run("").succeeded();
    let remembered = fs::read_to_string(cache).unwrap().replace("\"Email\"", "\"Since renamed\"");
    for (max_age, used) in [("1h", true), ("0s", false)] {
        let (pipeline, cache) = named("Since renamed", max_age);
        fs::write(&cache, &remembered).unwrap();
        let ended = pipeline.run("");
        if used {
            drop(ended.succeeded())
        } else {
            drop(ended.failed(2))
        }
        assert_eq!(fs::read_to_string(&cache).unwrap().contains("Since renamed"), used);
    }
    // Who looks at the list sees the account as it is.
    let (pipeline, cache) = named("Email", "1h");
    fs::write(&cache, &remembered).unwrap();
    assert!(definitions(&pipeline, "").succeeded().stdout.contains(" Email "));
    assert!(!fs::read_to_string(&cache).unwrap().contains("Since renamed"));
}

#[test]
fn a_conversion_knows_attributes_by_their_definitions() {
    let folder = tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let export = file("export.json", r#"{"p":{"sections":{"1":{"attributes":{"7":{"value":null},"8":{}}}}}}"#);
    let of = |definitions: &str, out: &str| {
        let definitions = file("definitions.json", definitions);
        end(convert(&export, &folder.path().join(out)).arg("--definitions").arg(definitions))
    };
    for (definitions, attributes) in [
        (r#"{"format": 1, "attributes": [{"versions": [{"id": "7"}]}]}"#, 1),
        (r#"{"attributes": {"items": [{"id": 7}, {"id": 8}]}}"#, 2),
        (r#"{"tags": [{"id": 7}]}"#, 0),
    ] {
        let out = format!("out-{attributes}");
        of(definitions, &out).succeeded();
        let rows = rows(&folder.path().join(out));
        assert_eq!((rows["attributes"].num_rows(), rows["tags"].num_rows()), (attributes, 2 - attributes));
    }
    let ended = of(r#"{"tags": [{"id": 7}, {"name": "no id"}]}"#, "out-skipped").succeeded();
    assert!(ended.stderr.contains("without an id are left out") && ended.stderr.contains("skipped=1"), "{ended:?}");
    for (wrong, words) in [
        ("{}", "none of sections, attributes, tags, events, segments is a list"),
        ("[", "it is no JSON\n  because: EOF while parsing"),
        (r#"{"format": 99}"#, "it has format 99"),
    ] {
        let ended = of(wrong, "out").failed(2);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert!(ended.stderr.contains("next: `apsides definitions PIPELINE.toml --out FILE` writes such a file"));
        assert!(!folder.path().join("out").exists());
    }
}
