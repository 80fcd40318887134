//! What a value says of itself, bounded: a field of somebody's span may print a gigabyte, or panic.

use std::fmt::{self, Debug, Write as _};

use crate::recording::shield::{cut_text, shielded};

/// The text that a value's `Debug` makes, at most `most` bytes of it. Longer ones are not made any further; a `Debug`
/// that panics is said to have panicked.
#[must_use]
pub fn debug_text(value: &dyn Debug, most: usize) -> String {
    let mut kept = Kept {
        text: String::new(),
        most,
    };
    // An error is the bound, or a Debug that fails: what was written so far stands.
    match shielded(|| write!(kept, "{value:?}")) {
        Some(_) => kept.text,
        None => "<its Debug panicked>".to_owned(),
    }
}

/// A text that stops growing.
struct Kept {
    text: String,
    most: usize,
}

impl fmt::Write for Kept {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let fits = cut_text(text, self.most - self.text.len());
        self.text.push_str(fits);
        if fits.len() == text.len() {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_a_panic_is_no_end() {
        struct Bomb;
        impl Debug for Bomb {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("no text")
            }
        }
        crate::ending::panic::install();
        assert_eq!(debug_text(&"aé", 9), "\"aé\"");
        assert_eq!(debug_text(&"aé", 3), "\"a");
        assert_eq!(debug_text(&Bomb, 9), "<its Debug panicked>");
    }
}
