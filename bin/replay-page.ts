import type { ReplayedSide, ReplayReport, ReplaySample } from '../runtime/replay-report.ts';
import { formatAmount, formatCount, formatShare, formatTime } from './format.ts';
import { moneyLines, verdictOf, whyText } from './replay-text.ts';

const outcomes = ['approve', 'review', 'stepUp', 'decline'] as const;

/** The page that whoever approves a replay reads: one file, without scripts and without anything from elsewhere. */
export function replayPage(report: ReplayReport): string {
  const { replayId, out, live, replayed, records, digests } = report;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Replay ${escape(replayId)}</title>
<style>${style}</style>
<main>
<header><h1>Replay ${escape(replayId)}</h1><p class="verdict ${report.differ === 0 ? 'same' : 'differs'}">${escape(verdictOf(report))}</p>
<p class="quiet">${escape(out)} · ${formatCount(records)} records of its log · all times in UTC</p></header>
<section><h2>What is tried</h2>${identityTable(live, replayed)}${featureChanges(report)}</section>
<section><h2>Outcomes</h2>${outcomeTable(report)}${moneyBlock(report)}</section>
${whyBlock(report)}
${sampleBlock(report)}
<footer class="quiet">SHA-256 over all decisions: was <code>${digests.live.slice(0, 16)}</code>, would be <code>${digests.replayed.slice(0, 16)}</code></footer>
</main>
</html>
`;
}

function identityTable(live: ReplayReport['live'], replayed: ReplayReport['replayed']): string {
  const rows = (['definition', 'rules', 'model'] as const).map((part) => {
    const cells = [live[part], replayed[part]].map((one) => {
      const name = 'name' in one ? one.name : one.id;
      return `<td>${escape(name)} v${escape(String(one.version))} <code>${escape(one.hash.slice(0, 8))}</code></td>`;
    });
    const isChanged = live[part].hash !== replayed[part].hash;
    return `<tr${isChanged ? ' class="changed"' : ''}><th>${part}</th>${cells.join('')}<td>${isChanged ? 'changed' : 'the same'}</td></tr>`;
  });
  return `<table><thead><tr><th></th><th>was</th><th>would be</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function featureChanges({ featuresAdded, featuresRemoved }: ReplayReport): string {
  const line = (word: string, names: readonly string[]): string =>
    names.length === 0
      ? ''
      : `<p>Features ${word}: ${names.map((name) => `<code>${escape(name)}</code>`).join(', ')}</p>`;
  return line('added', featuresAdded) + line('removed', featuresRemoved);
}

/** From each outcome (a row) to each (a column); what stays as it was lies on the diagonal. */
function outcomeTable({ outcomes: changes, compared }: ReplayReport): string {
  const counts = new Map(changes.map(({ live, replayed, decisions }) => [`${live} ${replayed}`, decisions]));
  const rows = outcomes.map((live) => {
    const cells = outcomes.map((replayed) => {
      const count = counts.get(`${live} ${replayed}`) ?? 0;
      const tone = count === 0 ? 'none' : live === replayed ? 'stays' : 'moves';
      const share = live === replayed || count === 0 ? '' : `<small>${formatShare(count, compared)}</small>`;
      return `<td class="number ${tone}">${count === 0 ? '·' : formatCount(count)}${share}</td>`;
    });
    return `<tr><th>${live}</th>${cells.join('')}</tr>`;
  });
  const head = outcomes.map((replayed) => `<th class="number">${replayed}</th>`).join('');
  return `<table class="matrix"><thead><tr><th>was ↓ would be →</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function moneyBlock(report: ReplayReport): string {
  return moneyLines(report)
    .map((line) => `<p class="money">${escape(line)}</p>`)
    .join('');
}

function whyBlock({ why, differ, explained }: ReplayReport): string {
  if (why.length === 0) return '';
  const rows = why.slice(0, 20).map((one) => {
    const share = (100 * one.decisions) / explained;
    return `<tr><th>${escape(whyText(one))}</th><td class="bar"><i style="width:${share.toFixed(1)}%"></i></td><td class="number">${formatCount(one.decisions)}</td></tr>`;
  });
  const note = explained < differ ? `<p class="quiet">Of the first ${formatCount(explained)} that differ.</p>` : '';
  return `<section><h2>Because of</h2><table class="why"><tbody>${rows.join('')}</tbody></table>${note}<p class="quiet">A decision may have several reasons.</p></section>`;
}

function sampleBlock({ samples, differ }: ReplayReport): string {
  if (samples.length === 0) return '';
  const rows = samples.map(sampleOf).join('');
  return `<section><h2>Decisions that differ</h2><p class="quiet">The first ${formatCount(samples.length)} of ${formatCount(differ)}, in the order of the log; open one for what it read.</p>${rows}</section>`;
}

function sampleOf(sample: ReplaySample): string {
  const { eventId, decisionId, eventTimeMs, amountMinor, currency, live, replayed, why } = sample;
  const amount = amountMinor === null || currency === null ? '' : formatAmount(amountMinor, currency);
  const names = Object.keys(live.features);
  const features = names.map(
    (name) =>
      `<tr><th>${escape(name)}</th><td class="number">${cell(live.features[name])}</td><td class="number">${cell(replayed.features[name])}</td></tr>`,
  );
  const lists = (['rules', 'reasons'] as const).map(
    (part) => `<tr><th>${part}</th><td>${list(live[part])}</td><td>${list(replayed[part])}</td></tr>`,
  );
  return `<details><summary><span class="id">${escape(eventId)}</span><span>${formatTime(eventTimeMs).replace(' UTC', '')}</span><span class="number">${escape(amount)}</span><span>${side(live)} → ${side(replayed)}</span><span class="quiet">${escape(why.map(whyText).join(', '))}</span></summary>
<table><thead><tr><th>decision ${escape(decisionId.slice(0, 16))}</th><th>was</th><th>would be</th></tr></thead><tbody>${lists.join('')}${features.join('')}</tbody></table></details>`;
}

function side({ outcome, score }: ReplayedSide): string {
  return `<b class="${escape(outcome)}">${escape(outcome)}</b> ${score}`;
}

function list(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.map(escape).join('<br>');
}

function cell(value: number | null | undefined): string {
  return value === null || value === undefined ? 'none' : String(Number(value.toPrecision(8)));
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const style = `
:root{color-scheme:light dark;--ink:#1c2330;--quiet:#667085;--line:#d9dee7;--paper:#fff;--moves:#b54708;--movesback:#fef4e6;--same:#067647;--bar:#3b6fd4}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--quiet:#98a2b3;--line:#323a48;--paper:#151a23;--moves:#fdb022;--movesback:#3a2a12;--same:#47cd89;--bar:#6b9bff}}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:980px;margin:0 auto;padding:32px 20px 60px}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:32px 0 10px}
.verdict{font-size:18px;margin:6px 0;font-weight:600}.verdict.same{color:var(--same)}.verdict.differs{color:var(--moves)}
.quiet,small{color:var(--quiet);font-size:13px}small{display:block}
table{border-collapse:collapse;width:100%}th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;font-weight:400}
thead th{color:var(--quiet);font-size:13px}.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr.changed td{font-weight:600}.moves{background:var(--movesback);color:var(--moves);font-weight:600}.none{color:var(--quiet)}
.money{font-weight:600;margin:10px 0 0}.why th{width:40%}.bar{width:45%}.bar i{display:block;height:12px;margin-top:5px;background:var(--bar);border-radius:2px;min-width:1px}
details{border-bottom:1px solid var(--line)}details table{margin:0 0 14px 18px;width:calc(100% - 18px)}
summary{display:grid;grid-template-columns:1.1fr 1.3fr .8fr 1.7fr 1.6fr;gap:12px;padding:8px 0;cursor:pointer}
summary .id::before{content:'▸ ';color:var(--quiet)}details[open] .id::before{content:'▾ '}
.id,code{font-family:ui-monospace,monospace;font-size:13px;overflow-wrap:anywhere}.decline{color:var(--moves)}.approve{color:var(--same)}
footer{margin-top:36px}
@media(max-width:700px){summary{grid-template-columns:1fr 1fr}}
`;
