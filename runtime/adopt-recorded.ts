import { countAt, type EventColumns, operations } from '../core/decode/event-columns.ts';
import type { ScoreBatch } from '../core/score/columnar-scorer.ts';
import type { DecisionColumns } from '../core/score/decision-columns.ts';
import { adoptDecision } from '../core/sinks/decision-block.ts';
import type { RecordedDecisions } from './columnar-journal.ts';

/** The decisions of a batch that were kept before a crash, in its rows, for the scorer to take as they are. */
export function adoptRecorded(
  recorded: RecordedDecisions,
  columns: EventColumns,
  decisions: DecisionColumns,
): NonNullable<ScoreBatch['recorded']> {
  const isRecorded = new Uint8Array(columns.rowsMax);
  const rows = columns.counts[countAt.rows]!;
  for (let row = 0; row < rows; row++) {
    if (columns.op[row] !== operations.authorization) continue;
    const found = recorded.find(columns.firstOffset[0]! + row);
    if (found === null) continue;
    adoptDecision(found.block, found.row, { decisions, row });
    isRecorded[row] = 1;
  }
  return { isRecorded, decisions };
}
