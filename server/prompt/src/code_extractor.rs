//! Extracts the code after the cursor from an instructed model's answer.
//!
//! The prompt ends inside a code block, and the model mostly continues it. But it may close the
//! block and explain, begin with a sentence and a new block, or repeat the text before the cursor.
//! These parts are removed.
//! Invariants: the kept text is one contiguous part of the answer, and it only grows while the
//! answer grows. So text that may still become a fence or a repetition is held back until it is
//! decided, or until the answer is over.

/// Shorter beginnings of the cursor's line may be repeated intentionally.
const MIN_REPEATED_CHARS: usize = 8;
/// Maximum length of an introduction; a longer one is the requested text.
const MAX_INTRODUCTION_BYTES: usize = 400;
/// Typical first words of an assistant's introduction. Compared with the first line of an answer at
/// a blank line.
const INTRODUCTIONS: &[&str] = &[
    "Here is ",
    "Here's ",
    "Here’s ",
    "Here are ",
    "Sure",
    "Certainly",
    "Of course",
    "Okay",
    "Below is ",
    "The following ",
    "The completed ",
    "The complete ",
    "The missing ",
    "To complete ",
    "This is the ",
    "I'll ",
    "I will ",
    "I've ",
    "I have ",
];

/// The context for extracting an answer's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeExtractor {
    /// The document's text up to the cursor, as in the prompt.
    pub(crate) before: String,
    /// Number of backticks of the fence around the code.
    pub(crate) fence_chars: usize,
    /// Whether the document consists of sentences.
    pub(crate) is_prose: bool,
}

/// The code of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtractedCode<'t> {
    /// The text to insert after the cursor.
    pub text: &'t str,
    /// Whether the code is complete, regardless of the rest of the answer.
    pub ended: bool,
}

/// Where an answer's code begins.
enum CodeStart<'t> {
    /// Not decided yet.
    Undecided,
    /// The answer has no code.
    NoCode,
    /// With this text, directly after the cursor.
    AtCursor(&'t str),
    /// With this text, in a new block of the model.
    InBlock(&'t str),
}

impl CodeExtractor {
    /// Returns the code of the `raw` answer so far; the answer is complete if `is_over`.
    pub fn code<'t>(&self, raw: &'t str, is_over: bool) -> ExtractedCode<'t> {
        let (body, is_own_block) = match self.begin(raw, is_over) {
            CodeStart::Undecided => return ExtractedCode { text: "", ended: false },
            CodeStart::NoCode => return ExtractedCode { text: "", ended: true },
            CodeStart::AtCursor(body) => (body, false),
            CodeStart::InBlock(body) => (body, true),
        };
        let Some(body) = self.without_repetition(body, is_own_block, is_over) else {
            return ExtractedCode { text: "", ended: is_over };
        };
        self.up_to_fence(body, is_own_block, is_over)
    }

    /// Finds the code, after a fence or an introduction by the model.
    fn begin<'t>(&self, raw: &'t str, is_over: bool) -> CodeStart<'t> {
        let lead = raw.trim_start();
        let blanks = raw.get(..raw.len() - lead.len()).unwrap_or_default();
        if blanks.contains('\n') {
            // A fence after the end of the line closes the block; `up_to_fence` finds it.
            return CodeStart::AtCursor(raw);
        }
        let n_backticks = count_backticks(lead);
        if n_backticks >= self.fence_chars {
            let Some((fence, body)) = lead.split_once('\n') else {
                return if is_over { CodeStart::NoCode } else { CodeStart::Undecided };
            };
            return if opens_block(fence) { CodeStart::InBlock(body) } else { CodeStart::NoCode };
        }
        if n_backticks == lead.len() && !is_over {
            return CodeStart::Undecided;
        }
        if self.is_prose || !self.line().trim().is_empty() {
            return CodeStart::AtCursor(raw);
        }
        let begins = |opener: &&str| lead.starts_with(*opener);
        let may_begin = |opener: &&str| !is_over && opener.starts_with(lead);
        if INTRODUCTIONS.iter().any(|opener| begins(opener) || may_begin(opener)) {
            self.after_introduction(raw, lead, is_over)
        } else {
            CodeStart::AtCursor(raw)
        }
    }

    /// Finds the code after introductory sentences: in a new block, or below a line that ends with
    /// a colon.
    fn after_introduction<'t>(&self, raw: &'t str, lead: &'t str, is_over: bool) -> CodeStart<'t> {
        let (mut end, mut announced) = (0, false);
        for line in lead.split_inclusive('\n') {
            let (text, rest) = (line.trim(), lead.get(end..).unwrap_or_default());
            let n_backticks = count_backticks(text);
            if n_backticks >= self.fence_chars && end + self.fence_chars <= MAX_INTRODUCTION_BYTES {
                return match rest.split_once('\n') {
                    Some((_, body)) => CodeStart::InBlock(body),
                    None if is_over => CodeStart::NoCode,
                    None => CodeStart::Undecided,
                };
            }
            let is_whole = line.ends_with('\n');
            if announced && !text.is_empty() && n_backticks < text.len() {
                return CodeStart::InBlock(rest);
            }
            if is_whole && !text.is_empty() {
                announced = text.ends_with(':');
                if !announced && !text.ends_with(['.', '!']) {
                    return CodeStart::AtCursor(raw);
                }
            }
            end += line.len();
        }
        match is_over {
            _ if lead.len() > MAX_INTRODUCTION_BYTES => CodeStart::AtCursor(raw),
            false => CodeStart::Undecided,
            true if lead.trim_end().ends_with([':', '.', '!']) => CodeStart::NoCode,
            true => CodeStart::AtCursor(raw),
        }
    }

    /// Returns the cursor's line up to the cursor.
    fn line(&self) -> &str {
        let start = self.before.rfind('\n').map_or(0, |end| end + 1);
        self.before.get(start..).unwrap_or_default()
    }

    /// Removes a repetition of the text before the cursor; `None` while the text may still become
    /// one.
    ///
    /// A new block of the model may begin with any of the lines above the cursor, or with the
    /// cursor's line. An answer directly after the cursor may only repeat the cursor's line, if
    /// that is long enough to rule out chance.
    fn without_repetition<'t>(
        &self,
        body: &'t str,
        is_own_block: bool,
        is_over: bool,
    ) -> Option<&'t str> {
        let above = self.before.match_indices('\n').map(|(at, _)| at + 1).filter(|_| is_own_block);
        let whole = Some(0).filter(|_| is_own_block);
        let from_lines = whole.into_iter().chain(above).filter_map(|at| self.before.get(at..));
        let n_chars = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let of_line = [self.line(), self.line().trim_start()].into_iter();
        let of_line = of_line.filter(|line| is_own_block || n_chars(line) >= MIN_REPEATED_CHARS);
        let (mut longest, mut may_grow) = (0, false);
        for repeated in from_lines.chain(of_line).filter(|text| !text.trim().is_empty()) {
            if body.starts_with(repeated) {
                longest = longest.max(repeated.len());
            } else {
                may_grow |= repeated.starts_with(body);
            }
        }
        match may_grow {
            true if !is_over => None,
            // An incomplete repetition of existing text.
            true if is_own_block && longest == 0 => Some(""),
            _ => body.get(longest..),
        }
    }

    /// Cuts the code at the fence that closes its block, or that opens another.
    fn up_to_fence<'t>(
        &self,
        body: &'t str,
        is_own_block: bool,
        is_over: bool,
    ) -> ExtractedCode<'t> {
        let mut start = 0;
        for line in body.split_inclusive('\n') {
            let content = line.trim_start_matches(' ');
            let indent = line.len() - content.len();
            let n_backticks = count_backticks(content);
            // The rest of the cursor's line is not a separate line.
            if (start > 0 || is_own_block) && indent <= 3 && n_backticks > 0 {
                let text = body.get(..start + indent).unwrap_or_default();
                if n_backticks >= self.fence_chars {
                    return ExtractedCode { text, ended: true };
                }
                if n_backticks == content.len() && !is_over {
                    return ExtractedCode { text, ended: false };
                }
            }
            start += line.len();
        }
        ExtractedCode { text: body, ended: false }
    }
}

/// Returns the number of backticks at the start of a text.
fn count_backticks(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

/// Whether the line of a fence names a language; a fence without a language closes a block.
fn opens_block(line: &str) -> bool {
    let info = line.trim_start_matches('`').trim();
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '+' | '-' | '#' | '_' | '.');
    !info.is_empty() && info.chars().all(is_name)
}

#[cfg(test)]
mod tests;
