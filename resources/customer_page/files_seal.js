/** Seals files for the rep's app and opens its own: the scheme of `support_manager/files/seal.py`, by WebCrypto. */

import { fileKey } from "./checks.js";

export const CHUNK = 262_144;
export const TAG = 16;
export const SEALED = CHUNK + TAG;
const HASH = 32;
const NAME_CHARS = 255;
const encoder = new TextEncoder();

export function toText(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromText(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

async function derive(secret, salt, info, bits = false) {
  const base = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey", "deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt, info: encoder.encode(info) };
  if (bits) return new Uint8Array(await crypto.subtle.deriveBits(how, base, 256));
  return crypto.subtle.deriveKey(how, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

export async function keyId(secret, weak) {
  const prefix = encoder.encode("support-manager key id");
  const whole = new Uint8Array(prefix.length + secret.length);
  whole.set(prefix);
  whole.set(secret, prefix.length);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return (weak ? "e" : "c") + inHex(digest).slice(0, 24);
}

export function inHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function agree(mine, theirs) {
  const other = await crypto.subtle.importKey("raw", fromText(theirs), { name: "ECDH", namedCurve: "P-256" }, false, []);
  const shared = await crypto.subtle.deriveBits({ name: "ECDH", public: other }, mine.pair.privateKey, 256);
  const keys = [fromText(mine.text), fromText(theirs)].sort(inOrder);
  const salt = new Uint8Array([...keys[0], ...keys[1]]);
  return derive(new Uint8Array(shared), salt, "support-manager file secret 1", true);
}

export async function secretsWith(person, told) {
  const secret = told.get(person?.id);
  const known = secret ? [{ value: fromText(secret), weak: false }] : [];
  const theirs = person?.device?.file_key;
  if (theirs) known.push({ value: await agree(await fileKey(window), theirs), weak: true });
  return known;
}

export async function secretCalled(person, told, wanted) {
  for (const secret of await secretsWith(person, told)) if ((await keyId(secret.value, secret.weak)) === wanted) return secret;
  return null;
}

function inOrder(a, b) {
  const at = a.findIndex((byte, place) => byte !== b[place]);
  return at < 0 ? 0 : a[at] - b[at];
}

const nameKey = (secret, transfer) => derive(secret, encoder.encode(transfer), "support-manager file name 1");
const nameHow = (transfer) => ({ name: "AES-GCM", iv: new Uint8Array(12), additionalData: encoder.encode(transfer) });

export async function sealMeta(secret, transfer, name, type) {
  const told = [...name].slice(-NAME_CHARS).join("");
  const plain = encoder.encode(JSON.stringify({ name: told.toWellFormed?.() ?? told, type: type.slice(0, 100) }));
  return toText(new Uint8Array(await crypto.subtle.encrypt(nameHow(transfer), await nameKey(secret, transfer), plain)));
}

/** What is told of a file that is offered: not its name, which only the other end can read. */
export async function sealedOffer({ value, weak }, transfer, { name, type, size }) {
  return { transfer, size, key_id: await keyId(value, weak), sealed: await sealMeta(value, transfer, name, type) };
}

export async function openMeta(secret, transfer, sealed) {
  const plain = await crypto.subtle.decrypt(nameHow(transfer), await nameKey(secret, transfer), fromText(sealed));
  const { name, type } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain));
  if (typeof name !== "string" || !name || [...name].length > NAME_CHARS) throw new Error("no name");
  return { name, type: typeof type === "string" ? type : "" };
}

export class Seal {
  #key;
  #transfer;

  constructor(key, transfer, size) {
    this.#key = key;
    this.#transfer = encoder.encode(transfer);
    this.plain = size + HASH;
    this.chunks = Math.ceil(this.plain / CHUNK);
    this.length = this.plain + this.chunks * TAG;
  }

  static async of(secret, transfer, size) {
    return new Seal(await derive(secret, encoder.encode(transfer), "support-manager file content 1"), transfer, size);
  }

  plainSize(index) {
    return Math.min(CHUNK, this.plain - index * CHUNK);
  }

  #how(index) {
    const iv = new Uint8Array(12);
    new DataView(iv.buffer).setUint32(7, index);
    iv[11] = index === this.chunks - 1 ? 1 : 0;
    const additionalData = new Uint8Array(this.#transfer.length + 12);
    additionalData.set(this.#transfer);
    additionalData.set(iv, this.#transfer.length);
    return { name: "AES-GCM", iv, additionalData };
  }

  seal(index, chunk) {
    return crypto.subtle.encrypt(this.#how(index), this.#key, chunk);
  }

  open(index, sealed) {
    return crypto.subtle.decrypt(this.#how(index), this.#key, sealed);
  }
}
