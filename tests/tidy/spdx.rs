//! SPDX licence expressions: `OR`, `AND`, parentheses, `WITH`, and the old `/` for `OR`.
//!
//! `AND` binds tighter than `OR`. A licence with an exception is one name, so an allow list must
//! name it with its exception.

/// Whether `expression` can be satisfied with allowed licences only. Returns `Err` if it does not
/// parse.
pub(crate) fn satisfied(expression: &str, allowed: &[String]) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = Words { words: spaced.split_whitespace().collect(), next: 0 };
    let verdict = words.any_of(allowed)?;
    match words.peek() {
        None => Ok(verdict),
        Some(word) => Err(format!("{expression:?} goes on with {word:?}")),
    }
}

/// A recursive-descent parser over the words.
struct Words<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    fn any_of(&mut self, allowed: &[String]) -> Result<bool, String> {
        let mut verdict = self.all_of(allowed)?;
        while self.take("OR") {
            verdict |= self.all_of(allowed)?;
        }
        Ok(verdict)
    }

    fn all_of(&mut self, allowed: &[String]) -> Result<bool, String> {
        let mut verdict = self.one(allowed)?;
        while self.take("AND") {
            verdict &= self.one(allowed)?;
        }
        Ok(verdict)
    }

    fn one(&mut self, allowed: &[String]) -> Result<bool, String> {
        if self.take("(") {
            let verdict = self.any_of(allowed)?;
            return if self.take(")") {
                Ok(verdict)
            } else {
                Err("a parenthesis stays open".into())
            };
        }
        let mut licence = self.name()?.to_owned();
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.name()?);
        }
        Ok(allowed.contains(&licence))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.peek() {
            Some(word) if !matches!(word, "OR" | "AND" | "WITH" | ")") => {
                self.next += 1;
                Ok(word)
            }
            other => Err(format!("a licence is missing before {other:?}")),
        }
    }
}

#[test]
fn spdx_expressions_are_evaluated() {
    let allowed = ["MIT", "Apache-2.0", "X WITH Y"].map(str::to_owned);
    for (expression, verdict) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("GPL-3.0 AND MIT OR Apache-2.0", true),
        ("MIT AND (GPL-3.0 OR Apache-2.0)", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0", false),
        ("GPL-3.0/MIT", true),
        ("Apache-2.0 / BSD", true),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("X WITH Y", true),
        ("X", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), Ok(verdict), "{expression}");
    }
    for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT", "AND", "MIT WITH"] {
        assert!(satisfied(broken, &allowed).is_err(), "{broken}");
    }
}
