//! Shards: windows of a schedule that are made apart from a destination, and published there by another run.
//!
//! ```text
//! PREFIX/.apsides/shards/
//!   0-of-3/          a destination of its own: tables, views, manifest, lock
//!   1-of-3/ …
//! ```
//!
//! What a shard's run does is what any run of a schedule does at a destination: so it can be killed, goes on from what its
//! manifest says, and gets in nobody's way. Its tables are then published window by window. Files are not written again:
//! the store copies them (in a folder, as links), and the shard is removed when all it has is published.

use super::{
    Commit, Destination, Place, Staged, Staging, bucket, client, folder, lease,
    lock::Lock,
    objects::{Bucket, nonce, told_or},
    sweep::HIDDEN,
};
use crate::{
    error::{Error, Result},
    extent::Extent,
    manifest::{DataFile, Manifest, TableFiles},
    options::Options,
    profile::Profile,
    run::RunId,
    typed::{self, TypedSchema, join},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as ObjectPath};
use std::{fmt, fs, io::Write, path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// Where shards are, in what is hidden of a destination.
pub(super) const SHARDS: &str = "shards";
/// What the names of shards end with that are being removed.
const REMOVED: &str = "-removed";
/// Files that a store copies at once.
const COPIES_AT_ONCE: usize = 4;
/// How long giving back the lock of a shard may take.
const RELEASE_WAIT: Duration = Duration::from_secs(5);

/// One of several machines that share the windows of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The most shards.
    pub const COUNT_MAX: u32 = 1_000;

    /// Counted from 0.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Whether the window of this number, counted from the start of the schedule, is its.
    pub fn has(self, window: u64) -> bool {
        window % u64::from(self.of) == u64::from(self.number)
    }

    fn folder(self) -> String {
        format!("{}-of-{}", self.number, self.of)
    }

    fn of_folder(name: &str) -> Option<Self> {
        let (number, of) = name.split_once("-of-")?;
        format!("{number}/{of}").parse().ok().filter(|shard: &Self| shard.folder() == name)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    /// `0/3` to `2/3` are three shards.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let parts = text.split_once('/').and_then(|(one, other)| Some((number(one)?, number(other)?)));
        match parts {
            Some((_, of)) if of == 0 || of > Self::COUNT_MAX => {
                Err(format!("there are 1 to {} shards", Self::COUNT_MAX))
            }
            Some((number, of)) if number >= of => Err(format!("the shards of {of} are 0/{of} to {}/{of}", of - 1)),
            Some((number, of)) => Ok(Self { number, of }),
            None => Err("no shard; the first of three is 0/3".to_owned()),
        }
    }
}

impl Destination {
    /// Where a shard's tables are until they are published here.
    pub fn shard(&self, shard: Shard) -> Self {
        match self {
            Self::Folder(root) => Self::Folder(root.join(HIDDEN).join(SHARDS).join(shard.folder())),
            Self::Bucket { address, settings } => Self::Bucket {
                address: address.join(HIDDEN).join(SHARDS).join(&shard.folder()),
                settings: settings.clone(),
            },
        }
    }
}

/// The shards of a destination that have something to publish, with what it is. Takes no lock, and writes nothing.
pub async fn shards(destination: &Destination) -> Result<Vec<(Shard, Manifest)>> {
    let mut found = Vec::new();
    for shard in names(destination).await? {
        let manifest = super::manifest_of(&destination.shard(shard)).await?;
        found.extend(manifest.map(|manifest| (shard, manifest)));
    }
    Ok(found)
}

async fn names(destination: &Destination) -> Result<Vec<Shard>> {
    let mut shards: Vec<_> = match destination {
        Destination::Folder(root) => {
            let folders = folder::entries(&root.join(HIDDEN).join(SHARDS))?;
            folders.iter().filter_map(|name| Shard::of_folder(name)).collect()
        }
        Destination::Bucket { address, settings } => {
            let bucket = client::connect(address, settings)?;
            let prefix = ObjectPath::from(format!("{HIDDEN}/{SHARDS}"));
            let listed = bucket.store.list_with_delimiter(Some(&prefix)).await;
            let listed = listed.map_err(|error| bucket.failed("list", "", error))?;
            let names = listed.common_prefixes.iter().filter_map(ObjectPath::filename);
            names.filter_map(Shard::of_folder).collect()
        }
    };
    shards.sort_unstable_by_key(|shard| (shard.of, shard.number));
    Ok(shards)
}

/// Stages what a shard has of an extent, whose `from` is its manifest, for the destination that the shard is of.
/// `runtime` does the copying; it must not be the one that this thread works for.
pub fn stage_shard(
    destination: &Destination,
    shard: Shard,
    from: &Manifest,
    options: &Options,
    runtime: &Handle,
) -> Result<Staged> {
    let extent = &options.extent;
    let run = options.run.clone().map_or_else(RunId::new, Ok)?;
    let staging = Staging::open(destination, &run.next_name(), options, runtime)?;
    // A first publication of typed tables has none to compare with.
    let published = staging.before()?.and_then(|manifest| manifest.typed).filter(|typed| !typed.tables.is_empty());
    let (typed, schema_changes) = match &from.typed {
        Some(apart) => join(published, apart, options.typed.mode)?,
        None => (published.unwrap_or_default(), Vec::new()),
    };
    typed::warn_of(&schema_changes);
    let folder = format!("{HIDDEN}/{SHARDS}/{}", shard.folder());
    let (mut tables, mut copies) = (Vec::new(), Vec::new());
    for table in &from.tables {
        let mut files: Vec<DataFile> = table.files.iter().filter(|file| extent.holds(file)).cloned().collect();
        if files.is_empty() {
            continue;
        }
        for file in &mut files {
            let name = renamed(&file.name, extent.partition(&table.name).as_deref(), staging.uploads().prefix());
            copies.push(Copy {
                from: format!("{folder}/{}/{}", table.name, file.name).into(),
                to: format!("{}/{name}", table.name).into(),
                bytes: file.bytes,
                sha256: file.sha256.clone(),
            });
            file.name = name;
        }
        tables.push(published_as(table, files, &typed));
    }
    staging.take(&copies, runtime)?;
    let typed = Some(typed).filter(|typed| !typed.tables.is_empty());
    // What was read for them, and found in it, nobody knows any more: a shard's manifest tells it of its last step alone.
    let manifest =
        Manifest { run: Some(run.to_string()), tables, typed, schema_changes, ..Manifest::nothing(&from.source) };
    let manifest = if options.wants_statistics() { manifest } else { manifest.without_statistics() };
    staging.stage(manifest, Profile::default(), extent)
}

/// A shard's table with the columns that it has where it is published: there may be more of them there than in its files.
fn published_as(table: &TableFiles, files: Vec<DataFile>, joined: &TypedSchema) -> TableFiles {
    let Some(typed) = joined.tables.iter().find(|typed| typed.name == table.name) else {
        let mut same = TableFiles { files, ..table.clone() };
        same.count();
        return same;
    };
    let mut published = TableFiles::new(&typed.schema(), files);
    if published.columns != table.columns {
        let names: Vec<_> = table.columns.iter().map(|column| column.name.clone()).collect();
        for file in &mut published.files {
            file.columns.get_or_insert_with(|| names.clone());
        }
    }
    published
}

/// A file's name at another destination, where it goes to a folder of the table's, if it does, and names begin with
/// `prefix`.
fn renamed(name: &str, partition: Option<&str>, prefix: &str) -> String {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    let own = file.find("part-").or_else(|| file.find("typed-")).map_or(file, |at| &file[at..]);
    partition.map_or_else(|| format!("{prefix}{own}"), |partition| format!("{partition}/{prefix}{own}"))
}

/// A file on its way from a shard to its destination; both are paths in the latter.
struct Copy {
    from: ObjectPath,
    to: ObjectPath,
    bytes: u64,
    sha256: String,
}

impl Staging {
    /// Takes files from elsewhere below the destination, without reading them where the store can do it.
    fn take(&self, copies: &[Copy], runtime: &Handle) -> Result<()> {
        let (store, staged): (Arc<dyn ObjectStore>, _) = match &self.place {
            Place::Folder(run) => {
                let root = run.root();
                let store = LocalFileSystem::new_with_prefix(root)
                    .map_err(|source| Error::Write { path: root.display().to_string(), source })?;
                (Arc::new(store.with_fsync(true)), run.tables_below_root() + "/")
            }
            Place::Bucket(run) => (Arc::clone(&run.bucket().store), String::new()),
        };
        // A copy has not the storage class that the destination's files are to have.
        let is_copied = self.uploads.has_no_attributes();
        let left: Vec<&Copy> = runtime.block_on(async {
            let copied = stream::iter(copies.iter().filter(|_| is_copied)).map(|copy| {
                let (store, uploads) = (&store, &self.uploads);
                let to = ObjectPath::from(format!("{staged}{}", copy.to));
                async move {
                    let copied = async {
                        store.copy(&copy.from, &to).await?;
                        uploads.note(copy.to.clone());
                        Ok::<_, object_store::Error>(store.head(&to).await?.size)
                    };
                    match copied.await {
                        Ok(bytes) if bytes == copy.bytes => None,
                        // Whether it is as the manifest says is found out by reading it.
                        Ok(_) => Some(copy),
                        Err(error) => {
                            tracing::info!(path = %copy.from, "the store did not copy the file: {error}");
                            Some(copy)
                        }
                    }
                }
            });
            copied.buffer_unordered(COPIES_AT_ONCE).filter_map(async |left| left).collect().await
        });
        let left = if is_copied { left } else { copies.iter().collect() };
        left.into_iter().try_for_each(|copy| self.write_again(store.as_ref(), copy, runtime))
    }

    /// Reads a file, which is to be what the shard's manifest says, and writes it where it belongs.
    fn write_again(&self, store: &dyn ObjectStore, copy: &Copy, runtime: &Handle) -> Result<()> {
        let failed = |source| told_or(copy.from.as_ref(), source, |path, source| Error::Write { path, source });
        let mut bytes = runtime.block_on(store.get(&copy.from)).map_err(failed)?.into_stream();
        let mut upload = self.uploads.start(copy.to.clone());
        while let Some(part) = runtime.block_on(bytes.try_next()).map_err(failed)? {
            if let Err(error) = upload.write_all(&part) {
                let generic = || object_store::Error::Generic { store: "upload", source: Box::new(error) };
                return Err(failed(upload.take_failure().unwrap_or_else(generic)));
            }
        }
        match upload.finish().map_err(failed)? {
            sha256 if sha256 == copy.sha256 => Ok(()),
            _ => Err(Error::Damaged { path: copy.from.to_string() }),
        }
    }
}

/// What is published at a destination, where tables like these could be published. Unlike [`look`](super::look), it does not
/// matter whether a run is at work there.
pub async fn look_beside(destination: &Destination, commit: Commit, extent: &Extent) -> Result<Option<Manifest>> {
    let manifest = super::manifest_of(destination).await?;
    commit.check(manifest.as_ref(), &destination.to_string())?;
    extent.check(manifest.as_ref(), false, &destination.to_string())?;
    Ok(manifest)
}

/// Removes a shard of which all is published that its manifest told when it was `seen`; its files may be left for
/// [`clear_removed`]. False if it has made more since, or a run is at work there: then it stays.
pub async fn remove_shard(destination: &Destination, shard: Shard, seen: &Manifest) -> Result<bool> {
    let removed = match destination.shard(shard) {
        Destination::Folder(root) => remove_folder(&root, seen),
        Destination::Bucket { address, settings } => remove_objects(&client::connect(&address, &settings)?, seen).await,
    };
    match removed {
        Err(Error::Locked { .. }) => Ok(false),
        removed => removed,
    }
}

/// It goes at once, by a new name: a run that waits for its lock makes the folder anew.
fn remove_folder(root: &Path, seen: &Manifest) -> Result<bool> {
    let _lock = folder::lock(root)?;
    if folder::published(root)?.as_ref() != Some(seen) {
        return Ok(false);
    }
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let removed = root.with_file_name(format!("{name}.{}{REMOVED}", nonce(4)?));
    fs::rename(root, &removed).map_err(Error::destination("remove", root))?;
    Ok(true)
}

/// Removes the files of shards that are removed, of those too whose removal was cut short.
pub fn clear_removed(destination: &Destination) -> Result<()> {
    // In a bucket, the manifest goes last: until then the shard is there.
    let Destination::Folder(root) = destination else { return Ok(()) };
    let shards = root.join(HIDDEN).join(SHARDS);
    let mut left = folder::entries(&shards)?;
    left.retain(|name| name.ends_with(REMOVED));
    if left.is_empty() {
        return Ok(());
    }
    for name in left {
        // Somebody else may be at it.
        let _ = fs::remove_dir_all(shards.join(name));
    }
    // It stays if there is anything else.
    let _ = fs::remove_dir(&shards);
    Ok(())
}

/// The lock stays: a lease is never deleted.
async fn remove_objects(bucket: &Bucket, seen: &Manifest) -> Result<bool> {
    let runtime = Handle::current();
    let lock = Lock::take(bucket, &RunId::new()?.next_name(), &runtime).await?;
    let removed = async {
        if bucket::published(bucket).await?.is_none_or(|(manifest, _)| manifest != *seen) {
            return Ok(false);
        }
        let manifest = ObjectPath::from(bucket::MANIFEST);
        let mut objects = Vec::new();
        bucket
            .each(|object| {
                if object.location != manifest && object.location.as_ref() != lease::NAME {
                    objects.push(object.location);
                }
                Ok(())
            })
            .await?;
        super::sweep::remove(bucket, objects).await?;
        super::sweep::remove(bucket, vec![manifest]).await?;
        Ok(true)
    };
    let removed = removed.await;
    lock.release(RELEASE_WAIT).await;
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_numbers_of_how_many() {
        for (text, expected) in [
            ("0/1", Ok("0-of-1")),
            ("2/3", Ok("2-of-3")),
            ("999/1000", Ok("999-of-1000")),
            ("3/3", Err("the shards of 3 are 0/3 to 2/3")),
            ("0/0", Err("there are 1 to 1000 shards")),
            ("0/1001", Err("there are 1 to 1000 shards")),
            ("1", Err("no shard; the first of three is 0/3")),
            ("a/3", Err("no shard; the first of three is 0/3")),
            ("+1/3", Err("no shard; the first of three is 0/3")),
            ("-1/3", Err("no shard; the first of three is 0/3")),
        ] {
            let shard = text.parse::<Shard>();
            assert_eq!(shard.clone().map(Shard::folder), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
            if let Ok(shard) = shard {
                assert_eq!((shard.to_string().as_str(), Shard::of_folder(&shard.folder())), (text, Some(shard)));
            }
        }
        for name in ["0-of-0", "00-of-3", "0-of-3-", "staging"] {
            assert_eq!(Shard::of_folder(name), None, "{name}");
        }
    }

    #[test]
    fn every_window_is_of_one_shard() {
        let shards: Vec<Shard> = ["0/3", "1/3", "2/3"].iter().map(|text| text.parse().expect(text)).collect();
        for window in 0..100 {
            assert_eq!(shards.iter().filter(|shard| shard.has(window)).count(), 1, "{window}");
        }
    }

    #[test]
    fn files_get_the_names_of_the_run_that_publishes_them() {
        for (name, partition, prefix, expected) in [
            ("part-00000.parquet", None, "", "part-00000.parquet"),
            ("part-00001.parquet", None, "20261124-193000-0123abcd-", "20261124-193000-0123abcd-part-00001.parquet"),
            ("20261124-193000-0123abcd-part-00000.parquet", None, "", "part-00000.parquet"),
            ("20261124-193000-0123abcd-typed-00000.parquet", None, "x-", "x-typed-00000.parquet"),
            ("20261124-193000-0123abcd-typed-more-00000.parquet", None, "x-", "x-typed-more-00000.parquet"),
            (
                "window_start=2026-01-01/20261124-193000-0123abcd-part-00000.parquet",
                Some("window_start=2026-01-01"),
                "x-",
                "window_start=2026-01-01/x-part-00000.parquet",
            ),
            ("part-00000.parquet", Some("snapshot=x"), "", "snapshot=x/part-00000.parquet"),
        ] {
            assert_eq!(renamed(name, partition, prefix), expected);
        }
    }
}
