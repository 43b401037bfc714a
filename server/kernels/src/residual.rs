//! Additions to the residual stream that are more than a plain sum: scaled, or normalised first.
//!
//! Every row is computed independently, so its bits do not depend on the batch.

use crate::error::ShapeError;
use crate::norm::rms_scale;
use crate::pool::Pool;
use crate::shared::SharedSlice;

/// How a layer's result is added to the residual stream.
#[derive(Debug, Clone, Copy)]
pub enum ResidualAdd<'a> {
    /// Multiplied by a number.
    Scaled(f32),
    /// Divided by its root mean square (`eps` under the root) and multiplied by a weight per
    /// column.
    Normalized {
        weight: &'a [f32],
        /// Added to the mean square.
        eps: f32,
    },
}

/// Adds `m` rows of `k` values to those of the stream `x`, as `merge` specifies.
pub fn add_rows(
    pool: &Pool,
    merge: ResidualAdd<'_>,
    rows: &[f32],
    m: usize,
    k: usize,
    x: &mut [f32],
) -> Result<(), ShapeError> {
    ShapeError::exactly("residual", "rows", m.checked_mul(k), rows.len())?;
    ShapeError::exactly("residual", "x", m.checked_mul(k), x.len())?;
    if let ResidualAdd::Normalized { weight, .. } = merge {
        ShapeError::exactly("residual", "weight", Some(k), weight.len())?;
    }
    let x = SharedSlice::new(x);
    // A row takes less than a microsecond.
    pool.split(m, (16_384 / k.max(1)).clamp(1, 64), |range| {
        for row in range {
            // SAFETY: `split` hands out every row once, and rows do not overlap.
            let x_row = unsafe { x.part(row * k, k) };
            add_row(pool, merge, &rows[row * k..(row + 1) * k], x_row);
        }
    });
    Ok(())
}

fn add_row(pool: &Pool, merge: ResidualAdd<'_>, row: &[f32], x_row: &mut [f32]) {
    match merge {
        ResidualAdd::Scaled(scale) => {
            for (x, value) in x_row.iter_mut().zip(row) {
                *x += value * scale;
            }
        }
        ResidualAdd::Normalized { weight, eps } => {
            // SAFETY: this CPU supports a pool's instruction set.
            let scale = unsafe { rms_scale(pool.isa(), row, eps) };
            for ((x, value), weight) in x_row.iter_mut().zip(row).zip(weight) {
                *x += value * scale * weight;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn added_rows_equal_reference_in_any_batch() {
        let (m, k) = (70, 45);
        let rows = reference::random_floats(m * k, 1);
        let stream = reference::random_floats(m * k, 2);
        let weight = reference::random_floats(k, 3);
        for merge in
            [ResidualAdd::Scaled(0.22), ResidualAdd::Normalized { weight: &weight, eps: 1e-6 }]
        {
            let mut all = stream.clone();
            add_rows(&Pool::new(3), merge, &rows, m, k, &mut all).unwrap();
            for row in 0..m {
                let span = row * k..(row + 1) * k;
                let mut alone = stream[span.clone()].to_vec();
                add_rows(&Pool::new(1), merge, &rows[span.clone()], 1, k, &mut alone).unwrap();
                assert_eq!(alone, all[span.clone()]);
                let added = match merge {
                    ResidualAdd::Scaled(scale) => {
                        rows[span.clone()].iter().map(|x| f64::from(x * scale)).collect()
                    }
                    ResidualAdd::Normalized { weight, eps } => {
                        reference::rms_norm(&rows[span.clone()], weight, eps)
                    }
                };
                for ((given, before), added) in alone.iter().zip(&stream[span]).zip(added) {
                    assert!((f64::from(*given) - f64::from(*before) - added).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn wrong_shapes_are_errors() {
        let pool = Pool::new(1);
        let merge = ResidualAdd::Normalized { weight: &[1.0; 3], eps: 1e-6 };
        assert!(add_rows(&pool, merge, &[0.0; 8], 2, 4, &mut [0.0; 8]).is_err());
        assert!(add_rows(&pool, ResidualAdd::Scaled(1.0), &[0.0; 8], 2, 4, &mut [0.0; 7]).is_err());
        assert!(add_rows(&pool, ResidualAdd::Scaled(1.0), &[0.0; 7], 2, 4, &mut [0.0; 8]).is_err());
    }
}
