//! The grammar of names ("Names" in the specification).

use std::borrow::Cow;

/// A letter or an underscore, then letters, digits and underscores, all of ASCII.
pub(crate) fn is_simple_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Simple names with dots between them.
pub(crate) fn is_full_name(name: &str) -> bool {
    name.split('.').all(is_simple_name)
}

/// A full name, or nothing: the namespace of names without one.
pub(crate) fn is_namespace(name: &str) -> bool {
    name.is_empty() || is_full_name(name)
}

/// The full name that a name has in a namespace.
pub(crate) fn qualified<'a>(name: &'a str, namespace: &str) -> Cow<'a, str> {
    if namespace.is_empty() || name.contains('.') {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{namespace}.{name}"))
    }
}
