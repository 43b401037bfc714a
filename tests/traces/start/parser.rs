//! Arithmetic with names: text to tokens, tokens to a tree, tree to a number.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Name(String),
    Operator(char),
    Open,
    Close,
}

/// What is wrong, and where it was noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub at: usize,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    Leaf(f64),
    Variable(String),
    Negated(Box<Tree>),
    Binary(Box<Tree>, char, Box<Tree>),
}

/// Cuts a line into tokens.
pub fn tokens(text: &str) -> Result<Vec<Token>, Problem> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    let mut at = 0;
    while let Some(&c) = chars.peek() {
        match c {
            ' ' | '\t' => {
                chars.next();
                at += 1;
            }
            '0'..='9' | '.' => {
                let digits = run(&mut chars, |c| c.is_ascii_digit() || c == '.');
                at += digits.len();
                match digits.parse() {
                    Ok(number) => found.push(Token::Number(number)),
                    Err(_) => return Err(problem(at, "a number has two points")),
                }
            }
            '+' | '-' | '*' | '/' => {
                found.push(Token::Operator(c));
                chars.next();
                at += 1;
            }
            '(' | ')' => {
                found.push(if c == '(' { Token::Open } else { Token::Close });
                chars.next();
                at += 1;
            }
            c if c.is_alphabetic() => {
                let name = run(&mut chars, char::is_alphanumeric);
                at += name.len();
                found.push(Token::Name(name));
            }
            _ => return Err(problem(at, "this sign means nothing here")),
        }
    }
    Ok(found)
}

fn run(chars: &mut Peekable<Chars<'_>>, wanted: impl Fn(char) -> bool) -> String {
    let mut text = String::new();
    while let Some(&c) = chars.peek() {
        if !wanted(c) {
            break;
        }
        text.push(c);
        chars.next();
    }
    text
}

fn problem(at: usize, message: &str) -> Problem {
    Problem { at, message: message.to_owned() }
}

/// Builds the tree; products bind tighter than sums.
pub struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    pub fn new(tokens: Vec<Token>) -> Self {
        Self { tokens, next: 0 }
    }

    pub fn parse(mut self) -> Result<Tree, Problem> {
        let tree = self.sum()?;
        match self.tokens.get(self.next) {
            None => Ok(tree),
            Some(token) => Err(problem(self.next, &format!("nobody expected {token:?}"))),
        }
    }

    fn sum(&mut self) -> Result<Tree, Problem> {
        let mut left = self.product()?;
        while let Some(operator) = self.operator("+-") {
            let right = self.product()?;
            left = Tree::Binary(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Tree, Problem> {
        let mut left = self.atom()?;
        while let Some(operator) = self.operator("*/") {
            let right = self.atom()?;
            left = Tree::Binary(Box::new(left), operator, Box::new(right));
        }
        Ok(left)
    }

    fn operator(&mut self, among: &str) -> Option<char> {
        match self.tokens.get(self.next) {
            Some(Token::Operator(c)) if among.contains(*c) => {
                self.next += 1;
                Some(*c)
            }
            _ => None,
        }
    }

    fn atom(&mut self) -> Result<Tree, Problem> {
        let at = self.next;
        self.next += 1;
        match self.tokens.get(at).cloned() {
            Some(Token::Number(number)) => Ok(Tree::Leaf(number)),
            Some(Token::Name(name)) => Ok(Tree::Variable(name)),
            Some(Token::Operator('-')) => Ok(Tree::Negated(Box::new(self.atom()?))),
            Some(Token::Open) => {
                let inner = self.sum()?;
                match self.tokens.get(self.next) {
                    Some(Token::Close) => self.next += 1,
                    _ => return Err(problem(self.next, "a bracket stays open")),
                }
                Ok(inner)
            }
            _ => Err(problem(at, "a number, a name or a bracket belongs here")),
        }
    }
}

/// Works a tree out.
pub fn value(tree: &Tree, names: &HashMap<String, f64>) -> Result<f64, String> {
    match tree {
        Tree::Leaf(number) => Ok(*number),
        Tree::Variable(name) => names.get(name).copied().ok_or(format!("{name} has no value")),
        Tree::Negated(inner) => Ok(-value(inner, names)?),
        Tree::Binary(left, operator, right) => {
            let (left, right) = (value(left, names)?, value(right, names)?);
            match operator {
                '+' => Ok(left + right),
                '-' => Ok(left - right),
                '*' => Ok(left * right),
                _ => Ok(left / right),
            }
        }
    }
}
