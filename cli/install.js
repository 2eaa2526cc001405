/**
 * Runs after `npm ci` in a clone, under any Node ≥ 20, and does two things that npm leaves undone:
 * - npm links the commands of dependencies, not the package's own: `npx flotilla` needs the link;
 * - an npm that does not run the install script of the package `node` leaves it without its program.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const modules = join(root, 'node_modules');

if (process.platform !== 'win32') {
  const link = join(modules, '.bin', 'flotilla');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(join('..', '..', 'cli', 'flotilla.js'), link);
}

const node = join(modules, 'node');
if (existsSync(join(node, 'package.json')) && !existsSync(join(node, 'bin', 'node'))) {
  execFileSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: node, stdio: 'inherit' });
}
