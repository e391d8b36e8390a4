//! A run that publishes to a folder: all tables, or none.
//!
//! ```text
//! DEST/
//!   profiles/ attributes/ …     the published tables: whole, always
//!   views/                      SQL that names their files
//!   .apsides/
//!     manifest.json             which tables and files these are
//!     lock                      held by the run that writes
//!     staging/<run>/
//!       tables/<table>/…        the tables of a run in progress, and their views
//!       manifest.json           if it is there, the run is decided: all is written and checked
//!       old/<table>/            tables replaced by this run
//! ```
//!
//! Writing `staging/<run>/manifest.json` is the commit point. Before it, a crash leaves nothing
//! but files under a hidden name, which the next run removes. After it, what remains is a few
//! renames of whole folders, which the next run finishes if this one cannot. So a reader never
//! sees part of a table.

use crate::{
    error::{Error, Result},
    manifest::Manifest,
    views::{self, views},
};
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The folder that holds all that is not a table.
const HIDDEN: &str = ".apsides";
const MANIFEST: &str = "manifest.json";
/// In it: a folder per run that is not published yet.
const RUNS: &str = "staging";
/// Who looks whether the lock is free holds it for a moment, which must not turn a run away.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A place in a folder where a run writes its tables. Dropped, it removes what it wrote.
#[derive(Debug)]
pub(super) struct Run {
    root: PathBuf,
    /// Where it is written, until it is published.
    folder: PathBuf,
    /// This run made the destination's folder.
    made_root: bool,
    /// The run is decided: what it wrote is the next run's to publish, if this one cannot.
    decided: bool,
    /// Held until the end of the run; the system releases it if the process dies.
    _lock: File,
}

impl Run {
    /// Takes hold of a destination, finishes or removes what earlier runs left behind, and makes
    /// room for this run's tables.
    pub(super) fn open(root: &Path, overwrite: bool) -> Result<Self> {
        let made_root = !root.exists();
        let hidden = root.join(HIDDEN);
        fs::create_dir_all(&hidden).map_err(Error::destination("create the folder", &hidden))?;
        let lock = lock(root, &hidden)?;
        let runs = hidden.join(RUNS);
        for left in entries(&runs)? {
            recover(root, &runs.join(left))?;
        }
        // From here on, whatever goes wrong leaves nothing of this run behind.
        let run = Self { root: root.to_owned(), folder: runs.join(run_name()), made_root, decided: false, _lock: lock };
        may_replace(root, published(root)?.as_ref(), &[], overwrite)?;
        let tables = run.tables();
        fs::create_dir_all(&tables).map_err(Error::destination("create the folder", &tables))?;
        Ok(run)
    }

    /// What is published there so far.
    pub(super) fn before(&self) -> Result<Option<Manifest>> {
        published(&self.root)
    }

    /// The folder for this run's tables.
    pub(super) fn tables(&self) -> PathBuf {
        self.folder.join("tables")
    }

    /// Lets readers see the tables, in place of those that were there before.
    pub(super) fn publish(mut self, manifest: &Manifest) -> Result<()> {
        let (root, run) = (self.root.clone(), self.folder.clone());
        let decided = run.join(MANIFEST);
        let json = manifest.json(&decided.display().to_string())?;
        let draft = run.join("manifest.draft");
        fs::write(&draft, json).map_err(Error::destination("write", &draft))?;
        sync(&draft)?;
        write_views(&root, &self.tables(), manifest)?;
        // All room that the rest needs is taken before the decision.
        let replaced = run.join("old");
        fs::create_dir_all(&replaced).map_err(Error::destination("create the folder", &replaced))?;
        rename(&draft, &decided)?;
        self.decided = true;
        let finished = sync(&run).and_then(|()| finish(&root, &run, manifest));
        finished.map_err(|source| Error::Unfinished { place: root.display().to_string(), source: Box::new(source) })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.decided {
            return;
        }
        // Where removing fails, the next run does it.
        let _ = fs::remove_dir_all(&self.folder);
        if !manifest_path(&self.root).exists() {
            let hidden = self.root.join(HIDDEN);
            let _ = fs::remove_dir(hidden.join(RUNS));
            let _ = fs::remove_file(hidden.join("lock"));
            let _ = fs::remove_dir(hidden);
            if self.made_root {
                let _ = fs::remove_dir(&self.root);
            }
        }
    }
}

/// The manifest of the tables published in a folder, if there are any.
pub fn published(root: &Path) -> Result<Option<Manifest>> {
    read_manifest(&manifest_path(root))
}

fn manifest_path(root: &Path) -> PathBuf {
    root.join(HIDDEN).join(MANIFEST)
}

/// Moves the tables of a decided run to where readers look. Can be done again after a crash at
/// any point: a table that is no longer staged has been moved already.
fn finish(root: &Path, run: &Path, manifest: &Manifest) -> Result<()> {
    let replaced = run.join("old");
    fs::create_dir_all(&replaced).map_err(Error::destination("create the folder", &replaced))?;
    let before = published(root)?.map(|manifest| manifest.tables).unwrap_or_default();
    for old in before.iter().filter(|old| manifest.table(&old.name).is_none()) {
        if root.join(&old.name).exists() {
            rename(&root.join(&old.name), &replaced.join(&old.name))?;
        }
    }
    for folder in manifest.tables.iter().map(|table| table.name.as_str()).chain([views::FOLDER]) {
        let (staged, visible) = (run.join("tables").join(folder), root.join(folder));
        if staged.exists() {
            if visible.exists() {
                rename(&visible, &replaced.join(folder))?;
            }
            rename(&staged, &visible)?;
        }
    }
    sync(root)?;
    rename(&run.join(MANIFEST), &manifest_path(root))?;
    sync(&root.join(HIDDEN))?;
    fs::remove_dir_all(run).map_err(Error::destination("remove", run))
}

/// Writes the views of the tables as they will stand below `root`.
fn write_views(root: &Path, tables: &Path, manifest: &Manifest) -> Result<()> {
    let root = root.canonicalize().map_err(Error::destination("find", root))?;
    let folder = tables.join(views::FOLDER);
    fs::create_dir_all(&folder).map_err(Error::destination("create the folder", &folder))?;
    for (name, sql) in views(&root.display().to_string(), manifest) {
        let path = folder.join(name);
        fs::write(&path, sql).map_err(Error::destination("write", &path))?;
        sync(&path)?;
    }
    sync(&folder)
}

/// Finishes what a dead run had decided, or removes what it had begun.
fn recover(root: &Path, run: &Path) -> Result<()> {
    match read_manifest(&run.join(MANIFEST))? {
        Some(manifest) => {
            tracing::warn!(run = %run.display(), "finishing the publication of an interrupted run");
            finish(root, run, &manifest)
        }
        None => {
            tracing::info!(run = %run.display(), "removing what an interrupted run left behind");
            fs::remove_dir_all(run).map_err(Error::destination("remove", run))
        }
    }
}

fn read_manifest(path: &Path) -> Result<Option<Manifest>> {
    match fs::read(path) {
        Ok(json) => Manifest::parse(&json, &path.display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::destination("read", path)(error)),
    }
}

/// See [`look`](super::look).
pub(super) fn look(root: &Path, overwrite: bool) -> Result<Option<Manifest>> {
    if !is_free(root)? {
        return Err(Error::Locked { place: root.display().to_string() });
    }
    let published = published(root)?;
    let runs = root.join(HIDDEN).join(RUNS);
    let mut decided = Vec::new();
    for left in entries(&runs)? {
        decided.extend(read_manifest(&runs.join(left).join(MANIFEST))?);
    }
    may_replace(root, published.as_ref(), &decided, overwrite)?;
    Ok(decided.pop().or(published))
}

/// Refuses a destination that holds tables, unless they are to be replaced, or anything that this
/// program did not write and so must not remove. What dead runs have decided counts as if it were published: the next run
/// begins with that.
fn may_replace(root: &Path, published: Option<&Manifest>, decided: &[Manifest], overwrite: bool) -> Result<()> {
    let manifests: Vec<_> = published.into_iter().chain(decided).collect();
    let foreign = |entry| Err(Error::Foreign { place: root.display().to_string(), entry });
    let mut has_tables = decided.iter().any(|manifest| !manifest.tables.is_empty());
    for entry in entries(root)?.into_iter().filter(|entry| entry != HIDDEN) {
        if entry == views::FOLDER && !manifests.is_empty() {
            if let Some(file) =
                entries(&root.join(&entry))?.into_iter().find(|file| !views::FILES.contains(&file.as_str()))
            {
                return foreign(format!("{entry}/{file}"));
            }
            continue;
        }
        let known: Vec<_> = manifests.iter().filter_map(|manifest| manifest.table(&entry)).collect();
        if known.is_empty() {
            return foreign(entry);
        }
        has_tables = true;
        for file in entries(&root.join(&entry))? {
            if !known.iter().flat_map(|table| &table.files).any(|known| known.name == file) {
                return foreign(format!("{entry}/{file}"));
            }
        }
    }
    if has_tables && !overwrite {
        return Err(Error::NotEmpty { place: root.display().to_string() });
    }
    Ok(())
}

/// The names in a folder, sorted; none if there is no folder.
fn entries(folder: &Path) -> Result<Vec<String>> {
    let list = || -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    };
    match list() {
        Ok(mut names) => {
            names.sort_unstable();
            Ok(names)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::destination("list", folder)(error)),
    }
}

/// Whether no run holds the folder's lock.
pub(super) fn is_free(root: &Path) -> Result<bool> {
    let path = root.join(HIDDEN).join("lock");
    match File::open(&path) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(Error::destination("lock", path)(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::destination("open", path)(error)),
    }
}

/// Takes the destination's lock, or tells that another run has it.
fn lock(root: &Path, hidden: &Path) -> Result<File> {
    let path = hidden.join("lock");
    let mut tries = 1;
    loop {
        fs::create_dir_all(hidden).map_err(Error::destination("create the folder", hidden))?;
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(Error::destination("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if tries < LOCK_TRIES => {
                thread::sleep(LOCK_PAUSE);
                tries += 1;
                continue;
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { place: root.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(Error::destination("lock", path)(error)),
        }
        // A run that failed removes its lock with its folder; a lock on a removed file keeps
        // nobody out.
        let held = file.metadata().map_err(Error::destination("read", &path))?.ino();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.ino() == held) {
            return Ok(file);
        }
    }
}

/// A name that no other run has: the lock keeps out runs at the same time.
fn run_name() -> String {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("run-{}-{}", elapsed.as_millis(), std::process::id())
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::destination("move into place", to))
}

/// Makes a file's contents, or a folder's entries, survive a loss of power.
fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::destination("sync", path))
}
