import type { Value } from './aggregate.ts';
import {
  addToPartial,
  createPartial,
  mergePartials,
  readResult,
  valuesHeld,
  type PartialAggregate,
  type PartialSpec,
  type ResultSpec,
} from './merge-aggregate.ts';
import type { FlowColumn, FlowEvent, FlowRow } from './operator.ts';

/** What is kept of the events of a key's pane, and how its row is made. */
export type PaneSpec = {
  readonly output: string;
  readonly topic: string;
  /** How late events may be, milliseconds: a pane stays so long after its end. */
  readonly allowedLatenessMs: number;
  /** The values of the key, by their columns; an event where one is null is in no pane. */
  readonly key: readonly FlowColumn[];
  readonly keyOf: (event: FlowEvent['event']) => readonly Value[];
  /** Events that it says no to are in no pane. */
  readonly accepts: (event: FlowEvent) => boolean;
  /** What the partials read of an event. */
  readonly read: (event: FlowEvent) => readonly Value[];
  readonly partials: readonly PartialSpec[];
  readonly results: readonly (ResultSpec & { readonly column: string; readonly type: 'number' | 'text' })[];
  readonly limits: PaneLimits;
};

/** How much an operator holds of one key group. An event that would pass a limit is left out whole, as `stateLimit`. */
export type PaneLimits = {
  /** Panes or sessions that are not final. */
  readonly panesPerKeyMax: number;
  readonly panesMax: number;
  /** Single values that `median` and the exact `countDistinct` keep of a session, or of the shortest piece of a pane. */
  readonly valuesPerPaneMax: number;
};

/** Who a row is of: the tenant and the values of the key. */
export type PaneOwner = { readonly tenantId: string; readonly keyValues: readonly Value[] };

/** One bounded piece of a key's time, `[startMs, endMs)`. */
export type PaneTimes = { readonly startMs: number; readonly endMs: number };

/** The owner of an event's panes with the text that names it; null where the event is in none. */
export function ownerOf(spec: PaneSpec, event: FlowEvent): (PaneOwner & { readonly keyText: string }) | null {
  if (!spec.accepts(event)) return null;
  const { tenantId } = event;
  const keyValues = spec.keyOf(event.event);
  if (keyValues.includes(null)) return null;
  return { tenantId, keyValues, keyText: JSON.stringify([tenantId, ...keyValues]) };
}

/** Empty partials, one for each of the spec. */
export function createPartials(spec: PaneSpec): PartialAggregate[] {
  return spec.partials.map(createPartial);
}

/** Adds an event to all partials. */
export function addEvent(spec: PaneSpec, partials: readonly PartialAggregate[], event: FlowEvent): void {
  const added = { place: event, columns: spec.read(event) };
  spec.partials.forEach((partialSpec, index) => addToPartial(partialAt(partials, index), partialSpec, added));
}

/** Adds all partials to others of the same spec; the source stays as it is. */
export function mergeAllPartials(target: readonly PartialAggregate[], source: readonly PartialAggregate[]): void {
  target.forEach((partial, index) => mergePartials(partial, partialAt(source, index)));
}

/** How many single values the partials hold. */
export function countValues(partials: readonly PartialAggregate[]): number {
  return partials.reduce((total, partial) => total + valuesHeld(partial), 0);
}

/** The columns of the rows: the key, the time of the pane, the results. */
export function paneColumns(spec: PaneSpec): readonly FlowColumn[] {
  return [
    ...spec.key,
    { name: 'pane_start', kind: 'timeMs' },
    { name: 'pane_end', kind: 'timeMs' },
    ...spec.results.map(({ column, type }): FlowColumn => ({ name: column, kind: type })),
  ];
}

/** The row of a pane with its results. */
export function paneRow(
  spec: PaneSpec,
  pane: PaneOwner & PaneTimes & { readonly revision: number; readonly partials: readonly PartialAggregate[] },
): FlowRow {
  const values = rowHead(spec, pane);
  values['pane_end'] = pane.endMs;
  for (const result of spec.results) values[result.column] = readResult(pane.partials, result);
  return { ...rowName(spec, pane), revision: pane.revision, isRetraction: false, values };
}

/** The row that takes back the row of a key that starts at `startMs`: results and end are null. */
export function retractionRow(
  spec: PaneSpec,
  pane: PaneOwner & { readonly startMs: number; readonly revision: number },
): FlowRow {
  const values = rowHead(spec, pane);
  values['pane_end'] = null;
  for (const result of spec.results) values[result.column] = null;
  return { ...rowName(spec, pane), revision: pane.revision, isRetraction: true, values };
}

type Start = PaneOwner & { readonly startMs: number };

function rowName(
  { output }: PaneSpec,
  { tenantId, keyValues, startMs }: Start,
): Pick<FlowRow, 'output' | 'tenantId' | 'key'> {
  return { output, tenantId, key: JSON.stringify([...keyValues, startMs]) };
}

function rowHead({ key }: PaneSpec, { keyValues, startMs }: Start): Record<string, Value> {
  const values: Record<string, Value> = {};
  key.forEach(({ name }, index) => (values[name] = keyValues[index] ?? null));
  values['pane_start'] = startMs;
  return values;
}

function partialAt(partials: readonly PartialAggregate[], index: number): PartialAggregate {
  const partial = partials[index];
  if (partial === undefined) throw new RangeError(`got partial ${index}, expected below ${partials.length}`);
  return partial;
}
