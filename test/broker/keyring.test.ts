import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import nacl from 'tweetnacl';
import { createKeyring, generateIdentity, identityFromSeed, loadIdentity, saveIdentity } from '../../broker/index.ts';
import { publicKeyOf, verifyBytes } from '../../broker/keyring/signature.ts';
import { seedOf } from './helpers.ts';

const message = Buffer.from('one micro-batch');

test('a seed gives the public key of RFC 8032', (t) => {
  // RFC 8032 §7.1, test 1.
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
  const identity = identityFromSeed('pi-1', seed);
  t.is(
    Buffer.from(identity.publicKey).toString('hex'),
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
  t.true(
    identity
      .sign(new Uint8Array(0))
      .toString('hex')
      .startsWith('e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155'),
  );
});

test('tweetnacl accepts what node:crypto signs, and the other way round', (t) => {
  const identity = generateIdentity('pi-1');
  t.true(nacl.sign.detached.verify(message, identity.sign(message), identity.publicKey));
  const pair = nacl.sign.keyPair.fromSeed(identity.exportSeed());
  t.deepEqual(pair.publicKey, identity.publicKey);
  t.true(verifyBytes(publicKeyOf(identity.publicKey), message, nacl.sign.detached(message, pair.secretKey)));
});

test('a keyring names why a signature is not believed', (t) => {
  const one = generateIdentity('pi-1');
  const hub = generateIdentity('hub');
  const keyring = createKeyring({
    fleet: 'lab',
    hub: 'hub',
    keys: [one, hub].map(({ id, publicKey }) => [id, publicKey] as const),
  });
  t.is(keyring.verify('pi-1', message, one.sign(message)), null);
  t.is(keyring.verify('hub', message, one.sign(message)), 'bad-signature');
  t.is(keyring.verify('pi-1', message, new Uint8Array(3)), 'bad-signature');
  t.is(keyring.verify('pi-9', message, one.sign(message)), 'unknown-sender');
  keyring.revoke('pi-1');
  t.is(keyring.verify('pi-1', message, one.sign(message)), 'revoked-sender');
});

test('an identity does not show its seed when it is printed', (t) => {
  const identity = identityFromSeed('pi-1', seedOf(7));
  t.false(JSON.stringify(identity).includes(Buffer.from(seedOf(7)).toString('base64')));
});

test('bad ids, seeds and keys are named errors', (t) => {
  t.throws(() => identityFromSeed('Pi 1', seedOf(1)), { code: 'INVALID_ID', message: /"Pi 1"/ });
  t.throws(() => identityFromSeed('pi-1', new Uint8Array(31)), { code: 'INVALID_ID', message: /31/ });
  t.throws(() => createKeyring({ fleet: 'lab', hub: 'hub', keys: [['hub', new Uint8Array(5)]] }), {
    code: 'INVALID_ID',
    message: /public key length of hub 5/,
  });
  t.throws(() => createKeyring({ fleet: 'lab', hub: 'hub', keys: [] }), { code: 'INVALID_ID', message: /hub/ });
});

test('a key file keeps the key, and only for its owner', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'flotilla-key-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = join(directory, 'pi-1.key');
  const identity = generateIdentity('pi-1');
  await saveIdentity(file, identity);
  t.is((await stat(file)).mode & 0o777, 0o600);
  const loaded = await loadIdentity(file, 'pi-1');
  t.is(loaded.id, 'pi-1');
  t.deepEqual(loaded.exportSeed(), identity.exportSeed());

  await t.throwsAsync(loadIdentity(file, 'pi-2'), { code: 'KEY_FILE_INVALID', message: /holds the key of pi-1/ });
  const whole = await readFile(file, 'utf8');
  await writeFile(file, whole.slice(0, 30));
  await t.throwsAsync(loadIdentity(file), { code: 'KEY_FILE_INVALID', message: /not a Flotilla key file/ });
  await chmod(file, 0o644);
  await t.throwsAsync(loadIdentity(file), { code: 'KEY_FILE_INVALID', message: /chmod 600/ });
  await t.throwsAsync(loadIdentity(join(directory, 'none.key')), { code: 'KEY_FILE_INVALID', message: /none\.key/ });
});
