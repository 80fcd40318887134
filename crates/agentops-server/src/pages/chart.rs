//! Drawings made of SVG, so that they need no script and no inline style, and of links, so that
//! each leads to what it shows.

use super::html::Html;
use super::text;

/// The width that everything is drawn on.
const WIDTH: u64 = 1_000;
/// Narrower frames are left out.
const THINNEST: u64 = 2;
/// The height of a frame.
const ROW: u64 = 22;
/// The width of a letter in a frame, about.
const LETTER: u64 = 7;

/// One row of a bar chart.
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) value: String,
    /// Of [`WIDTH`].
    pub(super) width: u64,
    pub(super) class: &'static str,
    pub(super) href: Option<String>,
}

impl Bar {
    /// A bar of this part of the longest.
    pub(super) fn new(
        name: &str,
        value: String,
        (part, of): (u64, u64),
        class: &'static str,
    ) -> Self {
        Self {
            name: text::brief(name),
            value,
            width: scaled(part, of, WIDTH),
            class,
            href: None,
        }
    }

    pub(super) fn link(mut self, href: String) -> Self {
        self.href = Some(href);
        self
    }
}

/// This part of a length; anything at all is at least a sliver.
pub(super) fn scaled(part: u64, of: u64, length: u64) -> u64 {
    if part == 0 || of == 0 {
        return 0;
    }
    let scaled = u128::from(part.min(of)) * u128::from(length) / u128::from(of);
    u64::try_from(scaled).unwrap_or(length).max(2)
}

/// One day, or another step of time.
pub(super) struct Column {
    pub(super) whole: u64,
    /// Of the whole, what went wrong.
    pub(super) bad: u64,
    pub(super) told: String,
    pub(super) href: String,
}

/// Columns side by side, as high as they are large.
pub(super) fn columns(title: &str, columns: &[Column]) -> Html {
    const HEIGHT: u64 = 120;
    let most = columns.iter().map(|column| column.whole).max().unwrap_or(0);
    let count = (columns.len() as u64).max(1);
    let mut html = Html::default();
    html.raw("<svg class=\"columns-chart\" viewBox=\"0 0 1000 120\" preserveAspectRatio=\"none\" role=\"list\" aria-label=\"");
    html.text(title).raw("\">");
    for (at, column) in columns.iter().enumerate() {
        let at = at as u64;
        let (x, end) = (at * WIDTH / count, (at + 1) * WIDTH / count);
        let wide = (end - x).saturating_sub(3).max(1);
        html.raw("<a role=\"listitem\" href=\"").text(&column.href);
        html.raw("\" aria-label=\"").text(&column.told);
        html.raw("\"><title>").text(&column.told).raw("</title>");
        let mut rect = |class: &'static str, y: u64, height: u64| {
            html.raw("<rect class=\"").raw(class).raw("\" x=\"").text(x);
            html.raw("\" y=\"").text(y).raw("\" width=\"").text(wide);
            html.raw("\" height=\"").text(height).raw("\"/>");
        };
        // All of the height answers to a pointer, however small the figure.
        rect("hit", 0, HEIGHT);
        let whole = scaled(column.whole, most, HEIGHT - 2);
        let bad = scaled(column.bad, most, HEIGHT - 2);
        rect("whole", HEIGHT - whole, whole);
        rect("part", HEIGHT - bad, bad);
        html.raw("</a>");
    }
    html.raw("</svg>");
    html
}

/// A part of a whole.
pub(super) struct Slice {
    pub(super) label: &'static str,
    pub(super) class: &'static str,
    pub(super) count: u64,
    pub(super) href: String,
}

/// Parts of a whole as a ring.
pub(super) struct Donut {
    pub(super) slices: Vec<Slice>,
}

impl Donut {
    /// The ring; its legend, which says the same in words, is the page's.
    pub(super) fn draw(&self) -> Html {
        let total: u64 = self.slices.iter().map(|slice| slice.count).sum();
        let mut html = Html::default();
        html.raw("<svg class=\"donut\" viewBox=\"0 0 42 42\" aria-hidden=\"true\">");
        html.raw("<circle class=\"rest\" cx=\"21\" cy=\"21\" r=\"15.9155\" pathLength=\"1000\"/>");
        let mut from = 0;
        for slice in self.slices.iter().filter(|slice| slice.count > 0) {
            let part = scaled(slice.count, total, WIDTH);
            html.raw("<circle class=\"").raw(slice.class);
            html.raw(
                "\" cx=\"21\" cy=\"21\" r=\"15.9155\" pathLength=\"1000\" stroke-dasharray=\"",
            );
            html.text(part)
                .raw(" 1000\" stroke-dashoffset=\"-")
                .text(from)
                .raw("\"/>");
            from += part;
        }
        html.raw("<text x=\"21\" y=\"23\">")
            .text(text::count(total))
            .raw("</text></svg>");
        html
    }
}

/// Calls of one name in one place.
pub(super) struct Frame {
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) href: String,
    pub(super) calls: u64,
    pub(super) weight: u64,
}

/// A flame graph, the outermost calls above. A frame stands behind the one it is inside of.
pub(super) struct Flame {
    pub(super) frames: Vec<Frame>,
    /// Whether a frame weighs what it has itself and what is inside it; else its own weight
    /// has that already.
    pub(super) sums_up: bool,
}

impl Flame {
    /// The drawing; `None` when nothing weighs anything.
    pub(super) fn draw(mut self, title: &str, label: &dyn Fn(u64) -> String) -> Option<Html> {
        if self.sums_up {
            for at in (0..self.frames.len()).rev() {
                if let Some(parent) = self.frames[at].parent {
                    self.frames[parent].weight += self.frames[at].weight;
                }
            }
        }
        let tops = self.frames.iter().filter(|frame| frame.parent.is_none());
        let total: u64 = tops.map(|frame| frame.weight).sum();
        if total == 0 {
            return None;
        }
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); self.frames.len()];
        let mut tops = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            match frame.parent {
                Some(parent) => children[parent].push(at),
                None => tops.push(at),
            }
        }
        let mut placed = Vec::new();
        let mut waiting = vec![(tops, 0, WIDTH, total)];
        while let Some((mut level, mut x, width, whole)) = waiting.pop() {
            level.sort_by_key(|at| std::cmp::Reverse(self.frames[*at].weight));
            // Calls that ran side by side weigh more than what they are inside of.
            let inside: u64 = level.iter().map(|at| self.frames[*at].weight).sum();
            let whole = whole.max(inside).max(1);
            for at in level {
                let weight = self.frames[at].weight;
                let wide = u128::from(weight) * u128::from(width) / u128::from(whole);
                let wide = u64::try_from(wide).unwrap_or(width);
                if wide >= THINNEST {
                    placed.push((at, x, wide));
                    waiting.push((std::mem::take(&mut children[at]), x, wide, weight));
                }
                x += wide;
            }
        }
        Some(self.svg(title, label, &placed))
    }

    fn svg(
        &self,
        title: &str,
        label: &dyn Fn(u64) -> String,
        placed: &[(usize, u64, u64)],
    ) -> Html {
        let depth = placed.iter().map(|(at, ..)| self.frames[*at].depth).max();
        let height = (depth.unwrap_or(0) as u64 + 1) * ROW;
        let mut html = Html::default();
        html.raw("<div class=\"flame\" tabindex=\"0\" role=\"group\" aria-label=\"")
            .text(title);
        html.raw("\"><svg viewBox=\"0 0 1000 ")
            .text(height)
            .raw("\" role=\"list\">");
        for (at, x, width) in placed {
            let frame = &self.frames[*at];
            let y = frame.depth as u64 * ROW;
            html.raw("<a role=\"listitem\" href=\"").text(&frame.href);
            html.raw("\"><title>").text(&frame.name);
            html.raw(", ").text(text::counted(frame.calls, "call"));
            html.raw(", ").text(label(frame.weight));
            html.raw("</title><rect class=\"k-").text(frame.class);
            html.raw("\" x=\"").text(x).raw("\" y=\"").text(y);
            html.raw("\" width=\"")
                .text(width.saturating_sub(1))
                .raw("\" height=\"")
                .text(ROW - 1);
            html.raw("\" rx=\"2\"/>");
            let letters = usize::try_from(width.saturating_sub(8) / LETTER).unwrap_or(0);
            if letters >= 3 {
                let told = format!("{} · {}", frame.name, label(frame.weight));
                let mut shown: String = told.chars().take(letters).collect();
                if shown.len() < told.len() {
                    shown = frame.name.chars().take(letters).collect();
                }
                html.raw("<text x=\"")
                    .text(x + 5)
                    .raw("\" y=\"")
                    .text(y + 15)
                    .raw("\">");
                html.text(shown).raw("</text>");
            }
            html.raw("</a>");
        }
        html.raw("</svg></div>");
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(parent: Option<usize>, depth: usize, name: &str, weight: u64) -> Frame {
        Frame {
            parent,
            depth,
            name: name.to_owned(),
            class: "llms",
            href: "/".to_owned(),
            calls: 1,
            weight,
        }
    }

    #[test]
    fn frames_are_as_wide_as_what_is_inside_them() {
        let frames = vec![
            frame(None, 0, "outer", 0),
            frame(Some(0), 1, "big", 30),
            frame(Some(0), 1, "small", 10),
            frame(None, 0, "nothing", 0),
        ];
        let flame = Flame {
            frames,
            sums_up: true,
        };
        let html = flame
            .draw("cost", &|weight| weight.to_string())
            .unwrap()
            .to_string();
        assert!(html.contains("x=\"0\" y=\"0\" width=\"999\""));
        assert!(html.contains("x=\"0\" y=\"22\" width=\"749\""));
        assert!(html.contains("x=\"750\" y=\"22\" width=\"249\""));
        assert!(!html.contains("nothing"));
    }

    #[test]
    fn no_weight_no_drawing() {
        let frames = vec![frame(None, 0, "free", 0)];
        let flame = Flame {
            frames,
            sums_up: true,
        };
        assert!(flame.draw("cost", &|weight| weight.to_string()).is_none());
    }
}
