use std::fmt;

use super::{functions::Function, operators::Operator, patterns::Pattern};

/// An expression in the form in which it is evaluated: with resolved names, known functions and
/// compiled patterns.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) root: Node,
    /// The variables that it is given.
    pub(super) given: usize,
    /// The maximum number of loop variables that are in scope together.
    pub(super) locals: usize,
}

/// A node of an expression.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Literal),
    /// A variable by its number: first those that it is given, then those of loops.
    Variable(usize),
    /// `operand.field`.
    Select {
        operand: Box<Node>,
        field: String,
    },
    /// `has(operand.field)`.
    Has {
        operand: Box<Node>,
        field: String,
    },
    /// `operand[index]`.
    Index {
        operand: Box<Node>,
        index: Box<Node>,
    },
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Conditional(Box<[Node; 3]>),
    Operation {
        operator: Operator,
        left: Box<Node>,
        right: Box<Node>,
    },
    Call {
        function: Function,
        arguments: Vec<Node>,
    },
    /// `matches` with a literal pattern, so that it is compiled only once.
    Matches {
        text: Box<Node>,
        pattern: Pattern,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Loop(Box<Loop>),
}

/// A constant.
#[derive(Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Type(&'static str),
}

/// `all`, `exists`, `exists_one`, `map`, `filter`.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) range: Node,
    /// The number of the loop's variable.
    pub(super) variable: usize,
    /// The predicate; for `map`, its filter.
    pub(super) predicate: Option<Node>,
    /// The result of `map` or `filter` for one value.
    pub(super) made: Option<Node>,
}

/// The kind of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    /// `map` and `filter`.
    Make,
}

/// The variables that an expression is given, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpressionVariables {
    /// Those of a rule.
    OfRule,
    /// Those of a mapping: the value that is mapped as well.
    OfMapping,
}

impl ExpressionVariables {
    /// Their names.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::OfRule => &["document", "xid", "group", "id"],
            Self::OfMapping => &["document", "xid", "group", "id", "value"],
        }
    }
}

impl fmt::Display for ExpressionVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OfRule => "document, xid, group and id",
            Self::OfMapping => "value, document, xid, group and id",
        })
    }
}

/// The types that an expression may name.
pub(super) const TYPES: [&str; 9] =
    ["null_type", "bool", "int", "uint", "double", "string", "list", "map", "type"];
