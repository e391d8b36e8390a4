//! Sections 3 and 6: literals and numbers.

use crate::{common::expected, itself, no, ok};
use apsides_tokenizer::{ErrorKind, Expected};

use ErrorKind::{InvalidNumber, TrailingData, UnexpectedEnd};
use Expected::{CommaOrArrayEnd, CommaOrObjectEnd, Literal, Value, ValueOrArrayEnd};

// ---- 3: value = false / null / true / object / array / number / string ----

#[test]
fn s3_literals() {
    itself("true");
    itself("false");
    itself("null");
    ok("[true,false,null]", "[ true false null ]");
    ok("[ true , false , null ]", "[ true false null ]");
    ok(r#"{"t":true,"f":false,"n":null}"#, r#"{ "t": true "f": false "n": null }"#);
    ok(r#"["true","false","null"]"#, r#"[ "true" "false" "null" ]"#);
}

#[test]
fn s3_literals_cut_short() {
    no("t", UnexpectedEnd, 1);
    no("tr", UnexpectedEnd, 2);
    no("tru", UnexpectedEnd, 3);
    no("f", UnexpectedEnd, 1);
    no("fa", UnexpectedEnd, 2);
    no("fal", UnexpectedEnd, 3);
    no("fals", UnexpectedEnd, 4);
    no("n", UnexpectedEnd, 1);
    no("nu", UnexpectedEnd, 2);
    no("nul", UnexpectedEnd, 3);
    no("[nul", UnexpectedEnd, 4);
    no("[nul]", expected(Literal), 4);
    no("[tru,1]", expected(Literal), 4);
    no("[fals ]", expected(Literal), 5);
    no("[f]", expected(Literal), 2);
    no("{\"a\":n}", expected(Literal), 6);
    no("{\"a\":tru\"b\"}", expected(Literal), 8);
}

#[test]
fn s3_literals_are_in_small_letters_and_whole() {
    no("tRue", expected(Literal), 1);
    no("trUe", expected(Literal), 2);
    no("truE", expected(Literal), 3);
    no("trux", expected(Literal), 3);
    no("t rue", expected(Literal), 1);
    no("tr\nue", expected(Literal), 2);
    no("nil", expected(Literal), 1);
    no("none", expected(Literal), 1);
    no("nulL", expected(Literal), 3);
    no("fa1se", expected(Literal), 2);
    no("falze", expected(Literal), 3);
    no("ture", expected(Literal), 1);
    no("True", expected(Value), 0);
    no("FALSE", expected(Value), 0);
    no("NULL", expected(Value), 0);
    no("NaN", expected(Value), 0);
    no("[Infinity]", expected(ValueOrArrayEnd), 1);
    no("undefined", expected(Value), 0);
    no("yes", expected(Value), 0);
    no("[rue]", expected(ValueOrArrayEnd), 1);
    no("[1,ull]", expected(Value), 3);
}

#[test]
fn s3_nothing_follows_a_literal_at_once() {
    no("nullx", TrailingData, 4);
    no("nulll", TrailingData, 4);
    no("truetrue", TrailingData, 4);
    no("true1", TrailingData, 4);
    no("true\"\"", TrailingData, 4);
    no("false-", TrailingData, 5);
    no("false[", TrailingData, 5);
    no("[truefalse]", expected(CommaOrArrayEnd), 5);
    no("[falsey]", expected(CommaOrArrayEnd), 6);
    no("[null0]", expected(CommaOrArrayEnd), 5);
    no("[null.]", expected(CommaOrArrayEnd), 5);
    no("[true\"\"]", expected(CommaOrArrayEnd), 5);
    no("[null{}]", expected(CommaOrArrayEnd), 5);
    no("[nulltrue,false]", expected(CommaOrArrayEnd), 5);
    no("{\"a\":nullnull}", expected(CommaOrObjectEnd), 9);
    no("{\"a\":true\"b\":1}", expected(CommaOrObjectEnd), 9);
    no("[\"a\"null]", expected(CommaOrArrayEnd), 4);
    no("[1true]", expected(CommaOrArrayEnd), 2);
    no("[1null]", expected(CommaOrArrayEnd), 2);
    no("[1false]", expected(CommaOrArrayEnd), 2);
}

// ---- 6: number = [ - ] int [ frac ] [ exp ] ----

#[test]
fn s6_numbers() {
    for number in [
        "0",
        "-0",
        "1",
        "-1",
        "9",
        "10",
        "100",
        "1234567890",
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551616",
        "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "0.0",
        "-0.0",
        "0.5",
        "-0.5",
        "0.00",
        "0.01",
        "10.01",
        "1.10",
        "1.000000000000000000000000000000000001",
        "0e0",
        "0E0",
        "-0e-0",
        "0e00",
        "1e5",
        "1E5",
        "1e+5",
        "1E+5",
        "1e-5",
        "1E-5",
        "1E+05",
        "1e00",
        "10e10",
        "0.5e1",
        "1.5e07",
        "-1.5e-07",
        "0.1e999999999",
        "1e-999999999",
        "1.7976931348623157e308",
        "5e-324",
    ] {
        itself(number);
        ok(format!("[{number}]"), &format!("[ {number} ]"));
        ok(format!("[{number},{number} ,\t{number}\n]"), &format!("[ {number} {number} {number} ]"));
        ok(format!(" {number}\n"), number);
        ok(format!("{{\"n\":{number},\"m\":{number}}}"), &format!("{{ \"n\": {number} \"m\": {number} }}"));
    }
}

#[test]
fn s6_numbers_cut_short() {
    // Where something is missing at the end of the input, more might have come.
    no("-", UnexpectedEnd, 1);
    no("1.", UnexpectedEnd, 2);
    no("-0.", UnexpectedEnd, 3);
    no("1e", UnexpectedEnd, 2);
    no("1E", UnexpectedEnd, 2);
    no("1e+", UnexpectedEnd, 3);
    no("1e-", UnexpectedEnd, 3);
    no("1.5E-", UnexpectedEnd, 5);
    no("[-", UnexpectedEnd, 2);
    no("[1.", UnexpectedEnd, 3);
    no("{\"a\":1e", UnexpectedEnd, 7);
    for (number, at) in [("-", 1), ("1.", 2), ("-0.", 3), ("1e", 2), ("1E", 2), ("1e+", 3), ("0e-", 3), ("1.5E-", 5)] {
        for behind in [" ", "]", ",", "\n", "x", "\"", ":", "}", "[", "\0", "é"] {
            no(format!("{number}{behind}"), InvalidNumber, at);
            no(format!("[{number}{behind}1]"), InvalidNumber, at + 1);
            no(format!("{{\"a\":{number}{behind}"), InvalidNumber, at + 5);
        }
    }
}

#[test]
fn s6_a_sign_is_a_minus_before_a_digit() {
    no("+1", expected(Value), 0);
    no("[+1]", expected(ValueOrArrayEnd), 1);
    no("[1,+1]", expected(Value), 3);
    no("+", expected(Value), 0);
    no("- 1", InvalidNumber, 1);
    no("-a", InvalidNumber, 1);
    no("--1", InvalidNumber, 1);
    no("-+1", InvalidNumber, 1);
    no("-.5", InvalidNumber, 1);
    no("-e5", InvalidNumber, 1);
    no("-Infinity", InvalidNumber, 1);
    no("-NaN", InvalidNumber, 1);
    no("-\"1\"", InvalidNumber, 1);
    no("[-]", InvalidNumber, 2);
    no("[-,1]", InvalidNumber, 2);
    no("1-", InvalidNumber, 1);
    no("1-2", InvalidNumber, 1);
    no("1+2", InvalidNumber, 1);
    no("[1-1]", InvalidNumber, 2);
    no("1--", InvalidNumber, 1);
    // A minus of another width.
    no("−1", expected(Value), 0);
}

#[test]
fn s6_an_integer_has_no_leading_zero() {
    no("00", InvalidNumber, 1);
    no("01", InvalidNumber, 1);
    no("-00", InvalidNumber, 2);
    no("-01", InvalidNumber, 2);
    no("00.5", InvalidNumber, 1);
    no("012345678901234567890123456789", InvalidNumber, 1);
    no("[1,01]", InvalidNumber, 4);
    no("[01,1]", InvalidNumber, 2);
    no("{\"a\":09}", InvalidNumber, 6);
}

#[test]
fn s6_a_fraction_is_a_point_between_digits() {
    no(".5", expected(Value), 0);
    no("[.5]", expected(ValueOrArrayEnd), 1);
    no("{\"a\":.5}", expected(Value), 5);
    no("1.e5", InvalidNumber, 2);
    no("1..5", InvalidNumber, 2);
    no("1.2.3", InvalidNumber, 3);
    no("1.2.", InvalidNumber, 3);
    no("1.-5", InvalidNumber, 2);
    no("1.+5", InvalidNumber, 2);
    no("1.5-", InvalidNumber, 3);
    no("{\"a\":1.}", InvalidNumber, 7);
    no("[1,5.]", InvalidNumber, 5);
    no("1,5", TrailingData, 1);
}

#[test]
fn s6_an_exponent_is_an_integer() {
    no("e5", expected(Value), 0);
    no("E5", expected(Value), 0);
    no("[e5]", expected(ValueOrArrayEnd), 1);
    no("1ee5", InvalidNumber, 2);
    no("1eE5", InvalidNumber, 2);
    no("1e5.5", InvalidNumber, 3);
    no("1e5e5", InvalidNumber, 3);
    no("1e5E", InvalidNumber, 3);
    no("1e.5", InvalidNumber, 2);
    no("1e+-5", InvalidNumber, 3);
    no("1e++5", InvalidNumber, 3);
    no("1e5+", InvalidNumber, 3);
    no("1e5-3", InvalidNumber, 3);
    no("1.5e5.", InvalidNumber, 5);
    no("0e5e", InvalidNumber, 3);
}

#[test]
fn s6_nothing_else_is_a_number() {
    no("0x10", TrailingData, 1);
    no("0b1", TrailingData, 1);
    no("0o7", TrailingData, 1);
    no("1a", TrailingData, 1);
    no("1f", TrailingData, 1);
    no("1_000", TrailingData, 1);
    no("1 000", TrailingData, 2);
    no("1'000", TrailingData, 1);
    no("[1a]", expected(CommaOrArrayEnd), 2);
    no("[0x1]", expected(CommaOrArrayEnd), 2);
    no("[1 2]", expected(CommaOrArrayEnd), 3);
    no("[1.5x]", expected(CommaOrArrayEnd), 4);
    no("[1e5x]", expected(CommaOrArrayEnd), 4);
    no("{\"a\":1_0}", expected(CommaOrObjectEnd), 6);
    // Its first byte could begin a byte-order mark.
    no("１", expected(Value), 1);
    no("[１]", expected(ValueOrArrayEnd), 1);
    no("1٣", TrailingData, 1);
}
