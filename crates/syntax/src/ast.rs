//! The abstract syntax tree of the Puppet language.
//!
//! One owned tree of [`Expr`]: in Puppet nearly everything is an expression, definitions included. Definitions and
//! lambdas sit behind [`Arc`], so an evaluator can keep one without keeping the tree it stood in.

mod definition;
mod resource;
mod walk;

pub use definition::{
    ClassDefinition, Definition, FunctionDefinition, NodeDefinition, Parameter, PlanDefinition,
    ResourceTypeDefinition, TypeAlias, TypeDefinition, TypeMapping,
};
pub use resource::{
    AttributeOperation, AttributeOperationKind, AttributeOperator, Collector, Query, Resource, ResourceBody,
    ResourceDefaults, ResourceForm, ResourceOverride,
};

use crate::span::{FileId, Span};
use std::sync::Arc;

/// What a manifest consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The text it was parsed from.
    pub file: FileId,
    /// Top-level statements, definitions included, in source order.
    pub body: Block,
    /// Every definition, nested ones included, in the order in which their closing braces stand; names are
    /// qualified with the classes around them. The same `Arc`s as in the tree.
    pub definitions: Vec<Definition>,
}

/// What an EPP template consists of.
#[derive(Debug, Clone, PartialEq)]
pub struct EppTemplate {
    /// The text it was parsed from.
    pub file: FileId,
    /// `None` when the template has no parameter list at all, which means it sees the caller's local variables.
    pub parameters: Option<Vec<Parameter>>,
    /// [`ExprKind::RenderText`], [`ExprKind::Render`] and plain statements.
    pub body: Block,
    /// As in [`Program::definitions`]; a template can't define anything legally, the validator says so.
    pub definitions: Vec<Definition>,
    /// The whole template.
    pub span: Span,
}

/// A sequence of statements; its value is the value of the last one. May be empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Block {
    /// The statements in order.
    pub statements: Vec<Expr>,
    /// From brace to brace where there are braces.
    pub span: Span,
}

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where Puppet says that it is, see [`Span`].
    pub span: Span,
}

/// How an integer was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radix {
    /// `10`
    Decimal,
    /// `010`
    Octal,
    /// `0x10`
    Hexadecimal,
}

/// The kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// Nothing at all. Also stands where the parser recovered from a syntax error.
    Nop,
    /// `undef`
    Undef,
    /// `default`
    Default,
    /// `true`, `false`
    Bool(bool),
    /// `10`, `010`, `0xA`; without sign, see [`UnaryOp::Minus`].
    Integer {
        /// The value; one that doesn't fit is a diagnostic, and then `i64::MAX` stands here.
        value: i64,
        /// How it was written.
        radix: Radix,
    },
    /// `1.5e3`
    Float(f64),
    /// A string without interpolation, escapes already replaced; also a bare word such as `foo-bar`.
    String(Arc<str>),
    /// `"a ${b} c"`: never empty segments of text; may have zero segments.
    Interpolated(Vec<Segment>),
    /// `@(END)`: the text is a `String` or `Interpolated`.
    Heredoc {
        /// The syntax tag (`json` in `@(END:json)`); `None` if there is none.
        syntax: Option<Arc<str>>,
        /// The text.
        text: Box<Expr>,
    },
    /// `/pattern/`, without the slashes, `\/` already replaced by `/`.
    Regex(Arc<str>),
    /// `[a, b]`; elements may be splats (`*$x`). `[a => b]` has one hash as element.
    List(Vec<Expr>),
    /// `{a => b}`
    Hash(Vec<HashEntry>),
    /// `$a::b`, without the `$`; a leading `::` stays. `$0` and friends too.
    Variable(Arc<str>),
    /// A qualified name: `foo`, `foo::bar`, `::foo`. Evaluates to a string where it isn't a function or type name.
    Name(Arc<str>),
    /// A qualified reference, in its original case: `File`, `Foo::Bar`.
    TypeName(Arc<str>),
    /// A word that can't be used as a value (`attr`, `private`). Always comes with a diagnostic.
    Reserved(Arc<str>),
    /// `target[key, …]`
    Access {
        /// The left side.
        target: Box<Expr>,
        /// At least one.
        keys: Vec<Expr>,
    },
    /// `name(…)`, `name …` for statement functions, `Type(…)`.
    Call(Call),
    /// `receiver.method(…)`, `receiver.method`
    MethodCall(MethodCall),
    /// `-x`, `!x`, `*x`
    Unary {
        /// Which one.
        op: UnaryOp,
        /// What it applies to.
        operand: Box<Expr>,
    },
    /// Arithmetic, comparison, match, `in`, `and`, `or`.
    Binary {
        /// Which one.
        op: BinaryOp,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `(x)`
    Paren(Box<Expr>),
    /// `target = value`; `+=` and `-=` always come with a diagnostic.
    Assign {
        /// Which one.
        op: AssignOp,
        /// Variable, or list or hash or class reference for destructuring.
        target: Box<Expr>,
        /// The value.
        value: Box<Expr>,
    },
    /// `a -> b` and the others.
    Relationship {
        /// Which one.
        op: Edge,
        /// Left side.
        left: Box<Expr>,
        /// Right side.
        right: Box<Expr>,
    },
    /// `if … {…} elsif … {…} else {…}`; an `elsif` is an `else` block with just that `If` in it.
    If {
        /// The condition.
        test: Box<Expr>,
        /// When true.
        then: Block,
        /// When false; `None` also for an `else {}`.
        otherwise: Option<Block>,
    },
    /// `unless … {…} else {…}`
    Unless {
        /// The condition.
        test: Box<Expr>,
        /// When false.
        then: Block,
        /// When true.
        otherwise: Option<Block>,
    },
    /// `case x { a, b: {…} default: {…} }`
    Case {
        /// The value in question.
        subject: Box<Expr>,
        /// In source order; `default` is an option value of kind [`ExprKind::Default`].
        options: Vec<CaseOption>,
    },
    /// `x ? { a => b, default => c }`
    Selector {
        /// The value in question.
        subject: Box<Expr>,
        /// In source order.
        entries: Vec<SelectorEntry>,
    },
    /// `file { title: … }`, also virtual and exported.
    Resource(Resource),
    /// `File { mode => … }`
    ResourceDefaults(ResourceDefaults),
    /// `File[x] { mode => … }`
    ResourceOverride(ResourceOverride),
    /// `File <| … |>`, `File <<| … |>>`
    Collector(Collector),
    /// Statements as one expression: only in places where Puppet makes one (`<%= { a b } %>`).
    Block(Block),
    /// `class …`
    Class(Arc<ClassDefinition>),
    /// `define …`
    ResourceType(Arc<ResourceTypeDefinition>),
    /// `function …`
    Function(Arc<FunctionDefinition>),
    /// `node …`
    Node(Arc<NodeDefinition>),
    /// `type X = …`
    TypeAlias(Arc<TypeAlias>),
    /// `type Runtime[…] = …`
    TypeMapping(Arc<TypeMapping>),
    /// `type X {…}`: reserved grammar, always comes with a diagnostic.
    TypeDefinition(Arc<TypeDefinition>),
    /// `plan …`: only when parsing with tasks enabled.
    Plan(Arc<PlanDefinition>),
    /// `apply(…) {…}`: only when parsing with tasks enabled.
    Apply {
        /// What stands in the parentheses.
        arguments: Vec<Expr>,
        /// The catalog code.
        body: Block,
    },
    /// Literal text of an EPP template.
    RenderText(Arc<str>),
    /// `<%= … %>`
    Render(Box<Expr>),
}

/// A part of an interpolated string.
#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    /// Text with its escapes replaced.
    Text(Arc<str>, Span),
    /// `$name` or `${…}`.
    Expr(Expr),
}

/// `key => value`
#[derive(Debug, Clone, PartialEq)]
pub struct HashEntry {
    /// The key.
    pub key: Expr,
    /// The value.
    pub value: Expr,
    /// At the arrow.
    pub span: Span,
}

/// A call of a function by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// A [`ExprKind::Name`], or a type ([`ExprKind::TypeName`], or an access on one), meaning `new`. Anything else
    /// comes with a diagnostic.
    pub function: Box<Expr>,
    /// Arguments; may hold splats.
    pub arguments: Vec<Expr>,
    /// The lambda after the arguments.
    pub lambda: Option<Arc<Lambda>>,
    /// Whether the value of the call is used. False for a statement of its own.
    pub rvalue: bool,
}

/// A call of a function with its first argument on the left of a dot.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodCall {
    /// The first argument.
    pub receiver: Box<Expr>,
    /// The function.
    pub method: Arc<str>,
    /// Where the dot and the name stand.
    pub method_span: Span,
    /// Further arguments; may hold splats.
    pub arguments: Vec<Expr>,
    /// The lambda after the arguments.
    pub lambda: Option<Arc<Lambda>>,
}

/// `|Integer $a, $b = 1, *$c| >> String { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Lambda {
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// The body; may be empty.
    pub body: Block,
    /// After `>>`.
    pub return_type: Option<Expr>,
    /// From the first `|` to the closing brace.
    pub span: Span,
}

/// `a, b: { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct CaseOption {
    /// At least one.
    pub values: Vec<Expr>,
    /// What to do.
    pub body: Block,
    /// From the colon to the closing brace.
    pub span: Span,
}

/// `a => b` in a selector.
#[derive(Debug, Clone, PartialEq)]
pub struct SelectorEntry {
    /// What to compare with.
    pub matching: Expr,
    /// What to yield.
    pub value: Expr,
    /// At the arrow.
    pub span: Span,
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `!`
    Not,
    /// `*`, called unfold by Puppet
    Splat,
}

/// Operators with two operands and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `=~`
    Match,
    /// `!~`
    NoMatch,
    /// `in`
    In,
    /// `and`
    And,
    /// `or`
    Or,
}

impl BinaryOp {
    /// As written in a manifest.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Modulo => "%",
            BinaryOp::ShiftLeft => "<<",
            BinaryOp::ShiftRight => ">>",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessOrEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterOrEqual => ">=",
            BinaryOp::Match => "=~",
            BinaryOp::NoMatch => "!~",
            BinaryOp::In => "in",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
        }
    }
}

/// Assignment operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignOp {
    /// `=`
    Set,
    /// `+=`, no longer supported by Puppet
    Append,
    /// `-=`, no longer supported by Puppet
    Delete,
}

impl AssignOp {
    /// As written in a manifest.
    pub fn symbol(self) -> &'static str {
        match self {
            AssignOp::Set => "=",
            AssignOp::Append => "+=",
            AssignOp::Delete => "-=",
        }
    }
}

/// Relationship operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// `->`: left before right
    Before,
    /// `~>`: left notifies right
    Notify,
    /// `<-`: left requires right
    Require,
    /// `<~`: left subscribes to right
    Subscribe,
}

impl Edge {
    /// As written in a manifest.
    pub fn symbol(self) -> &'static str {
        match self {
            Edge::Before => "->",
            Edge::Notify => "~>",
            Edge::Require => "<-",
            Edge::Subscribe => "<~",
        }
    }
}

impl Expr {
    /// A node.
    pub fn new(kind: ExprKind, span: Span) -> Expr {
        Expr { kind, span }
    }

    /// The node without parentheses around it.
    pub fn without_parens(&self) -> &Expr {
        let mut inner = self;
        while let ExprKind::Paren(next) = &inner.kind {
            inner = next;
        }
        inner
    }
}

impl Block {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}
