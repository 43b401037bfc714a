//! Definitions of languages with braces.
//!
//! The text is read as statements. The *head* of a statement is its tokens up to its body or its
//! end, so a signature on several lines is one head. Blocks form a stack; the kind of a block
//! decides which heads inside it are definitions.

use super::definitions::Collector;
use super::grammar::{Family, Grammar};
use super::head::{End, Outcome, Scope, is, is_arrow};
use super::keywords::{self, Site};
use super::tokens::{Kind, Token};
use super::{script, typed};

mod directives;

/// Maximum tokens of a head that are kept; the rest of a long table is not needed.
const MAX_HEAD_TOKENS: usize = 1000;

/// Longer blocks inside a signature are left out.
const MAX_INLINE_BYTES: usize = 80;

/// Maximum number of open blocks; deeper ones are read as one.
const MAX_BLOCKS: usize = 200;

/// An open block.
#[derive(Debug)]
struct Block<'t> {
    scope: Scope,
    container: Option<String>,
    /// The head before the block, and the brackets open in it.
    head: Vec<Token<'t>>,
    n_open: usize,
    /// The bracket that opened the block.
    open: Token<'t>,
    continues: bool,
    /// The number of definitions before the block.
    n_before: usize,
}

/// Reads the definitions of a text's tokens.
pub(super) fn read<'t>(
    grammar: &'static Grammar,
    text: &'t str,
    tokens: &[Token<'t>],
    out: &mut Collector,
) {
    let mut reader = Reader {
        grammar,
        text,
        blocks: Vec::new(),
        scope: Scope::Open,
        container: None,
        head: Vec::new(),
        n_open: 0,
        n_ignored: 0,
        anonymous: None,
        conditions: Vec::new(),
        out,
    };
    let mut at = 0;
    while let Some(&token) = tokens.get(at) {
        if grammar.has_directives && token.is_first && token.is("#") {
            at = reader.directive(tokens, at);
            continue;
        }
        if reader.out.is_full() {
            return;
        }
        reader.read(token, tokens.get(at + 1));
        at += 1;
    }
    reader.finish(End::Close);
}

struct Reader<'t, 'o> {
    grammar: &'static Grammar,
    text: &'t str,
    blocks: Vec<Block<'t>>,
    scope: Scope,
    container: Option<String>,
    head: Vec<Token<'t>>,
    /// Brackets open in the head.
    n_open: usize,
    /// Blocks open beyond [`MAX_BLOCKS`].
    n_ignored: usize,
    /// After a type without a name, the number of definitions before it.
    anonymous: Option<usize>,
    /// For each open `#if`, the number of blocks before it.
    conditions: Vec<usize>,
    out: &'o mut Collector,
}

impl<'t> Reader<'t, '_> {
    fn read(&mut self, token: Token<'t>, next: Option<&Token<'t>>) {
        if self.n_ignored > 0 {
            if token.is("{") {
                self.n_ignored += 1;
            } else if token.is("}") {
                self.n_ignored -= 1;
            }
            return;
        }
        let is_objective_c = self.grammar.has_directives && is(&self.head, 0, "@");
        if is_objective_c && token.is_first && self.n_open == 0 {
            self.finish(End::Line);
        }
        if token.is_first
            && self.n_open == 0
            && self.grammar.newline_ends
            && self.head.last().is_some_and(|last| !self.continues(last, &token, next))
        {
            self.finish(End::Line);
        }
        if token.kind != Kind::Mark {
            self.push(token);
            return;
        }
        match token.text {
            "{" => self.open(token),
            "}" => self.close(token),
            "(" if self.is_group() => {
                let role = self.head.first().and_then(|first| self.grammar.role(first.text));
                let scope = role.map_or(Scope::Hidden, Scope::Group);
                self.enter(Outcome::nothing(scope), token);
            }
            "(" | "[" => {
                self.n_open += 1;
                self.push(token);
            }
            ")" if self.n_open == 0 && matches!(self.scope, Scope::Group(_)) => self.close(token),
            ")" | "]" => {
                self.n_open = self.n_open.saturating_sub(1);
                self.push(token);
            }
            ";" if self.n_open == 0 => {
                self.finish(End::Semicolon);
                // The methods of Java's and Kotlin's enums follow their values. Values of Protocol
                // Buffers end with a semicolon each.
                if self.scope == Scope::Enum && self.grammar.role("syntax").is_none() {
                    self.scope = Scope::Type;
                }
            }
            "," if self.n_open == 0 && self.comma_ends() => self.finish(End::Comma),
            ":" if self.is_label() => self.head.clear(),
            _ => self.push(token),
        }
    }

    fn push(&mut self, token: Token<'t>) {
        if self.head.len() < MAX_HEAD_TOKENS {
            self.head.push(token);
        }
    }

    /// Whether the next `(` opens a group of definitions in Go.
    fn is_group(&self) -> bool {
        let is_keyword = |word: &str| matches!(word, "const" | "var" | "type" | "import");
        self.scope == Scope::Open
            && self.head.len() == 1
            && self.head.first().is_some_and(|first| first.is_word() && is_keyword(first.text))
            && self.grammar.role("func").is_some()
            && self.grammar.role("package").is_some()
    }

    fn comma_ends(&self) -> bool {
        let is_member = match self.scope {
            Scope::Enum => true,
            Scope::Type | Scope::Object => self.grammar.comma_ends,
            _ => false,
        };
        if !is_member {
            return false;
        }
        let mut angles = 0i32;
        for (idx, token) in self.head.iter().enumerate() {
            if token.is("<") {
                angles += 1;
            } else if token.is(">") && !is_arrow(&self.head, idx) {
                angles -= 1;
            }
        }
        angles <= 0 || self.scope == Scope::Enum
    }

    /// Whether the head and the next `:` are `public:` and the like.
    fn is_label(&self) -> bool {
        self.grammar.has_directives
            && self.scope == Scope::Type
            && self.head.len() <= 2
            && self.head.first().is_some_and(|first| {
                matches!(
                    first.text,
                    "public" | "private" | "protected" | "signals" | "slots" | "Q_SIGNALS"
                )
            })
    }

    /// Whether a statement continues on the line that begins with `next`.
    fn continues(&self, last: &Token<'t>, next: &Token<'t>, after: Option<&Token<'t>>) -> bool {
        // `import a.*`
        if last.is("*") && self.head.first().is_some_and(|first| first.text == "import") {
            return false;
        }
        let is_operator = last.is_any(",=+-*/|&?:<([.^%~")
            || (last.is(">") && is_arrow(&self.head, self.head.len().saturating_sub(1)));
        if is_operator && !(last.is_any("?*") && self.scope == Scope::Type) {
            return true;
        }
        let is_keyword = matches!(
            last.text,
            "extends"
                | "implements"
                | "where"
                | "in"
                | "else"
                | "class"
                | "function"
                | "func"
                | "fun"
                | "interface"
                | "export"
                | "default"
        );
        if last.is_word() && is_keyword && next.is_word() && !matches!(last.text, "in" | "default")
        {
            return true;
        }
        if next.is_any(".?:=|&)],>") || next.is("{") {
            return !next.is("?") || self.scope != Scope::Type;
        }
        if next.is_any("-+*/") {
            return after.is_some_and(|after| after.is(">") && after.start == next.end());
        }
        matches!(
            next.text,
            "extends" | "implements" | "where" | "throws" | "async" | "else" | "catch"
        ) && last.is_any(")>")
            || matches!(next.text, "extends" | "implements" | "where")
    }

    fn classify(&self, end: End) -> Outcome {
        let site = Site {
            grammar: self.grammar,
            head: &self.head,
            end,
            scope: self.scope,
            container: self.container.as_deref(),
        };
        match self.grammar.family {
            Family::Script => script::classify(site),
            Family::Typed => typed::classify(site),
            Family::Keywords | Family::Lines => keywords::classify(site),
        }
    }

    /// Ends the statement.
    fn finish(&mut self, end: End) {
        if self.head.is_empty() {
            return;
        }
        if matches!(self.scope, Scope::Local | Scope::Hidden) {
            self.head.clear();
            return;
        }
        let outcome = self.classify(end);
        let is_typedef = self.head.first().is_some_and(|first| first.text == "typedef");
        if is_typedef
            && let Some(n_before) = self.anonymous.take()
            && let Some(named) = outcome.found.first()
        {
            self.out.name_container(n_before, &named.name);
        }
        self.record(outcome.found);
        self.head.clear();
    }

    fn record(&mut self, all: Vec<super::head::Found>) {
        for mut found in all {
            let container = found.container.take().or_else(|| self.container.clone());
            self.out.add(found, container);
        }
    }

    fn open(&mut self, token: Token<'t>) {
        if self.blocks.len() >= MAX_BLOCKS {
            self.n_ignored = 1;
            return;
        }
        if self.n_open > 0 {
            self.enter(Outcome { continues: true, ..Outcome::nothing(Scope::Hidden) }, token);
            return;
        }
        let mut outcome = match self.scope {
            Scope::Local | Scope::Hidden => Outcome::nothing(self.scope),
            _ => self.classify(End::Body),
        };
        let all = std::mem::take(&mut outcome.found);
        let has_found = !all.is_empty();
        self.record(all);
        if has_found && outcome.continues && !self.keeps_head() {
            // Recorded once: the rest of the statement defines nothing.
            self.head.clear();
            outcome.continues = false;
        }
        self.enter(outcome, token);
    }

    /// Whether the names after the body of this head are definitions: `typedef struct {} Name`.
    fn keeps_head(&self) -> bool {
        self.grammar.family == Family::Typed && typed::is_c(self.grammar)
    }

    fn enter(&mut self, outcome: Outcome, open: Token<'t>) {
        let container = match outcome.scope {
            Scope::Open | Scope::Group(_) => outcome.container.or_else(|| self.container.clone()),
            _ => outcome.container,
        };
        self.blocks.push(Block {
            scope: self.scope,
            container: std::mem::replace(&mut self.container, container),
            head: std::mem::take(&mut self.head),
            n_open: std::mem::take(&mut self.n_open),
            open,
            continues: outcome.continues,
            n_before: self.out.len(),
        });
        self.scope = outcome.scope;
    }

    fn close(&mut self, token: Token<'t>) {
        self.finish(End::Close);
        let Some(block) = self.blocks.pop() else { return };
        let is_type = matches!(self.scope, Scope::Type | Scope::Enum);
        self.anonymous = (is_type && self.container.is_none()).then_some(block.n_before);
        self.scope = block.scope;
        self.container = block.container;
        self.head.clear();
        self.n_open = block.n_open;
        if block.continues || self.n_open > 0 {
            self.head = block.head;
            let placeholder = self.placeholder(block.open, token);
            self.push(placeholder);
        }
    }

    /// Returns the token that represents a finished block in the head around it.
    fn placeholder(&self, open: Token<'t>, close: Token<'t>) -> Token<'t> {
        let text = self.text.get(open.start..close.end()).unwrap_or_default();
        let is_short =
            text.len() <= MAX_INLINE_BYTES && !text.contains("//") && !text.contains("/*");
        if self.n_open > 0 || !self.keeps_head() {
            // A type or a pattern among parameters is a part of the signature.
            let text = if is_short { text } else { "{}" };
            return Token { text, kind: Kind::Literal, ..open };
        }
        Token { text: "{}", kind: Kind::Body, ..open }
    }
}
