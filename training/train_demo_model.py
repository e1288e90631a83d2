"""Trains the demo model on the project's own simulated payments and measures it.

Makes two worlds with `weir generate` and `weir features`, trains on eight weeks of the first, calibrates the model and
chooses the thresholds on a week after them, and judges model, thresholds and rules on the fortnight after that and on a
world that the model has never seen. Between these spans lie the 7 days that labels take. Writes the model, the book's
model (over the handbook's 15 features alone, not calibrated) and the measured part of the card. The same packages give
the same bytes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from calibration import Platt, fit_platt, fold_platt
from card import Measured, Span, Variant, update_card
from figures import ranking_figures
from protocol import Training, train_booster
from quality import AGES, BOOSTER, SETTINGS
from rule_set import read_rule_set, scores_of
from world import REPOSITORY, Days, World, load_payments, make_world, progress

EXAMPLE = REPOSITORY / "examples" / "handbook"
MODEL = EXAMPLE / "model.json"
BOOK_MODEL = EXAMPLE / "book-model.json"
RULES = EXAMPLE / "rules.json"
CARD = EXAMPLE / "MODEL_CARD.md"

#: Most features look back 37 days or less; before day 30 they know too little of most terminals.
TRAIN = Days(30, 86)
VALIDATION = Days(93, 100)
TEST = Days(107, 121)
OTHER_TEST = Days(37, 51)
OTHER_COLD = Days(0, 14)

#: The book's model is trained as its best XGBoost, a level deeper; the shipped one as `quality.py` measures it.
BOOK_TRAINING = Training({**BOOSTER, "max_depth": 4}, trees=100)
TRAINING = SETTINGS["weir"].training
IDENTITY = {"id": "weir-demo", "version": "2"}
BOOK_IDENTITY = {"id": "weir-demo-book", "version": "1"}
#: The handbook's features come first in the definition.
BOOK_FEATURES = 15

#: The share of genuine payments of the validation week that may reach an outcome's threshold.
GENUINE_SHARES = {"review": 0.002, "stepUp": 0.0005, "decline": 0.0001}
#: Thresholds are multiples of this many points: a week of payments does not tell more.
THRESHOLD_STEP = 50


def main() -> int:
    """Trains, measures, writes; returns the exit code."""
    options = read_options()
    world = World(seed=options.seed, authorizations=1_200_000, folder=options.work)
    other = World(seed=options.other_seed, authorizations=520_000, folder=options.work)
    if not options.reuse:
        make_world(world)
        make_world(other)
    payments, features = load_payments(world, Days(TRAIN.first, TEST.end))
    trained = train_all(payments, features)
    if options.check:
        same = [is_shipped(MODEL, trained.booster), is_shipped(BOOK_MODEL, trained.book)]
        return 0 if all(same) else 1
    for path, booster in ((MODEL, trained.booster), (BOOK_MODEL, trained.book)):
        path.write_bytes(model_bytes(booster))
        progress(f"wrote {path} ({path.stat().st_size} bytes)")
    other_payments, _ = load_payments(other, Days(OTHER_COLD.first, OTHER_TEST.end))
    return measure(trained, (world.seed, payments), (other.seed, other_payments))


@dataclass(frozen=True)
class Trained:
    """The shipped models, and what the first was before its calibration and would be without the ages."""

    booster: xgboost.Booster
    platt: Platt
    raw: xgboost.Booster
    without_ages: xgboost.Booster
    book: xgboost.Booster


def train_all(payments: pd.DataFrame, features: list[str]) -> Trained:
    """Trains on the training days, and calibrates on the validation days."""
    training, validation = TRAIN.of(payments), VALIDATION.of(payments)
    progress(f"training on {len(training)} payments with {int(training['fraud'].sum())} frauds")
    raw = train_booster(training, features, TRAINING)
    margins = raw.predict(xgboost.DMatrix(validation[features]), output_margin=True)
    platt = fit_platt(margins, validation["fraud"].to_numpy())
    booster = fold_platt(raw, platt)
    booster.set_attr(**IDENTITY)
    book = train_booster(training, features[:BOOK_FEATURES], BOOK_TRAINING)
    book.set_attr(**BOOK_IDENTITY)
    without_ages = train_booster(training, [name for name in features if name not in AGES], TRAINING)
    return Trained(booster, platt, raw, without_ages, book)


def measure(trained: Trained, of_world: tuple[int, pd.DataFrame], of_other: tuple[int, pd.DataFrame]) -> int:
    """Judges the model, brings its card up to date and prints what was measured; returns the exit code."""
    (seed, payments), (other_seed, other_payments) = of_world, of_other
    scored, scored_other = (add_probabilities(trained.booster, frame) for frame in (payments, other_payments))
    raw = add_probabilities(trained.raw, TEST.of(payments))
    rule_set = read_rule_set(RULES)
    measured = Measured(
        booster=trained.booster,
        model=MODEL,
        decision_hash=hash_in_decisions(MODEL),
        rule_set=rule_set,
        training=Span("training", seed, TRAIN, TRAIN.of(scored)),
        validation=Span("validation", seed, VALIDATION, VALIDATION.of(scored)),
        test=Span("test", seed, TEST, TEST.of(scored)),
        other=Span("other world", other_seed, OTHER_TEST, OTHER_TEST.of(scored_other)),
        cold=Span("cold start", other_seed, OTHER_COLD, OTHER_COLD.of(scored_other)),
        raw_test=Span("test", seed, TEST, raw),
        platt=trained.platt,
        variants=variants_of(trained, TEST.of(payments), OTHER_TEST.of(other_payments)),
    )
    print(update_card(CARD, measured))
    return compare_thresholds(choose_thresholds(VALIDATION.of(scored)), rule_set)


def variants_of(trained: Trained, test: pd.DataFrame, other: pd.DataFrame) -> list[Variant]:
    """The shipped model beside those with fewer features."""
    boosters = {
        "all features (shipped)": trained.booster,
        "without the three ages": trained.without_ages,
        "the handbook's features alone": trained.book,
    }
    return [
        Variant(
            name=name,
            features=len(booster.feature_names or []),
            test=ranking_figures(add_probabilities(booster, test)),
            other=ranking_figures(add_probabilities(booster, other)),
        )
        for name, booster in boosters.items()
    ]


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--work",
        type=Path,
        default=REPOSITORY / ".weir" / "training",
        help="the folder of the worlds' files, 1.4 GB (default: .weir/training)",
    )
    parser.add_argument("--seed", type=int, default=1, help="the world to train on (default: 1)")
    parser.add_argument("--other-seed", type=int, default=2, help="the world to judge on as well (default: 2)")
    parser.add_argument("--reuse", action="store_true", help="use the worlds that are in the folder already")
    parser.add_argument(
        "--check", action="store_true", help="train only, and exit with 1 when the shipped model has other bytes"
    )
    return parser.parse_args()


def model_bytes(booster: xgboost.Booster) -> bytes:
    """The model as the engine reads it."""
    return bytes(booster.save_raw("json")) + b"\n"


def is_shipped(model: Path, booster: xgboost.Booster) -> bool:
    """Says whether training gave the shipped model again."""
    same = model.read_bytes() == model_bytes(booster)
    print(f"{model}: {'the same bytes' if same else 'other bytes than training gave'}")
    return same


def add_probabilities(booster: xgboost.Booster, payments: pd.DataFrame) -> pd.DataFrame:
    """The payments with the model's `probability`."""
    return payments.assign(probability=booster.predict(xgboost.DMatrix(payments[booster.feature_names])))


def choose_thresholds(payments: pd.DataFrame) -> dict[str, int]:
    """The lowest score of each outcome that keeps to its share of genuine payments."""
    genuine = scores_of(payments.loc[payments["fraud"] == 0, "probability"])
    candidates = np.arange(THRESHOLD_STEP, 1001, THRESHOLD_STEP)
    shares = np.array([np.mean(genuine >= candidate) for candidate in candidates])
    return {outcome: int(candidates[np.argmax(shares <= share)]) for outcome, share in GENUINE_SHARES.items()}


def compare_thresholds(chosen: dict[str, int], rule_set: dict[str, Any]) -> int:
    """Says whether the shipped rule set has the thresholds that were chosen."""
    shipped = rule_set["thresholds"]
    if shipped == chosen:
        return 0
    print(f"got thresholds {json.dumps(shipped)} in {RULES}, expected {json.dumps(chosen)}", file=sys.stderr)
    return 1


def hash_in_decisions(model: Path) -> str:
    """The hash by which decisions name the model, from the engine's own loader."""
    code = """
        import { readFileSync } from 'node:fs';
        import { parseModel } from './core/score/model.ts';
        console.log(parseModel(JSON.parse(readFileSync(process.argv[1], 'utf8'))).reference.hash);
    """
    command = ["npx", "node", "--input-type=module", "--eval", code, str(model)]
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
