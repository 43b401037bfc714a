//! Fill-in-the-middle families as data: each family's sentinels, and the layout of a prompt with
//! them.
//!
//! A row applies if the vocabulary contains its sentinels and its required token, regardless of the
//! model's name. Rows with a required token come before the row that has the same sentinels without
//! one. The training layout of each family is taken from its paper or model card, named at the row;
//! layouts that a family was not trained on are not listed.

use ahash::AHashSet;
use std::sync::LazyLock;

use crate::placement::Placement;
use Piece::{Bos, CommentedPath, Mid, Middle, Path, Pre, Prefix, Separator, Suf, Suffix};

/// A part of a prompt, in the order of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// The beginning-of-text token.
    Bos,
    /// The token that begins a file.
    Separator,
    /// The document's path and a line end.
    Path,
    /// The path as a comment, for families without a file separator.
    CommentedPath,
    /// The sentinel before the prefix.
    Pre,
    /// The text above the anchor.
    Prefix,
    /// The sentinel before the suffix.
    Suf,
    /// The rest of the cursor's line and the text below.
    Suffix,
    /// The sentinel before the middle.
    Mid,
    /// The forced middle: the anchor's line up to the cursor. Always last.
    Middle,
}

/// A family of models with the same sentinels.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) pre: &'static str,
    pub(crate) suf: &'static str,
    /// `None` if the middle directly follows the prefix.
    pub(crate) mid: Option<&'static str>,
    /// An additional token that must exist, to distinguish families with the same sentinels.
    pub(crate) required_token: Option<&'static str>,
    /// The token that begins a file.
    pub(crate) separator: Option<&'static str>,
    /// The token before the repository's name, which precedes the first file, for families that
    /// were trained on `name\n` after it.
    pub(crate) repository: Option<&'static str>,
    /// The place of text from other files, if it was measured that the text helps.
    pub(crate) cross_file: Option<Placement>,
    /// The beginning-of-text token of the family's prompts, regardless of the metadata.
    pub(crate) bos: Option<&'static str>,
    /// Prefix, suffix, middle.
    pub(crate) psm: Option<&'static [Piece]>,
    /// Suffix first.
    pub(crate) spm: Option<&'static [Piece]>,
}

const PSM_SEPARATED: &[Piece] = &[Bos, Separator, Path, Pre, Prefix, Suf, Suffix, Mid, Middle];
const SPM_SEPARATED: &[Piece] = &[Bos, Separator, Path, Pre, Suf, Suffix, Mid, Prefix, Middle];
const PSM_COMMENTED: &[Piece] = &[Bos, Pre, CommentedPath, Prefix, Suf, Suffix, Mid, Middle];
const SPM_COMMENTED: &[Piece] = &[Bos, Pre, Suf, Suffix, Mid, CommentedPath, Prefix, Middle];

/// The layout for sentinels that only the metadata name.
pub(crate) static UNKNOWN: Family = UNKNOWN_ROW;

/// The same, for metadata that also name a file separator.
pub(crate) static UNKNOWN_SEPARATED: Family = Family { psm: Some(PSM_SEPARATED), ..UNKNOWN_ROW };

const UNKNOWN_ROW: Family = Family {
    name: "sentinels named by the model file",
    pre: "",
    suf: "",
    mid: None,
    required_token: None,
    separator: None,
    repository: None,
    cross_file: None,
    bos: None,
    psm: Some(PSM_COMMENTED),
    spm: None,
};

/// The sentinels that `StarCoder` introduced and many families use.
const STARCODER: Family = Family {
    name: "starcoder, granite-code, refact, stable-code",
    pre: "<fim_prefix>",
    suf: "<fim_suffix>",
    mid: Some("<fim_middle>"),
    required_token: None,
    separator: None,
    repository: None,
    cross_file: None,
    bos: None,
    psm: Some(PSM_COMMENTED),
    spm: Some(SPM_COMMENTED),
};

/// The same with bars, as in Granite 3 and later, without a file separator.
const BARRED: Family = Family {
    name: "granite",
    pre: "<|fim_prefix|>",
    suf: "<|fim_suffix|>",
    mid: Some("<|fim_middle|>"),
    required_token: None,
    separator: None,
    repository: None,
    cross_file: None,
    bos: None,
    psm: Some(PSM_COMMENTED),
    spm: Some(SPM_COMMENTED),
};

pub(crate) static FAMILIES: &[Family] = &[
    // Qwen2.5-Coder Technical Report (arXiv 2409.12186), file and repository level; lowkey's own
    // models.
    Family {
        name: "qwen2.5-coder, lowkey",
        required_token: Some("<|file_sep|>"),
        separator: Some("<|file_sep|>"),
        repository: Some("<|repo_name|>"),
        cross_file: Some(Placement::AfterSuffixFiles),
        psm: Some(PSM_SEPARATED),
        spm: Some(SPM_SEPARATED),
        ..BARRED
    },
    // CodeGemma (arXiv 2406.11409), PSM and SPM.
    Family {
        name: "codegemma",
        required_token: Some("<|file_separator|>"),
        bos: Some("<bos>"),
        ..BARRED
    },
    BARRED,
    // StarCoder 2 (arXiv 2402.19173): the path is inside the prefix.
    Family {
        name: "starcoder2",
        required_token: Some("<file_sep>"),
        separator: Some("<file_sep>"),
        psm: Some(&[Bos, Separator, Pre, Path, Prefix, Suf, Suffix, Mid, Middle]),
        spm: Some(&[Bos, Separator, Pre, Suf, Suffix, Mid, Path, Prefix, Middle]),
        ..STARCODER
    },
    STARCODER,
    // SantaCoder (arXiv 2301.03988).
    Family {
        name: "santacoder",
        pre: "<fim-prefix>",
        suf: "<fim-suffix>",
        mid: Some("<fim-middle>"),
        ..STARCODER
    },
    // DeepSeek-Coder (arXiv 2401.14196), PSM only: begin, hole, end.
    Family {
        name: "deepseek-coder",
        pre: "<｜fim▁begin｜>",
        suf: "<｜fim▁hole｜>",
        mid: Some("<｜fim▁end｜>"),
        bos: Some("<｜begin▁of▁sentence｜>"),
        spm: None,
        ..STARCODER
    },
    // Code Llama (arXiv 2308.12950), both orders.
    Family {
        name: "codellama",
        pre: "▁<PRE>",
        suf: "▁<SUF>",
        mid: Some("▁<MID>"),
        bos: Some("<s>"),
        ..STARCODER
    },
    // Seed-Coder (arXiv 2506.03524), suffix first, each part after its own sentinel.
    Family {
        name: "seed-coder",
        pre: "<[fim-prefix]>",
        suf: "<[fim-suffix]>",
        mid: Some("<[fim-middle]>"),
        psm: None,
        spm: Some(&[Bos, Suf, Suffix, Pre, CommentedPath, Prefix, Mid, Middle]),
        ..STARCODER
    },
    // Codestral: suffix first, and the middle follows the prefix without a sentinel.
    Family {
        name: "codestral",
        pre: "[PREFIX]",
        suf: "[SUFFIX]",
        mid: None,
        bos: Some("<s>"),
        psm: None,
        spm: Some(&[Bos, Suf, Suffix, Pre, CommentedPath, Prefix, Middle]),
        ..STARCODER
    },
];

/// More tokens that are never text, in case a file marks them as ordinary. Texts that also occur in
/// other documents, such as `</s>` in HTML, are treated as the file marks them.
static NEVER_TEXT: &[&str] = &[
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|EOT|>",
    "▁<EOT>",
    "<｜end▁of▁sentence｜>",
    "<|fim_pad|>",
    "<fim_pad>",
    "<fim-pad>",
    "<|repo_name|>",
    "<repo_name>",
];

/// Whether `token` is the text of a known sentinel.
pub(crate) fn is_sentinel(token: &str) -> bool {
    // Called for every token of a vocabulary, while an editor waits for its first suggestion.
    static SENTINELS: LazyLock<AHashSet<&str>> = LazyLock::new(|| {
        let of_family = |family: &Family| {
            [
                Some(family.pre),
                Some(family.suf),
                family.mid,
                family.required_token,
                family.separator,
            ]
        };
        let named = FAMILIES.iter().flat_map(of_family).flatten();
        named.chain(NEVER_TEXT.iter().copied()).collect()
    });
    SENTINELS.contains(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_have_each_part_once() {
        for family in FAMILIES {
            for layout in [family.psm, family.spm].into_iter().flatten() {
                let count = |piece: Piece| layout.iter().filter(|&&p| p == piece).count();
                for piece in [Bos, Pre, Prefix, Suf, Suffix, Middle] {
                    assert_eq!(count(piece), 1, "{piece:?} in {}", family.name);
                }
                assert_eq!(count(Mid), usize::from(family.mid.is_some()), "{}", family.name);
                assert_eq!(
                    count(Separator),
                    usize::from(family.separator.is_some()),
                    "{}",
                    family.name
                );
                assert_eq!(count(Path) + count(CommentedPath), 1, "{}", family.name);
                assert_eq!(layout.last(), Some(&Middle), "{}", family.name);
            }
            assert!(family.psm.is_some() || family.spm.is_some(), "{}", family.name);
        }
    }

    #[test]
    fn rows_never_hide_later_rows() {
        for (idx, family) in FAMILIES.iter().enumerate() {
            let shadowed = |later: &Family| {
                (later.pre, later.suf, later.mid) == (family.pre, family.suf, family.mid)
            };
            if family.required_token.is_none() {
                assert!(!FAMILIES.iter().skip(idx + 1).any(shadowed), "{}", family.name);
            }
        }
    }
}
