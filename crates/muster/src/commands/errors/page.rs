use std::fmt::Write as _;

use muster_wire::{CodeOrigin, ErrorCode};

use crate::OwnCode;

const HEAD: &str = "# Errors

The errors of the API and of the command line, as `muster errors` lists them. Generated from the \
program by `tests/pages target/debug/muster --write`; change them there.

Programs should decide by `reason`, which never changes its meaning. `code` is the HTTP status, as \
in xRegistry. `type` is xRegistry's URI, or `urn:muster:error:<reason>` for errors that the \
specification doesn't define. *Again* means that the \
same request may succeed later. After an error nothing of the request was done, except for errors \
marked *unsure*, after which a part may have been done.
";

const OWN: &str = "
## The command line's own

These errors don't come from a registry: they say why `muster` itself failed. With `--output json` \
they have the format of a registry's errors, without `code`.

| reason | meaning | what to do |
|---|---|---|
";

/// The reference page of all codes.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, wanted) in [
        ("Ours", CodeOrigin::Muster),
        ("xRegistry's", CodeOrigin::Specification),
        ("xRegistry's, from its HTTP binding", CodeOrigin::HttpBinding),
    ] {
        // Writing into a String can't fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| reason | status | meaning | what to do | |\n|---|---:|---|---|---|\n"
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
