import type { FlowEvent, FlowRow, Operator } from '../../core/engine/operator.ts';

/** An event of the topic at a time, with the fields that a test is about; its offset is the number in its id. */
export function flowEvent(topic: string, eventTimeMs: number, event: Readonly<Record<string, unknown>>): FlowEvent {
  const eventId = String(event['eventId']);
  const offset = Number(/\d+/.exec(eventId)?.[0] ?? 0);
  const place = { partition: 0, offset, ingestTimeMs: eventTimeMs };
  return { topic, tenantId: 't', topicKey: 'k', eventId, eventTimeMs, lateness: 'onTime', event, ...place };
}

/** An operator under test: what it is given, one by one, and the rows that it sends. */
export type Bench = {
  readonly take: (event: FlowEvent) => 'taken' | 'stateLimit';
  /** Moves the watermark; rows come at the end of the batch. */
  readonly pass: (watermarkMs: number) => readonly string[];
  readonly state: () => unknown;
};

/** Runs an operator by hand; a row is told as `key revision values`, `-` before it for a retraction. */
export function benchOf<State>(operator: Operator<State>): Bench {
  const state = operator.create();
  let watermarkMs = -Infinity;
  let rows: string[] = [];
  const emit = ({ key, revision, isRetraction, values }: FlowRow): void => {
    rows.push(`${isRetraction ? '-' : ''}${key} ${revision} ${JSON.stringify(values)}`);
  };
  return {
    take: (event) => {
      const outcome = operator.take(state, event, watermarkMs, emit);
      operator.passTime(state, watermarkMs, emit);
      return outcome;
    },
    pass: (nextMs) => {
      watermarkMs = nextMs;
      operator.passTime(state, watermarkMs, emit);
      operator.endBatch(state, emit);
      const sent = rows;
      rows = [];
      return sent;
    },
    state: () => state,
  };
}
