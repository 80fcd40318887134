use std::collections::HashMap;

use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::*;
use crate::recording::escape::is_escaped;

fn limited(limit: usize, write: impl FnOnce(&mut Cut<'_>)) -> Value {
    let mut out = Vec::new();
    let mut cut = Cut {
        out: &mut out,
        base: 0,
        limit,
    };
    write(&mut cut);
    assert!(out.len() <= 2 * limit + 200, "{} bytes", out.len());
    serde_json::from_slice(&out)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

#[test]
fn members_are_separated_by_commas() {
    let mut out = Vec::new();
    let mut cut = Cut::new(&mut out);
    cut.key("model").value("gpt-4o");
    cut.key("pro\"mpt").raw("[1]");
    assert_eq!(out, br#""model":"gpt-4o","pro\"mpt":[1]"#);
}

#[test]
fn a_value_that_fits_is_written_whole() {
    assert_eq!(
        limited(1000, |cut| cut.value(&vec![1, 2, 3])),
        serde_json::json!([1, 2, 3])
    );
    assert_eq!(limited(1000, |cut| cut.value(&f64::NAN)), Value::Null);
}

#[test]
fn a_long_text_is_cut_at_every_length_to_valid_json() {
    let text = "aé\"\\\n\u{1}\u{1f600}b".repeat(9);
    for limit in 64..200 {
        let cut = limited(limit, |cut| cut.value(&text));
        if let Some(prefix) = cut["prefix"].as_str() {
            assert_eq!(cut["truncated"], true);
            assert!(cut["size_at_least"].as_u64().expect("a number") > limit as u64);
            assert!(text.starts_with(prefix), "{limit}: {prefix:?}");
        } else {
            assert_eq!(cut, Value::from(text.as_str()));
        }
        let cut = limited(limit, |cut| cut.debug(&text));
        assert!(cut["prefix"].is_string() || cut.is_string());
    }
}

#[test]
fn every_byte_that_is_escaped_is_found_wherever_it_stands() {
    for length in 1..40 {
        for at in 0..length {
            for byte in 0..128 {
                let mut text = vec![b'~'; length];
                text[at] = byte;
                let text = String::from_utf8(text).expect("ASCII");
                assert_eq!(
                    needs_escapes(&text),
                    is_escaped(byte),
                    "{byte} at {at} of {length}"
                );
            }
        }
    }
    assert!(!needs_escapes(&"é\u{1f600}\u{7f}\u{80}".repeat(9)));
}

#[test]
fn a_text_is_written_as_serde_writes_it() {
    for text in [
        "",
        "plain",
        "é\u{1f600}",
        "a\"b",
        "back\\slash",
        "tab\t",
        "\u{1}",
        "\u{7f}",
    ] {
        let text = text.repeat(9);
        for limit in 64..100 {
            let fast = limited(limit, |cut| cut.plain_text(&text));
            assert_eq!(
                fast,
                limited(limit, |cut| cut.plain(&text)),
                "{limit}: {text:?}"
            );
        }
    }
}

#[test]
fn a_large_structure_keeps_its_beginning() {
    let cut = limited(100, |cut| cut.value(&vec![7u8; 1000]));
    assert!(
        cut["prefix"]
            .as_str()
            .expect("a text")
            .starts_with("[7,7,7")
    );
}

#[test]
fn an_endless_serialize_is_stopped() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(None)?;
            loop {
                list.serialize_element("again and again")?;
            }
        }
    }
    assert_eq!(limited(500, |cut| cut.value(&Endless))["truncated"], true);
}

#[test]
fn an_endless_debug_is_stopped() {
    struct Endless;
    impl fmt::Debug for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("again")?;
            }
        }
    }
    assert_eq!(limited(500, |cut| cut.debug(&Endless))["truncated"], true);
}

#[derive(Serialize, Debug)]
struct Node {
    next: Option<Box<Node>>,
}

fn list(length: usize) -> Node {
    (0..length).fold(Node { next: None }, |node, _| Node {
        next: Some(Box::new(node)),
    })
}

#[test]
fn depth_is_bounded() {
    let list = list(2000);
    assert_eq!(limited(1 << 20, |cut| cut.value(&list))["truncated"], true);
    assert_eq!(limited(1 << 20, |cut| cut.debug(&list))["truncated"], true);
}

#[test]
fn a_panicking_serialize_leaves_a_mark() {
    struct Bad;
    impl Serialize for Bad {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("no")
        }
    }
    let cut = limited(1000, |cut| cut.value(&(1, Bad)));
    let mark = cut["unserializable"].as_str().expect("a text");
    assert!(
        mark.contains("Bad") && mark.ends_with(": panicked"),
        "{mark}"
    );
}

#[test]
fn a_failing_serialize_falls_back_to_debug_or_says_why() {
    let map = HashMap::from([((1, 2), 3)]);
    assert_eq!(limited(1000, |cut| cut.value_or_debug(&map)), "{(1, 2): 3}");
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("not today"))
        }
    }
    let mark = limited(1000, |cut| cut.value(&Fails));
    assert!(
        mark["unserializable"]
            .as_str()
            .expect("a text")
            .ends_with("Fails: not today")
    );
}
