//! Times as the export writes them: milliseconds since the Unix epoch, in any spelling of a whole
//! number.

use apsides_tokenizer::Number;

/// The microseconds of a whole number of milliseconds: `1700000000000`, `1.7e12`,
/// `1700000000000.0`. None where the number is not whole, or its microseconds do not fit.
pub(crate) fn micros(milliseconds: Number<'_>) -> Option<i64> {
    whole(milliseconds)?.checked_mul(1000)
}

/// A number that is whole, in any spelling, and fits.
pub(crate) fn whole(number: Number<'_>) -> Option<i64> {
    number.to_i64().or_else(|| whole_number(number.text()))
}

/// The exact value of a number that is whole though it is written with a fraction or exponent.
fn whole_number(text: &str) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (negative, integer) = match integer.strip_prefix('-') {
        Some(integer) => (true, integer),
        None => (false, integer),
    };
    // The value is the digits as one number, times ten to `shift`.
    let digits = format!("{integer}{fraction}");
    let trimmed = digits.trim_end_matches('0');
    if trimmed.is_empty() {
        return Some(0);
    }
    let zeros = (digits.len() - trimmed.len()) as i64;
    // An exponent beyond i64 is beyond any whole number that fits, or far below one.
    let exponent: i64 = exponent.parse().ok()?;
    let shift = exponent.checked_sub(fraction.len() as i64)?.checked_add(zeros)?;
    let magnitude: i64 = trimmed.parse().ok()?;
    let power = 10_i64.checked_pow(u32::try_from(shift).ok()?)?;
    let signed = if negative { -magnitude } else { magnitude };
    signed.checked_mul(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_whole_number_is_the_same_time() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-0.0", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("0.000e5", Some(0)),
            ("1700000000000", Some(1_700_000_000_000_000)),
            ("1.7e12", Some(1_700_000_000_000_000)),
            ("1.7E+12", Some(1_700_000_000_000_000)),
            ("1700000000000.000", Some(1_700_000_000_000_000)),
            ("170000000000000e-2", Some(1_700_000_000_000_000)),
            ("0.0017e15", Some(1_700_000_000_000_000)),
            ("-1", Some(-1_000)),
            ("-1.5e1", Some(-15_000)),
            ("1.5", None),
            ("15e-1", None),
            ("150e-1", Some(15_000)),
            ("1e-999999999999999999999", None),
            ("1e400", None),
            ("9223372036854775", Some(9_223_372_036_854_775_000)),
            ("9223372036854776", None),
            ("-9223372036854775", Some(-9_223_372_036_854_775_000)),
            ("-9223372036854776", None),
            ("9.223372036854775e15", Some(9_223_372_036_854_775_000)),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(micros(Number::parse(text).expect(text)), expected, "{text}");
        }
    }
}
