import { type Emulator, startMiniStack } from './emulators.ts';

/** AWS where `AWS_ENDPOINT_URL` says it is, such as LocalStack, or an emulator that `start` starts. */
export async function openAws(start: () => Promise<Emulator> = async () => startMiniStack({})): Promise<Emulator> {
  const given = process.env['AWS_ENDPOINT_URL'];
  const emulator = given === undefined || given === '' ? await start() : { endpoint: given, stop: async () => {} };
  useEndpoint(emulator.endpoint);
  return emulator;
}

/** Variables that every client of AWS reads, for an emulator. */
function useEndpoint(endpoint: string): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: process.env['AWS_REGION'] ?? 'us-east-1',
    AWS_ACCESS_KEY_ID: process.env['AWS_ACCESS_KEY_ID'] ?? 'test',
    AWS_SECRET_ACCESS_KEY: process.env['AWS_SECRET_ACCESS_KEY'] ?? 'test',
  });
}
