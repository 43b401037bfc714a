//! Tables of the stock book, as plain text for a terminal.

use crate::inventory::{Article, Inventory};

/// How wide the title column is.
const TITLE_WIDTH: usize = 24;

/// A line per article, and a sum below.
pub fn table(articles: &[Article]) -> String {
    let mut out = String::new();
    for article in articles {
        out.push_str(&row(article));
        out.push('\n');
    }
    let sum: u64 = articles.iter().map(|a| a.unit_cents * u64::from(a.on_hand)).sum();
    out.push_str(&format!("{:>width$}\n", money(sum), width = TITLE_WIDTH + 20));
    out
}

fn row(article: &Article) -> String {
    format!(
        "{:<8} {:<width$} {:>5} {:>10}",
        article.sku,
        shorten(&article.title, TITLE_WIDTH),
        article.on_hand,
        money(article.unit_cents),
        width = TITLE_WIDTH,
    )
}

/// Cents as a price.
pub fn money(cents: u64) -> String {
    format!("{}.{:02} €", cents / 100, cents % 100)
}

/// At most `width` characters, with an ellipsis if some are missing.
pub fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// What has to be ordered, one line each.
pub fn orders(inventory: &Inventory) -> String {
    let mut out = String::new();
    for article in inventory.running_out() {
        let missing = article.reorder_below - article.on_hand;
        out.push_str(&format!("{} × {}\n", missing, article.title));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_two_decimals() {
        assert_eq!(money(5), "0.05 €");
        assert_eq!(money(1230), "12.30 €");
    }
}
