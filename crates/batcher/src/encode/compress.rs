//! Pages to compressed pages.

use crate::writer::Codec;
use parquet::errors::{ParquetError, Result};

/// A compressor, kept from page to page for what it has allocated.
pub(crate) enum Compressor {
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
    Lz4,
    Uncompressed,
}

/// The level that makes far smaller pages than Snappy in about the same time.
const ZSTD_LEVEL: i32 = 1;

impl Compressor {
    pub(crate) fn new(codec: Codec) -> Result<Self> {
        Ok(match codec {
            Codec::Zstd => Self::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
            Codec::Snappy => Self::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Lz4 => Self::Lz4,
            Codec::Uncompressed => Self::Uncompressed,
        })
    }

    /// Compresses a page over `out`.
    pub(crate) fn compress(&mut self, page: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let failed = |error: &dyn std::error::Error| ParquetError::General(format!("cannot compress a page: {error}"));
        out.clear();
        let room = |out: &mut Vec<u8>, bytes| out.resize(bytes, 0);
        let length = match self {
            Self::Zstd(zstd) => {
                out.reserve(zstd::zstd_safe::compress_bound(page.len()));
                return zstd.compress_to_buffer(page, out).map(|_| ()).map_err(|error| failed(&error));
            }
            Self::Snappy(snappy) => {
                room(out, snap::raw::max_compress_len(page.len()));
                snappy.compress(page, out).map_err(|error| failed(&error))?
            }
            Self::Lz4 => {
                room(out, lz4_flex::block::get_maximum_output_size(page.len()));
                lz4_flex::block::compress_into(page, out).map_err(|error| failed(&error))?
            }
            Self::Uncompressed => {
                out.extend_from_slice(page);
                return Ok(());
            }
        };
        out.truncate(length);
        Ok(())
    }
}
