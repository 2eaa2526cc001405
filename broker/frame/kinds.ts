/** What a frame's tensor is; ids are of the wire and never change their meaning. */
export const frameKinds = {
  activation: 1,
  gradient: 2,
  labels: 3,
  'state-down': 4,
  'state-up': 5,
  'state-replica': 6,
} as const;
export type FrameKind = keyof typeof frameKinds;

/** Element types; `bytes` is the size of one element as raw values. */
export const dataTypes = {
  float32: { id: 1, bytes: 4 },
  float16: { id: 2, bytes: 2 },
  int64: { id: 3, bytes: 8 },
  int32: { id: 4, bytes: 4 },
  uint8: { id: 5, bytes: 1 },
  int8: { id: 6, bytes: 1 },
} as const;
export type DataType = keyof typeof dataTypes;

/** Codec 0: the elements as they are, little-endian. Other ids belong to `agent/`'s codecs. */
export const RAW_CODEC = 0;

const kindById = new Map<number, FrameKind>(
  (Object.keys(frameKinds) as FrameKind[]).map((kind) => [frameKinds[kind], kind]),
);
const dataTypeById = new Map<number, DataType>(
  (Object.keys(dataTypes) as DataType[]).map((type) => [dataTypes[type].id, type]),
);

export const frameKindOf = (id: number): FrameKind | undefined => kindById.get(id);
export const dataTypeOf = (id: number): DataType | undefined => dataTypeById.get(id);
