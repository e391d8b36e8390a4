//! How files are cut, and what is taken for an export.

use apsides_batcher::{Codec, Options};
use clap::{Args as ClapArgs, ValueEnum};

/// How the Parquet files are cut and compressed.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Files")]
pub(crate) struct Files {
    /// Compression of the pages
    #[arg(long, value_enum, default_value_t, value_name = "CODEC")]
    pub(crate) codec: CodecName,
    /// Close a file that has reached this size, and begin the next
    #[arg(long, value_parser = bytes, default_value = "512M", value_name = "SIZE")]
    pub(crate) file_size: u64,
    /// The most rows of a row group
    #[arg(long, default_value_t = 1 << 20, value_name = "ROWS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) row_group_rows: u32,
    /// Give row groups bloom filters of their export keys, so that readers who look for one profile skip the others
    #[arg(long)]
    pub(crate) bloom_filters: bool,
    /// The most bytes of all row groups under construction together, before they are encoded [default: what the
    /// memory limit allows, 64M of 192M]
    #[arg(long, value_parser = bytes, value_name = "SIZE")]
    pub(crate) row_group_size: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum CodecName {
    #[default]
    Zstd,
    Snappy,
    Lz4,
    None,
}

impl From<CodecName> for Codec {
    fn from(name: CodecName) -> Self {
        match name {
            CodecName::Zstd => Self::Zstd,
            CodecName::Snappy => Self::Snappy,
            CodecName::Lz4 => Self::Lz4,
            CodecName::None => Self::Uncompressed,
        }
    }
}

/// What is still taken for an export, and what may be used for it.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    #[command(flatten)]
    pub(crate) tokens: TokenLimits,
    /// Memory that the program stays within, at least 48M, if no single value is larger than 1/32 of it
    #[arg(long, value_parser = memory, default_value = "192M", value_name = "SIZE")]
    pub(crate) memory_limit: u64,
    /// Threads that encode, besides the one that reads, which helps where they are behind [default: one less than there are
    /// processors]
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<std::num::NonZeroU16>,
}

/// What is still taken for an export.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Limits")]
pub(crate) struct TokenLimits {
    /// The longest single text, number or raw value
    #[arg(long, value_parser = bytes, default_value = "64M", value_name = "SIZE")]
    pub(crate) max_value_size: u64,
    /// The deepest nesting
    #[arg(long, default_value_t = 1024, value_name = "LEVELS")]
    pub(crate) max_depth: u16,
}

impl TokenLimits {
    pub(crate) fn tokenizer(&self) -> apsides_tokenizer::Limits {
        let bytes = usize::try_from(self.max_value_size).unwrap_or(usize::MAX);
        apsides_tokenizer::Limits {
            token_bytes_max: bytes,
            raw_bytes_max: bytes,
            depth_max: self.max_depth,
            ..apsides_tokenizer::Limits::default()
        }
    }
}

/// A number of bytes: `1500`, `64K`, `256M`, `4G`, `1GiB`; powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let shift = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("`{unit}` is no unit of size; write 1500, 64K, 256M or 4G")),
    };
    let number: u64 = number.parse().map_err(|_| "a size is a whole number, as in 256M".to_owned())?;
    number.checked_mul(1 << shift).filter(|&bytes| bytes > 0).ok_or_else(|| "this size cannot be used".to_owned())
}

/// A number of bytes that the conversion can do with.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    let memory = bytes(text)?;
    if memory < Options::MEMORY_MIN as u64 {
        return Err(format!("it takes at least {}M", Options::MEMORY_MIN >> 20));
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("1", Some(1)),
            ("64K", Some(65_536)),
            ("4G", Some(4 << 30)),
            ("1 MiB", Some(1 << 20)),
            ("2mb", Some(2 << 20)),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
        for wrong in ["", "0", "G", "1x", "-1", "1.5G", "99999999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
