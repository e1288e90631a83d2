"""Writes the golden models beside this file: each a model as XGBoost saves it, with rows and XGBoost's own answers.

Run with xgboost 3.2 and numpy: python make_golden.py. Seeded: a second run writes the same bytes.
"""

import hashlib
import json
from pathlib import Path

import numpy
import xgboost

HERE = Path(__file__).parent
SHIPPED = HERE.parents[2] / "examples" / "handbook" / "model.json"
FEATURE_NAMES = ["amount", "night", "customer_count_1d", "terminal_fraud_rate_7d", "seconds_since_last"]
ROWS_KEPT = 60


def draw(generator, rows, share_missing):
    """Draws features and labels; frauds follow the amount, the terminal's rate and, where missing, the last feature."""
    values = numpy.column_stack(
        [
            generator.gamma(2.0, 40.0, rows).round(2),
            generator.integers(0, 2, rows),
            generator.poisson(2.0, rows),
            generator.beta(0.3, 6.0, rows),
            generator.exponential(40_000.0, rows).round(),
        ]
    ).astype(numpy.float64)
    values[generator.random(values.shape) < share_missing] = numpy.nan
    known = numpy.nan_to_num(values)
    log_odds = -4.0 + known[:, 0] / 60 + 8 * known[:, 3] + 0.6 * known[:, 1] + numpy.isnan(values[:, 4]) * 1.5
    labels = (generator.random(rows) < 1 / (1 + numpy.exp(-log_odds))).astype(numpy.int32)
    return values, labels


def write_case(name, *, parameters, rounds, share_missing, seed, attributes, types=None):
    """Trains one model and writes `name.model.json` and, unless it is one that the scorer refuses, `name.rows.json`."""
    generator = numpy.random.default_rng(seed)
    values, labels = draw(generator, 3000, share_missing)
    if types is not None:
        values[:, 2] = numpy.minimum(values[:, 2], 7)
        labels = (values[:, 2] % 3 == 1).astype(numpy.int32)
    options = {"feature_names": FEATURE_NAMES, "feature_types": types, "enable_categorical": types is not None}
    matrix = xgboost.DMatrix(values, label=labels, **options)
    fixed = {"objective": "binary:logistic", "nthread": 1, "seed": seed}
    booster = xgboost.train({**fixed, **parameters}, matrix, num_boost_round=rounds)
    booster.set_attr(**attributes)
    booster.save_model(HERE / f"{name}.model.json")

    if types is not None:
        return
    rows = at_the_edges(booster, values[:ROWS_KEPT].copy())
    write_answers(name, booster, rows)
    print(name, "rows", len(rows), "missing", int(numpy.isnan(rows).sum()), "labels", int(labels.sum()))


def write_answers(name, booster, rows, **about):
    """Writes rows with what XGBoost answers: path contributions (approximate) and Shapley values (exact)."""
    kept = xgboost.DMatrix(rows, feature_names=booster.feature_names)
    answers = {
        **about,
        "featureNames": booster.feature_names,
        "rows": [[None if numpy.isnan(x) else float(x) for x in row] for row in rows],
        "margins": booster.predict(kept, output_margin=True).astype(float).tolist(),
        "probabilities": booster.predict(kept).astype(float).tolist(),
        "contributions": booster.predict(kept, pred_contribs=True, approx_contribs=True).astype(float).tolist(),
        "shapley": booster.predict(kept, pred_contribs=True, approx_contribs=False).astype(float).tolist(),
    }
    (HERE / f"{name}.rows.json").write_text(json.dumps(answers) + "\n")


def write_shipped(*, seed, share_missing):
    """Writes answers of the model that is shipped, for rows of values near its own thresholds."""
    generator = numpy.random.default_rng(seed)
    booster = xgboost.Booster(model_file=SHIPPED, params={"nthread": 1})
    splits = booster.trees_to_dataframe().dropna(subset=["Split"])
    rows = numpy.empty((ROWS_KEPT, len(booster.feature_names)))
    for column, feature in enumerate(booster.feature_names):
        thresholds = splits.query("Feature == @feature")["Split"].to_numpy()
        chosen = generator.choice(thresholds, ROWS_KEPT) if len(thresholds) > 0 else numpy.zeros(ROWS_KEPT)
        rows[:, column] = chosen * generator.choice([0.5, 1.0, 1.5], ROWS_KEPT)
    rows[generator.random(rows.shape) < share_missing] = numpy.nan
    write_answers("shipped", booster, rows, modelHash=hashlib.sha256(SHIPPED.read_bytes()).hexdigest())
    print("shipped", "rows", len(rows), "missing", int(numpy.isnan(rows).sum()))


def at_the_edges(booster, rows):
    """Puts thresholds themselves, and the doubles just below them, into some rows: less goes left, equal goes right."""
    splits = booster.trees_to_dataframe().query("Feature == 'amount'")["Split"].dropna().unique()
    for index, split in enumerate(splits[:10]):
        threshold = float(numpy.float32(split))
        rows[2 * index, 0] = threshold
        rows[2 * index + 1, 0] = numpy.nextafter(threshold, 0)
    return rows


def main():
    write_case(
        "plain",
        parameters={"max_depth": 3, "eta": 0.1, "base_score": 0.5, "tree_method": "exact"},
        rounds=25,
        share_missing=0.0,
        seed=11,
        attributes={"id": "golden-plain", "version": "7"},
    )
    write_case(
        "missing",
        parameters={"max_depth": 5, "eta": 0.3, "tree_method": "hist"},
        rounds=12,
        share_missing=0.25,
        seed=12,
        attributes={"id": "golden-missing"},
    )
    write_case(
        "pruned",
        parameters={"max_depth": 4, "eta": 0.4, "gamma": 6.0, "tree_method": "exact"},
        rounds=15,
        share_missing=0.1,
        seed=13,
        attributes={},
    )
    write_case(
        "categorical",
        parameters={"max_depth": 2, "eta": 0.3, "tree_method": "hist", "max_cat_to_onehot": 1},
        rounds=1,
        share_missing=0.0,
        seed=14,
        attributes={},
        types=["q", "q", "c", "q", "q"],
    )
    write_shipped(seed=15, share_missing=0.1)


if __name__ == "__main__":
    main()
