/** Everything MQTT: embedded broker, client, topics, messages, frames, links, keys, fleet files. [docs/protocol.md] */
export * from './client/types.ts';
export * from './errors.ts';
export { type DataType, dataTypes, type FrameKind, frameKinds, RAW_CODEC } from './frame/kinds.ts';
export type { FrameRefusal, MalformedReason, MisplacedReason, UntrustedReason } from './frame/reasons.ts';
export { type IdKind, isId, requireId } from './ids.ts';
export { canonicalJson, type JsonObject, type JsonValue } from './json.ts';
export { generateIdentity, type Identity, identityFromSeed } from './keyring/identity.ts';
export { loadIdentity, saveIdentity } from './keyring/keyfile.ts';
export { createKeyring, type Keyring, type KeyringOptions } from './keyring/keyring.ts';
export * from './link/types.ts';
export { type Log, type LogEvent, silent } from './log.ts';
export type { MessageRefusal, ReceivedMessage } from './messages/envelope.ts';
export {
  createMessenger,
  type Messenger,
  type MessengerNeeds,
  type RawChannel,
  type RawMessage,
} from './messages/messenger.ts';
export type {
  DeviceCommand,
  DeviceProfile,
  DeviceReport,
  DeviceState,
  DeviceTelemetry,
  LinkCredit,
  LinkWindow,
  MessageOf,
  MessageType,
  RunEvent,
  RunMetrics,
  RunPlan,
} from './messages/tables.ts';
export * from './server/types.ts';
export {
  formatTopic,
  MAX_FRAME_PAYLOAD_BYTES,
  type MessageTopic,
  type TopicMessage,
  type TopicName,
  type TopicParams,
  topics,
} from './topics.ts';
// Coming with the next commits, with these signatures:
//   startBroker(options: BrokerOptions): Promise<Broker>
//   connectClient(options: ClientOptions): Promise<Client>
//   createMqttTransport(needs: { identity, keyring, broker: Broker, log?, timeoutMilliseconds? }): Transport
//   createMemoryNetwork(): { transport(needs: { identity, keyring, log?, timeoutMilliseconds? }): Transport }
//   createFleet({ name, boards, hub? }), writeFleet(dir, fleet), readFleet(file), parseFleet(text, file), keyringOf(fleet)
