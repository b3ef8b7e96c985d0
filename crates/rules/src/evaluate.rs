use muster_schema::heed_stop;
use muster_words::json::Value;

use super::{
    EvaluationFault, RuleContext,
    expression::{Expression, ExpressionVariables, Literal, Loop, LoopKind, Node},
    numbers,
    operators::{look_up, types},
    value::{Cel, List, Members, Text, key_name, same_key},
};

/// So many steps pass between two looks at whether to stop: about a millisecond.
const SLICE: u32 = 32_768;

/// One evaluation: the variables of the expression, and the steps that are left.
pub(super) struct Evaluation<'a> {
    variables: Vec<Cel<'a>>,
    left: u32,
    given: u32,
    pace: usize,
}

/// A document with the steps that one step counts for. Any step may read a number of the document,
/// and reading a number of a thousand digits takes as long as thirty others.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacedDocument<'a> {
    document: &'a Value,
    pace: usize,
}

/// A number of so many characters is read in a step.
const NUMBER_BYTES: usize = 32;

impl<'a> PacedDocument<'a> {
    /// The document, with the pace that its longest number asks for.
    pub(super) fn of(document: &'a Value) -> Self {
        Self { document, pace: 1 + longest_number(document) / NUMBER_BYTES }
    }
}

fn longest_number(value: &Value) -> usize {
    match value {
        Value::Number(number) => number.as_str().len(),
        Value::Array(items) => items.iter().map(longest_number).max().unwrap_or(0),
        Value::Object(map) => map.values().map(longest_number).max().unwrap_or(0),
        _ => 0,
    }
}

type Evaluated<'a> = Result<Cel<'a>, EvaluationFault>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(paced: PacedDocument<'a>, at: &'a RuleContext, steps: u32) -> Self {
        let PacedDocument { document, pace } = paced;
        let text = |text: &'a str| Cel::Text(Text::Read(text));
        let variables = vec![Cel::of(document), text(&at.xid), text(&at.group), text(&at.id)];
        Self { variables, left: steps, given: steps, pace }
    }

    /// Gives the next expression a value besides the document.
    pub(super) fn give(&mut self, value: Cel<'a>) {
        self.variables.truncate(ExpressionVariables::OfRule.names().len());
        self.variables.push(value);
    }

    /// The value of an expression.
    pub(super) fn result(&mut self, expression: &'a Expression) -> Evaluated<'a> {
        self.variables.truncate(expression.given);
        self.variables.resize(expression.given + expression.locals, Cel::Null);
        self.evaluate(&expression.root)
    }

    pub(super) fn steps_taken(&self) -> u32 {
        self.given - self.left
    }

    /// Uses up steps; fails if too few are left.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), EvaluationFault> {
        let steps = steps.saturating_mul(self.pace);
        let steps = u32::try_from(steps).map_err(|_| EvaluationFault::TooManySteps)?;
        let left = self.left.checked_sub(steps).ok_or_else(|| {
            self.left = 0;
            EvaluationFault::TooManySteps
        })?;
        if self.left / SLICE != left / SLICE {
            heed_stop();
        }
        self.left = left;
        Ok(())
    }

    /// Uses up steps for bytes that are read or written.
    pub(super) fn read(&mut self, bytes: usize) -> Result<(), EvaluationFault> {
        self.spend(bytes / 16)
    }

    fn evaluate(&mut self, node: &'a Node) -> Evaluated<'a> {
        self.spend(1)?;
        match node {
            Node::Literal(literal) => Ok(constant(literal)),
            Node::Variable(number) => Ok(self.variables.get(*number).cloned().unwrap_or(Cel::Null)),
            Node::Select { operand, field } => self.select(operand, field),
            Node::Has { operand, field } => match self.evaluate(operand)? {
                Cel::Map(members) => {
                    let key = Cel::Text(Text::Read(field));
                    Ok(Cel::Bool(look_up(&members, &key, self)?.is_some()))
                }
                other => Err(types("has", &[&other])),
            },
            Node::Index { operand, index } => {
                let (operand, index) = (self.evaluate(operand)?, self.evaluate(index)?);
                self.index(&operand, &index)
            }
            Node::Not(operand) => match self.evaluate(operand)? {
                Cel::Bool(value) => Ok(Cel::Bool(!value)),
                other => Err(types("!", &[&other])),
            },
            Node::Negate(operand) => negate(&self.evaluate(operand)?),
            Node::And(left, right) => self.either("&&", false, left, right),
            Node::Or(left, right) => self.either("||", true, left, right),
            Node::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                match self.evaluate(condition)? {
                    Cel::Bool(true) => self.evaluate(then),
                    Cel::Bool(false) => self.evaluate(otherwise),
                    other => Err(types("?:", &[&other])),
                }
            }
            Node::Operation { operator, left, right } => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                operator.apply(&left, &right, self)
            }
            Node::Call { function, arguments } => {
                let arguments: Vec<_> =
                    arguments.iter().map(|node| self.evaluate(node)).collect::<Result<_, _>>()?;
                function.call(&arguments, self)
            }
            Node::Matches { text, pattern } => match self.evaluate(text)? {
                Cel::Text(text) => {
                    self.spend(pattern.steps(text.as_str().len()))?;
                    Ok(Cel::Bool(pattern.is_match(text.as_str())))
                }
                other => Err(types("matches", &[&other])),
            },
            Node::List(items) => {
                let items: Vec<_> =
                    items.iter().map(|node| self.evaluate(node)).collect::<Result<_, _>>()?;
                Ok(Cel::List(List::Made(items.into())))
            }
            Node::Map(members) => self.make_map(members),
            Node::Loop(each) => self.run(each),
        }
    }

    fn select(&mut self, operand: &'a Node, field: &'a str) -> Evaluated<'a> {
        match self.evaluate(operand)? {
            Cel::Map(members) => look_up(&members, &Cel::Text(Text::Read(field)), self)?
                .ok_or_else(|| EvaluationFault::NoMember { name: field.to_owned() }),
            other => {
                Err(EvaluationFault::Types { operation: ".", types: other.type_name().to_owned() })
            }
        }
    }

    fn index(&mut self, operand: &Cel<'a>, index: &Cel<'a>) -> Evaluated<'a> {
        match operand {
            Cel::Map(members) => look_up(members, index, self)?
                .ok_or_else(|| EvaluationFault::NoMember { name: key_name(index).into_owned() }),
            Cel::List(list) => {
                let place = numbers::to_double(index).ok_or_else(|| types("[]", &[operand, index]));
                let whole = whole_place(index, place?);
                whole.and_then(|place| list.get(place)).ok_or_else(|| EvaluationFault::NoPlace {
                    index: key_name(index).into_owned(),
                    length: list.len(),
                })
            }
            _ => Err(types("[]", &[operand, index])),
        }
    }

    /// `&&` and `||`: a side that decides the result wins over a fault of the other (CEL, "Logical
    /// Operators").
    fn either(
        &mut self,
        operation: &'static str,
        settles: bool,
        left: &'a Node,
        right: &'a Node,
    ) -> Evaluated<'a> {
        let first = self.truth(operation, left);
        if first == Ok(settles) || first == Err(EvaluationFault::TooManySteps) {
            return first.map(Cel::Bool);
        }
        let second = self.truth(operation, right);
        if second == Ok(settles) {
            return Ok(Cel::Bool(settles));
        }
        first?;
        second.map(Cel::Bool)
    }

    fn truth(&mut self, operation: &'static str, node: &'a Node) -> Result<bool, EvaluationFault> {
        match self.evaluate(node)? {
            Cel::Bool(value) => Ok(value),
            other => Err(types(operation, &[&other])),
        }
    }

    fn make_map(&mut self, members: &'a [(Node, Node)]) -> Evaluated<'a> {
        let mut made: Vec<(Cel<'a>, Cel<'a>)> = Vec::with_capacity(members.len());
        for (key, value) in members {
            let key = self.evaluate(key)?;
            if !matches!(key, Cel::Text(_) | Cel::Bool(_) | Cel::Int(_) | Cel::Uint(_)) {
                return Err(types("{}", &[&key]));
            }
            self.spend(made.len())?;
            if made.iter().any(|(known, _)| same_key(known, &key)) {
                return Err(EvaluationFault::DuplicateKey);
            }
            made.push((key, self.evaluate(value)?));
        }
        Ok(Cel::Map(Members::Made(made.into())))
    }

    /// Runs a loop over a list's values or a map's keys.
    fn run(&mut self, each: &'a Loop) -> Evaluated<'a> {
        let mut progress = Progress { kind: each.kind, fault: None, count: 0, made: Vec::new() };
        match self.evaluate(&each.range)? {
            Cel::List(list) => {
                for item in list.iter() {
                    if self.step(each, item, &mut progress)? {
                        break;
                    }
                }
            }
            Cel::Map(members) => {
                for (key, _) in members.iter() {
                    if self.step(each, key, &mut progress)? {
                        break;
                    }
                }
            }
            other => return Err(types(each.kind.name(), &[&other])),
        }
        progress.result()
    }

    /// One iteration of a loop; true if it decides the result.
    fn step(
        &mut self,
        each: &'a Loop,
        item: Cel<'a>,
        progress: &mut Progress<'a>,
    ) -> Result<bool, EvaluationFault> {
        self.spend(1)?;
        if let Some(variable) = self.variables.get_mut(each.variable) {
            *variable = item;
        }
        let holds = match &each.predicate {
            Some(predicate) => self.truth(each.kind.name(), predicate),
            None => Ok(true),
        };
        let settles = match each.kind {
            LoopKind::All => Some(false),
            LoopKind::Exists => Some(true),
            LoopKind::ExistsOne | LoopKind::Make => None,
        };
        match (settles, holds) {
            (_, Err(EvaluationFault::TooManySteps)) => Err(EvaluationFault::TooManySteps),
            (Some(settles), Ok(holds)) if holds == settles => {
                progress.fault = None;
                progress.count = 1;
                Ok(true)
            }
            (Some(_), Ok(_)) => Ok(false),
            // A later value may still decide the result.
            (Some(_), Err(fault)) => {
                progress.fault.get_or_insert(fault);
                Ok(false)
            }
            (None, Err(fault)) => Err(fault),
            (None, Ok(false)) => Ok(false),
            (None, Ok(true)) => {
                progress.count += 1;
                if let Some(made) = &each.made {
                    let made = self.evaluate(made)?;
                    progress.made.push(made);
                }
                Ok(false)
            }
        }
    }
}

impl LoopKind {
    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Make => "map",
        }
    }
}

/// The progress of a loop.
struct Progress<'a> {
    kind: LoopKind,
    fault: Option<EvaluationFault>,
    count: usize,
    made: Vec<Cel<'a>>,
}

impl<'a> Progress<'a> {
    fn result(self) -> Evaluated<'a> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        Ok(match self.kind {
            LoopKind::All => Cel::Bool(self.count == 0),
            LoopKind::Exists => Cel::Bool(self.count > 0),
            LoopKind::ExistsOne => Cel::Bool(self.count == 1),
            LoopKind::Make => Cel::List(List::Made(self.made.into())),
        })
    }
}

fn constant(literal: &Literal) -> Cel<'_> {
    match literal {
        Literal::Null => Cel::Null,
        Literal::Bool(value) => Cel::Bool(*value),
        Literal::Int(whole) => Cel::Int(*whole),
        Literal::Uint(whole) => Cel::Uint(*whole),
        Literal::Double(double) => Cel::Double(*double),
        Literal::Text(text) => Cel::Text(Text::Read(text)),
        Literal::Type(name) => Cel::Type(name),
    }
}

fn negate<'a>(value: &Cel<'a>) -> Evaluated<'a> {
    match value {
        Cel::Int(whole) => {
            whole.checked_neg().map(Cel::Int).ok_or(EvaluationFault::Overflow { operation: "-" })
        }
        Cel::Double(double) => Ok(Cel::Double(-double)),
        other => Err(types("-", &[other])),
    }
}

/// The index that a number means; a double must be a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value was found to lie in range"
)]
fn whole_place(index: &Cel<'_>, double: f64) -> Option<usize> {
    match index {
        Cel::Int(whole) => usize::try_from(*whole).ok(),
        Cel::Uint(whole) => usize::try_from(*whole).ok(),
        _ => (double.fract() == 0.0 && (0.0..1e15).contains(&double)).then_some(double as usize),
    }
}
