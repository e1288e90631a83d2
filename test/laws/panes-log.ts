import { deserialize, serialize } from 'node:v8';
import { authorizationContract } from '../../core/contract/authorization.ts';
import type { FlowEvent, FlowRow, Operator } from '../../core/engine/operator.ts';
import { flowInput } from '../../core/features/flow-input.ts';
import { operatorOf } from '../../core/features/flow-plan.ts';
import type { PaneOutput } from '../../core/features/define-panes.ts';
import { openStream, wholeBelow, type RandomStream } from '../../simulate/random.ts';

/** The payments that pane tests are about. Only what panes read is there. */
export const payment = flowInput(authorizationContract);

/** How far the watermark of the tests stays behind, and how late an event may be, milliseconds. */
export const outOfOrdernessMs = 5_000;
export const { allowedLatenessMs } = authorizationContract;

/** An operator of a definition, as the flow pipeline makes it. */
export function paneOperator(output: PaneOutput): Operator<unknown> {
  return operatorOf(output.compile('tested'));
}

/** Payments of two tenants and a few accounts; amounts and places are few, some have no place. */
export function seededEvents({ seed, length }: { readonly seed: number; readonly length: number }): FlowEvent[] {
  const random = openStream({ seed, name: 'panes' });
  let eventTimeMs = 1_000_000;
  return Array.from({ length }, (_, offset) => {
    eventTimeMs += wholeBelow(random, wholeBelow(random, 8) === 0 ? 60_000 : 4_000);
    return eventOf(random, { eventTimeMs, offset });
  });
}

function eventOf(random: RandomStream, at: { readonly eventTimeMs: number; readonly offset: number }): FlowEvent {
  const latitude = (wholeBelow(random, 400) - 200) / 4;
  const location = wholeBelow(random, 4) === 0 ? {} : { location: { latitude, longitude: 0 } };
  const accountId = `a${wholeBelow(random, 3)}`;
  const tenantId = `t${wholeBelow(random, 2)}`;
  return paymentEvent({
    ...at,
    tenantId,
    fields: { accountId, merchantId: `m${wholeBelow(random, 9)}`, amountMinor: wholeBelow(random, 1000), ...location },
  });
}

/** An event of a test. */
export function paymentEvent(given: {
  readonly eventTimeMs: number;
  readonly offset: number;
  readonly tenantId?: string;
  readonly fields: Readonly<Record<string, unknown>>;
}): FlowEvent {
  const { eventTimeMs, offset, tenantId = 't0', fields } = given;
  return {
    topic: authorizationContract.topic,
    tenantId,
    eventTimeMs,
    ingestTimeMs: eventTimeMs,
    partition: 0,
    offset,
    topicKey: String(fields['accountId']),
    eventId: `e${offset}`,
    lateness: 'onTime',
    event: { ...fields, eventTimeMs },
  };
}

/** The events as they arrive when each is up to `delayMsMax` behind its time; offsets say the order of arrival. */
export function delayed(events: readonly FlowEvent[], how: { readonly seed: number; readonly delayMsMax: number }) {
  const random = openStream({ seed: how.seed, name: 'delays' });
  const arriving = events.map((event) => ({ event, atMs: event.eventTimeMs + wholeBelow(random, how.delayMsMax + 1) }));
  return arriving.toSorted((left, right) => left.atMs - right.atMs).map(({ event }) => event);
}

/** What came of a log. */
export type PaneRun = {
  /** All rows, in the order in which they went out. */
  readonly rows: readonly FlowRow[];
  /** By tenant and key the row of the highest revision. */
  readonly last: ReadonlyMap<string, FlowRow>;
  readonly accepted: readonly FlowEvent[];
  readonly counts: { late: number; tooLate: number; stateLimit: number };
};

/** Runs a log to its end, batch by batch; before each batch the state goes through bytes, as a checkpoint would. */
export function runPanes<State>(
  operator: Operator<State>,
  log: readonly FlowEvent[],
  { batchLength }: { readonly batchLength: (batch: number) => number },
): PaneRun {
  const rows: FlowRow[] = [];
  const accepted: FlowEvent[] = [];
  const counts = { late: 0, tooLate: 0, stateLimit: 0 };
  const emit = (row: FlowRow): number => rows.push(row);
  let state = operator.create();
  let watermarkMs = Number.NEGATIVE_INFINITY;
  for (let start = 0, batch = 0; start < log.length; batch += 1) {
    const end = start + batchLength(batch);
    state = deserialize(serialize(state)) as State;
    for (const event of log.slice(start, end)) {
      if (event.eventTimeMs <= watermarkMs - allowedLatenessMs) {
        counts.tooLate += 1;
        continue;
      }
      if (event.eventTimeMs <= watermarkMs) counts.late += 1;
      if (operator.take(state, event, watermarkMs, emit) === 'taken') accepted.push(event);
      else counts.stateLimit += 1;
      watermarkMs = Math.max(watermarkMs, event.eventTimeMs - outOfOrdernessMs);
      operator.passTime(state, watermarkMs, emit);
    }
    operator.endBatch(state, emit);
    start = end;
  }
  operator.passTime(state, Number.POSITIVE_INFINITY, emit);
  operator.endBatch(state, emit);
  return { rows, last: lastRows(rows), accepted, counts };
}

function lastRows(rows: readonly FlowRow[]): ReadonlyMap<string, FlowRow> {
  const last = new Map<string, FlowRow>();
  for (const row of rows) {
    const name = `${row.tenantId} ${row.key}`;
    const before = last.get(name);
    if (before !== undefined && before.revision >= row.revision) {
      throw new Error(`got revision ${row.revision} of ${name} after ${before.revision}, expected a higher one`);
    }
    last.set(name, row);
  }
  return new Map([...last].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** The values that stand at the end, by tenant and key; retracted rows are not there. */
export function standingValues({ last }: PaneRun): ReadonlyMap<string, FlowRow['values']> {
  return new Map([...last].flatMap(([name, row]) => (row.isRetraction ? [] : [[name, row.values]])));
}
