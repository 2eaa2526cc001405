import { createSecretKey } from 'node:crypto';
import test from 'ava';
import { sealHead } from '../../broker/frame/encode.ts';
import { at, tagFields } from '../../broker/frame/layout.ts';
import { tagging } from '../../broker/frame/proof.ts';
import { type FrameHeader, openFrame } from '../../broker/index.ts';
import { windowOf } from '../../broker/link/credits.ts';
import { createIntake } from '../../broker/link/intake.ts';
import { SessionAnswers } from '../../broker/link/session-answers.ts';
import { type SessionOffer, SessionOffers } from '../../broker/link/session-offers.ts';
import { createSessionPair, type SessionKeys, type SessionPlace } from '../../broker/session/agreement.ts';
import { noSessions, SessionBook } from '../../broker/session/book.ts';
import { fuzzRounds } from '../fuzz.ts';
import { randomFrom, testFleet, testHeader } from './helpers.ts';

const fleet = testFleet();
const { keyring } = fleet;
const INCARNATION = 1_700_000_000_000;
const place: SessionPlace = {
  ...{ fleet: 'lab', from: 'pi-1', to: 'pi-2', run: 'run-1' },
  ...{ incarnation: INCARNATION, number: 9 },
};
const keysOf = (byte: number): SessionKeys => ({
  head: createSecretKey(Buffer.alloc(32, byte)),
  payload: createSecretKey(Buffer.alloc(32, byte + 1)),
  status: createSecretKey(Buffer.alloc(32, byte + 2)),
});
const bytesOf = (keys: SessionKeys | null): string[] =>
  keys === null ? [] : [keys.head, keys.payload, keys.status].map((key) => key.export().toString('hex'));

const payload = Buffer.from(Float32Array.of(1, -2).buffer);
const bookOf = (keys: SessionKeys, number = 9, incarnation = INCARNATION) => {
  const book = new SessionBook();
  book.add({ incarnation, number }, keys);
  return book.find;
};
const sessions = bookOf(keysOf(5));

/** A frame that is tagged; by default with the keys and under the number that `sessions` knows. */
function tagged(overrides: Partial<FrameHeader> = {}, keys = keysOf(5), number = 9): Buffer {
  const header = testHeader(overrides);
  return Buffer.concat([sealHead(payload, header, tagging(keys, number)), payload]);
}

const reasonOf = (bytes: Buffer, find = sessions, keys = keyring): string => {
  const opened = openFrame(bytes, keys, find);
  return opened.ok ? 'ok' : opened.reason;
};

test('both ends of a link agree on the same keys, and on others for any other place', (t) => {
  const [sender, receiver] = [createSessionPair('sender'), createSessionPair('receiver')];
  const agreed = bytesOf(sender.agree(receiver.publicKey, place));
  t.is(new Set(agreed).size, 3);
  t.deepEqual(bytesOf(receiver.agree(sender.publicKey, place)), agreed);
  const others: readonly Partial<SessionPlace>[] = [
    ...[{ fleet: 'bay' }, { from: 'pi-3' }, { to: 'pi-3' }, { run: 'run-2' }],
    ...[{ incarnation: INCARNATION + 1 }, { number: 10 }],
  ];
  for (const other of others) {
    const changed = bytesOf(receiver.agree(sender.publicKey, { ...place, ...other }));
    t.false(
      changed.some((key) => agreed.includes(key)),
      JSON.stringify(other),
    );
  }
  // The roles are bound too: a sender's key reflected to it makes no session.
  t.notDeepEqual(bytesOf(createSessionPair('receiver').agree(sender.publicKey, place)), agreed);
});

test('what is no key, and a point whose secret everybody knows, are not agreed on', (t) => {
  const pair = createSessionPair('receiver');
  const bad = ['', 'garbage', Buffer.alloc(31, 1).toString('base64'), `${createSessionPair('sender').publicKey} `];
  // RFC 7748 §6.1: points of small order give zeros.
  const small = [Buffer.alloc(32), Buffer.from([1, ...new Array(31).fill(0)])].map((bytes) => bytes.toString('base64'));
  for (const key of [...bad, ...small]) t.is(pair.agree(key, place), null, key);
});

test('a tagged frame is these very bytes', (t) => {
  const frame = tagged();
  // Computed in Python from RFC 8439 and RFC 2104, not by the code under test.
  t.is(frame.toString('hex', tagFields.tag, tagFields.counter), '95e81addeaf0d5056e63e09e6ed124d0');
  t.is(frame.toString('hex', tagFields.counter, tagFields.session + 4), '010000000000000009000000');
  t.is(
    frame.toString('hex', at.signature, at.payload),
    `7333bea0240bde92f42a80327d280c8ea6724170cc6e935650f3901d28285bb8${'00'.repeat(32)}`,
  );
  t.is(frame[at.digest], 3);
  t.is(reasonOf(frame), 'ok');
});

test('no two frames of a session share a counter', (t) => {
  const proof = tagging(keysOf(5), 9);
  const counters = Array.from({ length: 50 }, () =>
    sealHead(payload, testHeader(), proof).readBigUInt64LE(tagFields.counter),
  );
  t.is(new Set(counters).size, 50);
});

test('a tagged frame with any one byte flipped is refused', (t) => {
  const frame = tagged();
  for (let index = 0; index < frame.length; index += 1) {
    for (const bits of [1, 0x80, 0xff]) {
      const altered = Buffer.from(frame);
      altered[index] = altered[index]! ^ bits;
      t.not(reasonOf(altered), 'ok', `byte ${index}`);
    }
  }
});

const ROUNDS = fuzzRounds(100_000);

test(`${ROUNDS} mutated tagged frames neither throw nor pass`, (t) => {
  const random = randomFrom(20_261_127);
  const original = tagged();
  for (let round = 0; round < ROUNDS; round += 1) {
    const mutant = Buffer.from(original);
    for (let change = Math.floor(random() * 4); change >= 0; change -= 1) {
      const start = random() < 0.5 ? at.payloadDigest : 0;
      mutant[start + Math.floor(random() * (mutant.length - start))] = Math.floor(random() * 256);
    }
    if (!mutant.equals(original) && reasonOf(mutant) === 'ok') t.fail(`accepted ${mutant.toString('hex')}`);
  }
  t.pass();
});

test('each way of being wrong has its reason', (t) => {
  const edited = (edit: (frame: Buffer) => unknown): Buffer => {
    const frame = tagged();
    edit(frame);
    return frame;
  };
  const { keyring: without } = testFleet();
  without.revoke('pi-1');
  const wrong: readonly [reason: string, found: string][] = [
    ['bad-digest', reasonOf(edited((f) => f.writeUInt8(0, at.payload + 3)))],
    ['bad-signature', reasonOf(edited((f) => f.writeUInt8(1, at.signature)))],
    ['bad-signature', reasonOf(edited((f) => f.writeUInt32LE(4, at.term)))],
    ['bad-signature', reasonOf(edited((f) => f.writeUInt8(2, tagFields.counter)))],
    ['bad-padding', reasonOf(edited((f) => f.writeUInt8(1, tagFields.session + 4)))],
    ['bad-padding', reasonOf(edited((f) => f.writeUInt8(1, at.payload - 1)))],
    ['bad-number', reasonOf(edited((f) => f.writeUInt8(0x20, tagFields.counter + 6)))],
    ['unknown-session', reasonOf(edited((f) => f.writeUInt8(8, tagFields.session)))],
    ['unknown-session', reasonOf(tagged({ incarnation: INCARNATION + 1 }))],
    ['unknown-session', reasonOf(tagged(), noSessions)],
    ['bad-signature', reasonOf(tagged({}, keysOf(7)))],
    ['other-fleet', reasonOf(tagged({ fleet: 'bay' }))],
    ['unknown-sender', reasonOf(tagged({ from: 'stranger' }))],
    ['revoked-sender', reasonOf(tagged(), sessions, without)],
  ];
  for (const [index, [reason, found]] of wrong.entries()) t.is(found, reason, `case ${index}`);
});

test('replay, terms and places are judged of tagged frames as of signed ones', (t) => {
  const intake = createIntake({
    ...{ from: 'pi-1', to: 'pi-2', run: 'run-1', term: 3, maxTensorBytes: 100 },
    trust: { keyring, sessions },
    window: windowOf(100, { activation: 1 }),
    memory: { take: (bytes) => new ArrayBuffer(bytes), giveBack: () => {} },
    meter: { copy: 0, digest: 0, sign: 0, verify: 0 },
  });
  const take = (frame: Buffer): string => {
    const outcome = intake.take(frame);
    return outcome.result === 'refused' ? outcome.reason : outcome.result;
  };
  const first = tagged();
  t.is(take(first), 'tensor');
  t.is(take(first), 'replayed');
  t.is(take(tagged({ sequence: 6, microBatch: 5 })), 'replayed');
  t.is(take(tagged({ sequence: 8 })), 'duplicate');
  t.is(take(tagged({ sequence: 9, microBatch: 2 })), 'no-credit');
  t.is(take(tagged({ sequence: 10, kind: 'gradient', term: 2 })), 'older-term');
  t.is(take(tagged({ sequence: 11, kind: 'gradient', term: 4 })), 'newer-term');
  t.is(take(tagged({ to: 'pi-3' })), 'other-link');
  t.is(take(tagged({ sequence: 12, kind: 'gradient', run: 'run-2' })), 'other-run');
  // Where the head comes first, it is believed before any memory is taken, and the payload before it counts.
  const next = tagged({ sequence: 13, kind: 'gradient' });
  const forged = Buffer.from(next);
  forged.writeUInt8(1, at.signature);
  t.is(intake.begin(forged.subarray(0, at.payload), payload.length), null);
  for (const [bytes, result] of [
    [Buffer.alloc(payload.length), 'refused'],
    [payload, 'tensor'],
  ] as const) {
    const arrival = intake.begin(next.subarray(0, at.payload), payload.length);
    arrival?.write(bytes.subarray(0, 3));
    arrival?.write(bytes.subarray(3));
    t.is(arrival?.end().result, result);
  }
});

interface Ends {
  readonly offers: SessionOffers;
  readonly answers: SessionAnswers;
  readonly published: SessionOffer[];
}

function ends(incarnation = INCARNATION): Ends {
  const link = { fleet: 'lab', from: 'pi-1', to: 'pi-2', run: 'run-1' };
  const published: SessionOffer[] = [];
  const signed = { digest: 'sha256', digestOf: () => Buffer.alloc(32), sign: () => Buffer.alloc(64) } as const;
  const publish = (offer: SessionOffer): void => void published.push(offer);
  return {
    offers: new SessionOffers({ place: { ...link, incarnation }, signing: signed, publish }),
    answers: new SessionAnswers(link),
    published,
  };
}

test('a sender signs until its receiver says that it knows the session, and again when it no longer does', (t) => {
  const { offers, answers, published } = ends();
  offers.answer(answers.publicKey);
  offers.answer(answers.publicKey);
  t.is(published.length, 1);
  offers.hear(answers.known(INCARNATION).session);
  t.is(offers.proof.digest, 'sha256');
  offers.repeat();
  t.deepEqual(published[1], published[0]);
  answers.take({ ...published[0]!, incarnation: INCARNATION });
  t.deepEqual(answers.known(INCARNATION), { session: 1 });
  t.deepEqual(answers.known(INCARNATION + 1), {});
  offers.hear(answers.known(INCARNATION).session);
  t.is(offers.proof.digest, 'poly1305');
  const frame = Buffer.concat([sealHead(payload, testHeader(), offers.proof), payload]);
  t.is(reasonOf(frame, answers.find), 'ok');

  // Another receiver follows: its key is another, so it knows nothing of the session before.
  const next = new SessionAnswers({ fleet: 'lab', from: 'pi-1', to: 'pi-2', run: 'run-1' });
  next.take({ ...published[0]!, incarnation: INCARNATION });
  t.deepEqual(next.known(INCARNATION), {});
  offers.hear(undefined);
  t.is(offers.proof.digest, 'sha256');
  offers.answer(next.publicKey);
  t.is(published.at(-1)!.number, 2);
  t.not(published.at(-1)!.key, published[0]!.key);
});

test('statuses carry a tag once the session is known, and a tag of another session or of a revoked board is refused', (t) => {
  const { offers, answers, published } = ends();
  const { keyring: own } = testFleet();
  const signer = answers.statusSigner(fleet.identity('pi-2'), () => INCARNATION);
  const verifier = offers.statusVerifier(own);
  const bytes = Buffer.from('a status');
  t.is(signer.sign(bytes).length, 64);
  t.is(verifier.verify('pi-2', bytes, signer.sign(bytes)), null);
  t.is(verifier.verify('pi-2', bytes, Buffer.alloc(32)), 'bad-signature');
  offers.answer(answers.publicKey);
  answers.take({ ...published[0]!, incarnation: INCARNATION });
  const tag = signer.sign(bytes);
  t.is(tag.length, 32);
  t.is(verifier.verify('pi-2', bytes, tag), null);
  t.is(verifier.verify('pi-2', Buffer.from('a state '), tag), 'bad-signature');
  t.is(verifier.verify('stranger', bytes, tag), 'unknown-sender');
  const other = ends();
  other.offers.answer(other.answers.publicKey);
  t.is(other.offers.statusVerifier(own).verify('pi-2', bytes, tag), 'bad-signature');
  own.revoke('pi-2');
  t.is(verifier.verify('pi-2', bytes, tag), 'revoked-sender');
});

test('an offer is taken once, an older one never, and the session before stays for what is under way', (t) => {
  const { answers, published, offers } = ends();
  offers.answer(answers.publicKey);
  const [first] = published;
  const offer = (number: number, incarnation = INCARNATION): void =>
    answers.take({ number, key: createSessionPair('sender').publicKey, answers: answers.publicKey, incarnation });
  answers.take({ ...first!, incarnation: INCARNATION });
  const keys = answers.find({ incarnation: INCARNATION, number: 1 });
  offer(1);
  t.is(answers.find({ incarnation: INCARNATION, number: 1 }), keys);
  offer(2);
  t.is(answers.find({ incarnation: INCARNATION, number: 1 }), keys);
  offer(1, INCARNATION + 1);
  t.is(answers.find({ incarnation: INCARNATION, number: 1 }), undefined);
  offer(3);
  t.is(answers.find({ incarnation: INCARNATION, number: 3 }), undefined);
  t.deepEqual(answers.known(INCARNATION + 1), { session: 1 });
});
