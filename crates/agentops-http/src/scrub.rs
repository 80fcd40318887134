//! Text without what must not be recorded: query strings and user names in URLs hold keys.

/// Longest message that is kept.
const MAX: usize = 4 << 10;

/// An error's text with its sources' behind it, URLs cut to scheme, host and path.
#[cfg(feature = "reqwest")]
pub(crate) fn message(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    let mut depth = 0;
    while let Some(inner) = source.filter(|_| depth < 8) {
        let inner_text = inner.to_string();
        // Many libraries repeat their source in their own text.
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
        depth += 1;
    }
    urls(&text)
}

/// The text, in which every URL has lost its query, fragment and user.
pub(crate) fn urls(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX));
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        out.push_str(before);
        let end = url
            .find(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>' | '`'))
            .unwrap_or(url.len());
        let (url, behind) = url.split_at(end);
        let kept = url.find(['?', '#']).map_or(url, |at| &url[..at]);
        let authority = kept.find('/').unwrap_or(kept.len());
        let host = kept[..authority].rfind('@').map_or(0, |at| at + 1);
        out.push_str(&kept[host..]);
        rest = behind;
    }
    out.push_str(rest);
    if out.len() > MAX {
        let end = (0..=MAX)
            .rev()
            .find(|at| out.is_char_boundary(*at))
            .unwrap_or(0);
        out.truncate(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_what_may_be_a_secret() {
        let check = |text: &str, expected: &str| assert_eq!(urls(text), expected);
        check(
            "error sending request for url (https://g.example/v1/m:generate?key=SECRET&alt=sse): timed out",
            "error sending request for url (https://g.example/v1/m:generate): timed out",
        );
        check(
            "at http://me:SECRET@host:1/p?x#y and http://b?z",
            "at http://host:1/p and http://b",
        );
        check("nothing? to see here", "nothing? to see here");
        check("ends with ://", "ends with ://");
        assert!(urls(&"\u{e9}".repeat(10_000)).len() <= MAX);
    }
}
