"""Simulated worlds: payments that the project's own generator made, with the truth and their features."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

REPOSITORY = Path(__file__).resolve().parent.parent
DEFINITION = REPOSITORY / "examples" / "handbook" / "fraud-features.ts"

#: The fields of an authorization that rules may read here, with the types that DuckDB gives them.
FIELD_TYPES = {
    "amountMinor": "BIGINT",
    "currency": "VARCHAR",
    "merchantId": "VARCHAR",
    "terminalId": "VARCHAR",
    "channel": "VARCHAR",
    "entryMode": "VARCHAR",
    "mcc": "VARCHAR",
    "country": "VARCHAR",
    "deviceId": "VARCHAR",
}


@dataclass(frozen=True)
class World:
    """A world of one seed: so many authorizations from day 0 on, and the folder that its files lie in."""

    seed: int
    authorizations: int
    folder: Path

    @property
    def events(self) -> Path:
        """The events as JSON lines."""
        return self.folder / f"world-{self.seed}.jsonl"

    @property
    def labels(self) -> Path:
        """The truth as CSV: event_id, scenario."""
        return self.folder / f"world-{self.seed}.labels.csv"

    @property
    def features(self) -> Path:
        """The feature table as Parquet."""
        return self.folder / f"world-{self.seed}.parquet"


@dataclass(frozen=True)
class Days:
    """Whole days of a world, counted from 0: from `first` up to `end`, which is left out."""

    first: int
    end: int

    def of(self, payments: pd.DataFrame) -> pd.DataFrame:
        """The payments of these days."""
        return payments[(payments["day"] >= self.first) & (payments["day"] < self.end)]

    def __len__(self) -> int:
        """How many."""
        return self.end - self.first

    def __str__(self) -> str:
        """Such as `days 0 to 13`."""
        return f"days {self.first} to {self.end - 1}"


def make_world(world: World) -> None:
    """Generates a world's events, and its features by the engine that also scores; takes minutes."""
    world.folder.mkdir(parents=True, exist_ok=True)
    generate = ["generate", "--events", str(world.authorizations), "--seed", str(world.seed)]
    run_weir([*generate, "--out", str(world.events), "--labels", str(world.labels)])
    run_weir(["features", "--definition", str(DEFINITION), "--source", str(world.events), "--out", str(world.features)])


def load_payments(world: World, days: Days) -> tuple[pd.DataFrame, list[str]]:
    """The authorizations of some days, in log order, and the names of their features.

    Beside the features, as the score used them, there are `day`, `customer`, `fraud` (0 or 1) and the fields that
    rules read.
    """
    connection = duckdb.connect()
    connection.execute("SET threads TO 1")
    features = decision_columns(connection, world.features)
    fields = ", ".join(f'event."{name}" AS "{name}"' for name in FIELD_TYPES)
    struct = ", ".join(f'"{name}" {kind}' for name, kind in {"eventId": "VARCHAR", **FIELD_TYPES}.items())
    payments = connection.execute(
        f"""
        WITH start AS (SELECT date_trunc('day', min(event_time)) AS day FROM read_parquet($features)),
        rows AS (
            SELECT *, date_diff('day', (SELECT day FROM start), event_time) AS day FROM read_parquet($features)
        )
        SELECT rows.day, rows.account_id AS customer, CAST(labels.scenario IS NOT NULL AS INTEGER) AS fraud,
               {", ".join(f'rows."{name}"' for name in features)}, {fields}
        FROM rows
        JOIN read_csv($labels, header = true, columns = {{'event_id': 'VARCHAR', 'scenario': 'VARCHAR'}}) labels
          ON labels.event_id = rows.transaction_id
        JOIN read_json($events, format = 'newline_delimited',
                       columns = {{'topic': 'VARCHAR', 'event': 'STRUCT({struct})'}}) lines
          ON lines.topic = 'payments.authorization.v1' AND lines.event."eventId" = rows.transaction_id
        WHERE rows.day >= $first AND rows.day < $end
        ORDER BY rows."offset"
        """,
        {
            "features": str(world.features),
            "labels": str(world.labels),
            "events": str(world.events),
            "first": days.first,
            "end": days.end,
        },
    ).df()
    check_days(connection, world, days, rows=len(payments))
    return payments, features


def decision_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The features' names: each has a column of decision values, and one of settled values beside it."""
    described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    names = [str(row[0]) for row in described]
    found = [name for name in names if f"{name}_settled" in names]
    if not found:
        raise SystemExit(f"got no feature columns in {path}, expected a table that `weir features` wrote")
    return found


def check_days(connection: duckdb.DuckDBPyConnection, world: World, days: Days, rows: int) -> None:
    """Stops unless the world reaches the end of the days and every authorization of them was loaded once."""
    found = connection.execute(
        """
        WITH start AS (SELECT date_trunc('day', min(event_time)) AS day FROM read_parquet($features)),
        numbered AS (SELECT date_diff('day', (SELECT day FROM start), event_time) AS day FROM read_parquet($features))
        SELECT count(*) FILTER (day >= $first AND day < $end), max(day) FROM numbered
        """,
        {"features": str(world.features), "first": days.first, "end": days.end},
    ).fetchone()
    assert found is not None
    expected, last_day = found
    if rows != expected or last_day < days.end:
        raise SystemExit(
            f"got {rows} payments of {days} of world {world.seed}, which ends in day {last_day}, "
            f"expected {expected} and a world that goes on to day {days.end}"
        )


def run_weir(arguments: list[str]) -> None:
    """Runs the command line and says how long it took; stops when it fails."""
    progress(f"weir {' '.join(arguments)}")
    started = time.perf_counter()
    subprocess.run(["npm", "run", "-s", "weir", "--", *arguments], cwd=REPOSITORY, check=True, stdout=sys.stderr)
    progress(f"  {time.perf_counter() - started:.0f} s")


def progress(line: str) -> None:
    """Says how far it is, on standard error."""
    print(line, file=sys.stderr, flush=True)
