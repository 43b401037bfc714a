//! Which experts each token of a mixture uses, and in which order their results are added.
//!
//! A token's routes follow from its own scores alone. Its results are added in the order of its experts' numbers, so
//! that they have the same bits in any batch. The forward pass on a device calls this too.

use crate::config::MoeConfig;

/// One token's use of one expert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) expert: usize,
    pub(crate) token: usize,
    pub(crate) weight: f32,
}

/// Chooses experts by `scores`, (tokens, experts), which are overwritten; sorted by expert, then by token.
pub(crate) fn route(scores: &mut [f32], shape: MoeConfig) -> Vec<Route> {
    let mut routes = Vec::with_capacity(scores.len() / shape.n * shape.n_used);
    for (token, scores) in scores.chunks_exact_mut(shape.n).enumerate() {
        route_token(scores, shape, token, &mut routes);
    }
    routes.sort_by_key(|route| (route.expert, route.token));
    routes
}

/// Turns one token's scores into probabilities and adds its routes: the most probable experts, the first of
/// equals.
fn route_token(scores: &mut [f32], shape: MoeConfig, token: usize, routes: &mut Vec<Route>) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - max).exp();
        sum += *score;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(shape.n_used);
    let total = if shape.normalized { order.iter().map(|i| scores[*i]).sum() } else { sum };
    routes.extend(order.into_iter().map(|expert| Route {
        expert,
        token,
        weight: scores[expert] / total,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(scores: &[f32], n_used: usize, normalized: bool) -> Vec<(usize, f32)> {
        let shape = MoeConfig { n: scores.len(), n_used, normalized };
        let mut routes = Vec::new();
        route_token(&mut scores.to_vec(), shape, 3, &mut routes);
        assert!(routes.iter().all(|route| route.token == 3));
        routes.into_iter().map(|route| (route.expert, route.weight)).collect()
    }

    #[test]
    fn likeliest_experts_are_chosen() {
        let ln = |x: f32| x.ln();
        let scores = [ln(1.0), ln(5.0), ln(2.0), ln(2.0)];
        let near = |found: Vec<(usize, f32)>, expected: [(usize, f32); 2]| {
            assert_eq!(found.len(), 2);
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found.0, expected.0);
                assert!((found.1 - expected.1).abs() < 1e-6, "{found:?}, not {expected:?}");
            }
        };
        near(chosen(&scores, 2, true), [(1, 5.0 / 7.0), (2, 2.0 / 7.0)]);
        near(chosen(&scores, 2, false), [(1, 0.5), (2, 0.2)]);
    }
}
