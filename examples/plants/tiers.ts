import { readingContract } from '../../core/contract/reading.ts';
import { avg, count, max, min, quantile } from '../../core/features/define.ts';
import { defineFlow, panes } from '../../core/features/define-flow.ts';

/**
 * Tiers of one's own, beside those that Weir keeps of every sensor: machines by the quarter of an hour, every five minutes,
 * and how long lines speak without a pause. They read readings as they come, without the registry.
 *
 *     weir generate --telemetry --events 20000 --out readings.jsonl
 *     weir flow run --definition examples/plants/tiers.ts --source readings.jsonl --ndjson
 */
export default defineFlow({
  name: 'plants',
  version: 1,
  inputs: { reading: readingContract },
  outputs: ({ reading }) => {
    const good = reading.quality.equals('GOOD');
    return {
      machine_quarters: panes(reading)
        .by(reading.plant, reading.line, reading.machine, reading.metric)
        .only(good)
        .hopping('15m', { every: '5m' })
        .of({ readings: count(), mean: avg(reading.value), p99: quantile(reading.value, 0.99) }),
      line_runs: panes(reading)
        .by(reading.plant, reading.line)
        .session('5m')
        .of({ readings: count(), least: min(reading.value), greatest: max(reading.value) }),
    };
  },
});
