//! A mean and its 95 % interval, by Student's t.

/// Of few values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Interval {
    pub(crate) mean: f64,
    /// Half of the interval's width; infinite of a single value.
    pub(crate) half: f64,
}

/// Two-sided, 95 %, by degrees of freedom from 1 on.
const T: [f64; 15] =
    [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131];

impl Interval {
    /// `None` of no values.
    pub(crate) fn of(values: &[f64]) -> Option<Interval> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        match n {
            0 => None,
            1 => Some(Interval { mean, half: f64::INFINITY }),
            _ => {
                let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
                // More degrees of freedom than the table has come near the normal distribution.
                let t = T.get(n - 2).copied().unwrap_or(2.0);
                Some(Interval { mean, half: t * (variance / n as f64).sqrt() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        assert_eq!(Interval::of(&[]), None);
        assert_eq!(Interval::of(&[1.0]), Some(Interval { mean: 1.0, half: f64::INFINITY }));
        let Some(three) = Interval::of(&[0.9, 1.0, 1.1]) else { panic!("three values") };
        assert!((three.mean - 1.0).abs() < 1e-12);
        // 4.303 * 0.1 / sqrt(3).
        assert!((three.half - 0.2484).abs() < 1e-3, "{}", three.half);
    }
}
