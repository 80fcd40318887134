//! Text that grows by pieces and is kept up to a bound.

/// Room that the texts of one answer share.
#[derive(Debug, Clone)]
pub(super) struct Room(usize);

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes room for one more thing of `bytes`; `false`: there is none.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

/// A text, its beginning if it was too long.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    kept: String,
    more: usize,
}

impl Text {
    pub(super) fn push(&mut self, piece: &str, room: &mut Room) {
        let fits = if self.more > 0 {
            0
        } else {
            floor(piece, room.0)
        };
        self.kept.push_str(&piece[..fits]);
        room.0 -= fits;
        self.more += piece.len() - fits;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.more == 0
    }

    /// The text; where it was cut, it says by how much.
    pub(super) fn shown(&self) -> String {
        if self.more == 0 {
            self.kept.clone()
        } else {
            format!("{}\u{2026} [{} bytes more]", self.kept, self.more)
        }
    }
}

/// The last place not beyond `at` between two characters.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}
