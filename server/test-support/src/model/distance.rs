//! How far logits are from a reference's, in a measure that does not depend on the model: standard deviations of the
//! reference's logits of the same position.

/// How far logits are from the reference.
#[derive(Clone, Copy, Debug)]
pub struct Distance {
    /// The largest difference, in standard deviations of the reference's logits of that position.
    pub max: f32,
    /// The root of the mean square difference, likewise.
    pub rms: f32,
    /// The share of positions with the same likeliest token.
    pub same_argmax: f32,
}

/// Compares logits, `vocab` for each position.
pub fn distance(logits: &[f32], reference: &[f32], vocab: usize) -> Distance {
    assert_eq!(logits.len(), reference.len());
    let n = reference.len() / vocab;
    let (mut max, mut squares, mut same) = (0_f32, 0.0, 0);
    for (ours, theirs) in logits.chunks(vocab).zip(reference.chunks(vocab)) {
        let mean = theirs.iter().sum::<f32>() / vocab as f32;
        let std_dev =
            (theirs.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / vocab as f32).sqrt();
        for (a, b) in ours.iter().zip(theirs) {
            assert!(a.is_finite(), "a logit is {a}");
            max = max.max((a - b).abs() / std_dev);
            squares += f64::from(((a - b) / std_dev).powi(2));
        }
        same += usize::from(argmax(ours) == argmax(theirs));
    }
    let rms = (squares / reference.len() as f64).sqrt() as f32;
    Distance { max, rms, same_argmax: same as f32 / n as f32 }
}

fn argmax(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, id| if logits[id] > logits[best] { id } else { best })
}
