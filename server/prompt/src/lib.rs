//! Text to token ids: tokenizers, fill-in-the-middle formats, prompt assembly, detokenizer.
