/** SHA-256 piece by piece (FIPS 180-4), which WebCrypto has not: as WebAssembly made here, three times as fast as script. */

const DATA = 256;
const ROOM = 64 * 1024 - DATA;
const I32 = 0x7f;
const [STATE, AT, END, A, W, T, SEEN, SPARE] = [0, 1, 2, 3, 11, 27, 28, 29];

// The first 32 bits of the fractions of the cube and square roots of the first primes.
const primes = [];
for (let number = 2; primes.length < 64; number += 1) if (primes.every((prime) => number % prime)) primes.push(number);
const fraction = (value) => ((value - Math.floor(value)) * 2 ** 32) | 0;
const ROUNDS = primes.map((prime) => fraction(Math.cbrt(prime)));
const START = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));

function number(value) {
  const bytes = [];
  for (;;) {
    const low = value & 127;
    value >>= 7;
    if ((value === 0 && !(low & 64)) || (value === -1 && low & 64)) return [...bytes, low];
    bytes.push(low | 128);
  }
}

function count(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** One function for whole blocks, all rounds written out: `f(state, from, to)`. */
function code() {
  const out = [];
  const put = (...bytes) => out.push(...bytes);
  const get = (local) => put(0x20, local);
  const set = (local) => put(0x21, local);
  const tee = (local) => put(0x22, local);
  const constant = (value) => put(0x41, ...number(value));
  const [add, and, or, xor, turn, shift] = [0x6a, 0x71, 0x72, 0x73, 0x78, 0x76];
  const by = (bits, how) => (constant(bits), put(how));
  const load = (from, offset) => (get(from), put(0x28, 2, ...count(offset)));
  const mixed = (local, first, second, third, last) => {
    get(local), by(first, turn), get(local), by(second, turn), put(xor), get(local), by(third, last), put(xor);
  };
  put(0x03, 0x40);
  for (let at = 0; at < 8; at += 1) load(STATE, at * 4), set(A + at);
  get(A + 1), get(A + 2), put(xor), set(SEEN);
  for (let at = 0; at < 16; at += 1) {
    load(AT, at * 4), tee(T), constant(0xff00ff), put(and), by(8, turn);
    get(T), by(24, turn), constant(0xff00ff), put(and, or), set(W + at);
  }
  for (let round = 0; round < 64; round += 1) {
    const [a, b, , d, e, f, g, h] = Array.from({ length: 8 }, (_, at) => A + ((at - round) & 7));
    const word = W + (round & 15);
    if (round > 15) {
      get(word), mixed(W + ((round + 1) & 15), 7, 18, 3, shift), put(add), get(W + ((round + 9) & 15)), put(add);
      mixed(W + ((round + 14) & 15), 17, 19, 10, shift), put(add), set(word);
    }
    get(h), mixed(e, 6, 11, 25, turn), put(add), get(g), get(e), get(f), get(g), put(xor, and, xor, add);
    get(word), constant(ROUNDS[round]), put(add, add), tee(T), get(d), put(add), set(d);
    // The majority of a, b, c is b ^ ((a ^ b) & (b ^ c)), and this round's a ^ b is the next one's b ^ c.
    const [now, before] = round & 1 ? [SEEN, SPARE] : [SPARE, SEEN];
    get(T), mixed(a, 2, 13, 22, turn), put(add), get(a), get(b), put(xor), tee(now), get(before), put(and), get(b), put(xor, add), set(h);
  }
  for (let at = 0; at < 8; at += 1) get(STATE), load(STATE, at * 4), get(A + at), put(add, 0x36, 2, ...count(at * 4));
  get(AT), constant(64), put(add), tee(AT), get(END), put(0x49, 0x0d, 0, 0x0b, 0x0b);
  return out;
}

function module() {
  const part = (id, bytes) => [id, ...count(bytes.length), ...bytes];
  const body = [1, SPARE - END, I32, ...code()];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...part(1, [1, 0x60, 3, I32, I32, I32, 0]),
    ...part(3, [1, 0]),
    ...part(5, [1, 0, 1]),
    ...part(7, [2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0]),
    ...part(10, [1, ...count(body.length), ...body]),
  ]);
}

class Hash {
  #block;
  #bytes;
  #state;
  #held = 0;
  #length = 0;

  constructor({ m: memory, f: block }) {
    this.#block = block;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#state = new Int32Array(memory.buffer, 0, 8);
    this.#state.set(START);
  }

  update(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const some = bytes.subarray(at, at + ROOM - this.#held);
      this.#bytes.set(some, DATA + this.#held);
      at += some.length;
      this.#held += some.length;
      if (this.#held === ROOM) this.#run(ROOM);
    }
    this.#length += bytes.length;
  }

  #run(length) {
    this.#block(0, DATA, DATA + length);
    this.#held = 0;
  }

  digest() {
    const last = Math.ceil((this.#held + 9) / 64) * 64;
    const whole = last > ROOM ? ROOM + 64 : last;
    const rest = new Uint8Array(whole - this.#held);
    rest[0] = 0x80;
    const view = new DataView(rest.buffer);
    view.setUint32(rest.length - 8, Math.floor(this.#length / 2 ** 29));
    view.setUint32(rest.length - 4, (this.#length % 2 ** 29) * 8);
    const length = this.#length;
    this.update(rest);
    this.#length = length;
    if (this.#held) this.#run(this.#held);
    const out = new DataView(new ArrayBuffer(32));
    this.#state.forEach((word, at) => out.setInt32(at * 4, word));
    return new Uint8Array(out.buffer);
  }
}

/** Something with `update(bytes)` and `digest()`, the latter once. */
export async function hasher() {
  try {
    const { instance } = await WebAssembly.instantiate(module());
    return new Hash(instance.exports);
  } catch {
    // A browser that is locked down has no WebAssembly. This library knows modules only by their old names.
    let library = null;
    globalThis.define = Object.assign((make) => (library = make()), { amd: true });
    await import("./vendor/fast-sha256.min.js");
    return new library.Hash();
  }
}

const AHEAD = 3;

/** The same in a worker of its own, beside whoever moves the file; what it is handed is gone for the giver. */
export class HashBeside {
  #worker;
  #alone = null;
  #given = 0;
  #taken = 0;
  #wake = () => undefined;
  #digest = null;

  static async start() {
    const hash = new HashBeside();
    try {
      const policy = globalThis.trustedTypes?.createPolicy("hash", { createScriptURL: (url) => url });
      const address = "/page/files_hasher.js";
      hash.#worker = new Worker(policy ? policy.createScriptURL(address) : address, { type: "module" });
      hash.#worker.addEventListener("message", ({ data }) => {
        if (data) hash.#digest = data;
        else hash.#taken += 1;
        hash.#wake();
      });
      const fails = new Promise((_, reject) => hash.#worker.addEventListener("error", reject));
      await Promise.race([hash.#until(() => hash.#taken), fails]);
      hash.#taken = 0;
    } catch {
      hash.#alone = await hasher();
    }
    return hash;
  }

  async #until(holds) {
    while (!holds()) await new Promise((resolve) => (this.#wake = resolve));
  }

  async update(pieces) {
    if (this.#alone) {
      for (const piece of pieces) this.#alone.update(piece);
      return;
    }
    this.#given += 1;
    this.#worker.postMessage(pieces, pieces.map((piece) => piece.buffer));
    await this.#until(() => this.#given - this.#taken < AHEAD);
  }

  async digest() {
    if (this.#alone) return this.#alone.digest();
    this.#worker.postMessage(null);
    await this.#until(() => this.#digest);
    this.#worker.terminate();
    return this.#digest;
  }
}
