import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { WeirError } from '../../core/contract/failure.ts';
import { violationsOf } from '../../core/contract/violations.ts';
import { auditWorkloads, type AuditRow, workloadSchema, type AuditedWorkload } from '../../lib/cost/audit.ts';
import { formatCount, formatRows } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { title } from '../summary-text.ts';
import { say, sayJson } from '../terminal.ts';

/** Adds `weir audit`. */
export function addAudit(program: Command, invocation: Invocation): void {
  const command = program
    .command('audit')
    .summary('what of a list of workloads to stream, and what to batch')
    .description(
      'What of a list of workloads to stream and what to batch, with the cost of each. The list is CSV or JSON: name, eventsPerSecond, eventBytes, freshnessSeconds, state (none, keyed, ledger).',
    )
    .argument('<file>', 'the list, .csv or .json')
    .addOption(jsonOption());
  addExamples(command, 'weir audit examples/workloads.csv', 'weir audit examples/workloads.csv --json');
  command.action((file: string, { json }: { readonly json?: true }) => {
    const rows = auditWorkloads(readWorkloads(file));
    if (json) sayJson(rows);
    else say(textOf(rows));
    invocation.exitCode = exitCodes.ok;
  });
}

/** Reads a list of workloads. Throws `BAD_WORKLOADS` with all that is wrong. */
export function readWorkloads(file: string): AuditedWorkload[] {
  const text = readFileSync(file, 'utf8');
  const parsed = z.array(workloadSchema).min(1).safeParse(rawOf(file, text));
  if (parsed.success) return parsed.data;
  const { first, count } = violationsOf(parsed.error, null);
  const told = first.map(({ path, expected }) => `${path === '' ? 'list' : path}: expected ${expected}`).join('; ');
  throw badWorkloads(file, `${formatCount(count)} wrong: ${told}`);
}

function rawOf(file: string, text: string): unknown {
  try {
    return file.endsWith('.json')
      ? JSON.parse(text)
      : parse(text, { columns: true, skip_empty_lines: true, trim: true });
  } catch (cause) {
    throw badWorkloads(file, cause instanceof Error ? cause.message : String(cause));
  }
}

function badWorkloads(file: string, problem: string): WeirError {
  return new WeirError({
    code: 'BAD_WORKLOADS',
    message: `got ${file}, ${problem}`,
    fix: 'Each workload has name, eventsPerSecond, eventBytes, freshnessSeconds, and state: none, keyed or ledger.',
    facts: { file },
  });
}

function textOf(rows: readonly AuditRow[]): string {
  const cells = rows.map((row) => [
    row.name,
    row.advice,
    formatCount(row.streamUsdMonth).padStart(9),
    (row.batchUsdMonth === null ? 'n/a' : formatCount(row.batchUsdMonth)).padStart(9),
    row.streamDesign,
    row.why,
  ]);
  return [
    title('What to stream and what to batch; USD a month, us-east-1'),
    formatRows([['workload', 'advice', '   stream', '    batch', 'cheapest stream', 'why'], ...cells]),
  ].join('\n');
}
