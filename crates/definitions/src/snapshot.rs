//! Definitions at hand: in a file, in a folder of listings, or in the `metadata` of an export.
//!
//! The file is one JSON object of our own:
//!
//! ```json
//! {
//!   "format": 1,
//!   "source": "https://api.apsis.one",
//!   "fetched_at": "2026-01-31T02:00:00Z",
//!   "sections": [{"id": "1203", "discriminator": "usercreated.sections.europe-r6tz73a27t", "name": "Europe"}],
//!   "attributes": [{
//!     "section_id": "1203", "discriminator": "com.apsis1.attributes.birthdate", "name": "Birthdate",
//!     "versions": [{"id": "40114", "value_type": "date", "type_name": "Date", "deprecated_at": null}]
//!   }],
//!   "tags": [], "events": [], "segments": []
//! }
//! ```
//!
//! `source` and `fetched_at` are optional, as is everything else: what is written is exact, what is read may be a
//! listing of the API under each name, or written by hand.

use crate::{
    Definitions, Error,
    read::{Items, list, member, text},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// The format that is written, and the latest that is read.
pub(crate) const FORMAT: u64 = 1;

/// The longest file that is read. A large account has thousands of definitions, of some hundred bytes each.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The longest `metadata` that is looked into. While it is read it may take sixteen times as much memory, which a
/// conversion has to do with.
const METADATA_BYTES_MAX: usize = 4 << 20;

/// Definitions, and where and when they were got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The account they are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When they were fetched, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched_at: Option<String>,
    /// How many items and versions had no id and are not here.
    #[serde(skip)]
    pub skipped: usize,
    /// The definitions.
    #[serde(flatten)]
    pub definitions: Definitions,
}

impl Snapshot {
    /// Reads a file of definitions, or a folder of listings as the API answers them: `sections.json`, `segments.json`,
    /// and per section, by id or discriminator, `attributes.SECTION.json`, `tags.SECTION.json`, `events.SECTION.json`.
    /// Other files in the folder are left alone.
    ///
    /// # Errors
    ///
    /// When it cannot be read, holds no definitions, or was written by a newer version of this program.
    pub fn read(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            return read_folder(path);
        }
        Self::parse(&read(path)?).map_err(|error| within(path, error))
    }

    /// Reads the text of a file of definitions.
    ///
    /// # Errors
    ///
    /// When it is no JSON, holds none of the members above, or was written by a newer version of this program.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let file: Value = serde_json::from_slice(json)?;
        match member(&file, &["format"]).and_then(Value::as_u64) {
            Some(format) if format > FORMAT => return Err(Error::Format { format }),
            _ => {}
        }
        let names = "sections, attributes, tags, events, segments";
        Self::from_members(&file).ok_or_else(|| Error::Shape { reason: format!("none of {names} is a list") })
    }

    /// What the `metadata` of an export tells of the account, if it tells anything in a form known here: a file of
    /// definitions, or listings under the names of its members. More than 4 MiB are not looked into.
    pub fn from_metadata(json: &[u8]) -> Option<Self> {
        if json.len() > METADATA_BYTES_MAX {
            return None;
        }
        let snapshot = Self::parse(json).ok()?;
        (!snapshot.definitions.is_empty()).then_some(snapshot)
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Whole<'a> {
            format: u64,
            #[serde(flatten)]
            snapshot: &'a Snapshot,
        }
        let whole = Whole { format: FORMAT, snapshot: self };
        let mut json = serde_json::to_string_pretty(&whole).expect("plain data with text keys");
        json.push('\n');
        json
    }

    /// Writes the file, as a whole or not at all. Its folder must be there.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let write = || {
            let mut file = new_file(folder)?;
            file.write_all(self.to_json().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            io::Result::Ok(())
        };
        write().map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// None if no member is a list.
    fn from_members(file: &Value) -> Option<Self> {
        let listed = |name: &str| member(file, &[name]).and_then(list);
        let mut items = Items::default();
        let mut any = false;
        let mut listed = |name| listed(name).inspect(|_| any = true).unwrap_or_default();
        let definitions = Definitions {
            sections: items.sections(listed("sections")),
            attributes: items.attributes(listed("attributes"), None),
            tags: items.tags(listed("tags"), None),
            events: items.events(listed("events"), None),
            segments: items.segments(listed("segments")),
        };
        let (source, fetched_at) = (text(file, &["source"]), text(file, &["fetchedat"]));
        any.then_some(Self { source, fetched_at, skipped: items.skipped, definitions })
    }
}

/// Everybody may read it, as far as the process's own mask allows: it holds no secret and no personal data.
fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".definitions-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn read_folder(folder: &Path) -> Result<Snapshot, Error> {
    let unreadable = |source| Error::Read { path: folder.to_owned(), source };
    let entries: Vec<_> = fs::read_dir(folder).and_then(Iterator::collect).map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    // The order of a folder is nobody's.
    files.sort();
    let mut items = Items::default();
    let mut found = Definitions::default();
    let sections = folder.join("sections.json");
    if files.contains(&sections) {
        found.sections = items.sections(&read_list(&sections)?);
    }
    let mut any = files.contains(&sections);
    for file in &files {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(stem) = name.strip_suffix(".json") else { continue };
        let (kind, section) = stem.split_once('.').map_or((stem, None), |(kind, section)| (kind, Some(section)));
        let section = section.map(|named| {
            let known = found.sections.iter().find(|section| section.discriminator == named);
            known.map_or(named, |section| &section.id).to_owned()
        });
        match kind {
            "attributes" => found.attributes.extend(items.attributes(&read_list(file)?, section.as_deref())),
            "tags" => found.tags.extend(items.tags(&read_list(file)?, section.as_deref())),
            "events" => found.events.extend(items.events(&read_list(file)?, section.as_deref())),
            "segments" => found.segments.extend(items.segments(&read_list(file)?)),
            _ => continue,
        }
        any = true;
    }
    if !any {
        let reason = "there is no sections.json, segments.json, attributes.SECTION.json, tags.SECTION.json or \
                      events.SECTION.json";
        return Err(within(folder, Error::Shape { reason: reason.to_owned() }));
    }
    Ok(Snapshot { skipped: items.skipped, definitions: found, ..Snapshot::default() })
}

fn read_list(path: &Path) -> Result<Vec<Value>, Error> {
    let answer: Value = serde_json::from_slice(&read(path)?).map_err(|source| within(path, source.into()))?;
    let reason = || Error::Shape { reason: "there is no list `items`".to_owned() };
    list(&answer).map(<[Value]>::to_vec).ok_or_else(|| within(path, reason()))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let read = || {
        let mut json = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut json)?;
        if json.len() as u64 > FILE_BYTES_MAX {
            let message = format!("it is longer than {} MiB, too long for definitions", FILE_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(json)
    };
    read().map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn within(path: &Path, error: Error) -> Error {
    Error::File { path: path.to_owned(), source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Attribute, AttributeVersion, EventType, EventVersion, Field, Section, Segment, Tag, TagVersion, ValueType,
    };

    fn snapshot() -> Snapshot {
        let text = str::to_owned;
        let named = || (text("1203"), text("usercreated.x.köp-r6tz73a27t"), text("Köp \"x\""));
        let ((section_id, discriminator, name), deprecated_at) = (named(), Some(text("2024-11-05T09:30:00Z")));
        let version = |id, type_name: Option<&str>, deprecated_at| AttributeVersion {
            id: text(id),
            value_type: type_name.and_then(ValueType::parse),
            type_name: type_name.map(text),
            deprecated_at,
        };
        let versions = vec![version("1", Some("Date"), deprecated_at.clone()), version("2", Some("colour"), None)];
        let attribute = Attribute { section_id, discriminator, name, versions };
        let (section_id, discriminator, name) = named();
        let versions = vec![TagVersion { id: text("3"), deprecated_at: None }];
        let tag = Tag { section_id, discriminator, name, versions };
        let (section_id, discriminator, name) = named();
        let field = Field {
            name: text("id"),
            value_type: Some(ValueType::Integer),
            type_name: Some(text("number")),
            ..Field::default()
        };
        let untyped = Field { name: text("any"), ..Field::default() };
        let versions = vec![EventVersion { id: text("4"), deprecated_at, fields: vec![field, untyped] }];
        let event = EventType { section_id, discriminator, name, versions };
        let (id, discriminator, name) = named();
        Snapshot {
            source: Some(text("https://api.apsis.one")),
            fetched_at: Some(text("2026-01-31T02:00:00Z")),
            skipped: 0,
            definitions: Definitions {
                sections: vec![Section { id, discriminator, name }],
                attributes: vec![attribute],
                tags: vec![tag],
                events: vec![event],
                segments: vec![Segment { discriminator: text("s"), name: text("S") }],
            },
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("definitions.json");
        for snapshot in [snapshot(), Snapshot::default()] {
            snapshot.write(&file).unwrap();
            assert_eq!(Snapshot::read(&file).unwrap(), snapshot);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn metadata_in_several_forms() {
        for (json, attributes) in [
            (snapshot().to_json().as_str(), Some(1)),
            (r#"{"attributes": {"items": [{"versions": [{"id": 1}]}]}}"#, Some(1)),
            (r#"{"attributes": [{"id": 1}, {"id": 2}], "other": 3}"#, Some(2)),
            (r#"{"sections": [{"id": 1}]}"#, Some(0)),
            (r#"{"attributes": [], "tags": []}"#, None),
            (r#"{"attributes": {"40103": "x"}}"#, None),
            (r#"{"generated": "2026-01-31"}"#, None),
            ("[1, 2]", None),
            ("null", None),
            ("{", None),
        ] {
            let read = Snapshot::from_metadata(json.as_bytes());
            assert_eq!(read.map(|read| read.definitions.attributes.len()), attributes, "{json}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let long = |bytes: usize| format!(r#"{{"attributes": [{{"id": 1}}]{}}}"#, " ".repeat(bytes - 30));
        assert!(Snapshot::from_metadata(long(METADATA_BYTES_MAX - 10).as_bytes()).is_some());
        assert!(Snapshot::from_metadata(long(METADATA_BYTES_MAX + 10).as_bytes()).is_none());
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), long(FILE_BYTES_MAX as usize + 10)).unwrap();
        let error = Snapshot::read(file.path()).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "it is longer than 16 MiB, too long for definitions");
    }

    #[test]
    fn a_folder_of_listings() {
        let folder = tempfile::tempdir().unwrap();
        let empty = Snapshot::read(folder.path()).unwrap_err();
        assert!(matches!(empty, Error::File { .. }), "{empty}");
        for (name, json) in [
            ("sections.json", r#"{"items": [{"id": 1203, "discriminator": "u.europe-1", "name": "Europe"}]}"#),
            ("attributes.u.europe-1.json", r#"{"items": [{"name": "A", "versions": [{"id": 1}]}, {}]}"#),
            ("tags.1203.json", r#"[{"name": "T", "id": 2}]"#),
            ("events.other.json", r#"{"items": [{"name": "E", "id": 3}]}"#),
            ("segments.json", r#"{"items": [{"discriminator": "s"}]}"#),
            ("notes.json", "no JSON at all"),
            ("readme.txt", ""),
        ] {
            fs::write(folder.path().join(name), json).unwrap();
        }
        let Snapshot { definitions, skipped, .. } = Snapshot::read(folder.path()).unwrap();
        assert_eq!(skipped, 1);
        assert_eq!(definitions.attributes[0].section_id, "1203");
        assert_eq!(definitions.tags[0].section_id, "1203");
        assert_eq!(definitions.events[0].section_id, "other");
        assert_eq!((definitions.sections.len(), definitions.segments.len()), (1, 1));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for (json, words) in [
            ("", "it is no JSON"),
            ("[]", "it holds no definitions: none of sections, attributes, tags, events, segments is a list"),
            (r#"{"format": 2, "sections": []}"#, "it has format 2, and this version reads up to 1; use a newer one"),
        ] {
            assert_eq!(Snapshot::parse(json.as_bytes()).unwrap_err().to_string(), words, "{json}");
        }
        let missing = Snapshot::read(Path::new("/nowhere/definitions.json")).unwrap_err();
        assert_eq!(missing.to_string(), "the definitions in /nowhere/definitions.json cannot be read");
        let unwritable = Snapshot::default().write(Path::new("/nowhere/definitions.json")).unwrap_err();
        assert_eq!(unwritable.to_string(), "the definitions cannot be written to /nowhere/definitions.json");
    }
}
