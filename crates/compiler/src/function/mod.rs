//! The builtin functions: one file per function or family, and the list of names.

mod catalog;
mod classes;
mod collection;
mod compare;
mod control;
mod dig;
mod digest;
mod dispatch;
mod each;
mod files;
mod fqdn_rand;
mod group;
mod index;
mod logging;
mod lookup;
mod map;
mod matching;
mod math;
mod new;
mod quantify;
mod reduce;
mod scanf;
mod slice;
mod sort;
mod strftime;
mod strings;
mod templates;
mod text;
mod tree;
mod typing;
mod unique;
mod versioncmp;

use std::sync::Arc;

use crate::eval::Evaluator;
use crate::eval::closure::Closure;
use crate::eval::scope::ScopeId;
use crate::failure::{Failure, Location};
use crate::value::Value;

/// One call of a function, arguments evaluated.
pub struct Call {
    /// The function's name as called.
    pub name: Arc<str>,
    /// The scope of the caller.
    pub scope: ScopeId,
    pub args: Vec<Value>,
    pub lambda: Option<Arc<Closure>>,
    /// Where the call stands.
    pub location: Location,
}

impl Call {
    /// The value of calling the lambda; a call without one is refused by its signature before.
    fn yield_to(&self, evaluator: &mut Evaluator<'_>, args: Vec<Value>) -> Result<Value, Failure> {
        match &self.lambda {
            Some(lambda) => evaluator.call_lambda(&lambda.clone(), args),
            None => Err(Failure::raised(format!("'{}' expects a block", self.name))),
        }
    }
}

/// A builtin function. Errors: `Failure::raised(text)` gets place and context from the call expression.
pub type Builtin = fn(&mut Evaluator<'_>, Call) -> Result<Value, Failure>;

/// The builtin function of that name.
pub fn lookup(name: &str) -> Option<Builtin> {
    Some(match name {
        "abs" => math::abs,
        "alert" | "crit" | "debug" | "emerg" | "err" | "info" | "notice" | "warning" => logging::log,
        "all" => quantify::all,
        "annotate" | "eyaml_lookup_key" | "generate" | "hocon_data" | "json_data" | "yaml_data" => {
            unsupported
        }
        "any" => quantify::any,
        "assert_type" => typing::assert_type,
        "binary_file" => files::binary_file,
        "break" => control::stop,
        "call" => control::call,
        "camelcase" | "capitalize" | "chomp" | "chop" | "lstrip" | "rstrip" | "strip" => strings::each_string,
        "ceiling" | "floor" => math::to_integer,
        "compare" => compare::compare,
        "contain" | "include" | "require" => classes::declare,
        "convert_to" => typing::convert_to,
        "create_resources" => catalog::create_resources,
        "defined" => catalog::defined,
        "dig" => dig::dig,
        "digest" | "md5" | "sha1" | "sha256" => digest::digest,
        "downcase" | "upcase" => strings::change_case,
        "each" => each::each,
        "empty" => collection::empty,
        "epp" => templates::epp,
        "fail" => control::fail,
        "file" => files::file,
        "filter" => map::filter,
        "find_file" | "find_template" => files::find,
        "flatten" => collection::flatten,
        "fqdn_rand" => fqdn_rand::fqdn_rand,
        "get" => dig::get,
        "getvar" => dig::getvar,
        "group_by" => group::group_by,
        "hiera" | "hiera_array" | "hiera_hash" | "hiera_include" => lookup::hiera,
        "import" => control::import,
        "index" => index::index,
        "inline_epp" => templates::inline_epp,
        "inline_template" | "template" => templates::erb,
        "join" => collection::join,
        "keys" | "values" => collection::keys_or_values,
        "length" | "size" => collection::length,
        "lest" => control::lest,
        "lookup" => lookup::lookup,
        "map" => map::map,
        "match" => matching::matches,
        "max" | "min" => compare::extreme,
        "module_directory" => files::module_directory,
        "new" => new::new,
        "next" => control::next,
        "partition" => group::partition,
        "realize" => catalog::realize,
        "reduce" => reduce::reduce,
        "regsubst" => matching::regsubst,
        "return" => control::leave,
        "reverse_each" => each::reverse_each,
        "round" => math::round,
        "scanf" => scanf::scanf,
        "shellquote" => text::shellquote,
        "slice" => slice::slice,
        "sort" => sort::sort,
        "split" => matching::split,
        "sprintf" => text::sprintf,
        "step" => each::step,
        "strftime" => strftime::strftime,
        "tag" => catalog::tag,
        "tagged" => catalog::tagged,
        "then" => control::then,
        "tree_each" => tree::tree_each,
        "type" => typing::type_of,
        "unique" => unique::unique,
        "unwrap" => typing::unwrap,
        "versioncmp" => versioncmp::versioncmp,
        "with" => control::with,
        _ => return None,
    })
}

/// Functions of Puppet that are known by name and not there yet.
fn unsupported(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    Err(Failure::unsupported(format!("The function '{}'", call.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert!(lookup("each").is_some());
        assert!(lookup("no_such_function").is_none());
    }
}
