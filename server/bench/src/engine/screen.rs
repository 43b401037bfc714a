//! Draws the chart in a terminal: a label, a bar, the value.

use std::fmt::Write;

use lowkey_terminal::style::{ACCEPTED, BOLD, QUIET};

use super::chart::Chart;

/// Length of the longest bar in characters.
const WIDTH: usize = 32;
/// A bar's last character, by eighths of a character.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Draws the chart as lines of text.
pub(super) fn draw(chart: &Chart) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}  {QUIET}{}{QUIET:#}\n", chart.title, chart.subtitle);
    for section in &chart.sections {
        let _ = writeln!(out, "\n{BOLD}{}{BOLD:#}", section.name);
        let longest = section.bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
        for bar in &section.bars {
            let drawn = blocks(bar.value / longest);
            let gap = " ".repeat(WIDTH - n_characters(bar.value / longest));
            let _ = writeln!(
                out,
                "  {:>11}  {ACCEPTED}{drawn}{ACCEPTED:#}{gap}  {:>12}  {QUIET}{}{QUIET:#}",
                bar.label, bar.text, bar.note
            );
        }
    }
    out.push('\n');
    for note in &chart.notes {
        let _ = writeln!(out, "{note}");
    }
    out
}

/// Returns a bar's length in eighths of a character.
fn eighths(share: f64) -> usize {
    let most = WIDTH * 8;
    ((share * most as f64).round() as usize).clamp(1, most)
}

fn n_characters(share: f64) -> usize {
    eighths(share).div_ceil(8)
}

fn blocks(share: f64) -> String {
    let eighths = eighths(share);
    let last = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{last}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_length_follows_its_share() {
        assert_eq!(blocks(1.0), "█".repeat(WIDTH));
        assert_eq!(blocks(0.5), "█".repeat(WIDTH / 2));
        assert_eq!(blocks(0.0), "▏");
        for share in [0.0, 0.013, 0.5, 0.77, 1.0, f64::NAN] {
            assert_eq!(blocks(share).chars().count(), n_characters(share), "{share}");
        }
    }
}
