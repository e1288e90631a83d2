import type { FlowEvent, FlowRow } from '../../core/engine/operator.ts';

/** How the twin cuts the events of a key into pieces `[startMs, endMs)`: each with all of its events. */
export type Cut = (events: readonly FlowEvent[]) => readonly Piece[];
type Piece = { readonly startMs: number; readonly endMs: number; readonly events: readonly FlowEvent[] };

/** Panes of a size, one so often: every start that could hold an event is tried. */
export const hoppingCut =
  ({ sizeMs, everyMs }: { readonly sizeMs: number; readonly everyMs: number }): Cut =>
  (events) => {
    const times = events.map(({ eventTimeMs }) => eventTimeMs);
    const pieces: Piece[] = [];
    const first = Math.floor((Math.min(...times) - sizeMs) / everyMs) * everyMs;
    for (let startMs = first; startMs <= Math.max(...times); startMs += everyMs) {
      const endMs = startMs + sizeMs;
      const inside = events.filter(({ eventTimeMs }) => eventTimeMs >= startMs && eventTimeMs < endMs);
      if (inside.length > 0) pieces.push({ startMs, endMs, events: inside });
    }
    return pieces;
  };

/** Sessions: sorted by time, a new one wherever the gap has passed. */
export const sessionCut =
  (gapMs: number): Cut =>
  (events) => {
    const sorted = events.toSorted((left, right) => left.eventTimeMs - right.eventTimeMs);
    const sessions: FlowEvent[][] = [];
    let lastMs = Number.NEGATIVE_INFINITY;
    for (const event of sorted) {
      if (event.eventTimeMs - lastMs >= gapMs) sessions.push([]);
      sessions.at(-1)?.push(event);
      lastMs = event.eventTimeMs;
    }
    return sessions.map((session) => ({
      startMs: session[0]?.eventTimeMs ?? 0,
      endMs: (session.at(-1)?.eventTimeMs ?? 0) + gapMs,
      events: session,
    }));
  };

/** The rows of a log by tenant and account, from all of its events at once: what `everyResult` asks for. */
export function twinRows(events: readonly FlowEvent[], cut: Cut): ReadonlyMap<string, FlowRow['values']> {
  const rows = new Map<string, FlowRow['values']>();
  const keys = Map.groupBy(events, ({ tenantId, event }) => JSON.stringify([tenantId, event['accountId']]));
  for (const ofKey of keys.values()) {
    const { tenantId, event } = ofKey[0]!;
    for (const { startMs, endMs, events: inside } of cut(ofKey)) {
      const name = `${tenantId} ${JSON.stringify([event['accountId'], startMs])}`;
      const head = { account_id: String(event['accountId']), pane_start: startMs, pane_end: endMs };
      rows.set(name, { ...head, ...everyResultOf(inside) });
    }
  }
  return new Map([...rows].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

/** Numbers are multiples of a quarter and few, so that the plain sums of the twin are exact too. */
function everyResultOf(events: readonly FlowEvent[]): FlowRow['values'] {
  const inOrder = events.toSorted((left, right) => left.eventTimeMs - right.eventTimeMs || left.offset - right.offset);
  const amounts = events.map(({ event }) => Number(event['amountMinor']));
  const latitudes = inOrder.flatMap(({ event }) => latitudeOf(event['location']));
  const merchants = inOrder.map(({ event }) => String(event['merchantId']));
  const sorted = latitudes.toSorted((left, right) => left - right);
  const total = latitudes.reduce((sum, value) => sum + value, 0);
  const squares = latitudes.reduce((sum, value) => sum + value * value, 0);
  const count = latitudes.length;
  const isEmpty = count === 0;
  return {
    events: events.length,
    dear: amounts.filter((amount) => amount > 500).length,
    amount: amounts.reduce((sum, value) => sum + value, 0),
    places: count,
    total,
    mean: isEmpty ? null : total / count,
    deviation: isEmpty ? null : Math.sqrt((count * squares - total * total) / (count * count)),
    south: sorted[0] ?? null,
    north: sorted.at(-1) ?? null,
    middle: isEmpty ? null : (sorted[Math.ceil(count / 2) - 1]! + sorted[Math.floor(count / 2)]!) / 2,
    merchants: new Set(merchants).size,
    first_merchant: merchants[0] ?? null,
    last_place: latitudes.at(-1) ?? null,
  };
}

function latitudeOf(location: unknown): number[] {
  if (typeof location !== 'object' || location === null || !('latitude' in location)) return [];
  return typeof location.latitude === 'number' ? [location.latitude + 0] : [];
}
