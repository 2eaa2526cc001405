import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const source = join(import.meta.dirname, 'kernel.ts');
const target = join(import.meta.dirname, '..', 'kernel', 'wasm-bytes.ts');

/** Compiles the kernel; always to the same bytes, with one version of the compiler. @throws with what it printed */
export async function compileKernel(): Promise<Uint8Array> {
  const text = await readFile(source, 'utf8');
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    ['kernel.ts', '--outFile', 'kernel.wasm', '-O3', '--converge', '--noAssert', '--runtime', 'stub'].concat([
      '--enable',
      'simd',
      '--initialMemory',
      '1',
      '--maximumMemory',
      '1',
    ]),
    {
      readFile: (name) => (name === 'kernel.ts' ? text : null),
      writeFile(name, contents) {
        if (name === 'kernel.wasm') wasm = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || wasm === undefined) throw new Error(`the kernel does not compile: ${stderr.toString()}`);
  return wasm;
}

if (import.meta.main) {
  const base64 = Buffer.from(await compileKernel()).toString('base64');
  const lines = base64.match(/.{1,110}/g)!.map((line) => `  '${line}'`);
  const head = '// Made from ../assembly/kernel.ts by `npm run build:codec`; a test compiles it again and compares.\n';
  await writeFile(target, `${head}export const wasmBase64 = [\n${lines.join(',\n')},\n].join('');\n`);
}
