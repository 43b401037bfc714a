//! SVG plots in a page: vertical bars for days, and horizontal bars for names.
//!
//! Colours are those of the page (`currentColor` and its classes), so that they follow light and
//! dark mode. Every bar has a title with its figures.

use std::fmt::Write as _;

use lowkey_terminal::markup::escaped;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 180.0;
const ROW: f64 = 26.0;
const NAMES: f64 = 170.0;
const FIGURES: f64 = 90.0;

/// One bar: its name, its whole, and the filled part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) whole: u64,
    pub(super) part: u64,
    /// The figures, in words.
    pub(super) words: String,
}

fn most(bars: &[Bar]) -> f64 {
    bars.iter().map(|bar| bar.whole).max().unwrap_or(0).max(1) as f64
}

/// Draws vertical bars in order; the first, middle and last have their names below.
pub(super) fn vertical(label: &str, bars: &[Bar]) -> String {
    let most = most(bars);
    let step = WIDTH / bars.len().max(1) as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{}\">\n",
        HEIGHT + 24.0,
        escaped(label)
    );
    let _ = writeln!(
        svg,
        "<line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/>"
    );
    for (idx, bar) in bars.iter().enumerate() {
        let (x, width) = (idx as f64 * step, (step * 0.8).min(48.0));
        let _ = write!(svg, "<g><title>{}: {}</title>", escaped(&bar.name), escaped(&bar.words));
        for (class, n) in [("whole", bar.whole), ("part", bar.part.min(bar.whole))] {
            let height = (HEIGHT - 8.0) * n as f64 / most;
            let y = HEIGHT - height;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
            );
        }
        svg.push_str("</g>\n");
        let last = bars.len() - 1;
        if idx == 0 || idx == last || (last > 3 && idx == last / 2) {
            let anchor = if idx == last && last > 0 { "end" } else { "start" };
            let at = if anchor == "end" { x + width } else { x };
            let _ = writeln!(
                svg,
                "<text x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
                HEIGHT + 18.0,
                escaped(&bar.name)
            );
        }
    }
    svg + "</svg>"
}

/// Draws horizontal bars, each with its name and figures.
pub(super) fn horizontal(label: &str, bars: &[Bar]) -> String {
    let most = most(bars);
    let room = WIDTH - NAMES - FIGURES;
    let height = ROW * bars.len().max(1) as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{}\">\n",
        escaped(label)
    );
    for (idx, bar) in bars.iter().enumerate() {
        let y = idx as f64 * ROW;
        let middle = y + ROW * 0.65;
        let _ = write!(
            svg,
            "<g><title>{}: {}</title><text x=\"{:.0}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            escaped(&bar.name),
            escaped(&bar.words),
            NAMES - 10.0,
            escaped(&bar.name)
        );
        for (class, n) in [("whole", bar.whole), ("part", bar.part.min(bar.whole))] {
            let width = room * n as f64 / most;
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                y + 4.0,
                ROW - 8.0
            );
        }
        let end = NAMES + room * bar.whole as f64 / most + 8.0;
        let _ = writeln!(
            svg,
            "<text x=\"{end:.1}\" y=\"{middle:.1}\">{}</text></g>",
            escaped(&bar.words)
        );
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, whole: u64, part: u64) -> Bar {
        Bar { name: name.into(), whole, part, words: format!("{part} of {whole}") }
    }

    #[test]
    fn bars_keep_within_the_plot() {
        let bars = [bar("a", 700, 3), bar("b", 0, 7), bar("c", 5, 5)];
        for svg in [vertical("days", &bars), horizontal("names", &bars)] {
            assert_eq!(svg.matches("<rect").count(), 6);
            assert_eq!(svg.matches("<title>").count(), 3);
            for part in svg.split(['"', ' ']) {
                if let Ok(number) = part.parse::<f64>() {
                    assert!((0.0..=WIDTH).contains(&number), "{number} in {svg}");
                }
            }
        }
    }

    #[test]
    fn no_bars_are_an_empty_plot() {
        assert!(vertical("x", &[]).starts_with("<svg") && horizontal("x", &[]).ends_with("</svg>"));
    }

    #[test]
    fn names_cannot_become_markup() {
        let svg = horizontal("<a>", &[bar("<script>\u{1b}\"'&", 1, 1)]);
        assert!(
            svg.contains("&lt;script&gt;&quot;&#x27;&amp;") && !svg.contains("<script"),
            "{svg}"
        );
    }
}
