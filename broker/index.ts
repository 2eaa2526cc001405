/** Everything MQTT: embedded broker, client, topics, messages, frames, links, keys, fleet files. [docs/protocol.md] */
export { connectClient } from './client/client.ts';
export * from './client/types.ts';
export * from './errors.ts';
export { FewMap } from './few.ts';
export {
  type CreateFleetOptions,
  createFleet,
  fleetPaths,
  keyringOf,
  type NewFleet,
  writeFleet,
} from './fleet/create.ts';
export { parseFleet, readFleet } from './fleet/parse.ts';
export { renderFleet } from './fleet/render.ts';
export { DEFAULT_HUB, type Fleet, type FleetBoard, type FleetHub } from './fleet/types.ts';
export { giveViewer } from './fleet/viewer.ts';
export { type Opened, openFrame, type ParsedFrame, parseFrame } from './frame/decode.ts';
export { type DigestName, preferredDigest, readPreferredDigest } from './frame/digest.ts';
export { createFrame, type FrameMeter, type OpenFrame, sealFrame } from './frame/encode.ts';
export { chunkRange, chunksOf, type FrameHeader } from './frame/header.ts';
export { type DataType, dataTypes, type FrameKind, frameKinds, RAW_CODEC } from './frame/kinds.ts';
export type { FrameRefusal, MalformedReason, MisplacedReason, UntrustedReason } from './frame/reasons.ts';
export { type IdKind, isId, requireId } from './ids.ts';
export { canonicalJson, type JsonObject, type JsonValue } from './json.ts';
export { generateIdentity, type Identity, identityFromSeed } from './keyring/identity.ts';
export { loadIdentity, saveIdentity } from './keyring/keyfile.ts';
export { createKeyring, type Keyring, type KeyringOptions } from './keyring/keyring.ts';
export { newViewerPassword, VIEWER, viewerDigest } from './keyring/viewer.ts';
export { defaultCredits } from './link/credits.ts';
export { createMemoryNetwork, type MemoryNetwork } from './link/memory.ts';
export {
  createMqttTransport,
  createRelayTransport,
  type MqttTransportNeeds,
  type RelayTransportNeeds,
} from './link/mqtt.ts';
export type { TransportNeeds } from './link/transport.ts';
export * from './link/types.ts';
export { type Log, type LogEvent, silent } from './log.ts';
export type { Diversion, PayloadSink, RawChannel, RawMessage, RawPayload } from './messages/channel.ts';
export type { MessageRefusal, Position, ReceivedMessage } from './messages/envelope.ts';
export { createMessenger, type Messenger, type MessengerNeeds } from './messages/messenger.ts';
export type {
  DeviceCommand,
  DeviceProfile,
  DeviceReport,
  DeviceService,
  DeviceStage,
  DeviceState,
  DeviceTelemetry,
  LinkProbe,
  LinkStatus,
  LinkWindow,
  MessageOf,
  MessageType,
  RunEvent,
  RunMetrics,
  RunPlan,
} from './messages/tables.ts';
export { startBroker } from './server/broker.ts';
export { defaultLimits } from './server/limits.ts';
export { createToken, formatClientId, watchingPurpose } from './server/token.ts';
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
export { unlessAborted, waitFor } from './wait.ts';
