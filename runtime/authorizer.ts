import { type Disk, realDisk } from '../adapters/files/disk.ts';
import { WeirError } from '../core/contract/failure.ts';
import type { Answer, DecisionAnswer, ScoringPort } from '../adapters/http/port.ts';
import type { Assembled, WeirFiles } from './assemble.ts';
import { AuthorizerQueue, type Waiting } from './authorizer-queue.ts';
import { Columnar, type DurableBatch } from './columnar.ts';
import { createFoundAnswers } from './found-answers.ts';
import type { Scoring } from './scoring.ts';

export type AuthorizerOptions = {
  readonly dir: string;
  readonly assembled: Assembled;
  /** What was assembled, by its files: the lake is written in a thread of its own then. */
  readonly files?: WeirFiles;
  /** Finds a decision that a cut has put into the lake; null when there is none. */
  readonly findKept: (decisionId: string) => Promise<DecisionAnswer | null>;
  /** Records between two cuts. */
  readonly cutRecords?: number;
  /** Events that may wait at once: more are refused with `BUSY`. */
  readonly waitingMax?: number;
  readonly disk?: Disk;
};

/** The one owner of a log, who decides what callers wait for. */
export type Authorizer = ScoringPort & {
  readonly scoring: Pick<Scoring, 'counts' | 'nextOffset' | 'recovery' | 'totals'>;
  /** Rejects with what ended it: nothing is taken any more, and what was not answered may be in the log or not. */
  readonly failed: Promise<never>;
  /** Takes no more, answers what it has taken, and commits. */
  readonly close: () => Promise<void>;
};

/** What callers wait for at most, unless told otherwise: some tens of milliseconds of work. */
const authorizerDefaults = { cutRecords: 16_384, waitingMax: 1024 } as const;

/**
 * Opens a log for callers who wait: events are appended together, decided in their order at their offsets, and answered
 * once the decisions are durable. What a crash left undecided in the log is decided first.
 */
export async function openAuthorizer(options: AuthorizerOptions): Promise<Authorizer> {
  const { dir, assembled, files, cutRecords, waitingMax, disk = realDisk } = { ...authorizerDefaults, ...options };
  const found = createFoundAnswers(options.findKept, 2 * cutRecords + waitingMax);
  const lakeThread = files === undefined ? {} : { lakeThread: files };
  const onDurable = async (batch: DurableBatch): Promise<void> => found.note(batch);
  const scoring = new Columnar({ dir, assembled, cutRecords, tells: 'answers', onDurable, disk, ...lakeThread });
  await scoring.process({ lagRecordsMax: 0 });
  const decide = async (taken: readonly Waiting[]): Promise<(Answer | Promise<Answer>)[]> => {
    const firstOffset = scoring.nextOffset;
    await scoring.append(taken.map(({ topic, bytes }) => ({ topic, bytes, sourcePosition: 0 })));
    found.begin();
    while (scoring.lagRecords > 0) {
      const batch = await scoring.take();
      if (batch !== null) found.note(batch);
    }
    return taken.map((event, index) => found.answerOf(event, found.at(firstOffset + index)));
  };
  const queue = new AuthorizerQueue({ decide, makeDurable: () => scoring.sync() });
  return {
    scoring,
    failed: queue.failed,
    decision: found.decision,
    isReady: () => queue.isOpen,
    submit: async (event) => {
      if (!queue.isOpen) throw notReady(dir);
      if (queue.waiting >= waitingMax) throw busy(waitingMax);
      return queue.add(event);
    },
    close: async () => {
      await queue.close();
      await scoring.commit();
      await scoring.close();
    },
  };
}

/** As many events wait as may. */
export function busy(waitingMax: number): WeirError {
  return new WeirError({
    code: 'BUSY',
    message: `got an event while ${waitingMax} wait for their decisions, which is the limit`,
    fix: 'Send it again in a second: the same eventId is decided once.',
    facts: { waitingMax },
  });
}

function notReady(dir: string): WeirError {
  return new WeirError({
    code: 'NOT_READY',
    message: `got an event for ${dir}, which takes none any more`,
    fix: 'Send it again once a process serves it: the same eventId is decided once.',
    facts: { dir },
  });
}
