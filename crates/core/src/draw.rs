//! Draws: numbers uniform in `[0, 1)` that the caller supplies, so that a run can be repeated.

use std::time::Duration;

/// The point between two spans that a draw picks. A draw outside its range counts as the nearest end, NaN as zero.
pub fn between(low: Duration, high: Duration, draw: f64) -> Duration {
    let draw = if draw.is_nan() { 0.0 } else { draw.clamp(0.0, 1.0) };
    let above = high.saturating_sub(low).as_secs_f64() * draw;
    // Only the very longest spans round to more than a duration holds.
    let above = Duration::try_from_secs_f64(above).unwrap_or(Duration::MAX);
    low.saturating_add(above).min(high.max(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_a_draw() {
        let (low, high) = (Duration::from_secs(8), Duration::from_secs(12));
        for (draw, secs) in [(0.0, 8), (0.5, 10), (1.0, 12), (-3.0, 8), (f64::INFINITY, 12), (f64::NAN, 8)] {
            assert_eq!(between(low, high, draw), Duration::from_secs(secs), "{draw}");
        }
        assert_eq!(between(high, low, 0.7), high);
        assert_eq!(between(Duration::ZERO, Duration::MAX, 0.0), Duration::ZERO);
        assert_eq!(between(Duration::from_secs(1), Duration::MAX, 1.0), Duration::MAX);
    }
}
