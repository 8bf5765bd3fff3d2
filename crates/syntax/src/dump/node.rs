//! Nodes → lists.

use super::layout::{Item, Layout};
use super::number;
use crate::ast::*;

/// Makes lists of nodes. Puppet formats the operand of `!` on its own, with the indentation shared; hence the state.
#[derive(Default)]
pub(super) struct Dumper {
    pub layout: Layout,
}

macro_rules! list {
    ($($item:expr),* $(,)?) => { Item::List(vec![$(Item::from($item)),*]) };
}

impl Dumper {
    pub fn program(&mut self, program: &Program) -> Item {
        if program.body.is_empty() {
            return ":nop".into();
        }
        self.short_block(&program.body)
    }

    pub fn template(&mut self, template: &EppTemplate) -> Item {
        let mut items = vec!["lambda".into()];
        if let Some(parameters) = &template.parameters {
            self.parameters(parameters, &mut items);
        }
        items.push(list!["epp", self.body(&template.body)]);
        Item::List(items)
    }

    /// One statement stands for itself, several are a block, none is nothing.
    fn short_block(&mut self, block: &Block) -> Item {
        match block.statements.as_slice() {
            [] => "()".into(),
            [only] => self.expr(only),
            _ => self.block(block),
        }
    }

    /// A body is a block even if it is one statement.
    fn body(&mut self, block: &Block) -> Item {
        if block.is_empty() { Item::List(Vec::new()) } else { self.block(block) }
    }

    fn block(&mut self, block: &Block) -> Item {
        let mut items = vec!["block".into(), Item::Indent];
        for statement in &block.statements {
            items.push(Item::Break);
            items.push(self.expr(statement));
        }
        items.extend([Item::Dedent, Item::Break]);
        Item::List(items)
    }

    fn all<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Expr>, items: &mut Vec<Item>) {
        for expr in exprs {
            items.push(self.expr(expr));
        }
    }

    fn prefixed(&mut self, head: &str, exprs: &[Expr]) -> Item {
        let mut items = vec![head.into()];
        self.all(exprs, &mut items);
        Item::List(items)
    }

    fn binary(&mut self, head: &str, left: &Expr, right: &Expr) -> Item {
        let left = self.expr(left);
        let right = self.expr(right);
        Item::List(vec![head.into(), left, right])
    }

    pub fn expr(&mut self, expr: &Expr) -> Item {
        // Apart from the rest, so that a long chain of operators needs little stack.
        match &expr.kind {
            ExprKind::List(items) => self.prefixed("[]", items),
            ExprKind::Binary { op, left, right } => {
                let head = match op {
                    BinaryOp::And => "&&",
                    BinaryOp::Or => "||",
                    _ => op.symbol(),
                };
                self.binary(head, left, right)
            }
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Assign { op, target, value } => self.binary(op.symbol(), target, value),
            ExprKind::Relationship { op, left, right } => self.binary(op.symbol(), left, right),
            ExprKind::If { test, then, otherwise } => self.conditional("if", test, then, otherwise.as_ref()),
            ExprKind::Unless { test, then, otherwise } => {
                self.conditional("unless", test, then, otherwise.as_ref())
            }
            ExprKind::Resource(resource) => self.resource(resource),
            ExprKind::TypeMapping(mapping) => {
                self.binary("type-mapping", &mapping.type_expr, &mapping.mapping)
            }
            _ => self.compound(expr),
        }
    }

    fn compound(&mut self, expr: &Expr) -> Item {
        match &expr.kind {
            ExprKind::Nop => ":nop".into(),
            ExprKind::Undef => ":undef".into(),
            ExprKind::Default => ":default".into(),
            ExprKind::Bool(value) => value.to_string().into(),
            ExprKind::Integer { value, radix } => number::integer(*value, *radix).into(),
            ExprKind::Float(value) => number::float(*value).into(),
            ExprKind::String(text) => format!("'{text}'").into(),
            ExprKind::Interpolated(segments) => {
                let mut items = vec!["cat".into()];
                for segment in segments {
                    items.push(match segment {
                        Segment::Text(text, _) => format!("'{text}'").into(),
                        Segment::Expr(inner) => list!["str", self.expr(inner)],
                    });
                }
                Item::List(items)
            }
            ExprKind::Heredoc { syntax, text } => {
                let head = format!("@({})", syntax.as_deref().unwrap_or(""));
                let text = self.expr(text);
                Item::List(vec![head.into(), Item::Indent, Item::Break, text, Item::Dedent, Item::Break])
            }
            ExprKind::Regex(pattern) => regex(pattern).into(),
            ExprKind::Hash(entries) => {
                let mut items = vec!["{}".into()];
                for entry in entries {
                    items.push(list![self.expr(&entry.key), self.expr(&entry.value)]);
                }
                Item::List(items)
            }
            ExprKind::Variable(name) => format!("${name}").into(),
            ExprKind::Name(name) | ExprKind::TypeName(name) => name.to_string().into(),
            ExprKind::Reserved(word) => list!["reserved", word.to_string()],
            ExprKind::Access { target, keys } => {
                let target = self.expr(target);
                let key = match keys.as_slice() {
                    [only] => self.expr(only),
                    _ => {
                        let mut items = Vec::new();
                        self.all(keys, &mut items);
                        Item::List(items)
                    }
                };
                Item::List(vec!["slice".into(), target, key])
            }
            ExprKind::Call(call) => {
                let head = if call.rvalue { "call" } else { "invoke" };
                let mut items = vec![head.into(), self.expr(&call.function)];
                self.all(&call.arguments, &mut items);
                self.lambda(call.lambda.as_deref(), &mut items);
                Item::List(items)
            }
            ExprKind::MethodCall(call) => {
                let functor = list![".", self.expr(&call.receiver), call.method.to_string()];
                let mut items = vec!["call-method".into(), functor];
                self.all(&call.arguments, &mut items);
                self.lambda(call.lambda.as_deref(), &mut items);
                Item::List(items)
            }
            ExprKind::Unary { op: UnaryOp::Not, operand } => {
                let tree = self.expr(operand);
                let text = self.layout.format(&tree);
                list!["!", text]
            }
            ExprKind::Unary { op, operand } => {
                list![if *op == UnaryOp::Minus { "-" } else { "unfold" }, self.expr(operand)]
            }
            ExprKind::Case { subject, options } => {
                let mut items = vec!["case".into(), self.expr(subject), Item::Indent];
                for option in options {
                    let mut values = Vec::new();
                    self.all(&option.values, &mut values);
                    let body = if option.body.is_empty() { "()".into() } else { self.block(&option.body) };
                    items.extend([Item::Break, list!["when", Item::List(values), list!["then", body]]]);
                }
                items.push(Item::Dedent);
                Item::List(items)
            }
            ExprKind::Selector { subject, entries } => {
                let mut items = vec!["?".into(), self.expr(subject)];
                for entry in entries {
                    items.push(list![self.expr(&entry.matching), "=>", self.expr(&entry.value)]);
                }
                Item::List(items)
            }
            ExprKind::ResourceDefaults(defaults) => {
                let type_ref = self.expr(&defaults.type_ref);
                self.with_operations("resource-defaults", defaults.form, type_ref, &defaults.operations)
            }
            ExprKind::ResourceOverride(over) => {
                let resources = self.expr(&over.resources);
                self.with_operations("override", over.form, resources, &over.operations)
            }
            ExprKind::Collector(collector) => {
                let mut query: Vec<Item> =
                    vec![if collector.query.exported { "<<| |>>" } else { "<| |>" }.into()];
                if let Some(predicate) = &collector.query.predicate {
                    query.push(self.expr(predicate));
                }
                // Puppet's dump leaves the attributes out.
                Item::List(vec![
                    "collect".into(),
                    self.expr(&collector.type_expr),
                    Item::Indent,
                    Item::Break,
                    Item::List(query),
                    Item::Indent,
                    Item::Dedent,
                    Item::Dedent,
                ])
            }
            ExprKind::Block(block) => self.block(block),
            ExprKind::Class(class) => {
                let mut items = vec!["class".into(), class.name.to_string().into()];
                if let Some(parent) = &class.parent {
                    items.push(list!["inherits", parent.to_string()]);
                }
                self.parameters(&class.parameters, &mut items);
                items.push(self.body(&class.body));
                Item::List(items)
            }
            ExprKind::ResourceType(d) => self.definition("define", &d.name, &d.parameters, None, &d.body),
            ExprKind::Function(d) => {
                self.definition("function", &d.name, &d.parameters, d.return_type.as_ref(), &d.body)
            }
            ExprKind::Plan(d) => self.definition("plan", &d.name, &d.parameters, None, &d.body),
            ExprKind::Node(node) => {
                let mut items = vec!["node".into(), self.prefixed("matches", &node.hosts)];
                if let Some(parent) = &node.parent {
                    items.push(list!["parent", self.expr(parent)]);
                }
                items.push(self.body(&node.body));
                Item::List(items)
            }
            ExprKind::TypeAlias(alias) => {
                list!["type-alias", alias.name.to_string(), self.expr(&alias.type_expr)]
            }
            ExprKind::TypeDefinition(d) => {
                let body = if d.body.is_empty() { "()".into() } else { self.block(&d.body) };
                list!["type-definition", d.name.to_string(), d.parent.as_deref().unwrap_or(""), body]
            }
            ExprKind::Apply { arguments, body } => {
                let mut items = vec!["apply".into()];
                self.all(arguments, &mut items);
                items.push(self.body(body));
                Item::List(items)
            }
            ExprKind::RenderText(text) => list!["render-s", format!(" '{text}'")],
            ExprKind::Render(inner) => list!["render", self.expr(inner)],
            ExprKind::List(_)
            | ExprKind::Binary { .. }
            | ExprKind::Paren(_)
            | ExprKind::Assign { .. }
            | ExprKind::Relationship { .. }
            | ExprKind::If { .. }
            | ExprKind::Unless { .. }
            | ExprKind::Resource(_)
            | ExprKind::TypeMapping(_) => self.expr(expr),
        }
    }

    fn conditional(&mut self, head: &str, test: &Expr, then: &Block, otherwise: Option<&Block>) -> Item {
        let mut items = vec![head.into(), self.expr(test), Item::Indent, Item::Break];
        let then = self.short_block(then);
        items.push(Item::List(vec!["then".into(), Item::Indent, then, Item::Dedent]));
        if let Some(otherwise) = otherwise {
            let otherwise = self.short_block(otherwise);
            items.push(Item::Break);
            items.push(Item::List(vec!["else".into(), Item::Indent, otherwise, Item::Dedent]));
            // Puppet goes back only here.
            items.push(Item::Dedent);
        }
        Item::List(items)
    }

    fn lambda(&mut self, lambda: Option<&Lambda>, items: &mut Vec<Item>) {
        let Some(lambda) = lambda else { return };
        let mut inner = vec!["lambda".into()];
        self.parameters(&lambda.parameters, &mut inner);
        if let Some(return_type) = &lambda.return_type {
            inner.push(list!["return_type", self.expr(return_type)]);
        }
        inner.push(self.body(&lambda.body));
        items.push(Item::List(inner));
    }

    fn definition(
        &mut self,
        head: &str,
        name: &str,
        parameters: &[Parameter],
        return_type: Option<&Expr>,
        body: &Block,
    ) -> Item {
        let mut items = vec![head.into(), name.into()];
        self.parameters(parameters, &mut items);
        if let Some(return_type) = return_type {
            items.push(list!["return_type", self.expr(return_type)]);
        }
        items.push(self.body(body));
        Item::List(items)
    }

    fn parameters(&mut self, parameters: &[Parameter], items: &mut Vec<Item>) {
        if parameters.is_empty() {
            return;
        }
        let mut list = vec!["parameters".into()];
        for parameter in parameters {
            let star = if parameter.captures_rest { "*" } else { "" };
            let name = format!("{star}{}", parameter.name);
            list.push(match (&parameter.type_expr, &parameter.default) {
                (Some(type_expr), Some(default)) => {
                    list!["=t", self.expr(type_expr), name, self.expr(default)]
                }
                (None, Some(default)) => list!["=", name, self.expr(default)],
                (Some(type_expr), None) => list!["t", self.expr(type_expr), name],
                (None, None) => name.into(),
            });
        }
        items.push(Item::List(list));
    }

    fn resource(&mut self, resource: &Resource) -> Item {
        let head = format!("{}resource", form(resource.form));
        let mut items = vec![head.into(), self.expr(&resource.type_name), Item::Indent];
        for body in &resource.bodies {
            items.push(Item::Break);
            let mut inner = vec![self.expr(&body.title), Item::Indent];
            self.operations(&body.operations, &mut inner);
            inner.push(Item::Dedent);
            items.push(Item::List(inner));
        }
        items.push(Item::Dedent);
        Item::List(items)
    }

    fn with_operations(
        &mut self,
        head: &str,
        resource_form: ResourceForm,
        subject: Item,
        operations: &[AttributeOperation],
    ) -> Item {
        let mut items = vec![format!("{}{head}", form(resource_form)).into(), subject, Item::Indent];
        self.operations(operations, &mut items);
        items.push(Item::Dedent);
        Item::List(items)
    }

    fn operations(&mut self, operations: &[AttributeOperation], items: &mut Vec<Item>) {
        for operation in operations {
            items.push(Item::Break);
            items.push(match &operation.kind {
                AttributeOperationKind::Named { name, operator, value } => {
                    list![name.to_string(), operator.symbol(), self.expr(value)]
                }
                AttributeOperationKind::Splat(value) => list!["* =>", self.expr(value)],
            });
        }
    }
}

fn form(form: ResourceForm) -> &'static str {
    match form {
        ResourceForm::Regular => "",
        ResourceForm::Virtual => "virtual-",
        ResourceForm::Exported => "exported-",
    }
}

/// With slashes around it and escaped in it.
fn regex(pattern: &str) -> String {
    let mut text = String::from("/");
    let mut escaped = false;
    for c in pattern.chars() {
        if c == '/' && !escaped {
            text.push('\\');
        }
        escaped = c == '\\' && !escaped;
        text.push(c);
    }
    text.push('/');
    text
}
