/** Must be evaluated before onnxruntime-node is: from 1.29 on it looks up a collector on the internet otherwise. */
process.env.ORT_DISABLE_TELEMETRY = '1';
