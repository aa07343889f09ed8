"""Writes expected.json: three invented data sets and what scipy, numpy and statsmodels say of them.

pip install numpy scipy statsmodels; python expected.py > expected.json
"""

import json

import numpy
import scipy.stats
import statsmodels.api


def data_sets():
    rng = numpy.random.default_rng(7)
    t = numpy.arange(60)
    season = 40 * numpy.sin(2 * numpy.pi * t / 12)
    yield "takings by month", t * 1.0, 900 + 6.5 * t + season + rng.normal(0, 12, 60)
    weight = rng.gamma(3, 20, 200)
    yield "weight and postage", weight, 2.5 + 0.08 * weight + rng.normal(0, 2, 200)
    # Few, whole numbers with ties, one far away.
    yield "visits and complaints", numpy.array([3, 8, 8, 1, 5, 9, 2, 7, 4, 40.0, 6, 5, 3, 3, 8, 6]), numpy.array(
        [1, 0, 2, 2, 1, 0, 3, 1, 2, 0.0, 1, 1, 2, 0, 1, 2]
    )


def design(t, season):
    columns = [numpy.ones(len(t)), t]
    for part in range(1, season or 1):
        columns.append((t % season == part) * 1.0)
    return numpy.column_stack(columns)


def forecast(y, season, steps):
    t = numpy.arange(len(y))
    model = statsmodels.api.OLS(y, design(t, season)).fit()
    later = numpy.arange(len(y), len(y) + steps)
    frame = model.get_prediction(design(later, season)).summary_frame(alpha=0.05)
    return frame[["mean", "obs_ci_lower", "obs_ci_upper"]].values.tolist()


def expected():
    for name, x, y in data_sets():
        line = scipy.stats.linregress(x, y)
        margin = line.stderr * scipy.stats.t.ppf(0.975, len(x) - 2)
        quarter, three_quarters = numpy.quantile(y, [0.25, 0.75])
        reach = 1.5 * (three_quarters - quarter)
        edges = numpy.histogram_bin_edges(y, bins="fd")
        yield {
            "name": name,
            "x": x.tolist(),
            "y": y.tolist(),
            "describe": [
                y.mean(), y.std(ddof=1), y.min(), quarter, numpy.median(y), three_quarters, y.max(),
                scipy.stats.skew(y),
            ],
            "line": [line.slope, line.intercept, line.rvalue**2, line.pvalue, margin],
            "pearson": list(scipy.stats.pearsonr(x, y)),
            "spearman": list(scipy.stats.spearmanr(x, y)),
            "fences": [quarter - reach, three_quarters + reach],
            "edges": edges.tolist(),
            "counts": numpy.histogram(y, edges)[0].tolist(),
            "forecast": forecast(y, None, 3),
            "forecast_by_4": forecast(y, 4, 5),
            "forecast_by_12": forecast(y, 12, 14) if len(y) >= 24 else None,
        }


print(json.dumps(list(expected()), default=float))
