//! What results may be.

use std::error::Error;
use std::fmt::Display;
use std::ops::ControlFlow;
use std::panic::Location;
use std::sync::Arc;
use std::task::Poll;

use agentops::record_tool;
use serde_json::json;

use super::seen::{check, recorded, tool};
use super::{CAUSE, NotFound, Opaque, not_found};

#[record_tool]
fn typed(fail: bool) -> Result<u8, NotFound> {
    if fail { Err(not_found()) } else { Ok(1) }
}

#[record_tool]
fn boxed(fail: bool) -> Result<u8, Box<dyn Error + Send + Sync>> {
    if fail {
        Err(not_found())?;
    }
    Ok(1)
}

#[record_tool]
fn shared(fail: bool) -> Result<u8, Arc<dyn Error>> {
    if fail {
        return Err(Arc::new(not_found()));
    }
    Ok(1)
}

#[record_tool]
fn any(fail: bool) -> anyhow::Result<u8> {
    anyhow::ensure!(!fail, not_found());
    Ok(1)
}

#[record_tool]
fn unit_error(fail: bool) -> Result<u8, ()> {
    if fail { Err(()) } else { Ok(1) }
}

#[record_tool]
fn text_error(fail: bool) -> Result<u8, String> {
    if fail { Err("no".to_owned()) } else { Ok(1) }
}

#[record_tool]
fn opaque_error(fail: bool) -> Result<u8, Opaque> {
    if fail { Err(Opaque(1)) } else { Ok(1) }
}

#[record_tool]
fn unbounded_error<E>(error: Option<E>) -> Result<u8, E> {
    error.map_or(Ok(1), Err)
}

#[test]
fn a_result_of_any_error() {
    let ok = |name: &str| tool(name).params(json!({"fail": false})).returns(1);
    let failed = |name: &str| tool(name).params(json!({"fail": true}));
    check(|| typed(false), Ok(1), &[ok("typed")]);
    check(|| boxed(false).ok(), Some(1), &[ok("boxed")]);
    check(|| shared(false).ok(), Some(1), &[ok("shared")]);
    check(|| any(false).ok(), Some(1), &[ok("any")]);
    check(|| unit_error(false), Ok(1), &[ok("unit_error")]);
    check(|| text_error(false), Ok(1), &[ok("text_error")]);
    check(|| opaque_error(false).ok(), Some(1), &[ok("opaque_error")]);

    let text = "no such file";
    let seen = failed("typed").failed::<NotFound>(text, &[CAUSE]);
    check(|| typed(true), Err(not_found()), &[seen]);
    let seen = failed("boxed").failed::<Box<dyn Error + Send + Sync>>(text, &[CAUSE]);
    check(|| boxed(true).is_err(), true, &[seen]);
    let seen = failed("shared").failed::<Arc<dyn Error>>(text, &[CAUSE]);
    check(|| shared(true).is_err(), true, &[seen]);
    let seen = failed("any").failed::<anyhow::Error>(text, &[CAUSE]);
    check(|| any(true).is_err(), true, &[seen]);
    let seen = failed("unit_error").failed::<()>("()", &[]);
    check(|| unit_error(true), Err(()), &[seen]);
    let seen = failed("text_error").failed::<String>("no", &[]);
    check(|| text_error(true), Err("no".to_owned()), &[seen]);
    let seen = failed("opaque_error").failed::<Opaque>(std::any::type_name::<Opaque>(), &[]);
    check(|| opaque_error(true).is_err(), true, &[seen]);
    let seen = tool("unbounded_error")
        .params(json!({"error": "core::option::Option<u8>"}))
        .failed::<u8>("u8", &[]);
    check(|| unbounded_error(Some(7_u8)), Err(7), &[seen]);
}

#[record_tool]
fn maybe(yes: bool) -> Option<u8> {
    let value = yes.then_some(1)?;
    Some(value + 1)
}

#[record_tool]
fn polled(ready: bool) -> Poll<u8> {
    if ready { Poll::Ready(1) } else { Poll::Pending }
}

#[record_tool]
fn flow(stop: bool) -> ControlFlow<u8> {
    if stop {
        ControlFlow::Break(1)?;
    }
    ControlFlow::Continue(())
}

#[record_tool]
fn named() -> impl Display + Clone {
    "shown"
}

#[record_tool]
fn closure(limit: u32) -> impl Fn(u32) -> u32 {
    move |value| value.min(limit)
}

#[record_tool]
fn boxed_closure(limit: u32) -> Box<dyn Fn(u32) -> u32> {
    Box::new(move |value| value.min(limit))
}

#[record_tool]
fn borrowed(text: &str) -> &str {
    &text[1..]
}

#[test]
fn options_opaque_types_and_closures() {
    let seen = |yes: bool| tool("maybe").params(json!({"yes": yes}));
    check(|| maybe(true), Some(2), &[seen(true).returns(2)]);
    check(|| maybe(false), None, &[seen(false)]);
    let seen = tool("polled")
        .params(json!({"ready": true}))
        .returns("Ready(1)");
    check(|| polled(true), Poll::Ready(1), &[seen]);
    let seen = tool("flow")
        .params(json!({"stop": true}))
        .returns("Break(1)");
    check(|| flow(true), ControlFlow::Break(1), &[seen]);
    let seen = tool("named").returns("shown");
    check(|| named().to_string(), "shown".to_owned(), &[seen]);
    let seen = tool("closure")
        .params(json!({"limit": 1}))
        .returns("impl Fn(u32) -> u32");
    check(|| closure(1)(2), 1, &[seen]);
    let seen = tool("boxed_closure")
        .params(json!({"limit": 1}))
        .returns(std::any::type_name::<Box<dyn Fn(u32) -> u32>>());
    check(|| boxed_closure(1)(2), 1, &[seen]);
    let seen = tool("borrowed").params(json!({"text": "ab"})).returns("b");
    check(|| borrowed("ab").len(), 1, &[seen]);
}

#[record_tool]
fn never(code: u8) -> ! {
    panic!("code {code}")
}

#[test]
fn a_function_that_never_returns() {
    let seen = tool("never")
        .params(json!({"code": 1}))
        .panicked("code 1", file!());
    let run = || std::panic::catch_unwind(|| never(1)).is_err();
    check(run, true, &[seen]);
}

#[record_tool]
#[track_caller]
fn asked(value: u8) -> u32 {
    let _ = value;
    Location::caller().line()
}

#[track_caller]
#[record_tool]
fn asked_early(text: &str) -> Result<(u32, u8), std::num::ParseIntError> {
    if text.is_empty() {
        return Ok((Location::caller().line(), 0));
    }
    let parse = || -> Result<u8, std::num::ParseIntError> {
        if text == "8" {
            return Ok(8);
        }
        let value = text.parse()?;
        assert!(value < 9);
        Ok(value)
    };
    let number: u8 = text.parse()?;
    assert_eq!(parse()?, number);
    Ok((Location::caller().line(), number))
}

#[track_caller]
#[record_tool]
fn asked_maybe(text: Option<&str>) -> Option<u32> {
    for letter in text?.chars() {
        if letter == 'x' {
            return None;
        }
    }
    Some(Location::caller().line())
}

#[record_tool]
#[track_caller]
fn asked_and_panics(value: Option<u8>) -> u8 {
    value.expect("a value")
}

#[track_caller]
#[record_tool]
fn asked_in_macros(texts: &[&str]) -> Result<String, std::num::ParseIntError> {
    let [first, .., last] = vec![texts[0], "1", texts[1]][..] else {
        return Ok(String::new());
    };
    assert_eq!(first.parse::<u8>()?, 1, "at {}", Location::caller());
    let many = vec![last.parse::<u8>()?; 2];
    let nested = format!(
        "{first}{many:?}{last}{n}",
        n = format_args!("{}", last.parse::<u8>()?)
    );
    Ok(nested)
}

#[track_caller]
#[record_tool]
fn asked_for_nothing(value: &mut u8) {
    if *value == 0 {
        return;
    }
    *value = 0;
}

#[test]
fn a_function_that_asks_who_called_it() {
    let (seen, line) = (asked(1), line!());
    assert_eq!(seen, line, "without a session");
    let line = line!() + 2;
    let seen = tool("asked").params(json!({"value": 1})).returns(line);
    assert_eq!(recorded(|| asked(1), &[seen]), line, "in a session");

    let call = |text: &str| tool("asked_early").params(json!({"text": text}));
    let line = line!() + 1;
    let (asked, number) = asked_early("7").expect("a number");
    assert_eq!((asked, number), (line, 7));
    let line = line!() + 2;
    let seen = call("").returns(json!([line, 0]));
    recorded(|| asked_early("").expect("no error"), &[seen]);
    let line = line!() + 2;
    let seen = call("7").returns(json!([line, 7]));
    recorded(|| asked_early("7").expect("a number"), &[seen]);
    let seen = call("x").failed::<std::num::ParseIntError>(CAUSE, &[]);
    check(|| asked_early("x").is_err(), true, &[seen]);

    let seen = tool("asked_in_macros").params(json!({"texts": ["1", "2"]}));
    let run = || asked_in_macros(&["1", "2"]);
    check(
        run,
        Ok("1[2, 2]22".to_owned()),
        &[seen.returns("1[2, 2]22")],
    );
    for texts in [["x", "2"], ["1", "x"]] {
        let seen = tool("asked_in_macros").params(json!({"texts": texts}));
        let seen = seen.failed::<std::num::ParseIntError>(CAUSE, &[]);
        check(|| asked_in_macros(&texts).is_err(), true, &[seen]);
    }

    let seen = tool("asked_maybe").params(json!({"text": null}));
    check(|| asked_maybe(None), None, &[seen]);
    let seen = tool("asked_maybe").params(json!({"text": "ax"}));
    check(|| asked_maybe(Some("ax")), None, &[seen]);
    let seen = tool("asked_for_nothing").params(json!({"value": 0}));
    check(|| asked_for_nothing(&mut 0), (), &[seen]);

    let seen = tool("asked_and_panics")
        .params(json!({"value": null}))
        .panicked("a value", file!());
    let run = || std::panic::catch_unwind(|| asked_and_panics(None)).is_err();
    check(run, true, &[seen]);
}
