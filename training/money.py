"""What the model and the rules stop, in money: the share of the fraud amount against the share of genuine payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rule_set import hits_of, live_deltas, live_rules, scores_of

#: The shares of a fold's payments that somebody, or something, has the time to stop.
ALERT_SHARES = (0.005, 0.01)
SCORES = (50, 100, 200, 300, 500, 700, 900)


@dataclass(frozen=True)
class MoneyRow:
    """One way to stop payments, and what it stopped; all are shares from 0 to 1."""

    stopped_by: str
    limit: str
    payments: float
    frauds: float
    fraud_amount: float
    genuine: float


def money_rows(spans: list[pd.DataFrame], rule_set: dict[str, Any]) -> list[MoneyRow]:
    """Judges spans of payments with a `probability`: an alert share holds in each of them, the sums are over all."""
    judges = {"rules alone": rank_by_rules, "model alone": rank_by_model, "model and rules": rank_by_both}
    rows: list[MoneyRow] = []
    for share in ALERT_SHARES:
        for name, rank in judges.items():
            taken = [take_highest(rank(span, rule_set), share) for span in spans]
            rows.append(row_of(name, f"{share:.1%} of payments", spans, taken))
    hits = [any_live_hit(span, rule_set) for span in spans]
    rows.append(row_of("rules alone", "every hit", spans, hits))
    for score in SCORES:
        taken = [np.clip(rank_by_both(span, rule_set), 0, 1000) >= score for span in spans]
        rows.append(row_of("model and rules", f"score {score}", spans, taken))
    return rows


def rank_by_model(span: pd.DataFrame, _: dict[str, Any]) -> np.ndarray:
    """The score before it is rounded."""
    return 1000 * span["probability"].to_numpy(dtype=np.float64)


def rank_by_both(span: pd.DataFrame, rule_set: dict[str, Any]) -> np.ndarray:
    """The rounded score that the live rules have moved; the probability orders what that leaves equal."""
    tie = 0.499 * span["probability"].to_numpy(dtype=np.float64)
    return scores_of(span["probability"]) + live_deltas(rule_set, span) + tie


def rank_by_rules(span: pd.DataFrame, rule_set: dict[str, Any]) -> np.ndarray:
    """What the live rules add, the larger amount first where that is equal; minus infinity where none of them hits."""
    amount = span["amountMinor"].to_numpy(dtype=np.float64)
    ranks = live_deltas(rule_set, span) + 0.499 * amount / (1 + amount.max())
    return np.where(any_live_hit(span, rule_set), ranks, -np.inf)


def any_live_hit(span: pd.DataFrame, rule_set: dict[str, Any]) -> np.ndarray:
    """Where at least one live rule hits."""
    return np.any([hits_of(rule["when"], span).to_numpy() for rule in live_rules(rule_set)], axis=0)


def take_highest(ranks: np.ndarray, share: float) -> np.ndarray:
    """The highest ranks, so many that they are this share of all; what has no rank is never taken."""
    order = np.argsort(-ranks, kind="stable")[: int(share * len(ranks))]
    taken = np.zeros(len(ranks), dtype=bool)
    taken[order] = True
    return taken & np.isfinite(ranks)


def row_of(stopped_by: str, limit: str, spans: list[pd.DataFrame], taken: list[np.ndarray]) -> MoneyRow:
    """Counts over all spans."""
    stopped = np.concatenate(taken)
    fraud = np.concatenate([span["fraud"].to_numpy() == 1 for span in spans])
    amount = np.concatenate([span["amountMinor"].to_numpy(dtype=np.float64) for span in spans])
    return MoneyRow(
        stopped_by=stopped_by,
        limit=limit,
        payments=float(np.mean(stopped)),
        frauds=float(np.mean(stopped[fraud])),
        fraud_amount=float(amount[stopped & fraud].sum() / amount[fraud].sum()),
        genuine=float(np.mean(stopped[~fraud])),
    )


def cells_of(row: MoneyRow) -> list[str]:
    """A row as people read it."""
    shares = (row.payments, row.frauds, row.fraud_amount)
    return [row.stopped_by, row.limit, *[f"{100 * share:.1f} %" for share in shares], f"{100 * row.genuine:.3f} %"]


#: The titles of `cells_of`.
HEADER = ["Stopped by", "From", "Share of payments", "Share of frauds", "Share of fraud amount", "Share of genuine"]


def print_money(rows: list[MoneyRow]) -> None:
    """The rows as a table."""
    print()
    for cells in [HEADER, *[cells_of(row) for row in rows]]:
        print(f"{cells[0]:<17}{cells[1]:<20}{''.join(f'{cell:>23}' for cell in cells[2:])}")
