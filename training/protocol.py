"""The handbook's protocol: folds that train on 7 days, skip 7 (labels are known 7 days late) and test on the next 7."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import xgboost

from figures import RankingFigures, ranking_figures
from world import decision_columns, progress

TRAIN_DAYS = 7
DELAY_DAYS = 7
TEST_DAYS = 7

#: The days on which the trainings of the test folds start.
TEST_STARTS = (date(2018, 8, 15), date(2018, 8, 8), date(2018, 8, 1), date(2018, 7, 25))
#: Those of the folds that settings and features may be chosen on: the last one ends when the first test week starts.
TUNING_STARTS = tuple(date(2018, 6, 13) + timedelta(days=7 * week) for week in range(6))


@dataclass(frozen=True)
class Training:
    """How the model of a fold is trained."""

    booster: dict[str, Any]
    trees: int


@dataclass(frozen=True)
class Payments:
    """The payments of some folds, in order, with `day` counted from `first`, and the names of their features."""

    frame: pd.DataFrame
    features: list[str]
    first: date


@dataclass(frozen=True)
class Fold:
    """What one training and its test gave; `tested` has the test's payments with the model's `probability`."""

    train_start: date
    train_payments: int
    figures: RankingFigures
    tested: pd.DataFrame


def load_payments(features_path: Path, raw_path: Path, starts: tuple[date, ...]) -> Payments:
    """The payments of folds with `fraud`, `customer`, `day`, what rules read, and the decision values of features."""
    connection = duckdb.connect()
    connection.execute("SET threads TO 1")
    features = decision_columns(connection, features_path)
    columns = ", ".join(f'features."{name}"' for name in features)
    first = min(starts)
    end = max(starts) + timedelta(days=TRAIN_DAYS + DELAY_DAYS + TEST_DAYS)
    frame = connection.execute(
        f"""
        SELECT raw.CUSTOMER_ID AS customer, CAST(raw.TX_DATETIME AS DATE) - DATE '{first}' AS day,
               raw.TX_FRAUD AS fraud, CAST(round(raw.TX_AMOUNT * 100) AS BIGINT) AS "amountMinor",
               'cardPresent' AS channel, 'chip' AS "entryMode", '5999' AS mcc, 'BE' AS country,
               features.transaction_id, {columns}
        FROM read_parquet(?) raw
        LEFT JOIN read_parquet(?) features ON features.transaction_id = CAST(raw.TRANSACTION_ID AS VARCHAR)
        WHERE CAST(raw.TX_DATETIME AS DATE) >= DATE '{first}' AND CAST(raw.TX_DATETIME AS DATE) < DATE '{end}'
        ORDER BY raw.TX_DATETIME, raw.TRANSACTION_ID
        """,
        [str(raw_path), str(features_path)],
    ).df()
    check_joined(frame)
    return Payments(frame, features, first)


def check_joined(payments: pd.DataFrame) -> None:
    """Stops unless there are payments and each has exactly one row of features."""
    missing = int(payments["transaction_id"].isna().sum())
    double = int(payments["transaction_id"].dropna().duplicated().sum())
    if payments.empty or missing > 0 or double > 0:
        raise SystemExit(
            f"got {len(payments)} payments, {missing} without features and {double} twice, expected each once"
        )


def run_fold(payments: Payments, train_start: date, judge: Training | xgboost.Booster) -> Fold:
    """Trains on the days from `train_start`, unless there is a model, and judges the test days after the delay."""
    started = time.perf_counter()
    frame = payments.frame
    first_day = (train_start - payments.first).days
    train = frame[frame["day"].between(first_day, first_day + TRAIN_DAYS - 1)]
    test = select_test(frame, train, first_day)
    booster = judge if isinstance(judge, xgboost.Booster) else train_booster(train, payments.features, judge)
    tested = test.assign(probability=booster.predict(xgboost.DMatrix(test[booster.feature_names])))
    progress(f"fold of {train_start}: {time.perf_counter() - started:.1f} s")
    return Fold(train_start, len(train), ranking_figures(tested), tested)


def train_booster(train: pd.DataFrame, features: list[str], training: Training) -> xgboost.Booster:
    """A booster over these features."""
    matrix = xgboost.DMatrix(train[features], label=train["fraud"])
    return xgboost.train(training.booster, matrix, num_boost_round=training.trees)


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
