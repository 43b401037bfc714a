//! The statistics on a terminal.

use std::fmt::Write as _;

use lowkey_terminal::style::{ACCEPTED, BOLD, QUIET};

use super::view::{Part, View};

/// Maximum length of a bar.
const BAR_CHARS: usize = 30;
/// Maximum number of rows of a kind.
const MAX_ROWS: usize = 14;

/// Draws a view; `path` is the file it comes from.
pub(super) fn screen(view: &View, path: &str, n_unreadable: usize) -> String {
    let mut screen = String::new();
    let _ = writeln!(
        screen,
        "{BOLD}lowkey on this machine, {} to {}{BOLD:#}\n{QUIET}{path}{QUIET:#}\n",
        view.from, view.to
    );
    let total = &view.total;
    if total.requests == 0 {
        screen.push_str(
            "Nothing counted. An editor's server counts once a minute and at exit, unless the setting `statistics` is off.\n",
        );
        return screen + &unreadable(n_unreadable);
    }
    let _ = writeln!(
        screen,
        "{} requests, {} suggestions shown, {} taken{}, {} in part, {} typed by hand",
        total.requests,
        total.shown,
        total.accepted,
        share(view.rates.accepted),
        total.partly_accepted,
        total.typed,
    );
    let _ = writeln!(
        screen,
        "{} of {} characters shown were taken; of {} taken suggestions checked after 30 s, {} were unchanged{}",
        total.accepted_chars,
        total.shown_chars,
        total.judged,
        total.retained,
        share(view.rates.retained),
    );
    let within = |ms: Option<u32>| ms.map_or("more than 2000 ms".into(), |ms| format!("{ms} ms"));
    let _ = writeln!(
        screen,
        "half of the answers within {}, 95 of 100 within {}",
        within(view.rates.ms_p50),
        within(view.rates.ms_p95),
    );
    let recent = view.days.len().saturating_sub(MAX_ROWS);
    for (title, parts) in [
        ("By day", view.days.get(recent..).unwrap_or_default()),
        ("By language", view.languages.as_slice()),
        ("By model", view.models.as_slice()),
    ] {
        let _ = writeln!(screen, "\n{BOLD}{title}{BOLD:#}");
        screen.push_str(&table(parts));
    }
    let _ = writeln!(screen, "\n{BOLD}Reasons for no suggestion{BOLD:#}");
    let silent = view.silent();
    let most = silent.first().map_or(0, |(_, n)| *n);
    for (rule, n) in silent.iter().take(MAX_ROWS) {
        let _ = writeln!(screen, "  {rule:<20}{n:>8}  {QUIET}{}{QUIET:#}", bar(*n, most));
    }
    screen + &unreadable(n_unreadable)
}

fn table(parts: &[Part]) -> String {
    let most = parts.iter().map(|part| part.tally.shown).max().unwrap_or(0);
    let mut table = format!("  {:<20}{:>8}{:>8}{:>10}\n", "", "shown", "taken", "");
    for part in parts.iter().take(MAX_ROWS) {
        let rate =
            part.rates.accepted.map_or(String::new(), |rate| format!("{:.0} %", rate * 100.0));
        let (shown, taken) = (part.tally.shown, part.tally.accepted);
        // The accepted part of the bar uses full blocks.
        let whole = bar(shown, most).chars().count();
        let full = bar(taken, most).chars().count().min(whole);
        let (full, rest) = ("█".repeat(full), "░".repeat(whole - full));
        let drawn = format!("{ACCEPTED}{full}{ACCEPTED:#}{QUIET}{rest}{QUIET:#}");
        let _ = writeln!(table, "  {:<20}{shown:>8}{taken:>8}{rate:>8}  {drawn}", part.name);
    }
    if let Some(more) = parts.len().checked_sub(MAX_ROWS + 1) {
        let _ = writeln!(table, "  and {} more", more + 1);
    }
    table
}

/// Draws a bar of length `n` of `most`; any count above 0 has a visible bar.
fn bar(n: u64, most: u64) -> String {
    let share = n as f64 / most.max(1) as f64;
    let chars = (share * BAR_CHARS as f64).round() as usize;
    "█".repeat(chars.clamp(usize::from(n > 0), BAR_CHARS))
}

fn share(share: Option<f64>) -> String {
    share.map_or(String::new(), |share| format!(" ({:.1} %)", share * 100.0))
}

fn unreadable(n: usize) -> String {
    match n {
        0 => String::new(),
        1 => "\n1 line of the file could not be read and is not counted.\n".to_owned(),
        n => format!("\n{n} lines of the file could not be read and are not counted.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{counted, view};
    use super::*;
    use lowkey_completer::stats::{Counted, Day};

    fn plain(screen: &str) -> String {
        anstream::adapter::strip_str(screen).to_string()
    }

    #[test]
    fn screen_has_figures_bars_and_reasons() {
        let screen = plain(&screen(&view(), "/x", counted().unreadable));
        for part in [
            "110 requests, 22 suggestions shown, 5 taken (22.7 %)",
            "of 4 taken suggestions checked after 30 s, 3 were unchanged (75.0 %)",
            "half of the answers within 50 ms, 95 of 100 within 150 ms",
            "2026-11-21                20       5    25 %  ████████░",
            "gate                      70  ██████████████████████████████\n",
            "1 line of the file could not be read",
        ] {
            assert!(screen.contains(part), "{part:?} in\n{screen}");
        }
    }

    #[test]
    fn empty_screen_explains_itself() {
        let view = View::of(&Counted::default(), Day::default(), 30);
        let screen = screen(&view, "/x", 0);
        assert!(screen.contains("Nothing counted.") && screen.contains("/x"), "{screen}");
    }

    #[test]
    fn bars_fit_any_count() {
        assert_eq!(bar(0, 0), "");
        assert_eq!(bar(1, u64::MAX).chars().count(), 1);
        assert_eq!(bar(u64::MAX, 1).chars().count(), BAR_CHARS);
    }
}
