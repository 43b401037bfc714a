"""Rust sessions.  How to read a script: see the package."""

from __future__ import annotations

from editor import Editor

from sessions.register import scenario


@scenario("src/inventory.rs")
def rust_new_function(e: Editor) -> None:
    e.goto('self.record(sku, -i64::from(amount), "shipped");\n        Ok(on_hand)\n    }')
    e.enter()
    e.enter()
    e.code("""
        /// Moves goods from one article to another, all or nothing.
        pub fn transfer(&mut self, from: &str, to: &str, amount: u32) -> Result<(), BookingError> {
            if !self.articles.contains_key(to) {
                return Err(BookingError::UnknownSku(to.to_owned()));
            }
            self.ship(from, amount)?;
            self.receive(to, amount)?;
            Ok(())
        }
    """)
    e.pause()
    e.goto("reorder_below).collect()\n    }")
    e.enter()
    e.enter()
    e.code("""
        /// What all goods on the shelves are worth, in cents.
        pub fn value_cents(&self) -> u64 {
            let mut sum = 0;
            for article in self.articles.values() {
                sum += article.unit_cents * u64::from(article.on_hand);
            }
            sum
        }
    """)


@scenario("src/parser.rs")
def rust_mid_line(e: Editor) -> None:
    e.goto("fn problem(at: usize, message: &str")
    e.backspace(4)
    e.type("impl Into<String>")
    e.goto("message: message.to_owned()")
    e.delete_words("message.")
    e.type("into(")
    e.goto('"a number has two points')
    e.type(" 🙃: only one may stand in {digits:?}")
    e.select('"a number has two points 🙃: only one may stand in {digits:?}"')
    e.type('format!("{digits:?} has two points 🙃")')
    e.pause()
    e.goto("&format!")
    e.backspace(8)
    e.type("format!")
    e.goto("Number(number)) => Ok(Tree::Leaf(number")
    e.type(" * 1.0")
    e.pause()
    e.undo("Tree::Leaf(number")
    e.goto("'+' | '-' | '*' | '/'")
    e.type(" | '^'")
    e.goto('"this sign means nothing here"', before=True)
    e.type("format!(")
    e.goto('"this sign')
    e.type(" {c:?}")
    e.goto('{c:?} means nothing here"')
    e.type(")")
    e.goto("'*' => Ok(left * right),")
    e.enter()
    e.code("""
        '/' if right == 0.0 => Err("nothing can be divided by zero".to_owned()),
        '^' => Ok(left.powf(right)),
    """)
    e.goto('self.operator("*/')
    e.type("^")
    e.goto("pub struct Problem {\n    pub at: usize")
    e.backspace(5)
    e.type("std::ops::Range<usize>")
    e.pause()
    e.undo("pub at: usize")
    e.goto("names: &HashMap<String, f64>")
    e.type(", depth: usize")
    e.goto("value(left, names")
    e.type(", depth + 1")
    e.goto("value(right, names")
    e.type(", depth + 1")
    e.goto("value(inner, names")
    e.type(", depth + 1")


@scenario("src/parser.rs")
def rust_brackets(e: Editor) -> None:
    e.goto("/// Works a tree out.", before=True)
    e.code("""
        /// Every name in a tree, each once, sorted.
        pub fn names(tree: &Tree) -> Vec<&str> {
            let mut found = vec![(0, tree)];
            let mut names = Vec::new();
            while let Some((depth, tree)) = found.pop() {
                match tree {
                    Tree::Leaf(_) => {}
                    Tree::Variable(name) => names.push(name.as_str()),
                    Tree::Negated(inner) => found.push((depth + 1, inner)),
                    Tree::Binary(left, _, right) => {
                        found.extend([(depth + 1, left.as_ref()), (depth + 1, right.as_ref())]);
                    }
                }
            }
            names.sort_unstable();
            names.dedup();
            names
        }
    """)
    e.enter()
    e.enter()
    e.goto("fn problem(at: usize", before=True)
    e.code("""
        fn closed(tokens: &[Token]) -> bool {
            let depth = tokens.iter().try_fold(0usize, |depth, token| match token {
                Token::Open => Some(depth + 1),
                Token::Close => depth.checked_sub(1),
                _ => Some(depth),
            });
            matches!(depth, Some(0))
        }
    """)
    e.enter()
    e.enter()
    e.goto("_ => Ok(left / right),\n            }\n        }\n    }\n}")
    e.enter()
    e.enter()
    e.code("""
        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn products_bind_tighter() {
                let tree = Parser::new(tokens("1 + 2 * (3 - x)").unwrap()).parse().unwrap();
                let names = HashMap::from([("x".to_owned(), 1.0)]);
                assert_eq!(value(&tree, &names), Ok(5.0));
                assert!(closed(&[Token::Open, Token::Close]));
            }
        }
    """)


@scenario("src/report.rs", "src/inventory.rs")
def rust_two_files(e: Editor) -> None:
    report, inventory = "src/report.rs", "src/inventory.rs"
    e.goto("    pub reorder_below: u32,", path=inventory)
    e.enter()
    e.type("pub shelf: Option<String>,")
    e.goto('"{:<8} {:<width$} {:>5} {:>10}', path=report)
    e.type(" {:<6}")
    e.goto("        money(article.unit_cents),")
    e.enter()
    e.type('article.shelf.as_deref().unwrap_or("–"),')
    e.pause()
    e.goto('"shipped");\n        Ok(on_hand)\n    }', path=inventory)
    e.enter()
    e.enter()
    e.code("""
            /// The articles of one shelf, in the order of their numbers.
            pub fn on_shelf<'a>(&'a self, shelf: &'a str) -> impl Iterator<Item = &'a Article> {
                self.articles.values().filter(move |article| article.shelf.as_deref() == Some(shelf))
            }
    """)
    e.goto("/// What has to be ordered, one line each.", before=True, path=report)
    e.code("""
        /// A heading and a table for each of the shelves.
        pub fn by_shelf(inventory: &Inventory, shelves: &[&str]) -> String {
            let mut out = String::new();
            for shelf in shelves {
                let articles: Vec<Article> = inventory.on_shelf(shelf).cloned().collect();
                out.push_str(&format!("📦 {shelf}\\n"));
                out.push_str(&table(&articles));
            }
            out
        }
    """)
    e.enter()
    e.enter()
    e.goto("pub sku: String,\n    pub amount: i64", path=inventory)
    e.goto("    log: Vec<Movement>,")
    e.goto("    /// Books goods that came in.")
    e.goto("pub fn orders(", path=report)
    e.goto('"{} × {}\\n", missing, article.title')
    e.backspace(len('{}\\n", missing, article.title'))
    e.type('{} (shelf {})\\n", missing, article.title, article.shelf.as_deref().unwrap_or("?")')
