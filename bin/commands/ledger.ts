import { join } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { type LakeFile, openLake } from '../../adapters/files/lake.ts';
import { readParquetBatches } from '../../adapters/files/parquet-reader.ts';
import { type ChainBlock, createOpenBlock } from '../../core/sinks/chain-block.ts';
import type { LedgerEntry } from '../../core/sinks/ledger-entry.ts';
import { createLedgerAuditor, type LedgerAudit } from '../../core/sinks/verify-ledger.ts';
import type { TableRow } from '../../core/sinks/table-schema.ts';
import { formatAmount, formatCount, formatRows, wrap } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { readCheckpoint, requireRun } from '../output-directory.ts';
import { title } from '../summary-text.ts';
import { paint, say, sayJson } from '../terminal.ts';

type VerifyOptions = { readonly out: string; readonly json?: true };
type Report = LedgerAudit & {
  readonly ok: boolean;
  readonly out: string;
  readonly checkpointOffset: number;
  readonly unreadableRows: number;
};

/** Adds `weir ledger`. */
export function addLedger(program: Command, invocation: Invocation): void {
  const ledger = program.command('ledger').summary('check the ledger of a run').description('The ledger of a run.');
  addExamples(ledger, 'weir ledger verify --out weir-out/demo-1');
  const verify = ledger
    .command('verify')
    .summary('check every hash, sum and balance')
    .description(
      'Reads the whole ledger and checks it from its entries: the hash of every block, no sequence number left out, ids used once, debits equal to credits, no hold overdrawn; and its end and sums against the checkpoint. Exit code 3 when something is wrong.',
    )
    .requiredOption('--out <dir>', 'the folder of a run')
    .addOption(jsonOption());
  addExamples(verify, 'weir ledger verify --out weir-out/demo-1');
  verify.action(async (options: VerifyOptions) => {
    invocation.exitCode = await verifyLedger(options);
  });
}

async function verifyLedger({ out, json }: VerifyOptions): Promise<number> {
  requireRun(out);
  const checkpoint = readCheckpoint(out);
  const checkpointOffset = checkpoint?.offset ?? 0;
  const chain = await readChain(out, checkpointOffset);
  const auditor = createLedgerAuditor({ chain: chain.blocks });
  let { unreadableRows } = chain;
  for (const { path } of filesOf({ out, table: 'ledger', checkpointOffset })) {
    for await (const rows of readParquetBatches({ path })) {
      for (const row of rows) {
        const entry = entryOf(row);
        if (entry === null) unreadableRows += 1;
        else auditor.add(entry);
      }
    }
  }
  const noEntries = { openBlock: createOpenBlock(), totals: new Map() };
  const audit = auditor.finish({ head: checkpoint?.ledgerHead ?? noEntries });
  const ok = audit.problemCount + unreadableRows === 0;
  const report = { ok, out, checkpointOffset, unreadableRows, ...audit };
  if (json) sayJson(report);
  else say(reportText(report));
  return report.ok ? exitCodes.ok : exitCodes.negative;
}

/** The files of the cuts before the checkpoint, in log order: what a crash left after it is written again. */
function filesOf(of: {
  readonly out: string;
  readonly table: string;
  readonly checkpointOffset: number;
}): readonly LakeFile[] {
  const files = openLake({ dir: join(of.out, 'lake') }).listFiles(of.table);
  return files.filter(({ endOffset }) => endOffset <= of.checkpointOffset);
}

async function readChain(
  out: string,
  checkpointOffset: number,
): Promise<{ readonly blocks: readonly ChainBlock[]; readonly unreadableRows: number }> {
  const blocks: ChainBlock[] = [];
  let unreadableRows = 0;
  for (const { path } of filesOf({ out, table: 'ledger_chain', checkpointOffset })) {
    for await (const rows of readParquetBatches({ path })) {
      for (const row of rows) {
        const parsed = blockSchema.safeParse(row);
        if (parsed.success) blocks.push(blockOf(parsed.data));
        else unreadableRows += 1;
      }
    }
  }
  return { blocks, unreadableRows };
}

const blockSchema = z.object({
  block: z.number(),
  first_sequence: z.number(),
  entries: z.number(),
  previous_hash: z.string(),
  hash: z.string(),
});

function blockOf({ first_sequence, previous_hash, ...row }: z.infer<typeof blockSchema>): ChainBlock {
  return { ...row, firstSequence: first_sequence, previousHash: previous_hash };
}

/** The types of a row and no more: whether its values are right is the auditor's to judge. */
const rowSchema = z.object({
  entry_id: z.string(),
  tenant_id: z.string(),
  kind: z.enum(['authorization', 'clearing', 'reversal', 'expiry']),
  authorization_id: z.string(),
  account_id: z.string(),
  event_time: z.number(),
  debit_account: z.string(),
  credit_account: z.string(),
  amount_minor: z.number(),
  currency: z.string(),
  outcome: z.enum(['approve', 'review', 'stepUp', 'decline']).nullish(),
  unmatched: z.boolean(),
  offset: z.number(),
  sequence: z.number(),
});

function entryOf(row: TableRow): LedgerEntry | null {
  const parsed = rowSchema.safeParse(row);
  if (!parsed.success) return null;
  const { data } = parsed;
  return {
    entryId: data.entry_id,
    tenantId: data.tenant_id,
    kind: data.kind,
    authorizationId: data.authorization_id,
    accountId: data.account_id,
    eventTimeMs: data.event_time,
    debitAccount: data.debit_account,
    creditAccount: data.credit_account,
    amountMinor: data.amount_minor,
    currency: data.currency,
    outcome: data.outcome ?? null,
    unmatched: data.unmatched,
    offset: data.offset,
    sequence: data.sequence,
  };
}

function reportText(report: Report): string {
  const verdict = report.ok
    ? paint('the ledger is sound', { tone: 'good', on: 'out' })
    : paint(`${formatCount(report.problemCount + report.unreadableRows)} problems found`, { tone: 'bad', on: 'out' });
  const head = formatRows([
    ['entries', formatCount(report.entries)],
    ['chain', `${formatCount(report.blocks)} full blocks, each hash follows from the entries and the one before`],
    ['accounts', formatCount(report.accounts)],
    ['checked to', `offset ${formatCount(report.checkpointOffset)}, the last checkpoint`],
  ]);
  const totals = report.totals.map(({ currency, kind, entries, amountMinor }) => [
    kind,
    formatCount(entries).padStart(12),
    formatAmount(amountMinor, currency).padStart(22),
  ]);
  const open = Object.entries(report.openHoldsMinor).map(([currency, amountMinor]) => [
    'still on hold',
    '',
    formatAmount(amountMinor, currency).padStart(22),
  ]);
  const blocks = [`${title('Ledger')}: ${verdict}\n${head}`];
  if (totals.length > 0) blocks.push(`${title('Totals')}\n${formatRows([...totals, ...open])}`);
  if (!report.ok) blocks.push(`${title('Problems')}\n${problemLines(report)}`);
  return blocks.join('\n\n');
}

function problemLines({ problems, problemCount, unreadableRows }: Report): string {
  const shown = problems
    .slice(0, 20)
    .flatMap(({ kind, position, entryId, message }) => [
      `  ${kind}${entryId === null ? '' : `  entry ${entryId}`}`,
      ...(position === null ? [] : [`    at place ${formatCount(position)} in the order of posting`]),
      ...wrap(message, 74).map((line) => `    ${line}`),
    ]);
  const more = problemCount - Math.min(problems.length, 20);
  const unreadable = unreadableRows > 0 ? [`  ${formatCount(unreadableRows)} rows that are no ledger entries`] : [];
  return [...unreadable, ...shown, ...(more > 0 ? [`  and ${formatCount(more)} more`] : [])].join('\n');
}
