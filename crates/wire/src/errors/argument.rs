use muster_words::{Digest, Position, Xid};

/// A value that an error names: as text among `args`, or as a member of the body.
pub(super) trait Argument {
    /// The text for `args`; none if the value is unknown or is a member of the body.
    fn text(&self) -> Option<String>;

    /// A value for the example of an error whose argument has this name.
    fn sample(name: &str) -> Self;
}

macro_rules! texts {
    ($($type:ty: |$name:ident| $sample:expr;)+) => {
        $(impl Argument for $type {
            fn text(&self) -> Option<String> {
                Some(self.to_string())
            }

            fn sample($name: &str) -> Self {
                $sample
            }
        })+
    };
}

texts! {
    String: |name| format!("<{name}>");
    &'static str: |_name| "If-Match";
    u64: |_name| 5;
    usize: |_name| 4_194_304;
    Position: |_name| Position(7);
    Digest: |_name| Digest::of(b"");
    Xid: |_name| "/schemagroups/own/schemas/page".parse().unwrap_or(Self::Registry);
}

impl<T: Argument> Argument for Option<T> {
    fn text(&self) -> Option<String> {
        self.as_ref().and_then(T::text)
    }

    fn sample(_name: &str) -> Self {
        None
    }
}

/// A list is a member of the body, not text.
impl<T> Argument for Vec<T> {
    fn text(&self) -> Option<String> {
        None
    }

    fn sample(_name: &str) -> Self {
        Self::new()
    }
}
