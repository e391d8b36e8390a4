//! What the program says to each of many mistakes, word for word: `mistakes/said.txt` has it all, to be read by people.
//!
//! To write it anew, and then read what has changed: `APSIDES_WRITE_MISTAKES=1 cargo test -p apsides-cli --test it mistakes`.

mod api;
mod cases;

use crate::{
    disk_full::Disk,
    program::{Ended, apsides, convert, end, start},
};
use api::{Answer, Api};
use cases::CASES;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};

/// A pipeline without a mistake. `HOST` is the API's.
const PIPELINE: &str = r#"[source]
base_url = "http://HOST"
client_id = "the-client"
client_secret = "hunter2"

[export]
attributes = ["40103"]

[destination]
path = "out"
"#;

/// What must be in no message: the secrets, and what exports say of people.
const UNSPEAKABLE: [&str; 4] = ["hunter2", "ada@example.com", "t0ken", "signature="];

/// Most of them wait for most of their time.
const AT_ONCE: usize = 12;

/// Nobody's id, who may write nowhere.
const NOBODY: u32 = 65_534;

/// A mistake in a few words, what leads to it, and the command that makes it.
type Mistake = (&'static str, Setup, &'static str);

/// What is different from a folder that has the good pipeline, a good `export.json`, and an API that answers.
enum Setup {
    Nothing,
    /// In the pipeline, the first text is the second.
    Pipeline(&'static str, &'static str),
    /// Of the API's answers, this one.
    Api(Answer),
    /// What `export.json` is.
    Export(&'static [u8]),
    /// This has been done, in words and in deed.
    Done(&'static str, fn(&Path)),
    /// A run is writing to `out`.
    Running,
    /// `disk` is a small one, mounted with these options; nothing is tried where this process may not mount.
    Disk(&'static str),
    /// The command is run by somebody who may not write; nothing is tried where this process cannot be somebody else.
    Nobody,
}

use Setup::*;

#[test]
fn every_message_is_as_it_was_read() {
    let cases: Vec<_> = CASES.iter().flat_map(|(group, cases)| cases.iter().map(move |case| (*group, case))).collect();
    let next = AtomicUsize::new(0);
    let (told, lacks): (Vec<_>, Vec<_>) = thread::scope(|scope| {
        let worker = || {
            let (mut told, mut lacks) = (Vec::new(), Vec::new());
            while let Some((group, case)) = cases.get(next.fetch_add(1, Relaxed)) {
                told.push((title(group, case), told_of(case, &mut lacks)));
            }
            (told, lacks)
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).unzip()
    });
    let told: BTreeMap<String, Option<String>> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), cases.len(), "two mistakes have one name");

    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/mistakes/said.txt");
    let before = blocks(&fs::read_to_string(&path).unwrap_or_default());
    // In the order of the table. What could not be tried here stays as it was.
    let titles = cases.iter().map(|(group, case)| title(group, case));
    let now: Vec<(String, String)> = titles
        .map(|title| {
            let block = told[&title].clone().or_else(|| before.get(&title).cloned());
            (title, block.unwrap_or_default())
        })
        .collect();
    if std::env::var_os("APSIDES_WRITE_MISTAKES").is_some() {
        let text: Vec<_> = now.iter().map(|(title, block)| format!("## {title}\n{block}")).collect();
        fs::write(&path, text.join("\n")).unwrap();
    }
    let lacks: Vec<_> = lacks.into_iter().flatten().collect();
    assert!(lacks.is_empty(), "{}", lacks.join("\n"));
    let before = blocks(&fs::read_to_string(&path).unwrap_or_default());
    for (title, block) in &now {
        let expected = before.get(title).map_or("(not there)", String::as_str);
        assert!(
            block == expected,
            "## {title}\n{block}\nwas until now\n\n{expected}\nif it is better now, write it anew"
        );
    }
    assert_eq!(now.len(), before.len(), "there are messages of mistakes that nobody makes any more");
}

fn title(group: &str, case: &Mistake) -> String {
    format!("{group}: {}", case.0)
}

/// The blocks of a text, by their titles.
fn blocks(text: &str) -> BTreeMap<String, String> {
    let blocks = text.strip_prefix("## ").unwrap_or_default().split("\n## ");
    let blocks = blocks.filter_map(|block| block.split_once('\n'));
    blocks.map(|(title, block)| (title.to_owned(), block.trim_end().to_owned() + "\n")).collect()
}

/// What is said of a mistake, and what led to it; None if it cannot be made here.
fn told_of((name, setup, line): &Mistake, lacks: &mut Vec<String>) -> Option<String> {
    let folder = tempdir().unwrap();
    let answer = match setup {
        Api(answer) => Some(*answer),
        _ => None,
    };
    let api = Api::start(answer);
    let mut block = String::new();
    let mut say = |text: &str| writeln!(block, "{text}").unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("pipeline.toml", PIPELINE.replace("HOST", &api.host).as_bytes());
    write("export.json", b"{}");
    let mut beside = None;
    match setup {
        Nothing => {}
        Pipeline(from, to) => {
            assert!(PIPELINE.contains(from), "{name}: the pipeline has no {from}");
            write("pipeline.toml", PIPELINE.replacen(from, to, 1).replace("HOST", &api.host).as_bytes());
            say(&format!("pipeline.toml: for `{}` it has `{}`", from.replace('\n', "⏎"), to.replace('\n', "⏎")));
        }
        Api((call, status, headers, body)) => {
            say(&format!(
                "the API answers {call} with {status}{}{headers} {body}",
                if headers.is_empty() { "" } else { " " }
            ));
        }
        Export(bytes) => {
            write("export.json", bytes);
            let shown: String = String::from_utf8_lossy(bytes).chars().take(100).collect();
            say(&format!("export.json: {}", shown.escape_debug()));
        }
        Done(words, deed) => {
            deed(folder.path());
            say(words);
        }
        Running => {
            beside = Some(Beside::Run(running(folder.path())));
            say("a run is writing to out");
        }
        Disk(options) => {
            let disk = Disk::mount(options)?;
            symlink(disk.path(), folder.path().join("disk")).unwrap();
            beside = Some(Beside::Disk(disk));
            say(&format!("disk: mounted with {options}"));
        }
        Nobody => {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
            say("this folder may not be written");
        }
    }
    say(&format!("$ {line}"));
    let mut command = command(&line.replace("HOST", &api.host), &folder);
    if matches!(setup, Nobody) && is_root(folder.path()) {
        command.uid(NOBODY);
        // The program may stand where only its owner may go.
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?.wait().unwrap();
    }
    let ended = end(&mut command);
    drop(beside);
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    if let Some(lacking) = lacking(&ended) {
        lacks.push(format!("{name}: {lacking}\n{}", ended.stderr));
    }
    let said = ended.stderr.replace(&api.host, "HOST").replace(folder.path().to_str().unwrap(), "FOLDER");
    let said = said.lines().map(|line| settled(line) + "\n").collect::<String>();
    writeln!(block, "exit status {}", ended.code.unwrap()).unwrap();
    Some(block + &said)
}

/// What is there while the mistake is made, and gone after it.
enum Beside {
    Run(Child),
    #[expect(dead_code, reason = "it is there until it is dropped")]
    Disk(Disk),
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Self::Run(child) = self {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A run that waits for its input, and holds the lock of `out`.
fn running(folder: &Path) -> Child {
    let mut command = convert("-".as_ref(), "out".as_ref());
    let mut child = start(command.current_dir(folder).stdin(Stdio::piped()));
    // It begins with the first bytes, and then waits for more.
    child.stdin.as_mut().unwrap().write_all(b"{\"4711\":{},").unwrap();
    let started = Instant::now();
    while !folder.join("out/.apsides/lock").exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the run does not begin");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

/// The command of a line as one types it into a shell: settings of the environment, the program, its arguments.
fn command(line: &str, folder: &TempDir) -> Command {
    let (settings, arguments) = line.split_once("apsides ").unwrap();
    let mut command = apsides(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"AWS_")) {
        command.env_remove(name);
    }
    // How often something is tried, and when, is left to chance.
    command.current_dir(folder.path()).env("APSIDES_LOG", "off").env_remove("HTTPS_PROXY");
    command.envs(settings.split_whitespace().map(|setting| setting.split_once('=').unwrap()));
    command
}

fn is_root(folder: &Path) -> bool {
    fs::write(folder.join("tried"), "").is_ok()
}

/// What a message lacks: each says what, where, and what to do next, and nothing that is nobody's business.
fn lacking(ended: &Ended) -> Option<String> {
    let said = &ended.stderr;
    if !matches!(ended.code, Some(2..=9)) {
        return Some(format!("no documented exit status, but {:?}", ended.code));
    }
    if let Some(word) = UNSPEAKABLE.iter().find(|&&word| said.contains(word) || ended.stdout.contains(word)) {
        return Some(format!("it tells {word}"));
    }
    // The parser of the command line has its own way to say what to do next.
    let is_usage = said.ends_with("\n\nFor more information, try '--help'.\n");
    let has_next = said.lines().last().is_some_and(|line| line.starts_with("  next: "));
    (!said.starts_with("error: ") || !(is_usage || has_next))
        .then(|| "it does not say what is wrong, or what to do next".into())
}

/// A line up to what each system says in other words, or each run by another name.
fn settled(line: &str) -> String {
    for volatile in ["failed to lookup address information: ", ".definitions-"] {
        if let Some((before, _)) = line.split_once(volatile) {
            return format!("{before}{volatile}…");
        }
    }
    line.to_owned()
}
