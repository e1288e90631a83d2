import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { drawPage } from '../engines/chromium/picture.ts';

// `npm run replay-picture`: replays a run with one changed rule, and draws its report as docs/images/replay.png shows it.
const dir = mkdtempSync(join(tmpdir(), 'weir-picture-'));
const weir = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [join(import.meta.dirname, '../bin/weir.ts'), ...args], {
    cwd: dir,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 28,
  });
try {
  const handbook = join(import.meta.dirname, '../examples/handbook/rules.json');
  writeFileSync(join(dir, 'my-rules.json'), stricter(readFileSync(handbook, 'utf8')));
  weir('generate', '--events', '20000', '--seed', '5', '--disturb', '--out', 'payments.jsonl');
  weir('run', '--source', 'payments.jsonl', '--out', 'weir-out/shop');
  const { reportHtml } = z
    .object({ reportHtml: z.string() })
    .parse(JSON.parse(weir('replay', '--out', 'weir-out/shop', '--rules', 'my-rules.json', '--json')));
  // The page shows 200 decisions: the picture a few, the first one open.
  let shown = 0;
  const html = readFileSync(join(dir, reportHtml), 'utf8')
    .replaceAll(/<details[^]*?<\/details>/g, (one) => (shown++ < 8 ? one : ''))
    .replace('The first 200 of', 'The first 8 of')
    .replace('<details', '<details open');
  await drawPage(html, { path: join(import.meta.dirname, '../docs/images/replay.png'), width: 1000 });
} finally {
  rmSync(dir, { recursive: true, force: true });
}

/** The shipped rules, but that amounts above 150 and not 500 hit, and decline. */
function stricter(text: string): string {
  const rule = z.looseObject({ id: z.string() });
  const { version, rules, ...rest } = z
    .looseObject({ version: z.number(), rules: z.array(rule) })
    .parse(JSON.parse(text));
  const when = { field: 'amountMinor', op: 'gt', value: 15_000 };
  const changed = rules.map((one) =>
    one.id === 'amount-above-limit' ? { ...one, version: 2, outcomeAtLeast: 'decline', when } : one,
  );
  return JSON.stringify({ ...rest, version: version + 1, rules: changed });
}
