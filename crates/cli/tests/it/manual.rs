//! Completions that shells take, and man pages that `man` takes.

use crate::program::{apsides, end};
use std::{fs, process::Command};
use tempfile::tempdir;

const COMMANDS: [&str; 18] = [
    "demo",
    "run",
    "plan",
    "commit",
    "backfill",
    "replay",
    "convert",
    "inspect",
    "definitions",
    "simulate",
    "init",
    "check",
    "config",
    "status",
    "unlock",
    "vacuum",
    "completions",
    "manual",
];

#[test]
fn every_shell_has_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = end(&mut apsides(&format!("completions {shell}"))).succeeded().stdout;
        for word in COMMANDS.into_iter().chain(["overwrite", "row-group-size"]) {
            assert!(script.contains(word), "{word} in {shell}");
        }
    }
    assert_eq!(end(&mut apsides("completions tcsh")).code, Some(2));
}

#[test]
fn bash_completes() {
    let folder = tempdir().unwrap();
    let script = folder.path().join("apsides");
    fs::write(&script, end(&mut apsides("completions bash")).succeeded().stdout).unwrap();
    for (words, expected) in
        [("apsides ins", "inspect"), ("apsides convert --ov", "--overwrite"), ("apsides run --js", "--json")]
    {
        let ask = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{words}'; \
             _apsides apsides \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[@]}}\"",
            script.display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &ask]).output().expect("bash is there");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{words}: {output:?}");
    }
}

#[test]
fn every_command_has_a_page() {
    let folder = tempdir().unwrap();
    let pages = folder.path().join("share/man1");
    end(apsides("manual").arg(&pages)).succeeded();
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let all = page("apsides.1");
    for command in COMMANDS {
        assert!(all.contains(&format!("apsides\\-{command}(1)")), "{command}");
        let page = page(&format!("apsides-{command}.1"));
        assert!(page.contains(".SH NAME") && page.contains(&format!("\\fBapsides {command}\\fR")), "{command}: {page}");
    }
    assert!(page("apsides-config-show.1").contains("\\fBapsides config show\\fR"));
    assert_eq!(fs::read_dir(&pages).unwrap().count(), COMMANDS.len() + 2);
    assert!(page("apsides-convert.1").contains("\\-\\-overwrite"));
    end(&mut apsides("manual /proc/nowhere")).failed(4);
}
