//! Offsets are true beyond 4 GiB, where 32 bits end. The input is made as it is read, in pieces as
//! large as the window, so that it takes seconds.

use apsides_tokenizer::{ErrorKind, Expected, Token, Tokens};
use std::io::{self, Read};

const SPACES: u64 = (4 << 30) + 12_345;

fn spaces() -> impl Read {
    io::repeat(b' ').take(SPACES)
}

#[test]
fn offsets_beyond_4_gib_are_true() {
    let mut tokens = Tokens::new(b"[1,".chain(spaces()).chain(&b"{\"key\": 2}, ?]"[..]));
    tokens.pull().expect("an array");
    tokens.pull().expect("a number");
    assert_eq!((tokens.offset(), tokens.consumed()), (1, 2));
    assert_eq!(tokens.pull().expect("an object"), Some(Token::ObjectStart));
    assert_eq!((tokens.offset(), tokens.consumed()), (SPACES + 3, SPACES + 4));
    assert_eq!(tokens.raw().expect("a key"), "\"key\"");
    assert_eq!((tokens.offset(), tokens.consumed()), (SPACES + 4, SPACES + 9));
    assert_eq!(tokens.raw().expect("a value"), "2");
    assert_eq!((tokens.offset(), tokens.consumed()), (SPACES + 11, SPACES + 12));
    assert_eq!(tokens.pull().expect("the end of the object"), Some(Token::ObjectEnd));
    let error = tokens.pull().expect_err("a question mark is no value");
    assert_eq!(error.kind(), ErrorKind::Unexpected { expected: Expected::Value });
    assert_eq!(error.offset(), SPACES + 15);
    assert!(error.to_string().ends_with("at byte 4294979656"), "{error}");
}
