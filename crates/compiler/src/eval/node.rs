//! `node` statements: which one is a node's, and its evaluation.

use std::sync::Arc;

use crate::catalog::draft::{DraftResource, Implementation, Parameters};
use crate::catalog::{Kind, Tags};
use crate::environment::Node;
use crate::eval::Evaluator;
use crate::eval::scope::{Frame, Scope, Source, TOP};
use crate::failure::Failure;
use crate::value::Value;

/// A node statement with the groups of the match that chose it.
type Chosen = (Arc<Node>, Option<Vec<Option<String>>>);

impl Evaluator<'_> {
    /// Finds the statement for the node and evaluates it. Environments without any do without.
    pub(crate) fn evaluate_node(&mut self) -> Result<(), Failure> {
        if self.environment.nodes().is_empty() {
            return Ok(());
        }
        let Some((node, groups)) = self.choose_node()? else {
            return Err(Failure::located(format!(
                "Could not find node statement with name 'default' or '{}'",
                self.request.certname
            )));
        };
        let mut tags = Tags::default();
        tags.add_if_valid("node");
        tags.add_if_valid(&node.name);
        self.draft.tags.merge(&tags);
        let resource = DraftResource {
            type_name: "Node".into(),
            title: node.name.clone(),
            implementation: Implementation::Node,
            kind: Kind::Unknown,
            file: None,
            line: None,
            is_virtual: false,
            exported: false,
            parameters: Parameters::default(),
            tags,
            sensitive: Vec::new(),
            scope: TOP,
            source: Source::Main,
            evaluated: true,
            scope_tags_added: false,
            overridden: false,
        };
        let id = self.add_resource(TOP, resource)?;
        self.add_scope_tags(id);
        let scope = self.new_scope(Scope::new(Some(TOP), Some(id), Source::Node(node.name.clone())));
        self.note_class(&node.name);
        self.class_scopes.insert(node.name.clone(), scope);
        for name in ["module_name", "caller_module_name"] {
            self.set_variable(scope, &name.into(), Value::from(""))?;
        }
        for name in ["title", "name"] {
            self.set_variable(scope, &name.into(), Value::String(node.name.clone()))?;
        }
        let body = &node.definition.body;
        self.guarded(scope, |this| {
            if let Some(groups) = groups {
                this.scope_mut(scope).frames.push(Frame::Match(Some(Arc::new(groups))));
            }
            this.eval_block(body, scope).map(|_| ())
        })
    }

    /// An exact name goes before a pattern, an earlier pattern before a later one, `default` comes last.
    fn choose_node(&self) -> Result<Option<Chosen>, Failure> {
        let name = self.request.certname.to_lowercase();
        let nodes = self.environment.nodes();
        if let Some(exact) = nodes.iter().find(|node| *node.name == *name) {
            return Ok(Some((exact.clone(), None)));
        }
        for node in nodes {
            let Some(pattern) = &node.pattern else { continue };
            let groups = pattern.captures(&name).map_err(Failure::raised)?;
            if groups.is_some() {
                return Ok(Some((node.clone(), groups)));
            }
        }
        Ok(nodes.iter().find(|node| &*node.name == "default").map(|node| (node.clone(), None)))
    }
}
