import { writeFileSync } from 'node:fs';
import { costOf, designs } from '../lib/cost/designs.ts';
import { createLoad } from '../lib/cost/load.ts';

const size = { width: 760, height: 460, left: 70, right: 20, top: 30, bottom: 150 } as const;
const rates = { from: 100, to: 1_000_000 } as const;
const usd = { from: 30, to: 1_000_000 } as const;
const eventBytes = 256;
const points = 120;
/** Colours that people who see few of them can tell apart, and dashes for the rest. */
const strokes = ['#d55e00', '#cc79a7', '#e69f00', '#009e73', '#0072b2', '#000000'];

/** The chart of `docs/images/cost.svg`: USD a month over events a second, both on logarithmic scales, from the formulas. */
export function drawCostChart(): string {
  const { width, height } = size;
  const lines = designs.map(({ name }, index) => drawDesign(name, index)).join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>USD a month over events a second of ${eventBytes} bytes, by design</title>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${size.left}" y="18">USD a month, by events a second of ${eventBytes} bytes; no ledger, log kept 24 h</text>
${gridLines()}
${lines}
</svg>
`;
}

function drawDesign(name: string, index: number): string {
  const design = designs[index];
  if (design === undefined) throw new Error(`got no design ${index}`);
  const path = Array.from({ length: points + 1 }, (_, step) => {
    const eventsPerSecond = rates.from * (rates.to / rates.from) ** (step / points);
    const { usdMonth } = costOf(design, createLoad({ eventsPerSecond, eventBytes }));
    return `${step === 0 ? 'M' : 'L'}${placeX(eventsPerSecond).toFixed(1)} ${placeY(usdMonth).toFixed(1)}`;
  }).join('');
  const stroke = strokes[index % strokes.length];
  const dash = design.hasState ? '' : ' stroke-dasharray="6 4"';
  const column = index % 2;
  const x = size.left + column * 340;
  const y = size.height - 85 + Math.floor(index / 2) * 24;
  return `<path d="${path}" fill="none" stroke="${stroke}" stroke-width="2"${dash}/>
<line x1="${x}" x2="${x + 26}" y1="${y - 4}" y2="${y - 4}" stroke="${stroke}" stroke-width="2"${dash}/><text x="${x + 32}" y="${y}">${name}</text>`;
}

function gridLines(): string {
  const bottom = size.height - size.bottom;
  const vertical = powersBetween(rates.from, rates.to).map((value) => {
    const x = placeX(value).toFixed(1);
    return `<line x1="${x}" x2="${x}" y1="${size.top}" y2="${bottom}" stroke="#ddd"/><text x="${x}" y="${bottom + 18}" text-anchor="middle">${value.toLocaleString('en-US')}</text>`;
  });
  const horizontal = powersBetween(usd.from, usd.to).map((value) => {
    const y = placeY(value).toFixed(1);
    return `<line x1="${size.left}" x2="${size.width - size.right}" y1="${y}" y2="${y}" stroke="#ddd"/><text x="${size.left - 8}" y="${Number(y) + 4}" text-anchor="end">${value.toLocaleString('en-US')}</text>`;
  });
  const label = `<text x="${(size.left + size.width - size.right) / 2}" y="${bottom + 38}" text-anchor="middle">events a second</text>`;
  return [...vertical, ...horizontal, label].join('\n');
}

function powersBetween(from: number, to: number): number[] {
  const first = Math.ceil(Math.log10(from));
  return Array.from({ length: Math.floor(Math.log10(to)) - first + 1 }, (_, index) => 10 ** (first + index));
}

function placeX(eventsPerSecond: number): number {
  const share = Math.log(eventsPerSecond / rates.from) / Math.log(rates.to / rates.from);
  return size.left + share * (size.width - size.left - size.right);
}

function placeY(usdMonth: number): number {
  const share = Math.log(Math.max(usdMonth, usd.from) / usd.from) / Math.log(usd.to / usd.from);
  return size.height - size.bottom - share * (size.height - size.bottom - size.top);
}

if (import.meta.main) writeFileSync(new URL('../docs/images/cost.svg', import.meta.url), drawCostChart());
