use bytes::Bytes;
use muster_words::{Id, Moment, limits::KEYS_MAX};

use super::{Decision, NoDecision};
use crate::{
    Catalog, Reason, Refusal,
    changes::{Change, ContentName, KeyCreated, KeyForgotten, KeyRevoked, Outcome},
    command::{KeyGrant, KeyManagerRule},
    state::RegisteredKey,
};

fn refused(id: &Id, reason: Reason) -> NoDecision {
    Refusal::new(format!("/keys/{id}"), reason).into()
}

/// Records a key, unless nobody could manage keys then: from the first key on everybody needs one.
pub(super) fn create(
    catalog: &Catalog,
    (id, record): (&Id, &Bytes),
    (grant, rule): (KeyGrant, KeyManagerRule),
    now: Moment,
) -> Result<Decision, NoDecision> {
    if catalog.keys.contains_key(id) {
        return Err(refused(id, Reason::NameTaken { existing: id.clone() }));
    }
    let kept = catalog.keys.values().filter(|key| key.revoked.is_none()).count();
    if kept >= KEYS_MAX {
        return Err(Refusal::new("/keys", Reason::TooManyKeys { limit: KEYS_MAX }).into());
    }
    let is_manager = !grant.is_limited && grant.expires.is_none_or(|expires| expires > now);
    let is_managed = || {
        let mut kept = catalog.keys.values().filter(|key| key.revoked.is_none());
        kept.any(|key| makes_keys(key, now))
    };
    if rule != KeyManagerRule::NotNeeded && !is_manager && !is_managed() {
        return Err(Refusal::new("/keys", Reason::NoKeyManager).into());
    }
    let named = ContentName::new(record);
    let change = KeyCreated {
        id: id.clone(),
        record: named,
        limited: grant.is_limited.then_some(true),
        expires: grant.expires.map(Moment::microseconds),
    };
    Ok(Decision {
        changes: vec![Change::KeyCreated(change)],
        contents: [(named.digest, record.clone())].into(),
        outcome: Some(Outcome::Created),
        ..Decision::default()
    })
}

/// Revokes a key, unless nobody could manage keys then, or the registry would be open.
pub(super) fn revoke(
    catalog: &Catalog,
    id: &Id,
    rule: KeyManagerRule,
    now: Moment,
) -> Result<Decision, NoDecision> {
    let Some(key) = catalog.keys.get(id).filter(|key| key.revoked.is_none()) else {
        return Err(Refusal::not_found(format!("/keys/{id}")).into());
    };
    let others = catalog.keys.iter().filter(|(other, key)| *other != id && key.revoked.is_none());
    let mut others = others.map(|(_, key)| key).peekable();
    let may_go = match (rule, others.peek()) {
        (KeyManagerRule::NotNeeded, _) | (KeyManagerRule::WhileKeys, None) => true,
        (KeyManagerRule::Always, None) => false,
        // A key that can't manage keys doesn't count here.
        (KeyManagerRule::WhileKeys | KeyManagerRule::Always, Some(_)) => {
            !makes_keys(key, now) || others.any(|other| makes_keys(other, now))
        }
    };
    if !may_go {
        return Err(refused(id, Reason::LastKey));
    }
    Ok(Decision {
        changes: vec![Change::KeyRevoked(KeyRevoked { id: id.clone() })],
        outcome: Some(Outcome::Removed),
        ..Decision::default()
    })
}

fn makes_keys(key: &RegisteredKey, now: Moment) -> bool {
    !key.is_limited && key.is_in_force(now)
}

/// Erases the record of an invalid key.
pub(super) fn forget(catalog: &Catalog, id: &Id, now: Moment) -> Result<Decision, NoDecision> {
    let Some(key) = catalog.keys.get(id) else {
        return Err(Refusal::not_found(format!("/keys/{id}")).into());
    };
    if key.is_in_force(now) {
        return Err(refused(id, Reason::KeyInForce));
    }
    let forgotten = Change::KeyForgotten(KeyForgotten { id: id.clone() });
    let changes = if key.is_forgotten { Vec::new() } else { vec![forgotten] };
    Ok(Decision { changes, outcome: Some(Outcome::Updated), ..Decision::default() })
}
