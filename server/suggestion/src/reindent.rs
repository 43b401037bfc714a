//! Re-indents a block with the editor's step of indentation.
//!
//! A model indents as most of its training data does. The right step for this document comes from
//! the blanks before the cursor on the first line of a block, from the blocks around the cursor, or
//! from the editor's options. This module changes only the indentation of lines, level by level. A
//! text that already has the right step is left unchanged.

use lowkey_document::lexical::{TextKind, TokenKind};

use crate::indent::{Step, blanks_before_block, editors_step, is_ordinary, step, unit_columns};
use crate::lines::{indent_columns, indentation, is_block_end};
use crate::surroundings::Surroundings;

/// A deeper first line is an alignment, not a step.
const MAX_STEP_COLUMNS: usize = 8;

/// Returns the text with its block re-indented; `None` if the indentation is already right or the
/// text starts no block.
pub(crate) fn fit(surroundings: &Surroundings<'_>, text: &str) -> Option<String> {
    let (step, skipped) = wanted(surroundings, text)?;
    let first = text.lines().skip(skipped).find(|line| !line.trim().is_empty())?;
    let written = indent_columns(first).saturating_sub(step.base_columns);
    if written == 0 {
        // No deeper than the opener, although the editor has started the block.
        return editors_step(surroundings)
            .and_then(|step| shifted(surroundings, text, first, &step));
    }
    let uses_other = first.starts_with(if step.character == '\t' { ' ' } else { '\t' });
    if written > MAX_STEP_COLUMNS || (written == step.columns && !uses_other) {
        return None;
    }
    if !is_ordinary(surroundings.request.language, first) {
        return None;
    }
    let of_literals = lines_of_literals(surroundings, text);
    let mut fitted = String::with_capacity(text.len());
    for (idx, line) in text.split_inclusive('\n').enumerate() {
        let deeper = indent_columns(line).saturating_sub(step.base_columns);
        if idx < skipped || deeper == 0 || line.trim().is_empty() || of_literals.contains(&idx) {
            fitted.push_str(line);
            continue;
        }
        fitted.push_str(&step.base);
        let (n_steps, aligned) = (deeper / written, deeper % written);
        let n = match step.character {
            '\t' => n_steps,
            _ => n_steps * step.columns,
        };
        fitted.extend(std::iter::repeat_n(step.character, n));
        fitted.extend(std::iter::repeat_n(' ', aligned));
        fitted.push_str(line.get(indentation(line).len()..).unwrap_or_default());
    }
    (fitted != text).then_some(fitted)
}

/// Returns the text one step deeper, if its first line is no deeper than the line that opens the
/// block.
fn shifted(
    surroundings: &Surroundings<'_>,
    text: &str,
    first: &str,
    step: &Step,
) -> Option<String> {
    let request = &surroundings.request;
    let ends_block = is_block_end(first, request.language.block_ends);
    // If lines of the block follow, or the block ends at once, the model has seen its depth.
    let has_lines =
        request.next_line().is_some_and(|next| indent_columns(next) > step.base_columns);
    let from = indent_columns(first);
    // At column 0 the text may be the document's next section.
    if from == 0 || !is_ordinary(request.language, first) || ends_block || has_lines {
        return None;
    }
    let mut fitted = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            fitted.push_str(line);
            continue;
        }
        let deeper = indent_columns(line).checked_sub(from)?;
        fitted.push_str(&step.base);
        let (n, aligned) = match step.character {
            '\t' => (1 + deeper / step.columns.max(1), deeper % step.columns.max(1)),
            _ => (step.columns + deeper, 0),
        };
        fitted.extend(std::iter::repeat_n(step.character, n));
        fitted.extend(std::iter::repeat_n(' ', aligned));
        fitted.push_str(line.get(indentation(line).len()..).unwrap_or_default());
    }
    Some(fitted)
}

/// Returns the step for the first block, and the number of the text's lines before that block.
fn wanted(surroundings: &Surroundings<'_>, text: &str) -> Option<(Step, usize)> {
    if let Some(step) = editors_step(surroundings) {
        return Some((step, 0));
    }
    let columns = unit_columns(surroundings)?;
    let before = surroundings.request.before;
    let language = surroundings.request.language;
    let of_opener = |opener: &str, skipped| {
        let base = blanks_before_block(language, opener);
        let character = surroundings.indent_character().unwrap_or(' ');
        (
            Step { base, base_columns: surroundings.item_columns(opener), columns, character },
            skipped,
        )
    };
    if before.is_empty() && surroundings.opens_block_above {
        return surroundings.request.previous_line().map(|opener| of_opener(opener, 0));
    }
    let mut lines = text.split('\n');
    let first = [before, lines.next().unwrap_or_default()].concat();
    let lines: Vec<&str> = std::iter::once(first.as_str()).chain(lines).collect();
    let block = lines.windows(2).position(|pair| match pair {
        [opener, line] => step(language, opener, line).is_some(),
        _ => false,
    })?;
    lines.get(block).map(|opener| of_opener(opener, block + 1))
}

/// Returns the indices of lines that begin inside a literal. Their leading blanks are text.
fn lines_of_literals(surroundings: &Surroundings<'_>, text: &str) -> Vec<usize> {
    let (mut lines, mut line) = (Vec::new(), 0);
    let mut n_open = usize::from(surroundings.text_kind == TextKind::Literal);
    surroundings.scan(text, |token| {
        match token.kind {
            TokenKind::LiteralStart(_) => n_open += 1,
            TokenKind::LiteralEnd(_) | TokenKind::BrokenLiteral => {
                n_open = n_open.saturating_sub(1);
            }
            _ => {}
        }
        if token.c == '\n' {
            line += 1;
            if n_open > 0 {
                lines.push(line);
            }
        }
    });
    lines
}
