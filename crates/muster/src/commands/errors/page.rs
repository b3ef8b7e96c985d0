use std::fmt::Write as _;

use muster_wire::{CodeOrigin, ErrorCode};

use crate::OwnCode;

const HEAD: &str = "# Errors

Every way in which a registry refuses a request, and in which the command line fails. What \
`muster errors` lists, made from the program by `tests/pages target/debug/muster --write`; change \
it there.

Programs decide by `code`, which never changes its meaning; `type` is xRegistry's URI, or \
`urn:muster:error:<code>` for what the specification lacks. *Again* means that the very same \
request may succeed later. All of them leave nothing behind, except those marked *unsure*, of \
which something may have been done.
";

const OWN: &str = "
## The command line's own

No registry answers with these: they say why `muster` itself can't go on. With `--output json` they \
have the shape of a registry's errors.

| code | what has happened | what to do |
|---|---|---|
";

/// The page of the reference that lists all codes.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, wanted) in [
        ("Ours", CodeOrigin::Muster),
        ("xRegistry's", CodeOrigin::Specification),
        ("xRegistry's, of its HTTP binding", CodeOrigin::HttpBinding),
    ] {
        // Writing into a String can't fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| code | status | what has happened | what to do | |\n|---|---:|---|---|---|\n"
        );
        for code in ErrorCode::all().filter(|code| code.facts().origin == wanted) {
            let facts = code.facts();
            let marks = match (facts.retryable, facts.no_side_effects) {
                (true, true) => "again",
                (true, false) => "again, unsure",
                (false, true) => "",
                (false, false) => "unsure",
            };
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} | {marks} |",
                facts.name, facts.status, facts.meaning, facts.help
            );
        }
    }
    page.push_str(OWN);
    for code in OwnCode::ALL {
        let _ = writeln!(page, "| `{}` | {} | {} |", code.name(), code.meaning(), code.help());
    }
    page
}
