//! Mappings: what documents look like on the other side of a route, and how what comes from there is
//! put into them. Each step takes the value at one place, may calculate another one from it, and
//! puts it at another place.

use muster_schema::{NoSources, Schema, Violation};
use muster_words::json::{self, Map, Value};
use thiserror::Error;

use super::{
    EvaluationFault, ExpressionError, RuleContext,
    evaluate::{Evaluation, PacedDocument},
    expression::{Expression, ExpressionVariables},
    limits::STEPS_MAX,
    singular_path::{NoSuchPlace, SingularPath, SingularPathError},
    value::{Cel, copied},
};

/// A compiled mapping.
#[derive(Debug)]
pub struct Mapping {
    /// As it was written.
    written: Value,
    config: SingularPath,
    outbound: Option<Vec<MappingStep>>,
    inbound: Option<Vec<MappingStep>>,
    schema: Option<Schema>,
    /// Whether what fails keeps a document from going on; else it is only told.
    pub blocks_on_failure: bool,
    /// Whether warnings are told.
    pub notifies_on_warning: bool,
}

impl PartialEq for Mapping {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[derive(Debug)]
struct MappingStep {
    from: Option<SingularPath>,
    to: SingularPath,
    value: Option<Expression>,
}

/// Where documents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingDirection {
    /// From here to the other side.
    Outbound,
    /// From there to here.
    Inbound,
}

impl MappingDirection {
    const fn name(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }
}

/// Why a value isn't a mapping.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{reason}")]
pub struct MappingError {
    /// The place in the mapping, as a JSON Pointer.
    pub pointer: String,
    /// What is wrong there.
    pub reason: MappingErrorReason,
}

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MappingErrorReason {
    /// It has another form.
    #[error("a mapping is an object, and each of its steps has to, and from or value or both")]
    Shape,
    /// A place can't be read.
    #[error(transparent)]
    Path(#[from] SingularPathError),
    /// An expression can't be used.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// The schema isn't one.
    #[error("the schema can't be used: {0}")]
    Schema(String),
}

/// Why a mapping can't be applied to a document.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("step {number} of {}: {reason}", direction.name())]
pub struct MappingFault {
    /// The direction.
    pub direction: MappingDirection,
    /// The number of the step, from 1.
    pub number: usize,
    /// What is wrong.
    pub reason: MappingFaultReason,
}

/// Why a step can't be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MappingFaultReason {
    /// Its expression can't be evaluated.
    #[error("{}", without_values(.0))]
    Evaluation(#[from] EvaluationFault),
    /// Its value can't be put where it should be.
    #[error(transparent)]
    Place(#[from] NoSuchPlace),
}

/// A fault without values of the document: what is told of a mapping stays where it is told when the
/// document is erased.
fn without_values(fault: &EvaluationFault) -> String {
    match fault {
        EvaluationFault::NotReadable { wanted, .. } => {
            format!("a text can't be converted to {wanted}")
        }
        EvaluationFault::Pattern { .. } => "the pattern can't be used".to_owned(),
        fault => fault.to_string(),
    }
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// See [`MappingError`].
    pub fn read(written: &Value) -> Result<Self, MappingError> {
        let map = written.as_object().ok_or_else(|| shape(""))?;
        let config = match map.get("configPath") {
            None => SingularPath::default(),
            Some(text) => place(text, || "/configPath".to_owned())?,
        };
        let flag = |name| match map.get(name) {
            None => Ok(true),
            Some(value) => value.as_bool().ok_or_else(|| shape(&format!("/{name}"))),
        };
        let validates = flag("validateOnSync")?;
        // One that isn't asked must be one all the same.
        let schema = map.get("schema").map(compiled).transpose()?;
        let schema = schema.filter(|_| validates);
        Ok(Self {
            config,
            outbound: steps(map, MappingDirection::Outbound)?,
            inbound: steps(map, MappingDirection::Inbound)?,
            schema,
            blocks_on_failure: flag("blockOnValidationFailure")?,
            notifies_on_warning: flag("notifyOnWarning")?,
            written: written.clone(),
        })
    }

    /// Whether documents look the same on both sides, so that they needn't be data.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        let has_steps = self.outbound.is_some() || self.inbound.is_some();
        !has_steps && self.schema.is_none() && self.config == SingularPath::default()
    }

    /// The document of the other side after a change here. `theirs` is what it says there now; members
    /// that no step names stay. None if there is nothing here that is mapped.
    ///
    /// # Errors
    /// See [`MappingFault`].
    pub fn outbound(
        &self,
        ours: &Value,
        theirs: Option<&Value>,
        at: &RuleContext,
    ) -> Result<Option<Value>, MappingFault> {
        let Some(source) = self.config.get(ours) else { return Ok(None) };
        let Some(steps) = &self.outbound else { return Ok(Some(source.clone())) };
        // What theirs would make here.
        let known = theirs.and_then(|theirs| {
            let mut known = Value::Object(Map::new());
            let back = self.inbound.as_ref()?;
            apply(back, MappingDirection::Inbound, (theirs, None), &mut known, at).ok()?;
            Some(known)
        });
        let mut result = theirs.cloned().unwrap_or_else(|| Value::Object(Map::new()));
        let from = (source, known.as_ref());
        apply(steps, MappingDirection::Outbound, from, &mut result, at)?;
        Ok(Some(result))
    }

    /// The document here after a change on the other side. `ours` is what it says here now; what lies
    /// outside `configPath` stays, and members that no step names.
    ///
    /// # Errors
    /// See [`MappingFault`].
    pub fn inbound(
        &self,
        theirs: &Value,
        ours: Option<&Value>,
        at: &RuleContext,
    ) -> Result<Value, MappingFault> {
        let direction = MappingDirection::Inbound;
        let mut result = ours.cloned().unwrap_or(Value::Null);
        let value = match &self.inbound {
            None => theirs.clone(),
            Some(steps) => {
                let now = self.config.get(&result);
                // What ours would make there.
                let known = now.and_then(|now| {
                    let mut known = Value::Object(Map::new());
                    let out = self.outbound.as_ref()?;
                    apply(out, MappingDirection::Outbound, (now, None), &mut known, at).ok()?;
                    Some(known)
                });
                let mut value = now.cloned().unwrap_or_else(|| Value::Object(Map::new()));
                apply(steps, direction, (theirs, known.as_ref()), &mut value, at)?;
                value
            }
        };
        let put = self.config.set(&mut result, value);
        put.map_err(|error| MappingFault { direction, number: 0, reason: error.into() })?;
        Ok(result)
    }

    /// What the schema of the other side says about a document as it is there.
    #[must_use]
    pub fn violations(&self, theirs: &Value) -> Vec<Violation> {
        let Some(schema) = &self.schema else { return Vec::new() };
        schema.validate(theirs).into_iter().collect()
    }
}

fn shape(pointer: &str) -> MappingError {
    MappingError { pointer: pointer.to_owned(), reason: MappingErrorReason::Shape }
}

fn compiled(schema: &Value) -> Result<Schema, MappingError> {
    Schema::parse(schema.to_string().as_bytes(), &NoSources).map_err(|error| MappingError {
        pointer: "/schema".to_owned(),
        reason: MappingErrorReason::Schema(error.to_string()),
    })
}

fn place(text: &Value, pointer: impl Fn() -> String) -> Result<SingularPath, MappingError> {
    let text = text.as_str().ok_or_else(|| shape(&pointer()))?;
    SingularPath::parse(text)
        .map_err(|error| MappingError { pointer: pointer(), reason: error.into() })
}

fn steps(
    map: &Map<String, Value>,
    direction: MappingDirection,
) -> Result<Option<Vec<MappingStep>>, MappingError> {
    let name = direction.name();
    let Some(written) = map.get(name) else { return Ok(None) };
    let written = written.as_array().ok_or_else(|| shape(&format!("/{name}")))?;
    let steps = written.iter().enumerate().map(|(index, step)| {
        let pointer = |member: &str| format!("/{name}/{index}/{member}");
        let from = step.get("from").map(|from| place(from, || pointer("from"))).transpose()?;
        let to = step.get("to").ok_or_else(|| shape(&format!("/{name}/{index}")))?;
        let value = match step.get("value") {
            None if from.is_none() => return Err(shape(&format!("/{name}/{index}"))),
            None => None,
            Some(text) => {
                let text = text.as_str().ok_or_else(|| shape(&pointer("value")))?;
                let compiled = Expression::compile(text, ExpressionVariables::OfMapping);
                Some(compiled.map_err(|error| MappingError {
                    pointer: pointer("value"),
                    reason: error.into(),
                })?)
            }
        };
        Ok(MappingStep { from, to: place(to, || pointer("to"))?, value })
    });
    steps.collect::<Result<_, _>>().map(Some)
}

/// Does the steps, which have as many steps of evaluation together as one rule. A step is left out if
/// what it begins with follows already from what its other side says, which is `known`: else steps
/// that lose something, such as a division, would change what nobody changed.
fn apply(
    steps: &[MappingStep],
    direction: MappingDirection,
    (source, known): (&Value, Option<&Value>),
    result: &mut Value,
    at: &RuleContext,
) -> Result<(), MappingFault> {
    let mut evaluation = Evaluation::new(PacedDocument::of(source), at, STEPS_MAX);
    for (index, step) in steps.iter().enumerate() {
        let fault = |reason| MappingFault { direction, number: index + 1, reason };
        let found = step.from.as_ref().map(|from| from.get(source));
        // What isn't there isn't there on the other side either.
        if found == Some(None) {
            step.to.remove(result);
            continue;
        }
        let found = found.flatten();
        let follows = |from: &SingularPath| known.and_then(|known| from.get(known));
        if found.is_some() && step.from.as_ref().and_then(follows) == found {
            continue;
        }
        let value = match &step.value {
            None => copied(found.unwrap_or(&Value::Null), &mut evaluation),
            Some(expression) => {
                evaluation.give(found.map_or(Cel::Null, Cel::of));
                let calculated = evaluation.result(expression);
                calculated.and_then(|value| value.to_json(&mut evaluation))
            }
        };
        let value = value.map_err(|error| fault(error.into()))?;
        step.to.set(result, value).map_err(|error| fault(error.into()))?;
    }
    Ok(())
}

/// The bytes of a mapped document: those that there are if they say the same, so that nothing is
/// written anew only because it would look different.
#[must_use]
pub fn mapped_bytes(value: &Value, now: Option<&[u8]>) -> Vec<u8> {
    match now.filter(|now| json::parse(now).is_ok_and(|said| said == *value)) {
        Some(now) => now.to_vec(),
        None => value.to_string().into_bytes(),
    }
}
