// Checks payloads in this process against the schemas of a Muster registry.
"use strict";

const { NativeValidator } = require("./native.js").load();

/** Why a payload wasn't checked. `code` stays the same. */
class RegistryError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "RegistryError";
    this.code = code;
  }
}

const CODES = /^(option_invalid|not_found|unreachable|data_invalid|not_ready): /;

function told(error) {
  const found = CODES.exec(error?.message ?? "");
  return found ? new RegistryError(found[1], error.message.slice(found[0].length)) : error;
}

function answer(native) {
  const { valid, errors, schemaId, version } = native;
  return { valid, errors: errors === "" ? [] : JSON.parse(errors), schemaId, version };
}

function bytes(payload) {
  if (Buffer.isBuffer(payload)) return payload;
  if (payload instanceof Uint8Array) {
    return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  }
  return undefined;
}

/** A payload as the native part takes it: JSON as text, or bytes. */
function given(payload) {
  const found = bytes(payload) ?? JSON.stringify(payload);
  if (found === undefined) throw new RegistryError("data_invalid", "the payload isn't JSON");
  return found;
}

class Validator {
  #native;
  #ready;

  constructor(options = {}) {
    const { bundle, ...rest } = options;
    const own = bytes(bundle);
    const text = JSON.stringify(bundle === undefined || own ? rest : { ...rest, bundle });
    try {
      this.#native = new NativeValidator(text, own);
    } catch (error) {
      throw told(error);
    }
    this.#ready = this.#native.precompile().catch((error) => Promise.reject(told(error)));
    // Whoever doesn't wait for it finds the same fault when the schema is used.
    this.#ready.catch(() => {});
  }

  /** A validator that has compiled what its options name. */
  static async create(options) {
    const validator = new Validator(options);
    await validator.ready();
    return validator;
  }

  async ready() {
    await this.#ready;
  }

  async validate(schema, payload, options = {}) {
    return this.#check(schema, given(payload), options);
  }

  async validateJson(schema, text, options = {}) {
    return this.#check(schema, String(text), options);
  }

  validateSync(schema, payload, options = {}) {
    return this.#inMemory(schema, given(payload), options);
  }

  validateJsonSync(schema, text, options = {}) {
    return this.#inMemory(schema, String(text), options);
  }

  async prepare(schema) {
    try {
      await this.#native.prepare(schema);
    } catch (error) {
      throw told(error);
    }
  }

  async schemas() {
    return this.#native.names();
  }

  getStatus() {
    const { schemas, bytes, evictions, checks, hits, sources } = JSON.parse(this.#native.status());
    return {
      schemas,
      bytes,
      evictions,
      checks,
      hits,
      sources: sources.map((one) => ({
        place: one.place,
        consecutiveFailures: one.consecutive_failures,
        lastError: one.last_error,
      })),
    };
  }

  clearCache() {
    this.#native.clear();
  }

  async #check(schema, payload, { message, framed = false }) {
    try {
      const fresh = this.#native.checkFresh(schema, payload, message, framed);
      return answer(fresh ?? (await this.#native.check(schema, payload, message, framed)));
    } catch (error) {
      throw told(error);
    }
  }

  #inMemory(schema, payload, { message, framed = false }) {
    try {
      return answer(this.#native.checkInMemory(schema, payload, message, framed));
    } catch (error) {
      throw told(error);
    }
  }
}

module.exports = { RegistryError, Validator };
