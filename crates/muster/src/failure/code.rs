use std::fmt;

use muster_registry::FaultKind;
use muster_wire::{ErrorCode, snake_case};

/// The code of a failure, for programs: one of the command line's own, one of a registry, or one of
/// a newer registry that this release doesn't know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureCode {
    /// A code of the command line.
    Own(OwnCode),
    /// A code of a registry.
    Registry(ErrorCode),
    /// A code of a newer registry.
    Unlisted(String),
}

impl FailureCode {
    /// Finds a code by its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match (ErrorCode::find(name), OwnCode::find(name)) {
            (Some(code), _) => Self::Registry(code),
            (None, Some(code)) => Self::Own(code),
            (None, None) => Self::Unlisted(name.to_owned()),
        }
    }

    /// The name, such as `no_server`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Own(code) => code.name(),
            Self::Registry(code) => code.name(),
            Self::Unlisted(name) => name,
        }
    }
}

impl From<OwnCode> for FailureCode {
    fn from(code: OwnCode) -> Self {
        Self::Own(code)
    }
}

impl From<ErrorCode> for FailureCode {
    fn from(code: ErrorCode) -> Self {
        Self::Registry(code)
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! own_codes {
    ($($name:ident: $meaning:literal, $help:literal;)+) => {
        /// One way in which a command fails without an answer from a registry. A released code
        /// keeps its name and its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum OwnCode {
            $(#[doc = $meaning] $name,)+
        }

        impl OwnCode {
            /// Every code, sorted by name.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name, in snake case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => snake_case!($name),)+
                }
            }

            /// What happened, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }

            /// What to do next, in one sentence.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$name => $help,)+
                }
            }
        }
    };
}

own_codes! {
    AddressInUse:
        "Another process listens on the address.",
        "Stop that process, or choose another address with --listen.";
    AlreadyThere:
        "The data directory already holds a registry.",
        "Start it with muster serve, or use another directory for the new one.";
    AnswerTooLarge:
        "The answer is larger than the command line reads.",
        "Ask for less, with --limit or --filter.";
    BackupBroken:
        "The file isn't a valid backup.",
        "Use another backup; the message says what is wrong with this one.";
    BadCertificate:
        "A file with a certificate or its private key can't be used.",
        "Correct the file as the message says.";
    BadFile:
        "A file can't be used as a document or as attributes.",
        "Correct the file as the message says.";
    BadFolder:
        "A file in the folder isn't a valid part of a catalog.",
        "Correct or remove the file that the message names.";
    BadId:
        "The text can't be the id of a registry.",
        "Use letters, digits and - . _ ~ : @, such as registry.example.";
    BadKey:
        "The environment variable MUSTER_API_KEY or MUSTER_ADMIN_KEY holds no API key.",
        "Set it to a key that muster keys create printed; the message says what else works.";
    BadKeyFile:
        "The file that --key-file names holds no API key.",
        "Save what muster keys create printed, and nothing else.";
    BadSettings:
        "A settings file, a setting or an environment variable has a value that can't be used.",
        "Correct the value; muster config default explains each setting.";
    ChainBroken:
        "An entry of the ledger doesn't follow the one before it.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    CheckpointBroken:
        "The ledger doesn't agree with its signed checkpoint.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    CircleTooLarge:
        "Documents that refer to each other in a circle don't fit into one request.",
        "Put some of them without the reference first, then apply the folder again.";
    ContentChanged:
        "Stored bytes don't match the digest in their entry.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    ContentMissing:
        "Stored bytes are missing, but no entry says that they were erased.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    DestinationBusy:
        "Another publication to the same destination is running.",
        "Wait for its end, then publish again.";
    DestinationFailed:
        "A file of the destination can't be read or written.",
        "Correct what the message names, then publish again; readers still find the earlier state.";
    DestinationForeign:
        "The destination holds other files, another registry's site, or a later state.",
        "Use another destination; the message says what is there, and whether --force replaces it.";
    DocumentDiffers:
        "The file doesn't hold a document that the proof is about.",
        "Compare its digest with the one that the message names; a byte more or less is another document.";
    DocumentElsewhere:
        "The registry has only the URL of the document.",
        "Get the document from that URL; --details shows its attributes.";
    Example:
        "The example of muster serve --demo can't be loaded.",
        "Report it; muster serve starts without the example.";
    Fault:
        "The server stopped because of a fault in Muster.",
        "Start it again, and report what its log says; no acknowledged write is lost.";
    FileExists:
        "The file to write exists already.",
        "Choose another name, or remove the file.";
    FileInUse:
        "The file exists already, or can't be written.",
        "Name a file that doesn't exist yet, in a folder that you can write to.";
    FoldDiffers:
        "A replay of the ledger gives a different catalog than the server's.",
        "Restart the server, and report it.";
    FoldFailed:
        "The entries of the ledger can't be replayed into a catalog.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    ForeignFolder:
        "The folder holds files that don't belong to a registry.",
        "Use an empty folder with --data DIR.";
    FormatMissing:
        "The data directory holds a registry, but its file FORMAT is missing.",
        "Restore the file: it holds the line 1, or 1 bare for a registry that was created with --bare.";
    FormatNewer:
        "A newer release of Muster wrote the data directory.",
        "Use that release or a later one.";
    InUse:
        "Another process uses the data directory.",
        "Send commands to that server with --server URL, or use another directory with --data DIR.";
    Incompatible:
        "A new version of a schema isn't compatible with an earlier one.",
        "Change it as the findings suggest, or put it under a new name.";
    Interrupted:
        "The command was interrupted.",
        "Run it again; finished work isn't repeated.";
    InvalidPayloads:
        "Payloads don't pass their schema.",
        "Correct the payloads as the findings say.";
    KeysUnreadable:
        "The API keys in the ledger can't be read.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    LedgerForked:
        "The ledger isn't a continuation of the older checkpoint: entries were rewritten after it was signed.",
        "Keep both checkpoints, because together they prove it; then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    LedgerKey:
        "The key that signs the ledger's checkpoints can't be read or created.",
        "Correct the key file as the message says.";
    LedgerUnreadable:
        "The ledger can't be read.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    LedgerUnusable:
        "The ledger can't be opened.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    LowQuality:
        "The quality of a schema is lower than asked for.",
        "Mend what the issues name.";
    NoAccount:
        "There is no user of this name on this computer.",
        "Make the user, or name another one with --run-as.";
    NoAnswer:
        "The connection broke, or the answer took too long. A write may have taken effect.",
        "Check whether it took effect before you repeat it.";
    NoCatalog:
        "No folder above the file has a model.json.",
        "Name the catalog's folder with --catalog.";
    NoDocuments:
        "The folder holds no document.",
        "Name a folder that holds documents, as <groups>/<group>/<resources>/<id>.json.";
    NoFile:
        "The file doesn't exist, or can't be read.",
        "Check its name and its permissions.";
    NoPatch:
        "There is no JSON Patch to print.",
        "Name one document that changed and is JSON or YAML in both states.";
    NoRegistry:
        "The data directory holds no registry.",
        "Create one with muster init, or name a server with --server URL.";
    NoServer:
        "No server answers at the address.",
        "Start one with muster serve, name another with --server URL, or open a directory that no server uses with --data DIR.";
    NoThreads:
        "The operating system can't start another thread.",
        "Raise the thread limit of this user.";
    NotBare:
        "The data directory holds a registry with the built-in model.",
        "Start it without --bare, or use another directory with --data DIR.";
    NotChecked:
        "Documents are bound to schemas or rules that aren't in the folder.",
        "Add the schemas and rules to the folder, or name a registry that has them with --against URL.";
    NotConfirmed:
        "The plan wasn't confirmed; nothing was changed.",
        "Read the plan, then confirm it or add --yes.";
    NotInstalled:
        "There is no such service on this computer.",
        "muster service status names the file that is looked for; --name, --scope and --supervisor say which service is meant.";
    NotPublished:
        "Some publications failed; the others were published.",
        "The message names each that failed and why. Correct it, then publish again.";
    NotSigned:
        "The ledger has no signed checkpoint that covers the entry.",
        "Use a registry with a data directory; one in memory signs nothing.";
    NotTrusted:
        "The server's certificate can't be trusted, or TLS with it can't begin.",
        "Give the certificate of its signer with --ca-cert FILE, or use a name that the certificate is for.";
    OtherId:
        "The data directory holds a registry with another id.",
        "Leave --registry-id out, or use another directory with --data DIR.";
    OtherScheme:
        "The server speaks https and the address says http, or the other way round.",
        "Use the address in the message.";
    OutputFailed:
        "The output can't be written.",
        "Check the disk, or the program that reads the output.";
    PartlyApplied:
        "Some changes of the folder were made, others were refused.",
        "Correct what the messages name, then apply the folder again; it doesn't repeat what is done.";
    PartlyExtracted:
        "Some values of a table didn't become documents; the others did.",
        "The messages name each with its place. Correct them in the table or by hand, or extract with --partial.";
    ProfileObstacles:
        "A schema can't be used with a provider of language models.",
        "Change the schema as the findings say.";
    ProofInvalid:
        "The proof or the checkpoint proves nothing: it is malformed, changed, or signed by another key.",
        "Ask for it again, and compare the key with the one that muster keys ledger prints.";
    SupervisorFailed:
        "systemctl or launchctl refused, or the server didn't start.",
        "Read the message; the log of the service says more.";
    SupervisorMissing:
        "There is no systemd or launchd that could run the server.",
        "Print the file with muster service install --print and install it where it is needed.";
    System:
        "The operating system refused something that the command needs.",
        "Read the message; it names the file or the address.";
    TailMissing:
        "The ledger ends before its signed checkpoint: entries at its end are lost.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    UnexpectedAnswer:
        "The server isn't a Muster registry, or is one of another release.",
        "Check the address; muster status shows the server there.";
    Unreadable:
        "A part of the ledger can't be read from its store.",
        "Copy the data directory, then follow \"When a ledger doesn't verify\" in Muster's documentation.";
    Usage:
        "The command line can't be understood.",
        "muster help COMMAND shows what the command takes.";
}

impl OwnCode {
    /// Finds a code by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

impl From<FaultKind> for OwnCode {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::ChainBroken => Self::ChainBroken,
            FaultKind::CheckpointBroken => Self::CheckpointBroken,
            FaultKind::ContentChanged => Self::ContentChanged,
            FaultKind::ContentMissing => Self::ContentMissing,
            FaultKind::FoldDiffers => Self::FoldDiffers,
            FaultKind::FoldFailed => Self::FoldFailed,
            FaultKind::FormatNewer => Self::FormatNewer,
            FaultKind::TailMissing => Self::TailMissing,
            FaultKind::Unreadable => Self::Unreadable,
        }
    }
}
