import { isOfGeneration, readGenerationRows, readGenerations } from '../runtime/generations.ts';
import type { DecisionRow } from './find-decision.ts';

/** What a decision counts as since a replay was promoted over it, by its generation. */
export type CountsAs = {
  readonly generation: number;
  readonly replayId: string;
  readonly outcome: string;
  readonly score: number;
};

/** What the newest generation that holds a decision says of it; null where what was answered counts. */
export async function findGeneration(
  out: string,
  { offset, event_time: eventTimeMs }: Pick<DecisionRow, 'offset' | 'event_time'>,
): Promise<CountsAs | null> {
  const newest = readGenerations(out).findLast((one) => isOfGeneration(one, { offset, eventTimeMs }));
  if (newest === undefined) return null;
  const { generation, replayId } = newest;
  for await (const rows of readGenerationRows(out, { generation, table: 'decisions' })) {
    const row = rows.find((one) => one['offset'] === offset);
    if (row === undefined) continue;
    return { generation, replayId, outcome: String(row['outcome']), score: Number(row['score']) };
  }
  return null;
}
