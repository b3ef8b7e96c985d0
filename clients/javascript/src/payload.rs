use muster_schema::Payload;
use muster_words::json::{self, Value};
use napi::{
    Either,
    bindgen_prelude::{Buffer, Error, Result},
};

/// A payload that outlives the call.
pub(crate) enum OwnPayload {
    Json(Value),
    Binary(Vec<u8>),
    Framed(Vec<u8>),
}

impl OwnPayload {
    /// JSON as text, or bytes, which Confluent's serializers may have framed.
    pub(crate) fn of(payload: Either<String, Buffer>, is_framed: bool) -> Result<Self> {
        match payload {
            Either::A(text) => match json::parse(text.as_bytes()) {
                Ok(value) => Ok(Self::Json(value)),
                Err(error) => {
                    let what = format!("data_invalid: the payload isn't JSON: {error}");
                    Err(Error::from_reason(what))
                }
            },
            Either::B(bytes) if is_framed => Ok(Self::Framed(bytes.to_vec())),
            Either::B(bytes) => Ok(Self::Binary(bytes.to_vec())),
        }
    }

    pub(crate) fn payload(&self) -> Payload<'_> {
        match self {
            Self::Json(value) => Payload::Json(value),
            Self::Binary(bytes) => Payload::Binary(bytes),
            Self::Framed(bytes) => Payload::Framed(bytes),
        }
    }
}
