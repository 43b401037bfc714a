//! Snippets at each place: their text, and the properties for every text and budget.

use super::properties::{any_context, one_of_each_family};
use super::*;
use crate::fixture::{hard_line, hard_text};
use proptest::prelude::*;

/// A document, and snippets that fit except for the first.
fn context_with_snippets(fixture: &str) -> Context {
    let snippet = |label: &str, text: &str| Snippet {
        label: label.to_owned(),
        text: text.to_owned(),
        reason: String::new(),
    };
    let snippets = vec![
        snippet("tiny.rs", ""),
        snippet("big.rs", &"big ".repeat(2000)),
        snippet("far.rs", "far\n"),
        snippet("near.rs", "near"),
    ];
    Context { snippets, repository: "lowkey".to_owned(), ..context_of(fixture, 1) }
}

fn check_at(placement: Placement, order: FimOrder, context: &Context, expected: &Expect) {
    let assembler = embedded(order, false);
    let prompt = assembler.assemble_at(placement, context, &WITH_SNIPPETS);
    expected.assert_eq(&shown(assembler, &prompt));
}

#[test]
fn snippets_are_files_before_document() {
    let context = context_with_snippets("above\nli$0ne\nbelow\n");
    check_at(
        Placement::Before,
        FimOrder::Psm,
        &context,
        &expect![[r#"
        <|file_sep|>far.rs
        far
        <|file_sep|>near.rs
        near
        <|file_sep|>src/a.rs
        <|fim_prefix|>above
        <|fim_suffix|>ne
        below
        <|fim_middle|>▮li forced "li" unforced """#]],
    );
    check_at(
        Placement::Repository,
        FimOrder::Spm,
        &context,
        &expect![[r#"
        <|repo_name|>lowkey
        <|file_sep|>far.rs
        far
        <|file_sep|>near.rs
        near
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>ne
        below
        <|fim_middle|>above
        ▮li forced "li" unforced """#]],
    );
    let format = fragmented().format().clone().with_placement(Placement::Repository);
    let repository = Assembler::new(Arc::clone(fragmented().tokenizer()), format);
    let at = fragmented().assemble_at(Placement::Repository, &context, &WITH_SNIPPETS);
    assert_eq!(repository.assemble(&context, &WITH_SNIPPETS), at);
}

#[test]
fn snippets_follow_suffix() {
    let context = context_with_snippets("above\nli$0ne\nbelow\n");
    check_at(
        Placement::AfterSuffixFiles,
        FimOrder::Psm,
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>above
        <|fim_suffix|>ne
        below
        <|file_sep|>far.rs
        far
        <|file_sep|>near.rs
        near
        <|fim_middle|>▮li forced "li" unforced """#]],
    );
    check_at(
        Placement::AfterSuffixFiles,
        FimOrder::Spm,
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>ne
        below
        <|file_sep|>far.rs
        far
        <|file_sep|>near.rs
        near
        <|fim_middle|>above
        ▮li forced "li" unforced """#]],
    );
    check_at(
        Placement::AfterSuffixComments,
        FimOrder::Psm,
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>above
        <|fim_suffix|>ne
        below
        // far.rs
        // far
        // near.rs
        // near
        <|fim_middle|>▮li forced "li" unforced """#]],
    );
}

#[test]
fn commented_snippets_begin_on_their_own_line() {
    let context = context_with_snippets("above\nli$0ne");
    check_at(
        Placement::AfterSuffixComments,
        FimOrder::Psm,
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|>above
        <|fim_suffix|>ne
        // far.rs
        // far
        // near.rs
        // near
        <|fim_middle|>▮li forced "li" unforced """#]],
    );
}

#[test]
fn commented_snippets_precede_prefix() {
    let context = context_with_snippets("above\nli$0ne\nbelow\n");
    check_at(
        Placement::AbovePrefix,
        FimOrder::Spm,
        &context,
        &expect![[r#"
        <|file_sep|>src/a.rs
        <|fim_prefix|><|fim_suffix|>ne
        below
        <|fim_middle|>// far.rs
        // far
        // near.rs
        // near
        above
        ▮li forced "li" unforced """#]],
    );
}

/// One assembler of each family, in every order that the family was trained on.
fn one_of_each_order() -> Vec<Assembler> {
    let orders = |assembler: Assembler| {
        [FimOrder::Psm, FimOrder::Spm].into_iter().filter_map(move |order| {
            let format = assembler.format.clone().with_order(order)?;
            Some(Assembler::new(Arc::clone(&assembler.tokenizer), format))
        })
    };
    one_of_each_family().into_iter().flat_map(orders).collect()
}

/// Returns the tokens that `prompt` has and `bare` has not, if they are at one place.
fn inserted(bare: &Prompt, prompt: &Prompt) -> Option<Vec<TokenId>> {
    let n_inserted = prompt.tokens.len().checked_sub(bare.tokens.len())?;
    let n_equal = prompt.tokens.iter().zip(&bare.tokens).take_while(|(a, b)| a == b).count();
    let (before, after) = bare.tokens.split_at(n_equal);
    let rest = prompt.tokens.strip_prefix(before)?;
    rest.ends_with(after).then(|| rest[..n_inserted].to_vec())
}

proptest! {
    #[test]
    fn snippets_are_inserted_at_one_place(
        mut context in any_context(),
        snippets in prop::collection::vec((hard_line(), hard_text()), 0..4),
        placement in prop::sample::select(&Placement::ALL[..]),
        family in any::<prop::sample::Index>(),
        extension in prop::sample::select(&["rs", "css", "txt"][..]),
        prompt_tokens in 0usize..300,
        (fewer, more) in (0usize..100, 0usize..100),
    ) {
        static ASSEMBLERS: LazyLock<Vec<Assembler>> = LazyLock::new(one_of_each_order);
        let assembler = &ASSEMBLERS[family.index(ASSEMBLERS.len())];
        context.label = format!("src/a.{extension}");
        context.repository = "lowkey".to_owned();
        let all: Vec<Snippet> =
            snippets.into_iter().map(|(label, text)| Snippet { label, text, reason: String::new() }).collect();
        let assemble = |snippets: &[Snippet], snippet_tokens: usize| {
            let context = Context { snippets: snippets.to_vec(), ..context.clone() };
            let budget = Budget { prompt_tokens, snippet_tokens };
            assembler.assemble_at(placement, &context, &budget)
        };
        let bare = assemble(&[], fewer);
        prop_assert_eq!(&bare, &assembler.assemble(&context, &Budget::of(prompt_tokens)));
        let (few, many) = (assemble(&all, fewer), assemble(&all, fewer + more));
        // Everything else is the same.
        let [few_inserted, many_inserted] = [&few, &many].map(|prompt| inserted(&bare, prompt));
        let (few_inserted, many_inserted) = (few_inserted.unwrap(), many_inserted.unwrap());
        prop_assert!(few_inserted.len() <= fewer && many_inserted.len() <= fewer + more);
        for prompt in [&few, &many] {
            prop_assert_eq!(&prompt.tokens[prompt.n_fixed..], &bare.tokens[bare.n_fixed..]);
            prop_assert_eq!((&prompt.forced, &prompt.unforced), (&bare.forced, &bare.unforced));
        }
        // Snippets are whole, and the least helpful are dropped first.
        let whole: Vec<Vec<TokenId>> =
            (0..=all.len()).map(|n| inserted(&bare, &assemble(&all[n..], 1 << 20)).unwrap()).collect();
        let of_budget = |tokens: usize| whole.iter().find(|run| run.len() <= tokens).unwrap();
        prop_assert_eq!(&few_inserted, of_budget(fewer));
        prop_assert_eq!(&many_inserted, of_budget(fewer + more));
    }
}
