import {
  clip,
  formatAmount,
  formatBar,
  formatBytes,
  formatCount,
  formatMs,
  formatRows,
  formatShare,
  formatTime,
} from './format.ts';
import { outcomes, type RunSummary } from './run-summary.ts';
import { paint } from './terminal.ts';

/** A summary for people: a few blocks of lines of at most 80 characters, for standard output. */
export function summaryText(summary: RunSummary): string {
  const blocks = [
    [title('Decisions'), decisionLines(summary)],
    [title('Events'), eventLines(summary)],
    [title('Ledger'), ledgerLines(summary)],
    ...skewBlock(summary),
    ...refusedBlock(summary),
    [title('This process'), processLines(summary)],
    ...(summary.lastDeclines.length === 0 ? [] : [[title('Last declines'), declineLines(summary)]]),
    [title(`On disk in ${summary.out}`), fileLines(summary)],
  ];
  return blocks.map((block) => block.join('\n')).join('\n\n');
}

/** The features whose settled values differ from those decided on, most often first; nothing where none does. */
function skewBlock({ featureSkew }: RunSummary): string[][] {
  const skewed = Object.entries(featureSkew).flatMap(([name, { rows, differing, differenceMax }]) => {
    const { lateEvent, sameTimePeer, disorder } = differing;
    const count = lateEvent + sameTimePeer + disorder;
    if (count === 0) return [];
    const why = `late ${formatCount(lateEvent)}, same time ${formatCount(sameTimePeer)}, disorder ${formatCount(disorder)}`;
    return [
      { count, cells: [clip(name, 26), formatShare(count, rows).padStart(9), why, `by ${differenceMax.toFixed(2)}`] },
    ];
  });
  if (skewed.length === 0) return [];
  const listed = skewed.toSorted((left, right) => right.count - left.count).slice(0, 4);
  return [[title('Decided and settled values differ in'), formatRows(listed.map(({ cells }) => cells))]];
}

/** The key fields that had more events than a key may hold; nothing where there are none. */
function refusedBlock({ refusedByKey }: RunSummary): string[][] {
  const rows = Object.entries(refusedByKey).map(([name, count]) => [
    name,
    formatCount(count).padStart(12),
    'events that a full key did not take',
  ]);
  return rows.length === 0 ? [] : [[title('Keys at their limit (--key-events-max)'), formatRows(rows)]];
}

/** A heading on standard output. */
export function title(text: string): string {
  return paint(text, { tone: 'title', on: 'out' });
}

function decisionLines({ decisions, decisionsByOutcome }: RunSummary): string {
  const rows = outcomes.map((outcome) => {
    const count = decisionsByOutcome[outcome];
    const share = decisions === 0 ? 0 : count / decisions;
    return [outcome, formatCount(count).padStart(12), formatShare(count, decisions).padStart(9), formatBar(share, 30)];
  });
  return formatRows([['all', formatCount(decisions).padStart(12)], ...rows]);
}

function eventLines(summary: RunSummary): string {
  const watermarkMs = summary.watermark === null ? null : Date.parse(summary.watermark);
  const refused = Object.entries(summary.counts)
    .filter(([name]) => name.startsWith('deadLetters.'))
    .map(([name, count]) => `${name.slice('deadLetters.'.length)} ${formatCount(count)}`);
  return formatRows([
    ['read', formatCount(summary.events).padStart(12)],
    ['late', formatCount(summary.late).padStart(12), 'scored, and taken into the windows'],
    ['too late', formatCount(summary.tooLate).padStart(12), 'scored, and kept in lake/late'],
    ['duplicates', formatCount(summary.duplicates).padStart(12), 'counted once'],
    ['dead letters', formatCount(summary.deadLetters).padStart(12), clip(refused.join(', '), 50)],
    ['watermark', '', summary.inputEnded ? 'the input has ended' : formatTime(watermarkMs)],
  ]);
}

function ledgerLines({ ledger }: RunSummary): string {
  const rows = Object.entries(ledger.currencies).flatMap(([currency, totals]) => {
    const { heldMinor, clearedMinor, reversedMinor, expiredMinor, openMinor, unmatchedMinor } = totals;
    const row = (name: string, amountMinor: number | bigint): string[] => [
      name,
      formatAmount(amountMinor, currency).padStart(22),
    ];
    return [
      row('held', heldMinor),
      row('cleared', clearedMinor),
      row('reversed', reversedMinor),
      row('expired', expiredMinor),
      [...row('still open', openMinor), `${formatCount(ledger.openHolds)} holds`],
      [...row('unmatched', unmatchedMinor), 'cleared beyond any hold'],
    ];
  });
  return rows.length === 0 ? '  no entries' : formatRows(rows);
}

function processLines({ process: own }: RunSummary): string {
  const { p50, p95, p99 } = own.latencyMs;
  return formatRows([
    ['speed', `${formatCount(own.eventsPerSecond)} events/s over ${own.seconds.toFixed(1)} s`],
    ['latency', `p50 ${formatMs(p50)}, p95 ${formatMs(p95)}, p99 ${formatMs(p99)}, log to durable decision`],
    ['used', `${own.cpuSeconds.toFixed(1)} s of CPU, ${own.peakMemoryMiB} MiB of memory at most`],
  ]);
}

function declineLines({ lastDeclines }: RunSummary): string {
  return lastDeclines
    .map(({ decisionId, eventId, eventTime, score, reasons }) => {
      const head = `  ${eventTime.slice(0, 19).replace('T', ' ')}  ${clip(eventId, 24)}  score ${score}`;
      return [head, `    ${decisionId}`, ...reasons.map((reason) => clip(`    ${reason}`, 80))].join('\n');
    })
    .join('\n');
}

function fileLines({ files }: RunSummary): string {
  return formatRows(
    files.map(({ folder, files: count, sizeBytes }) => [
      folder,
      `${formatCount(count)} ${count === 1 ? 'file' : 'files'}`.padStart(12),
      formatBytes(sizeBytes).padStart(11),
    ]),
  );
}
