import { delimiter, join } from 'node:path';
import { freePort, untilListening } from '../free-port.ts';
import { fetchJars } from '../maven.ts';
import { startServer } from '../server-process.ts';
import type { Emulator } from './emulators.ts';

const version = '2.6.1';
const startMs = 60_000;

/**
 * DynamoDB Local in memory: AWS's own reading of conditions and transactions, and slow. Its jars come from Maven Central the
 * first time (51 MB). Throws `ENGINE_MISSING`, `ENGINE_NOT_FETCHED`, `ENGINE_FAILED`.
 */
export async function startDynamoDbLocal(): Promise<Emulator> {
  const artifacts = [{ group: 'com.amazonaws', artifact: 'DynamoDBLocal', version }];
  const jars = await fetchJars({ name: `dynamodb-local-${version}`, artifacts });
  const port = await freePort();
  const { stop } = await startServer({
    name: `DynamoDB Local ${version}`,
    command: 'java',
    args: [
      `-Djava.library.path=${jars}`,
      '-Dorg.eclipse.jetty.LEVEL=WARN',
      '-cp',
      [join(jars, '*')].join(delimiter),
      'com.amazonaws.services.dynamodbv2.local.main.ServerRunner',
      '-inMemory',
      '-sharedDb',
      '-disableTelemetry',
      '-port',
      String(port),
    ],
    readyLine: 'CorsParams',
    startMs,
    stopMs: 5000,
  });
  await untilListening(port, AbortSignal.timeout(startMs));
  return { endpoint: `http://127.0.0.1:${port}`, stop };
}
