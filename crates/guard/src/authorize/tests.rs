#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use muster_catalog::command::Delete;
use muster_words::{XidPatterns, json};

use super::*;

fn scoped(role: Role, place: &str) -> Principal {
    let scope = XidPatterns::new(vec![place.parse().unwrap()]);
    Principal { scope: Some(Arc::new(scope)), ..Principal::new("k1", role) }
}

#[test]
fn asks_first_for_the_place_and_then_for_the_permission() {
    let role = |role, permission| Err(Forbidden::Role { role, permission });
    use Permission::{ManageKeys, ReadDocuments, ReadLedger, ReadRegistry, WriteDocuments};
    for (who, permission, place, expect) in [
        (Role::Admin, ManageKeys, "/", Err(Forbidden::Scope)),
        (Role::Admin, ReadRegistry, "/", Ok(Extent::All)),
        (Role::Admin, WriteDocuments, "/providers/cms/entries/a", Ok(Extent::All)),
        (Role::Admin, WriteDocuments, "/providers", Ok(Extent::All)),
        (Role::Admin, WriteDocuments, "/stacks", Err(Forbidden::Scope)),
        (Role::Admin, ReadDocuments, "/providers/ssg", Err(Forbidden::Scope)),
        (Role::Publisher, Permission::DeleteDocuments, "/providers/cms", Ok(Extent::Own)),
        (Role::Auditor, ReadLedger, "/", Err(Forbidden::Scope)),
        (Role::Consumer, WriteDocuments, "/stacks", Err(Forbidden::Scope)),
        (Role::Consumer, WriteDocuments, "/providers", role(Role::Consumer, WriteDocuments)),
    ] {
        let principal = scoped(who, "/providers/cms");
        assert_eq!(authorize(&principal, permission, place), expect, "{who} {permission} {place}");
        let principal = Principal::new("k1", who);
        let unscoped = who.extent(permission).ok_or(Forbidden::Role { role: who, permission });
        assert_eq!(authorize(&principal, permission, place), unscoped, "{who} {permission}");
    }
}

fn write(mode: Mode, target: Target, body: &str) -> Command {
    let json::Value::Object(map) = json::parse(body.as_bytes()).unwrap() else { unreachable!() };
    Command::new(Action::Write(Write { mode, target, body: WriteBody::Tree(map) }))
}

fn entity(xid: &str) -> Target {
    Target::Entity(xid.parse().unwrap())
}

#[test]
fn whoever_approves_says_nothing_else_with_it() {
    let mut command =
        write(Mode::Patch, entity("/providers/cms/entries/a"), r#"{"state": "stable"}"#);
    command.set_default = Some(muster_catalog::command::SetDefault::Request);
    assert_eq!(needs(Role::Reviewer, &command), [Permission::WriteDocuments]);
}

fn delete(target: Target, purge: bool) -> Command {
    let delete = Delete { target, chosen: None, epoch: None, purge, force: false };
    Command::new(Action::Delete(delete))
}

#[test]
fn knows_what_each_command_needs() {
    let entry = || entity("/providers/cms/entries/a");
    let key = "k1".parse().unwrap();
    for (command, expect) in [
        (write(Mode::Put, entry(), "{}"), "document:write"),
        (write(Mode::Patch, entry(), r#"{"state": "stable"}"#), "document:approve"),
        (write(Mode::Patch, entry(), r#"{"state": "draft"}"#), "document:reject"),
        (write(Mode::Patch, entry(), r#"{"state": "retired"}"#), "document:write"),
        (write(Mode::Patch, entry(), r#"{"state": "stable", "name": "x"}"#), "document:write"),
        (write(Mode::Put, entry(), r#"{"state": "stable"}"#), "document:write"),
        (write(Mode::Post, entity("/"), "{}"), "document:write"),
        (write(Mode::Put, entity("/"), "{}"), "registry:write"),
        (write(Mode::Put, entity("/"), r#"{"modelsource": {}}"#), "registry:write model:write"),
        (
            write(Mode::Patch, entity("/"), r#"{"capabilities": {}}"#),
            "registry:write capabilities:write",
        ),
        (write(Mode::Put, Target::Model, "{}"), "model:write"),
        (write(Mode::Put, Target::Capabilities, "{}"), "capabilities:write"),
        (delete(entry(), false), "document:delete"),
        (delete(entry(), true), "document:purge"),
        (Command::new(Action::Restore("/providers/cms".parse().unwrap())), "document:restore"),
        (Command::new(Action::ForgetKey { id: key }), "key:manage"),
    ] {
        let needs = needs(Role::Reviewer, &command);
        let names: Vec<_> = needs.iter().map(|permission| permission.name()).collect();
        assert_eq!(names.join(" "), expect, "{command:?}");
    }
}

#[test]
fn leaves_to_the_decision_what_depends_on_what_is_there() {
    let entry = || entity("/providers/cms/entries/a");
    let publisher = scoped(Role::Publisher, "/providers");
    let authority = authorize_command(&publisher, &delete(entry(), false)).unwrap();
    assert_eq!(authority.own, Some(publisher.same_name.clone()));
    assert_eq!(authority.within, publisher.scope);
    let approval = write(Mode::Patch, entry(), r#"{"state": "stable"}"#);
    let authority = authorize_command(&scoped(Role::Reviewer, "/providers"), &approval).unwrap();
    assert!(authority.only_in_review);
    let authority = authorize_command(&publisher, &approval).unwrap();
    assert!(!authority.only_in_review && authority.own.is_none());
    let owner = authorize_command(&Principal::owner(), &delete(entry(), true));
    assert_eq!(owner, Ok(Authority::default()));
    assert!(authorize_command(&publisher, &delete(entry(), true)).is_err());
}
