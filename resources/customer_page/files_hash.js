/** SHA-256 piece by piece (FIPS 180-4), which WebCrypto has not: as WebAssembly made here, three times as fast as script. */

// In the memory: the state, the constants of the rounds, the four words of the message that come next with theirs added.
const [STATE, CONSTANTS, WORDS, DATA] = [0, 64, 320, 384];
const ROOM = 64 * 1024 - DATA;
const [I32, V128] = [0x7f, 0x7b];
// Locals: arguments, then numbers (A to H are eight), then vectors (the last sixteen words are four).
const [AT, END, A, T, SEEN, SPARE, W, X, Y, ZERO] = [0, 1, 2, 10, 11, 12, 13, 17, 18, 19];

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

/** One function for whole blocks, all rounds written out, four words of the message at a time: `f(from, to)`. */
function code() {
  const out = [];
  const put = (...bytes) => out.push(...bytes);
  const get = (local) => put(0x20, local);
  const set = (local) => put(0x21, local);
  const tee = (local) => put(0x22, local);
  const constant = (value) => put(0x41, ...number(value));
  const [add, and, xor, turn] = [0x6a, 0x71, 0x73, 0x78];
  const by = (bits, how) => (constant(bits), put(how));
  const load = (offset) => (constant(0), put(0x28, 2, ...count(offset)));
  const turned = (local, first, second, third) => {
    get(local), by(first, turn), get(local), by(second, turn), put(xor), get(local), by(third, turn), put(xor);
  };
  const vector = (...how) => put(0xfd, ...how);
  const [adds, xors, left, right, right64] = [[0xae, 1], [0x51], [0xab, 1], [0xad, 1], [0xcd, 1]];
  const loads = (offset) => vector(0, 4, ...count(offset));
  const lanes = (...wanted) => vector(0x0d, ...wanted.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));
  const mixed = (local, ...steps) => {
    steps.forEach(([bits, how], at) => (get(local), constant(bits), vector(...how), at && vector(...xors)));
  };
  /** Of two words each; the same number twice side by side, shifted as one, is turned. */
  const mixedTwo = () => (set(X), mixed(X, [17, right64], [19, right64], [10, right]), get(ZERO));
  /** The next four words, in the place of the oldest. */
  const extend = (oldest) => {
    const [w, w4, w8, w12] = [0, 1, 2, 3].map((at) => W + ((oldest + at) & 3));
    get(w), get(w4), lanes(1, 2, 3, 4), set(X);
    mixed(X, [7, right], [25, left], [18, right], [14, left], [3, right]);
    get(w), vector(...adds), get(w8), get(w12), lanes(1, 2, 3, 4), vector(...adds), set(Y);
    get(w12), get(w12), lanes(2, 2, 3, 3), mixedTwo(), lanes(0, 2, 4, 4), get(Y), vector(...adds), tee(Y);
    get(Y), lanes(0, 0, 1, 1), mixedTwo(), lanes(4, 4, 0, 2), get(Y), vector(...adds), set(w);
  };
  put(0x03, 0x40);
  for (let at = 0; at < 8; at += 1) load(STATE + at * 4), set(A + at);
  get(A + 1), get(A + 2), put(xor), set(SEEN);
  for (let at = 0; at < 4; at += 1) {
    get(AT), loads(at * 16), tee(X), get(X), vector(0x0d, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12), set(W + at);
  }
  for (let round = 0; round < 64; round += 1) {
    const [a, b, , d, e, f, g, h] = Array.from({ length: 8 }, (_, at) => A + ((at - round) & 7));
    if (round % 4 === 0) {
      const now = (round / 4) & 3;
      constant(0), get(W + now), constant(0), loads(CONSTANTS + round * 4), vector(...adds, 0xfd, 0x0b, 4, ...count(WORDS + now * 16));
      if (round < 48) extend(now);
    }
    get(h), load(WORDS + (round & 15) * 4), put(add);
    turned(e, 6, 11, 25), put(add), get(g), get(e), get(f), get(g), put(xor, and, xor, add), tee(T), get(d), put(add), set(d);
    // The majority of a, b, c is b ^ ((a ^ b) & (b ^ c)), and this round's a ^ b is the next one's b ^ c.
    const [now, before] = round & 1 ? [SEEN, SPARE] : [SPARE, SEEN];
    get(T), turned(a, 2, 13, 22), put(add), get(a), get(b), put(xor), tee(now), get(before), put(and), get(b), put(xor, add), set(h);
  }
  for (let at = 0; at < 8; at += 1) constant(0), load(STATE + at * 4), get(A + at), put(add, 0x36, 2, ...count(STATE + at * 4));
  get(AT), constant(64), put(add), tee(AT), get(END), put(0x49, 0x0d, 0, 0x0b, 0x0b);
  return out;
}

function module() {
  const part = (id, bytes) => [id, ...count(bytes.length), ...bytes];
  const body = [2, W - A, I32, ZERO - W + 1, V128, ...code()];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...part(1, [1, 0x60, 2, I32, I32, 0]),
    ...part(3, [1, 0]),
    ...part(5, [1, 0, 1]),
    ...part(7, [2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0]),
    ...part(10, [1, ...count(body.length), ...body]),
  ]);
}

/** By WebAssembly. */
export class Hash {
  #block;
  #bytes;
  #state;
  #held = 0;
  #length = 0;

  constructor({ m: memory, f: block }) {
    this.#block = block;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#state = new Int32Array(memory.buffer, STATE, 8);
    this.#state.set(START);
    new Int32Array(memory.buffer, CONSTANTS, 64).set(ROUNDS);
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
    this.#block(DATA, DATA + length);
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

let library = null;

/** Something with `update(bytes)` and `digest()`, the latter once. */
export async function hasher() {
  try {
    const { instance } = await WebAssembly.instantiate(module());
    return new Hash(instance.exports);
  } catch {
    // A browser that is locked down, or an old computer, has no such WebAssembly. This library knows modules only by their old names.
    globalThis.define = Object.assign((make) => (library = make()), { amd: true });
    await import("./vendor/fast-sha256.min.js");
    return new library.Hash();
  }
}

const AHEAD = 3;

/** Longer than a worker takes to start on a busy computer. */
const START_MS = 5_000;
let policy = null;

/** The same in a worker of its own, beside whoever moves the file; what it is handed is gone for the giver. */
export class HashBeside {
  #worker;
  #alone = null;
  #given = 0;
  #taken = 0;
  #wake = () => undefined;
  #digest = null;
  #back = [];

  /** @param {() => void} [late] called where none begins and what comes in its place may have to be fetched first */
  static async start(late) {
    for (let tries = 0; tries < 2; tries += 1) {
      const hash = new HashBeside();
      if (await hash.#begins()) return hash;
      hash.#worker?.terminate();
    }
    late?.();
    const hash = new HashBeside();
    hash.#alone = await hasher();
    return hash;
  }

  /**
   * WORKAROUND(Firefox ESR 153): on a busy computer a worker that a worker starts now and then never runs, and says no
   * error; what waits for it would wait for ever. Or making it never returns (15 of 920 beside six busy processes): whoever
   * makes it runs no timer any more, and a file that it has open stays locked after its end, for as long as its page was
   * looked at. To go when a new Firefox starts each of them.
   */
  async #begins() {
    try {
      policy ??= globalThis.trustedTypes?.createPolicy("hash", { createScriptURL: (url) => url }) ?? { createScriptURL: (url) => url };
      this.#worker = new Worker(policy.createScriptURL("/page/files_hasher.js"), { type: "module" });
    } catch {
      return false;
    }
    this.#worker.addEventListener("message", ({ data }) => {
      if (data instanceof Uint8Array) this.#digest = data;
      else this.#taken += 1;
      if (Array.isArray(data)) this.#back = data;
      this.#wake();
    });
    const ready = this.#until(() => this.#taken).then(() => true);
    const fails = new Promise((resolve) => this.#worker.addEventListener("error", () => resolve(false)));
    const late = new Promise((resolve) => setTimeout(() => resolve(false), START_MS));
    const begins = await Promise.race([ready, fails, late]);
    this.#taken = 0;
    return begins;
  }

  async #until(holds) {
    while (!holds()) await new Promise((resolve) => (this.#wake = resolve));
  }

  /** So much memory: what was handed over and is hashed by now, as fresh memory costs as much as reading into it. */
  memory(size) {
    const found = this.#back.pop();
    return found?.byteLength === size ? found : new ArrayBuffer(size);
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
