//! Which trace a run is a part of: that of whoever started it, as `TRACEPARENT` says, or one of its own.
//!
//! The variable has what the header of <https://www.w3.org/TR/trace-context/> has.

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: u128,
    /// The span that has started the run.
    pub(super) parent: Option<u64>,
    /// Whether anybody wants the trace.
    pub(super) is_sampled: bool,
}

impl Context {
    /// That of a run with this UUID, whose digits are its trace, where there is no other: the seven bytes at its end are
    /// random, as samplers want them.
    pub(super) fn of(trace_parent: Option<&str>, uuid: &str) -> Self {
        if let Some(text) = trace_parent {
            match parse(text) {
                Some(context) => return context,
                None => {
                    tracing::warn!("TRACEPARENT is ignored: it is not 00-<trace>-<span>-<flags>, in lower-case digits")
                }
            }
        }
        let trace = u128::from_str_radix(&uuid.replace('-', ""), 16).expect("a UUID is digits");
        Self { trace, parent: None, is_sampled: true }
    }
}

fn parse(text: &str) -> Option<Context> {
    let mut parts = text.split('-');
    let mut hex = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| u128::from_str_radix(part, 16).ok()).flatten()
    };
    let (version, trace, parent, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    // Later versions may have more behind it.
    let is_valid = version != 0xff && trace != 0 && parent != 0 && (version > 0 || parts.next().is_none());
    let parent = u64::try_from(parent).ok()?;
    is_valid.then_some(Context { trace, parent: Some(parent), is_sampled: flags & 1 == 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_read_as_w3c_writes_them() {
        let (trace, parent) = (0x0af7651916cd43dd8448eb211c80319c, 0xb7ad6b7169203331);
        let valid = |is_sampled| Some(Context { trace, parent: Some(parent), is_sampled });
        for (text, expected) in [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", valid(true)),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", valid(true)),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", valid(false)),
            ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-will-be", valid(true)),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", None),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", None),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", None),
            ("00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01", None),
            ("00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        let own = Context::of(Some("wrong"), "01a20f09-56c0-7fff-bfff-ffffffffffff");
        assert_eq!(own, Context { trace: 0x01a20f0956c07fffbfffffffffffffff, parent: None, is_sampled: true });
    }
}
