//! The only place with `unsafe` code: the kernels of the structural index for each processor, reading
//! where its marks point, and texts of bytes that are known to be UTF-8.
//!
//! The algorithm is the same for all and knows nothing of processors ([`crate::index`]); here it is
//! compiled for each set of instructions, and the one to run is chosen.

#![allow(unsafe_code, reason = "this module is where it is allowed; each block says why it is sound")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub(crate) mod marked;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
pub(crate) mod text;

use crate::{
    backend::Backend,
    index::{
        self, Stretch,
        marks::{self, Marks},
    },
};
use scalar::Scalar;

/// Indexes a stretch, if it is right, and gives how many tokens start in it. A backend that this processor does not have must
/// not come here: [`index::Index`] asks before it takes one.
pub(crate) fn index(backend: Backend, stretch: &mut Stretch<'_>) -> Option<usize> {
    match backend {
        // SAFETY: the processor has the instructions, as `Backend::is_available` has said when the
        // backend was chosen.
        #[cfg(target_arch = "x86_64")]
        Backend::Avx512 => unsafe { avx512::run(stretch) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Backend::Avx2 => unsafe { avx2::run(stretch) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Backend::Neon => unsafe { neon::run(stretch) },
        _ => index::index::<Scalar>(stretch),
    }
}

/// Writes the marks of so many blocks, or of all if there are fewer.
pub(crate) fn write(backend: Backend, marks: &mut Marks, blocks: usize) {
    match backend {
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Backend::Avx512 => unsafe { avx512::write(marks, blocks) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Backend::Avx2 => unsafe { avx2::write(marks, blocks) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Backend::Neon => unsafe { neon::write(marks, blocks) },
        _ => marks::write::<Scalar>(marks, blocks),
    }
}
