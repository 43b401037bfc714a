//! Properties for any text, budget and key: whole sentinels, the budget is met, the head does not
//! change.

use super::*;
use crate::fixture::{hard_line, hard_text};
use proptest::prelude::*;

/// File separator, prefix, suffix, middle.
const BARE_SENTINELS: usize = 4;

/// Random parts, as from another gatherer.
pub(super) fn any_context() -> impl Strategy<Value = Context> {
    let texts = (hard_text(), hard_text(), hard_line(), hard_text(), 0usize..20, 0usize..20);
    texts.prop_map(|(prefix, line_before, line_after, suffix, n_prefix, n_suffix)| Context {
        prefix: prefix.repeat(n_prefix),
        line_before,
        line_after,
        suffix: suffix.repeat(n_suffix),
        ..context_of("$0", 1)
    })
}

pub(super) fn one_of_each_family() -> Vec<Assembler> {
    let specials: &[&[&str]] = &[
        &["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>"],
        &["<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<file_sep>"],
        &["<fim_prefix>", "<fim_middle>", "<fim_suffix>"],
        &["<｜begin▁of▁sentence｜>", "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"],
        &["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"],
        &["<s>", "[PREFIX]", "[SUFFIX]"],
    ];
    let assembler = |&specials: &&[&str]| {
        let vocab = fixture::with_specials(specials);
        let tokenizer = Tokenizer::from_gguf(&vocab).unwrap();
        let format = FimFormat::detect(&tokenizer, &vocab).unwrap();
        Assembler::new(Arc::new(tokenizer), format)
    };
    specials.iter().map(assembler).collect()
}

/// A document as lines, one of its lines and a position in that line, in characters.
fn any_document() -> impl Strategy<Value = (Vec<String>, prop::sample::Index, prop::sample::Index)>
{
    (
        prop::collection::vec(hard_line(), 1..40),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    )
}

proptest! {
    #[test]
    fn sentinels_are_whole_and_budget_is_met(context in any_context(), prompt_tokens in 0usize..200, spm: bool, heal: bool) {
        let order = if spm { FimOrder::Spm } else { FimOrder::Psm };
        let assembler = embedded(order, heal);
        let prompt = assembler.assemble(&context, &Budget::of(prompt_tokens));
        let sentinels: Vec<TokenId> = prompt.tokens.iter().copied().filter(|&id| id <= 6).collect();
        prop_assert_eq!(sentinels, [6, 1, 2, 3]);
        prop_assert!(prompt.tokens.len() <= prompt_tokens.max(BARE_SENTINELS));
        prop_assert!(prompt.n_fixed <= prompt.tokens.len());
        if !spm {
            prop_assert_eq!(prompt.tokens[prompt.n_fixed - 1], 3);
        }
        let tokenizer = &assembler.tokenizer;
        if context.line_before.is_empty() {
            // The anchor is at the cursor, so the healed text comes from the prefix.
            prop_assert!(prompt.forced.is_empty() && context.prefix.ends_with(&prompt.unforced));
        } else {
            prop_assert_eq!(&(prompt.forced.clone() + &prompt.unforced), &context.line_before);
        }
        prop_assert!(!prompt.unforced.contains('\n') || context.line_before.contains('\n'));
        prop_assert!(prompt.forced.ends_with(&tokenizer.decode(&prompt.tokens[prompt.n_fixed..])));
        prop_assert!(heal || prompt.unforced.is_empty());
        prop_assert!(tokenizer.encode(&prompt.unforced).len() <= 2 * MAX_HEALED_TOKENS);
        // The cache of pieces changes nothing.
        prop_assert_eq!(assembler.assemble(&context, &Budget::of(prompt_tokens)), prompt);
    }

    #[test]
    fn every_family_keeps_sentinels(
        mut context in any_context(),
        snippets in prop::collection::vec((hard_line(), hard_text()), 0..4),
        family in any::<prop::sample::Index>(),
        prompt_tokens in 0usize..300,
        snippet_tokens in 0usize..100,
    ) {
        static ASSEMBLERS: LazyLock<Vec<Assembler>> = LazyLock::new(one_of_each_family);
        let assembler = &ASSEMBLERS[family.index(ASSEMBLERS.len())];
        let n_snippets = snippets.len();
        context.snippets = snippets.into_iter().map(|(label, text)| Snippet { label, text, reason: String::new() }).collect();
        let budget = Budget { prompt_tokens, snippet_tokens };
        let prompt = assembler.assemble(&context, &budget);
        let Format::Fim(format) = &assembler.format else { unreachable!("families have sentinels") };
        let layout: Vec<TokenId> =
            format.layout().iter().filter_map(|&piece| format.sentinel(piece)).collect();
        prop_assert!(prompt.tokens.len() <= prompt_tokens.max(layout.len()) + snippet_tokens);
        let mut sentinels: Vec<TokenId> = prompt.tokens.iter().copied().filter(|&id| id <= 6).collect();
        // Each snippet in the prompt is a separate file, before the document.
        let n_files = sentinels.len() - layout.len();
        let separator = format.sentinel(Piece::Separator);
        let most_files = if separator.is_some() { n_snippets } else { 0 };
        prop_assert!(n_files <= most_files);
        prop_assert!(sentinels.drain(..n_files).all(|id| Some(id) == separator));
        prop_assert_eq!(sentinels, layout);
    }

    #[test]
    fn parts_are_cut_at_far_ends(context in any_context(), prompt_tokens in 0usize..200) {
        let assembler = fragmented();
        let prompt = assembler.assemble(&context, &Budget::of(prompt_tokens));
        let at = |sentinel: TokenId| prompt.tokens.iter().position(|&id| id == sentinel).unwrap();
        let text = |tokens: &[TokenId]| -> Vec<u8> {
            tokens.iter().flat_map(|&id| assembler.tokenizer.token_bytes(id)).copied().collect()
        };
        let prefix = String::from_utf8(text(&prompt.tokens[at(1) + 1..at(2)])).unwrap();
        let suffix = String::from_utf8(text(&prompt.tokens[at(2) + 1..at(3)])).unwrap();
        prop_assert!(context.prefix.ends_with(&prefix));
        let below = context.line_after + &context.suffix;
        prop_assert!(below.starts_with(&suffix));
    }

    #[test]
    fn typing_changes_only_the_middle(
        (mut lines, line, column) in any_document(),
        typed in "[a-z (){}\\[\\]\"'.;\té🦀\u{301}0]",
        delete: bool,
        heal: bool,
        crlf: bool,
        prompt_tokens in 8usize..300,
        group_lines in prop::sample::select(&[1usize, 4, 8][..]),
        placement in prop::sample::select(&Placement::ALL[..]),
    ) {
        let assembler = if heal { healing() } else { fragmented() };
        let budget = Budget { prompt_tokens, snippet_tokens: 24 };
        let line_idx = line.index(lines.len());
        // Longer lines move their anchor on purpose, but rarely.
        prop_assume!(lines[line_idx].len() < 200);
        let assemble = |lines: &[String], column: usize| {
            let line_end = if crlf { "\r\n" } else { "\n" };
            let start: usize = lines[..line_idx].iter().map(|line| line.len() + line_end.len()).sum();
            let mut context = context_at(&lines.join(line_end), start + column, budget, group_lines);
            context.snippets = vec![Snippet { label: "b.rs".to_owned(), text: "fn b()".to_owned(), reason: String::new() }];
            let prompt = assembler.assemble_at(placement, &context, &budget);
            assert_ne!(prompt, assembler.assemble_at(placement, &context, &Budget::of(prompt_tokens)));
            prompt
        };
        let boundaries: Vec<usize> =
            lines[line_idx].char_indices().map(|(at, _)| at).chain([lines[line_idx].len()]).collect();
        let nth = column.index(boundaries.len());
        let before = assemble(&lines, boundaries[nth]);
        let column = if delete {
            prop_assume!(nth > 0);
            lines[line_idx].replace_range(boundaries[nth - 1]..boundaries[nth], "");
            boundaries[nth - 1]
        } else {
            lines[line_idx].insert_str(boundaries[nth], &typed);
            boundaries[nth] + typed.len()
        };
        let after = assemble(&lines, column);
        prop_assert_eq!(before.n_fixed, after.n_fixed);
        prop_assert_eq!(&before.tokens[..before.n_fixed], &after.tokens[..after.n_fixed]);
    }
}
