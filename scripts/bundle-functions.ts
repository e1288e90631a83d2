import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeDefinition } from '../runtime/lambda-definition.ts';
import { bundleFunctions } from './bundle.ts';

/** `npm run bundle -- --definition F --rules F --model F [--mapping F]`: the functions as they are deployed, a folder each. */
const { values } = parseArgs({
  options: {
    definition: { type: 'string' },
    rules: { type: 'string' },
    model: { type: 'string' },
    mapping: { type: 'string' },
    out: { type: 'string', default: 'dist/functions' },
  },
});
const { definition, rules, model, mapping, out } = values;
if (definition === undefined || rules === undefined || model === undefined) {
  console.error(
    'got no --definition, --rules or --model, expected all: a definition by the account and its card alone',
  );
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), 'weir-bundle-'));
try {
  await writeDefinition({ definition, rules, model }, dir);
  for (const bundle of await bundleFunctions(out, dir, mapping)) console.log(JSON.stringify(bundle));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
