//! The OpenAPI document: what a route says of itself, and how that is written down.
//!
//! The document is made from the one table of routes; nothing here knows which routes there are.
//! Answers are described strictly (no other members), requests as generously as they are read.

mod schemas;
mod shapes;

use serde_json::{Map, Value, json};

use self::shapes::reference;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Auth {
    /// Everybody.
    Nobody,
    /// The holder of an API key.
    Key,
    /// The holder of a session's token.
    Token,
}

/// What a parameter behind the `?` takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// Any text.
    Text,
    /// A whole number of this range.
    Whole(u64, u64),
    /// A number from 0 on.
    Number,
    /// A time or a day.
    Time,
    /// true or false.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The id of a session; the only one that must be there.
    Session,
}

/// A parameter behind the `?`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
    /// What it does.
    pub(crate) about: &'static str,
}

/// What a request is answered with when all is well.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// JSON of a named schema.
    Json(&'static str),
    /// Nothing.
    Nothing,
    /// Content of these types, the first of which may be JSON of a named schema.
    Content(&'static [(&'static str, Option<&'static str>)]),
}

/// One method of one route.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(crate) struct Operation {
    id: &'static str,
    summary: &'static str,
    auth: Auth,
    parameters: &'static [&'static [Parameter]],
    body: Option<&'static str>,
    answer: Answer,
}

impl Operation {
    /// One that everybody may ask for and that answers nothing.
    pub(crate) const fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            auth: Auth::Nobody,
            parameters: &[],
            body: None,
            answer: Answer::Nothing,
        }
    }

    /// The same under another id.
    pub(crate) const fn named(self, id: &'static str) -> Self {
        Self { id, ..self }
    }

    pub(crate) const fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    pub(crate) const fn takes(self, parameters: &'static [&'static [Parameter]]) -> Self {
        Self { parameters, ..self }
    }

    /// Its body, a named schema.
    pub(crate) const fn body(self, schema: &'static str) -> Self {
        Self {
            body: Some(schema),
            ..self
        }
    }

    /// What it answers, a named schema.
    pub(crate) const fn json(self, schema: &'static str) -> Self {
        Self {
            answer: Answer::Json(schema),
            ..self
        }
    }

    pub(crate) const fn content(
        self,
        types: &'static [(&'static str, Option<&'static str>)],
    ) -> Self {
        Self {
            answer: Answer::Content(types),
            ..self
        }
    }

    fn describe(&self, path: &str, method: &str, prefixed: bool) -> Value {
        // Both spellings of a route need ids of their own.
        let id = if prefixed {
            self.id.to_owned()
        } else {
            format!("{}Unprefixed", self.id)
        };
        let mut described = json!({
            "operationId": id,
            "summary": self.summary,
            "responses": self.answers(),
            "security": match self.auth {
                Auth::Nobody => json!([]),
                Auth::Key => json!([{"apiKey": []}]),
                Auth::Token => json!([{"token": []}]),
            },
        });
        let mut parameters: Vec<Value> = names_in(path).map(in_path).collect();
        let behind = self.parameters.iter().copied().flatten();
        parameters.extend(behind.map(Parameter::describe));
        if self.auth == Auth::Token && method != "get" {
            parameters.push(json!({
                "name": "Idempotency-Key", "in": "header",
                "description": "a batch id: a repeated one changes nothing and gets the first answer",
                "schema": {"type": "string", "pattern": "^[ -~]{1,255}$"},
            }));
        }
        if !parameters.is_empty() {
            described["parameters"] = parameters.into();
        }
        if let Some(schema) = self.body {
            described["requestBody"] = json!({
                "required": true,
                "content": {"application/json": {"schema": reference(schema)}},
            });
        }
        described
    }

    fn answers(&self) -> Value {
        let (status, good) = match self.answer {
            Answer::Nothing => ("204", json!({"description": "done"})),
            Answer::Json(schema) => (
                "200",
                json!({
                    "description": "done",
                    "content": {"application/json": {"schema": reference(schema)}},
                }),
            ),
            Answer::Content(types) => {
                let content: Map<String, Value> = types
                    .iter()
                    .map(|(name, schema)| {
                        let schema = schema.map_or(json!({"type": "string"}), reference);
                        ((*name).to_owned(), json!({"schema": schema}))
                    })
                    .collect();
                ("200", json!({"description": "done", "content": content}))
            }
        };
        json!({
            status: good,
            "default": {
                "description": "refused, or failed",
                "content": {"application/json": {"schema": reference("Error")}},
            },
        })
    }
}

impl Parameter {
    fn describe(&self) -> Value {
        let schema = match self.takes {
            // A NUL is in no text that is kept.
            Takes::Text => json!({"type": "string", "maxLength": 256, "pattern": "^[^\\u0000]*$"}),
            Takes::Whole(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
            Takes::Number => json!({"type": "number", "minimum": 0, "maximum": 9_000_000}),
            Takes::Time => json!({"type": "string", "format": "date-time"}),
            Takes::Flag => json!({"type": "boolean"}),
            Takes::OneOf(words) => json!({"type": "string", "enum": words}),
            Takes::Session => json!({"type": "string", "minLength": 1, "maxLength": 128}),
        };
        let mut described =
            json!({"name": self.name, "in": "query", "description": self.about, "schema": schema});
        if matches!(self.takes, Takes::Session) {
            described["required"] = true.into();
        }
        described
    }
}

fn in_path(name: &str) -> Value {
    json!({
        "name": name, "in": "path", "required": true,
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    })
}

/// The names in braces of a path.
fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The document of these routes: path, whether it begins with `/v2`, method, operation.
pub(crate) fn document<'a>(
    routes: impl Iterator<Item = (String, bool, &'static str, &'a Operation)>,
) -> Value {
    let mut paths = Map::new();
    for (path, prefixed, method, operation) in routes {
        let described = operation.describe(&path, method, prefixed);
        paths.entry(path).or_insert_with(|| json!({}))[method] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "AgentOps REST API v2",
            "description": "Sessions, events, agents and what they cost. Routes without /v2 are the same routes.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Agentops-Api-Key"},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    })
}
