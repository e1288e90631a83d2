import type { Series } from '../engines/prometheus/server.ts';

/** A panel of a board with what its queries gave, ready to be drawn. */
export type DrawnPanel = {
  readonly title: string;
  readonly help: string;
  readonly unit: string;
  readonly limits: readonly number[];
  readonly lines: readonly { readonly name: string; readonly points: Series['points'] }[];
};

const size = { width: 620, height: 230, left: 62, right: 12, top: 12, bottom: 26 } as const;
/** Colours that people who see few of them can tell apart (Okabe and Ito). */
const strokes = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];
const namesMax = 8;

/** A page of panels, two a row, without scripts. Times are UTC. */
export function drawBoard(
  title: string,
  panels: readonly DrawnPanel[],
  range: { readonly from: number; readonly to: number },
): string {
  const drawn = panels.map((panel) => drawPanel(panel, range)).join('\n');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<style>
body { margin: 16px; font: 13px sans-serif; background: #f4f5f6; color: #1b1f23 }
h1 { font-size: 20px; margin: 4px 0 14px }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 12px }
section { background: #fff; border: 1px solid #d8dbde; border-radius: 4px; padding: 10px }
h2 { font-size: 14px; margin: 0 }
p { margin: 3px 0 6px; color: #57606a; font-size: 12px; min-height: 30px }
ul { margin: 4px 0 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px }
li i { display: inline-block; width: 12px; height: 3px; margin-right: 5px; vertical-align: middle }
</style>
<h1>${escape(title)}</h1>
<main>
${drawn}
</main></html>
`;
}

function drawPanel(
  { title, help, unit, limits, lines }: DrawnPanel,
  range: { readonly from: number; readonly to: number },
): string {
  const values = lines.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite);
  const isShare = unit === 'percentunit';
  // A limit far above what is there would press it to the floor.
  const near = limits.filter((limit) => isShare || limit <= 4 * Math.max(...values));
  const scale = scaleOf([...values, ...near], isShare);
  const placeX = (seconds: number): number =>
    size.left + ((seconds - range.from) / (range.to - range.from)) * (size.width - size.left - size.right);
  const placeY = (value: number): number =>
    size.height -
    size.bottom -
    ((value - scale.from) / (scale.to - scale.from)) * (size.height - size.top - size.bottom);
  const grid = scale.ticks.map((tick) => {
    const y = placeY(tick).toFixed(1);
    return `<line x1="${size.left}" x2="${size.width - size.right}" y1="${y}" y2="${y}" stroke="#e6e8ea"/><text x="${size.left - 6}" y="${Number(y) + 4}" text-anchor="end" fill="#57606a">${formatValue(tick, unit)}</text>`;
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const seconds = range.from + share * (range.to - range.from);
    const anchor = share === 0 ? 'start' : share === 1 ? 'end' : 'middle';
    return `<text x="${placeX(seconds).toFixed(1)}" y="${size.height - 8}" text-anchor="${anchor}" fill="#57606a">${new Date(seconds * 1000).toISOString().slice(11, 19)}</text>`;
  });
  const bounds = near.map(
    (limit) =>
      `<line x1="${size.left}" x2="${size.width - size.right}" y1="${placeY(limit).toFixed(1)}" y2="${placeY(limit).toFixed(1)}" stroke="#cf222e" stroke-dasharray="5 4"/>`,
  );
  const paths = lines.map(({ points }, index) => {
    const known = points.filter(([, value]) => Number.isFinite(value));
    const path = known.map(
      ([seconds, value], at) => `${at === 0 ? 'M' : 'L'}${placeX(seconds).toFixed(1)} ${placeY(value).toFixed(1)}`,
    );
    return `<path d="${path.join('')}" fill="none" stroke="${strokeOf(index)}" stroke-width="1.6"/>`;
  });
  const names = lines.slice(0, namesMax).map(({ name, points }, index) => {
    const last = points.findLast(([, value]) => Number.isFinite(value))?.[1];
    const said = last === undefined ? 'no data' : formatValue(last, unit);
    return `<li><i style="background:${strokeOf(index)}"></i>${escape(name)} <b>${said}</b></li>`;
  });
  const more = lines.length > namesMax ? `<li>and ${lines.length - namesMax} more</li>` : '';
  return `<section><h2>${escape(title)}</h2><p>${escape(help)}</p>
<svg viewBox="0 0 ${size.width} ${size.height}" width="100%" font-family="sans-serif" font-size="11">${[...grid, ...times, ...bounds, ...paths].join('')}</svg>
<ul>${names.join('')}${more}</ul></section>`;
}

function strokeOf(index: number): string {
  return strokes[index % strokes.length] ?? '#000000';
}

/** Round numbers from at most the least value to at least the greatest. */
function scaleOf(
  values: readonly number[],
  isShare: boolean,
): { readonly from: number; readonly to: number; readonly ticks: readonly number[] } {
  const least = isShare ? Math.min(1, ...values) : 0;
  const most = isShare ? Math.max(least, ...values) : Math.max(...values, 0);
  const span = most - least || (isShare ? 0.01 : 1);
  const raw = span / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? raw;
  const from = Math.floor(least / step + 1e-9) * step;
  const count = Math.max(1, Math.ceil((least + span - from) / step - 1e-9));
  return { from, to: from + count * step, ticks: Array.from({ length: count + 1 }, (_, at) => from + at * step) };
}

function formatValue(value: number, unit: string): string {
  if (unit === 'percentunit') return `${Number((value * 100).toPrecision(4))} %`;
  if (unit === 's')
    return value < 1 ? `${Number((value * 1000).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`;
  const text =
    Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
  return unit === 'ops' ? `${text}/s` : text;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
