//! The conventions of an architecture's folders on the hub.

/// What differs between architectures in `config.json` and in tensors' names.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FolderSpec {
    /// The values of `model_type` in `config.json`.
    pub(crate) model_types: &'static [&'static str],
    /// The values of `hidden_act` that name its activation.
    pub(crate) activations: &'static [&'static str],
    /// Parts of layers with another name than in most architectures: Hugging Face, GGUF.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// Norms are stored less 1.
    pub(crate) norms_less_one: bool,
    /// Every other layer has a sliding window, beginning with the first.
    pub(crate) alternating_windows: bool,
}
