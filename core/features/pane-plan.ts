import type { PartialSpec, ResultSpec } from '../engine/merge-aggregate.ts';
import type { FlowColumn, Operator } from '../engine/operator.ts';
import type { PaneLimits, PaneSpec } from '../engine/panes-aggregates.ts';
import { createPanes, type PaneState } from '../engine/panes.ts';
import { createSessions, type SessionState } from '../engine/sessions.ts';
import { readField } from './expression.ts';
import { compileEventValue } from './flow-expression.ts';
import type { Expression } from './plan.ts';

/** What panes and sessions share: plain data. */
type PaneParts = {
  readonly name: string;
  readonly topic: string;
  /** The field that partitions the topic. */
  readonly topicKey: string;
  /** The fields of the key, and the columns that hold them, in the same order. */
  readonly keys: readonly string[];
  readonly keyColumns: readonly FlowColumn[];
  readonly only: Expression | null;
  /** What partials read of an event. */
  readonly columns: readonly Expression[];
  readonly partials: readonly PartialSpec[];
  readonly results: readonly (ResultSpec & { readonly column: string; readonly type: 'number' | 'text' })[];
  readonly allowedLatenessMs: number;
  readonly limits: PaneLimits;
};

/** Tumbling or hopping panes: plain data. A tumbling window has one pane every `sizeMs`. */
export type PanesPlan = PaneParts & { readonly kind: 'panes'; readonly sizeMs: number; readonly everyMs: number };

/** Sessions: plain data. */
export type SessionsPlan = PaneParts & { readonly kind: 'sessions'; readonly gapMs: number };

/** The operator of tumbling or hopping panes. */
export function panesOf(plan: PanesPlan): Operator<PaneState> {
  return createPanes({ ...specOf(plan), sizeMs: plan.sizeMs, everyMs: plan.everyMs });
}

/** The operator of sessions. */
export function sessionsOf(plan: SessionsPlan): Operator<SessionState> {
  return createSessions({ ...specOf(plan), gapMs: plan.gapMs });
}

function specOf(plan: PaneParts): PaneSpec {
  const keys = plan.keys.map(readField);
  const columns = plan.columns.map(compileEventValue);
  const only = plan.only === null ? null : compileEventValue(plan.only);
  return {
    output: plan.name,
    topic: plan.topic,
    allowedLatenessMs: plan.allowedLatenessMs,
    key: plan.keyColumns,
    keyOf: (event) => keys.map((read) => read(event)),
    accepts: (event) => only === null || only(event) === 1,
    read: (event) => columns.map((read) => read(event)),
    partials: plan.partials,
    results: plan.results,
    limits: plan.limits,
  };
}
