//! Where in the export the parse stands: for the pointers of unmapped values, and for the paths of
//! errors.

use std::fmt::Write;

/// How deep the parse is in the export's grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Level {
    /// In the file's top-level object, or in `profiles` of a wrapped export.
    #[default]
    Top,
    /// In a profile.
    Profile,
    /// In a section.
    Section,
    /// In the section's `attributes`.
    Attributes,
    /// In an entry of `attributes`.
    Attribute,
    /// In an element of the section's `events`.
    Event,
}

/// The names on the way to the place where the parse stands. A name is meaningful from its level
/// on.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) level: Level,
    /// The profiles stand in a member `profiles`.
    pub(crate) wrapped: bool,
    /// The export key is not for the paths of errors.
    pub(crate) hides_keys: bool,
    pub(crate) export_key: String,
    pub(crate) section_id: String,
    pub(crate) attribute_id: String,
    pub(crate) ordinal: i64,
}

impl Scope {
    pub(crate) fn export_key(&self) -> Option<&str> {
        (self.level != Level::Top).then_some(&self.export_key)
    }

    pub(crate) fn section_id(&self) -> Option<&str> {
        (!matches!(self.level, Level::Top | Level::Profile)).then_some(&self.section_id)
    }

    /// The JSON Pointer (RFC 6901) of this place, or of a member of it; from the profile, above
    /// that from the file's root.
    pub(crate) fn pointer(&self, member: Option<&str>) -> String {
        let mut pointer = String::new();
        if let Some(section) = self.section_id() {
            pointer.push_str("/sections");
            push_pointer(&mut pointer, section);
        }
        match self.level {
            Level::Top | Level::Profile | Level::Section => {}
            Level::Attributes => pointer.push_str("/attributes"),
            Level::Attribute => {
                pointer.push_str("/attributes");
                push_pointer(&mut pointer, &self.attribute_id);
            }
            Level::Event => {
                // Writing to a string cannot fail.
                let _ = write!(pointer, "/events/{}", self.ordinal);
            }
        }
        if let Some(member) = member {
            push_pointer(&mut pointer, member);
        }
        pointer
    }

    /// The path of this place for a person: `$."<export key>".sections."1203".events[17]`. Names
    /// that do not look like ids may be personal data, and are left out.
    pub(crate) fn path(&self) -> String {
        let mut path = String::from("$");
        if self.wrapped {
            path.push_str(".profiles");
        }
        if let Some(key) = self.export_key() {
            push_path(&mut path, if self.hides_keys { "…" } else { key });
        }
        if let Some(section) = self.section_id() {
            path.push_str(".sections");
            push_path(&mut path, section);
        }
        match self.level {
            Level::Top | Level::Profile | Level::Section => {}
            Level::Attributes => path.push_str(".attributes"),
            Level::Attribute => {
                path.push_str(".attributes");
                push_path(&mut path, &self.attribute_id);
            }
            Level::Event => {
                let _ = write!(path, ".events[{}]", self.ordinal);
            }
        }
        path
    }
}

/// The JSON Pointer of an attribute's value, from the profile.
pub(crate) fn attribute_pointer(section_id: &str, attribute_id: &str) -> String {
    let mut pointer = String::from("/sections");
    push_pointer(&mut pointer, section_id);
    pointer.push_str("/attributes");
    push_pointer(&mut pointer, attribute_id);
    pointer.push_str("/value");
    pointer
}

/// The JSON Pointer of a value in an event's data, from the profile; `steps` lead there from the data.
pub(crate) fn data_pointer(section_id: &str, ordinal: i64, steps: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut pointer = String::from("/sections");
    push_pointer(&mut pointer, section_id);
    let _ = write!(pointer, "/events/{ordinal}/data");
    for step in steps {
        push_pointer(&mut pointer, step.as_ref());
    }
    pointer
}

fn push_pointer(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

fn push_path(path: &mut String, name: &str) {
    /// Longer names are no ids.
    const ID_BYTES_MAX: usize = 128;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    let shown = name.len() <= ID_BYTES_MAX && name.bytes().all(is_id);
    let _ = write!(path, ".\"{}\"", if shown { name } else { "…" });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(level: Level) -> Scope {
        Scope {
            level,
            wrapped: false,
            hides_keys: false,
            export_key: "key-1".into(),
            section_id: "1/2".into(),
            attribute_id: "~3".into(),
            ordinal: 17,
        }
    }

    #[test]
    fn pointers_are_escaped_and_start_at_the_profile() {
        for (level, pointer) in [
            (Level::Top, ""),
            (Level::Profile, ""),
            (Level::Section, "/sections/1~12"),
            (Level::Attributes, "/sections/1~12/attributes"),
            (Level::Attribute, "/sections/1~12/attributes/~03"),
            (Level::Event, "/sections/1~12/events/17"),
        ] {
            assert_eq!(scope(level).pointer(None), pointer);
            assert_eq!(scope(level).pointer(Some("a/~")), format!("{pointer}/a~1~0"));
        }
    }

    #[test]
    fn paths_hide_what_is_no_id() {
        for (level, path) in [
            (Level::Top, "$"),
            (Level::Profile, r#"$."key-1""#),
            (Level::Section, r#"$."key-1".sections."…""#),
            (Level::Event, r#"$."key-1".sections."…".events[17]"#),
        ] {
            assert_eq!(scope(level).path(), path);
            let hiding = Scope { hides_keys: true, ..scope(level) };
            assert_eq!(hiding.path(), path.replace("key-1", "…"));
        }
    }
}
