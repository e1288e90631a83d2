import { WeirError } from '../../core/contract/failure.ts';
import type { Issue } from '../../core/decode/refusal.ts';
import { decodeReading } from '../../core/telemetry/arrive-reading.ts';
import { type ApiKey, isOfTenant } from './api-keys.ts';
import { bytesOfItem, tooDeep } from './batch-items.ts';
import type { SubmittedReading, TelemetryPort } from './port.ts';
import { bodyOfProblem, forbidden, type Problem, problemOf, problems } from './problems.ts';

/** What the sender of a batch gets; `text` is JSON. */
type TakenReadings = { readonly status: 202; readonly text: string } | { readonly problem: Problem };

type Checked = { readonly reading: SubmittedReading; readonly readingId: string } | { readonly problem: Problem };

/** What a problem lists of a batch at most. */
const issuesMax = 100;

/**
 * Checks each reading by itself, and keeps those that are right together. Whether one is new, late or of a known sensor, its
 * watcher says: a batch that is sent again is not counted again, as a reading is known by its sensor, its time and its id.
 */
export async function takeReadings(
  telemetry: TelemetryPort,
  caller: Pick<ApiKey, 'tenants'>,
  items: readonly unknown[],
): Promise<TakenReadings> {
  const checked = items.map((item) => check(caller, item));
  const readings = checked.flatMap((one) => ('reading' in one ? [one.reading] : []));
  if (readings.length === 0) return { problem: noneTaken(checked) };
  try {
    await telemetry.append(readings);
  } catch (error) {
    if (error instanceof WeirError && passing.has(error.code)) return { problem: problems.stopping };
    throw error;
  }
  const results = checked.map((one) =>
    'reading' in one ? { readingId: one.readingId } : { problem: bodyOfProblem(one.problem) },
  );
  const counts = { accepted: readings.length, refused: items.length - readings.length };
  return { status: 202, text: JSON.stringify({ ...counts, results }) };
}

/** What passes: nothing of the batch was told to be kept, and sending it again is right. */
const passing = new Set(['NOT_READY', 'KINESIS_UNREACHABLE', 'KAFKA_UNREACHABLE', 'KAFKA_FAILED', 'DISK_FULL']);

function check(caller: Pick<ApiKey, 'tenants'>, item: unknown): Checked {
  const bytes = bytesOfItem(item);
  if (bytes === null) return { problem: problemOf(tooDeep) };
  const decoded = decodeReading(bytes);
  if (!decoded.ok) return { problem: problemOf(decoded.refusal) };
  const { tenantId, plant, readingId } = decoded.reading;
  if (!isOfTenant(caller, tenantId)) return { problem: forbidden('the tenant of the reading') };
  return { reading: { tenantId, plant, bytes }, readingId };
}

/** The problem of a batch of which nothing was kept: the first reading's, with all that is wrong with any. */
function noneTaken(checked: readonly Checked[]): Problem {
  const [first] = checked;
  if (first === undefined || !('problem' in first)) throw new Error('got a reading that was taken, expected none');
  const errors = checked.flatMap((one, at): Issue[] =>
    'problem' in one
      ? (one.problem.errors ?? []).map((issue) => ({ ...issue, path: `readings.${at}.${issue.path}` }))
      : [],
  );
  return { ...first.problem, title: 'no reading is accepted', errors: errors.slice(0, issuesMax) };
}
