#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use bytes::Bytes;
use muster_catalog::command::{Action, Command, KeyGrant, KeyManagerRule};
use muster_journal::MemoryLedger;
use muster_ledger::CommandId;
use muster_model::Foundation;
use muster_registry::{Clock, CommandOrigin, Genesis, RegistrySettings};

use super::*;

pub(super) async fn open(access: Access) -> (Registry, Arc<Gate>) {
    let clock = Clock {
        now: Arc::new(|| Moment::EPOCH),
        command_id: Arc::new(|| CommandId(1_u128.to_be_bytes())),
    };
    let mut settings = RegistrySettings::new(Foundation::BuiltIn, clock);
    settings.genesis = Some(Genesis { registry: "test".parse().unwrap(), actor: "test".into() });
    let registry = Registry::open(Box::new(MemoryLedger::new()), settings).await.unwrap();
    let gate = Gate::open(registry.clone(), access).await.unwrap();
    (registry, gate)
}

fn refusal(grant: Result<AccessGrant, Problem>) -> &'static str {
    grant.err().map_or("", |problem| problem.code().name())
}

async fn create_key(registry: &Registry) {
    let grant = KeyGrant { is_limited: false, expires: None };
    let (id, record) = ("01010101".parse().unwrap(), Bytes::from("{}"));
    let action = Action::CreateKey { id, record, grant, rule: KeyManagerRule::WhileKeys };
    registry.submit(Command::new(action), &CommandOrigin::of_owner()).await.unwrap();
}

#[tokio::test]
async fn a_grant_ends_with_the_openness_that_its_caller_was_admitted_by() {
    let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let (registry, gate) = open(Access::default()).await;
    let principal = gate.admit(None, here).unwrap();
    let early = gate.grant_of_key(&principal).unwrap();
    assert!(early.holds());
    // The first key comes after the admission, and before the grant of a slower request.
    create_key(&registry).await;
    assert!(!early.holds());
    assert_eq!(refusal(gate.grant_of_key(&principal)), "key_required");
    assert!(gate.admit(None, here).is_err());
}

#[tokio::test]
async fn a_grant_by_the_given_key_or_to_anybody_outlives_the_first_key() {
    let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let given = GivenKey::new("correct-horse-battery").ok();
    let anonymous = Principal::new(muster_guard::ANONYMOUS_ACTOR, muster_guard::Role::Consumer);
    let (registry, gate) = open(Access { given, anonymous: Some(anonymous) }).await;
    let holder = gate.admit(Some(b"Bearer correct-horse-battery"), here).unwrap();
    let nobody = gate.admit(None, here).unwrap();
    let grants = [&holder, &nobody].map(|whom| gate.grant_of_key(whom).unwrap());
    create_key(&registry).await;
    assert!(grants.iter().all(AccessGrant::holds));
}

#[tokio::test]
async fn grants_nothing_to_a_key_that_ended_after_it_was_admitted() {
    let here: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let (registry, gate) = open(Access::default()).await;
    let key = ApiKey::new([1; 4], [1; 32]).unwrap();
    let record = key.record([9; muster_guard::SALT_BYTES], muster_guard::Role::Admin, None);
    let (id, rule) = (key.id().clone(), KeyManagerRule::WhileKeys);
    let action = Action::CreateKey {
        id: id.clone(),
        record: record.to_bytes(),
        grant: record.grant(),
        rule,
    };
    let origin = CommandOrigin::of_owner();
    let made = registry.submit(Command::new(action), &origin).await.unwrap();
    gate.keep(&key, made.view.catalog().keys[&id].record, record);
    let header = format!("Bearer {}", *key.text());
    let principal = gate.admit(Some(header.as_bytes()), here).unwrap();
    let early = gate.grant_of_key(&principal).unwrap();
    for action in [Action::RevokeKey { id: id.clone(), rule }, Action::ForgetKey { id }] {
        let done = registry.submit(Command::new(action), &origin).await.unwrap();
        gate.drop_forgotten(done.view.catalog());
        assert!(!early.holds());
        assert_eq!(refusal(gate.grant_of_key(&principal)), "key_unknown");
    }
    // No key is left, so everybody on this computer may do everything; but not by that key.
    assert_eq!(&*gate.admit(None, here).unwrap().id, "admin");
    early.ended().await;
}
