//! The code of the README compiles and does what it says: it stands here once more, word for word.

mod quick_start {
    use apsides_tokenizer::{Error, Token, Tokens};
    use std::io::Read;

    /// Adds up the `price` of each item in `{"items":[{"price":…},…],…}`, of any length.
    fn total(json: impl Read) -> Result<f64, Error> {
        let mut tokens = Tokens::new(json);
        let mut total = 0.0;
        tokens.enter_object()?;
        while let Some(Token::Key(key)) = tokens.pull()? {
            if !key.is("items") {
                tokens.skip()?; // Checked as strictly as the rest.
                continue;
            }
            tokens.pull()?; // The array's start.
            while tokens.enter_object()? {
                while let Some(Token::Key(key)) = tokens.pull()? {
                    if !key.is("price") {
                        tokens.skip()?;
                    } else if let Some(Token::Number(price)) = tokens.scalar()? {
                        total += price.to_f64();
                    }
                }
            }
            tokens.pull()?; // The array's end.
        }
        tokens.pull()?; // The document's end: nothing follows.
        Ok(total)
    }

    #[test]
    fn main() {
        let json = r#"{"shop":{"open":true},"items":[{"name":"tea","price":4.5},{"price":2}]}"#;
        assert_eq!(total(json.as_bytes()).expect("it is JSON"), 6.5);
        // Cut short, it is refused, and the error says where.
        let error = total(&json.as_bytes()[..40]).expect_err("it is cut");
        assert_eq!(error.to_string(), "the input ends before the document does at byte 40");
    }
}

mod calls {
    use apsides_tokenizer::{Next, Token, Tokens};

    #[test]
    fn main() -> Result<(), apsides_tokenizer::Error> {
        let json = r#"{"n\u0061me": "Zo\u00eb", "id": 9007199254740993, "rest": {"kept": 1.50}}"#;
        let mut tokens = Tokens::new(json.as_bytes());
        let mut scratch = String::new();
        tokens.enter_object()?;
        while tokens.peek()? == Next::Key {
            let Some(Token::Key(key)) = tokens.pull()? else { unreachable!("it was announced") };
            if key.is("name") {
                let Some(Token::String(name)) = tokens.scalar()? else { panic!("a name is a string") };
                assert_eq!(name.decode(&mut scratch).text, "Zoë");
            } else if key.is("id") {
                let Some(Token::Number(id)) = tokens.scalar()? else { panic!("an id is a number") };
                assert_eq!(id.to_i64(), Some(9_007_199_254_740_993));
            } else {
                assert_eq!(tokens.raw()?, r#"{"kept": 1.50}"#);
            }
        }
        Ok(())
    }
}

mod errors {
    use apsides_tokenizer::{ErrorKind, Expected, Limits, Tokens};

    #[test]
    fn main() {
        let refused = |json: &str| {
            let limits = Limits { depth_max: 3, ..Limits::default() };
            let error = Tokens::with_limits(json.as_bytes(), limits).skip().expect_err("it is refused");
            (error.kind(), error.offset())
        };
        assert_eq!(refused("[1,]"), (ErrorKind::Unexpected { expected: Expected::Value }, 3));
        assert_eq!(refused("[01]"), (ErrorKind::InvalidNumber, 2));
        assert_eq!(refused("[\"\t\"]"), (ErrorKind::ControlCharacter, 2));
        assert_eq!(refused("[[[[]]]]"), (ErrorKind::TooDeep { limit: 3 }, 3));
    }
}

mod backends {
    use apsides_tokenizer::{Backend, Options, Tokens};

    #[test]
    fn main() -> Result<(), apsides_tokenizer::Error> {
        for backend in Backend::available() {
            let options = Options { backend: Some(backend), ..Options::default() };
            Tokens::with_options("[1, 2, 3]".as_bytes(), options).skip()?;
        }
        Ok(())
    }
}

#[test]
fn it_is_the_code_of_the_readme() {
    let lines = |text: &str| {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    let readme = include_str!("../README.md");
    let here = lines(&include_str!("readme.rs").replace("#[test]\n    fn main", "fn main"));
    let blocks: Vec<&str> = readme.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 4);
    for block in blocks {
        let block = lines(block);
        assert!(here.windows(block.len()).any(|window| window == block), "{block:#?}");
    }
}
