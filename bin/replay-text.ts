import type { ReplayReport, Why } from '../runtime/replay-report.ts';
import { clip, formatAmount, formatCount, formatRows, formatShare, formatTime } from './format.ts';
import { title } from './summary-text.ts';

/** What a replay found, for people. */
export function replayText(
  report: ReplayReport,
  { reportJson, reportHtml }: { readonly reportJson: string; readonly reportHtml: string },
): string {
  const { money, why, samples } = report;
  const blocks = [
    [verdictOf(report)],
    [title('Outcomes that change'), outcomeLines(report)],
    ...(money.length === 0 ? [] : [[title('Money'), ...moneyLines(report).map((line) => `  ${line}`)]]),
    ...(why.length === 0
      ? []
      : [
          [
            title('Because of'),
            formatRows(why.slice(0, 8).map((one) => [whyText(one), formatCount(one.decisions).padStart(9)])),
          ],
        ]),
    ...(samples.length === 0 ? [] : [[title('The first of them'), sampleLines(report)]]),
    [title('The report'), formatRows([[reportHtml], [reportJson]])],
  ];
  return blocks.map((block) => block.join('\n')).join('\n\n');
}

/** One sentence: whether anything differs, over how much. */
export function verdictOf({ compared, same, differ, fromMs, toMs, liveAlone, replayedAlone }: ReplayReport): string {
  const range = `${fromMs <= -8.64e15 ? 'from the beginning' : `from ${formatTime(fromMs)}`} ${toMs >= 8.64e15 ? 'to the end' : `to ${formatTime(toMs)}`}`;
  const alone = liveAlone + replayedAlone;
  const missing = alone === 0 ? '' : `; ${formatCount(alone)} are in one of the two alone`;
  if (differ === 0) return `All ${formatCount(same)} decisions ${range} come out the same${missing}.`;
  return `${formatCount(differ)} of ${formatCount(compared)} decisions (${formatShare(differ, compared)}) ${range} come out differently${missing}.`;
}

/** What of the money is declined now and was not, and the other way round, a line a currency. */
export function moneyLines({ money }: ReplayReport): string[] {
  return money.map(
    ({ currency, newlyDeclined, newlyDeclinedMinor, noLongerDeclined, noLongerDeclinedMinor }) =>
      `${formatAmount(newlyDeclinedMinor, currency)} more declined (${formatCount(newlyDeclined)}), ` +
      `${formatAmount(noLongerDeclinedMinor, currency)} no longer (${formatCount(noLongerDeclined)})`,
  );
}

/** A reason in words. */
export function whyText({ kind, name }: Why): string {
  if (kind === 'model') return 'the model';
  return kind === 'thresholds' ? 'the thresholds' : `${kind} ${name}`;
}

function outcomeLines({ outcomes, compared }: ReplayReport): string {
  const changes = outcomes.filter(({ live, replayed }) => live !== replayed);
  if (changes.length === 0) return '  none';
  return formatRows(
    changes.map(({ live, replayed, decisions }) => [
      `${live} -> ${replayed}`,
      formatCount(decisions).padStart(9),
      formatShare(decisions, compared).padStart(8),
    ]),
  );
}

function sampleLines({ samples }: ReplayReport): string {
  return formatRows(
    samples
      .slice(0, 5)
      .map(({ eventId, live, replayed, why }) => [
        clip(eventId, 20),
        `${live.outcome} ${live.score} -> ${replayed.outcome} ${replayed.score}`,
        clip(why.map(whyText).join(', '), 36),
      ]),
  );
}
