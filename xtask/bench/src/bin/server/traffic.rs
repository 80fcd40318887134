//! What senders send: events of about 1.1 KB as the Python SDK shapes them, every one different.

use std::fmt::Write as _;

/// One event in so many has [`COMMON`] in its text.
pub(crate) const COMMON_EVERY: u64 = 5;
/// A word of many events.
pub(crate) const COMMON: &str = "lighthouse";

/// A cheap generator of varied text, the same for a seed.
pub(crate) struct Words(u64);

impl Words {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Words of three syllables, 4,096 different ones.
    pub(crate) fn write(&mut self, words: usize, text: &mut String) {
        const SYLLABLES: [&str; 16] = [
            "ra", "ten", "mo", "lis", "ve", "qua", "dor", "in", "sep", "al", "tor", "be", "cu",
            "nam", "ex", "po",
        ];
        for _ in 0..words {
            let number = self.next();
            for shift in [0, 4, 8] {
                text.push_str(SYLLABLES[(number >> shift) as usize % 16]);
            }
            text.push(' ');
        }
    }

    pub(crate) fn uuid(&mut self) -> String {
        let mut text = String::with_capacity(36);
        self.write_uuid(&mut text);
        text
    }

    fn write_uuid(&mut self, text: &mut String) {
        let (a, b) = (self.next(), self.next());
        let _ = write!(
            text,
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            a >> 32,
            a & 0xffff,
            (a >> 16) & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        );
    }
}

/// A create_events body of so many LLM calls. One of 8 system prompts, a question, an answer.
pub(crate) fn events(words: &mut Words, count: u64) -> String {
    let mut body = String::with_capacity(count as usize * 1_250 + 16);
    body.push_str("{\"events\":[");
    for number in 0..count {
        if number > 0 {
            body.push(',');
        }
        event(words, &mut body);
    }
    body.push_str("]}");
    body
}

fn event(words: &mut Words, body: &mut String) {
    body.push_str("{\"id\":\"");
    words.write_uuid(body);
    let (minute, second, micros) = (
        words.next() % 60,
        words.next() % 60,
        words.next() % 1_000_000,
    );
    let _ = write!(
        body,
        "\",\"event_type\":\"llms\",\"agent_id\":\"0d9e1f52-6c1b-4b6a-8a53-2f1d54cf27a1\",\
         \"init_timestamp\":\"2026-11-21T21:{minute:02}:{second:02}.{micros:06}+00:00\",\
         \"end_timestamp\":\"2026-11-21T21:{minute:02}:{second:02}.{micros:06}+00:00\",\
         \"model\":\"gpt-4o\",\"prompt\":[{{\"role\":\"system\",\"content\":\""
    );
    Words::new(words.next() % 8).write(30, body);
    body.push_str("\"},{\"role\":\"user\",\"content\":\"");
    if words.next().is_multiple_of(COMMON_EVERY) {
        body.push_str(COMMON);
        body.push(' ');
    }
    words.write(35, body);
    body.push_str("\"}],\"completion\":{\"role\":\"assistant\",\"content\":\"");
    words.write(35, body);
    let (prompt, completion) = (words.next() % 900, words.next() % 300);
    let _ = write!(
        body,
        "\"}},\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"cost\":null,\
         \"params\":{{\"temperature\":0.5}},\"returns\":null}}"
    );
}

/// The body of one turn of a conversation that sends its whole history along.
pub(crate) fn turn(words: &mut Words, history: &mut Vec<String>) -> String {
    let mut message = |role: &str, length| {
        let mut text = format!("{{\"role\":\"{role}\",\"content\":\"");
        words.write(length, &mut text);
        text.push_str("\"}");
        text
    };
    if history.is_empty() {
        history.push(message("system", 120));
    }
    history.push(message("user", 60));
    let answer = message("assistant", 120);
    let body = format!(
        "{{\"events\":[{{\"id\":\"turn-{}\",\"event_type\":\"llms\",\"init_timestamp\":\"2026-11-21T21:00:00Z\",\
         \"end_timestamp\":\"2026-11-21T21:00:01Z\",\"model\":\"gpt-4o\",\"prompt\":[{}],\"completion\":{answer},\
         \"prompt_tokens\":100,\"completion_tokens\":100}}]}}",
        history.len(),
        history.join(",")
    );
    history.push(answer);
    body
}
