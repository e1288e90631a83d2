#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// What Node strips and compiles once is kept for the next start, which takes half the time then.
enableCompileCache();
const [{ endWithin }, { main }] = await Promise.all([import('./end-within.ts'), import('./program.ts')]);
endWithin(await main(process.argv.slice(2)), 3000);
