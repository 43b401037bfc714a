//! What a server has computed since its start, from its own metrics in the Prometheus text format.

use crate::error::RemoteError;
use crate::http::{Http, Lease};

const PATH: &str = "/metrics";

/// Tokens that a server has computed since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerTotals {
    /// Prompt tokens, without those that were in its cache.
    pub prompt: u64,
    pub decoded: u64,
}

/// Asks the server; `None` if it has no metrics that are known here.
pub(crate) fn totals(http: &Http, lease: &Lease) -> Result<Option<ServerTotals>, RemoteError> {
    let Some(bytes) = http.read_page(http.get(lease, PATH)?, PATH)? else { return Ok(None) };
    let not_text = |_| RemoteError::Garbage { host: http.host(), what: "it is not UTF-8 text" };
    Ok(read_totals(std::str::from_utf8(&bytes).map_err(not_text)?))
}

/// Reads the totals of llama-server or vLLM.
fn read_totals(text: &str) -> Option<ServerTotals> {
    // llama-server counts computed tokens only, vLLM all of them, and those in its cache.
    let total = |name: &str| total(text, name);
    if let Some(prompt) = total("llamacpp:prompt_tokens_total") {
        let decoded = total("llamacpp:tokens_predicted_total").unwrap_or_default();
        return Some(ServerTotals { prompt, decoded });
    }
    let answered = total("vllm:prompt_tokens_total")?;
    let cached = total("vllm:prefix_cache_hits_total").unwrap_or_default();
    // Like the hits, it counts requests that are cancelled before their first token. Without a prefix
    // cache it is 0.
    let looked_up = total("vllm:prefix_cache_queries_total").filter(|&n| n > 0);
    let prompt = looked_up.unwrap_or(answered);
    let decoded = total("vllm:generation_tokens_total").unwrap_or_default();
    Some(ServerTotals { prompt: prompt.saturating_sub(cached), decoded })
}

/// Returns the sum of a metric over its labels; `None` if it is not there.
fn total(text: &str, name: &str) -> Option<u64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once('}')?.1,
            None => rest,
        };
        // A longer name has no blank here.
        let value: f64 = rest.strip_prefix(' ')?.split_whitespace().next()?.parse().ok()?;
        Some(value as u64)
    });
    values.reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_llama_server_and_vllm_are_read() {
        let llama = "# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.\n\
                     # TYPE llamacpp:prompt_tokens_total counter\nllamacpp:prompt_tokens_total 1204\n\
                     llamacpp:prompt_tokens_total_seconds 3\nllamacpp:tokens_predicted_total 77\n";
        assert_eq!(read_totals(llama), Some(ServerTotals { prompt: 1204, decoded: 77 }));
        let vllm = "vllm:prompt_tokens_total{engine=\"0\",model_name=\"m\"} 500.0\n\
                    vllm:prompt_tokens_total{engine=\"1\",model_name=\"m\"} 250.0\n\
                    vllm:prefix_cache_hits_total{engine=\"0\"} 6.4e2\nvllm:generation_tokens_total 9 1700000000\n";
        assert_eq!(read_totals(vllm), Some(ServerTotals { prompt: 110, decoded: 9 }));
        let cancelled = format!("{vllm}vllm:prefix_cache_queries_total 900\n");
        assert_eq!(read_totals(&cancelled), Some(ServerTotals { prompt: 260, decoded: 9 }));
        let uncached = vllm.replace("6.4e2", "0") + "vllm:prefix_cache_queries_total 0\n";
        assert_eq!(read_totals(&uncached), Some(ServerTotals { prompt: 750, decoded: 9 }));
        for other in ["", "go_goroutines 12\n", "vllm:prompt_tokens_total{ 5\n"] {
            assert_eq!(read_totals(other), None, "{other}");
        }
    }
}
