//! Grouped-query attention over a cache in a device's memory.
//!
//! Query heads of a group are rows of one product with their key head, so no key is ever repeated. Scores and sums are
//! f32; keys and values become f32 as they are read.

use candle_core::{Device, Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::kv::LayerKv;
use crate::config::Config;

/// The positions that the tokens of a pass attend to; the same for all layers with the same window.
#[derive(Clone)]
pub(super) struct AttentionMask {
    window: usize,
    /// The first position that any of them attends to.
    begin: usize,
    /// How many positions follow, up to the last token's.
    n: usize,
    /// Added to scores, (m, n): 0 or −∞. `None` if every token attends to all n.
    mask: Option<Tensor>,
}

/// The views of one pass.
pub(super) struct AttentionMasks {
    position: usize,
    m: usize,
    /// The views made so far, one per window.
    cached: Vec<AttentionMask>,
}

impl AttentionMasks {
    /// The views of `m` tokens from `position` on.
    pub(super) fn new(position: usize, m: usize) -> Self {
        Self { position, m, cached: Vec::new() }
    }

    /// The view of layers whose tokens attend to `window` positions, themselves among them.
    pub(super) fn of(&mut self, window: usize, device: &Device) -> Result<AttentionMask> {
        if let Some(attention_mask) =
            self.cached.iter().find(|attention_mask| attention_mask.window == window)
        {
            return Ok(attention_mask.clone());
        }
        let attention_mask = AttentionMask::new(self.position, self.m, window, device)?;
        self.cached.push(attention_mask.clone());
        Ok(attention_mask)
    }
}

impl AttentionMask {
    /// The view of `m` tokens from `position` on.
    pub(super) fn new(position: usize, m: usize, window: usize, device: &Device) -> Result<Self> {
        let first_seen = |token: usize| (position + token + 1).saturating_sub(window.max(1));
        let begin = first_seen(0);
        let n = position + m - begin;
        if m == 1 {
            return Ok(Self { window, begin, n, mask: None });
        }
        let mut mask = vec![f32::NEG_INFINITY; m * n];
        for (token, row) in mask.chunks_exact_mut(n).enumerate() {
            row[first_seen(token) - begin..=position + token - begin].fill(0.0);
        }
        let mask = Some(Tensor::from_vec(mask, (m, n), device)?);
        Ok(Self { window, begin, n, mask })
    }
}

/// Attends with the queries, (`n_heads`, m, `head_dim`); the result has the same shape.
pub(super) fn attend(
    config: &Config,
    queries: &Tensor,
    kv: &LayerKv,
    attention_mask: &AttentionMask,
) -> Result<Tensor> {
    let (n_heads, m, head_dim) = queries.dims3()?;
    let n_kv_heads = config.n_kv_heads;
    let group = n_heads / n_kv_heads;
    let (keys, values) = kv.read(attention_mask.begin, attention_mask.n)?;
    let queries = (queries * f64::from(config.attention_scale))?;
    let queries = queries.reshape((n_kv_heads, group * m, head_dim))?;
    let mut scores = queries.matmul(&keys.transpose(1, 2)?)?; // (n_kv_heads, group × m, n)
    if let Some(cap) = config.attn_logit_softcap {
        scores = soft_cap(&scores, cap)?;
    }
    if let Some(mask) = &attention_mask.mask {
        let by_token = scores.reshape((n_kv_heads, group, m, attention_mask.n))?;
        scores =
            by_token.broadcast_add(mask)?.reshape((n_kv_heads, group * m, attention_mask.n))?;
    }
    softmax_last_dim(&scores)?.matmul(&values)?.reshape((n_heads, m, head_dim))
}

/// Applies a soft cap: keeps numbers within ± `cap`.
pub(super) fn soft_cap(x: &Tensor, cap: f32) -> Result<Tensor> {
    let cap = f64::from(cap);
    (x / cap)?.tanh()? * cap
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn mask(position: usize, m: usize, window: usize) -> (usize, Vec<String>) {
        let attention_mask = AttentionMask::new(position, m, window, &Device::Cpu).unwrap();
        let rows =
            attention_mask.mask.map(|mask| mask.to_vec2::<f32>().unwrap()).unwrap_or_default();
        let row = |row: Vec<f32>| row.iter().map(|x| if *x == 0.0 { '1' } else { '.' }).collect();
        (attention_mask.begin, rows.into_iter().map(row).collect())
    }

    #[test]
    fn mask_is_causal_within_the_window() {
        assert_eq!(
            mask(2, 3, usize::MAX),
            (0, vec!["111..".into(), "1111.".into(), "11111".into()])
        );
        assert_eq!(mask(2, 3, 2), (1, vec!["11..".into(), ".11.".into(), "..11".into()]));
        assert_eq!(mask(0, 2, 1), (0, vec!["1.".into(), ".1".into()]));
        // One token attends to a slice of the cache: nothing is masked.
        assert_eq!(mask(9, 1, 4), (6, vec![]));
        assert_eq!(mask(9, 1, usize::MAX), (0, vec![]));
    }
}
