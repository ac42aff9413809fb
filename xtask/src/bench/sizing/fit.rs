//! Least squares of few unknowns, none of which may be negative.

/// One observation: what was there of each cause, and what it came to.
#[derive(Clone, Debug)]
pub struct Row {
    pub causes: Vec<f64>,
    pub effect: f64,
    /// Errors are compared with this: with the effect itself, so that small loads count like large ones.
    pub scale: f64,
}

/// Coefficients, one for each cause, with the least sum of squares of relative errors. A cause that would have to be
/// negative has no part in it. Up to a dozen causes: it tries each set of them.
pub fn fit(rows: &[Row], causes: usize) -> Vec<f64> {
    let mut best = (squares(rows, &vec![0.0; causes]), vec![0.0; causes]);
    for set in 1_u32..1 << causes {
        let chosen: Vec<usize> = (0..causes).filter(|cause| (set >> cause) & 1 == 1).collect();
        let Some(found) = solve(rows, &chosen) else { continue };
        if found.iter().any(|value| *value < 0.0) {
            continue;
        }
        let mut all = vec![0.0; causes];
        chosen.iter().zip(found).for_each(|(cause, value)| all[*cause] = value);
        let error = squares(rows, &all);
        if error < best.0 {
            best = (error, all);
        }
    }
    best.1
}

/// What the coefficients make of these causes.
pub fn apply(coefficients: &[f64], causes: &[f64]) -> f64 {
    coefficients.iter().zip(causes).map(|(coefficient, cause)| coefficient * cause).sum()
}

fn squares(rows: &[Row], coefficients: &[f64]) -> f64 {
    rows.iter().map(|row| ((apply(coefficients, &row.causes) - row.effect) / row.scale).powi(2)).sum()
}

/// The normal equations of the chosen causes, by elimination with the largest pivot; `None` when two of them always
/// come together.
fn solve(rows: &[Row], chosen: &[usize]) -> Option<Vec<f64>> {
    let size = chosen.len();
    let mut matrix = vec![vec![0.0; size + 1]; size];
    for row in rows {
        let values: Vec<f64> = chosen.iter().map(|cause| row.causes[*cause] / row.scale).collect();
        for (line, one) in matrix.iter_mut().zip(&values) {
            for (cell, other) in line.iter_mut().zip(values.iter().chain(&[row.effect / row.scale])) {
                *cell += one * other;
            }
        }
    }
    // Causes differ by orders of magnitude: each equation by its own diagonal.
    let sizes: Vec<f64> = (0..size).map(|place| matrix[place][place].sqrt()).collect();
    if sizes.contains(&0.0) {
        return None;
    }
    for (line, own) in matrix.iter_mut().zip(&sizes) {
        for (cell, other) in line.iter_mut().zip(sizes.iter().chain(&[1.0])) {
            *cell /= own * other;
        }
    }
    for column in 0..size {
        let pivot = (column..size).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        if matrix[column][column].abs() < 1e-9 {
            return None;
        }
        let pivot = matrix[column].clone();
        for (number, line) in matrix.iter_mut().enumerate() {
            let factor = if number == column { 0.0 } else { line[column] / pivot[column] };
            line.iter_mut().zip(&pivot).for_each(|(cell, above)| *cell -= factor * above);
        }
    }
    Some((0..size).map(|place| matrix[place][size] / matrix[place][place] / sizes[place]).collect())
}

/// The one in the middle and the largest.
pub fn median_and_worst(mut errors: Vec<f64>) -> (f64, f64) {
    errors.sort_by(f64::total_cmp);
    let at = |place: usize| errors.get(place).copied().unwrap_or(f64::NAN);
    (at(errors.len() / 2), at(errors.len().saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(truth: &[f64]) -> Vec<Row> {
        let causes =
            [[100.0, 100.0, 0.1], [100.0, 300.0, 2.0], [1000.0, 1000.0, 1.0], [50.0, 500.0, 0.5], [9.0, 9.0, 9.0]];
        let row = |causes: &[f64; 3]| {
            let effect = apply(truth, causes);
            Row { causes: causes.to_vec(), effect, scale: effect }
        };
        causes.iter().map(row).collect()
    }

    #[test]
    fn a_law_that_holds_is_found_again() {
        let truth = [30.0, 12.5, 4_000.0];
        let found = fit(&rows(&truth), 3);
        assert!(found.iter().zip(&truth).all(|(found, truth)| (found / truth - 1.0).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn nothing_is_negative_and_small_rows_count_like_large_ones() {
        // The second cause would have to be negative.
        let found = fit(&rows(&[30.0, -2.0, 4_000.0]), 3);
        assert!(found.iter().all(|value| *value >= 0.0), "{found:?}");
        let row = |cause: f64, effect: f64| Row { causes: vec![cause], effect, scale: effect };
        // 10 % too much in the small one and 10 % too little in the large one.
        let found = fit(&[row(1.0, 1.1), row(1e6, 0.9e6)], 1);
        assert!((found[0] - 0.98).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn causes_that_always_come_together_are_told_as_one() {
        let row = |cause: f64| Row { causes: vec![cause, cause], effect: 3.0 * cause, scale: cause };
        let found = fit(&[row(1.0), row(2.0), row(5.0)], 2);
        assert!((found[0] + found[1] - 3.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_middle_and_the_worst_of_errors() {
        assert_eq!(median_and_worst(vec![0.3, 0.1, 0.2]), (0.2, 0.3));
        assert!(median_and_worst(Vec::new()).0.is_nan());
    }
}
