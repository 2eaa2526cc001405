import type { Fleet } from './types.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/**
 * The text of a fleet file. Every value is of a form that YAML takes as it stands; ids and addresses are quoted,
 * because `12` or `1e3` are ids here and numbers there.
 */
export function renderFleet({ name, hub, boards, revoked, viewer }: Fleet): string {
  const lines = [
    `# The fleet "${name}": its boards and their public keys. Private keys lie in ${name}.keys/; keep them secret.`,
    'version: 1',
    `name: "${name}"`,
    'hub:',
    `  id: "${hub.id}"`,
    `  address: "${hub.address}"`,
    `  port: ${hub.port}`,
    `  publicKey: "${base64(hub.publicKey)}"`,
    boards.length === 0 ? 'boards: []' : 'boards:',
    ...boards.flatMap(({ id, publicKey, address, port }) => [
      `  - id: "${id}"`,
      `    publicKey: "${base64(publicKey)}"`,
      ...(address === undefined ? [] : [`    address: "${address}"`]),
      ...(port === undefined ? [] : [`    port: ${port}`]),
    ]),
    ...(revoked.length === 0 ? [] : ['revoked:', ...revoked.map((id) => `  - "${id}"`)]),
    ...(viewer === undefined ? [] : [`viewer: "${base64(viewer)}"`]),
  ];
  return `${lines.join('\n')}\n`;
}
