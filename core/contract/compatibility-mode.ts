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
    const latest = current.contracts[topic];
    const earlier = [...(locked.earlier?.[topic] ?? []), shape];
    for (const { direction, versionsBack, writer, reader } of comparisonsOf(mode, { earlier, latest })) {
      // Who reads an earlier version of a contract that is gone gets nothing, and refuses nothing.
      if (writer !== undefined) findings.push(...findingsOf({ topic, writer, reader, direction, versionsBack }));
    }
  }
  return findings;
}

/** Two versions that a mode asks about: whether who reads by one takes what is written by the other. */
export type Comparison<Version, Latest = Version> = Pick<Finding, 'direction' | 'versionsBack'> & {
  readonly writer: Version | Latest;
  readonly reader: Version | Latest;
};

/** Every comparison that a mode asks for, the newest of the earlier versions first; `earlier` has the oldest first. */
export function* comparisonsOf<Version, Latest = Version>(
  mode: CompatibilityMode,
  { earlier, latest }: { readonly earlier: readonly Version[]; readonly latest: Latest },
): Generator<Comparison<Version, Latest>> {
  const isTransitive = mode.endsWith('_TRANSITIVE');
  for (const [index, before] of earlier.toReversed().entries()) {
    if (index > 0 && !isTransitive) return;
    const versionsBack = index + 1;
    for (const direction of directionsOf(mode)) {
      const [writer, reader] = direction === 'backward' ? [before, latest] : [latest, before];
      yield { direction, versionsBack, writer, reader };
    }
  }
}

function directionsOf(mode: CompatibilityMode): readonly Finding['direction'][] {
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
