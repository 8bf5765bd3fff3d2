//! The tree in the form of `puppet parser dump`, to compare with Puppet's.
//!
//! The layout follows Puppet's dumper even where that is odd (an `if` without `else` indents all that follows it),
//! since the only use of this form is the comparison.

mod layout;
mod node;
mod number;

use crate::ast::{EppTemplate, Program};
use node::Dumper;

/// A manifest's tree.
pub fn program(program: &Program) -> String {
    let mut dumper = Dumper::default();
    let tree = dumper.program(program);
    dumper.layout.format(&tree)
}

/// A template's tree.
pub fn template(template: &EppTemplate) -> String {
    let mut dumper = Dumper::default();
    let tree = dumper.template(template);
    dumper.layout.format(&tree)
}
