import { parseArgs } from 'node:util';
import { WeirError } from '../../core/contract/failure.ts';
import { startBroker } from './broker.ts';

// `npm run kafka -- [--port 9092] [--dir weir-kafka]`: a broker to try things on, until Ctrl-C.
const { values } = parseArgs({
  options: { port: { type: 'string', default: '9092' }, dir: { type: 'string', default: 'weir-out/kafka' } },
});

try {
  process.stderr.write('starting a Kafka broker; the first time it is fetched\n');
  const broker = await startBroker({ dir: values.dir, port: portOf(values.port) });
  process.stdout.write(`${broker.bootstrap}\n`);
  process.stderr.write(`a Kafka broker listens there, process ${broker.pid()}; Ctrl-C ends it\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void broker.stop());
  await broker.ended();
} catch (error) {
  if (!(error instanceof WeirError)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n${error.fix}\n`);
  process.exitCode = 1;
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new WeirError({
    code: 'PORT_INVALID',
    message: `got port ${text}, expected 1 to 65535`,
    fix: 'Correct --port.',
  });
}
