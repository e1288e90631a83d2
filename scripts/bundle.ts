import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';

/** A function as it is deployed: one file with the AWS SDK inside. */
export type Bundle = { readonly name: string; readonly dir: string; readonly sizeBytes: number };

/**
 * Bundles every file of `functions/` into a folder of its own, for Node 24, with a definition beside it, and the mapping of
 * changes where there is one.
 */
export async function bundleFunctions(out: string, definition: string, mapping?: string): Promise<readonly Bundle[]> {
  const bundles: Bundle[] = [];
  for (const file of readdirSync('functions').toSorted()) {
    const name = basename(file, '.ts');
    const dir = join(out, name);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    await bundle(join('functions', file), join(dir, 'index.mjs'));
    if (mapping !== undefined) await bundle(mapping, join(dir, 'mapping.mjs'));
    cpSync(definition, dir, { recursive: true });
    bundles.push({ name, dir, sizeBytes: statSync(join(dir, 'index.mjs')).size });
  }
  return bundles;
}

async function bundle(from: string, to: string): Promise<void> {
  await build({
    entryPoints: [from],
    outfile: to,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    minify: true,
    mainFields: ['module', 'main'],
    logLevel: 'warning',
    plugins: [wasmInside],
    // Parts of the SDK are CommonJS and ask for Node's own modules by require.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
}

/** The library for Kafka reads its codecs from a file beside its own, where a bundle has none. */
const wasmInside: Plugin = {
  name: 'wasm-inside',
  setup: (bundle) =>
    bundle.onLoad({ filter: /wasm-utils[\\/]dist[\\/]index\.js$/ }, ({ path }) => {
      const reading = "readFileSync(new URL('../dist/native.wasm', import.meta.url))";
      const text = readFileSync(path, 'utf8');
      if (!text.includes(reading)) throw new Error(`got ${path} without ${reading}, expected it`);
      const wasm = readFileSync(join(dirname(path), 'native.wasm')).toString('base64');
      return { contents: text.replace(reading, `Buffer.from('${wasm}', 'base64')`), loader: 'js' };
    }),
};
