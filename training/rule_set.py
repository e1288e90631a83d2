"""A rule set applied to many payments at once, as the engine applies it to one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: From the mildest to the strictest; a threshold names the lowest score of its outcome.
OUTCOMES = ("approve", "review", "stepUp", "decline")


@dataclass(frozen=True)
class RuleHits:
    """What one rule did: on how many payments it hit, and how many of those were frauds."""

    rule: str
    mode: str
    hits: int
    frauds: int


def read_rule_set(path: Path) -> dict[str, Any]:
    """Reads the file; the engine's own loader checks it."""
    rule_set: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return rule_set


def scores_of(probabilities: pd.Series) -> np.ndarray:
    """Scores from 0 to 1000; halves are rounded up, as in the engine."""
    return np.asarray(np.floor(1000 * probabilities.to_numpy(dtype=np.float64) + 0.5), dtype=np.int64)


def outcomes_by_score(rule_set: dict[str, Any], scores: np.ndarray) -> np.ndarray:
    """The outcome of each score as its place in `OUTCOMES`."""
    thresholds = [rule_set["thresholds"][outcome] for outcome in OUTCOMES[1:]]
    return np.searchsorted(np.array(thresholds), scores, side="right")


def outcomes_with_rules(rule_set: dict[str, Any], payments: pd.DataFrame) -> np.ndarray:
    """The outcome of each payment once the live rules have moved its score, as its place in `OUTCOMES`."""
    scores = scores_of(payments["probability"]) + live_deltas(rule_set, payments)
    at_least = np.zeros(len(payments), dtype=np.int64)
    for rule in live_rules(rule_set):
        outcome = OUTCOMES.index(rule.get("outcomeAtLeast", "approve"))
        at_least = np.maximum(at_least, np.where(hits_of(rule["when"], payments), outcome, 0))
    return np.asarray(np.maximum(outcomes_by_score(rule_set, np.clip(scores, 0, 1000)), at_least))


def live_deltas(rule_set: dict[str, Any], payments: pd.DataFrame) -> np.ndarray:
    """The points by which the live rules move each payment's score."""
    deltas = np.zeros(len(payments), dtype=np.int64)
    for rule in live_rules(rule_set):
        deltas += np.where(hits_of(rule["when"], payments), rule["scoreDelta"], 0)
    return deltas


def live_rules(rule_set: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules that take part in the outcome."""
    return [rule for rule in rule_set["rules"] if rule["mode"] == "live"]


def count_hits(rule_set: dict[str, Any], payments: pd.DataFrame) -> list[RuleHits]:
    """What each rule, live or shadow, did on these payments."""
    counted: list[RuleHits] = []
    for rule in rule_set["rules"]:
        hits = hits_of(rule["when"], payments)
        frauds = int(payments.loc[hits, "fraud"].sum())
        counted.append(RuleHits(rule=rule["id"], mode=rule["mode"], hits=int(hits.sum()), frauds=frauds))
    return counted


def hits_of(condition: dict[str, Any], payments: pd.DataFrame) -> pd.Series:
    """Which payments a condition is true of. A comparison with a missing value is false."""
    if "all" in condition:
        return pd.concat([hits_of(part, payments) for part in condition["all"]], axis=1).all(axis=1)
    if "any" in condition:
        return pd.concat([hits_of(part, payments) for part in condition["any"]], axis=1).any(axis=1)
    if "not" in condition:
        return ~hits_of(condition["not"], payments)
    values = payments[condition.get("field") or condition["feature"]]
    return holds(values, condition["op"], condition.get("value")).astype(bool)


def holds(values: pd.Series, op: str, value: object) -> pd.Series:
    """Whether one test is true of each value."""
    match op:
        case "isNull":
            return values.isna()
        case "eq":
            return values.notna() & (values == value)
        case "ne":
            return values.notna() & (values != value)
        case "lt" | "lte" | "gt" | "gte":
            compare = {"lt": values.lt, "lte": values.le, "gt": values.gt, "gte": values.ge}[op]
            return values.notna() & compare(value)
        case "in":
            return values.isin(value)
        case "notIn":
            return values.notna() & ~values.isin(value)
        case "prefix":
            return values.notna() & values.str.startswith(value).fillna(False)
        case "contains":
            return values.notna() & values.str.contains(value, regex=False).fillna(False)
    raise SystemExit(f"got op {op}, expected one of a rule set")
