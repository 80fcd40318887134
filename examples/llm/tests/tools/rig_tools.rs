//! `rig::rig_tool`.

use agentops::{record_tool, testing};
use rig::rig_tool;
use rig::tool::{PortableTool, ToolExecutionError};
use serde_json::{Value, json};

use super::{failed, ok, tools};

#[rig_tool(description = "Divides", params(a = "what", b = "by what"))]
#[record_tool]
fn divide_below(a: i32, b: i32) -> Result<i32, ToolExecutionError> {
    a.checked_div(b)
        .ok_or_else(|| ToolExecutionError::other("by zero"))
}

#[record_tool]
#[rig_tool(description = "Divides", params(a = "what", b = "by what"))]
fn divide_above(a: i32, b: i32) -> Result<i32, ToolExecutionError> {
    a.checked_div(b)
        .ok_or_else(|| ToolExecutionError::other("by zero"))
}

/// Divides.
#[rig_tool]
#[record_tool(name = "later", fields(of = a))]
async fn divide_later_below(a: i32, b: i32) -> Result<i32, ToolExecutionError> {
    tokio::task::yield_now().await;
    let result = a.checked_div(b);
    let result = result.ok_or_else(|| ToolExecutionError::other("by zero"))?;
    Ok(result)
}

/// Divides.
#[record_tool(name = "later", fields(of = a))]
#[rig_tool]
async fn divide_later_above(a: i32, b: i32) -> Result<i32, ToolExecutionError> {
    tokio::task::yield_now().await;
    let result = a.checked_div(b);
    let result = result.ok_or_else(|| ToolExecutionError::other("by zero"))?;
    Ok(result)
}

/// What rig sees: arguments as a model sends them.
async fn call<T: PortableTool>(tool: &T, a: i32, b: i32) -> Option<Value>
where
    T::Args: serde::de::DeserializeOwned,
    T::Output: serde::Serialize,
{
    let args = serde_json::from_value(json!({"a": a, "b": b})).expect("the tool's arguments");
    let result = tool.call(args).await.ok()?;
    Some(serde_json::to_value(result).expect("JSON"))
}

#[tokio::test]
async fn rig_sees_the_tool_and_each_call_is_one_event() {
    let seen = testing::capture_async(async |_| {
        let mut results = Vec::new();
        for b in [2, 0] {
            results.push(call(&DivideBelow, 6, b).await);
            results.push(call(&DivideAbove, 6, b).await);
            results.push(call(&DivideLaterBelow, 6, b).await);
            results.push(call(&DivideLaterAbove, 6, b).await);
        }
        results
    })
    .await;
    let expected: Vec<_> = (0..8).map(|turn| (turn < 4).then(|| json!(3))).collect();
    assert_eq!(seen.result, expected);
    let mut expected = Vec::new();
    for b in [2, 0] {
        let (plain, more) = (json!({"a": 6, "b": b}), json!({"a": 6, "b": b, "of": 6}));
        for (name, params) in [
            ("divide_below", &plain),
            ("divide_above", &plain),
            ("later", &more),
            ("later", &more),
        ] {
            expected.push(if b == 2 {
                ok(name, params, 3)
            } else {
                failed(name, params, "by zero")
            });
        }
    }
    assert_eq!(tools(&seen.export), Value::from(expected));
}
