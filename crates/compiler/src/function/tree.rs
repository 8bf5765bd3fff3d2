//! `tree_each`.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Call;
use super::dispatch::{Table, table_with, unless_broken};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::{Type, assignable, instance_of};
use crate::value::{Key, Sequence, Value};

static TREE_EACH: Table = table_with(
    "tree_each",
    &[(
        "OptionsType",
        "Struct[{container_type => Optional[Type], include_root => Optional[Boolean], \
         include_containers => Optional[Boolean], include_values => Optional[Boolean], \
         order => Optional[Enum[depth_first, breadth_first]], include_refs => Optional[Boolean]}]",
    )],
    &[
        "Variant[Iterator,Array,Hash,Object] tree, OptionsType options?, &Callable[2,2] block",
        "Variant[Iterator,Array,Hash,Object] tree, OptionsType options?, &Callable[1,1] block",
        "Variant[Iterator,Array,Hash,Object] tree, OptionsType options?",
    ],
);

struct Walk {
    containers: Type,
    with_root: bool,
    with_containers: bool,
    with_values: bool,
    found: Vec<(Vec<Value>, Value)>,
}

pub(super) fn tree_each(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = TREE_EACH.select(&call)?;
    let option =
        |name: &str| call.args.get(1).and_then(Value::as_hash).and_then(|options| options.get(&Key(name)));
    let flag = |name: &str| option(name).is_none_or(|value| value.is_undef() || value.is_truthy());
    let all = Type::variant([Type::any_array(), Type::any_hash(), Type::Object(None)]);
    let containers = match option("container_type") {
        Some(Value::Type(given)) => (**given).clone(),
        _ => all.clone(),
    };
    if !assignable(&all, &containers) {
        return Err(Failure::raised(format!(
            "Only Array, Hash, and Object types can be used as container types. Got {containers}"
        )));
    }
    let with_containers = flag("include_containers");
    let mut walk = Walk {
        containers,
        with_root: with_containers && flag("include_root"),
        with_containers,
        with_values: flag("include_values"),
        found: Vec::new(),
    };
    if !walk.with_containers && !walk.with_values {
        return Err(Failure::raised(
            "Options 'include_containers' and 'include_values' cannot both be false",
        ));
    }
    if matches!(call.args[0], Value::Iterator(_)) {
        return Err(Failure::unsupported("The function 'tree_each' of an Iterator"));
    }
    if walk.with_root {
        walk.found.push((Vec::new(), call.args[0].clone()));
    }
    if option("order").and_then(Value::as_str) == Some("breadth_first") {
        walk.breadth_first(&call.args[0]);
    } else {
        walk.depth_first(&call.args[0], &mut Vec::new());
    }
    if signature == 2 {
        let items = walk.found.into_iter().map(|(path, value)| Value::array(vec![Value::array(path), value]));
        return Ok(Value::Iterator(Arc::new(Sequence::Items(Arc::new(items.collect())))));
    }
    for (path, value) in walk.found {
        let args = if signature == 0 { vec![Value::array(path), value] } else { vec![value] };
        if unless_broken(call.yield_to(evaluator, args))?.is_none() {
            break;
        }
    }
    Ok(call.args[0].clone())
}

fn children(value: &Value) -> Vec<(Value, Value)> {
    match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), item.clone())).collect()
        }
        Value::Hash(hash) => hash.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        _ => Vec::new(),
    }
}

impl Walk {
    fn is_container(&self, value: &Value) -> bool {
        instance_of(&self.containers, value)
    }

    fn note(&mut self, path: &[Value], value: &Value, container: bool) {
        if if container { self.with_containers } else { self.with_values } {
            self.found.push((path.to_vec(), value.clone()));
        }
    }

    fn depth_first(&mut self, value: &Value, path: &mut Vec<Value>) {
        for (key, child) in children(value) {
            path.push(key);
            let container = self.is_container(&child);
            self.note(path, &child, container);
            if container {
                self.depth_first(&child, path);
            }
            path.pop();
        }
    }

    fn breadth_first(&mut self, root: &Value) {
        let mut queue = VecDeque::from([(Vec::new(), root.clone())]);
        while let Some((path, value)) = queue.pop_front() {
            for (key, child) in children(&value) {
                let mut path: Vec<Value> = path.clone();
                path.push(key);
                let container = self.is_container(&child);
                self.note(&path, &child, container);
                if container {
                    queue.push_back((path, child));
                }
            }
        }
    }
}
