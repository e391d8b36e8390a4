//! The files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`, with their profiles.
//!
//! object_store does not read them. What stands in a profile is taken where the environment has no credentials of its own, or
//! names one by `AWS_PROFILE`: keys, a session token, a web identity, the region and the endpoint. What would take another
//! program or a login is refused with what to do instead.

use crate::error::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use std::{collections::HashMap, env, fs, io, path::Path};

/// The profile where nobody names one.
const DEFAULT: &str = "default";
/// A file of profiles is not longer than this, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Variables of the environment with which it has credentials of its own.
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];
/// What a profile has that is the same as a variable of the environment, which goes before it.
const SETTINGS: [(&str, AmazonS3ConfigKey); 7] = [
    ("aws_access_key_id", AmazonS3ConfigKey::AccessKeyId),
    ("aws_secret_access_key", AmazonS3ConfigKey::SecretAccessKey),
    ("aws_session_token", AmazonS3ConfigKey::Token),
    ("web_identity_token_file", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("role_arn", AmazonS3ConfigKey::RoleArn),
    ("role_session_name", AmazonS3ConfigKey::RoleSessionName),
    ("region", AmazonS3ConfigKey::Region),
];
/// What a profile may have instead of keys, and that takes more than reading.
const ELSEWHERE: [&str; 5] =
    ["source_profile", "credential_source", "credential_process", "sso_session", "sso_start_url"];

/// A profile's settings by their names.
type Profile = HashMap<String, String>;

/// Adds what a profile says, where the environment leaves it to profiles.
pub(super) fn with_profile(builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
    let named = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let has_own = CREDENTIALS.iter().any(|name| variable(name).is_some());
    if has_own && named.is_none() {
        return Ok(builder);
    }
    let files = [("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config")].map(|(name, file)| {
        variable(name)
            .map_or_else(|| env::home_dir().map(|home| home.join(".aws").join(file)), |path| Some(path.into()))
    });
    let [credentials, config] = files;
    let name = named.as_deref().unwrap_or(DEFAULT);
    let mut profile = Profile::new();
    let mut is_there = false;
    for (file, section) in [(&config, section_of(name)), (&credentials, name.to_owned())] {
        let found = file.as_deref().map(read).transpose()?.flatten().and_then(|text| parsed(&text).remove(&section));
        is_there |= found.is_some();
        profile.extend(found.unwrap_or_default());
    }
    if !is_there && named.is_some() {
        let places: Vec<_> =
            [credentials, config].into_iter().flatten().map(|path| path.display().to_string()).collect();
        return wrong(format!("there is no AWS profile `{name}` in {}", places.join(" or ")));
    }
    applied(builder, name, &profile, has_own)
}

/// How the profile's section is called in the file `config`.
fn section_of(name: &str) -> String {
    if name == DEFAULT { name.to_owned() } else { format!("profile {name}") }
}

fn applied(builder: AmazonS3Builder, name: &str, profile: &Profile, has_own: bool) -> Result<AmazonS3Builder> {
    let has_keys = profile.contains_key("aws_access_key_id") || profile.contains_key("web_identity_token_file");
    if let Some(other) = ELSEWHERE.iter().find(|other| profile.contains_key(**other)).filter(|_| !has_keys && !has_own)
    {
        return wrong(format!(
            "the AWS profile `{name}` has its credentials by `{other}`, which apsides does not follow; give it keys with \
             `aws configure export-credentials --profile {name} --format env`"
        ));
    }
    let mut builder = builder;
    for (setting, key) in SETTINGS {
        // Keys, token and role belong together: they are all the environment's, or all the profile's.
        let is_credential = key != AmazonS3ConfigKey::Region;
        if let Some(value) = profile.get(setting)
            && builder.get_config_value(&key).is_none()
            && !(is_credential && has_own)
        {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = profile.get("endpoint_url")
        && [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .all(|key| builder.get_config_value(key).is_none())
    {
        builder = builder.with_config(AmazonS3ConfigKey::Endpoint, endpoint);
    }
    Ok(builder)
}

/// The file's text, if there is one.
fn read(path: &Path) -> Result<Option<String>> {
    let failed =
        |problem: String| Error::StorageSettings { problem: format!("{} cannot be read: {problem}", path.display()) };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            return Err(failed(format!("it is larger than {FILE_BYTES_MAX} bytes")));
        }
        Ok(_) => {}
    }
    fs::read_to_string(path).map(Some).map_err(|error| failed(error.to_string()))
}

/// Sections by name, each with its settings. What is indented belongs to a setting before it, and is none of ours.
fn parsed(text: &str) -> HashMap<String, Profile> {
    let mut sections: HashMap<String, Profile> = HashMap::new();
    let mut section = None;
    for line in text.lines() {
        let is_setting = !line.starts_with([' ', '\t', '#', ';']);
        if let Some(name) = line.trim_end().strip_prefix('[').and_then(|line| line.split(']').next()) {
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            sections.entry(name.clone()).or_default();
            section = Some(name);
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_setting)
            && let Some(section) = section.as_ref().and_then(|section| sections.get_mut(section))
        {
            // A comment behind a value begins with a space.
            let value = value.split(" #").next().unwrap_or_default().split(" ;").next().unwrap_or_default();
            section.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    sections
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn wrong<T>(problem: String) -> Result<T> {
    Err(Error::StorageSettings { problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# shared
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=secret=with=signs
[profile  lake ]  ; a comment
region = eu-north-1 # of the lake
s3 =
  addressing_style = path
role_arn =
; aws_session_token = old
[profile robot]
credential_process = /bin/robot
";

    #[test]
    fn profiles_are_read_as_the_tools_write_them() {
        let sections = parsed(FILE);
        for (section, setting, expected) in [
            ("default", "aws_access_key_id", Some("AKIADEFAULT")),
            ("default", "aws_secret_access_key", Some("secret=with=signs")),
            ("profile lake", "region", Some("eu-north-1")),
            ("profile lake", "addressing_style", None),
            ("profile lake", "aws_session_token", None),
            ("profile lake", "role_arn", Some("")),
            ("profile robot", "credential_process", Some("/bin/robot")),
        ] {
            let found = sections.get(section).and_then(|section| section.get(setting)).map(String::as_str);
            assert_eq!(found, expected, "{section} {setting}");
        }
        assert_eq!(sections.len(), 3);
        assert!(parsed("a = b\n").is_empty(), "settings of no section are nobody's");
    }

    #[test]
    fn what_the_environment_says_goes_first() {
        let profile = |text: &str| parsed(&format!("[p]\n{text}")).remove("p").unwrap_or_default();
        let get = |builder: &AmazonS3Builder, key| builder.get_config_value(&key);
        let keys = "aws_access_key_id = A\naws_secret_access_key = S\naws_session_token = T\nregion = r";
        let builder = applied(AmazonS3Builder::new(), "p", &profile(keys), false).expect("a profile");
        for (key, expected) in [
            (AmazonS3ConfigKey::AccessKeyId, "A"),
            (AmazonS3ConfigKey::SecretAccessKey, "S"),
            (AmazonS3ConfigKey::Token, "T"),
            (AmazonS3ConfigKey::Region, "r"),
        ] {
            assert_eq!(get(&builder, key).as_deref(), Some(expected));
        }
        let own = AmazonS3Builder::new().with_access_key_id("E").with_secret_access_key("X").with_region("e");
        let builder = applied(own, "p", &profile(keys), true).expect("a profile");
        assert_eq!(get(&builder, AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("E"));
        assert_eq!(get(&builder, AmazonS3ConfigKey::Token), None, "keys and token belong together");
        assert_eq!(get(&builder, AmazonS3ConfigKey::Region).as_deref(), Some("e"));
        for (text, is_refused) in [
            ("credential_process = x", true),
            ("sso_session = x", true),
            ("source_profile = x\nrole_arn = y", true),
            ("credential_process = x\naws_access_key_id = A", false),
            ("role_arn = y\nweb_identity_token_file = t", false),
            ("region = r", false),
        ] {
            let refused =
                applied(AmazonS3Builder::new(), "p", &profile(text), false).err().map(|error| error.to_string());
            assert_eq!(refused.is_some(), is_refused, "{text}: {refused:?}");
        }
    }
}
