// One ONNX Runtime process, steered over pipes by bench_onnxruntime: a line of JSON in (followed by
// raw bytes where it says so), a line of JSON out. Everything is synchronous, so that nothing else
// happens in this process between two runs.
'use strict';
const fs = require('fs');
const path = require('path');

const packages = path.resolve(process.argv[2]);
// The native session behind `InferenceSession.run`: the same call without the promise and the
// setImmediate around it, so that less of Node's own time is counted against the peer.
const {binding, initOrt} = require(path.join(packages, 'onnxruntime-node/dist/binding.js'));
const {Tensor} = require(path.join(packages, 'onnxruntime-common'));
const {version} = require(path.join(packages, 'onnxruntime-node/package.json'));

const element = {
  float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array,
  int32: Int32Array, int64: BigInt64Array, bool: Uint8Array,
};
const slots = new Map();
let pending = Buffer.alloc(0);

function readMore() {
  const chunk = Buffer.alloc(1 << 20);
  const count = fs.readSync(0, chunk);
  if (count === 0) process.exit(0);
  pending = Buffer.concat([pending, chunk.subarray(0, count)]);
}

function readLine() {
  for (;;) {
    const end = pending.indexOf(10);
    if (end >= 0) {
      const line = pending.toString('utf8', 0, end);
      pending = pending.subarray(end + 1);
      return line;
    }
    readMore();
  }
}

function readBytes(count) {
  while (pending.length < count) readMore();
  const bytes = new Uint8Array(pending.subarray(0, count)).buffer;
  pending = pending.subarray(count);
  return bytes;
}

function write(bytes) {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(1, bytes, done);
}

const commands = {
  open({slot, model, threads, affinities, profile}) {
    const session = new binding.InferenceSession();
    const options = {
      intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
      executionMode: 'sequential', logSeverityLevel: 3,
    };
    if (affinities) options.extra = {session: {intra_op_thread_affinities: affinities}};
    if (profile) Object.assign(options, {enableProfiling: true, profileFilePrefix: profile});
    session.loadModel(model, options);
    const names = (metadata) => metadata.map((each) => each.name);
    slots.set(slot, {session, feeds: {}, fetches: null});
    return {version, inputs: names(session.inputMetadata), outputs: names(session.outputMetadata)};
  },

  input({slot, name, type, shape, bytes}) {
    const data = new element[type](readBytes(bytes));
    slots.get(slot).feeds[name] = new Tensor(type, data, shape);
    return {};
  },

  // Runs once and keeps the outputs' buffers: later runs write into them and allocate nothing.
  prepare({slot}) {
    const each = slots.get(slot);
    const wanted = Object.fromEntries(each.session.outputMetadata.map((o) => [o.name, null]));
    const results = each.session.run(each.feeds, wanted, {});
    each.fetches = Object.fromEntries(Object.entries(results).map(
        ([name, tensor]) => [name, new Tensor(tensor.type, tensor.data.slice(), tensor.dims)]));
    return {};
  },

  run({slot, count}) {
    const {session, feeds, fetches} = slots.get(slot);
    const options = {};
    const nanoseconds = new Array(count);
    for (let i = 0; i < count; ++i) {
      const begin = process.hrtime.bigint();
      session.run(feeds, fetches, options);
      nanoseconds[i] = Number(process.hrtime.bigint() - begin);
    }
    return {nanoseconds};
  },

  output({slot, name}) {
    const {type, dims, data} = slots.get(slot).fetches[name];
    const raw = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return {type, shape: dims, bytes: raw.length, raw};
  },

  close({slot}) {
    slots.get(slot).session.endProfiling();
    slots.delete(slot);
    return {};
  },
};

initOrt();
for (;;) {
  const request = JSON.parse(readLine());
  let reply;
  try {
    reply = commands[request.command](request);
  } catch (error) {
    reply = {error: String(error.message)};
  }
  const {raw, ...line} = reply;
  write(Buffer.from(JSON.stringify(line) + '\n'));
  if (raw) write(raw);
}
