/// JSON text with a line for each member and each item. The order of members, numbers and strings
/// stay as they are. Text that isn't JSON stays readable.
#[must_use]
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut letters = json.trim().chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                out.push('"');
                let mut escaped = false;
                for letter in letters.by_ref() {
                    out.push(letter);
                    if letter == '"' && !escaped {
                        break;
                    }
                    escaped = letter == '\\' && !escaped;
                }
            }
            '{' | '[' => {
                out.push(letter);
                while letters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                match letters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter if letter.is_ascii_whitespace() => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_json_out_and_keeps_what_it_says() {
        for (text, expect) in [
            ("{}", "{}"),
            ("[ ]", "[]"),
            ("1.50", "1.50"),
            (r#"{"b":1,"a":[]}"#, "{\n  \"b\": 1,\n  \"a\": []\n}"),
            (r#"[{"x":"a:{,\\\""}, 2]"#, "[\n  {\n    \"x\": \"a:{,\\\\\\\"\"\n  },\n  2\n]"),
            ("{\n  \"b\": {\n }\n}\n", "{\n  \"b\": {}\n}"),
        ] {
            assert_eq!(indented(text), expect, "{text}");
        }
    }
}
