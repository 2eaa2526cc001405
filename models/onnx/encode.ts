import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { attributeCode, dataTypeCode, field, irVersion } from './fields.ts';
import type { OnnxAttribute, OnnxInitializer, OnnxModel, OnnxNode, OnnxValue } from './types.ts';

/**
 * The bytes of an ONNX file. Tensors are written as raw little-endian data. The graph comes last (fields may stand in
 * any order), so that a file that is cut short anywhere has no whole graph.
 */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = new BinaryWriter();
  integer(writer, field.model.irVersion, irVersion);
  text(writer, field.model.producerName, 'flotilla');
  for (const [domain, version] of Object.entries(model.opsets)) {
    message(writer, field.model.opsetImport, (opset) => {
      text(opset, field.opset.domain, domain);
      integer(opset, field.opset.version, version);
    });
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    message(writer, field.model.metadata, (entry) => {
      text(entry, field.entry.key, key);
      text(entry, field.entry.value, value);
    });
  }
  message(writer, field.model.graph, (graph) => writeGraph(graph, model));
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, model: OnnxModel): void {
  for (const node of model.nodes) message(writer, field.graph.node, (inner) => writeNode(inner, node));
  text(writer, field.graph.name, model.name);
  for (const tensor of model.initializers) {
    message(writer, field.graph.initializer, (inner) => writeInitializer(inner, tensor));
  }
  for (const input of model.inputs) message(writer, field.graph.input, (inner) => writeValue(inner, input));
  for (const output of model.outputs) message(writer, field.graph.output, (inner) => writeValue(inner, output));
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const input of node.inputs) text(writer, field.node.input, input);
  for (const output of node.outputs) text(writer, field.node.output, output);
  text(writer, field.node.name, node.name);
  text(writer, field.node.op, node.op);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, field.node.attribute, (inner) => writeAttribute(inner, name, attribute));
  }
  if (node.domain !== '') text(writer, field.node.domain, node.domain);
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: OnnxAttribute): void {
  text(writer, field.attribute.name, name);
  integer(writer, field.attribute.type, attributeCode[attribute.kind]);
  switch (attribute.kind) {
    case 'int':
      integer(writer, field.attribute.int, attribute.value);
      return;
    case 'float':
      writer.tag(field.attribute.float, WireType.Bit32).float(attribute.value);
      return;
    case 'string':
      text(writer, field.attribute.string, attribute.value);
      return;
    case 'ints':
      for (const value of attribute.value) integer(writer, field.attribute.ints, value);
      return;
    case 'floats':
      for (const value of attribute.value) writer.tag(field.attribute.floats, WireType.Bit32).float(value);
      return;
    default:
      attribute satisfies never;
  }
}

function writeInitializer(writer: BinaryWriter, { name, dataType, shape, data }: OnnxInitializer): void {
  for (const size of shape) integer(writer, field.tensor.dims, size);
  integer(writer, field.tensor.dataType, dataTypeCode[dataType]);
  text(writer, field.tensor.name, name);
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  writer.tag(field.tensor.rawData, WireType.LengthDelimited).bytes(raw);
}

function writeValue(writer: BinaryWriter, { name, dataType, shape }: OnnxValue): void {
  text(writer, field.value.name, name);
  message(writer, field.value.type, (type) =>
    message(type, field.type.tensor, (tensor) => {
      integer(tensor, field.tensorType.elementType, dataTypeCode[dataType]);
      message(tensor, field.tensorType.shape, (dimensions) => {
        for (const size of shape) message(dimensions, field.shape.dimension, (inner) => writeDimension(inner, size));
      });
    }),
  );
}

function writeDimension(writer: BinaryWriter, size: number | string): void {
  if (typeof size === 'string') text(writer, field.dimension.parameter, size);
  else integer(writer, field.dimension.value, size);
}

function message(writer: BinaryWriter, number: number, write: (inner: BinaryWriter) => void): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, number: number, value: number): void {
  writer.tag(number, WireType.Varint).int64(value);
}
