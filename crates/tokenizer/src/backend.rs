//! Which instructions the structural index is built with.

use std::{fmt, str::FromStr, sync::OnceLock};

/// An implementation of the structural index. All give the same tokens and the same errors; they
/// differ in speed.
///
/// Unless [`Options::backend`](crate::Options::backend) says otherwise, the environment variable
/// `APSIDES_SIMD` does (`avx512`, `avx2`, `neon`, `scalar`), and unless that is set, the fastest that
/// this processor has is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// 64 bytes at a time, on x86-64 with AVX-512 (F, BW, DQ, VBMI and VBMI2) and BMI.
    Avx512,
    /// 32 bytes at a time, on x86-64 with AVX2, BMI and PCLMULQDQ.
    Avx2,
    /// 16 bytes at a time, on AArch64.
    Neon,
    /// 8 bytes at a time, in plain Rust, anywhere.
    Scalar,
}

impl Backend {
    /// All there are, the fastest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Scalar];

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("avx512vbmi2")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("lzcnt")
                    && is_x86_feature_detected!("popcnt")
                    && is_x86_feature_detected!("pclmulqdq")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            Self::Scalar => true,
            #[allow(unreachable_patterns, reason = "which are left depends on the processor")]
            _ => false,
        }
    }

    /// Those that this processor can run, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|backend| backend.is_available())
    }

    /// What is taken unless a tokenizer is told otherwise: the one that `APSIDES_SIMD` names if this
    /// processor can run it, else the fastest. It is decided once in a process.
    pub fn preferred() -> Self {
        static PREFERRED: OnceLock<Backend> = OnceLock::new();
        *PREFERRED.get_or_init(|| {
            let named = std::env::var("APSIDES_SIMD").ok().and_then(|name| name.parse().ok());
            named.filter(|backend: &Self| backend.is_available()).unwrap_or_else(Self::fastest)
        })
    }

    fn fastest() -> Self {
        Self::available().next().unwrap_or(Self::Scalar)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Scalar => "scalar",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A name that is none of a [`Backend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBackend;

impl fmt::Display for UnknownBackend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("expected `avx512`, `avx2`, `neon` or `scalar`")
    }
}

impl std::error::Error for UnknownBackend {}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Self::ALL.into_iter().find(|backend| backend.name() == name).ok_or(UnknownBackend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test that runs on all that are available says nothing of those that are not: here they must be.
    #[test]
    fn what_every_processor_of_an_architecture_has_is_available() {
        assert!(Backend::Scalar.is_available());
        assert_eq!(Backend::Neon.is_available(), cfg!(target_arch = "aarch64"));
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for backend in Backend::ALL {
            assert_eq!(backend.to_string().parse(), Ok(backend));
        }
        assert_eq!("AVX2".parse::<Backend>(), Err(UnknownBackend));
    }
}
