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

use super::Commit;
use crate::{
    error::{Error, Result},
    extent::Extent,
    manifest::{Manifest, TableFiles},
    options::Options,
    views::{self, views},
};
use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
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
    pub(super) fn open(root: &Path, name: &str, options: &Options) -> Result<Self> {
        let made_root = !root.exists();
        let hidden = root.join(HIDDEN);
        fs::create_dir_all(&hidden).map_err(Error::destination("create the folder", &hidden))?;
        let lock = lock(root)?;
        recover_all(root)?;
        let runs = hidden.join(RUNS);
        // From here on, whatever goes wrong leaves nothing of this run behind.
        let run = Self { root: root.to_owned(), folder: runs.join(name), made_root, decided: false, _lock: lock };
        let published = published(root)?;
        options.commit.check(published.as_ref(), &root.display().to_string())?;
        may_replace(root, published.as_slice(), false, &options.extent, options.overwrite)?;
        let tables = run.tables();
        fs::create_dir_all(&tables).map_err(Error::destination("create the folder", &tables))?;
        Ok(run)
    }

    /// What is published there so far.
    pub(super) fn before(&self) -> Result<Option<Manifest>> {
        published(&self.root)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The path below the root of the folder for this run's tables.
    pub(super) fn tables_below_root(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        format!("{HIDDEN}/{RUNS}/{name}/tables")
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
        remove_unused(&self.root, self.made_root);
    }
}

/// Where nothing is published, removes what a run has made beside its tables. The lock is to be held.
pub(super) fn remove_unused(root: &Path, made_root: bool) {
    if manifest_path(root).exists() {
        return;
    }
    let hidden = root.join(HIDDEN);
    let _ = fs::remove_dir(hidden.join(RUNS));
    let _ = fs::remove_file(hidden.join("lock"));
    let _ = fs::remove_dir(hidden);
    if made_root {
        let _ = fs::remove_dir(root);
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
    for old in &before {
        for path in no_longer_there(old, manifest.table(&old.name)) {
            let visible = root.join(&path);
            if visible.exists() {
                create_parent(&replaced.join(&path))?;
                rename(&visible, &replaced.join(&path))?;
            }
        }
    }
    for folder in manifest.tables.iter().map(|table| table.name.as_str()).chain([views::FOLDER]) {
        let staged = run.join("tables").join(folder);
        // One that has nothing left to move is as good as none: it must not take the place of all windows.
        if manifest.table(folder).is_some_and(TableFiles::has_partitions) {
            for partition in entries(&staged)? {
                let path = Path::new(folder).join(&partition);
                replace(&staged.join(&partition), &root.join(&path), &replaced.join(&path))?;
            }
        } else if staged.exists() {
            replace(&staged, &root.join(folder), &replaced.join(folder))?;
        }
    }
    let in_folders = manifest.tables.iter().filter(|table| table.has_partitions());
    // Somebody may have removed the files of one.
    for table in in_folders.map(|table| root.join(&table.name)).filter(|table| table.exists()) {
        sync(&table)?;
    }
    sync(root)?;
    rename(&run.join(MANIFEST), &manifest_path(root))?;
    sync(&root.join(HIDDEN))?;
    fs::remove_dir_all(run).map_err(Error::destination("remove", run))
}

/// What a table has no more: its folder, or those of some of its windows or snapshots; or, if it has none but those now, its
/// files beside them. A folder that is replaced as a whole is not among them.
fn no_longer_there(before: &TableFiles, after: Option<&TableFiles>) -> Vec<String> {
    let Some(after) = after else { return vec![before.name.clone()] };
    if !after.has_partitions() {
        return Vec::new();
    }
    let gone = before.files.iter().filter_map(|file| match file.partition() {
        Some(partition) => (!after.has_partition(partition)).then_some(partition),
        None => Some(file.name.as_str()),
    });
    let mut gone: Vec<_> = gone.collect();
    gone.dedup();
    gone.into_iter().map(|path| format!("{}/{path}", before.name)).collect()
}

/// Moves a folder to where readers look, and what was there out of the way.
fn replace(staged: &Path, visible: &Path, replaced: &Path) -> Result<()> {
    if visible.exists() {
        create_parent(replaced)?;
        rename(visible, replaced)?;
    }
    create_parent(visible)?;
    rename(staged, visible)
}

fn create_parent(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::destination("create the folder", folder))
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

/// See [`settle`](super::settle).
pub(super) fn settle(root: &Path) -> Result<Option<Manifest>> {
    let hidden = root.join(HIDDEN);
    // Where there is nothing to finish, nothing is written.
    if !entries(&hidden.join(RUNS))?.is_empty() {
        let _lock = lock(root)?;
        recover_all(root)?;
    }
    published(root)
}

/// Finishes or removes what dead runs have left. The lock is to be held.
fn recover_all(root: &Path) -> Result<()> {
    let runs = root.join(HIDDEN).join(RUNS);
    entries(&runs)?.into_iter().try_for_each(|left| recover(root, &runs.join(left)))
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
pub(super) fn look(root: &Path, commit: Commit, extent: &Extent, overwrite: bool) -> Result<Option<Manifest>> {
    if !is_free(root)? {
        return Err(Error::Locked { place: root.display().to_string() });
    }
    let mut manifests: Vec<_> = published(root)?.into_iter().collect();
    let known = manifests.len();
    let runs = root.join(HIDDEN).join(RUNS);
    for left in entries(&runs)? {
        manifests.extend(read_manifest(&runs.join(left).join(MANIFEST))?);
    }
    commit.check(manifests.last(), &root.display().to_string())?;
    let is_decided = manifests.len() > known;
    may_replace(root, &manifests, is_decided, extent, overwrite)?;
    Ok(manifests.pop())
}

/// Refuses a destination with tables that are not to be replaced, or with anything that this program did not write, and
/// so must not remove. The last manifest is what is published; or, if it is decided, what the next run will publish first.
fn may_replace(root: &Path, manifests: &[Manifest], is_decided: bool, extent: &Extent, overwrite: bool) -> Result<()> {
    let place = root.display().to_string();
    if let Some(entry) = foreign(root, manifests)? {
        return Err(Error::Foreign { place, entry });
    }
    let is_there = |manifest: &Manifest| manifest.tables.iter().any(|table| root.join(&table.name).exists());
    // Somebody may have removed all tables, so that the next run can write them anew.
    let matters = manifests.last().filter(|last| is_decided || last.is_scheduled() || is_there(last));
    extent.check(matters, overwrite, &place)
}

/// The first entry that is none of ours.
fn foreign(root: &Path, manifests: &[Manifest]) -> Result<Option<String>> {
    let is_file = |path: &str| {
        let Some((table, file)) = path.split_once('/') else { return false };
        let tables = manifests.iter().filter_map(|manifest| manifest.table(table));
        tables.flat_map(|table| &table.files).any(|known| known.name == file)
            || (table == views::FOLDER && views::FILES.contains(&file) && !manifests.is_empty())
    };
    let is_folder = |path: &str| {
        let (table, partition) = path.split_once('/').unwrap_or((path, ""));
        let mut tables = manifests.iter().filter_map(|manifest| manifest.table(table));
        match partition {
            "" => tables.next().is_some() || (table == views::FOLDER && !manifests.is_empty()),
            partition => tables.any(|table| table.has_partition(partition)),
        }
    };
    let mut left: Vec<String> = entries(root)?.into_iter().filter(|entry| entry != HIDDEN).rev().collect();
    while let Some(path) = left.pop() {
        if is_folder(&path) && root.join(&path).is_dir() {
            left.extend(entries(&root.join(&path))?.into_iter().rev().map(|entry| format!("{path}/{entry}")));
        } else if !is_file(&path) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The names in a folder, sorted; none if there is no folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<String>> {
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
pub(super) fn lock(root: &Path) -> Result<File> {
    let hidden = &root.join(HIDDEN);
    let path = hidden.join("lock");
    let mut tries = 1;
    loop {
        fs::create_dir_all(hidden).map_err(Error::destination("create the folder", hidden))?;
        let file = match File::options().create(true).truncate(false).write(true).open(&path) {
            // The folder has just been removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < LOCK_TRIES => {
                tries += 1;
                continue;
            }
            file => file.map_err(Error::destination("open", &path))?,
        };
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

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(Error::destination("move into place", to))
}

/// Makes a file's contents, or a folder's entries, survive a loss of power.
fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::destination("sync", path))
}
