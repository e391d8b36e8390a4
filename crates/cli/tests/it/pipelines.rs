//! The whole job over HTTP, against the simulated API as a process of its own.

use crate::{
    exports::golden,
    program::{Ended, apsides, convert, end, start, watch},
    tables::{contents, rows, table_rows},
};
use apsides_simulator::{CorpusSpec, Selection, Size, Window, catalogue, write_export};
use arrow::{
    array::AsArray,
    compute::{SortColumn, lexsort_to_indices, take_record_batch},
};
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};

pub(crate) const SECRET: &str = "s3cret-\"quoted\"-ünd-more";
/// In the pipeline: what the environment variables are called.
pub(crate) const CREDENTIALS: &str =
    "client_id = \"${env:APSIDES_TEST_ID}\"\nclient_secret = \"${env:APSIDES_TEST_SECRET}\"";

/// A simulated API, stopped when dropped.
pub(crate) struct Api {
    child: Child,
    pub(crate) base_url: String,
}

impl Api {
    pub(crate) fn start(arguments: &str) -> Self {
        let mut command = apsides("simulate --bind 127.0.0.1:0 --profiles 300 --client-id the-client");
        command.args(["--client-secret", SECRET]).args(arguments.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let base_url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        Self { base_url: base_url.trim_end_matches(',').to_owned(), child }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipeline in a folder of its own, with its tables beside it.
pub(crate) struct Pipeline {
    pub(crate) folder: TempDir,
}

impl Pipeline {
    pub(crate) fn new(text: &str) -> Self {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("pipeline.toml"), text).unwrap();
        Self { folder }
    }

    /// One that asks for these members of `[export]`.
    pub(crate) fn of(base_url: &str, export: &str) -> Self {
        let folder = tempdir().unwrap();
        let out = folder.path().join("out");
        let source = format!("[source]\nbase_url = \"{base_url}\"\n{CREDENTIALS}");
        let text = format!("{source}\n\n[export]\n{export}\n\n[destination]\npath = {:?}\n", out.to_str().unwrap());
        fs::write(folder.path().join("pipeline.toml"), text).unwrap();
        Self { folder }
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn command(&self) -> Command {
        self.command_of("run")
    }

    /// A command on this pipeline file.
    pub(crate) fn command_of(&self, name: &str) -> Command {
        let mut command = apsides(name);
        command.arg(self.folder.path().join("pipeline.toml"));
        command.env("APSIDES_TEST_ID", "the-client").env("APSIDES_TEST_SECRET", SECRET);
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ended {
        end(self.command().args(arguments.split_whitespace()))
    }
}

/// The members of `[export]` that ask for all there is.
fn everything() -> String {
    let list = |ids: Vec<&str>| format!("{ids:?}");
    format!(
        "attributes = {}\ntags = {}\nevents = {}\nwindow = {{ start = \"2026-01-01\", end = \"2026-01-31T00:00:00Z\" }}",
        list(catalogue::attributes().map(|attribute| attribute.id).collect()),
        list(catalogue::tags().map(|tag| tag.id).collect()),
        list(catalogue::EVENTS.iter().map(|event| event.id).collect()),
    )
}

/// The tables of the same export, converted from a file.
fn converted(selection: Selection, window: Window) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let mut export = Vec::new();
    let spec = CorpusSpec { size: Size::Profiles(300), selection, window, ..CorpusSpec::default() };
    write_export(&spec, &mut export).unwrap();
    let (input, out) = (folder.path().join("export.json"), folder.path().join("out"));
    fs::write(&input, export).unwrap();
    end(&mut convert(&input, &out)).succeeded();
    (folder, out)
}

#[test]
fn a_run_publishes_what_the_export_has() {
    let (_folder, converted) = converted(Selection::default(), Window::default());
    for arguments in ["--poll-url v1 --polls 1", "--poll-url v2 --polls 1 --rate-limits"] {
        let api = Api::start(arguments);
        let pipeline = Pipeline::of(&api.base_url, &everything());
        let ended = pipeline.run("--json").succeeded();
        assert!(rows(&pipeline.out()) == rows(&converted), "{arguments}");
        assert_eq!(ended.json()["source"], api.base_url.as_str());
        assert!(ended.rows().iter().any(|(table, rows)| table == "events" && *rows > 300), "{:?}", ended.rows());
        assert!(!ended.stderr.contains(SECRET) && !ended.stdout.contains(SECRET));
    }
}

#[test]
fn a_run_asks_for_its_columns_and_its_window_only() {
    let attribute = catalogue::attributes().next().unwrap().id;
    let (tag, event) = (catalogue::tags().next().unwrap().id, catalogue::EVENTS[0].id);
    let only = |id: &str| Some([id.to_owned()].into());
    let selection = Selection { attributes: only(attribute), tags: only(tag), events: only(event) };
    let day = 86_400_000;
    let window = Window { start_ms: Window::default().start_ms + day, end_ms: Window::default().start_ms + 3 * day };
    let (_folder, converted) = converted(selection, window);

    let api = Api::start("--polls 0");
    let export = format!(
        "attributes = [\"{attribute}\"]\ntags = [\"{tag}\"]\nevents = [\"{event}\"]\n\
         window = {{ start = \"2026-01-02\", end = \"2026-01-04\" }}"
    );
    let pipeline = Pipeline::of(&api.base_url, &export);
    pipeline.run("").succeeded();
    let found = rows(&pipeline.out());
    assert!(found == rows(&converted));
    assert!(found["events"].num_rows() > 0 && found["tags"].num_rows() > 0);

    // The tables are there now, and the pipeline does not say that they may be replaced.
    let before = contents(&pipeline.out());
    let ended = pipeline.run("").failed(4);
    assert!(ended.stderr.contains("already holds tables"), "{}", ended.stderr);
    assert!(contents(&pipeline.out()) == before);
}

#[test]
fn a_wrong_secret_is_told_and_never_shown() {
    let api = Api::start("");
    let pipeline = Pipeline::of(&api.base_url, &everything());
    const WRONG: &str = "wr0ng-\"secret\"";
    for arguments in ["", "-v", "-vv --log-format json"] {
        let mut command = pipeline.command();
        command.env("APSIDES_TEST_SECRET", WRONG).args(arguments.split_whitespace());
        let ended = end(&mut command).failed(6);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(!said.contains("wr0ng") && !said.contains("s3cret"), "{said}");
        assert!(!pipeline.out().exists());
    }
}

#[test]
fn a_download_that_breaks_off_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/export.json?signature=hunter2", listener.local_addr().unwrap());
    let folder = tempdir().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            // The first time, and as often as it is gone on with in vain.
            for _ in 0..6 {
                let (mut connection, _) = listener.accept().unwrap();
                let _ = connection.read(&mut [0; 4096]);
                connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"key\":{},").unwrap();
            }
        });
        let ended = end(&mut convert(address.as_ref(), &folder.path().join("out"))).failed(8);
        assert!(ended.stderr.contains("nothing was published"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What is wrong with a pipeline, its text, and what is said of it.
const WRONG_PIPELINES: &[(&str, &str, &str)] = &[
    (
        "an unknown key",
        "[source]\nclient_id = \"x\"\nclient_secrt = \"hunter2\"\n",
        "line 3, column 1: unknown key `client_secrt`",
    ),
    (
        "a key that is nearly right",
        "[source]\nclient_id = \"x\"\nclient_secrt = \"hunter2\"\n",
        "; did you mean `client_secret`?",
    ),
    ("no TOML", "[source]\nclient_secret = \"hunter2\n", "line 2, column "),
    (
        "a secret without its quotes",
        "[source]\nclient_id = \"x\"\nclient_secret = 8675309\n",
        "line 3, column 17: a text in quotes is expected",
    ),
    (
        "typed tables in too little memory",
        "[source]\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n[export]\ntags = [\"1\"]\n[destination]\npath = \"out\"\ntables = [\"wide\"]\n[limits]\nmemory_limit = \"48M\"\n",
        "typed tables take at least 64M of memory",
    ),
    ("no source", "[export]\nattributes = [\"1\"]\n", "missing key `source`"),
    (
        "an unset variable",
        "[source]\nclient_id = \"${env:APSIDES_TEST_UNSET}\"\nclient_secret = \"hunter2\"\n",
        "line 2, column 13: the environment variable APSIDES_TEST_UNSET is not set",
    ),
    (
        "a missing file",
        "[source]\nclient_id = \"x\"\nclient_secret = \"${file:/nowhere/secret}\"\n",
        "line 3, column 17: /nowhere/secret cannot be read: No such file or directory (os error 2)",
    ),
    (
        "no export",
        "[source]\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n[destination]\npath = \"out\"\n",
        "[export] asks for no attribute and no tag, so that no profile would show up",
    ),
    (
        "no destination",
        "[source]\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n[export]\ntags = [\"1\"]\n",
        "[destination] is missing, with the `path` of a folder",
    ),
    (
        "events of no time",
        "[source]\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n[export]\ntags = [\"1\"]\nevents = [\"1\"]\n[destination]\npath = \"out\"\n",
        "[export] asks for events, but [export.window] has neither `start` nor `last_days`",
    ),
    (
        "a base URL that is none",
        "[source]\nbase_url = \"nowhere\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n[export]\ntags = [\"1\"]\n[destination]\npath = \"out\"\n",
        "[source] `base_url` is no URL (relative URL without a base); write https://host",
    ),
    (
        "a secret in the clear",
        "[source]\nbase_url = \"http://example.com\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n[export]\ntags = [\"1\"]\n[destination]\npath = \"out\"\n",
        "http://example.com",
    ),
];

#[test]
fn a_wrong_pipeline_is_told_where_and_why() {
    for (name, text, message) in WRONG_PIPELINES {
        let ended = Pipeline::new(text).run("").failed(2);
        assert!(ended.stderr.contains(message), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{name} shows a secret: {}", ended.stderr);
    }
    let ended = end(apsides("run").arg("/nowhere/pipeline.toml")).failed(2);
    assert!(ended.stderr.contains("/nowhere/pipeline.toml cannot be read"), "{}", ended.stderr);
}

#[test]
fn the_demo_works_again_and_again() {
    let folder = tempdir().unwrap();
    let demo = |arguments: &str| {
        let mut command = apsides("demo --profiles 200");
        end(command.args(arguments.split_whitespace()).arg("--out").arg(folder.path().join("out")))
    };
    let first = demo("").succeeded();
    let query = format!("FROM '{}/events/*.parquet'", folder.path().join("out").display());
    assert!(first.stdout.contains("duckdb -c \"SELECT ") && first.stdout.contains(&query), "{}", first.stdout);
    let before = rows(&folder.path().join("out"));
    assert_eq!(before["profiles"].num_rows(), 200);

    let second = demo("--json").succeeded();
    assert_eq!(second.json()["source"], "demo");
    assert!(rows(&folder.path().join("out")) == before);
}

#[test]
fn the_demo_replaces_nothing_but_its_own_tables() {
    let folder = tempdir().unwrap();
    end(&mut convert(&golden("values.json"), folder.path())).succeeded();
    let before = contents(folder.path());
    let ended = end(apsides("demo --profiles 10 --out").arg(folder.path())).failed(4);
    assert!(ended.stderr.contains("already holds tables"), "{}", ended.stderr);
    assert!(contents(folder.path()) == before);
}

/// A run of all there is but events, so that no rate limit takes a minute.
fn without_events() -> String {
    let list = |ids: Vec<&str>| format!("{ids:?}");
    let attributes = list(catalogue::attributes().map(|attribute| attribute.id).collect());
    format!("attributes = {attributes}\ntags = {}", list(catalogue::tags().map(|tag| tag.id).collect()))
}

#[test]
fn events_alone_take_one_attribute_along() {
    let api = Api::start("--polls 0");
    let pipeline = Pipeline::of(
        &api.base_url,
        "events = [\"90201\", \"90208\"]\nwindow = { start = \"2026-01-01\", end = \"2026-01-31\" }",
    );
    let ended = pipeline.run("-v").succeeded();
    let taken = ended.stderr.lines().find(|line| line.contains("no attribute and no tag is asked for")).unwrap();
    let found = rows(&pipeline.out());
    let ids = found["attributes"].column_by_name("attribute_id").unwrap();
    let ids: BTreeSet<_> = ids.as_string::<i32>().iter().flatten().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(taken.contains(&format!("id=\"{}\"", ids.first().unwrap())), "{ids:?} in {taken}");
    assert!(found["events"].num_rows() > 0 && found["tags"].num_rows() == 0);
}

#[test]
fn what_goes_wrong_on_the_way_does_not_show_in_the_tables() {
    let (_folder, converted) = converted(Selection::default(), Window::default());
    let faults = "token=503,export=429:message:retry=1,poll=tokens-expire,poll=call-lost,poll=gone,download=cut:30000,\
                  download=redirect,download=500:text";
    for ranges in ["", "--ranges"] {
        let api = Api::start(&format!("--polls 1 {ranges} --fault {faults}"));
        let pipeline = Pipeline::of(&api.base_url, &without_events());
        let ended = pipeline.run("-vv").succeeded();
        let found = rows(&pipeline.out());
        for table in ["attributes", "tags"] {
            assert!(found[table] == rows(&converted)[table], "{ranges} {table}");
        }
        for secret in [SECRET, "eyJhbGci", "signature="] {
            assert!(!ended.stderr.contains(secret) && !ended.stdout.contains(secret), "{secret}: {}", ended.stderr);
        }
        assert!(ended.stderr.contains("a download broke"), "{}", ended.stderr);
    }
}

#[test]
fn an_export_that_is_too_large_comes_in_parts() {
    let (_folder, converted) = converted(Selection::default(), Window::default());
    let api = Api::start("--polls 0 --fault export=too-large*2");
    let pipeline = Pipeline::of(&api.base_url, &without_events());
    let raw = pipeline.folder.path().join("raw");
    let ended = end(pipeline.command().arg("--keep-raw").arg(&raw)).succeeded();
    assert_eq!(ended.stderr.matches("asking for it in two parts").count(), 2, "{}", ended.stderr);
    let (found, expected) = (rows(&pipeline.out()), rows(&converted));
    for table in ["profiles", "attributes", "tags"] {
        assert_eq!(found[table].num_rows(), expected[table].num_rows(), "{table}");
    }
    // What was kept makes the same tables.
    let run = fs::read_dir(&raw).unwrap().next().unwrap().unwrap().path();
    let again = pipeline.folder.path().join("again");
    end(apsides("replay").arg(&run).arg("--out").arg(&again)).succeeded();
    assert!(rows(&again) == found);
}

#[test]
fn rows_of_wide_are_put_together_from_parts() {
    let folder = tempdir().unwrap();
    let definitions = folder.path().join("definitions.json");
    fs::write(&definitions, catalogue::definitions(false).to_string()).unwrap();
    let wide = |folder: &Path| {
        let rows = table_rows(&folder.join("wide")).unwrap();
        let by = rows.columns()[..2].iter().map(|column| SortColumn { values: column.clone(), options: None });
        take_record_batch(&rows, &lexsort_to_indices(&by.collect::<Vec<_>>(), None).unwrap()).unwrap()
    };
    let mut all = Vec::new();
    for (fault, parts) in [("", 1), ("--fault export=too-large*2", 3)] {
        let api = Api::start(&format!("--polls 0 {fault}"));
        let pipeline = Pipeline::of(&api.base_url, &without_events());
        let (file, raw) = (pipeline.folder.path().join("pipeline.toml"), pipeline.folder.path().join("raw"));
        fs::write(&file, format!("{}tables = [\"wide\"]\n", fs::read_to_string(&file).unwrap())).unwrap();
        let ended = end(pipeline.command().arg("--keep-raw").arg(&raw)).succeeded();
        assert_eq!(ended.stderr.matches("asking for it in two parts").count(), parts - 1, "{}", ended.stderr);
        let run = fs::read_dir(&raw).unwrap().next().unwrap().unwrap().path();
        let again = pipeline.folder.path().join("again");
        let mut replay = apsides("replay --tables wide");
        end(replay.arg(&run).arg("--out").arg(&again).arg("--definitions").arg(&definitions)).succeeded();
        all.extend([wide(&pipeline.out()), wide(&again)]);
    }
    assert!(all[0].num_rows() > 300 && all.iter().all(|rows| *rows == all[0]));
}

#[test]
fn what_is_kept_is_private_and_can_be_replayed_once_it_is_whole() {
    let api = Api::start("--polls 0");
    for spool in ["spool = false", "spool = true"] {
        let folder = tempdir().unwrap();
        let raw = folder.path().join("raw");
        let pipeline = Pipeline::of(&api.base_url, &format!("{}\n{spool}\nkeep_raw = {raw:?}", without_events()));
        pipeline.run("").succeeded();
        let run = fs::read_dir(&raw).unwrap().next().unwrap().unwrap().path();
        let part = run.join("part-00001.json.gz");
        for (path, mode) in [(run.clone(), 0o700), (run.join("replay.json"), 0o600), (part.clone(), 0o600)] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        let again = folder.path().join("again");
        let replay = |to: &Path| end(apsides("replay --json").arg(&run).arg("--out").arg(to));
        assert_eq!(replay(&again).succeeded().json()["source"], api.base_url.as_str());
        assert!(rows(&again) == rows(&pipeline.out()));
        fs::rename(&part, run.join("part-00001.json.gz.part")).unwrap();
        let ended = replay(&folder.path().join("broken")).failed(3);
        assert!(ended.stderr.contains("broke off"), "{}", ended.stderr);
    }
    let ended = end(&mut apsides("replay /nowhere --out /nowhere")).failed(3);
    assert!(ended.stderr.contains("/nowhere/replay.json is not there"), "{}", ended.stderr);
}

#[test]
fn a_run_that_fails_leaves_its_export_to_the_next() {
    let api = Api::start("--polls 2");
    let state = tempdir().unwrap();
    let pipeline = Pipeline::of(&api.base_url, &without_events());
    let text = fs::read_to_string(pipeline.folder.path().join("pipeline.toml")).unwrap();
    let text = text.replace("[source]\n", &format!("[source]\nstate = {:?}\n", state.path()));
    fs::write(pipeline.folder.path().join("pipeline.toml"), text).unwrap();
    // The destination is taken while the first run waits for its export, so that it fails after its download has begun.
    let first = start(&mut pipeline.command());
    let begun = Instant::now();
    while !state.path().join("exports.json").exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no export was asked for");
        thread::sleep(Duration::from_millis(5));
    }
    fs::create_dir(pipeline.out()).unwrap();
    fs::write(pipeline.out().join("other"), "").unwrap();
    watch(first).failed(4);
    fs::remove_file(pipeline.out().join("other")).unwrap();
    let ended = pipeline.run("-v").succeeded();
    assert!(ended.stderr.contains("an earlier run has asked for this export"), "{}", ended.stderr);
    let ended = pipeline.run("-v").failed(4);
    assert!(
        !ended.stderr.contains("an earlier run has asked"),
        "what is published is not taken again: {}",
        ended.stderr
    );
}

/// An API whose exports are all this text. Gives how often it was asked for one.
fn serve_exports(listener: &TcpListener, export: &str, runs: usize, run: impl Fn(usize)) -> usize {
    let asked = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while let Ok((mut connection, _)) = listener.accept() {
                if done.load(Relaxed) {
                    return;
                }
                let mut request = [0; 8192];
                let length = connection.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let answer = match request.split_whitespace().nth(1) {
                    Some("/oauth/token") => {
                        r#"{"access_token":"t","token_type":"Bearer","expires_in":86400}"#.to_owned()
                    }
                    Some("/audience/profiles/exports") => {
                        let number = asked.fetch_add(1, Relaxed);
                        format!(r#"{{"file_download_url_v2":"/export/{number}"}}"#)
                    }
                    _ => export.to_owned(),
                };
                let length = answer.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                connection.write_all((head + &answer).as_bytes()).unwrap();
            }
        });
        (0..runs).for_each(run);
        done.store(true, Relaxed);
        drop(TcpStream::connect(listener.local_addr().unwrap()));
    });
    asked.into_inner()
}

#[test]
fn an_export_that_cannot_be_read_is_not_taken_up_again() {
    let too_deep = format!(r#"{{"p":{}0{}}}"#, "[".repeat(20), "]".repeat(20));
    for (export, limits, asked) in [
        ("[]", "", 2),
        (r#"{"p":{}"#, "", 2),
        // What is beyond a limit is worth another run with a higher one.
        (too_deep.as_str(), "[limits]\nmax_depth = 8\n", 1),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = tempdir().unwrap();
        let pipeline = Pipeline::new(&format!(
            "[source]\nbase_url = \"http://{}\"\nstate = {:?}\n{CREDENTIALS}\n[export]\nattributes = [\"1\"]\n\
             [destination]\npath = \"out\"\n{limits}",
            listener.local_addr().unwrap(),
            state.path(),
        ));
        let found = serve_exports(&listener, export, 2, |_| drop(pipeline.run("").failed(3)));
        assert_eq!(found, asked, "{export}");
    }
}
