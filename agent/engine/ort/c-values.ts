import { OnnxRuntimeError } from '../errors.ts';
import { made, type OrtLibrary, type Pointer } from './c-interface.ts';
import type { Tensor } from './session.ts';

// Of the enumerations in onnxruntime_c_api.h.
const deviceAllocator = 0;
const defaultMemory = 0;
const float32 = 1;
const int64 = 7;

/** Values of the library over memory of ours, and copies of values that lie in its own. */
export interface OrtValues {
  /** A value over a tensor's memory, which must not go before the value has been released. */
  over(tensor: Tensor): Pointer;
  copy(value: Pointer): Tensor;
}

/**
 * Values are made for a run and released after it: 0.4 µs each, and nothing has to be known about how long a tensor's
 * memory lives. To look a value up that was kept would take half as long.
 */
export function ortValues({ api, bytesAt }: OrtLibrary): OrtValues {
  const memory = made((out) => api.CreateCpuMemoryInfo(deviceAllocator, defaultMemory, out));
  const dimensions = new WeakMap<readonly number[], BigInt64Array>();
  const dimensionsOf = (shape: readonly number[]): BigInt64Array => {
    const known = dimensions.get(shape) ?? BigInt64Array.from(shape, BigInt);
    dimensions.set(shape, known);
    return known;
  };
  const out = new BigUint64Array(1);
  return {
    over({ data, shape }) {
      const count = shape.reduce((product, size) => product * size, 1);
      // Nothing else keeps the library from reading or writing past the end.
      if (data.length !== count) {
        throw new OnnxRuntimeError('tensor', `${data.length} values do not make the shape [${shape.join(', ')}]`);
      }
      const type = data instanceof Float32Array ? float32 : int64;
      const sizes = dimensionsOf(shape);
      api.CreateTensorWithDataAsOrtValue(memory, data, data.byteLength, sizes, sizes.length, type, out);
      return out[0]!;
    },
    copy(value) {
      const info = made((made) => api.GetTensorTypeAndShape(value, made));
      try {
        const sizes = new BigInt64Array(Number(made((count) => api.GetDimensionsCount(info, count))));
        api.GetDimensions(info, sizes, sizes.length);
        const shape = Array.from(sizes, Number);
        const count = shape.reduce((product, size) => product * size, 1);
        const type = Number(made((type) => api.GetTensorElementType(info, type)));
        const address = made((data) => api.GetTensorMutableData(value, data));
        return { shape, data: copyAt(address, type, count) };
      } finally {
        api.ReleaseTensorTypeAndShapeInfo(info);
      }
    },
  };

  function copyAt(address: Pointer, type: number, count: number): Tensor['data'] {
    if (type !== float32 && type !== int64) {
      throw new OnnxRuntimeError('tensor', `the output's element type is ${type}, neither float32 nor int64`);
    }
    const bytes = count * (type === float32 ? 4 : 8);
    const memory = bytes > 0 ? bytesAt(address, bytes).slice(0) : new ArrayBuffer(0);
    return type === float32 ? new Float32Array(memory) : new BigInt64Array(memory);
  }
}
