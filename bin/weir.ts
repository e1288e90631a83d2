#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// What Node strips and compiles once is kept for the next start, which takes half the time then.
enableCompileCache();
const { main } = await import('./program.ts');
process.exitCode = await main(process.argv.slice(2));
