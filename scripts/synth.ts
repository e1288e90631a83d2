import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fetchPython } from '../engines/python.ts';

/** `npm run synth`: every profile, backbone and runtime, without credentials and without Docker, through cdk-nag and cfn-lint. */
const pairs = [
  { backbone: 'msk', runtime: 'lambda' },
  { backbone: 'msk', runtime: 'ecs-spot' },
  { backbone: 'kinesis', runtime: 'lambda' },
  { backbone: 'kinesis', runtime: 'ecs-spot' },
] as const;
/** CDK writes what these warn of: the network is read whole, and a function waits for its role twice. */
const ignoredWarnings = ['W2001', 'W3005'];
const linter = { name: 'cfn-lint-1.58.0', packageName: 'cfn-lint==1.58.0' } as const;

const file = {
  imageUri: '000000000000.dkr.ecr.us-east-1.amazonaws.com/weir:0.1.0',
  scoring: { definition: 'scoring/features.ts', model: 'scoring/model.json', rules: 'scoring/rules.json' },
};

/** What may be had with functions alone. */
const ofFunctions = { apiRequestsPerSecond: 100 } as const;
const database = {
  database: 'core',
  secretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:core-AbCdEf',
  tables: ['public.merchant', 'public.dispute'],
} as const;
const plugin = { bucketArn: 'arn:aws:s3:::plugins', key: 'debezium.zip' } as const;
/** MSK by Debezium, Kinesis by DMS: the choices for each. */
const captures = { msk: { by: 'debezium', ...database, plugin }, kinesis: { by: 'dms', ...database } } as const;

type Case = { readonly profile: string; readonly backbone: string; readonly runtime: string };

async function main(): Promise<void> {
  const startMs = performance.now();
  const python = await fetchPython(linter);
  const dir = mkdtempSync(join(tmpdir(), 'weir-synth-'));
  try {
    const functionsFolder = functionsOf(dir);
    for (const { backbone, runtime } of pairs) {
      const more = runtime === 'lambda' ? { ...ofFunctions, functionsFolder, capture: captures[backbone] } : {};
      writeFileSync(join(dir, `${backbone}-${runtime}.json`), JSON.stringify({ ...file, ...more }));
    }
    const cases = ['dev', 'prod'].flatMap((profile) => pairs.map((pair) => ({ profile, ...pair })));
    const failed = cases.filter((one) => !tryCase(one, { dir, python }));
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(`synth ${failed.length === 0 ? 'passed' : 'failed'}: ${cases.length} cases, ${seconds} s`);
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

type Places = { readonly dir: string; readonly python: string };

/** Synthesizes a case and lints it. */
function tryCase(one: Case, { dir, python }: Places): boolean {
  const startMs = performance.now();
  const out = join(dir, Object.values(one).join('-'));
  const config = join(dir, `${one.backbone}-${one.runtime}.json`);
  const context = Object.entries({ ...one, config }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const { status, output } = run('node_modules/.bin/cdk', ['synth', '--quiet', '--output', out, ...context]);
  if (status !== 0) return tell(one, { startMs, ok: false, text: output });
  const templates = readdirSync(out).filter((name) => name.endsWith('.template.json'));
  const lint = run(join(dirname(python), 'cfn-lint'), [
    '--regions',
    'us-east-1',
    '--ignore-checks',
    ...ignoredWarnings,
    '--',
    ...templates.map((name) => join(out, name)),
  ]);
  const text = lint.status === 0 ? `${templates.length} templates, no findings` : lint.output;
  return tell(one, { startMs, ok: lint.status === 0 && templates.length > 0, text });
}

/** Bundles of nothing, where nobody has made real ones: templates name them, and no more. */
function functionsOf(dir: string): string {
  if (existsSync('dist/functions/serve-http/index.mjs')) return 'dist/functions';
  console.log('no dist/functions: bundles of nothing stand in');
  for (const name of ['score-msk', 'score-kinesis', 'serve-http', 'redrive-dlq', 'capture-dms', 'capture-debezium']) {
    mkdirSync(join(dir, 'functions', name), { recursive: true });
    for (const part of ['index.mjs', 'plan.json', 'rules.json', 'model.json', 'mapping.mjs'])
      writeFileSync(join(dir, 'functions', name, part), '');
  }
  return join(dir, 'functions');
}

function tell(one: Case, { startMs, ok, text }: { startMs: number; ok: boolean; text: string }): boolean {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(`${Object.values(one).join(' ').padEnd(24)} ${ok ? 'ok' : 'FAILED'}, ${seconds} s: ${text}`);
  return ok;
}

/** Runs a program without the credentials of whoever runs this. */
function run(program: string, args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...Object.fromEntries(kept), AWS_EC2_METADATA_DISABLED: 'true' },
    maxBuffer: 2 ** 26,
  });
  if (error !== undefined) throw error;
  return { status, output: `${stdout}${stderr}` };
}

await main();
