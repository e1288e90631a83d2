import type { Change, IncompatibleRule } from './compatibility.ts';
import { compareShapes } from './compatibility.ts';
import type { ContractsLock } from './contracts-lock.ts';
import type { ContractShape } from './shape.ts';

/**
 * Who must understand whom when a contract changes, by the names that schema registries share. BACKWARD: who reads by the
 * new version takes what the one before wrote. FORWARD: who reads by the one before takes what the new version writes.
 * FULL: both. The transitive ones ask it of every earlier version.
 */
export const compatibilityModes = [
  'NONE',
  'BACKWARD',
  'BACKWARD_TRANSITIVE',
  'FORWARD',
  'FORWARD_TRANSITIVE',
  'FULL',
  'FULL_TRANSITIVE',
] as const;

export type CompatibilityMode = (typeof compatibilityModes)[number];

/** A reader that would refuse what a writer may write. */
export type Finding = {
  readonly topic: string;
  /** Empty for the contract as a whole. */
  readonly field: string;
  /** Why the reader refuses it, seen from the writer's version: `fieldRemoved` is a field that the reader does not know. */
  readonly rule: IncompatibleRule;
  /** `backward`: the current version reads; `forward`: an earlier one does. */
  readonly direction: 'backward' | 'forward';
  /** Which version it is about: 1 is the one that is locked, 2 the one before it. */
  readonly versionsBack: number;
  /** What the writer's version has there and what the reader's has; null for nothing. */
  readonly writer: string | null;
  readonly reader: string | null;
};

/** What a mode forbids of the current contracts, beside those of a lock. */
export function findIncompatible(
  mode: CompatibilityMode,
  { locked, current }: { readonly locked: ContractsLock; readonly current: ContractsLock },
): Finding[] {
  const findings: Finding[] = [];
  for (const [topic, shape] of Object.entries(locked.contracts)) {
    const earlier = [shape, ...(locked.earlier?.[topic] ?? []).toReversed()];
    const latest = current.contracts[topic];
    for (const [index, before] of earlier.slice(0, isTransitive(mode) ? earlier.length : 1).entries()) {
      const versionsBack = index + 1;
      if (directionsOf(mode).includes('backward'))
        findings.push(...findingsOf({ topic, writer: before, reader: latest, direction: 'backward', versionsBack }));
      // Who reads an earlier version of a contract that is gone gets nothing, and refuses nothing.
      if (latest !== undefined && directionsOf(mode).includes('forward'))
        findings.push(...findingsOf({ topic, writer: latest, reader: before, direction: 'forward', versionsBack }));
    }
  }
  return findings;
}

/** Does a mode ask about all earlier versions? */
export function isTransitive(mode: CompatibilityMode): boolean {
  return mode.endsWith('_TRANSITIVE');
}

/** The directions that a mode asks about. */
export function directionsOf(mode: CompatibilityMode): readonly Finding['direction'][] {
  if (mode === 'NONE') return [];
  if (mode.startsWith('FULL')) return ['backward', 'forward'];
  return mode.startsWith('BACKWARD') ? ['backward'] : ['forward'];
}

function findingsOf(pair: {
  readonly topic: string;
  readonly writer: ContractShape;
  readonly reader: ContractShape | undefined;
  readonly direction: Finding['direction'];
  readonly versionsBack: number;
}): Finding[] {
  const { topic, writer, reader, direction, versionsBack } = pair;
  const lockOf = (shape: ContractShape | undefined): ContractsLock => ({
    version: 1,
    contracts: shape === undefined ? {} : { [topic]: shape },
  });
  const changes: Change<IncompatibleRule>[] = compareShapes({ locked: lockOf(writer), current: lockOf(reader) });
  return changes.map(({ field, rule, locked, current }) => ({
    topic,
    field,
    rule,
    direction,
    versionsBack,
    writer: locked,
    reader: current,
  }));
}
