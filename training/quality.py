"""Measures the features of a definition on the Fraud-Detection-Handbook's transactions, by the handbook's own protocol.

Reads the Parquet of `weir features` and, for the labels, the file of transactions that it was computed from. Four
times it trains on 7 days, skips 7 (labels are known 7 days late) and tests on the next 7, without the customers known
as compromised. Prints the area under the ROC curve, the average precision and the card precision@100 of each fold and
their means, and exits with 1 when a mean is not what the handbook's best XGBoost reaches. With a model, the folds are
tested with it in place of a trained one, and nothing is expected of the means.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import xgboost

from figures import RankingFigures, mean_figures, ranking_figures
from world import decision_columns, progress

TRAIN_DAYS = 7
DELAY_DAYS = 7
TEST_DAYS = 7
TRAIN_STARTS = (date(2018, 8, 15), date(2018, 8, 8), date(2018, 8, 1), date(2018, 7, 25))

EXPECTED = RankingFigures(auc_roc=0.872, average_precision=0.694, card_precision_100=0.304)

BOOSTER = {
    "objective": "binary:logistic",
    "tree_method": "exact",
    "base_score": 0.5,
    "learning_rate": 0.1,
    "max_depth": 3,
    "nthread": 1,
    "seed": 0,
}
TREES = 100


@dataclass(frozen=True)
class Fold:
    """What one training and its test gave."""

    train_start: date
    train_payments: int
    test_payments: int
    test_frauds: int
    figures: RankingFigures


def main() -> int:
    """Runs the protocol; returns the exit code."""
    options = read_options()
    payments, features = load_payments(options.features, options.raw)
    progress(f"{len(payments)} payments of the folds, {len(features)} features")
    model = None if options.model is None else xgboost.Booster(model_file=options.model)
    folds = [run_fold(payments, features, start, model) for start in TRAIN_STARTS]
    means = mean_figures([fold.figures for fold in folds])
    misses = missed(means, options.tolerance) if model is None else []
    if options.json:
        print(json.dumps(report_of(folds, means, misses, options.model), indent=2, default=str))
    else:
        print_table(folds, means, is_expected=model is None)
        for miss in misses:
            print(miss)
    return 1 if misses else 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--features", type=Path, required=True, help="the Parquet file that `weir features` wrote")
    parser.add_argument(
        "--raw",
        type=Path,
        default=os.environ.get("WEIR_HANDBOOK"),
        help="the handbook's transactions as Parquet (default: the environment's WEIR_HANDBOOK)",
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.005, help="how far a mean may be from what is expected (default: 0.005)"
    )
    parser.add_argument("--model", type=Path, help="test with this model instead of training one for each fold")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.raw is None:
        parser.error("got neither --raw nor WEIR_HANDBOOK, expected the handbook's transactions")
    return options


def load_payments(features_path: Path, raw_path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The payments of all folds with `fraud`, `customer`, `day` and the decision values of their features."""
    connection = duckdb.connect()
    connection.execute("SET threads TO 1")
    features = decision_columns(connection, features_path)
    columns = ", ".join(f'features."{name}"' for name in features)
    first = min(TRAIN_STARTS)
    end = max(TRAIN_STARTS) + timedelta(days=TRAIN_DAYS + DELAY_DAYS + TEST_DAYS)
    payments = connection.execute(
        f"""
        SELECT raw.CUSTOMER_ID AS customer, CAST(raw.TX_DATETIME AS DATE) - DATE '{first}' AS day,
               raw.TX_FRAUD AS fraud, features.transaction_id, {columns}
        FROM read_parquet(?) raw
        LEFT JOIN read_parquet(?) features ON features.transaction_id = CAST(raw.TRANSACTION_ID AS VARCHAR)
        WHERE CAST(raw.TX_DATETIME AS DATE) >= DATE '{first}' AND CAST(raw.TX_DATETIME AS DATE) < DATE '{end}'
        ORDER BY raw.TX_DATETIME, raw.TRANSACTION_ID
        """,
        [str(raw_path), str(features_path)],
    ).df()
    check_joined(payments)
    return payments, features


def check_joined(payments: pd.DataFrame) -> None:
    """Stops unless there are payments and each has exactly one row of features."""
    missing = int(payments["transaction_id"].isna().sum())
    double = int(payments["transaction_id"].dropna().duplicated().sum())
    if payments.empty or missing > 0 or double > 0:
        raise SystemExit(
            f"got {len(payments)} payments, {missing} without features and {double} twice, expected each once"
        )


def run_fold(payments: pd.DataFrame, features: list[str], train_start: date, model: xgboost.Booster | None) -> Fold:
    """Trains on the days from `train_start`, unless there is a model, and judges the test days after the delay."""
    started = time.perf_counter()
    first_day = (train_start - min(TRAIN_STARTS)).days
    train = payments[payments["day"].between(first_day, first_day + TRAIN_DAYS - 1)]
    test = select_test(payments, train, first_day)
    booster = model or train_booster(train[features], train["fraud"])
    judged = test.assign(probability=booster.predict(xgboost.DMatrix(test[booster.feature_names])))
    progress(f"fold of {train_start}: {time.perf_counter() - started:.1f} s")
    return Fold(
        train_start=train_start,
        train_payments=len(train),
        test_payments=len(test),
        test_frauds=int(test["fraud"].sum()),
        figures=ranking_figures(judged),
    )


def train_booster(values: pd.DataFrame, labels: pd.Series) -> xgboost.Booster:
    """The handbook's best XGBoost."""
    return xgboost.train(BOOSTER, xgboost.DMatrix(values, label=labels), num_boost_round=TREES)


def select_test(payments: pd.DataFrame, train: pd.DataFrame, first_day: int) -> pd.DataFrame:
    """The test days' payments of customers that nobody knows as compromised on that day.

    Known are those of the training days' frauds and, a day at a time, those whose label the delay has let through:
    `get_train_test_set` of
    https://fraud-detection-handbook.github.io/fraud-detection-handbook/Chapter_References/shared_functions.html.
    """
    known = set(train.loc[train["fraud"] == 1, "customer"])
    days: list[pd.DataFrame] = []
    for day in range(TEST_DAYS):
        learned = payments[payments["day"] == first_day + TRAIN_DAYS + day - 1]
        known.update(learned.loc[learned["fraud"] == 1, "customer"])
        of_day = payments[payments["day"] == first_day + TRAIN_DAYS + DELAY_DAYS + day]
        days.append(of_day[~of_day["customer"].isin(known)])
    return pd.concat(days)


def missed(means: RankingFigures, tolerance: float) -> list[str]:
    """A line for each mean that is further from the expected one than the tolerance."""
    lines: list[str] = []
    for field in fields(RankingFigures):
        got, expected = getattr(means, field.name), getattr(EXPECTED, field.name)
        if abs(got - expected) > tolerance:
            lines.append(f"got {field.name} {got:.4f}, expected {expected:.3f} within {tolerance}")
    return lines


def report_of(folds: list[Fold], means: RankingFigures, misses: list[str], model: Path | None) -> dict[str, object]:
    """The report as JSON has it."""
    return {
        "folds": [asdict(fold) for fold in folds],
        "mean": asdict(means),
        "expected": None if model else asdict(EXPECTED),
        "misses": misses,
        "model": model,
        "booster": None if model else {**BOOSTER, "trees": TREES},
        "xgboost": xgboost.__version__,
    }


def print_table(folds: list[Fold], means: RankingFigures, *, is_expected: bool) -> None:
    """The report as people read it."""
    print(f"{'training from':<16}{'payments':>10}{'tested':>10}{'frauds':>8}{'AUC ROC':>10}{'AP':>8}{'CP@100':>8}")
    for fold in folds:
        counts = f"{fold.train_payments:>10}{fold.test_payments:>10}{fold.test_frauds:>8}"
        print(f"{fold.train_start.isoformat():<16}{counts}{row_of(fold.figures)}")
    print(f"{'mean':<44}{row_of(means)}")
    if is_expected:
        print(f"{'expected':<44}{row_of(EXPECTED)}")


def row_of(figures: RankingFigures) -> str:
    """The three figures in their columns."""
    return f"{figures.auc_roc:>10.4f}{figures.average_precision:>8.4f}{figures.card_precision_100:>8.4f}"


if __name__ == "__main__":
    sys.exit(main())
