//! The least and the greatest value of a page or a column chunk, by which readers leave it out.

use arrow::{
    array::{PrimitiveArray, StringArray},
    compute::{max, min},
    datatypes::TimestampMicrosecondType,
};
use parquet::{
    data_type::ByteArray,
    file::statistics::{Statistics, ValueStatistics},
};

/// Longer texts are not kept as bounds as they are: nobody looks for them.
pub(super) const TEXT_BYTES_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Range {
    Times { min: i64, max: i64 },
    Texts { min: Box<str>, max: Box<str> },
}

impl Range {
    /// None if there is no time.
    pub(crate) fn of_times(times: &PrimitiveArray<TimestampMicrosecondType>) -> Option<Self> {
        Some(Self::Times { min: min(times)?, max: max(times)? })
    }

    /// None if there is no text, or a bound is long.
    pub(crate) fn of_texts(texts: &StringArray) -> Option<Self> {
        let (min, max) = least_and_greatest(texts)?;
        (min.len().max(max.len()) <= TEXT_BYTES_MAX).then(|| Self::Texts { min: min.into(), max: max.into() })
    }

    /// The range of both. They are of one column.
    pub(crate) fn merge(self, other: Self) -> Self {
        match (self, other) {
            (Self::Times { min, max }, Self::Times { min: other_min, max: other_max }) => {
                Self::Times { min: min.min(other_min), max: max.max(other_max) }
            }
            (Self::Texts { min, max }, Self::Texts { min: other_min, max: other_max }) => {
                Self::Texts { min: min.min(other_min), max: max.max(other_max) }
            }
            (one, _) => one,
        }
    }

    /// Both of its bounds are at least those of the other.
    pub(crate) fn follows(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Times { min, max }, Self::Times { min: other_min, max: other_max }) => {
                min >= other_min && max >= other_max
            }
            (Self::Texts { min, max }, Self::Texts { min: other_min, max: other_max }) => {
                min >= other_min && max >= other_max
            }
            _ => false,
        }
    }

    pub(crate) fn statistics(&self, nulls: u64) -> Statistics {
        match self {
            Self::Times { min, max } => {
                Statistics::Int64(ValueStatistics::new(Some(*min), Some(*max), None, Some(nulls), false))
            }
            Self::Texts { min, max } => {
                let bound = |text: &str| Some(ByteArray::from(text));
                Statistics::ByteArray(ValueStatistics::new(bound(min), bound(max), None, Some(nulls), false))
            }
        }
    }

    /// The bounds as they stand in a column index.
    pub(crate) fn bounds(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Self::Times { min, max } => (min.to_le_bytes().to_vec(), max.to_le_bytes().to_vec()),
            Self::Texts { min, max } => (min.as_bytes().to_vec(), max.as_bytes().to_vec()),
        }
    }
}

/// None if there is no text.
pub(super) fn least_and_greatest(texts: &StringArray) -> Option<(&str, &str)> {
    let mut values = texts.iter().flatten();
    let first = values.next()?;
    Some(values.fold((first, first), |(min, max), text| (min.min(text), max.max(text))))
}
