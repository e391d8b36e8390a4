//! Numbers with a unit.

use crate::{
    args::{bytes, memory},
    storage::span,
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::time::Duration;

/// A span of time, as in `24h`, `90m` or `7d`, where a day has 24 hours.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Age(#[cfg_attr(test, schemars(with = "String"))] pub(super) Duration);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        span(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

/// A number of bytes, as in `1500`, `64K`, `256M` or `4G`.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ByteSize(#[cfg_attr(test, schemars(with = "String"))] pub(super) usize);

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = bytes(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        usize::try_from(size).map(Self).map_err(D::Error::custom)
    }
}

/// A [`ByteSize`] that the conversion can do with.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct MemorySize(#[cfg_attr(test, schemars(with = "String"))] pub(super) usize);

impl<'de> Deserialize<'de> for MemorySize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = memory(&String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        usize::try_from(size).map(Self).map_err(D::Error::custom)
    }
}
