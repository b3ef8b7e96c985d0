//! The full model of a source that uses the whole model language, as the server returns it.

use super::*;

fn whole() -> Value {
    json!({
        "description": "Everything that a model can say.",
        "labels": { "stage": "test" },
        "attributes": {
            "color": { "type": "string", "enum": ["red", "blue"], "ifvalues": {
                "red": { "siblingattributes": { "shade": { "type": "decimal" } } },
                "blue": {},
            } },
            "mood": { "type": "string", "enum": ["good"], "strict": false, "description": "" },
            "owner": { "type": "xid", "target": "/dirs/files[/versions]" },
            "name": { "type": "string", "required": true, "default": "unnamed" },
            "*": { "type": "any" },
        },
        "groups": {
            "dirs": {
                "singular": "dir",
                "modelversion": "1.2",
                "constraints": { "files.name": { "enum": ["a"], "default": "a", "equals": "" } },
                "attributes": {
                    "parts": { "type": "array", "item": { "type": "object", "namecharset": "extended",
                        "attributes": { "a-b": { "type": "integer", "required": false } } } },
                },
                "resources": { "files": {
                    "singular": "file",
                    "icon": "files.svg",
                    "maxversions": 3,
                    "setversionid": false,
                    "versionmode": "CreatedAt",
                    "singleversionroot": true,
                    "typemap": { "text/*": "string" },
                    "attributes": { "size": { "type": "uinteger", "matchversions": true } },
                    "metaattributes": { "defaultversionsticky":
                        { "type": "boolean", "required": true, "default": false, "enum": [false] } },
                } },
            },
            "docs": { "singular": "doc", "ximportresources": ["/dirs/files"] },
        },
    })
}

#[test]
fn answers_the_whole_language_as_it_always_has() {
    let found = serde_json::to_string_pretty(&bare(whole()).unwrap()).unwrap();
    assert_eq!(found.trim(), include_str!("whole.json").trim(), "{found}");
}
