import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { realDisk } from '../../adapters/files/disk.ts';
import { writeDurably, writeFully } from '../../adapters/files/durable-file.ts';
import { withPath } from '../../adapters/files/failure.ts';
import { WeirError } from '../../core/contract/failure.ts';
import { type Change, compatibleChanges } from '../../core/contract/compatibility.ts';
import {
  type CompatibilityMode,
  compatibilityModes,
  type Finding,
  findIncompatible,
} from '../../core/contract/compatibility-mode.ts';
import { contracts } from '../../core/contract/contracts.ts';
import {
  type ContractsLock,
  contractsLock,
  contractsLockText,
  parseContractsLock,
  succeed,
} from '../../core/contract/contracts-lock.ts';
import { formatCount, formatRows } from '../format.ts';
import { addExamples, exitCodes, type Invocation, jsonOption } from '../invocation.ts';
import { title } from '../summary-text.ts';
import { addContractsExport } from './contracts-export.ts';
import { paint, remark, say, sayJson } from '../terminal.ts';

type LockFile = { readonly lock: string; readonly json?: true };
type CheckOptions = LockFile & { readonly compatibility: CompatibilityMode };
type LockOptions = LockFile & { readonly write?: true; readonly force?: true };

/** The lock that comes with the project. */
export const shippedLock = new URL('../../contracts.lock.json', import.meta.url).pathname;

/** Adds `weir contracts`. */
export function addContracts(program: Command, invocation: Invocation): void {
  const command = program
    .command('contracts')
    .summary('the shapes of events, and whether they stay compatible')
    .description('The contracts: the shape of every event, and whether a change breaks those who send them.');
  addExamples(command, 'weir contracts check');
  const check = withLock(command.command('check'))
    .summary('compare the contracts with the lock')
    .description('Compares the contracts with the lock; exit code 3 when a change would break a sender or a reader.')
    .addOption(
      new Option('--compatibility <mode>', 'who must understand whom, as schema registries name it')
        .choices(compatibilityModes)
        .default('BACKWARD'),
    );
  addExamples(
    check,
    'weir contracts check',
    'weir contracts check --compatibility FULL_TRANSITIVE --lock contracts.lock.json --json',
  );
  check.action((options: CheckOptions) => {
    invocation.exitCode = checkContracts(options);
  });
  const list = command
    .command('list')
    .description('Lists the contracts with their key and their times.')
    .addOption(jsonOption());
  addExamples(list, 'weir contracts list');
  list.action((options: { readonly json?: true }) => {
    listContracts(options);
    invocation.exitCode = exitCodes.ok;
  });
  const lock = withLock(command.command('lock'))
    .description('Prints what the lock would be; --write writes it, if nothing breaks.')
    .option('--write', 'write the file')
    .option('--force', 'write it even when a change breaks senders');
  addExamples(lock, 'weir contracts lock --write');
  lock.action((options: LockOptions) => {
    invocation.exitCode = lockContracts(options);
  });
  addContractsExport(command, invocation);
}

function withLock(command: Command): Command {
  return command.option('--lock <file>', "the lock (default: the project's)", shippedLock).addOption(jsonOption());
}

function checkContracts({ lock, compatibility, json }: CheckOptions): number {
  const locks = { locked: readLock(lock), current: contractsLock() };
  const incompatible = findIncompatible(compatibility, locks);
  const compatible = compatibleChanges(locks);
  const ok = incompatible.length === 0;
  if (json) sayJson({ ok, lock, compatibility, contracts: contracts.size, incompatible, compatible });
  else say(checkText({ incompatible, compatible }));
  if (!ok && !json) remark('fix:   Take the change back, or give the contract a new version (.v2) beside the old one.');
  return ok ? exitCodes.ok : exitCodes.negative;
}

function checkText({
  incompatible,
  compatible,
}: {
  readonly incompatible: readonly Finding[];
  readonly compatible: readonly Change[];
}): string {
  const verdict =
    incompatible.length === 0
      ? paint('compatible with the lock', { tone: 'good', on: 'out' })
      : paint(`${incompatible.length} breaking changes`, { tone: 'bad', on: 'out' });
  const blocks = [`${title('Contracts')}: ${formatCount(contracts.size)}, ${verdict}`];
  const breaks = { backward: 'Breaks senders', forward: 'Breaks readers' } as const;
  for (const direction of ['backward', 'forward'] as const) {
    const findings = incompatible.filter((finding) => finding.direction === direction);
    if (findings.length > 0) blocks.push(`${title(breaks[direction])}\n${findingLines(findings)}`);
  }
  if (compatible.length > 0) blocks.push(`${title('Changed since the lock')}\n${changeLines(compatible)}`);
  return blocks.join('\n\n');
}

function findingLines(findings: readonly Finding[]): string {
  return findings
    .map(({ topic, field, rule, versionsBack, writer, reader }) =>
      [
        `  ${topic}${field === '' ? '' : ` ${field}`}: ${rule}${versionsBack > 1 ? `, ${versionsBack} versions back` : ''}`,
        `    writes   ${writer ?? 'nothing'}`,
        `    reads    ${reader ?? 'nothing'}`,
      ].join('\n'),
    )
    .join('\n');
}

function changeLines(changes: readonly Change[]): string {
  return changes
    .map(({ topic, field, rule, locked, current }) =>
      [
        `  ${topic}${field === '' ? '' : ` ${field}`}: ${rule}`,
        `    locked   ${locked ?? 'nothing'}`,
        `    current  ${current ?? 'nothing'}`,
      ].join('\n'),
    )
    .join('\n');
}

function listContracts({ json }: { readonly json?: true }): void {
  const rows = [...contracts.values()].map((contract) => ({
    topic: contract.topic,
    key: contract.key,
    outOfOrdernessMs: contract.outOfOrdernessMs,
    allowedLatenessMs: contract.allowedLatenessMs,
    maxFutureMs: contract.maxFutureMs,
    retentionMs: contract.retentionMs,
  }));
  if (json) return sayJson(rows);
  const seconds = (timeMs: number): string => `${formatCount(timeMs / 1000)} s`.padStart(8);
  say(
    formatRows([
      ['topic', 'key', 'disorder', 'lateness', '  future'],
      ...rows.map((row) => [
        row.topic,
        row.key,
        seconds(row.outOfOrdernessMs),
        seconds(row.allowedLatenessMs),
        seconds(row.maxFutureMs),
      ]),
    ]),
  );
}

function lockContracts({ lock, write, force, json }: LockOptions): number {
  const current = contractsLock();
  if (!write) {
    say(contractsLockText(current).trimEnd());
    return exitCodes.ok;
  }
  const locked = readLock(lock);
  const incompatible = findIncompatible('BACKWARD', { locked, current });
  if (incompatible.length > 0 && !force) {
    if (json) sayJson({ ok: false, lock, incompatible });
    else say(checkText({ incompatible, compatible: [] }));
    remark('the lock was not written; --force writes it all the same');
    return exitCodes.negative;
  }
  if (incompatible.length > 0) remark(`warning: ${incompatible.length} changes that break senders are locked in`);
  writeDurably(realDisk, lock, (fd) =>
    writeFully(realDisk, fd, Buffer.from(contractsLockText(succeed({ locked, current })))),
  );
  if (json) sayJson({ ok: true, lock, incompatible });
  else say(`wrote ${lock}`);
  return exitCodes.ok;
}

function readLock(path: string): ContractsLock {
  const text = withPath(path, () => readFileSync(path, 'utf8'));
  try {
    return parseContractsLock(text);
  } catch (cause) {
    throw new WeirError({
      code: 'BAD_CONTRACTS_LOCK',
      message: `${path}: got something else, expected a lock of contracts`,
      fix: 'Restore the file from version control.',
      facts: { path },
      cause,
    });
  }
}
