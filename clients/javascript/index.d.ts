/** Where schemas come from. `remote` is also called `registry`, and `embedded` also `bundle`. */
export type SchemaSource = "remote" | "registry" | "local" | "embedded" | "bundle" | "hybrid";

/** A server or a published site. Times are in seconds. */
export interface RegistryOptions {
  /** The address of the server; of a site also a folder. */
  url: string;
  /** The key that is sent with each request. */
  apiKey?: string;
  /** Whether a schema is used again without asking. True by default. */
  cacheEnabled?: boolean;
  /** How long a schema counts as fresh. 300 by default. */
  cacheTTL?: number;
  /** For how long after that an old schema is used at once, while the registry is asked. */
  staleWhileRevalidate?: number;
  /** The time for one request. 10 by default. */
  timeout?: number;
  /** A file of certificates that may sign the server's. */
  caCert?: string;
  /** Whether the address is that of a published site. */
  site?: boolean;
  /** The public key that must have signed the site's manifest. */
  key?: string;
}

/** A schema with its format, and the local names of what it refers to. */
export interface LocalSchema {
  format: "jsonschema" | "avro" | "protobuf";
  schema: unknown;
  references?: Record<string, string>;
}

export interface PerformanceOptions {
  /** The most compiled schemas that are kept. 1,000 by default. */
  cacheSize?: number;
  /** The most memory for them, as it is estimated. 256 MiB by default. */
  cacheBytes?: number;
  /** Which schemas are compiled before they are needed: all, or these. */
  precompileSchemas?: boolean | string[];
  /** False compiles all schemas at once. True by default. */
  lazyLoad?: boolean;
}

export interface ValidatorOptions {
  /** Which sources are asked, in which order. `hybrid` by default: all that are given. */
  schemaSource?: SchemaSource | SchemaSource[];
  registry?: RegistryOptions;
  /** A folder, or schemas by their names: text, JSON Schema, or with their format. */
  localSchemas?: string | Record<string, string | boolean | object | LocalSchema>;
  /** A file of `muster schema bundle`, or its bytes. */
  bundle?: string | Uint8Array;
  performance?: PerformanceOptions;
}

/** One place where a payload violates its schema. */
export interface Violation {
  /** A JSON Pointer. */
  pointer: string;
  /** What was violated. */
  keyword?: string;
  severity: "error" | "warning";
  message: string;
}

export interface ValidationResult {
  valid: boolean;
  errors: Violation[];
  /** The xid of the schema. */
  schemaId: string;
  /** The id of the version that was used. */
  version: string;
}

export interface CheckOptions {
  /** The message of a Protobuf schema. */
  message?: string;
  /** Whether bytes are as Confluent's serializers write them. */
  framed?: boolean;
}

export interface ValidatorStatus {
  schemas: number;
  bytes: number;
  evictions: number;
  checks: number;
  hits: number;
  sources: { place: string; consecutiveFailures: number; lastError: string | null }[];
}

/** Why a payload wasn't checked. */
export class RegistryError extends Error {
  readonly code: "option_invalid" | "not_found" | "unreachable" | "data_invalid" | "not_ready";
}

/** Checks payloads. Schemas are fetched once, compiled once, and refreshed in the background. */
export class Validator {
  constructor(options: ValidatorOptions);
  /** A validator that has compiled what its options name. */
  static create(options: ValidatorOptions): Promise<Validator>;
  /** Resolves when what the options name is compiled. */
  ready(): Promise<void>;
  /** Checks what JSON can hold, or bytes of Avro or Protobuf. */
  validate(schema: string, payload: unknown, options?: CheckOptions): Promise<ValidationResult>;
  /** Checks a payload that is the text of JSON. */
  validateJson(schema: string, text: string, options?: CheckOptions): Promise<ValidationResult>;
  /** As `validate`, with what is in memory; an error with the code `not_ready` if it isn't. */
  validateSync(schema: string, payload: unknown, options?: CheckOptions): ValidationResult;
  /** As `validateJson`, with what is in memory. */
  validateJsonSync(schema: string, text: string, options?: CheckOptions): ValidationResult;
  /** Fetches and compiles a schema before it is needed. */
  prepare(schema: string): Promise<void>;
  /** The names of all schemas that the sources list, without versions. */
  schemas(): Promise<string[]>;
  getStatus(): ValidatorStatus;
  clearCache(): void;
}
