//! Resources and what is said about them.

use super::Expr;
use crate::span::Span;
use std::sync::Arc;

/// Whether a resource enters the catalog at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceForm {
    /// It does.
    #[default]
    Regular,
    /// `@`: only when collected.
    Virtual,
    /// `@@`: virtual, and offered to other nodes.
    Exported,
}

/// `type { title: a => b; title2: … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Regular, virtual or exported.
    pub form: ResourceForm,
    /// Usually a [`super::ExprKind::Name`] (`class` too); may be any expression that yields a type.
    pub type_name: Box<Expr>,
    /// At least one.
    pub bodies: Vec<ResourceBody>,
}

/// `title: attribute => value, …`
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceBody {
    /// String, list of strings, `default`, or any expression.
    pub title: Expr,
    /// Attributes in source order.
    pub operations: Vec<AttributeOperation>,
    /// At the title.
    pub span: Span,
}

/// One line of a resource body.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeOperation {
    /// What it does.
    pub kind: AttributeOperationKind,
    /// From the name to the end of the value.
    pub span: Span,
}

/// The two shapes of an attribute operation.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeOperationKind {
    /// `name => value`, `name +> value`
    Named {
        /// The attribute.
        name: Arc<str>,
        /// Set or append.
        operator: AttributeOperator,
        /// The value.
        value: Expr,
    },
    /// `* => hash`
    Splat(Expr),
}

/// How an attribute changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeOperator {
    /// `=>`
    Set,
    /// `+>`: only in overrides and collectors
    Append,
}

impl AttributeOperator {
    /// As written in a manifest.
    pub fn symbol(self) -> &'static str {
        match self {
            AttributeOperator::Set => "=>",
            AttributeOperator::Append => "+>",
        }
    }
}

/// `File { mode => '0644' }`
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceDefaults {
    /// Anything but regular comes with a diagnostic.
    pub form: ResourceForm,
    /// A [`super::ExprKind::TypeName`]; `Resource[x] { … }` is an override.
    pub type_ref: Box<Expr>,
    /// Attributes in source order.
    pub operations: Vec<AttributeOperation>,
}

/// `File['x'] { mode +> '0644' }`
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceOverride {
    /// Anything but regular comes with a diagnostic.
    pub form: ResourceForm,
    /// An access expression on a type.
    pub resources: Box<Expr>,
    /// Attributes in source order.
    pub operations: Vec<AttributeOperation>,
}

/// `File <| title == x |> { mode => '0644' }`
#[derive(Debug, Clone, PartialEq)]
pub struct Collector {
    /// A [`super::ExprKind::TypeName`]; anything else comes with a diagnostic.
    pub type_expr: Box<Expr>,
    /// What to collect.
    pub query: Query,
    /// Overrides of what is collected.
    pub operations: Vec<AttributeOperation>,
}

/// What stands between the brackets of a collector.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// `<<| |>>` instead of `<| |>`
    pub exported: bool,
    /// `==`, `!=`, `and`, `or` over names and values; `None` means all.
    pub predicate: Option<Box<Expr>>,
    /// From bracket to bracket.
    pub span: Span,
}
