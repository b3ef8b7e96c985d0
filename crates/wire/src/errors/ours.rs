//! The error types that xRegistry lacks, as `urn:muster:error:<code>`.

use super::code::{ErrorCode, ErrorFacts, Origin, codes};

codes! { OURS
    INVALID_DOCUMENT: Muster 422,
        "The document was refused: <count>.",
        "The document breaks its schema, its rules or its references; violations names every one.",
        "Correct what violations lists; muster validate checks it without a server.";
    BINDING_BROKEN: Muster 422,
        "The binding of \"<subject>\" to \"<binding>\" can't hold: <error_detail>.",
        "What would be bound is not a usable schema or rule.",
        "Correct the schema or rule, or bind another.";
    BINDING_MISSING: Muster 422,
        "\"<subject>\" is bound to \"<binding>\", which is gone.",
        "Documents are checked against a schema or rule that no longer exists.",
        "Restore or put what is missing, or take the binding away.";
    REFERENCED: Muster 409,
        "\"<subject>\" can't be deleted: <count> would lead nowhere.",
        "Other documents refer to it; references names them.",
        "Delete or change them first, or add force to the request.";
    FROZEN: Muster 409,
        "The document of \"<subject>\" can't be replaced: versions in this collection are frozen.",
        "A version in this collection keeps its document for ever.",
        "Put it as a new version.";
    STATE_FINAL: Muster 409,
        "\"<subject>\" is retired and takes no other document or state.",
        "Retired is the last state of a version.",
        "Put it as a new version.";
    STATE_UNREACHABLE: Muster 409,
        "The state of \"<subject>\" can't change from \"<from>\" to \"<to>\".",
        "The lifecycle has no such step.",
        "draft, review, stable, deprecated, retired is the order; review may return to draft, and deprecated to stable.";
    NAME_TAKEN: Muster 409,
        "The name \"<subject>\" is taken by \"<existing>\".",
        "Names that differ only in case are the same name.",
        "Use the existing name, or another.";
    NOTHING_HIDDEN: Muster 404,
        "Nothing under \"<subject>\" was deleted that could be restored.",
        "There is no deleted entity of that name.",
        "muster log shows what was deleted; what was purged is gone.";
    RESTORE_REFUSED: Muster 409,
        "\"<subject>\" can't be restored: <error_detail>.",
        "The name is in use again, its group is deleted, or the model keeps fewer versions.",
        "Delete what has the name now, or restore the group first.";
    PURGED: Muster 410,
        "\"<subject>\" was erased and can't come back.",
        "A hard delete erased it; the ledger proves that it was there.",
        "Nothing brings it back.";
    PRECONDITION_FAILED: Muster 412,
        "The condition in <header> doesn't hold for \"<subject>\".",
        "It changed since the entity tag was read, or exists when it should not.",
        "Read it again, make the change on what is there now, and send its ETag.";
    IDEMPOTENCY_MISMATCH: Muster 422,
        "The Idempotency-Key was used before for another request.",
        "A key belongs to one request for 24 hours.",
        "Use a new key for each new request.";
    OUTCOME_UNKNOWN: Muster 503 retry true unsure true,
        "The store doesn't answer, and whether the change was made is not known yet.",
        "The change may have been made, or may still be.",
        "Repeat it with the same Idempotency-Key, or look whether it was made.";
    CONTENDED: Muster 503 retry true,
        "\"<subject>\" changed too often while the request was checked.",
        "What the request depends on kept moving; nothing was changed.",
        "Send it again.";
    BUSY: Muster 503 retry true,
        "The server has too much to write at the moment.",
        "The queue of writes is full, or the store doesn't answer; nothing was changed.",
        "Send it again after the seconds that Retry-After says.";
    DISK_FULL: Muster 507 retry true,
        "There is no room left where the ledger is stored.",
        "The change wasn't made; reading goes on.",
        "Make room on the server's disk; no restart is needed.";
    STORE_UNAVAILABLE: Muster 503 retry true,
        "The store can't be reached.",
        "The change wasn't made, or what was asked for can't be read now.",
        "Send it again; the server's log has the cause.";
    CORRUPT: Muster 500,
        "What is stored at position <position> doesn't match its digest.",
        "Stored bytes have changed since they were written.",
        "Run muster ledger verify; it names the first thing wrong.";
    COMMAND_TOO_LARGE: Muster 413,
        "The change is too large to be stored at once.",
        "One command is larger than the store takes.",
        "Split it into several requests.";
    BODY_TOO_LARGE: Muster 413,
        "The body is larger than <limit> bytes.",
        "A request's body has a limit.",
        "Split it into several requests.";
    DOCUMENT_TOO_LARGE: Muster 413,
        "The document of \"<subject>\" has <size> bytes; at most <limit> are stored.",
        "A document has a limit.",
        "Store large bytes elsewhere, and a document that names them here.";
    HEADERS_TOO_LARGE: Muster 431,
        "The headers are larger than <limit> bytes.",
        "A request's headers have a limit.",
        "Send attributes in the body, through $details.";
    UNSUPPORTED_ENCODING: Muster 415,
        "A body with Content-Encoding \"<encoding>\" is not accepted.",
        "Bodies are taken as they are, so that no small body can become a huge one.",
        "Send the body uncompressed.";
    UNSUPPORTED_MEDIA_TYPE: Muster 415,
        "A body of type \"<contenttype>\" is not accepted here.",
        "This path takes bodies of another type.",
        "Send application/json.";
    TOO_SLOW: Muster 408 retry true,
        "The body came too slowly.",
        "A request's body has to arrive at a least rate; nothing was changed.",
        "Send it again over a better connection.";
    BAD_POSITION: Muster 400,
        "The position \"<value>\" can't be used: <error_detail>.",
        "The text is no position, or one that this ledger hasn't reached.",
        "Use a position that an answer or an event carried; 0 is the beginning.";
    BAD_CURSOR: Muster 400,
        "The cursor for the next page can't be read.",
        "Cursors are made by the server and belong to one query.",
        "Begin again with the first page.";
    KEY_REQUIRED: Muster 401,
        "This registry asks for a key.",
        "The request carries no API key.",
        "Send Authorization: Bearer muster_…; muster keys create makes one.";
    KEY_UNKNOWN: Muster 401,
        "The key is not one of this registry's.",
        "The API key was revoked, or belongs elsewhere.",
        "Check the key; muster keys list shows those in force.";
    ROLE_DENIED: Muster 403,
        "\"<role>\" may not <action> on: <subject>.",
        "The key's role doesn't allow it.",
        "Use a key of another role.";
    ROLE_UNKNOWN: Muster 400,
        "There is no role \"<role>\".",
        "Until there are policies the only role is admin.",
        "Use admin.";
    LAST_KEY: Muster 409,
        "\"<subject>\" is the last key, and this registry can be reached from outside.",
        "Without a key everybody could do everything.",
        "Create another key first, or listen on 127.0.0.1.";
    HOST_REFUSED: Muster 421,
        "This registry doesn't answer for the host \"<host>\".",
        "Without keys it answers only requests that name this computer, so that no web page can reach it under a name of its own.",
        "Use 127.0.0.1 or localhost, or create a key: muster keys create.";
    ORIGIN_REFUSED: Muster 403,
        "Pages from \"<origin>\" may not do this.",
        "Without keys a web page of another origin may only read.",
        "Send it from the registry's own address, or create a key: muster keys create.";
    VERIFICATION_RUNNING: Muster 409 retry true,
        "The ledger is being verified already.",
        "One verification runs at a time.",
        "Wait for it, and ask again.";
    FOLLOWER_RUNNING: Muster 409,
        "\"<subject>\" runs, and goes on where it is.",
        "Only a follower that doesn't run can be told where to go on.",
        "muster status shows how each follower is.";
    NOT_READY: Muster 503 retry true,
        "The registry is starting.",
        "It still reads its ledger.",
        "Wait until /health/ready says so.";
    STOPPING: Muster 503 retry true,
        "The registry is stopping.",
        "It finishes what it has begun and takes nothing new.",
        "Send it again when it runs.";
}
