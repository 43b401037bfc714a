//! The fill-in-the-middle format of one vocabulary: sentinel ids, layout, end tokens.
//!
//! Sentinels come from the metadata if these name them, otherwise from known texts in the
//! vocabulary. The model's name is not used. Every special token ends a completion, because special
//! tokens are never text of a middle.

use crate::TokenId;
use crate::families::{FAMILIES, Family, Piece, UNKNOWN, UNKNOWN_SEPARATED};
use crate::gguf::GgufVocab;
use crate::placement::{Placement, Style};
use crate::tokenizer::Tokenizer;

/// The position of the suffix in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FimOrder {
    /// Prefix, suffix, middle: the typed text comes after the suffix.
    Psm,
    /// Suffix first, then prefix and middle.
    Spm,
}

/// The vocabulary has no known fill-in-the-middle sentinels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model has no fill-in-the-middle sentinels: neither tokenizer.ggml.fim_*_token_id nor a known set in its \
     vocabulary; known: {known}"
)]
pub struct NoFim {
    /// The families with known sentinels.
    pub known: String,
}

/// The prompt layout of one model.
#[derive(Debug, Clone)]
pub struct FimFormat {
    family: &'static Family,
    order: FimOrder,
    layout: &'static [Piece],
    bos: Option<TokenId>,
    pre: TokenId,
    suf: TokenId,
    mid: Option<TokenId>,
    separator: Option<TokenId>,
    repository: Option<TokenId>,
    placement: Placement,
    /// Sorted.
    ends: Vec<TokenId>,
    fragmented_middle: bool,
}

impl FimFormat {
    /// Returns the tokens that prompts have in addition to their text.
    pub(crate) fn special_tokens(&self) -> [Option<TokenId>; 6] {
        [self.bos, Some(self.pre), Some(self.suf), self.mid, self.separator, self.repository]
    }

    /// Detects the format of a vocabulary. Only the ids and flags of `ids` are read; for a
    /// `tokenizer.json` pass `GgufVocab::default()`.
    pub fn detect(tokenizer: &Tokenizer, ids: &GgufVocab) -> Result<FimFormat, NoFim> {
        let named = ids.fim_pre.zip(ids.fim_suf);
        // Unknown sentinels are used only as a complete set: without a middle sentinel, the
        // position of the answer would be a guess.
        let named_set = named.zip(ids.fim_mid).map(|((pre, suf), mid)| (pre, suf, Some(mid)));
        let of_family = |family: &Family| {
            let pre = tokenizer.id_of(family.pre)?;
            let suf = tokenizer.id_of(family.suf)?;
            let mid = match family.mid {
                Some(mid) => Some(tokenizer.id_of(mid)?),
                None => None,
            };
            family
                .required_token
                .map_or(Some(0), |required_token| tokenizer.id_of(required_token))?;
            let agrees = named.is_none_or(|named| named == (pre, suf));
            agrees.then_some((pre, suf, mid))
        };
        let by_text = FAMILIES.iter().find_map(|family| Some((family, of_family(family)?)));
        let (family, (pre, suf, mid)) = match (by_text, named_set) {
            (Some(found), _) => found,
            (None, Some(set)) if ids.fim_sep.is_some() => (&UNKNOWN_SEPARATED, set),
            (None, Some(set)) => (&UNKNOWN, set),
            (None, None) => {
                let known: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
                return Err(NoFim { known: known.join("; ") });
            }
        };
        let mid = ids.fim_mid.filter(|_| mid.is_some()).or(mid);
        let separator = ids.fim_sep.or_else(|| tokenizer.id_of(family.separator?));
        let repository = family.repository.and_then(|text| tokenizer.id_of(text));
        let bos = ids.bos.filter(|_| ids.add_bos).or_else(|| tokenizer.id_of(family.bos?));
        let named_ends = [
            ids.eos,
            ids.eot,
            ids.eom,
            ids.fim_pad,
            ids.fim_rep,
            ids.fim_sep,
            Some(pre),
            Some(suf),
            mid,
            bos,
        ];
        let ends = tokenizer.vocabulary.ends(&named_ends);
        let (order, layout) = match (family.psm, family.spm) {
            (_, Some(spm)) if ids.order == Some(FimOrder::Spm) => (FimOrder::Spm, spm),
            (Some(psm), _) => (FimOrder::Psm, psm),
            (None, Some(spm)) => (FimOrder::Spm, spm),
            (None, None) => (FimOrder::Psm, &[][..]),
        };
        let fragmented_middle = ids.fragmented_middle;
        Ok(FimFormat {
            family,
            order,
            layout,
            bos,
            pre,
            suf,
            mid,
            separator,
            repository,
            placement: Placement::default(),
            ends,
            fragmented_middle,
        })
    }

    /// Returns the format in the other order; `None` if the family was not trained on it.
    #[must_use]
    pub fn with_order(mut self, order: FimOrder) -> Option<FimFormat> {
        self.layout = match order {
            FimOrder::Psm => self.family.psm?,
            FimOrder::Spm => self.family.spm?,
        };
        self.order = order;
        Some(self)
    }

    /// Returns the format with the snippets from other files at another place.
    #[must_use]
    pub fn with_placement(mut self, placement: Placement) -> FimFormat {
        self.placement = placement;
        self
    }

    /// Returns the place of snippets from other files.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Returns the format with healing of forced middles enabled or disabled.
    #[must_use]
    pub fn with_healing(mut self, healed: bool) -> FimFormat {
        self.fragmented_middle = !healed;
        self
    }

    /// Returns the family's name, for `lowkey doctor`.
    pub fn family(&self) -> &'static str {
        self.family.name
    }

    /// Returns the place of text from other files; `None` if it was not measured that such text
    /// helps models of this family.
    pub(crate) fn cross_file(&self) -> Option<Placement> {
        self.family.cross_file
    }

    /// Returns the position of the suffix.
    pub fn order(&self) -> FimOrder {
        self.order
    }

    /// Whether the model was trained on middles that begin inside words, so that no healing is
    /// needed.
    pub fn fragmented_middle(&self) -> bool {
        self.fragmented_middle
    }

    /// Returns the tokens that end a completion, sorted.
    pub fn end_tokens(&self) -> &[TokenId] {
        &self.ends
    }

    /// Whether `token` ends a completion.
    pub fn is_end(&self, token: TokenId) -> bool {
        self.ends.binary_search(&token).is_ok()
    }

    /// Returns the token that begins every prompt, if the model has one.
    pub(crate) fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    /// Returns the token before the repository's name.
    pub(crate) fn repository(&self) -> Option<TokenId> {
        self.repository
    }

    /// Returns the format of the document's path.
    pub(crate) fn style(&self) -> Style {
        if self.layout.contains(&Piece::CommentedPath) {
            Style::Comments
        } else {
            Style::Files(self.separator)
        }
    }

    pub(crate) fn layout(&self) -> &'static [Piece] {
        self.layout
    }

    /// Returns the token for `piece` in a layout; `None` for text, and for tokens that the model
    /// lacks.
    pub(crate) fn sentinel(&self, piece: Piece) -> Option<TokenId> {
        match piece {
            Piece::Bos => self.bos,
            Piece::Separator => self.separator,
            Piece::Pre => Some(self.pre),
            Piece::Suf => Some(self.suf),
            Piece::Mid => self.mid,
            Piece::Path | Piece::CommentedPath | Piece::Prefix | Piece::Suffix | Piece::Middle => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
