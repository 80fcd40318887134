//! Who is in the stories: programs, their agents, models and tools, and what they talk about.

use serde_json::{Value, json};

/// A program that records sessions.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) tags: &'static [&'static str],
    /// The agents in the order in which they act.
    pub(super) agents: &'static [Agent],
    /// What is asked of it.
    pub(super) goals: &'static [&'static str],
    /// The system prompt of its agents.
    pub(super) system: &'static str,
}

/// One agent: what it is called, what its work is called, and what it works with.
pub(super) struct Agent {
    pub(super) name: &'static str,
    pub(super) action: &'static str,
    pub(super) models: &'static [&'static str],
    pub(super) tools: &'static [Tool],
}

/// A tool, how long it usually takes in microseconds, and how often it fails.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) micros: u64,
    pub(super) failing: f64,
    pub(super) error: (&'static str, &'static str, &'static [&'static str]),
}

const fn tool(
    name: &'static str,
    micros: u64,
    failing: f64,
    error: (&'static str, &'static str, &'static [&'static str]),
) -> Tool {
    Tool {
        name,
        micros,
        failing,
        error,
    }
}

const TIMEOUT: (&str, &str, &[&str]) = (
    "reqwest::Error",
    "error sending request for url (https://api.example.com/v1)",
    &["client error (Connect)", "operation timed out"],
);
const REFUND: (&str, &str, &[&str]) = (
    "shop::RefundError",
    "refund of order 18-4411 refused",
    &[
        "payment gateway answered 502",
        "upstream connect error, reset reason: overflow",
    ],
);
const MISSING: (&str, &str, &[&str]) = (
    "std::io::Error",
    "No such file or directory (os error 2)",
    &[],
);
const TESTS: (&str, &str, &[&str]) = (
    "runner::TestsFailed",
    "2 of 214 tests failed",
    &["assertion `left == right` failed at tests/parse.rs:88"],
);
const LIMIT: (&str, &str, &[&str]) = (
    "search::RateLimited",
    "429 Too Many Requests, retry after 20 s",
    &[],
);

/// All programs.
pub(super) const PROGRAMS: [Program; 4] = [
    Program {
        name: "support-desk",
        tags: &["support", "eu-west"],
        agents: &[
            Agent {
                name: "Triage",
                action: "classify_ticket",
                models: &["gpt-4o-mini"],
                tools: &[
                    tool("search_tickets", 90_000, 0.02, TIMEOUT),
                    tool("fetch_customer", 40_000, 0.01, TIMEOUT),
                ],
            },
            Agent {
                name: "Resolver",
                action: "resolve",
                models: &["gpt-4o", "claude-sonnet-4-5"],
                tools: &[
                    tool("fetch_order", 60_000, 0.02, TIMEOUT),
                    tool("refund_order", 700_000, 0.18, REFUND),
                ],
            },
            Agent {
                name: "Writer",
                action: "write_reply",
                models: &["gpt-4o"],
                tools: &[tool("send_reply", 150_000, 0.03, TIMEOUT)],
            },
        ],
        goals: &[
            "Order 18-4411 arrived broken, I want my money back",
            "I was charged twice for the March invoice",
            "Where is my parcel? Tracking says delivered since Tuesday",
            "Please change the delivery address of my subscription",
        ],
        system: "You answer customers of a shop. Be short, friendly and exact; never promise a refund that no tool has confirmed.",
    },
    Program {
        name: "market-research",
        tags: &["research", "nightly"],
        agents: &[
            Agent {
                name: "Planner",
                action: "plan",
                models: &["o3-mini"],
                tools: &[tool("search_notes", 30_000, 0.0, TIMEOUT)],
            },
            Agent {
                name: "Researcher",
                action: "research",
                models: &["gpt-4o", "gpt-4o-mini"],
                tools: &[
                    tool("web_search", 420_000, 0.06, LIMIT),
                    tool("fetch_page", 900_000, 0.09, TIMEOUT),
                ],
            },
            Agent {
                name: "Editor",
                action: "summarise",
                models: &["claude-sonnet-4-5"],
                tools: &[tool("save_report", 20_000, 0.01, MISSING)],
            },
        ],
        goals: &[
            "Compare heat pump subsidies in Austria, Denmark and Portugal",
            "Who supplies solid-state batteries to car makers, and since when?",
            "How did bakery chains price sourdough in the last two years?",
        ],
        system: "You research markets. Cite a source for every number, and say plainly what you did not find.",
    },
    Program {
        name: "code-review",
        tags: &["ci", "rust"],
        agents: &[
            Agent {
                name: "Reviewer",
                action: "review",
                models: &["claude-sonnet-4-5", "o3-mini"],
                tools: &[
                    tool("read_file", 2_000, 0.04, MISSING),
                    tool("grep", 14_000, 0.0, MISSING),
                ],
            },
            Agent {
                name: "Tester",
                action: "verify",
                models: &["gpt-4o-mini"],
                tools: &[
                    tool("apply_patch", 9_000, 0.05, MISSING),
                    tool("run_tests", 14_000_000, 0.3, TESTS),
                ],
            },
        ],
        goals: &[
            "Review #812: parse durations with fractions",
            "Review #829: stream uploads instead of buffering them",
            "Review #834: retry policy of the webhook sender",
        ],
        system: "You review Rust code. Point at lines, show the failing case, and propose the smallest patch that fixes it.",
    },
    Program {
        name: "travel-agent",
        tags: &["travel", "beta"],
        agents: &[Agent {
            name: "Concierge",
            action: "book_trip",
            models: &["gpt-4o", "llama-3.3-70b-local"],
            tools: &[
                tool("find_trains", 350_000, 0.05, TIMEOUT),
                tool("open_page", 1_800_000, 0.1, TIMEOUT),
            ],
        }],
        goals: &[
            "Vienna to Bologna by train on Friday, back on Monday, no changes at night",
            "Four days in Bergen for two, under 900 euros with flights",
        ],
        system: "You plan trips. Ask before you book; prices in euros.",
    },
];

/// What a tool is called with.
pub(super) fn arguments(tool: &str, goal: &str, number: u64) -> Value {
    match tool {
        "search_tickets" | "search_notes" | "web_search" => {
            json!({"query": goal, "limit": 5 + number % 5})
        }
        "fetch_customer" => json!({"customer": format!("c-{}", 4_000 + number % 900)}),
        "fetch_order" | "refund_order" => {
            json!({"order": format!("18-{}", 4_000 + number % 900), "amount": {"eur": 49.9}})
        }
        "send_reply" => {
            json!({"to": "customer@example.com", "text": "Dear customer, the refund is on its way."})
        }
        "fetch_page" | "open_page" => {
            json!({"url": format!("https://www.example.com/articles/{}", number % 10_000)})
        }
        "read_file" => {
            json!({"path": format!("src/{}.rs", ["parse", "upload", "retry", "lib"][(number % 4) as usize])})
        }
        "grep" => json!({"pattern": "unwrap()", "glob": "**/*.rs"}),
        "apply_patch" => {
            json!({"patch": "--- a/src/parse.rs\n+++ b/src/parse.rs\n@@ -12,3 +12,3 @@\n-    let n = s.parse::<u64>().unwrap();\n+    let n = s.parse::<f64>()?;\n"})
        }
        "find_trains" => {
            json!({"from": "Wien Hbf", "to": "Bologna Centrale", "day": "Friday", "changes": number % 3})
        }
        _ => json!({"target": goal}),
    }
}

/// What comes of it.
pub(super) fn result(tool: &str, number: u64) -> Value {
    match tool {
        "search_tickets" | "search_notes" | "web_search" => {
            json!({"hits": (0..3 + number % 4).map(|n| json!({
            "title": format!("Result {n}"), "score": 0.98 - 0.07 * n as f64,
            "url": format!("https://www.example.com/{}", number % 997 + n)})).collect::<Vec<_>>()})
        }
        "fetch_customer" => {
            json!({"name": "A. Customer", "since": "2021-04-02", "orders": number % 30})
        }
        "fetch_order" => json!({"state": "delivered", "items": [{"sku": "KT-88", "eur": 49.9}]}),
        "refund_order" => json!({"refunded": true, "eur": 49.9}),
        "fetch_page" | "open_page" => {
            json!({"status": 200, "text": "The programme pays up to 30 percent of the cost of a new system. ".repeat(8)})
        }
        "read_file" => json!(
            "pub fn duration(text: &str) -> Result<Duration, Error> {\n    let (number, unit) = split(text)?;\n    …\n}"
        ),
        "grep" => json!(["src/parse.rs:14", "src/upload.rs:201"]),
        "run_tests" => json!({"passed": 214, "failed": 0, "seconds": 13.8}),
        "find_trains" => {
            json!([{"train": "NJ 40233", "departs": "19:10", "arrives": "04:35", "eur": 89}])
        }
        _ => json!("done"),
    }
}

/// What a model says, in Markdown as models do.
pub(super) fn completion(action: &str, goal: &str) -> String {
    match action {
        "classify_ticket" => format!("**Category:** refund\n**Urgency:** normal\n\nThe customer writes: \"{goal}\"."),
        "plan" => "1. Find the official sources\n2. Read at least three of them\n3. Compare the numbers in a table\n4. Say what is missing".to_owned(),
        "summarise" => "## Summary\n\n| country | share | cap |\n|---|---|---|\n| Austria | 75 % | 18,000 € |\n| Denmark | 30 % | 3,600 € |\n\nPortugal publishes no cap; the page of the ministry was unreachable.".to_owned(),
        "review" => "`parse_duration` panics on `1.5s`:\n\n```rust\nlet n = s.parse::<u64>().unwrap();\n```\n\nParse a float and return the error.".to_owned(),
        _ => format!("Done: {}.", goal.to_lowercase()),
    }
}
