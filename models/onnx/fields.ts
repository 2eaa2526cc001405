import type { DataType } from '../graph/types.ts';
import type { OnnxAttribute } from './types.ts';

/** Field numbers of onnx.proto3 (IR version 9), only the ones that are written or read here. */
export const field = {
  model: { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, metadata: 14 },
  entry: { key: 1, value: 2 },
  opset: { domain: 1, version: 2 },
  graph: { node: 1, name: 2, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, name: 3, op: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, float: 2, int: 3, string: 4, floats: 7, ints: 8, type: 20 },
  tensor: { dims: 1, dataType: 2, floatData: 4, int64Data: 7, name: 8, rawData: 9 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elementType: 1, shape: 2 },
  shape: { dimension: 1 },
  dimension: { value: 1, parameter: 2 },
} as const;

export const irVersion = 9;

export const dataTypeCode = { float32: 1, int64: 7, bool: 9 } as const satisfies Record<DataType, number>;

export const attributeCode = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const satisfies Record<
  OnnxAttribute['kind'],
  number
>;
