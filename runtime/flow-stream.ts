import type { SourceItem } from '../adapters/files/source.ts';
import type { FlowRow } from '../core/engine/operator.ts';
import { controlTopic } from '../core/engine/record.ts';
import { arriveFlow, createFlowState, type Flow, stepFlow } from '../core/flow-pipeline.ts';
import { countUp, type Counts } from '../core/sinks/effects.ts';
import type { LateFlowEvent } from '../core/steps/flow-effects.ts';

export type FlowStreamOptions = {
  readonly flow: Flow;
  readonly items: AsyncIterable<readonly SourceItem[]>;
  readonly onRows: (rows: readonly FlowRow[]) => void;
  readonly onLate: (events: readonly LateFlowEvent[]) => void;
  /** Our clock, milliseconds UTC. */
  readonly clockMs?: () => number;
};

/**
 * Runs a flow over a bounded source without keeping anything, and tells its rows as they come: of a row's revisions the
 * highest counts. Ids are remembered in memory, all of them. Gives the counts.
 */
export async function streamFlow(options: FlowStreamOptions): Promise<Counts> {
  const { flow, items, onRows, onLate, clockMs = Date.now } = options;
  const state = createFlowState();
  const counts: Counts = new Map();
  const known = new Map<string, string>();
  let offset = 0;
  const take = (batch: readonly SourceItem[]): void => {
    const ingestTimeMs = clockMs();
    const arrivals = batch.map((item) =>
      arriveFlow(flow.contracts, { ...item, partition: 0, offset: offset++, ingestTimeMs }),
    );
    const effects = stepFlow(flow, state, { arrivals, known });
    for (const { idHash, bodyHash } of effects.acceptedKeys) known.set(idHash, bodyHash);
    for (const [name, count] of effects.counts) countUp(counts, name, count);
    for (const { output } of effects.rows) countUp(counts, `rows.${output}`);
    onRows(effects.rows);
    onLate(effects.lateEvents);
  };
  for await (const batch of items) take(batch);
  take([{ topic: controlTopic, bytes: new Uint8Array() }]);
  return counts;
}
