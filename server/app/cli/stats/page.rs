//! The statistics as one page: figures, plots and tables, without external resources.
//!
//! Its content security policy forbids scripts and all requests, and the browser enforces that.

use std::fmt::Write as _;

use lowkey_completer::stats::MS_BOUNDS;
use lowkey_terminal::markup::escaped;

use super::plot::{Bar, horizontal, vertical};
use super::view::{Part, View};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>lowkey on this machine</title>
<style>
:root { --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d1d9e0; --whole: #b6d4fe; --part: #0969da; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0d1117; --ink: #f0f6fc; --soft: #9198a1; --line: #3d444d; --whole: #1f4a7d; --part: #4493f8; }
}
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p, caption { color: var(--soft); text-align: left; } svg { width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 13px; } .axis { stroke: var(--line); } .whole { fill: var(--whole); } .part { fill: var(--part); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; }
dt { color: var(--soft); font-size: .9rem; } dd { margin: 0; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); } th:first-child, td:first-child { text-align: left; }
</style>
</head>
<body>
"#;

pub(super) fn page(view: &View) -> String {
    let total = &view.total;
    let mut page = format!(
        "{HEAD}<h1>lowkey on this machine</h1>\n<p>{} to {}. Counts only, stored on this machine; this page loads nothing.</p>\n",
        view.from, view.to
    );
    let percent =
        |share: Option<f64>| share.map_or("–".into(), |s| format!("{:.1} %", s * 100.0));
    let ms = |ms: Option<u32>| ms.map_or("–".into(), |ms| format!("≤ {ms} ms"));
    page.push_str("<dl>\n");
    for (name, figure) in [
        ("suggestions shown", total.shown.to_string()),
        ("taken", total.accepted.to_string()),
        ("taken, of shown", percent(view.rates.accepted)),
        ("unchanged after 30 s", percent(view.rates.retained)),
        ("characters taken", total.accepted_chars.to_string()),
        ("requests", total.requests.to_string()),
        ("half answered within", ms(view.rates.ms_p50)),
        ("95 of 100 within", ms(view.rates.ms_p95)),
    ] {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{figure}</dd></div>");
    }
    page.push_str("</dl>\n");
    let taken = |part: &Part| Bar {
        name: part.name.clone(),
        whole: part.tally.shown,
        part: part.tally.accepted,
        words: format!("{} of {} taken", part.tally.accepted, part.tally.shown),
    };
    let bars = |parts: &[Part]| parts.iter().map(taken).collect::<Vec<_>>();
    section(
        &mut page,
        "Shown and taken, by day",
        &vertical("shown and taken by day", &bars(&view.days)),
    );
    section(
        &mut page,
        "By language",
        &horizontal("shown and taken by language", &bars(&view.languages)),
    );
    let silent: Vec<Bar> = view
        .silent()
        .into_iter()
        .map(|(rule, n)| Bar { name: rule.into(), whole: n, part: n, words: n.to_string() })
        .collect();
    section(
        &mut page,
        "Reasons for no suggestion",
        &horizontal("requests without a suggestion by reason", &silent),
    );
    let classes = MS_BOUNDS.iter().map(|bound| format!("≤ {bound} ms"));
    let times: Vec<Bar> = classes
        .chain(["longer".to_owned()])
        .zip(&total.ms)
        .map(|(name, &n)| Bar { name, whole: n, part: n, words: n.to_string() })
        .collect();
    section(&mut page, "Answer times", &horizontal("answers by milliseconds", &times));
    page.push_str("<h2>Tables</h2>\n");
    for (caption, parts) in
        [("days", &view.days), ("languages", &view.languages), ("models", &view.models)]
    {
        page.push_str(&table(caption, parts));
    }
    page + "</body>\n</html>\n"
}

fn section(page: &mut String, title: &str, plot: &str) {
    let _ = writeln!(page, "<h2>{title}</h2>\n{plot}");
}

fn table(caption: &str, parts: &[Part]) -> String {
    let mut table = format!(
        "<table><caption>{caption}</caption>\n<tr><th></th><th>requests</th><th>shown</th><th>taken</th><th>in part</th>\
         <th>typed</th><th>retained</th><th>characters</th></tr>\n"
    );
    for Part { name, tally, .. } in parts {
        let _ = writeln!(
            table,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} of {}</td><td>{}</td></tr>",
            escaped(name),
            tally.requests,
            tally.shown,
            tally.accepted,
            tally.partly_accepted,
            tally.typed,
            tally.retained,
            tally.judged,
            tally.accepted_chars,
        );
    }
    table + "</table>\n"
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;
    use lowkey_completer::stats::{Counted, Day};

    #[test]
    fn page_has_figures_and_loads_nothing() {
        let page = page(&view());
        for part in ["<dd>22</dd>", "<dd>22.7 %</dd>", "≤ 150 ms", "5 of 20 taken", "gate: 70"] {
            assert!(page.contains(part), "{part:?} in {page}");
        }
        for foreign in ["<script", "http:", "https:", "src=", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign:?} in the page");
        }
        assert_eq!(page.matches("<svg").count(), 4);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn names_are_escaped_in_the_page() {
        let page = page(&view());
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn empty_statistics_give_a_page() {
        let page = page(&View::of(&Counted::default(), Day::default(), 30));
        assert!(page.contains("<dd>–</dd>") && page.ends_with("</html>\n"));
    }
}
