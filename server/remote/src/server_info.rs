//! What a server is: its protocol, its model, and whether it has the local model's vocabulary.

use lowkey_network::printable;
use serde_json::{Value, json};

use crate::ask::VocabularySample;
use crate::config::RemoteConfig;
use crate::dialect::{Dialect, RemoteProtocol, count};
use crate::error::RemoteError;
use crate::http::{Http, Lease, Reply};

/// Models that a message lists.
const MAX_LISTED: usize = 5;

/// A server, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    pub dialect: Dialect,
    /// The model's name; empty if the server does not name it.
    pub model: String,
    /// Whether the server's model has the local model's token ids.
    pub shares_vocabulary: bool,
    /// Tokens of a prompt and its answer together; `None` if the server does not report it.
    pub context_length: Option<usize>,
}

/// A model in the server's list.
pub(crate) struct Listed {
    id: String,
    owner: String,
    /// vLLM reports it.
    context_length: Option<usize>,
}

/// Asks the server.
pub(crate) fn find(
    http: &Http,
    lease: &Lease,
    config: &RemoteConfig,
    sample: Option<&VocabularySample>,
) -> Result<ServerInfo, RemoteError> {
    let listed = models(http, lease)?;
    let dialect = match config.protocol {
        RemoteProtocol::OpenAi => Dialect::OpenAi,
        RemoteProtocol::LlamaServer => Dialect::LlamaServer,
        RemoteProtocol::Ollama => Dialect::Ollama,
        RemoteProtocol::Auto => detect(http, lease, &listed)?,
    };
    let model = choose(http, dialect, &config.model, &listed)?;
    let shares_vocabulary = match sample {
        Some(sample) => has_tokens(http, lease, (dialect, &model), sample)?,
        None => false,
    };
    let context_length = match dialect {
        Dialect::LlamaServer => slot_length(http, lease)?,
        Dialect::OpenAi => {
            listed.iter().find(|one| one.id == model).and_then(|one| one.context_length)
        }
        Dialect::Ollama => None,
    };
    Ok(ServerInfo { dialect, model, shares_vocabulary, context_length })
}

/// Returns the server's models; an empty list if it lists none.
pub(crate) fn models(http: &Http, lease: &Lease) -> Result<Vec<Listed>, RemoteError> {
    const PATH: &str = "/v1/models";
    let Some(json) = read(http, http.get(lease, PATH)?, PATH)? else { return Ok(Vec::new()) };
    let listed = json.get("data").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |model: &Value, field| model.get(field).and_then(Value::as_str).map(str::to_owned);
    Ok(listed
        .iter()
        .filter_map(|model| {
            let owner = text(model, "owned_by").unwrap_or_default();
            let context_length = count(model.get("max_model_len"));
            Some(Listed { id: text(model, "id")?, owner, context_length })
        })
        .collect())
}

/// Returns the context length of a llama-server's slot. A server that does not report it is no failure.
fn slot_length(http: &Http, lease: &Lease) -> Result<Option<usize>, RemoteError> {
    const PATH: &str = "/props";
    let reply = http.get(lease, PATH)?;
    let Ok(Some(json)) = read(http, reply, PATH) else { return Ok(None) };
    Ok(count(json.pointer("/default_generation_settings/n_ctx")))
}

/// Finds out which protocol the server speaks.
fn detect(http: &Http, lease: &Lease, listed: &[Listed]) -> Result<Dialect, RemoteError> {
    match listed.first().map(|model| model.owner.as_str()) {
        Some("llamacpp") => return Ok(Dialect::LlamaServer),
        Some("vllm") => return Ok(Dialect::OpenAi),
        _ => {}
    }
    const PATH: &str = "/api/version";
    let is_ollama = match read(http, http.get(lease, PATH)?, PATH) {
        Ok(Some(json)) => json.get("version").is_some_and(Value::is_string),
        // A gateway answers unknown addresses with a page of its own.
        Ok(None) | Err(RemoteError::Garbage { .. } | RemoteError::Refused { .. }) => false,
        Err(error) => return Err(error),
    };
    Ok(if is_ollama { Dialect::Ollama } else { Dialect::OpenAi })
}

/// Returns the model to name in requests.
fn choose(
    http: &Http,
    dialect: Dialect,
    wanted: &str,
    listed: &[Listed],
) -> Result<String, RemoteError> {
    // A llama-server has one model and ignores the name.
    let needs_name = dialect != Dialect::LlamaServer;
    let found = if wanted.is_empty() {
        listed.first().map(|model| model.id.as_str())
    } else {
        let is_wanted = |model: &&Listed| {
            model.id == wanted || model.id.strip_suffix(":latest") == Some(wanted)
        };
        let known = listed.iter().find(is_wanted).map(|model| model.id.as_str());
        known.or((!needs_name || listed.is_empty()).then_some(wanted))
    };
    match found {
        Some(model) => Ok(model.to_owned()),
        None if !needs_name => Ok(String::new()),
        None => {
            let names = listed.iter().take(MAX_LISTED).map(|model| printable(&model.id));
            let names: Vec<String> = names.collect();
            let more = if listed.len() > MAX_LISTED { " and others" } else { "" };
            let listed = match names.as_slice() {
                [] => "; it lists none".to_owned(),
                names => format!("; it has {}{more}", names.join(", ")),
            };
            Err(RemoteError::NoModel { host: http.host(), model: printable(wanted), listed })
        }
    }
}

/// Whether the server's model has the tokens of a sample. A server that cannot tell counts as one
/// that has not.
fn has_tokens(
    http: &Http,
    lease: &Lease,
    (dialect, model): (Dialect, &str),
    sample: &VocabularySample,
) -> Result<bool, RemoteError> {
    const PATH: &str = "/tokenize";
    let json = match dialect {
        Dialect::LlamaServer => {
            json!({"content": sample.text, "add_special": false, "parse_special": true})
        }
        Dialect::OpenAi => {
            json!({"model": model, "prompt": sample.text, "add_special_tokens": false})
        }
        // It has no such endpoint.
        Dialect::Ollama => return Ok(false),
    };
    let reply = http.post(lease, PATH, &json)?;
    let Ok(Some(found)) = read(http, reply, PATH) else { return Ok(false) };
    let tokens = found.get("tokens").and_then(Value::as_array).map(Vec::as_slice);
    let same = |token: &Value, wanted: &u32| token.as_u64() == Some(u64::from(*wanted));
    Ok(tokens.is_some_and(|tokens| {
        tokens.len() == sample.tokens.len()
            && tokens.iter().zip(&sample.tokens).all(|(token, wanted)| same(token, wanted))
    }))
}

/// Reads the JSON of an answer; `None` if the server has no such endpoint.
fn read(http: &Http, reply: Reply, path: &'static str) -> Result<Option<Value>, RemoteError> {
    let Some(bytes) = http.read_page(reply, path)? else { return Ok(None) };
    let garbage = |_| RemoteError::Garbage { host: http.host(), what: "it is not JSON" };
    serde_json::from_slice(&bytes).map(Some).map_err(garbage)
}
