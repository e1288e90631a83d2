import { contractNumbers, type EventColumns, latenesses } from '../decode/event-columns.ts';
import type { LogBlock } from '../decode/log-block.ts';
import type { ColumnarFeatures } from '../features/columnar-engine.ts';
import {
  foreignKeyOf,
  type ForeignReads,
  labelledKeyOf,
  readViews,
  type ReadView,
} from '../features/columnar-foreign.ts';
import type { ColumnarFeatureState } from '../features/columnar-state.ts';
import type { FrontWindows } from './columnar-front.ts';
import { type RoutedEvent, writeRoutedEvent } from './repartition-record.ts';

/** What routes go by: the batch, and where views are read. */
export type RoutedBatch = {
  readonly block: LogBlock;
  readonly columns: EventColumns;
  readonly values: Float64Array;
  readonly readView?: ReadView | undefined;
  readonly reads?: ForeignReads | undefined;
};

type Route = { readonly row: number; readonly foreign: number; readonly key: string; readonly labelTimeMs: number };

/**
 * Around the windows of a partition whose definition has foreign keys: reads their views before an event is decided, and
 * notes to whom it goes. A dispute goes where the event went that it labels; one that came first goes with its event.
 */
export function createRoutes(
  engine: ColumnarFeatures,
  state: ColumnarFeatureState,
  batch: RoutedBatch,
): { readonly around: (windows: FrontWindows) => FrontWindows; readonly take: () => RoutedEvent[] } {
  const { columns, readView: read = () => undefined, reads } = batch;
  if (reads === undefined) throw new Error('got a batch without a place for what is read of views');
  const { scratch, foreignKeys } = engine;
  const routes: Route[] = [];
  return {
    around: (windows) => ({
      ...windows,
      observe: (row, lateness, watermarkMs) => {
        readViews(engine, columns, row, { read, reads });
        scratch.labelTimeMs = Number.POSITIVE_INFINITY;
        windows.observe(row, lateness, watermarkMs);
        scratch.views.fill(null);
        if (lateness === latenesses.tooLate) return;
        for (const [foreign, { readKey }] of foreignKeys.entries()) {
          const key = foreignKeyOf(engine, columns, row, readKey(columns, row));
          if (key !== null) routes.push({ row, foreign, key, labelTimeMs: scratch.labelTimeMs });
        }
      },
      label: (row, dispute) => {
        const outcome = windows.label(row, dispute);
        if (outcome !== 'applied' || !engine.carriesLabel(columns, row)) return outcome;
        for (const [foreign, keyEngine] of foreignKeys.entries()) {
          const key = keyEngine.layout.hasLabels ? labelledKeyOf(engine, state, columns, row, keyEngine) : null;
          if (key !== null) routes.push({ row, foreign, key, labelTimeMs: Number.POSITIVE_INFINITY });
        }
        return outcome;
      },
    }),
    take: () => routes.map((route) => routedEvent(engine, batch, route)),
  };
}

function routedEvent(
  { plan, foreign: keys }: ColumnarFeatures,
  { block, columns, values }: RoutedBatch,
  { row, foreign, key, labelTimeMs }: Route,
): RoutedEvent {
  const width = plan.features.length;
  const isEvent = columns.contract[row] === contractNumbers['payments.authorization.v1'];
  const features = isEvent ? (keys[foreign]?.features ?? []) : [];
  return {
    foreign,
    key,
    logOffset: block.firstOffset + row,
    bytes: writeRoutedEvent({
      key,
      contract: columns.contract[row]!,
      lateness: columns.lateness[row]!,
      watermarkMs: columns.stateWatermarkMs[row]!,
      labelTimeMs,
      values: features.map((feature) => values[row * width + feature]!),
      body: block.bytes.subarray(block.start[row], block.end[row]),
    }),
  };
}
