//! `apsides plan`: what the next run would bring.

use crate::{
    pipelines::{Api, Pipeline},
    program::end,
};
use apsides_simulator::catalogue;
use serde_json::json;
use std::fs;

#[test]
fn columns_that_would_be_new_are_told_before_an_export_is_asked_for() {
    let api = Api::start("--polls 0");
    let ids: Vec<_> = catalogue::attributes().take(2).map(|attribute| attribute.id).collect();
    let [one, two] = ids[..] else { panic!("two attributes: {ids:?}") };
    let pipeline = Pipeline::of(&api.base_url, "");
    let file = pipeline.folder.path().join("pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    let asking = |attributes: &[&str], mode: &str| {
        let asks = format!("[export]\nattributes = {attributes:?}\n");
        let more = format!("tables = [\"profiles\", \"wide\"]\n\n[schema]\nmode = \"{mode}\"\n");
        fs::write(&file, text.replace("[export]\n", &asks) + &more).unwrap();
    };
    let plan = || end(pipeline.command_of("plan").arg("--json")).succeeded().json();
    asking(&[one], "evolve");
    assert_eq!(plan()["schema_changes"], json!([]), "nothing is there yet");
    pipeline.run("").succeeded();
    assert_eq!(plan()["schema_changes"], json!([]), "what is there stays as it is");
    asking(&[one, two], "evolve");
    let changes = plan()["schema_changes"].clone();
    let [change] = changes.as_array().unwrap().as_slice() else { panic!("one change: {changes}") };
    assert_eq!((&change["table"], &change["before"]), (&json!("wide"), &json!(null)), "{change}");
    let column = change["column"].as_str().unwrap();
    let shown = end(&mut pipeline.command_of("plan")).succeeded().stdout;
    assert!(shown.starts_with("1 export would be asked for\n"), "{shown}");
    assert!(shown.contains(&format!("\nschema: new column wide.{column} (")), "{shown}");
    asking(&[one, two], "freeze");
    assert_eq!((&plan()["schema_changes"], &plan()["schema_refused"]), (&changes, &json!(true)));
    let shown = end(&mut pipeline.command_of("plan")).succeeded().stdout;
    assert!(shown.contains("\nschema: nothing new is allowed"), "{shown}");
}
