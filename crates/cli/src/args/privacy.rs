//! What is withheld from the tables, by the words of the command line.

use crate::failure::{Exit, Failure};
use apsides_batcher::{PrivacyRules, Treatment};
use clap::Args as ClapArgs;
use std::path::PathBuf;

/// What is withheld from the tables.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Privacy")]
pub(crate) struct Privacy {
    /// Leave out an attribute or tag (version id, discriminator or name), or a member of events' data (EVENT/MEMBER,
    /// or */MEMBER); can be repeated, as the next two
    #[arg(long, value_name = "NAME")]
    pub(crate) drop: Vec<String>,
    /// Put its HMAC-SHA-256 in the place of a value
    #[arg(long, value_name = "NAME", requires = "hash_key_file")]
    pub(crate) hash: Vec<String>,
    /// Put *** in the place of a value
    #[arg(long, value_name = "NAME")]
    pub(crate) mask: Vec<String>,
    /// Hash the export keys, the same way in every table
    #[arg(long, requires = "hash_key_file")]
    pub(crate) hash_export_keys: bool,
    /// A file with the secret key of the hashes, at least 16 bytes
    #[arg(long, value_name = "FILE")]
    pub(crate) hash_key_file: Option<PathBuf>,
}

impl Privacy {
    /// The rules, with the key that is in the file.
    pub(crate) fn rules(&self) -> Result<PrivacyRules, Failure> {
        let key = self.hash_key_file.as_ref().map(|path| {
            std::fs::read_to_string(path).map_err(|error| {
                let message = format!("the key for hashing, {}, cannot be read: {error}", path.display());
                Failure::new(Exit::Configuration, message).next("check the path and its permissions")
            })
        });
        let key = key.transpose()?.map(|key| key.trim_end_matches(['\r', '\n']).to_owned());
        let mut rules = PrivacyRules { hash_export_key: self.hash_export_keys, key, ..PrivacyRules::default() };
        for (names, treatment) in
            [(&self.drop, Treatment::Drop), (&self.hash, Treatment::Hash), (&self.mask, Treatment::Mask)]
        {
            for name in names {
                let kind = if name.contains('/') { &mut rules.members } else { &mut rules.attributes };
                kind.push((name.clone(), treatment));
            }
        }
        Ok(rules)
    }
}
