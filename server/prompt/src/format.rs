//! How a model fills in: with sentinels that it was trained on, or by an instruction.
//!
//! Sentinels are better and are used if a model has them. A chat template is the fallback for
//! models without sentinels. The choice depends only on the model file, unless the user sets it.

use crate::TokenId;
use crate::error::ChatTemplateError;
use crate::fim::{FimFormat, FimOrder, NoFim};
use crate::gguf::GgufVocab;
use crate::instruct::InstructFormat;
use crate::placement::Placement;
use crate::tokenizer::Tokenizer;

/// The way to use a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Infill {
    /// With sentinels if the model has them, otherwise by instruction.
    #[default]
    Auto,
    /// With sentinels.
    Fim,
    /// By instruction through the chat template: for a model whose vocabulary has sentinels that it
    /// was never trained on.
    Instruct,
}

/// A model cannot be used in the requested way, or in any way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFormat {
    /// Sentinels were requested.
    #[error(transparent)]
    NoFim(#[from] NoFim),
    /// An instruction was requested.
    #[error(
        "the model has no chat template to be instructed through: none in the metadata (tokenizer.chat_template), \
         chat_template.jinja or tokenizer_config.json; set infill to \"auto\""
    )]
    NoTemplate,
    /// The model has neither.
    #[error(
        "{0}; nor a chat template to be instructed through (tokenizer.chat_template, chat_template.jinja, or \
         tokenizer_config.json); choose a model for code, see `lowkey models list`"
    )]
    Neither(NoFim),
    /// The template exists but cannot be used.
    #[error("{error}; choose a model with fill-in-the-middle sentinels, see `lowkey models list`")]
    Template { error: ChatTemplateError },
}

/// The prompt format of one model.
#[derive(Debug, Clone)]
pub enum Format {
    /// With fill-in-the-middle sentinels.
    Fim(FimFormat),
    /// Through the chat template.
    Instruct(InstructFormat),
}

impl Format {
    /// Detects the format of a model. Reads the ids, the flags and the chat template of `ids`.
    pub fn detect(
        tokenizer: &Tokenizer,
        ids: &GgufVocab,
        infill: Infill,
    ) -> Result<Format, NoFormat> {
        let no_fim = match (infill, FimFormat::detect(tokenizer, ids)) {
            (Infill::Auto | Infill::Fim, Ok(format)) => return Ok(Format::Fim(format)),
            (Infill::Fim, Err(no_fim)) => return Err(no_fim.into()),
            (Infill::Auto, Err(no_fim)) => Some(no_fim),
            (Infill::Instruct, _) => None,
        };
        match (&ids.chat_template, no_fim) {
            (Some(template), _) => InstructFormat::new(template, tokenizer, ids)
                .map(Format::Instruct)
                .map_err(|error| NoFormat::Template { error }),
            (None, Some(no_fim)) => Err(NoFormat::Neither(no_fim)),
            (None, None) => Err(NoFormat::NoTemplate),
        }
    }

    /// Returns the format in the other order; `None` if the model cannot be used in it.
    #[must_use]
    pub fn with_order(self, order: FimOrder) -> Option<Format> {
        match self {
            Format::Fim(format) => format.with_order(order).map(Format::Fim),
            Format::Instruct(_) => (order == FimOrder::Spm).then_some(self),
        }
    }

    /// Returns the format with healing of forced middles enabled or disabled.
    #[must_use]
    pub fn with_healing(self, healed: bool) -> Format {
        match self {
            Format::Fim(format) => Format::Fim(format.with_healing(healed)),
            Format::Instruct(format) => Format::Instruct(format.with_healing(healed)),
        }
    }

    /// Returns the format with the snippets from other files at another place. A model that is used
    /// by instruction has them in the user's message.
    #[must_use]
    pub fn with_placement(self, placement: Placement) -> Format {
        match self {
            Format::Fim(format) => Format::Fim(format.with_placement(placement)),
            Format::Instruct(_) => self,
        }
    }

    /// Returns a description of the format for users.
    pub fn name(&self) -> String {
        match self {
            Format::Fim(format) => format!("by fill-in-the-middle, as {}", format.family()),
            Format::Instruct(_) => "by instruction, through the model's chat template".to_owned(),
        }
    }

    /// Returns the place of text from other files; `None` if it was not measured that such text
    /// helps these models.
    pub fn cross_file(&self) -> Option<Placement> {
        match self {
            Format::Fim(format) => format.cross_file(),
            Format::Instruct(_) => None,
        }
    }

    /// Whether the model was trained on middles that begin inside words, so that no healing is
    /// needed.
    pub fn fragmented_middle(&self) -> bool {
        match self {
            Format::Fim(format) => format.fragmented_middle(),
            Format::Instruct(format) => format.fragmented_middle,
        }
    }

    /// Returns the sentinels of the format, if any.
    pub fn special_tokens(&self) -> impl Iterator<Item = TokenId> {
        let sentinels = match self {
            Format::Fim(format) => format.special_tokens(),
            Format::Instruct(_) => [None; 6],
        };
        sentinels.into_iter().flatten()
    }

    /// Returns the tokens that end a completion, sorted.
    pub fn end_tokens(&self) -> &[TokenId] {
        match self {
            Format::Fim(format) => format.end_tokens(),
            Format::Instruct(format) => format.end_tokens(),
        }
    }
}

impl From<FimFormat> for Format {
    fn from(format: FimFormat) -> Format {
        Format::Fim(format)
    }
}
