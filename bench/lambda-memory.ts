import type { Claim, KeptRecord, KeptState, KeyedPort, PartitionProgress } from '../core/steps/keyed-port.ts';

/** Capacity units by what they are for: as DynamoDB counts them from the sizes of items. */
export type Units = {
  state: number;
  ledger: number;
  partition: number;
  stateReads: number;
  ledgerReads: number;
  stateBytes: number;
  saves: number;
};

/** A store of this process, so that a bench measures the core and not a server; it counts what DynamoDB would. */
export function createMemoryStore(units: Units): { readonly port: KeyedPort; readonly begin: () => void } {
  const states = new Map<string, KeptState>();
  const events = new Map<string, KeptRecord>();
  const partitions = new Map<string, { epoch: number; progress: PartitionProgress }>();
  const begin = (): void => void Object.assign(units, nothing);
  const port: KeyedPort = {
    claim: async (source): Promise<Claim> => {
      const kept = partitions.get(source) ?? { epoch: 0, progress: beginning };
      kept.epoch += 1;
      partitions.set(source, kept);
      units.partition += 1;
      return { source, ...kept };
    },
    loadStates: async (keys) => {
      const found = keys.flatMap((key) => (states.has(key) ? [[key, states.get(key)!] as const] : []));
      for (const [key, state] of found) units.stateReads += readUnits(stateBytes(key, state));
      units.stateReads += keys.length - found.length;
      return new Map(found);
    },
    findEvents: async (ids) => {
      units.ledgerReads += ids.length;
      return new Map(ids.flatMap((id) => (events.has(id) ? [[id, events.get(id)!] as const] : [])));
    },
    keepEvent: async (id, event) => {
      events.set(id, event);
      units.ledger += writeUnits(event.bytes.length + event.source.length + ledgerNamesBytes);
      return event;
    },
    saveState: async ({ claim, key, bytes, appliedOffset }) => {
      const state = { bytes, source: claim.source, appliedOffset, epoch: claim.epoch, blocks: 0 };
      states.set(key, state);
      units.state += writeUnits(stateBytes(key, state));
      units.stateBytes += bytes.length;
      units.saves += 1;
    },
    keepReferences: async () => {},
    findReferences: async () => null,
    setAside: async () => {},
    commit: async ({ source }, progress) => {
      partitions.get(source)!.progress = progress;
      units.partition += 1;
    },
  };
  return { port, begin };
}

const nothing: Units = { state: 0, ledger: 0, partition: 0, stateReads: 0, ledgerReads: 0, stateBytes: 0, saves: 0 };
const beginning: PartitionProgress = { position: null, nextOffset: 0, inputs: [], stateMs: null };

/** id (2 + 16), source (6), offset (6 + 5), event (5). */
const ledgerNamesBytes = 40;

/** Names and numbers beside the state itself: key, source, applied, epoch, state. */
function stateBytes(key: string, { bytes, source }: KeptState): number {
  return key.length + bytes.length + source.length + 40;
}

function writeUnits(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 1024);
}

/** Of a strong read. */
function readUnits(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 4096);
}
