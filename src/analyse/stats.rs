//! The arithmetic of the analyses: descriptions, fits, correlations, fences and forecasts of plain numbers.
//!
//! Each function says which one of scipy, numpy or statsmodels gives the same numbers; `tests/it/analysis`
//! holds theirs. Nothing here knows columns, dates or sentences. Inputs are finite numbers.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Numbers at a glance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Description {
    pub n: usize,
    pub mean: f64,
    /// Sample standard deviation (n − 1); None for a single number.
    pub deviation: Option<f64>,
    pub min: f64,
    pub quarter: f64,
    pub median: f64,
    pub three_quarters: f64,
    pub max: f64,
    /// Fisher's skewness without bias correction, as `scipy.stats.skew`; None where all numbers are equal.
    pub skewness: Option<f64>,
}

/// A straight line through points, as `scipy.stats.linregress`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    pub n: usize,
    pub slope: f64,
    pub intercept: f64,
    /// Share of the variance that the line explains, 0 to 1.
    pub r_squared: f64,
    /// Two-sided p of "the slope is zero".
    pub p: f64,
    /// Half the width of the slope's 95 % confidence interval.
    pub slope_margin: f64,
}

/// How two columns go together, -1 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation {
    pub n: usize,
    pub coefficient: f64,
    /// Two-sided p of "there is none".
    pub p: f64,
}

/// What lies outside is unusual: Tukey's fences, 1.5 interquartile ranges beyond the quartiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fences {
    pub low: f64,
    pub high: f64,
}

/// Counts between edges; every bin includes its lower edge, the last one both.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// One more than `counts`.
    pub edges: Vec<f64>,
    pub counts: Vec<usize>,
}

/// A forecast of the periods after the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    pub n: usize,
    /// Periods of one season in the model; None for a plain line.
    pub season: Option<usize>,
    pub steps: Vec<Step>,
}

/// One future period, with the interval that holds 95 of 100 such values if the model is right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub expected: f64,
    pub low: f64,
    pub high: f64,
}

/// None for no numbers. Quantiles interpolate linearly, as numpy does by default.
pub fn describe(values: &[f64]) -> Option<Description> {
    let sorted = sorted(values);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let n = values.len();
    let mean = mean(values);
    let second = central_sum(values, mean, 2);
    let third = central_sum(values, mean, 3);
    let size = n as f64;
    Some(Description {
        n,
        mean,
        deviation: (n > 1).then(|| (second / (size - 1.0)).sqrt()),
        min,
        quarter: quantile(&sorted, 0.25),
        median: quantile(&sorted, 0.5),
        three_quarters: quantile(&sorted, 0.75),
        max,
        skewness: (min < max).then(|| (third / size) / (second / size).powf(1.5)),
    })
}

/// None for fewer than three points, or where x or y never change.
pub fn line(x: &[f64], y: &[f64]) -> Option<Line> {
    let n = x.len();
    if n < 3 || n != y.len() {
        return None;
    }
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (xx, yy) = (central_sum(x, mean_x, 2), central_sum(y, mean_y, 2));
    if xx == 0.0 || yy == 0.0 {
        return None;
    }
    let xy = product_sum(x, mean_x, y, mean_y);
    let slope = xy / xx;
    let r = (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0);
    let freedom = (n - 2) as f64;
    let error = ((1.0 - r * r) * yy / xx / freedom).sqrt();
    Some(Line {
        n,
        slope,
        intercept: mean_y - slope * mean_x,
        r_squared: r * r,
        p: two_sided(r, freedom)?,
        slope_margin: error * StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975),
    })
}

/// Pearson's r, as `scipy.stats.pearsonr`: how far the points lie on a line.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<Correlation> {
    let n = x.len();
    if n < 3 || n != y.len() {
        return None;
    }
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (xx, yy) = (central_sum(x, mean_x, 2), central_sum(y, mean_y, 2));
    if xx == 0.0 || yy == 0.0 {
        return None;
    }
    let r = (product_sum(x, mean_x, y, mean_y) / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0);
    Some(Correlation {
        n,
        coefficient: r,
        p: two_sided(r, (n - 2) as f64)?,
    })
}

/// Spearman's rho, as `scipy.stats.spearmanr`: how far the one rises with the other, in whatever shape.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<Correlation> {
    pearson(&ranks(x), &ranks(y))
}

/// None for fewer than four numbers.
pub fn fences(values: &[f64]) -> Option<Fences> {
    if values.len() < 4 {
        return None;
    }
    let sorted = sorted(values);
    let (quarter, three_quarters) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75));
    let reach = 1.5 * (three_quarters - quarter);
    Some(Fences {
        low: quarter - reach,
        high: three_quarters + reach,
    })
}

/// Bins of equal width after Freedman and Diaconis, as `numpy.histogram_bin_edges(…, bins='fd')`, at most
/// `most` of them. None for no numbers.
pub fn histogram(values: &[f64], most: usize) -> Option<Histogram> {
    let sorted = sorted(values);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    if min == max {
        // As numpy: one bin, half a unit to either side.
        return Some(Histogram {
            edges: vec![min - 0.5, max + 0.5],
            counts: vec![values.len()],
        });
    }
    let spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
    let width = 2.0 * spread / (values.len() as f64).cbrt();
    let bins = if width > 0.0 {
        (((max - min) / width).ceil()).clamp(1.0, most as f64) as usize
    } else {
        1
    };
    let edges: Vec<f64> = (0..=bins)
        .map(|at| {
            if at == bins {
                max
            } else {
                min + (max - min) * at as f64 / bins as f64
            }
        })
        .collect();
    let mut counts = vec![0; bins];
    for value in &sorted {
        let bin = edges[1..bins].partition_point(|edge| edge <= value);
        counts[bin] += 1;
    }
    Some(Histogram { edges, counts })
}

/// Least squares over a line, and over one level a part of the season where `season` (periods of one round) is
/// given, with prediction intervals, as `OLS(y, [1, t, dummies]).get_prediction().summary_frame()`'s `obs_ci`.
/// None where there are too few values for that: at least eight, and two whole rounds.
pub fn forecast(values: &[f64], season: Option<usize>, steps: usize) -> Option<Forecast> {
    let n = values.len();
    if n < 8 || season.is_some_and(|round| round < 2 || n < 2 * round) {
        return None;
    }
    let row = |t: usize| -> Vec<f64> {
        let mut row = vec![1.0, t as f64];
        if let Some(round) = season {
            row.extend((1..round).map(|part| f64::from(u8::from(t % round == part))));
        }
        row
    };
    let fit = Fit::new((0..n).map(row).collect(), values)?;
    let margin = StudentsT::new(0.0, 1.0, fit.freedom).ok()?.inverse_cdf(0.975);
    let steps = (n..n + steps)
        .map(|t| {
            let (expected, error) = fit.predict(&row(t));
            Step {
                expected,
                low: expected - margin * error,
                high: expected + margin * error,
            }
        })
        .collect();
    Some(Forecast { n, season, steps })
}

/// A least-squares fit by Householder reflections, which stay exact where normal equations lose half the digits.
struct Fit {
    coefficients: Vec<f64>,
    /// The upper triangle R of the design's QR decomposition.
    triangle: Vec<Vec<f64>>,
    /// Residual variance.
    variance: f64,
    /// Values minus coefficients.
    freedom: f64,
}

impl Fit {
    /// None where columns depend on each other or no value is left over to estimate the error from.
    fn new(mut design: Vec<Vec<f64>>, values: &[f64]) -> Option<Fit> {
        let n = design.len();
        let width = design.first()?.len();
        if n <= width {
            return None;
        }
        let mut right = values.to_vec();
        for column in 0..width {
            let length = (column..n)
                .map(|row| design[row][column].powi(2))
                .sum::<f64>()
                .sqrt();
            if length < 1e-12 {
                return None;
            }
            let alpha = if design[column][column] > 0.0 {
                -length
            } else {
                length
            };
            let mut reflector: Vec<f64> = (column..n).map(|row| design[row][column]).collect();
            reflector[0] -= alpha;
            let square: f64 = reflector.iter().map(|v| v * v).sum();
            for at in column..width {
                let dot: f64 = reflector
                    .iter()
                    .zip(&design[column..])
                    .map(|(v, row)| v * row[at])
                    .sum();
                for (v, row) in reflector.iter().zip(&mut design[column..]) {
                    row[at] -= 2.0 * dot / square * v;
                }
            }
            let dot: f64 = reflector.iter().zip(&right[column..]).map(|(v, y)| v * y).sum();
            for (v, y) in reflector.iter().zip(&mut right[column..]) {
                *y -= 2.0 * dot / square * v;
            }
        }
        let mut coefficients = vec![0.0; width];
        for at in (0..width).rev() {
            let known: f64 = (at + 1..width).map(|k| design[at][k] * coefficients[k]).sum();
            coefficients[at] = (right[at] - known) / design[at][at];
        }
        let freedom = (n - width) as f64;
        let variance = right[width..].iter().map(|y| y * y).sum::<f64>() / freedom;
        design.truncate(width);
        Some(Fit {
            coefficients,
            triangle: design,
            variance,
            freedom,
        })
    }

    /// The expected value at `row` and the standard error of a single observation there.
    fn predict(&self, row: &[f64]) -> (f64, f64) {
        let expected = row.iter().zip(&self.coefficients).map(|(x, b)| x * b).sum();
        // |R⁻ᵀ x|² by forward substitution.
        let mut solved: Vec<f64> = Vec::with_capacity(row.len());
        for (at, value) in row.iter().enumerate() {
            let known: f64 = solved
                .iter()
                .enumerate()
                .map(|(k, part)| self.triangle[k][at] * part)
                .sum();
            solved.push((value - known) / self.triangle[at][at]);
        }
        let leverage: f64 = solved.iter().map(|value| value * value).sum();
        (expected, (self.variance * (1.0 + leverage)).sqrt())
    }
}

fn mean(values: &[f64]) -> f64 {
    // A second pass takes back what the first one rounded away.
    let size = values.len() as f64;
    let rough = values.iter().sum::<f64>() / size;
    rough + values.iter().map(|value| value - rough).sum::<f64>() / size
}

fn central_sum(values: &[f64], mean: f64, power: i32) -> f64 {
    values.iter().map(|value| (value - mean).powi(power)).sum()
}

fn product_sum(x: &[f64], mean_x: f64, y: &[f64], mean_y: f64) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The quantile of sorted numbers; there must be at least one.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (at - below as f64)
}

/// The p of a correlation under "there is none", by the t distribution.
fn two_sided(r: f64, freedom: f64) -> Option<f64> {
    if r.abs() >= 1.0 {
        return Some(0.0);
    }
    let t = r.abs() * (freedom / ((1.0 - r) * (1.0 + r))).sqrt();
    Some(2.0 * StudentsT::new(0.0, 1.0, freedom).ok()?.sf(t))
}

/// Ranks from 1; equal numbers share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        let rank = (start + 1 + end) as f64 / 2.0;
        for at in &order[start..end] {
            ranks[*at] = rank;
        }
        start = end;
    }
    ranks
}
