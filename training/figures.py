"""The figures by which a ranking of payments is judged, as the Fraud-Detection-Handbook defines them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

CARDS_A_DAY = 100


@dataclass(frozen=True)
class RankingFigures:
    """How well probabilities rank: area under the ROC curve, average precision, card precision@100."""

    auc_roc: float
    average_precision: float
    card_precision_100: float


def ranking_figures(payments: pd.DataFrame) -> RankingFigures:
    """Judges payments with the columns `probability`, `fraud` (0 or 1), `customer` and `day`."""
    return RankingFigures(
        auc_roc=float(roc_auc_score(payments["fraud"], payments["probability"])),
        average_precision=float(average_precision_score(payments["fraud"], payments["probability"])),
        card_precision_100=card_precision(payments, cards_a_day=CARDS_A_DAY),
    )


def card_precision(payments: pd.DataFrame, cards_a_day: int) -> float:
    """The share of frauds among the cards with the highest probabilities of a day, as a mean over the days.

    A card counts with its highest probability of the day. One that was found leaves the days after. This is
    `card_precision_top_k` of
    https://fraud-detection-handbook.github.io/fraud-detection-handbook/Chapter_4_PerformanceMetrics/TopKBased.html.
    """
    found: set[object] = set()
    precisions: list[float] = []
    for _, of_day in payments[["day", "customer", "probability", "fraud"]].groupby("day", sort=True):
        unknown = of_day[~of_day["customer"].isin(found)]
        cards = unknown.groupby("customer")[["probability", "fraud"]].max()
        top = cards.sort_values("probability", ascending=False, kind="stable").head(cards_a_day)
        caught = top.index[top["fraud"] == 1]
        precisions.append(len(caught) / cards_a_day)
        found.update(caught)
    return float(np.mean(precisions))


def mean_figures(all_figures: list[RankingFigures]) -> RankingFigures:
    """The mean of each figure."""
    return RankingFigures(
        auc_roc=float(np.mean([figures.auc_roc for figures in all_figures])),
        average_precision=float(np.mean([figures.average_precision for figures in all_figures])),
        card_precision_100=float(np.mean([figures.card_precision_100 for figures in all_figures])),
    )
