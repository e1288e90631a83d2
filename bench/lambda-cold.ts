import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** From the start of the process to the answer to its first event, in milliseconds. */
export type ColdStart = { readonly cpuMs: number; readonly wallMs: number };

const run = promisify(execFile);

/** Starts bundles anew, against an endpoint of this process that holds nothing and answers at once. */
export async function measureColdStarts(bundle: string, payload: unknown, times: number): Promise<ColdStart[]> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end('{"Attributes":{},"Responses":{}}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('got no port, expected a TCP address');
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${address.port}`,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'x',
  };
  const starts: ColdStart[] = [];
  for (let time = 0; time < times; time++) {
    const code = programOf(join(bundle, 'index.mjs'), payload);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { env });
    starts.push(readStart(stdout));
  }
  server.close();
  server.closeAllConnections();
  return starts;
}

function programOf(bundle: string, payload: unknown): string {
  return `import { handler } from ${JSON.stringify(bundle)};
const { batchItemFailures } = await handler(${JSON.stringify(payload)});
const { user, system } = process.cpuUsage();
console.log('cold ' + [batchItemFailures.length, (user + system) / 1000, performance.now()].join(' '));
process.exit(0);`;
}

function readStart(stdout: string): ColdStart {
  const [, failures, cpuMs, wallMs] = /^cold (\d+) ([\d.]+) ([\d.]+)$/m.exec(stdout) ?? [];
  if (failures !== '0' || !stdout.includes('"accepted.payments.authorization.v1":1')) {
    throw new Error(`got ${stdout}, expected one decision and no failure`);
  }
  return { cpuMs: Number(cpuMs), wallMs: Number(wallMs) };
}
