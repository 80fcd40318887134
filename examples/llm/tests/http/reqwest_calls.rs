//! Plain reqwest: as a tower service, by reqwest-middleware, by both; every format.

use agentops::http::layer;
use agentops::testing::{Captured, capture_async};
use agentops_examples_llm::{Provider, Reply};
use reqwest::Response;
use reqwest_middleware::ClientBuilder;
use serde_json::{Value, json};
use tower::{ServiceBuilder, ServiceExt as _};

use crate::{assistant, call, errors, llms, recorded, user};

/// How a client is made to record.
#[derive(Clone, Copy, Debug)]
enum By {
    Nothing,
    Layer,
    Middleware,
    /// The same layer twice, and the middleware: each sees every call.
    All,
}

async fn post(by: By, url: &str, body: &Value) -> Response {
    let plain = crate::client();
    let request = plain
        .post(url)
        .header("x-api-key", "SECRET")
        .json(body)
        .build()
        .unwrap();
    match by {
        By::Nothing => plain.execute(request).await.unwrap(),
        By::Layer => ServiceBuilder::new()
            .layer(layer())
            .service(plain)
            .oneshot(request)
            .await
            .unwrap(),
        By::Middleware => ClientBuilder::new(plain)
            .with(layer())
            .build()
            .execute(request)
            .await
            .unwrap(),
        By::All => {
            let client = ClientBuilder::new(plain)
                .with(layer())
                .with(layer())
                .build();
            let inner = tower::service_fn(move |request| {
                let client = client.clone();
                async move { client.execute(request).await.map_err(std::io::Error::other) }
            });
            ServiceBuilder::new()
                .layer(layer())
                .layer(layer())
                .service(inner)
                .oneshot(request)
                .await
                .unwrap()
        }
    }
}

/// One request, its whole answer read.
async fn asked(by: By, reply: Reply, path: &str, body: Value) -> Captured<Vec<u8>> {
    let provider = Provider::start([reply]).await.unwrap();
    let url = format!("{}{path}", provider.origin());
    capture_async(async |_| post(by, &url, &body).await.bytes().await.unwrap().to_vec()).await
}

fn messages() -> Value {
    json!([{"role": "user", "content": "2 + 2?"}])
}

fn chat(more: Value) -> Value {
    call(json!({"model": "gpt-4o", "messages": messages()}), more)
}

fn answered(more: Value) -> Value {
    let all = json!({
        "status": "ok", "model": "gpt-4o", "prompt": user("2 + 2?"), "completion": assistant("four"),
        "prompt_tokens": 150, "completion_tokens": 80, "cost": 0.001175,
        "params": {"provider": "openai-compatible", "url": "/v1/chat/completions"},
        "returns": {"finish_reason": "stop", "response_id": "chatcmpl-1", "response_model": "gpt-4o"},
    });
    call(all, more)
}

#[tokio::test]
async fn however_many_see_it_it_is_recorded_once() {
    for by in [By::Layer, By::Middleware, By::All] {
        let reply = Reply::text("four").tokens(150, 80);
        let seen = asked(by, reply, "/v1/chat/completions", chat(json!({}))).await;
        assert_eq!(llms(&seen.export), [answered(json!({}))], "{by:?}");
        assert!(!seen.export.to_string().contains("SECRET"));

        let stream = json!({"stream": true, "stream_options": {"include_usage": true}});
        let reply = Reply::text("four").tokens(150, 80);
        let seen = asked(by, reply, "/v1/chat/completions", chat(stream)).await;
        let streamed = json!({"time_to_first_token": true});
        assert_eq!(llms(&seen.export), [answered(streamed)], "{by:?}");

        let seen = asked(
            by,
            Reply::error(500, "it broke"),
            "/v1/chat/completions",
            chat(json!({})),
        )
        .await;
        assert_eq!(llms(&seen.export).len(), 1, "{by:?}");
        assert_eq!(
            errors(&seen.export),
            [json!(["server_error", "500", "it broke"])],
            "{by:?}"
        );
    }
}

#[tokio::test]
async fn what_passes_is_the_same_byte_for_byte() {
    let stream = json!({"stream": true, "stream_options": {"include_usage": true}});
    let text = "w\u{f6}rter, \u{1F600} und \"Zeichen\" ".repeat(300);
    for (path, body) in [
        ("/v1/chat/completions", chat(stream.clone())),
        ("/v1/chat/completions", chat(json!({}))),
        (
            "/v1/messages",
            chat(json!({"stream": true, "max_tokens": 5})),
        ),
        (
            "/v1/responses",
            json!({"model": "gpt-4o", "input": "hi", "stream": true}),
        ),
        (
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            json!({"contents": []}),
        ),
        ("/api/chat", chat(json!({}))),
    ] {
        let reply = || Reply::text(text.as_str()).tokens(150, 80);
        let bare = asked(By::Nothing, reply(), path, body.clone()).await;
        assert_eq!(llms(&bare.export), Vec::<Value>::new());
        for by in [By::Layer, By::Middleware, By::All] {
            let seen = asked(by, reply(), path, body.clone()).await;
            assert!(seen.result == bare.result, "{path} {by:?}");
            let [one] = llms(&seen.export).try_into().unwrap();
            let completion = &one["completion"]["messages"]["content"];
            assert!(
                completion == text.as_str() || one["completion"]["truncated"] == true,
                "{path}: {one}"
            );
        }
    }
}

#[tokio::test]
async fn anthropic_and_gemini() {
    let reply = || Reply::text("one two three").tokens(1_000, 50).cached(800);
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "system": "Be brief.", "messages": messages()});
    let prompt = json!({"type": "chatml", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"},
    ]});
    // 200 x 3.00 + 800 x 0.30 + 50 x 15.00 dollars a million.
    let expected = json!({
        "status": "ok", "model": "claude-sonnet-4-5", "prompt": prompt, "completion": assistant("one two three"),
        "prompt_tokens": 1000, "completion_tokens": 50, "cached_read_tokens": 800, "cost": 0.00159,
        "params": {"provider": "anthropic", "url": "/v1/messages", "max_tokens": 100},
        "returns": {"finish_reason": "end_turn", "response_id": "msg_1", "response_model": "claude-sonnet-4-5"},
    });
    let seen = asked(By::Layer, reply(), "/v1/messages", body.clone()).await;
    assert_eq!(llms(&seen.export), std::slice::from_ref(&expected));
    let seen = asked(
        By::Layer,
        reply(),
        "/v1/messages",
        call(body, json!({"stream": true})),
    )
    .await;
    assert_eq!(
        llms(&seen.export),
        [call(expected, json!({"time_to_first_token": true}))]
    );

    let reply = || {
        Reply::text("one two three")
            .tokens(1_000, 50)
            .cached(800)
            .reasoning(30)
    };
    let body = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "2 + 2?"}]}],
    });
    let prompt = json!({"type": "chatml", "messages": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"},
    ]});
    for (action, query, streamed) in [
        ("generateContent", "key=SECRET", false),
        ("streamGenerateContent", "alt=sse&key=SECRET", true),
    ] {
        let path = format!("/v1beta/models/gemini-2.5-pro:{action}");
        let seen = asked(By::Layer, reply(), &format!("{path}?{query}"), body.clone()).await;
        // 200 x 1.25 + 800 x 0.125 + 50 x 10.00 dollars a million; thoughts cost what answers do.
        let mut expected = json!({
            "status": "ok", "model": "gemini-2.5-pro", "prompt": prompt, "completion": assistant("one two three"),
            "prompt_tokens": 1000, "completion_tokens": 50, "cached_read_tokens": 800, "reasoning_tokens": 30, "cost": 0.00085,
            "params": {"provider": "gemini", "url": path},
            "returns": {"finish_reason": "STOP", "response_id": "gemini-1", "response_model": "gemini-2.5-pro"},
        });
        if streamed {
            expected["time_to_first_token"] = true.into();
        }
        assert_eq!(llms(&seen.export), [expected]);
        assert!(
            !seen.export.to_string().contains("SECRET"),
            "no key of a query is kept"
        );
    }
}

#[tokio::test]
async fn a_tool_call_of_each() {
    let reply = || Reply::tool("search", json!({"q": "rust"})).tokens(10, 5);
    for (path, body, id) in [
        (
            "/v1/messages",
            chat(json!({"max_tokens": 5})),
            json!("call_1"),
        ),
        (
            "/v1/messages",
            chat(json!({"max_tokens": 5, "stream": true})),
            json!("call_1"),
        ),
        (
            "/v1/responses",
            json!({"model": "gpt-4o", "input": "hi"}),
            json!("call_1"),
        ),
        (
            "/v1/responses",
            json!({"model": "gpt-4o", "input": "hi", "stream": true}),
            json!("call_1"),
        ),
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            json!({"contents": []}),
            Value::Null,
        ),
        (
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            json!({"contents": []}),
            Value::Null,
        ),
    ] {
        let seen = asked(By::Layer, reply(), path, body).await;
        let [one] = llms(&seen.export).try_into().unwrap();
        assert_eq!(
            one["completion"]["messages"],
            json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": id, "type": "function", "function": {"name": "search", "arguments": "{\"q\":\"rust\"}"}},
            ]}),
            "{path}"
        );
        assert_eq!(
            (&one["prompt_tokens"], &one["completion_tokens"]),
            (&json!(10), &json!(5)),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled() {
    let provider = Provider::start([
        Reply::text("one two three").stalls_after(2),
        Reply::text("one two three").tokens(9, 9).stalls_after(2),
    ])
    .await
    .unwrap();
    let url = format!("{}/v1/messages", provider.origin());
    let seen = capture_async(async |session| {
        // Before its answer begins …
        let early = tokio::spawn({
            let (url, body) = (url.clone(), chat(json!({"max_tokens": 5})));
            agentops::InSession::in_current(async move { post(By::Layer, &url, &body).await })
        });
        provider.asked(1).await;
        early.abort();
        recorded(session, 1).await;
        // … and in the middle of it.
        let mut response = post(
            By::Layer,
            &url,
            &chat(json!({"max_tokens": 5, "stream": true})),
        )
        .await;
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("two ") {
            read.extend_from_slice(&response.chunk().await.unwrap().unwrap());
        }
    })
    .await;
    let base = json!({
        "status": "cancelled", "model": "gpt-4o", "prompt": user("2 + 2?"),
        "params": {"provider": "anthropic", "url": "/v1/messages", "max_tokens": 5},
    });
    let partial = json!({
        "completion": assistant("one two "), "prompt_tokens": 9, "time_to_first_token": true,
        "returns": {"complete": false, "response_id": "msg_2", "response_model": "gpt-4o"},
    });
    assert_eq!(llms(&seen.export), [base.clone(), call(base, partial)]);
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_an_error_without_the_key() {
    // The listener is gone, so nobody answers at its port.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url =
        format!("http://127.0.0.1:{port}/v1beta/models/gemini-2.5-pro:generateContent?key=SECRET");
    let seen = capture_async(async |_| {
        let request = crate::client()
            .post(&url)
            .json(&json!({"contents": []}))
            .build()
            .unwrap();
        let client = ServiceBuilder::new()
            .layer(layer())
            .service(crate::client());
        client.oneshot(request).await.unwrap_err()
    })
    .await;
    assert!(seen.result.is_connect());
    let [failed] = llms(&seen.export).try_into().unwrap();
    assert_eq!(
        (&failed["status"], &failed["model"]),
        (&json!("error"), &json!("gemini-2.5-pro"))
    );
    let [error] = errors(&seen.export).try_into().unwrap();
    assert_eq!(error[0], "reqwest::error::Error");
    let message = error[2].as_str().unwrap();
    assert!(
        message.contains(":generateContent") && message.contains("refused"),
        "{message}"
    );
    assert!(!seen.export.to_string().contains("SECRET"));
}

#[tokio::test]
async fn a_response_keeps_its_url_length_and_address() {
    let provider = Provider::start([Reply::text("four")]).await.unwrap();
    let url = format!("{}/v1/messages", provider.origin());
    let seen =
        capture_async(async |_| post(By::Layer, &url, &chat(json!({"max_tokens": 5}))).await).await;
    let response = seen.result;
    assert_eq!(response.url().as_str(), url);
    assert!(response.content_length().is_some_and(|length| length > 0));
    assert!(response.remote_addr().is_some());
}

#[tokio::test]
async fn outside_a_session_nothing_is_recorded() {
    let provider = Provider::start([Reply::text("four"), Reply::text("four")])
        .await
        .unwrap();
    let url = format!("{}/v1/messages", provider.origin());
    // None is open …
    let before = post(By::All, &url, &chat(json!({})))
        .await
        .bytes()
        .await
        .unwrap();
    let seen = capture_async(async |session| {
        // … and one is, elsewhere.
        let url = url.clone();
        let body = chat(json!({}));
        let elsewhere =
            tokio::spawn(async move { post(By::All, &url, &body).await.bytes().await.unwrap() });
        elsewhere.await.unwrap();
        session.is_active()
    })
    .await;
    assert!(seen.result && !before.is_empty());
    assert_eq!(llms(&seen.export), Vec::<Value>::new());
    assert_eq!(agentops::dropped_without_session(), 0);
}

#[tokio::test]
async fn a_call_stands_under_the_call_around_it() {
    let provider = Provider::start([Reply::text("four").tokens(1, 1)])
        .await
        .unwrap();
    let url = format!("{}/v1/messages", provider.origin());
    #[agentops::record_tool]
    async fn ask(url: &str) -> u16 {
        let response = post(By::Layer, url, &chat(json!({}))).await;
        response.bytes().await.unwrap();
        200
    }
    let seen = capture_async(async |_| ask(&url).await).await;
    assert_eq!(
        seen.export["llms"][0]["parent_id"],
        seen.export["tools"][0]["id"]
    );
}

#[agentops::record_llm]
async fn asks(by: By, url: &str, body: &Value) -> Value {
    post(by, url, body).await.json().await.unwrap()
}

#[tokio::test]
async fn a_recorded_function_around_it_is_the_same_call() {
    for by in [By::Layer, By::All] {
        let provider = Provider::start([Reply::text("four").tokens(150, 80)])
            .await
            .unwrap();
        let url = format!("{}/v1/chat/completions", provider.origin());
        let seen = capture_async(async |_| asks(by, &url, &chat(json!({}))).await).await;
        let [one] = llms(&seen.export).try_into().unwrap();
        assert_eq!(
            (&one["model"], &one["cost"]),
            (&json!("gpt-4o"), &json!(0.001175)),
            "{by:?}"
        );
        assert_eq!(one["completion"], assistant("four"));
        assert_eq!(one["prompt"], user("2 + 2?"));
    }
}
