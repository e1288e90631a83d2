"""The measured part of the model card."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from calibration import Platt, measure_calibration
from figures import RankingFigures, ranking_figures
from money import HEADER, cells_of, money_rows
from rule_set import OUTCOMES, count_hits, outcomes_by_score, outcomes_with_rules, scores_of
from world import Days

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"


@dataclass(frozen=True)
class Span:
    """Some days of a world, with the payments that fell into them."""

    name: str
    seed: int
    days: Days
    payments: pd.DataFrame


@dataclass(frozen=True)
class Variant:
    """The same training over other features, judged on the test span and on the other world."""

    name: str
    features: int
    test: RankingFigures
    other: RankingFigures


@dataclass(frozen=True)
class Measured:
    """A model and everything that its card tells in numbers; `raw_test` has the probabilities before the scaling."""

    booster: xgboost.Booster
    model: Path
    decision_hash: str
    rule_set: dict[str, Any]
    training: Span
    validation: Span
    test: Span
    other: Span
    cold: Span
    raw_test: Span
    platt: Platt
    variants: list[Variant]


def update_card(card: Path, measured: Measured) -> str:
    """Replaces the part between the markers, and returns it."""
    text = card.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"got no markers {BEGIN} and {END} in {card}, expected both")
    part = "\n\n".join(sections(measured))
    card.write_text(f"{before}{BEGIN}\n\n{part}\n\n{END}{after}", encoding="utf-8")
    return part


def sections(measured: Measured) -> list[str]:
    """The sections in their order."""
    judged = [measured.validation, measured.test, measured.other, measured.cold]
    return [
        identity_section(measured),
        "## How well it ranks",
        ranking_table(measured.training, judged),
        variants_table(measured.variants),
        "## Thresholds and what they do",
        operating_table(measured.test, measured.rule_set),
        operating_table(measured.other, measured.rule_set),
        "## Money",
        money_table(measured.test, measured.rule_set),
        money_table(measured.other, measured.rule_set),
        "## Rules",
        rules_table(measured.test, measured.rule_set),
        "## Calibration",
        calibration_section(measured),
        "## Features",
        importance_table(measured.booster),
    ]


def identity_section(measured: Measured) -> str:
    """Which file this is about, and where and when it was measured."""
    day = datetime.now(UTC).date().isoformat()
    machine = f"{os.cpu_count()}-core {platform.machine()} {platform.system()}"
    rows = [
        ["File", f"`{measured.model.name}`, {measured.model.stat().st_size:,} bytes"],
        ["SHA-256 of the file", f"`{hashlib.sha256(measured.model.read_bytes()).hexdigest()}`"],
        ["Hash in decisions", f"`{measured.decision_hash}` (of the canonical JSON)"],
        ["Id and version", f"`{measured.booster.attr('id')}`, `{measured.booster.attr('version')}`"],
        ["Measured", f"{day}, {machine}, Python {platform.python_version()}, XGBoost {xgboost.__version__}"],
    ]
    return table(["What", "Value"], rows)


def ranking_table(training: Span, judged: list[Span]) -> str:
    """How well the probabilities rank, span by span; the training span is there for its size alone."""
    rows = [[*size_cells(training), "", "", ""]]
    for span in judged:
        figures = ranking_figures(span.payments)
        values = (figures.auc_roc, figures.average_precision, figures.card_precision_100)
        rows.append([*size_cells(span), *[f"{value:.3f}" for value in values]])
    header = ["Span", "Seed", "Days", "Payments", "Frauds", "AUC ROC", "Average precision", "Card precision@100"]
    return table(header, rows)


def size_cells(span: Span) -> list[str]:
    """Which days of which world, and how much there is of them."""
    frauds = int(span.payments["fraud"].sum())
    return [span.name, str(span.seed), str(span.days), f"{len(span.payments):,}", f"{frauds:,}"]


def variants_table(variants: list[Variant]) -> str:
    """How well the same training ranks with fewer features."""
    rows: list[list[str]] = []
    for variant in variants:
        cells = [variant.name, str(variant.features)]
        for figures in (variant.test, variant.other):
            cells += [f"{figures.average_precision:.3f}", f"{figures.card_precision_100:.3f}"]
        rows.append(cells)
    return table(
        ["Trained on", "Features", "AP (test)", "CP@100 (test)", "AP (other world)", "CP@100 (other world)"], rows
    )


def money_table(span: Span, rule_set: dict[str, Any]) -> str:
    """What the rules, the model and both stop."""
    first, *others = HEADER
    rows = [cells_of(row) for row in money_rows([span.payments], rule_set)]
    return table([f"{first} ({span.name})", *others], rows)


def operating_table(span: Span, rule_set: dict[str, Any]) -> str:
    """What each outcome, or a stricter one, stops: by the score alone and with the live rules."""
    payments = span.payments
    by_score = outcomes_by_score(rule_set, scores_of(payments["probability"]))
    by_rules = outcomes_with_rules(rule_set, payments)
    rows: list[list[str]] = []
    for level, outcome in enumerate(OUTCOMES[1:], start=1):
        threshold = rule_set["thresholds"][outcome]
        rows.append([f"{outcome}, score alone", str(threshold), *stopped(payments, by_score >= level, span.days)])
        rows.append([f"{outcome}, with rules", str(threshold), *stopped(payments, by_rules >= level, span.days)])
    header = [
        f"{span.name.capitalize()}: this outcome or a stricter one",
        "From score",
        "Payments a day",
        "Frauds among them",
        "Share of frauds",
        "Share of fraud amount",
        "Share of genuine payments",
    ]
    return table(header, rows)


def stopped(payments: pd.DataFrame, taken: np.ndarray, days: Days) -> list[str]:
    """The cells of one operating point."""
    fraud = payments["fraud"].to_numpy() == 1
    amount = payments["amount"].to_numpy()
    return [
        f"{np.sum(taken) / len(days):.1f}",
        percent(np.sum(taken & fraud), np.sum(taken)),
        percent(np.sum(taken & fraud), np.sum(fraud)),
        percent(np.sum(amount[taken & fraud]), np.sum(amount[fraud])),
        percent(np.sum(taken & ~fraud), np.sum(~fraud), digits=3),
    ]


def rules_table(span: Span, rule_set: dict[str, Any]) -> str:
    """How often each rule hit, and how often rightly."""
    rows = [
        [f"`{counted.rule}`", counted.mode, f"{counted.hits:,}", percent(counted.frauds, counted.hits)]
        for counted in count_hits(rule_set, span.payments)
    ]
    return table(["Rule", "Mode", f"Hits ({span.name})", "Frauds among them"], rows)


def calibration_section(measured: Measured) -> str:
    """What the model says and what comes of it, with the scaling and without it."""
    spans = [replace(measured.raw_test, name="test, before the scaling"), measured.test, measured.other]
    figures = [(span.name, measure_calibration(span.payments)) for span in spans]
    errors = [[name, f"{figure.brier:.5f}", f"{figure.expected_error:.5f}"] for name, figure in figures]
    slope, intercept = measured.platt.slope, measured.platt.intercept
    parts = [
        f"Platt scaling: the log-odds times {slope:.4f}, plus {intercept:.4f}.",
        table(["Span", "Brier score", "Expected calibration error"], errors),
        calibration_table(measured.test),
        calibration_table(measured.other),
    ]
    return "\n\n".join(parts)


def calibration_table(span: Span) -> str:
    """What the model said and what came of it, by the probability."""
    rows = [
        [f"{part.low:g} to {part.high:g}", f"{part.payments:,}", f"{part.said:.4f}", f"{part.seen:.4f}"]
        for part in measure_calibration(span.payments).bins
    ]
    return table([f"Probability ({span.name})", "Payments", "Mean probability", "Share of frauds"], rows)


def importance_table(booster: xgboost.Booster) -> str:
    """The mean gain of a feature's splits, and its share of the gain of all."""
    gain, total, splits = (importances(booster, kind) for kind in ("gain", "total_gain", "weight"))
    names = sorted(total, key=lambda name: -total[name])
    rows = [
        [f"`{name}`", f"{gain[name]:.1f}", percent(total[name], sum(total.values())), f"{splits[name]:.0f}"]
        for name in names
    ]
    return table(["Feature", "Mean gain", "Share of the total gain", "Splits"], rows)


def importances(booster: xgboost.Booster, kind: str) -> dict[str, float]:
    """One number a feature; 0 for one that no tree splits on."""
    found = booster.get_score(importance_type=kind)
    return {name: float(np.sum(found.get(name, 0.0))) for name in booster.feature_names or []}


def percent(part: float, whole: float, digits: int = 1) -> str:
    """A share in percent; a dash when there is nothing to share."""
    return f"{100 * part / whole:.{digits}f} %" if whole > 0 else "-"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; columns of numbers are right-aligned."""
    marks = ["---:" if all(map(is_number, column)) else "---" for column in zip(*rows, strict=True)]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, a share, or nothing."""
    return cell.removesuffix(" %").replace(",", "").replace(".", "").isdigit() or cell in ("", "-")
