use serde::Serialize;
use serde_json::Value;

/// Writes JSON member by member in the order of the calls, indented for people.
#[derive(Debug)]
pub(in crate::xregistry) struct JsonWriter {
    out: Vec<u8>,
    /// Beyond so many bytes nothing is written any more.
    bytes_max: usize,
    /// For each open object or array, whether it has content.
    open: Vec<bool>,
}

impl Default for JsonWriter {
    fn default() -> Self {
        Self::up_to(usize::MAX)
    }
}

impl JsonWriter {
    /// A writer that stops beyond so many bytes.
    pub fn up_to(bytes_max: usize) -> Self {
        Self { out: Vec::new(), bytes_max, open: Vec::new() }
    }

    /// Whether more should have been written.
    pub fn is_over(&self) -> bool {
        self.out.len() > self.bytes_max
    }

    /// Opens an object.
    pub fn open(&mut self) {
        self.out.push(b'{');
        self.open.push(false);
    }

    /// Closes the innermost object.
    pub fn close(&mut self) {
        let filled = self.open.pop().unwrap_or_default();
        if filled {
            self.line();
        }
        self.out.push(b'}');
    }

    /// Begins a member; the next call writes its value.
    pub fn key(&mut self, key: &str) {
        if self.is_over() {
            return;
        }
        if let Some(filled) = self.open.last_mut() {
            if *filled {
                self.out.push(b',');
            }
            *filled = true;
        }
        self.line();
        self.text(key);
        self.out.extend_from_slice(b": ");
    }

    /// A member with a text.
    pub fn member(&mut self, key: &str, text: &str) {
        self.key(key);
        self.text(text);
    }

    /// A member with a number.
    pub fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        self.out.extend_from_slice(number.to_string().as_bytes());
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        if !self.is_over() {
            write_text(text, &mut self.out);
        }
    }

    /// Writes JSON unchanged.
    pub fn raw(&mut self, json: &[u8]) {
        if !self.is_over() {
            self.out.extend_from_slice(json);
        }
    }

    /// A value.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Object(map) => {
                self.open();
                for (key, value) in map {
                    self.key(key);
                    self.value(value);
                }
                self.close();
            }
            Value::Array(items) => self.array(items),
            Value::Number(number) => self.raw(number.to_string().as_bytes()),
            Value::Bool(true) => self.raw(b"true"),
            Value::Bool(false) => self.raw(b"false"),
            Value::Null => self.raw(b"null"),
        }
    }

    /// A type of `wire`, none of which has a value without JSON.
    pub fn typed(&mut self, value: &impl Serialize) {
        self.value(&serde_json::to_value(value).unwrap_or_default());
    }

    fn array(&mut self, items: &[Value]) {
        self.out.push(b'[');
        self.open.push(false);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.line();
            self.value(item);
        }
        self.open.pop();
        if !items.is_empty() {
            self.line();
        }
        self.out.push(b']');
    }

    fn line(&mut self) {
        if self.is_over() {
            return;
        }
        self.out.push(b'\n');
        self.out.resize(self.out.len() + 2 * self.open.len(), b' ');
    }

    /// The bytes, with a final line break.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(b'\n');
        self.out
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x00..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keeps_the_order_in_which_it_is_told() {
        let mut writer = JsonWriter::default();
        writer.open();
        writer.member("b", "x\"\n");
        writer.number("a", 7);
        writer.key("o");
        writer.open();
        writer.close();
        writer.key("v");
        writer.value(&json!([1, {"k": null}, []]));
        writer.key("r");
        writer.raw(b"{ \"as\":1 }");
        writer.close();
        let text = String::from_utf8(writer.finish()).unwrap();
        assert_eq!(
            text,
            "{\n  \"b\": \"x\\\"\\n\",\n  \"a\": 7,\n  \"o\": {},\n  \"v\": [\n    1,\n    {\n      \
             \"k\": null\n    },\n    []\n  ],\n  \"r\": { \"as\":1 }\n}\n"
        );
    }

    #[test]
    fn stops_soon_after_the_bytes_that_it_may_write() {
        let mut writer = JsonWriter::up_to(1_000);
        writer.open();
        for _ in 0..10_000 {
            writer.member("a", &"\u{1}".repeat(100));
        }
        writer.close();
        assert!(writer.is_over());
        assert!(writer.finish().len() < 30_000);
        let mut short = JsonWriter::up_to(1_000);
        short.text("short");
        assert!(!short.is_over());
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text: String) {
            let mut writer = JsonWriter::default();
            writer.text(&text);
            let read: String = serde_json::from_slice(&writer.finish()).unwrap();
            prop_assert_eq!(read, text);
        }
    }
}
