//! The files that every schema may import: Google's well-known types, and the two of Confluent
//! that schemas of its clients import.

use prost_reflect::{DescriptorPool, prost_types::FileDescriptorProto};

/// Confluent's options for documentation and tags: their names and numbers, which schemas use.
const META: &str = r#"
syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
"#;

/// Confluent's decimal number: an unscaled integer, big-endian, and a scale.
const DECIMAL: &str = r#"
syntax = "proto3";
package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
"#;

/// A file that is always there, as Google's compiler or the parser gives it.
pub(super) fn built_in(path: &str) -> Option<FileDescriptorProto> {
    let text = match path {
        "confluent/meta.proto" => META,
        "confluent/type/decimal.proto" => DECIMAL,
        path if path.starts_with("google/protobuf/") => {
            let file = DescriptorPool::global().get_file_by_name(path)?;
            return Some(file.file_descriptor_proto().clone());
        }
        _ => return None,
    };
    let mut file = protox_parse::parse(path, text).ok()?;
    file.source_code_info = None;
    Some(file)
}
