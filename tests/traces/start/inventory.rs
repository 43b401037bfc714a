//! A small stock book: what lies on which shelf, and what is running out.

use std::collections::BTreeMap;
use std::fmt;

/// One kind of article.
#[derive(Debug, Clone, PartialEq)]
pub struct Article {
    pub sku: String,
    pub title: String,
    pub unit_cents: u64,
    pub on_hand: u32,
    pub reorder_below: u32,
}

/// Why a booking was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum BookingError {
    UnknownSku(String),
    NotEnough { sku: String, wanted: u32, on_hand: u32 },
}

impl fmt::Display for BookingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BookingError::UnknownSku(sku) => write!(f, "no article has the number {sku}"),
            BookingError::NotEnough { sku, wanted, on_hand } => {
                write!(f, "{sku}: {wanted} wanted, {on_hand} on hand")
            }
        }
    }
}

/// All articles, by their number.
#[derive(Debug, Default)]
pub struct Inventory {
    articles: BTreeMap<String, Article>,
    log: Vec<Movement>,
}

/// A change of one article's stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    pub sku: String,
    pub amount: i64,
    pub reason: String,
}

impl Inventory {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an article or replaces the one with its number.
    pub fn put(&mut self, article: Article) {
        self.articles.insert(article.sku.clone(), article);
    }

    /// The article with this number.
    pub fn get(&self, sku: &str) -> Option<&Article> {
        self.articles.get(sku)
    }

    /// Books goods that came in.
    pub fn receive(&mut self, sku: &str, amount: u32) -> Result<u32, BookingError> {
        let article = self.find(sku)?;
        article.on_hand += amount;
        let on_hand = article.on_hand;
        self.record(sku, i64::from(amount), "received");
        Ok(on_hand)
    }

    /// Books goods that go out, if there are enough of them.
    pub fn ship(&mut self, sku: &str, amount: u32) -> Result<u32, BookingError> {
        let article = self.find(sku)?;
        if article.on_hand < amount {
            return Err(BookingError::NotEnough {
                sku: sku.to_owned(),
                wanted: amount,
                on_hand: article.on_hand,
            });
        }
        article.on_hand -= amount;
        let on_hand = article.on_hand;
        self.record(sku, -i64::from(amount), "shipped");
        Ok(on_hand)
    }

    /// The articles that should be ordered again.
    pub fn running_out(&self) -> Vec<&Article> {
        self.articles.values().filter(|article| article.on_hand < article.reorder_below).collect()
    }

    fn find(&mut self, sku: &str) -> Result<&mut Article, BookingError> {
        self.articles.get_mut(sku).ok_or_else(|| BookingError::UnknownSku(sku.to_owned()))
    }

    fn record(&mut self, sku: &str, amount: i64, reason: &str) {
        self.log.push(Movement { sku: sku.to_owned(), amount, reason: reason.to_owned() });
    }
}
