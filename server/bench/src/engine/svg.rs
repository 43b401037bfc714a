//! Draws the chart as a self-contained SVG file: no script, no font, readable on light and dark
//! backgrounds.

use std::fmt::Write;

use lowkey_terminal::markup::escaped;

use super::chart::Chart;

/// Width of the picture in pixels.
const WIDTH: usize = 820;
/// Left edge of the bars.
const BARS_AT: usize = 130;
/// Length of the longest bar in pixels.
const LONGEST: f64 = 330.0;
/// Height of a line.
const LINE: usize = 22;

/// Colours follow the reader's preference.
const STYLE: &str =
    "text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
.back { fill: #ffffff } .bar { fill: #2f6f4f } .quiet { fill: #59636e } .bold { font-weight: 600 }
.figure { font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .back { fill: #0d1117 } .bar { fill: #56b886 } .quiet { fill: #9198a1 }
}";

/// Draws the chart.
pub(super) fn draw(chart: &Chart) -> String {
    let n_bars: usize = chart.sections.iter().map(|section| section.bars.len() + 2).sum();
    let height = LINE * (n_bars + chart.notes.len() + 4);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>lowkey bench engine: {}</title>\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>\n",
        escaped(&chart.title)
    );
    let mut y = LINE + 8;
    text(&mut out, 20, y, "bold", &chart.title);
    y += LINE;
    text(&mut out, 20, y, "quiet", &chart.subtitle);
    for section in &chart.sections {
        y += 2 * LINE;
        text(&mut out, 20, y, "bold", &section.name);
        let longest = section.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        for bar in &section.bars {
            y += LINE;
            let length = (bar.value / longest * LONGEST).clamp(1.0, LONGEST);
            let _ = writeln!(
                out,
                "<text class=\"figure\" x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"bar\" x=\"{BARS_AT}\" y=\"{}\" width=\"{length:.1}\" height=\"14\" rx=\"2\"/>",
                BARS_AT - 10,
                escaped(&bar.label),
                y - 11,
            );
            let figures = BARS_AT + LONGEST as usize + 14;
            text(&mut out, figures, y, "figure", &bar.text);
            text(&mut out, figures + 110, y, "figure quiet", &bar.note);
        }
    }
    y += LINE;
    for note in &chart.notes {
        y += LINE;
        text(&mut out, 20, y, "quiet", note);
    }
    out.push_str("</svg>\n");
    out
}

fn text(out: &mut String, x: usize, y: usize, class: &str, words: &str) {
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(words));
}

#[cfg(test)]
mod tests {
    use super::super::chart::{Bar, Section};
    use super::*;

    #[test]
    fn svg_has_figures_and_escaped_names() {
        let bar = |label: &str, value| Bar {
            label: label.to_owned(),
            value,
            text: format!("{value} ms"),
            note: "n".to_owned(),
        };
        let chart = Chart {
            title: "a <model> & more".to_owned(),
            subtitle: "s".to_owned(),
            sections: vec![Section {
                name: "times".to_owned(),
                bars: vec![bar("one", 1.0), bar("four", 4.0), bar("nothing", 0.0)],
            }],
            notes: vec!["a note".to_owned()],
        };
        let svg = draw(&chart);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("a &lt;model&gt; &amp; more") && !svg.contains("<model>"));
        let widths = ["82.5", "330.0", "1.0"].map(|w| format!("width=\"{w}\""));
        assert!(widths.iter().all(|width| svg.contains(width)), "{svg}");
        assert!(svg.contains("prefers-color-scheme: dark") && svg.contains("a note"));
    }
}
