// What a type checker must understand: read by tsc, never run.
import { RegistryError, Validator, type ValidationResult, type ValidatorOptions } from "muster-registry";

const options: ValidatorOptions = {
  schemaSource: ["local", "remote", "embedded"],
  registry: { url: "https://registry.example", apiKey: "k", cacheEnabled: true, cacheTTL: 60 },
  localSchemas: { size: { type: "integer" }, id: { format: "avro", schema: { type: "string" } } },
  bundle: new Uint8Array(),
  performance: { cacheSize: 100, precompileSchemas: ["size"], lazyLoad: true },
};

export async function run(): Promise<boolean> {
  const validator: Validator = await Validator.create(options);
  const found: ValidationResult = await validator.validate("size", 1, { framed: false });
  const first: string | undefined = found.errors[0]?.pointer;
  const { valid, schemaId, version } = validator.validateJsonSync("size", "1");
  try {
    await validator.prepare(schemaId);
  } catch (error) {
    if (error instanceof RegistryError && error.code === "not_found") return first === version;
  }
  // @ts-expect-error: there is no such source.
  new Validator({ schemaSource: "cloud" });
  // @ts-expect-error: there is no such option.
  new Validator({ registry: { url: "x", ttl: 5 } });
  return valid && validator.getStatus().sources.length > 0;
}
