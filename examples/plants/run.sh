#!/bin/sh
# Half an hour in four made-up plants. First with all that goes wrong: faults of sensors, copies, clocks that are ahead, a plant
# that is away and sends its backlog. Then the same plants on a quiet day, for tiers of one's own: a flow judges by our clock what
# lies in the future, and an hour ahead in a day that is long past does not, so one wrong clock would make all others late.
# Writes to the folder that is named, or to weir-out/plants. Run it from the repository.
set -eu
out=${1:-weir-out/plants}
mkdir -p "$out"
weir() { npm run --silent weir -- "$@"; }
weir generate --telemetry --events 50000 --disturb --out "$out/readings.jsonl" --registry "$out/registry.csv" --labels "$out/faults.csv"
weir telemetry --registry "$out/registry.csv" --source "$out/readings.jsonl" > "$out/tiers-and-alarms.ndjson"
weir generate --telemetry --events 50000 --out "$out/quiet.jsonl"
weir flow run --definition examples/plants/tiers.ts --source "$out/quiet.jsonl" --ndjson > "$out/own-tiers.ndjson"
