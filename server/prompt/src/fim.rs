//! The fill-in-the-middle format of one vocabulary: sentinel ids, layout, end tokens.
//!
//! Sentinels come from the metadata where they name them, else from known texts in the vocabulary; a model's name
//! says nothing here. Every special token ends a completion: none of them is text, so none belongs to a middle.

use crate::TokenId;
use crate::families::{FAMILIES, Family, Piece, UNKNOWN, UNKNOWN_SEPARATED};
use crate::gguf::GgufVocab;
use crate::preamble::Style;
use crate::tokenizer::Tokenizer;

/// Where the suffix stands in a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Prefix, suffix, middle: what is typed comes behind the suffix.
    Psm,
    /// Suffix first, then prefix and middle.
    Spm,
}

/// The vocabulary has no fill-in-the-middle sentinels that we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model has no fill-in-the-middle sentinels: neither tokenizer.ggml.fim_*_token_id nor a known set in its \
     vocabulary; known: {known}"
)]
pub struct NoFim {
    /// The families whose sentinels are known.
    pub known: String,
}

/// How prompts for one model are laid out.
#[derive(Debug, Clone)]
pub struct FimFormat {
    family: &'static Family,
    order: Order,
    layout: &'static [Piece],
    bos: Option<TokenId>,
    pre: TokenId,
    suf: TokenId,
    mid: Option<TokenId>,
    separator: Option<TokenId>,
    /// Sorted.
    ends: Vec<TokenId>,
    fragmented_middle: bool,
}

impl FimFormat {
    /// The tokens that prompts have beside their text.
    pub(crate) fn special_tokens(&self) -> [Option<TokenId>; 5] {
        [self.bos, Some(self.pre), Some(self.suf), self.mid, self.separator]
    }

    /// Finds the format of a vocabulary. From `ids` only the ids and flags are read; for a `tokenizer.json` pass
    /// `GgufVocab::default()`.
    pub fn detect(tokenizer: &Tokenizer, ids: &GgufVocab) -> Result<FimFormat, NoFim> {
        let named = ids.fim_pre.zip(ids.fim_suf);
        // Unknown sentinels are taken only as a whole set: without a middle it would be a guess where the answer goes.
        let named_set = named.zip(ids.fim_mid).map(|((pre, suf), mid)| (pre, suf, Some(mid)));
        let of_family = |family: &Family| {
            let pre = tokenizer.id_of(family.pre)?;
            let suf = tokenizer.id_of(family.suf)?;
            let mid = match family.mid {
                Some(mid) => Some(tokenizer.id_of(mid)?),
                None => None,
            };
            family.witness.map_or(Some(0), |witness| tokenizer.id_of(witness))?;
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
            (_, Some(spm)) if ids.order == Some(Order::Spm) => (Order::Spm, spm),
            (Some(psm), _) => (Order::Psm, psm),
            (None, Some(spm)) => (Order::Spm, spm),
            (None, None) => (Order::Psm, &[][..]),
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
            ends,
            fragmented_middle,
        })
    }

    /// Returns the format in the other order; `None` when the family was not trained on it.
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Option<FimFormat> {
        self.layout = match order {
            Order::Psm => self.family.psm?,
            Order::Spm => self.family.spm?,
        };
        self.order = order;
        Some(self)
    }

    /// Returns the format for a model whose forced middles are healed, or are not.
    #[must_use]
    pub fn with_healing(mut self, healed: bool) -> FimFormat {
        self.fragmented_middle = !healed;
        self
    }

    /// Returns the family's name, for `lowkey doctor`.
    pub fn family(&self) -> &'static str {
        self.family.name
    }

    /// Returns where the suffix stands.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Says whether the model was trained on middles that begin inside words, so that nothing is healed.
    pub fn fragmented_middle(&self) -> bool {
        self.fragmented_middle
    }

    /// Returns the tokens that end a completion, sorted.
    pub fn end_tokens(&self) -> &[TokenId] {
        &self.ends
    }

    /// Says whether `token` ends a completion.
    pub fn is_end(&self, token: TokenId) -> bool {
        self.ends.binary_search(&token).is_ok()
    }

    /// Returns how paths and snippets are written.
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

    /// Returns the token that stands for `piece` in a layout; `None` for text, and for tokens the model lacks.
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
