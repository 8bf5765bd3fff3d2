//! In which order resources are applied: what one requires comes first, and else the catalog's own order.
//!
//! A relationship with a container holds for all that it contains. Each container therefore becomes two points of the
//! graph, its beginning and its end (Puppet's "whits").

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::{Catalog, Reference};

/// The order, and who depends on whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// All resources, containers among them at their end.
    pub order: Vec<Reference>,
    /// For each resource, those (not containers) that must have succeeded before it.
    pub dependencies: BTreeMap<Reference, BTreeSet<Reference>>,
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphFault {
    #[error("Could not find dependency {target} for {source_}")]
    Missing { source_: Reference, target: Reference },
    #[error("Found 1 dependency cycle:\n({})", .0.join(" => "))]
    Cycle(Vec<Reference>),
}

/// One point of the graph: a resource, or the beginning of a container (its end is the container itself).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Beginning(Reference),
    End(Reference),
}

/// Works out the order of `catalog`.
pub fn plan(catalog: &Catalog) -> Result<Plan, GraphFault> {
    let mut after: BTreeMap<Point, BTreeSet<Point>> = BTreeMap::new();
    let mut edge = |from: Point, to: Point| {
        after.entry(from).or_default().insert(to);
    };
    let begin = |reference: &str| match catalog.resources.get(reference).is_some_and(|r| r.container) {
        true => Point::Beginning(reference.to_string()),
        false => Point::End(reference.to_string()),
    };
    let end = |reference: &str| Point::End(reference.to_string());
    for resource in catalog.resources.values().filter(|r| r.container) {
        edge(begin(&resource.reference()), end(&resource.reference()));
    }
    for (outer, inner) in &catalog.containment {
        edge(begin(outer), begin(inner));
        edge(end(inner), end(outer));
    }
    for (source, target) in relationships(catalog)? {
        edge(end(&source), begin(&target));
    }
    for (parent, child) in parent_directories(catalog) {
        edge(end(&parent), begin(&child));
    }
    let points = sort(catalog, &after)?;
    let dependencies = dependencies(&points, &after, catalog);
    let order = points
        .into_iter()
        .filter_map(|point| match point {
            Point::End(reference) => Some(reference),
            Point::Beginning(_) => None,
        })
        .collect();
    Ok(Plan { order, dependencies })
}

/// (first, then) of every `before`, `notify`, `require` and `subscribe`.
fn relationships(catalog: &Catalog) -> Result<Vec<(Reference, Reference)>, GraphFault> {
    let mut found = Vec::new();
    for resource in catalog.resources.values() {
        for (name, value) in &resource.parameters {
            let forward = match name.as_str() {
                "before" | "notify" => true,
                "require" | "subscribe" => false,
                _ => continue,
            };
            for target in references(value) {
                let own = resource.reference();
                let target = find(catalog, &target)
                    .ok_or_else(|| GraphFault::Missing { source_: own.clone(), target: target.clone() })?;
                found.push(if forward { (own, target) } else { (target, own) });
            }
        }
    }
    Ok(found)
}

/// The references in a parameter's value: one, or lists of them.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Titles of files may be written with a slash at the end.
fn find(catalog: &Catalog, reference: &str) -> Option<Reference> {
    if catalog.resources.contains_key(reference) {
        return Some(reference.to_string());
    }
    let slashed = reference.strip_suffix(']').map(|open| format!("{open}/]"))?;
    let bare = reference.strip_suffix("/]").map(|open| format!("{open}]"));
    bare.into_iter().chain([slashed]).find(|candidate| catalog.resources.contains_key(candidate))
}

/// A file requires the managed directory it is in (Puppet's autorequire).
fn parent_directories(catalog: &Catalog) -> Vec<(Reference, Reference)> {
    let files = catalog.resources.values().filter(|r| r.kind == "File");
    let by_path: BTreeMap<String, Reference> =
        files.clone().map(|r| (path_of(r.text("path").unwrap_or(&r.title)), r.reference())).collect();
    files
        .filter_map(|file| {
            let path = path_of(file.text("path").unwrap_or(&file.title));
            let ancestors = std::path::Path::new(&path).ancestors().skip(1);
            let parent = ancestors.filter_map(|a| by_path.get(a.to_str()?)).next()?;
            Some((parent.clone(), file.reference()))
        })
        .collect()
}

fn path_of(text: &str) -> String {
    let trimmed = text.trim_end_matches('/');
    if trimmed.is_empty() { "/".to_string() } else { trimmed.to_string() }
}

/// Topological order; among the points that are free, the one that stands first in the catalog.
fn sort(catalog: &Catalog, after: &BTreeMap<Point, BTreeSet<Point>>) -> Result<Vec<Point>, GraphFault> {
    let rank: BTreeMap<&Reference, usize> =
        catalog.resources.keys().enumerate().map(|(rank, reference)| (reference, rank)).collect();
    let ranked = |point: &Point| match point {
        Point::Beginning(r) | Point::End(r) => rank.get(r).copied().unwrap_or(usize::MAX),
    };
    let mut waiting: BTreeMap<Point, usize> =
        catalog.resources.keys().map(|r| (Point::End(r.clone()), 0)).collect();
    for (from, targets) in after {
        waiting.entry(from.clone()).or_insert(0);
        for target in targets {
            *waiting.entry(target.clone()).or_insert(0) += 1;
        }
    }
    let mut free: BTreeSet<(usize, Point)> =
        waiting.iter().filter(|(_, n)| **n == 0).map(|(p, _)| (ranked(p), p.clone())).collect();
    let mut order = Vec::new();
    while let Some((_, point)) = free.pop_first() {
        waiting.remove(&point);
        for target in after.get(&point).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(target) {
                *count -= 1;
                if *count == 0 {
                    free.insert((ranked(target), target.clone()));
                }
            }
        }
        order.push(point);
    }
    if waiting.is_empty() { Ok(order) } else { Err(GraphFault::Cycle(cycle(&waiting, after))) }
}

/// One cycle among the points that never became free.
fn cycle(waiting: &BTreeMap<Point, usize>, after: &BTreeMap<Point, BTreeSet<Point>>) -> Vec<Reference> {
    let name = |point: &Point| match point {
        Point::Beginning(r) | Point::End(r) => r.clone(),
    };
    // Walking backwards always stays among waiting points, and so must come round.
    let before = |point: &Point| {
        after.iter().find(|(from, to)| waiting.contains_key(from) && to.contains(point)).map(|(from, _)| from)
    };
    let mut seen: Vec<&Point> = Vec::new();
    let mut at = waiting.keys().next();
    while let Some(point) = at {
        if let Some(start) = seen.iter().position(|p| *p == point) {
            let mut names: Vec<Reference> = seen[start..].iter().rev().map(|p| name(p)).collect();
            names.dedup();
            if let Some(first) = names.first().cloned() {
                names.push(first);
            }
            names.dedup();
            return names;
        }
        seen.push(point);
        at = before(point);
    }
    waiting.keys().map(name).collect()
}

/// For each resource the real resources reachable against the edges.
fn dependencies(
    order: &[Point],
    after: &BTreeMap<Point, BTreeSet<Point>>,
    catalog: &Catalog,
) -> BTreeMap<Reference, BTreeSet<Reference>> {
    let mut before: BTreeMap<&Point, BTreeSet<Reference>> = BTreeMap::new();
    for point in order {
        let mut reached = before.get(point).cloned().unwrap_or_default();
        if let Point::End(reference) = point
            && catalog.resources.get(reference).is_some_and(|r| !r.container)
        {
            reached.insert(reference.clone());
        }
        for target in after.get(point).into_iter().flatten() {
            before.entry(target).or_default().extend(reached.iter().cloned());
        }
    }
    before
        .into_iter()
        .filter_map(|(point, reached)| match point {
            Point::End(reference) => Some((reference.clone(), reached)),
            Point::Beginning(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn catalog(resources: Value, edges: Value) -> Catalog {
        Catalog::parse(&json!({"version": 1, "resources": resources, "edges": edges})).unwrap()
    }

    #[test]
    fn a_requirement_overrules_the_catalogs_order() {
        let catalog = catalog(
            json!([
                {"type": "Notify", "title": "a", "parameters": {"require": "Notify[b]"}},
                {"type": "Notify", "title": "b"},
                {"type": "Notify", "title": "c", "parameters": {"before": ["Notify[a]"]}},
            ]),
            json!([]),
        );
        let plan = plan(&catalog).unwrap();
        assert_eq!(plan.order, ["Notify[b]", "Notify[c]", "Notify[a]"]);
        assert_eq!(plan.dependencies["Notify[a]"].len(), 2);
    }

    #[test]
    fn a_relationship_with_a_class_holds_for_what_is_in_it() {
        let catalog = catalog(
            json!([
                {"type": "Notify", "title": "first", "parameters": {"require": "Class[late]"}},
                {"type": "Class", "title": "late"},
                {"type": "Notify", "title": "inside"},
            ]),
            json!([{"source": "Class[late]", "target": "Notify[inside]"}]),
        );
        let plan = plan(&catalog).unwrap();
        let at = |name: &str| plan.order.iter().position(|r| r == name).unwrap();
        assert!(at("Notify[inside]") < at("Notify[first]"));
        assert!(plan.dependencies["Notify[first]"].contains("Notify[inside]"));
    }

    #[test]
    fn a_file_comes_after_its_directory() {
        let catalog = catalog(
            json!([{"type": "File", "title": "/a/b/c"}, {"type": "File", "title": "/a/"}]),
            json!([]),
        );
        assert_eq!(plan(&catalog).unwrap().order, ["File[/a/]", "File[/a/b/c]"]);
    }

    #[test]
    fn a_cycle_is_named() {
        let catalog = catalog(
            json!([
                {"type": "Notify", "title": "a", "parameters": {"require": "Notify[b]"}},
                {"type": "Notify", "title": "b", "parameters": {"require": "Notify[a]"}},
            ]),
            json!([]),
        );
        let Err(GraphFault::Cycle(names)) = plan(&catalog) else { panic!("must be refused") };
        assert_eq!(names.len(), 3, "{names:?}");
        assert_eq!(names.first(), names.last());
    }

    #[test]
    fn a_relationship_with_nothing_is_named() {
        let catalog = catalog(
            json!([{"type": "Notify", "title": "a", "parameters": {"require": "File[/nosuch]"}}]),
            json!([]),
        );
        let (source_, target) = ("Notify[a]".to_string(), "File[/nosuch]".to_string());
        assert_eq!(plan(&catalog), Err(GraphFault::Missing { source_, target }));
    }
}
