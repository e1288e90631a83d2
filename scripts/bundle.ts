import { cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

/** A function as it is deployed: one file with the AWS SDK inside. */
export type Bundle = { readonly name: string; readonly dir: string; readonly sizeBytes: number };

/** Bundles every file of `functions/` into a folder of its own, for Node 24, with a definition beside it. */
export async function bundleFunctions(out: string, definition: string): Promise<readonly Bundle[]> {
  const bundles: Bundle[] = [];
  for (const file of readdirSync('functions').toSorted()) {
    const name = basename(file, '.ts');
    const dir = join(out, name);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    await build({
      entryPoints: [join('functions', file)],
      outfile: join(dir, 'index.mjs'),
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      minify: true,
      mainFields: ['module', 'main'],
      logLevel: 'warning',
      // Parts of the SDK are CommonJS and ask for Node's own modules by require.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    });
    cpSync(definition, dir, { recursive: true });
    bundles.push({ name, dir, sizeBytes: statSync(join(dir, 'index.mjs')).size });
  }
  return bundles;
}
