//! The layer over any tower service: a client that answers from a script, frame by frame.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::VecDeque;
use std::fmt;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use agentops_core::testing::{Captured, capture_async};
use agentops_http::{Endpoint, Format, Provider, RequestBody, ResponseBody, Target, layer};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tower_layer::Layer as _;
use tower_service::Service;

const CHAT: &str = "https://api.openai.com/v1/chat/completions";

/// Frames in order; an error or the end comes last.
#[derive(Clone, Debug, Default)]
struct Frames(VecDeque<Result<Bytes, Broken>>, Option<HeaderMap>);

#[derive(Clone, Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reset by https://api.openai.com/v1?key=SECRET")
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let data = self.0.pop_front().map(|data| data.map(Frame::data));
        let trailers = || self.1.take().map(|trailers| Ok(Frame::trailers(trailers)));
        Poll::Ready(data.or_else(trailers))
    }
}

fn frames(pieces: &[&[u8]]) -> Frames {
    Frames(
        pieces
            .iter()
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect(),
        None,
    )
}

/// A client that reads the request and gives this answer.
#[derive(Clone)]
struct Client(fn() -> Response<Frames>);

impl Service<Request<RequestBody<Full<Bytes>>>> for Client {
    type Response = Response<Frames>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Frames>, Broken>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Full<Bytes>>>) -> Self::Future {
        let answer = self.0;
        Box::pin(async move {
            request.into_body().collect().await.unwrap();
            Ok(answer())
        })
    }
}

type Answered = Response<ResponseBody<Frames>>;

async fn send(answer: fn() -> Response<Frames>, url: &str, body: Vec<u8>) -> Answered {
    let mut client = layer().layer(Client(answer));
    client
        .call(Request::post(url).body(Full::from(body)).unwrap())
        .await
        .unwrap()
}

fn question() -> Vec<u8> {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "2 + 2?"}]})
        .to_string()
        .into_bytes()
}

/// Every frame that came, the error at the end as text.
async fn read(mut body: ResponseBody<Frames>) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(frame) = body.frame().await {
        found.push(match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => String::from_utf8_lossy(&data).into_owned(),
                Err(frame) => format!("{:?}", frame.into_trailers().unwrap()),
            },
            Err(error) => error.to_string(),
        });
    }
    found
}

async fn recorded(answer: fn() -> Response<Frames>) -> Captured<Vec<String>> {
    capture_async(async |_| read(send(answer, CHAT, question()).await.into_body()).await).await
}

fn only(export: &Value) -> &Value {
    let calls = export["llms"].as_array().unwrap();
    assert_eq!(calls.len(), 1, "{export}");
    &calls[0]
}

const STREAM: &[&[u8]] = &[
    b"data: {\"choices\":[{\"delta\":{\"content\":\"f",
    b"o\"}}]}\n",
    b"\ndata: {\"choices\":[{\"delta\":{\"content\":\"ur\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
];

fn events(body: Frames) -> Response<Frames> {
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn frames_pass_one_by_one_with_their_trailers() {
    let seen = recorded(|| {
        let mut body = frames(STREAM);
        body.1 = Some(
            [("x-end".parse().unwrap(), "1".parse().unwrap())]
                .into_iter()
                .collect(),
        );
        events(body)
    })
    .await;
    let mut expected: Vec<String> = STREAM
        .iter()
        .map(|piece| String::from_utf8_lossy(piece).into_owned())
        .collect();
    expected.push("{\"x-end\": \"1\"}".to_owned());
    assert_eq!(seen.result, expected);
    let call = only(&seen.export);
    assert_eq!(call["completion"]["messages"]["content"], "four");
    assert_eq!(
        (&call["status"], &call["params"]["provider"]),
        (&json!("ok"), &json!("openai"))
    );
    assert_eq!(call["params"]["url"], CHAT);
}

#[tokio::test]
async fn a_body_that_breaks_is_an_error_with_what_came() {
    let seen = recorded(|| {
        let mut body = frames(&STREAM[..2]);
        body.0.push_back(Ok(Bytes::from_static(b"\n")));
        body.0.push_back(Err(Broken));
        events(body)
    })
    .await;
    assert_eq!(seen.result.len(), 4);
    let call = only(&seen.export);
    assert_eq!(
        (&call["status"], &call["completion"]["messages"]["content"]),
        (&json!("error"), &json!("fo"))
    );
    let error = &seen.export["errors"][0];
    assert!(
        error["error_type"].as_str().unwrap().ends_with("Broken"),
        "{error}"
    );
    assert_eq!(
        error["details"]["message"],
        "reset by https://api.openai.com/v1"
    );
}

#[tokio::test]
async fn compressed_bodies_pass_as_they_are() {
    fn gzipped() -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for piece in STREAM {
            gzip.write_all(piece).unwrap();
        }
        gzip.finish().unwrap()
    }
    let seen = capture_async(async |_| {
        let response = send(
            || {
                let mut response = events(frames(&[&gzipped()]));
                response
                    .headers_mut()
                    .insert("content-encoding", "gzip".parse().unwrap());
                response
            },
            CHAT,
            question(),
        )
        .await;
        assert_eq!(response.headers()["content-encoding"], "gzip");
        response.into_body().collect().await.unwrap().to_bytes()
    })
    .await;
    assert_eq!(seen.result, gzipped());
    assert_eq!(
        only(&seen.export)["completion"]["messages"]["content"],
        "four"
    );

    // What cannot be read cheaply passes as well, and the event says why it has no answer.
    let seen = recorded(|| {
        let mut response = events(frames(&[b"\x8b\x01 something in brotli"]));
        response
            .headers_mut()
            .insert("content-encoding", "br".parse().unwrap());
        response
    })
    .await;
    let call = only(&seen.export);
    assert_eq!(
        (&call["status"], &call["completion"]),
        (&json!("ok"), &Value::Null)
    );
    assert_eq!(call["prompt"]["messages"][0]["content"], "2 + 2?");
    assert_eq!(call["returns"]["not_read"], "the body is encoded: br");
}

#[tokio::test]
async fn an_error_page_is_the_errors_message() {
    let seen = recorded(|| {
        let page = frames(&[
            b"<html>bad gateway, ask ",
            b"https://example.org/?token=SECRET</html>",
        ]);
        Response::builder()
            .status(502)
            .header("content-type", "text/html")
            .body(page)
            .unwrap()
    })
    .await;
    assert_eq!(only(&seen.export)["status"], "error");
    let error = &seen.export["errors"][0];
    assert_eq!(
        (&error["error_type"], &error["code"]),
        (&json!("HTTP 502"), &json!("502"))
    );
    assert_eq!(
        error["details"]["message"],
        "<html>bad gateway, ask https://example.org/>"
    );
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_the_calls() {
    let seen = recorded(|| {
        let error = b"data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":\"busy\"}}\n\n";
        events(frames(&[STREAM[0], STREAM[1], b"\n", error]))
    })
    .await;
    let call = only(&seen.export);
    assert_eq!(
        (&call["status"], &call["completion"]["messages"]["content"]),
        (&json!("error"), &json!("fo"))
    );
    let error = &seen.export["errors"][0];
    assert_eq!(
        (&error["error_type"], &error["code"]),
        (&json!("server_error"), &json!("busy"))
    );
}

#[tokio::test]
async fn a_reader_that_panics_is_told_from_one_that_leaves() {
    let seen = capture_async(async |session| {
        let body = send(|| events(frames(STREAM)), CHAT, question())
            .await
            .into_body();
        drop(body);
        let session = session.clone();
        let task = tokio::task::LocalSet::new();
        let panicked = task
            .run_until(async {
                tokio::task::spawn_local(session.clone().scope(async {
                    let mut body = send(|| events(frames(STREAM)), CHAT, question())
                        .await
                        .into_body();
                    body.frame().await.unwrap().unwrap();
                    panic!("the reader's own");
                }))
                .await
            })
            .await;
        assert!(panicked.unwrap_err().is_panic());
    })
    .await;
    let calls = seen.export["llms"].as_array().unwrap();
    let status: Vec<&Value> = calls.iter().map(|call| &call["status"]).collect();
    assert_eq!(status, ["cancelled", "panicked"]);
}

#[tokio::test]
async fn huge_requests_are_read_within_bounds() {
    let seen = capture_async(async |_| {
        // An image of 3 MB is named and measured …
        let image = format!("data:image/png;base64,{}", "QUJD".repeat(1_000_000));
        let with_image = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": [
            {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": image}},
        ]}]});
        let answer = || events(frames(STREAM));
        read(send(answer, CHAT, with_image.to_string().into_bytes()).await.into_body()).await;
        // … and what is too large even so is said to be.
        let many = json!({"model": "gpt-4o", "messages": vec![json!({"role": "user", "content": "x"}); 80_000]});
        read(send(answer, CHAT, many.to_string().into_bytes()).await.into_body()).await;
    })
    .await;
    let calls = seen.export["llms"].as_array().unwrap();
    let shown = &calls[0]["prompt"]["messages"][0]["content"][1]["image_url"]["url"];
    assert_eq!(shown, "[image/png, 3000000 bytes]");
    assert!(
        calls[1]["params"]["not_read"]
            .as_str()
            .unwrap()
            .starts_with("the request of "),
        "{}",
        calls[1]
    );
    assert_eq!(calls[1]["completion"]["messages"]["content"], "four");
}

/// A provider with words of its own.
struct Strange;

impl Provider for Strange {
    fn endpoint(&self, target: &Target<'_>) -> Option<Endpoint> {
        (target.path == "/ask")
            .then(|| Endpoint::new("strange", Format::OpenAiChat).model("stranger-1"))
    }

    fn request(&self, body: Value) -> Value {
        json!({"messages": [{"role": "user", "content": body["question"]}]})
    }

    fn answer(&self, json: Value) -> Value {
        json!({"choices": [{"message": {"content": json["reply"]}}]})
    }
}

#[tokio::test]
async fn a_provider_of_ones_own() {
    let seen = capture_async(async |_| {
        let answer = || Response::new(frames(&[b"{\"reply\":", b"\"four\"}"]));
        let mut client = layer().provider(Strange).layer(Client(answer));
        let request = Request::post("http://example.org/ask?key=SECRET")
            .body(Full::from("{\"question\":\"2 + 2?\"}"));
        let response = client.call(request.unwrap()).await.unwrap();
        read(response.into_body()).await
    })
    .await;
    assert_eq!(seen.result, ["{\"reply\":", "\"four\"}"]);
    let call = only(&seen.export);
    assert_eq!(
        (&call["model"], &call["params"]["provider"]),
        (&json!("stranger-1"), &json!("strange"))
    );
    assert_eq!(
        call["prompt"]["messages"],
        json!([{"role": "user", "content": "2 + 2?"}])
    );
    assert_eq!(call["completion"]["messages"]["content"], "four");
    assert!(!seen.export.to_string().contains("SECRET"));
}
