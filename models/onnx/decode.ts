import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { OnnxFormatError } from '../errors.ts';
import { type DataType, elementCount } from '../graph/types.ts';
import { attributeCode, dataTypeCode, field } from './fields.ts';
import type { OnnxAttribute, OnnxInitializer, OnnxModel, OnnxNode, OnnxValue } from './types.ts';

/**
 * Reads an ONNX file as far as Flotilla writes one: raw or typed float32, int64 and bool tensors, scalar and list
 * attributes. Fields that are not known are passed over.
 *
 * @throws OnnxFormatError for bytes that are not such a file
 */
export function decodeOnnx(bytes: Uint8Array): OnnxModel {
  try {
    // A Buffer's slice shares memory where a Uint8Array's copies: take the plain view.
    return readModel(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    if (error instanceof OnnxFormatError) throw error;
    throw new OnnxFormatError(`the ${bytes.length} bytes are not an ONNX file, or it is cut short`);
  }
}

type Handlers = Readonly<Record<number, (reader: BinaryReader, wire: WireType) => void>>;

/** Reads one message; a length that leads past the end makes the reader throw. */
function readMessage(bytes: Uint8Array, handlers: Handlers): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const handler = handlers[number];
    if (handler === undefined) reader.skip(wire, number);
    else handler(reader, wire);
  }
}

function readModel(bytes: Uint8Array): OnnxModel {
  let graph: Omit<OnnxModel, 'opsets' | 'metadata'> | undefined;
  const opsets: Record<string, number> = {};
  const metadata: Record<string, string> = {};
  readMessage(bytes, {
    [field.model.graph]: (reader) => {
      graph = readGraph(reader.bytes());
    },
    [field.model.opsetImport]: (reader) => {
      let domain = '';
      let version = 0;
      readMessage(reader.bytes(), {
        [field.opset.domain]: (inner) => {
          domain = inner.string();
        },
        [field.opset.version]: (inner) => {
          version = Number(inner.int64());
        },
      });
      opsets[domain] = version;
    },
    [field.model.metadata]: (reader) => {
      let key = '';
      let value = '';
      readMessage(reader.bytes(), {
        [field.entry.key]: (inner) => {
          key = inner.string();
        },
        [field.entry.value]: (inner) => {
          value = inner.string();
        },
      });
      metadata[key] = value;
    },
  });
  if (graph === undefined) throw new OnnxFormatError('it holds no graph');
  return { ...graph, opsets, metadata };
}

function readGraph(bytes: Uint8Array): Omit<OnnxModel, 'opsets' | 'metadata'> {
  let name = '';
  const nodes: OnnxNode[] = [];
  const initializers: OnnxInitializer[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  readMessage(bytes, {
    [field.graph.name]: (reader) => {
      name = reader.string();
    },
    [field.graph.node]: (reader) => nodes.push(readNode(reader.bytes())),
    [field.graph.initializer]: (reader) => initializers.push(readInitializer(reader.bytes())),
    [field.graph.input]: (reader) => inputs.push(readValue(reader.bytes())),
    [field.graph.output]: (reader) => outputs.push(readValue(reader.bytes())),
  });
  return { name, nodes, initializers, inputs, outputs };
}

function readNode(bytes: Uint8Array): OnnxNode {
  const node = { op: '', domain: '', name: '', inputs: [] as string[], outputs: [] as string[] };
  const attributes: Record<string, OnnxAttribute> = {};
  readMessage(bytes, {
    [field.node.input]: (reader) => node.inputs.push(reader.string()),
    [field.node.output]: (reader) => node.outputs.push(reader.string()),
    [field.node.name]: (reader) => {
      node.name = reader.string();
    },
    [field.node.op]: (reader) => {
      node.op = reader.string();
    },
    [field.node.domain]: (reader) => {
      node.domain = reader.string();
    },
    [field.node.attribute]: (reader) => {
      const [name, attribute] = readAttribute(reader.bytes());
      attributes[name] = attribute;
    },
  });
  return { ...node, attributes };
}

function readAttribute(bytes: Uint8Array): [string, OnnxAttribute] {
  let name = '';
  let code = 0;
  let scalar = 0;
  let text = '';
  const list: number[] = [];
  readMessage(bytes, {
    [field.attribute.name]: (reader) => {
      name = reader.string();
    },
    [field.attribute.type]: (reader) => {
      code = reader.int32();
    },
    [field.attribute.int]: (reader) => {
      scalar = Number(reader.int64());
    },
    [field.attribute.float]: (reader) => {
      scalar = reader.float();
    },
    [field.attribute.string]: (reader) => {
      text = reader.string();
    },
    [field.attribute.ints]: (reader, wire) => readRepeated(reader, wire, (one) => list.push(Number(one.int64()))),
    [field.attribute.floats]: (reader, wire) => readRepeated(reader, wire, (one) => list.push(one.float())),
  });
  const kind = (Object.keys(attributeCode) as OnnxAttribute['kind'][]).find((each) => attributeCode[each] === code);
  if (kind === undefined)
    throw new OnnxFormatError(`attribute '${name}' is of a kind (${code}) that is not known here`);
  if (kind === 'string') return [name, { kind, value: text }];
  if (kind === 'ints' || kind === 'floats') return [name, { kind, value: list }];
  return [name, { kind, value: scalar }];
}

/** Repeated numbers come one by one or packed into one run of bytes; both are legal. */
function readRepeated(reader: BinaryReader, wire: WireType, readOne: (reader: BinaryReader) => void): void {
  if (wire !== WireType.LengthDelimited) {
    readOne(reader);
    return;
  }
  const packed = new BinaryReader(reader.bytes());
  while (packed.pos < packed.len) readOne(packed);
}

function dataTypeOf(code: number, where: string): DataType {
  const found = (Object.keys(dataTypeCode) as DataType[]).find((each) => dataTypeCode[each] === code);
  if (found === undefined) throw new OnnxFormatError(`${where} has element type ${code}, which is not known here`);
  return found;
}

function readInitializer(bytes: Uint8Array): OnnxInitializer {
  let name = '';
  let code = 0;
  let raw: Uint8Array | undefined;
  const shape: number[] = [];
  const floats: number[] = [];
  const integers: bigint[] = [];
  readMessage(bytes, {
    [field.tensor.name]: (reader) => {
      name = reader.string();
    },
    [field.tensor.dataType]: (reader) => {
      code = reader.int32();
    },
    [field.tensor.dims]: (reader, wire) => readRepeated(reader, wire, (one) => shape.push(Number(one.int64()))),
    [field.tensor.rawData]: (reader) => {
      raw = reader.bytes();
    },
    [field.tensor.floatData]: (reader, wire) => readRepeated(reader, wire, (one) => floats.push(one.float())),
    [field.tensor.int64Data]: (reader, wire) => readRepeated(reader, wire, (one) => integers.push(BigInt(one.int64()))),
  });
  const dataType = dataTypeOf(code, `tensor '${name}'`);
  const checked = <Data extends OnnxInitializer['data']>(data: Data): Data => {
    if (data.length === elementCount(shape)) return data;
    throw new OnnxFormatError(`tensor '${name}' of shape [${shape.join(', ')}] holds ${data.length} values`);
  };
  // A copy: the bytes of a tensor may start anywhere in the file, typed arrays only at multiples of their size.
  const buffer = raw === undefined ? undefined : raw.slice().buffer;
  switch (dataType) {
    case 'float32':
      return { name, dataType, shape, data: checked(buffer ? new Float32Array(buffer) : Float32Array.from(floats)) };
    case 'int64':
      return {
        name,
        dataType,
        shape,
        data: checked(buffer ? new BigInt64Array(buffer) : BigInt64Array.from(integers)),
      };
    case 'bool':
      return { name, dataType, shape, data: checked(new Uint8Array(buffer ?? new ArrayBuffer(0))) };
    default:
      return dataType satisfies never;
  }
}

function readValue(bytes: Uint8Array): OnnxValue {
  let name = '';
  let code = 0;
  const shape: (number | string)[] = [];
  const readDimension = (reader: BinaryReader) => {
    let size: number | string = 0;
    readMessage(reader.bytes(), {
      [field.dimension.value]: (inner) => {
        size = Number(inner.int64());
      },
      [field.dimension.parameter]: (inner) => {
        size = inner.string();
      },
    });
    shape.push(size);
  };
  const readTensorType = (reader: BinaryReader) =>
    readMessage(reader.bytes(), {
      [field.tensorType.elementType]: (inner) => {
        code = inner.int32();
      },
      [field.tensorType.shape]: (inner) => readMessage(inner.bytes(), { [field.shape.dimension]: readDimension }),
    });
  readMessage(bytes, {
    [field.value.name]: (reader) => {
      name = reader.string();
    },
    [field.value.type]: (reader) => readMessage(reader.bytes(), { [field.type.tensor]: readTensorType }),
  });
  return { name, dataType: dataTypeOf(code, `value '${name}'`), shape };
}
