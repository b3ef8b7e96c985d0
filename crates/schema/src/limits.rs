/// The number of violations in one validation, and of a document altogether: of its schemas, rules
/// and references. More are usually one mistake made often; the last one says that there are more.
pub const VIOLATIONS_MAX: usize = 100;

/// The length of a violation's pointer, in bytes. Where names are longer, it names a value around
/// the place.
pub const POINTER_BYTES_MAX: usize = 1_024;

/// The digits of a number and its exponent together, where something is bound to a document, and in
/// schemas. What reads numbers may write them out: then `1e9000` is nine thousand digits. Doubles
/// end at 1e308.
pub const NUMBER_SIZE_MAX: usize = 1_000;

/// The number of other schemas that a schema may refer to, directly or not; every verdict depends
/// on all of them.
pub const REFERENCES_MAX: usize = 64;

/// The size of a schema and all schemas that it refers to, as canonical JSON in bytes: as much as
/// one command can bring.
pub const SCHEMA_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The number of places that one place may lead to without descending into the value (`allOf`,
/// `$ref`, …, counting repetitions). Without it, thirty doublings would check a value a billion
/// times.
pub const ALTERNATIVES_MAX: u64 = 2_000;

/// The nesting depth of such places. Each takes a frame of the validator's stack per level of the
/// document.
pub const ALTERNATIVES_DEPTH_MAX: usize = 64;

/// The longest chain of places from the schema's root, following references. Each takes a frame of
/// the compiler's stack.
pub const PLACES_DEPTH_MAX: usize = 10_000;

/// The number of embedded schemas with an id in one document.
pub const EMBEDDED_MAX: usize = 256;

/// The memory for all compiled patterns of a schema, in bytes; patterns share it evenly.
pub const PATTERN_BYTES_TOTAL: usize = 64 * 1024 * 1024;

/// The memory for one compiled pattern, in bytes. `^\w{1,64}$` takes about half of it.
pub const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The number of patterns in a schema, so that each gets at least 64 KiB.
pub const PATTERNS_MAX: usize = 1_024;

/// Places of the schema times values of the document; below this, validation is fast and needs no
/// meter.
pub const UNMETERED_MAX: u64 = 4_000_000;

/// Places of the schema that one value may meet, with their own work, times bytes of the document.
/// Below this, validation takes at most some milliseconds: few values have less than eight bytes,
/// and a place takes less than a tenth of a microsecond.
pub const SHORT_MAX: u64 = 500_000;

/// The steps of a metered validation, about a second in all. A place that meets a value is one
/// step, or more if its keywords do much work themselves (names, choices, texts, and patterns whose
/// automaton doesn't fit into the engine's memory). While violations are collected, an error costs
/// as many steps as its value has parts, because all are in memory together: about 200 MiB.
pub const STEPS_MAX: u64 = 10_000_000;

/// The length of a quoted value in a message, in characters.
pub const QUOTE_MAX: usize = 60;

/// The number of choices that a message lists.
pub const CHOICES_MAX: usize = 12;

/// The length of a message, in characters.
pub const MESSAGE_MAX: usize = 500;

// ---- Avro

/// The size of an Avro schema and all schemas that it refers to, as text in bytes: as much as a
/// document may have. While a text of the shortest names is parsed, it takes 30 times its size.
pub const AVRO_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The number of types and fields in an Avro schema and those that it refers to. Each takes some
/// 200 bytes of memory; a union of 10,000 records has 20,001 of them.
pub const AVRO_TYPES_MAX: usize = 200_000;

/// The number of problems that are told of one Avro schema. More are usually one mistake made
/// often.
pub const AVRO_PROBLEMS_MAX: usize = 100;

/// The steps of checking all defaults of an Avro schema. A value that meets a branch of a union is
/// one; without the limit, unions of records within each other would be tried in all combinations.
pub const AVRO_DEFAULT_STEPS_MAX: u64 = 1_000_000;

/// The steps of comparing two Avro schemas, about a second in all. A pair of types is one step, and
/// so are a pair of fields, a symbol and a branch.
pub const AVRO_COMPARISON_STEPS_MAX: u64 = 5_000_000;

/// The depth to which a comparison follows pairs of types within each other as Confluent does. Each
/// takes two frames of the stack.
pub const AVRO_COMPARISON_DEPTH_MAX: usize = 500;

/// The number of findings of one comparison, and of changes in one difference. More aren't read.
pub const AVRO_FINDINGS_MAX: usize = 1_000;

/// The depth of a binary datum of Avro: what a linked list in a record may have. The decoder keeps a
/// frame of some bytes for each level, none on the thread's stack.
pub const AVRO_DATUM_DEPTH_MAX: usize = 10_000;

/// The number of values in a binary datum of Avro, about a second of work. Values such as null take
/// no bytes at all, so a few bytes can ask for any number of them.
pub const AVRO_VALUES_MAX: u64 = 10_000_000;

/// The findings of one comparison of two schemas in one direction. More are usually one change that
/// many places show.
pub const COMPARISON_FINDINGS_MAX: usize = 100;

/// The depth to which two JSON Schemas are compared, in places from the root. Each takes several
/// frames of the stack; real schemas have less than fifty.
pub const COMPARISON_DEPTH_MAX: usize = 256;

/// The steps of one comparison of two JSON Schemas in one direction, less than a second in all. A
/// step is a pair of places, or a value that meets a place.
pub const COMPARISON_STEPS_MAX: u64 = 300_000;
/// The bytes of a Protobuf schema with all files that it refers to. The largest published ones
/// (Google's interfaces) have about two megabytes.
pub const PROTOBUF_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The nesting depth of brackets in a Protobuf text. Messages may be nested 32 deep, and values of
/// options stand in them; each level takes a frame of the parser's stack.
pub const PROTOBUF_BRACKETS_MAX: usize = 64;

/// The nesting depth of messages in a Protobuf schema, as Google's compiler has it.
pub const PROTOBUF_DEPTH_MAX: usize = 32;

/// The messages and enums of a Protobuf schema with all files that it refers to.
pub const PROTOBUF_TYPES_MAX: usize = 10_000;

/// The fields, enum values, ranges and reserved names of a Protobuf schema with all files that it
/// refers to. Each takes one to three kilobytes while it is read, by its name.
pub const PROTOBUF_MEMBERS_MAX: usize = 50_000;

/// The values of one enum. Adding one takes time in proportion to those that are there.
pub const PROTOBUF_ENUM_MAX: usize = 10_000;

/// The bytes of a full name in a Protobuf schema. It is kept with everything that is in it.
pub const PROTOBUF_NAME_BYTES_MAX: usize = 512;

/// The fields of a message times its reserved ranges, or the values of an enum times its own: each
/// pair is compared.
pub const PROTOBUF_PAIRS_MAX: usize = 4_000_000;

/// The problems that are reported for one Protobuf schema.
pub const PROTOBUF_PROBLEMS_MAX: usize = 100;

/// The nesting depth of a Protobuf payload, as Google's decoders have it.
pub const PROTOBUF_PAYLOAD_DEPTH_MAX: usize = 100;

/// The changes in one difference of two JSON Schemas. People read no more.
pub const DIFFERENCES_MAX: usize = 1_000;

/// The issues of one schema's quality. The scores count all.
pub const QUALITY_ISSUES_MAX: usize = 1_000;

/// The obstacles of one schema for one provider of language models. People mend one after another.
pub const OBSTACLES_MAX: usize = 200;

/// The bytes of all paths and tags that are found in one schema. A path repeats the names that lead
/// to it, so that without the limit a few megabytes of schema would have any number of them.
pub const TAG_BYTES_MAX: usize = 8 * 1024 * 1024;
