//! The statistics as one page: figures, bars and tables, without external resources.
//!
//! minijinja fills in `page.html` and escapes the names, and the browser lays out the bars. The
//! page's content security policy forbids scripts and all requests, and the browser enforces that.

use lowkey_completer::stats::MS_BOUNDS;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::view::{Part, View};

/// A bar. Lengths are in percent of the longest bar.
#[derive(Debug, PartialEq, Serialize)]
struct Bar {
    name: String,
    /// The figures, in words.
    words: String,
    whole: f64,
    /// The filled part of the whole.
    part: f64,
}

/// What the template fills in.
#[derive(Serialize)]
struct Content<'a> {
    view: &'a View,
    days: Vec<Bar>,
    languages: Vec<Bar>,
    silent: Vec<Bar>,
    times: Vec<Bar>,
}

pub(super) fn page(view: &View) -> Result<String, minijinja::Error> {
    let classes = MS_BOUNDS.iter().map(|bound| format!("≤ {bound} ms"));
    let times: Vec<_> =
        classes.chain(["longer".to_owned()]).zip(view.total.ms.iter().copied()).collect();
    let content = Content {
        view,
        days: taken(&view.days),
        languages: taken(&view.languages),
        silent: counted(&view.silent()),
        times: counted(&times),
    };
    // The suffix of the name turns escaping on.
    Environment::new().render_named_str("page.html", include_str!("page.html"), Serde(content))
}

/// Returns bars of shown suggestions; the accepted ones are the filled part.
fn taken(parts: &[Part]) -> Vec<Bar> {
    let most = parts.iter().map(|part| part.tally.shown).max().unwrap_or(0);
    let bar = |part: &Part| {
        let (shown, accepted) = (part.tally.shown, part.tally.accepted);
        Bar {
            name: part.name.clone(),
            words: format!("{accepted} of {shown} taken"),
            whole: percent(shown, most),
            part: percent(accepted.min(shown), most),
        }
    };
    parts.iter().map(bar).collect()
}

/// Returns filled bars.
fn counted<N: ToString>(counts: &[(N, u64)]) -> Vec<Bar> {
    let most = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let bar = |(name, n): &(N, u64)| {
        let whole = percent(*n, most);
        Bar { name: name.to_string(), words: n.to_string(), whole, part: whole }
    };
    counts.iter().map(bar).collect()
}

/// Returns a share in percent, rounded to a tenth.
fn percent(n: u64, most: u64) -> f64 {
    (1000.0 * n as f64 / most.max(1) as f64).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;
    use lowkey_completer::stats::{Counted, Day, Tally};

    #[test]
    fn page_has_figures_and_loads_nothing() {
        let page = page(&view()).unwrap();
        for part in [
            "2026-10-24 to 2026-11-22",
            "<dd>22</dd>",
            "<dd>22.7 %</dd>",
            "≤ 150 ms",
            "5 of 20 taken",
            "title=\"gate: 70\"",
            "<td>3 of 4</td>",
        ] {
            assert!(page.contains(part), "{part:?} in {page}");
        }
        for foreign in ["<script", "http:", "https:", "src=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign:?} in the page");
        }
        for (tag, n) in [("<h2>", 5), ("<table class=\"bars\">", 3), ("<table><caption>", 3)] {
            assert_eq!(page.matches(tag).count(), n, "{tag}");
        }
        for tag in ["table", "tr", "td", "div", "dl", "i", "p"] {
            let opened = page.matches(&format!("<{tag}>")).count();
            let opened = opened + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn names_are_escaped_in_the_page() {
        let mut view = view();
        view.languages[0].name = "<b>&\"go".into();
        let page = page(&view).unwrap();
        // In a title, in a bar's name and in a table.
        assert_eq!(page.matches("&lt;b&gt;&amp;&quot;go").count(), 3, "{page}");
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn empty_statistics_give_a_page() {
        let page = page(&View::of(&Counted::default(), Day::default(), 30)).unwrap();
        assert!(page.contains("<dd>–</dd>") && page.ends_with("</html>"), "{page}");
    }

    #[test]
    fn bars_keep_within_the_plot() {
        let part = |name: &str, shown, accepted| {
            let tally = Tally { shown, accepted, ..Tally::default() };
            Part { name: name.into(), tally, rates: view().rates }
        };
        let bars = taken(&[part("a", 700, 3), part("b", 0, 7), part("c", 5, 5)]);
        let lengths: Vec<_> = bars.iter().map(|bar| (bar.whole, bar.part)).collect();
        assert_eq!(lengths, [(100.0, 0.4), (0.0, 0.0), (0.7, 0.7)]);
        assert_eq!(counted(&[("x", 0)])[0].whole, 0.0);
    }
}
