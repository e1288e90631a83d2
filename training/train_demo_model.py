"""Trains the demo model on the project's own simulated payments and measures it.

Makes two worlds with `weir generate` and `weir features`, trains on eight weeks of the first, chooses the thresholds
on a week after them, and judges model, thresholds and rules on the fortnight after that and on a world that the model
has never seen. Between these spans lie the 7 days that labels take. Writes the model, and the measured part of its
card. The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from card import Measured, Span, update_card
from rule_set import read_rule_set, scores_of
from world import REPOSITORY, Days, World, load_payments, make_world, progress

EXAMPLE = REPOSITORY / "examples" / "handbook"
MODEL = EXAMPLE / "model.json"
RULES = EXAMPLE / "rules.json"
CARD = EXAMPLE / "MODEL_CARD.md"

#: Features look back 37 days; before day 30 they know too little of most terminals.
TRAIN = Days(30, 86)
VALIDATION = Days(93, 100)
TEST = Days(107, 121)
OTHER_TEST = Days(37, 51)
OTHER_COLD = Days(0, 14)

BOOSTER = {
    "objective": "binary:logistic",
    "booster": "gbtree",
    "tree_method": "exact",
    "base_score": 0.5,
    "learning_rate": 0.1,
    "max_depth": 4,
    "nthread": 1,
    "seed": 0,
}
TREES = 100
IDENTITY = {"id": "weir-demo", "version": "1"}

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
    booster = train(TRAIN.of(payments), features)
    if options.check:
        return compare_with_shipped(booster)
    MODEL.write_bytes(model_bytes(booster))
    progress(f"wrote {MODEL} ({MODEL.stat().st_size} bytes)")
    return measure(booster, world, other, add_probabilities(booster, payments, features))


def measure(booster: xgboost.Booster, world: World, other: World, payments: pd.DataFrame) -> int:
    """Judges the model, brings its card up to date and prints what was measured; returns the exit code."""
    other_payments, features = load_payments(other, Days(OTHER_COLD.first, OTHER_TEST.end))
    other_payments = add_probabilities(booster, other_payments, features)
    rule_set = read_rule_set(RULES)
    measured = Measured(
        booster=booster,
        model=MODEL,
        decision_hash=hash_in_decisions(MODEL),
        rule_set=rule_set,
        training=Span("training", world.seed, TRAIN, TRAIN.of(payments)),
        validation=Span("validation", world.seed, VALIDATION, VALIDATION.of(payments)),
        test=Span("test", world.seed, TEST, TEST.of(payments)),
        other=Span("other world", other.seed, OTHER_TEST, OTHER_TEST.of(other_payments)),
        cold=Span("cold start", other.seed, OTHER_COLD, OTHER_COLD.of(other_payments)),
    )
    print(update_card(CARD, measured))
    return compare_thresholds(choose_thresholds(VALIDATION.of(payments)), rule_set)


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


def train(payments: pd.DataFrame, features: list[str]) -> xgboost.Booster:
    """One booster, seeded, on one thread."""
    progress(f"training on {len(payments)} payments with {int(payments['fraud'].sum())} frauds")
    matrix = xgboost.DMatrix(payments[features], label=payments["fraud"])
    booster = xgboost.train(BOOSTER, matrix, num_boost_round=TREES)
    booster.set_attr(**IDENTITY)
    return booster


def model_bytes(booster: xgboost.Booster) -> bytes:
    """The model as the engine reads it."""
    return bytes(booster.save_raw("json")) + b"\n"


def compare_with_shipped(booster: xgboost.Booster) -> int:
    """Says whether training gave the shipped model again."""
    same = MODEL.read_bytes() == model_bytes(booster)
    print(f"{MODEL}: {'the same bytes' if same else 'other bytes than training gave'}")
    return 0 if same else 1


def add_probabilities(booster: xgboost.Booster, payments: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """The payments with the model's `probability`."""
    return payments.assign(probability=booster.predict(xgboost.DMatrix(payments[features])))


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
