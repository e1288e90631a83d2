"""Platt scaling, folded into a model's leaves, so that what comes out is an ordinary XGBoost model again."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xgboost
from sklearn.linear_model import LogisticRegression

EDGES = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 1.0)


@dataclass(frozen=True)
class Platt:
    """`slope * margin + intercept` is the margin, in log-odds, that fits what was seen."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Bin:
    """The payments with a probability in `[low, high)`, what the model said of them and what came of it."""

    low: float
    high: float
    payments: int
    said: float
    seen: float


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from what came of them; the error is the mean of the bins', weighted by payments."""

    brier: float
    expected_error: float
    bins: list[Bin]


def fit_platt(margins: np.ndarray, frauds: np.ndarray) -> Platt:
    """Logistic regression of the frauds on the margins, without a penalty."""
    fitted = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(margins.reshape(-1, 1), frauds)
    return Platt(slope=float(fitted.coef_[0, 0]), intercept=float(fitted.intercept_[0]))


def fold_platt(booster: xgboost.Booster, platt: Platt) -> xgboost.Booster:
    """The same trees with leaves times the slope, over a base score that holds the intercept."""
    model = json.loads(booster.save_raw("json"))
    learner = model["learner"]
    for tree in learner["gradient_booster"]["model"]["trees"]:
        scale_leaves(tree, platt.slope)
    parameters = learner["learner_model_param"]
    base_score = float(parameters["base_score"].strip("[]"))
    margin = platt.slope * math.log(base_score / (1 - base_score)) + platt.intercept
    parameters["base_score"] = f"[{1 / (1 + math.exp(-margin)):.9E}]"
    return xgboost.Booster(model_file=bytearray(json.dumps(model), "utf-8"))


def scale_leaves(tree: dict[str, Any], slope: float) -> None:
    """Multiplies every weight of a tree; XGBoost keeps the leaves' values where splits have their conditions."""
    tree["base_weights"] = [slope * weight for weight in tree["base_weights"]]
    tree["split_conditions"] = [
        slope * condition if left == -1 else condition
        for condition, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
    ]


def measure_calibration(payments: pd.DataFrame) -> Calibration:
    """Of payments with `probability` and `fraud`, in bins between `EDGES`; a bin without payments is left out."""
    probability = payments["probability"].to_numpy(dtype=np.float64)
    fraud = payments["fraud"].to_numpy()
    bins: list[Bin] = []
    for low, high in pairwise(EDGES):
        inside = (probability >= low) & ((probability < high) | (high == EDGES[-1]))
        if inside.any():
            said, seen = float(probability[inside].mean()), float(fraud[inside].mean())
            bins.append(Bin(low, high, int(inside.sum()), said, seen))
    error = sum(part.payments * abs(part.said - part.seen) for part in bins) / len(payments)
    return Calibration(brier=float(np.mean((probability - fraud) ** 2)), expected_error=error, bins=bins)
