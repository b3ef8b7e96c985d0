use std::{io, process::ExitCode};

use muster_client::{ClientError, ErrorResponse, TlsFault, TransportError};
use muster_wire::ErrorCode;
use muster_words::json::Value;
use serde_json::json;

pub use self::code::{FailureCode, OwnCode};
use crate::output::{Finding, Format, Screen, Style, findings, sanitized, yaml};

/// The meaning of an exit code; documented in `muster help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command succeeded.
    Done,
    /// The command was refused or failed.
    Refused,
    /// The command line wasn't understood.
    Usage,
    /// The ledger doesn't verify.
    Unverified,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Unverified => 3,
        })
    }
}

/// Why a command failed: what happened, where, and what to do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure(Box<FailureDetails>);

/// The content of a failure. It is boxed to keep a `Result` with a failure small.
#[derive(Clone, Debug, PartialEq)]
struct FailureDetails {
    exit: Exit,
    /// None if there is nothing to print.
    code: Option<FailureCode>,
    what: String,
    lines: Vec<String>,
    findings: Vec<Finding>,
    help: Option<String>,
    answer: Option<Value>,
}

impl Failure {
    /// A failure with a stable code and what happened.
    #[must_use]
    pub fn new(code: impl Into<FailureCode>, what: impl Into<String>) -> Self {
        Self::with(Some(code.into()), what.into())
    }

    fn with(code: Option<FailureCode>, what: String) -> Self {
        Self(Box::new(FailureDetails {
            exit: Exit::Refused,
            code,
            what,
            lines: Vec::new(),
            findings: Vec::new(),
            help: None,
            answer: None,
        }))
    }

    /// The command line wasn't understood.
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(OwnCode::Usage, what).exit(Exit::Usage)
    }

    /// Standard output can't be written; that its reader has left counts as success.
    #[must_use]
    pub fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::output_closed(),
            _ => Self::new(OwnCode::OutputFailed, format!("the output can't be written: {error}")),
        }
    }

    /// The reader of the output has left. Nothing is printed, and it counts as success.
    #[must_use]
    pub fn output_closed() -> Self {
        Self::already_reported(Exit::Done)
    }

    /// Everything was already printed; only the exit code is left.
    #[must_use]
    pub fn already_reported(exit: Exit) -> Self {
        Self::with(None, String::new()).exit(exit)
    }

    /// Sets the exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.0.exit = exit;
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Adds what to do next, if it is known.
    #[must_use]
    pub fn help_some(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Adds lines under the message.
    #[must_use]
    pub fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.0.lines.extend(lines);
        self
    }

    /// Adds violations of documents.
    #[must_use]
    pub fn findings(mut self, findings: Vec<Finding>) -> Self {
        self.0.findings = findings;
        self
    }

    /// Replaces the message.
    #[must_use]
    pub fn with_message(mut self, what: impl Into<String>) -> Self {
        self.0.what = what.into();
        self
    }

    /// Whether the failure has this code.
    #[must_use]
    pub fn is(&self, code: impl Into<FailureCode>) -> bool {
        self.0.code == Some(code.into())
    }

    /// What happened.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The code; none if there is nothing to print.
    #[must_use]
    pub fn code(&self) -> Option<&FailureCode> {
        self.0.code.as_ref()
    }

    /// What to do next.
    #[must_use]
    pub fn help_text(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> Exit {
        self.0.exit
    }

    /// The failure as text for standard error, without a final line break; none if there is nothing
    /// to print.
    #[must_use]
    pub fn render(&self, screen: &Screen) -> Option<String> {
        let details = &*self.0;
        let code = details.code.as_ref()?;
        match screen.format {
            Format::Table => {}
            Format::Json => return Some(self.json().to_string()),
            Format::Yaml => return Some(yaml::to_yaml(&self.json()).trim_end().to_owned()),
        }
        let error = screen.paint_error(Style::Removed, "error:");
        let code = screen.paint_error(Style::Dim, &format!("[{}]", sanitized(&code.to_string())));
        let mut lines = vec![format!("{error} {}  {code}", sanitized(&details.what))];
        lines.extend(details.lines.iter().map(|line| format!("  {}", sanitized(line))));
        lines.extend(findings::render(&details.findings, screen, "  "));
        if let Some(help) = &details.help {
            let label = screen.paint_error(Style::Added, "help:");
            lines.push(format!("{label} {}", sanitized(help)));
        }
        Some(lines.join("\n"))
    }

    /// The JSON for programs: the server's answer, or the same shape.
    #[must_use]
    pub fn json(&self) -> Value {
        let details = &*self.0;
        if let Some(answer) = &details.answer {
            return answer.clone();
        }
        let code = details.code.as_ref().map_or("", FailureCode::name);
        let mut body = json!({
            "type": format!("urn:muster:error:{code}"),
            "reason": code,
            "title": details.what,
        });
        if let Some(help) = &details.help {
            body["help"] = help.as_str().into();
        }
        if !details.lines.is_empty() {
            body["detail"] = details.lines.join("\n").into();
        }
        if !details.findings.is_empty() {
            body["violations"] = details.findings.iter().map(Finding::json).collect();
        }
        body
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(refusal) => Self::from(*refusal),
            ClientError::Transport(error) => Self::from(error),
            error @ ClientError::Unsendable { .. } => {
                Self::usage(error.to_string()).help("use ASCII without a line break")
            }
            error @ ClientError::Unexpected { .. } => {
                Self::new(OwnCode::UnexpectedAnswer, error.to_string())
                    .help("check that it is a Muster registry of this release: muster status")
            }
        }
    }
}

impl From<ErrorResponse> for Failure {
    fn from(refusal: ErrorResponse) -> Self {
        let named = |list: &str| {
            let listed = refusal.json.get(list).and_then(Value::as_array);
            let texts = listed.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect::<Vec<_>>()
        };
        let references = named("references");
        let what = lower_first(&refusal.to_string());
        let code = FailureCode::named(refusal.code());
        let mut failure =
            Self::new(code.clone(), what).lines(references).help_some(help_for(&code, &refusal));
        failure.0.findings = refusal
            .violations()
            .iter()
            .map(|violation| {
                let subject = violation.subject.as_ref().or(refusal.body.subject.as_ref());
                let file = subject.map_or("document", |xid| xid.trim_start_matches('/'));
                Finding::of_answer(violation, file, &muster_words::Places::default())
            })
            .collect();
        if !refusal.json.is_null() {
            failure.0.answer = Some(refusal.json);
        }
        failure
    }
}

/// What to do next, in the command line's own terms.
fn help_for(code: &FailureCode, refusal: &ErrorResponse) -> Option<String> {
    match code {
        FailureCode::Registry(ErrorCode::Referenced) => {
            Some("delete or change those documents first, or add --force".to_owned())
        }
        FailureCode::Registry(ErrorCode::KeyRequired | ErrorCode::KeyUnknown) => Some(
            "send a key with --key-file or MUSTER_API_KEY; if nobody has one any more, stop the server, and muster keys create --data DIR makes one"
                .to_owned(),
        ),
        FailureCode::Registry(ErrorCode::PreconditionFailed) => Some(
            "get it again, apply the change to its current state, and put it with its new ETag"
                .to_owned(),
        ),
        FailureCode::Registry(ErrorCode::BadPosition) => Some(
            "muster log shows the positions and times that there are; the newest is the first"
                .to_owned(),
        ),
        FailureCode::Own(OwnCode::UnexpectedAnswer) => {
            Some("check that it is a Muster registry of this release: muster status".to_owned())
        }
        _ => refusal.help().map(lower_first),
    }
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        let help = match &error {
            TransportError::Refused { .. } => {
                "start one with muster serve, name another with --server URL, or open a data directory that no server uses with --data DIR".to_owned()
            }
            error => help_for_transport(error, "--server", "--server or MUSTER_SERVER"),
        };
        Self::new(code_of(&error), error.to_string()).help(help)
    }
}

impl Failure {
    /// The failure to reach a registry that isn't this command's own server, but the one whose
    /// address a flag such as `--from` holds.
    #[must_use]
    pub fn of_other_end(error: &TransportError, flag: &str) -> Self {
        Self::new(code_of(error), error.to_string()).help(help_for_transport(error, flag, flag))
    }
}

const fn code_of(error: &TransportError) -> OwnCode {
    match error {
        TransportError::Refused { .. } | TransportError::Unreachable { .. } => OwnCode::NoServer,
        TransportError::Tls { .. } => OwnCode::NotTrusted,
        TransportError::OtherScheme { .. } => OwnCode::OtherScheme,
        TransportError::Timeout { .. } | TransportError::Broken { .. } => OwnCode::NoAnswer,
        TransportError::TooLarge { .. } => OwnCode::AnswerTooLarge,
    }
}

/// What to do about a registry that doesn't answer: the flag with its address, and everything that
/// may hold the address.
fn help_for_transport(error: &TransportError, flag: &str, address: &str) -> String {
    match error {
        TransportError::Refused { .. } => {
            format!("check the address in {address}, and that a registry runs there")
        }
        TransportError::Unreachable { .. } => format!("check the address in {address}"),
        TransportError::Tls { fault, .. } => help_for_fault(fault, flag, address),
        TransportError::OtherScheme { .. } => {
            format!("correct the address in {address}; nothing was done")
        }
        TransportError::Timeout { .. } => "check that it is a registry; a write may still take effect, so check before you repeat it".to_owned(),
        TransportError::Broken { .. } => "check that it is a registry; a write may have taken effect, so check before you repeat it".to_owned(),
        TransportError::TooLarge { .. } => "ask for less: --limit, --filter".to_owned(),
    }
}

/// What to do about a server that can't be trusted.
fn help_for_fault(fault: &TlsFault, flag: &str, address: &str) -> String {
    let help = match fault {
        TlsFault::OtherName { .. } => {
            return format!("use a name of the certificate: {flag} https://NAME:PORT");
        }
        TlsFault::ClearText | TlsFault::Other(_) => {
            return format!("check the address in {address}");
        }
        TlsFault::UnknownAuthority => {
            "if you know who signed it, name the file of their certificate with --ca-cert or MUSTER_CA_CERT"
        }
        TlsFault::Expired => "renew the certificate, or correct this computer's clock",
        TlsFault::NotYetValid => "correct this computer's clock",
        TlsFault::Authority => {
            "give the server a certificate that this one signs; see \"Serve https\" in Muster's documentation"
        }
    };
    help.to_owned()
}

/// Lowers the first letter of a sentence, unless it begins with a name.
fn lower_first(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

mod code;

#[cfg(test)]
mod tests;
