import type { PartialAggregate } from './merge-aggregate.ts';
import type { FlowEvent, FlowRow, Operator, TakeOutcome } from './operator.ts';
import {
  addEvent,
  countValues,
  createPartials,
  mergeAllPartials,
  ownerOf,
  paneColumns,
  paneRow,
  type PaneOwner,
  type PaneSpec,
} from './panes-aggregates.ts';
import { addTimer, createTimers, popDue, type Timers } from './timers.ts';

/** Panes of `sizeMs`, one every `everyMs`, which divides it; a tumbling window has both the same. Aligned to the epoch. */
export type FixedPaneSpec = PaneSpec & { readonly sizeMs: number; readonly everyMs: number };

/** What the panes of one key group hold. Plain data. */
export type PaneState = {
  readonly keys: Map<string, PaneKey>;
  readonly settling: Timers<PaneName>;
  readonly finishing: Timers<PaneName>;
  /** Panes that are not final. */
  openPanes: number;
  /** Of the current batch: panes whose row goes out at its end, and final ones, which then are freed. */
  readonly changed: Map<string, PaneName>;
  readonly finished: PaneName[];
};

type PaneName = { readonly keyText: string; readonly startMs: number };

type PaneKey = PaneOwner & {
  /** Partials of `[start, start + everyMs)` by start: each event is in one tile, and in all panes that the tile is in. */
  readonly tiles: Map<number, PartialAggregate[]>;
  readonly panes: Map<number, Pane>;
  openPanes: number;
};

/** Late events inside since it settled; null before that. */
type Pane = { revision: number | null };

/**
 * Tumbling and hopping panes. A pane settles when the watermark reaches its end; its row goes out at the end of that batch,
 * and again at the end of each batch in which late events came into it. It is freed once none can come any more.
 *
 *     tiles   |--a--|--b--|--c--|--d--|      every 1 minute
 *     panes   |--------a+b+c----|            size 3 minutes: an event of b is in three panes,
 *                   |--------b+c+d----|      and enters one tile
 */
export function createPanes(spec: FixedPaneSpec): Operator<PaneState> {
  return {
    output: spec.output,
    topics: [spec.topic],
    columns: paneColumns(spec),
    create: createPaneState,
    take: (state, event) => take(spec, state, event),
    passTime: (state, watermarkMs) => passTime(spec, state, watermarkMs),
    endBatch: (state, emit) => {
      for (const name of state.changed.values()) emit(rowOf(spec, state, name));
      state.changed.clear();
      for (const name of state.finished.splice(0)) free(state, name);
    },
  };
}

function createPaneState(): PaneState {
  return {
    keys: new Map(),
    settling: createTimers(),
    finishing: createTimers(),
    openPanes: 0,
    changed: new Map(),
    finished: [],
  };
}

function take(spec: FixedPaneSpec, state: PaneState, event: FlowEvent): TakeOutcome {
  const owner = ownerOf(spec, event);
  if (owner === null) return 'taken';
  const { keyText, tenantId, keyValues } = owner;
  const known = state.keys.get(keyText);
  const starts = startsOf(spec, event.eventTimeMs);
  const tileMs = floorTo(event.eventTimeMs, spec.everyMs);
  const opened = starts.filter((startMs) => known?.panes.has(startMs) !== true).length;
  if (!hasRoom(spec, state, { key: known, opened, tileMs })) return 'stateLimit';
  const key: PaneKey = known ?? createKey({ tenantId, keyValues });
  if (known === undefined) state.keys.set(keyText, key);
  let tile = key.tiles.get(tileMs);
  if (tile === undefined) key.tiles.set(tileMs, (tile = createPartials(spec)));
  addEvent(spec, tile, event);
  for (const startMs of starts) enter(spec, state, { key, name: { keyText, startMs } });
  return 'taken';
}

function createKey(owner: PaneOwner): PaneKey {
  return { ...owner, tiles: new Map<number, PartialAggregate[]>(), panes: new Map<number, Pane>(), openPanes: 0 };
}

/** The starts of the panes that hold a time, the last first. */
function startsOf({ sizeMs, everyMs }: FixedPaneSpec, timeMs: number): number[] {
  const starts: number[] = [];
  for (let startMs = floorTo(timeMs, everyMs); startMs > timeMs - sizeMs; startMs -= everyMs) starts.push(startMs);
  return starts;
}

function floorTo(timeMs: number, lengthMs: number): number {
  return Math.floor(timeMs / lengthMs) * lengthMs;
}

type Wanted = { readonly key: PaneKey | undefined; readonly opened: number; readonly tileMs: number };

function hasRoom({ limits }: PaneSpec, state: PaneState, { key, opened, tileMs }: Wanted): boolean {
  if (state.openPanes + opened > limits.panesMax) return false;
  if ((key?.openPanes ?? 0) + opened > limits.panesPerKeyMax) return false;
  const tile = key?.tiles.get(tileMs);
  return tile === undefined || countValues(tile) < limits.valuesPerPaneMax;
}

/** Opens the pane, or counts a late event in one that has settled. */
function enter(
  spec: FixedPaneSpec,
  state: PaneState,
  { key, name }: { readonly key: PaneKey; readonly name: PaneName },
): void {
  const pane = key.panes.get(name.startMs);
  if (pane === undefined) {
    key.panes.set(name.startMs, { revision: null });
    key.openPanes += 1;
    state.openPanes += 1;
    addTimer(state.settling, { timeMs: name.startMs + spec.sizeMs, offset: 0, value: name });
  } else if (pane.revision !== null) {
    pane.revision += 1;
    noteChange(state, name);
  }
}

function passTime(spec: FixedPaneSpec, state: PaneState, watermarkMs: number): void {
  for (let due = popDue(state.settling, watermarkMs); due; due = popDue(state.settling, watermarkMs)) {
    const { pane } = find(state, due);
    pane.revision = 0;
    noteChange(state, due);
    const timeMs = due.startMs + spec.sizeMs + spec.allowedLatenessMs;
    addTimer(state.finishing, { timeMs, offset: 0, value: due });
  }
  for (let due = popDue(state.finishing, watermarkMs); due; due = popDue(state.finishing, watermarkMs)) {
    find(state, due).key.openPanes -= 1;
    state.openPanes -= 1;
    state.finished.push(due);
  }
}

function noteChange(state: PaneState, name: PaneName): void {
  state.changed.set(`${name.startMs} ${name.keyText}`, name);
}

function find(state: PaneState, { keyText, startMs }: PaneName): { readonly key: PaneKey; readonly pane: Pane } {
  const key = state.keys.get(keyText);
  const pane = key?.panes.get(startMs);
  if (key === undefined || pane === undefined) throw new Error(`got no pane at ${startMs}, expected one that is open`);
  return { key, pane };
}

function rowOf(spec: FixedPaneSpec, state: PaneState, name: PaneName): FlowRow {
  const { key, pane } = find(state, name);
  const { startMs } = name;
  const endMs = startMs + spec.sizeMs;
  const partials = createPartials(spec);
  for (let tileMs = startMs; tileMs < endMs; tileMs += spec.everyMs) {
    const tile = key.tiles.get(tileMs);
    if (tile !== undefined) mergeAllPartials(partials, tile);
  }
  const { tenantId, keyValues } = key;
  return paneRow(spec, { tenantId, keyValues, startMs, endMs, partials, revision: pane.revision ?? 0 });
}

/** Panes become final in the order of their starts, and a tile is last read by the pane that starts with it. */
function free(state: PaneState, name: PaneName): void {
  const { key } = find(state, name);
  key.panes.delete(name.startMs);
  key.tiles.delete(name.startMs);
  if (key.panes.size === 0) state.keys.delete(name.keyText);
}
