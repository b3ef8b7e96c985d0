//! Translates the parser's tree into the tree for evaluation: resolves every name, compiles every
//! pattern and checks every limit. After that, an evaluation can only fail because of a document.

use cel::{
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
    },
    parser::PrattParser,
};
use muster_schema::nearest;

use super::{
    ExpressionError,
    expression::{Expression, ExpressionVariables, Literal, Loop, LoopKind, Node, TYPES},
    functions::{Found, Function},
    limits::{
        BRACKETS_DEPTH_MAX, EXPRESSION_BYTES_MAX, LOOPS_DEPTH_MAX, NODES_DEPTH_MAX, NODES_MAX,
    },
    numbers::Arithmetic,
    operators::Operator,
    patterns::{LITERAL_LOOKED_MAX, Pattern},
};

impl Expression {
    /// Compiles an expression that is given these variables.
    pub(super) fn compile(
        source: &str,
        variables: ExpressionVariables,
    ) -> Result<Self, ExpressionError> {
        check_text(source)?;
        let parser = PrattParser::new().max_recursion_depth(PARSER_DEPTH_MAX);
        let tree = parser.error_recovery_limit(0).parse(source).map_err(|errors| {
            let first = errors.errors.into_iter().find(|error| error.pos.0 > 0);
            let (position, reason) = first.map_or_else(
                || ((1, 1), "it isn't an expression".to_owned()),
                |error| (error.pos, error.msg),
            );
            ExpressionError::Syntax {
                line: usize::try_from(position.0).unwrap_or(1),
                column: usize::try_from(position.1).unwrap_or(1),
                reason: reason.trim_start_matches("Syntax error: ").to_owned(),
            }
        })?;
        let mut lowering = Lowering { source, variables, nodes: 0, loops: Vec::new(), locals: 0 };
        let root = lowering.node(&tree, 0)?;
        Ok(Self { root, given: variables.names().len(), locals: lowering.locals })
    }
}

/// The parser's own depth limit, which counts fewer levels than brackets and nodes.
const PARSER_DEPTH_MAX: u16 = 96;

/// Refuses text that could overflow the parser's stack, before it is parsed.
fn check_text(source: &str) -> Result<(), ExpressionError> {
    let too_much = |what, limit| Err(ExpressionError::TooMuch { what, limit });
    if source.len() > EXPRESSION_BYTES_MAX {
        return too_much("bytes", EXPRESSION_BYTES_MAX);
    }
    let (mut depth, mut run) = (0_usize, 0_usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        run = if matches!(byte, b'!' | b'-' | b' ') { run + 1 } else { 0 };
        if depth > BRACKETS_DEPTH_MAX || run > 4 * BRACKETS_DEPTH_MAX {
            return too_much("nested brackets", BRACKETS_DEPTH_MAX);
        }
    }
    Ok(())
}

struct Lowering<'s> {
    source: &'s str,
    variables: ExpressionVariables,
    nodes: usize,
    /// The variables of the enclosing loops, outermost first.
    loops: Vec<String>,
    locals: usize,
}

type Lowered = Result<Node, ExpressionError>;

impl Lowering<'_> {
    fn node(&mut self, tree: &IdedExpr, depth: usize) -> Lowered {
        self.nodes += 1;
        let too_much = |what, limit| Err(ExpressionError::TooMuch { what, limit });
        if self.nodes > NODES_MAX {
            return too_much("nodes", NODES_MAX);
        }
        if depth > NODES_DEPTH_MAX {
            return too_much("nested nodes", NODES_DEPTH_MAX);
        }
        match &tree.expr {
            Expr::Literal(literal) => constant(literal).map(Node::Literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => {
                let operand = Box::new(self.node(&select.operand, depth + 1)?);
                let field = select.field.clone();
                Ok(if select.test {
                    Node::Has { operand, field }
                } else {
                    Node::Select { operand, field }
                })
            }
            Expr::Call(call) => self.call(call, depth),
            Expr::List(list) if list.optional_indices.is_empty() => {
                self.nodes_of(&list.elements, depth).map(Node::List)
            }
            Expr::Map(map) => {
                let entries = map.entries.iter().map(|entry| match &entry.expr {
                    EntryExpr::MapEntry(entry) if !entry.optional => {
                        Ok((self.node(&entry.key, depth + 1)?, self.node(&entry.value, depth + 1)?))
                    }
                    _ => unsupported("optional entries"),
                });
                entries.collect::<Result<_, _>>().map(Node::Map)
            }
            Expr::Comprehension(comprehension) => self.each(comprehension, depth),
            Expr::List(_) => unsupported("optional values"),
            Expr::Struct(_) => unsupported("messages"),
            Expr::Unspecified => unsupported("nothing"),
        }
    }

    fn nodes_of(&mut self, trees: &[IdedExpr], depth: usize) -> Result<Vec<Node>, ExpressionError> {
        trees.iter().map(|tree| self.node(tree, depth + 1)).collect()
    }

    fn variable(&self, name: &str) -> Lowered {
        let name = name.trim_start_matches('.');
        if let Some(index) = self.loops.iter().rposition(|known| known == name) {
            return Ok(Node::Variable(self.variables.names().len() + index));
        }
        if let Some(index) = self.variables.names().iter().position(|known| *known == name) {
            return Ok(Node::Variable(index));
        }
        if let Some(known) = TYPES.iter().find(|known| **known == name) {
            return Ok(Node::Literal(Literal::Type(known)));
        }
        let (name, column) = (name.to_owned(), self.column(name));
        Err(ExpressionError::Variable { name, column, variables: self.variables })
    }

    fn call(&mut self, call: &CallExpr, depth: usize) -> Lowered {
        let count = call.args.len() + usize::from(call.target.is_some());
        if call.func_name.starts_with(char::is_alphabetic) {
            self.find(&call.func_name, call.target.is_some(), count)?;
        }
        let mut arguments = Vec::with_capacity(count);
        if let Some(target) = &call.target {
            arguments.push(self.node(target, depth + 1)?);
        }
        arguments.extend(self.nodes_of(&call.args, depth)?);
        if call.target.is_none()
            && let Some(node) = operation(&call.func_name, &mut arguments)
        {
            return Ok(node);
        }
        self.function(call, arguments)
    }

    fn function(&self, call: &CallExpr, mut arguments: Vec<Node>) -> Lowered {
        let function = self.find(&call.func_name, call.target.is_some(), arguments.len())?;
        if function == Function::Matches
            && let [_, Node::Literal(Literal::Text(text))] = arguments.as_slice()
        {
            let pattern = Pattern::compile(text, LITERAL_LOOKED_MAX)
                .map_err(|reason| ExpressionError::Pattern { pattern: text.clone(), reason })?;
            let text = Box::new(arguments.swap_remove(0));
            return Ok(Node::Matches { text, pattern });
        }
        Ok(Node::Call { function, arguments })
    }

    fn find(&self, name: &str, member: bool, count: usize) -> Result<Function, ExpressionError> {
        let (name, column) = (name.to_owned(), self.column(name));
        match Function::find(&name, member, count) {
            Found::Function(function) => Ok(function),
            Found::Otherwise(usage) => Err(ExpressionError::Arguments { name, usage, column }),
            Found::Nothing => {
                let meant_name = nearest(&name, Function::names()).map(str::to_owned);
                Err(ExpressionError::Function { name, meant_name, column })
            }
        }
    }

    /// A loop. The parser expands the five macros to CEL's general form. Each is recognised by its
    /// initial value and evaluated directly.
    fn each(&mut self, written: &ComprehensionExpr, depth: usize) -> Lowered {
        let range = self.node(&written.iter_range, depth + 1)?;
        if self.loops.len() == LOOPS_DEPTH_MAX {
            let (what, limit) = ("nested loops", LOOPS_DEPTH_MAX);
            return Err(ExpressionError::TooMuch { what, limit });
        }
        let (kind, predicate, made) = parts(written).ok_or(UNKNOWN_LOOP)?;
        let variable = self.variables.names().len() + self.loops.len();
        self.loops.push(written.iter_var.clone());
        self.locals = self.locals.max(self.loops.len());
        let predicate = predicate.map(|tree| self.node(tree, depth + 1)).transpose();
        let made = made.map(|tree| self.node(tree, depth + 1)).transpose();
        self.loops.pop();
        let each = Loop { kind, range, variable, predicate: predicate?, made: made? };
        Ok(Node::Loop(Box::new(each)))
    }

    /// The column of a name's first occurrence, in characters from 1; the parser doesn't report it.
    fn column(&self, name: &str) -> usize {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let stands_alone = |at: usize| {
            !self.source[..at].ends_with(word) && !self.source[at + name.len()..].starts_with(word)
        };
        let found = self.source.match_indices(name).map(|(at, _)| at).find(|at| stands_alone(*at));
        self.source[..found.unwrap_or(0)].chars().count() + 1
    }
}

const UNKNOWN_LOOP: ExpressionError = ExpressionError::Unsupported {
    what: "a loop other than all, exists, exists_one, map and filter",
};

fn unsupported<T>(what: &'static str) -> Result<T, ExpressionError> {
    Err(ExpressionError::Unsupported { what })
}

/// The parts of a macro: its kind, its predicate, and its result.
fn parts(written: &ComprehensionExpr) -> Option<(LoopKind, Option<&IdedExpr>, Option<&IdedExpr>)> {
    let step = &written.loop_step;
    match &written.accu_init.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => {
            let kind = if *value.inner() { LoopKind::All } else { LoopKind::Exists };
            Some((kind, args(step)?.get(1), None))
        }
        Expr::Literal(LiteralValue::Int(_)) => {
            Some((LoopKind::ExistsOne, args(step)?.first(), None))
        }
        Expr::List(_) => {
            let (test, add) = if is_call(step, operators::CONDITIONAL) {
                let [test, add, _] = args(step)? else { return None };
                (Some(test), add)
            } else {
                (None, step)
            };
            let [_, IdedExpr { expr: Expr::List(list), .. }] = args(add)? else { return None };
            Some((LoopKind::Make, test, list.elements.first()))
        }
        _ => None,
    }
}

fn args(tree: &IdedExpr) -> Option<&[IdedExpr]> {
    let Expr::Call(call) = &tree.expr else { return None };
    Some(&call.args)
}

fn is_call(tree: &IdedExpr, name: &str) -> bool {
    matches!(&tree.expr, Expr::Call(call) if call.func_name == name)
}

/// The node of an operator, if the name is an operator's.
fn operation(name: &str, arguments: &mut Vec<Node>) -> Option<Node> {
    let operator = match name {
        operators::LOGICAL_NOT | operators::NEGATE => {
            let operand = Box::new(arguments.pop()?);
            let not = name == operators::LOGICAL_NOT;
            return Some(if not { Node::Not(operand) } else { Node::Negate(operand) });
        }
        operators::CONDITIONAL => {
            let parts: [Node; 3] = std::mem::take(arguments).try_into().ok()?;
            return Some(Node::Conditional(Box::new(parts)));
        }
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::INDEX => None,
        operators::EQUALS => Some(Operator::Equal),
        operators::NOT_EQUALS => Some(Operator::NotEqual),
        operators::LESS => Some(Operator::Less),
        operators::LESS_EQUALS => Some(Operator::LessEqual),
        operators::GREATER => Some(Operator::Greater),
        operators::GREATER_EQUALS => Some(Operator::GreaterEqual),
        operators::IN => Some(Operator::In),
        operators::ADD => Some(Operator::Arithmetic(Arithmetic::Add)),
        operators::SUBSTRACT => Some(Operator::Arithmetic(Arithmetic::Subtract)),
        operators::MULTIPLY => Some(Operator::Arithmetic(Arithmetic::Multiply)),
        operators::DIVIDE => Some(Operator::Arithmetic(Arithmetic::Divide)),
        operators::MODULO => Some(Operator::Arithmetic(Arithmetic::Remainder)),
        _ => return None,
    };
    let right = Box::new(arguments.pop()?);
    let left = Box::new(arguments.pop()?);
    Some(match (operator, name) {
        (Some(operator), _) => Node::Operation { operator, left, right },
        (None, operators::LOGICAL_AND) => Node::And(left, right),
        (None, operators::LOGICAL_OR) => Node::Or(left, right),
        (None, _) => Node::Index { operand: left, index: right },
    })
}

fn constant(literal: &LiteralValue) -> Result<Literal, ExpressionError> {
    Ok(match literal {
        LiteralValue::Boolean(value) => Literal::Bool(*value.inner()),
        LiteralValue::Double(value) => Literal::Double(*value.inner()),
        LiteralValue::Int(value) => Literal::Int(*value.inner()),
        LiteralValue::UInt(value) => Literal::Uint(*value.inner()),
        LiteralValue::Null => Literal::Null,
        LiteralValue::String(value) => Literal::Text(value.inner().to_owned()),
        LiteralValue::Bytes(_) => return unsupported("bytes"),
    })
}
