/** What can go wrong with one operation of a disk. */
export const faultKinds = [
  'killBefore',
  'killAfter',
  'powerLossBefore',
  'powerLossAfter',
  'ioError',
  'lostReply',
  'diskFull',
  'shortWrite',
  'shortRead',
  'slow',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** A fault of one process: it hits the first operation from a number on that it can hit, counted over all or over one call. */
export type Fault = {
  readonly kind: FaultKind;
  readonly fromOperation: number;
  readonly of: SystemCall | 'any';
  /** Only on what is in a folder of this name. */
  readonly within?: string;
};

/** The system calls of a disk, for what a fault can hit. */
export type SystemCall =
  | 'open'
  | 'close'
  | 'read'
  | 'write'
  | 'ftruncate'
  | 'fsync'
  | 'fstat'
  | 'stat'
  | 'rename'
  | 'link'
  | 'unlink'
  | 'rmdir'
  | 'mkdir'
  | 'scandir';

const growing: readonly SystemCall[] = ['open', 'write', 'mkdir', 'rename', 'link'];
const harmless: readonly SystemCall[] = ['close', 'stat', 'fstat'];

/** Whether a fault can hit a call; closing and asking for a size do not fail on their own. */
export function canHit(kind: FaultKind, call: SystemCall): boolean {
  switch (kind) {
    case 'diskFull':
      return growing.includes(call);
    case 'shortWrite':
      return call === 'write';
    case 'shortRead':
      return call === 'read';
    case 'ioError':
    case 'lostReply':
      return !harmless.includes(call);
    default:
      return true;
  }
}

/** How often each thing happened. */
export type Tally<Name extends string = string> = Map<Name, number>;

/** Adds to a tally. */
export function tally<Name extends string>(counts: Tally<Name>, name: Name, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
