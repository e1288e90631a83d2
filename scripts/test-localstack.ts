import { spawnSync } from 'node:child_process';

/** `npm run test:localstack`: the tests of AWS against an endpoint that runs already, such as LocalStack's; it starts none. */
if ((process.env['AWS_ENDPOINT_URL'] ?? '') === '') {
  console.error('got no AWS_ENDPOINT_URL, expected the address of LocalStack, such as http://127.0.0.1:4566');
  process.exit(2);
}
const names = ['dynamodb', 'lambda', 'serve-http'];
const tests = names.map((name) => `test/integration/${name}.test.ts`);
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'integration', ...tests], { stdio: 'inherit' });
process.exitCode = status ?? 1;
