"""Measures the features of a definition on the Fraud-Detection-Handbook's transactions, by the handbook's own protocol.

Reads the Parquet of `weir features` and, for the labels, the file of transactions that it was computed from. Four
times it trains on 7 days, skips 7 (labels are known 7 days late) and tests on the next 7, without the customers known
as compromised. Prints the area under the ROC curve, the average precision and the card precision@100 of each fold and
their means, and exits with 1 when a mean misses what is expected: of the setting `book`, what the handbook's best
XGBoost reaches; of the setting `weir`, what `fraud-features.ts` is worth. With a model, the folds are tested with it in
place of a trained one, and nothing is expected of the means.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import xgboost

from figures import RankingFigures, mean_figures
from money import MoneyRow, money_rows, print_money
from protocol import TEST_STARTS, TUNING_STARTS, Fold, Payments, Training, load_payments, run_fold
from rule_set import read_rule_set
from world import REPOSITORY, progress

RULES = REPOSITORY / "examples" / "handbook" / "rules.json"

#: The features that partly learn how long the generator keeps a terminal compromised: 28 days.
AGES = ("terminal_first_fraud_age_days", "terminal_last_fraud_age_days", "terminal_last_genuine_age_days")

BOOSTER = {
    "objective": "binary:logistic",
    "tree_method": "exact",
    "base_score": 0.5,
    "learning_rate": 0.1,
    "nthread": 1,
    "seed": 0,
}


@dataclass(frozen=True)
class Setting:
    """A way to train, and the bounds of each mean: `(least, most)`."""

    training: Training
    expected: dict[str, tuple[float, float]]


SETTINGS = {
    "book": Setting(
        Training({**BOOSTER, "max_depth": 3}, trees=100),
        {
            "auc_roc": (0.867, 0.877),
            "average_precision": (0.689, 0.699),
            "card_precision_100": (0.299, 0.309),
        },
    ),
    # Chosen on the tuning folds.
    "weir": Setting(
        Training(
            {
                **BOOSTER,
                "max_depth": 4,
                "subsample": 0.8,
                "colsample_bytree": 0.5,
                "min_child_weight": 3,
                "reg_lambda": 5,
            },
            trees=100,
        ),
        {"average_precision": (0.738, 1.0), "card_precision_100": (0.312, 1.0)},
    ),
}


@dataclass(frozen=True)
class Report:
    """What was measured, and a line for each mean that misses its bounds."""

    folds: list[Fold]
    means: RankingFigures
    misses: list[str]
    money: list[MoneyRow]


def main() -> int:
    """Runs the protocol; returns the exit code."""
    options = read_options()
    starts = TUNING_STARTS if options.folds == "tuning" else TEST_STARTS
    payments = load_payments(options.features, options.raw, starts)
    if options.without_ages:
        payments = without(payments, AGES)
    progress(f"{len(payments.frame)} payments of the folds, {len(payments.features)} features")
    report = measure(payments, starts, options)
    if options.json:
        print(json.dumps(json_of(report, payments, options), indent=2, default=str))
    else:
        print_report(report, with_money=options.money)
    return 1 if report.misses else 0


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
        "--setting", choices=SETTINGS, default="book", help="how to train, and what to expect (default: book)"
    )
    parser.add_argument("--without-ages", action="store_true", help=f"leave out {', '.join(AGES)}; nothing is expected")
    parser.add_argument(
        "--folds", choices=("test", "tuning"), default="test", help="tuning: the folds before; nothing is expected"
    )
    parser.add_argument("--money", action="store_true", help="print what model and rules stop, in money, as well")
    parser.add_argument("--model", type=Path, help="test with this model instead of training one for each fold")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args()
    if options.raw is None:
        parser.error("got neither --raw nor WEIR_HANDBOOK, expected the handbook's transactions")
    return options


def without(payments: Payments, left_out: tuple[str, ...]) -> Payments:
    """The payments with some of their features left out; all of them have to be there."""
    absent = [name for name in left_out if name not in payments.features]
    if absent:
        raise SystemExit(f"got no features {', '.join(absent)} in the table, expected them, to leave them out")
    return replace(payments, features=[name for name in payments.features if name not in left_out])


def measure(payments: Payments, starts: tuple[date, ...], options: argparse.Namespace) -> Report:
    """Runs the folds."""
    setting = SETTINGS[options.setting]
    judge = setting.training if options.model is None else xgboost.Booster(model_file=options.model)
    folds = [run_fold(payments, start, judge) for start in starts]
    means = mean_figures([fold.figures for fold in folds])
    is_judged = options.model is None and options.folds == "test" and not options.without_ages
    return Report(
        folds=folds,
        means=means,
        misses=missed(means, setting.expected) if is_judged else [],
        money=money_rows([fold.tested for fold in folds], read_rule_set(RULES)) if options.money else [],
    )


def missed(means: RankingFigures, expected: dict[str, tuple[float, float]]) -> list[str]:
    """A line for each mean outside of its bounds, to three decimals."""
    found = {name: round(value, 3) for name, value in asdict(means).items()}
    return [
        f"got {name} {found[name]:.3f}, expected {least:.3f} to {most:.3f}"
        for name, (least, most) in expected.items()
        if not least <= found[name] <= most
    ]


def json_of(report: Report, payments: Payments, options: argparse.Namespace) -> dict[str, object]:
    """The report as JSON has it."""
    setting = SETTINGS[options.setting]
    trained = {**setting.training.booster, "trees": setting.training.trees}
    return {
        "folds": [{**sizes_of(fold), "figures": asdict(fold.figures)} for fold in report.folds],
        "mean": asdict(report.means),
        "expected": None if options.model else setting.expected,
        "misses": report.misses,
        "money": [asdict(row) for row in report.money],
        "features": payments.features,
        "model": options.model,
        "booster": None if options.model else trained,
        "xgboost": xgboost.__version__,
    }


def sizes_of(fold: Fold) -> dict[str, object]:
    """When the training of a fold starts, and how much there is in it."""
    return {
        "train_start": fold.train_start.isoformat(),
        "train_payments": fold.train_payments,
        "test_payments": len(fold.tested),
        "test_frauds": int(fold.tested["fraud"].sum()),
    }


def print_report(report: Report, *, with_money: bool) -> None:
    """The report as people read it."""
    print(f"{'training from':<16}{'payments':>10}{'tested':>10}{'frauds':>8}{'AUC ROC':>10}{'AP':>8}{'CP@100':>8}")
    for fold in report.folds:
        start, *counts = sizes_of(fold).values()
        print(f"{start:<16}{counts[0]:>10}{counts[1]:>10}{counts[2]:>8}{row_of(fold.figures)}")
    print(f"{'mean':<44}{row_of(report.means)}")
    for miss in report.misses:
        print(miss)
    if with_money:
        print_money(report.money)


def row_of(figures: RankingFigures) -> str:
    """The three figures in their columns."""
    return f"{figures.auc_roc:>10.4f}{figures.average_precision:>8.4f}{figures.card_precision_100:>8.4f}"


if __name__ == "__main__":
    sys.exit(main())
