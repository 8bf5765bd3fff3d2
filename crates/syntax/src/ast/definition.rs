//! Definitions: what gives something a name that lives as long as the environment.

use super::{Block, Expr};
use crate::span::Span;
use std::sync::Arc;

/// One definition of a program.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// `class`
    Class(Arc<ClassDefinition>),
    /// `define`
    ResourceType(Arc<ResourceTypeDefinition>),
    /// `function`
    Function(Arc<FunctionDefinition>),
    /// `node`
    Node(Arc<NodeDefinition>),
    /// `type X = …`
    TypeAlias(Arc<TypeAlias>),
    /// `type Runtime[…] = …`
    TypeMapping(Arc<TypeMapping>),
    /// `type X {…}`
    TypeDefinition(Arc<TypeDefinition>),
    /// `plan`
    Plan(Arc<PlanDefinition>),
}

/// A parameter of a class, defined type, function, lambda or template.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Without the `$`.
    pub name: Arc<str>,
    /// `None` means `Any`. A type expression: type name or access on one.
    pub type_expr: Option<Expr>,
    /// The default value.
    pub default: Option<Expr>,
    /// `*$rest`
    pub captures_rest: bool,
    /// At the variable.
    pub span: Span,
}

/// `class name(parameters) inherits parent { body }`
#[derive(Debug, Clone, PartialEq)]
pub struct ClassDefinition {
    /// Fully qualified with the classes it stands in, without leading `::`.
    pub name: Arc<str>,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// As written; may start with `::`; may be `default`.
    pub parent: Option<Arc<str>>,
    /// The body.
    pub body: Block,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// `define name(parameters) { body }`
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceTypeDefinition {
    /// Fully qualified with the classes it stands in, without leading `::`.
    pub name: Arc<str>,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// The body.
    pub body: Block,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// `function name(parameters) >> Type { body }`
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionDefinition {
    /// As written: functions are not qualified with what is around them.
    pub name: Arc<str>,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// After `>>`.
    pub return_type: Option<Expr>,
    /// The body.
    pub body: Block,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// `plan name(parameters) { body }`
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDefinition {
    /// Fully qualified.
    pub name: Arc<str>,
    /// Parameters in order.
    pub parameters: Vec<Parameter>,
    /// The body.
    pub body: Block,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// `node a, /b/, default { body }`
#[derive(Debug, Clone, PartialEq)]
pub struct NodeDefinition {
    /// `String`, `Regex` or `Default` expressions (an `Interpolated` one comes with a diagnostic), at least one.
    pub hosts: Vec<Expr>,
    /// `inherits`; always comes with a diagnostic.
    pub parent: Option<Box<Expr>>,
    /// The body.
    pub body: Block,
    /// From the keyword to the closing brace.
    pub span: Span,
}

/// `type Name = expression`
#[derive(Debug, Clone, PartialEq)]
pub struct TypeAlias {
    /// As written, in its case.
    pub name: Arc<str>,
    /// The type. `type X = {…}` stands here as `Object[{…}]`, `type X = Y {…}` as `Object[{…, parent => Y}]`.
    pub type_expr: Expr,
    /// The whole definition.
    pub span: Span,
}

/// `type Runtime[ruby, 'X'] = Y`
#[derive(Debug, Clone, PartialEq)]
pub struct TypeMapping {
    /// Left side.
    pub type_expr: Expr,
    /// Right side.
    pub mapping: Expr,
    /// The whole definition.
    pub span: Span,
}

/// `type Name inherits Parent { … }`: grammar that Puppet reserves and refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeDefinition {
    /// As written.
    pub name: Arc<str>,
    /// After `inherits`.
    pub parent: Option<Arc<str>>,
    /// Between the braces.
    pub body: Block,
    /// The whole definition.
    pub span: Span,
}

impl Definition {
    /// The definition's name; a node and a type mapping have none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Definition::Class(d) => Some(&d.name),
            Definition::ResourceType(d) => Some(&d.name),
            Definition::Function(d) => Some(&d.name),
            Definition::TypeAlias(d) => Some(&d.name),
            Definition::TypeDefinition(d) => Some(&d.name),
            Definition::Plan(d) => Some(&d.name),
            Definition::Node(_) | Definition::TypeMapping(_) => None,
        }
    }

    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Definition::Class(d) => d.span,
            Definition::ResourceType(d) => d.span,
            Definition::Function(d) => d.span,
            Definition::Node(d) => d.span,
            Definition::TypeAlias(d) => d.span,
            Definition::TypeMapping(d) => d.span,
            Definition::TypeDefinition(d) => d.span,
            Definition::Plan(d) => d.span,
        }
    }
}
