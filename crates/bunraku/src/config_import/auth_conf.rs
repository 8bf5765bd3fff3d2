//! The rules of an `auth.conf`, read out of its HOCON.

use access::{AltNameKind, Place, Rule, Whom};

use super::hocon::{Node, Value};

/// One rule, and what of it has no equivalent and was left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub rule: Rule,
    pub left_out: Vec<String>,
}

/// Reads a rule; or says why it cannot be taken, which makes Puppet Server refuse the file too.
pub fn rule(node: &Node) -> Result<Read, String> {
    const KEYS: [&str; 6] = ["match-request", "allow", "deny", "allow-unauthenticated", "sort-order", "name"];
    const REQUEST: [&str; 4] = ["path", "type", "method", "query-params"];
    let request = node.at(&["match-request"]).ok_or("it has no match-request")?;
    let strange = node.members().iter().find(|(key, _)| !KEYS.contains(&key.as_str()));
    let strange =
        strange.or_else(|| request.members().iter().find(|(key, _)| !REQUEST.contains(&key.as_str())));
    if let Some((key, _)) = strange {
        return Err(format!("'{key}' is no part of a rule"));
    }
    let path = text(request.at(&["path"]).ok_or("match-request has no path")?)?;
    let place = match request.at(&["type"]).map(text).transpose()?.as_deref() {
        Some("path") => Place::Prefix(path),
        Some("regex") => Place::Regex(path),
        Some(other) => return Err(format!("type '{other}' is neither path nor regex")),
        None => return Err("match-request has no type".into()),
    };
    let mut left_out = Vec::new();
    let mut entries = |key: &str| match node.at(&[key]) {
        Some(entries) => whoms(entries, &mut left_out),
        None => Ok(Vec::new()),
    };
    let (allow, mut deny) = (entries("allow")?, entries("deny")?);
    let said = node.at(&["allow"]).is_some() || node.at(&["deny"]).is_some();
    let allow_unauthenticated = match node.at(&["allow-unauthenticated"]).map(text).transpose()?.as_deref() {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => return Err(format!("allow-unauthenticated '{other}' is neither true nor false")),
    };
    if said && allow.is_empty() && deny.is_empty() {
        // A rule that lets nobody pass still keeps the later ones from being asked.
        deny.push(Whom::Name("*".into()));
    }
    let order = text(node.at(&["sort-order"]).ok_or("it has no sort-order")?)?;
    Ok(Read {
        rule: Rule {
            name: text(node.at(&["name"]).ok_or("it has no name")?)?,
            order: order.parse().map_err(|_| format!("sort-order '{order}' is no number"))?,
            place,
            methods: request.at(&["method"]).map(texts).transpose()?.unwrap_or_default(),
            query: request.at(&["query-params"]).map(pairs).transpose()?.unwrap_or_default(),
            allow,
            deny,
            allow_unauthenticated,
        },
        left_out,
    })
}

fn whoms(node: &Node, left_out: &mut Vec<String>) -> Result<Vec<Whom>, String> {
    let one = [node.clone()];
    let nodes: &[Node] = match &node.value {
        Value::List(nodes) => nodes,
        _ => &one,
    };
    let mut found = Vec::new();
    for node in nodes {
        match &node.value {
            Value::Text(name) => found.push(Whom::Name(name.clone())),
            Value::Object(members) => found.extend(from_object(members, left_out)?),
            _ => return Err(format!("'{}' is neither a name nor an object", node.print())),
        }
    }
    Ok(found)
}

fn from_object(members: &[(String, Node)], left_out: &mut Vec<String>) -> Result<Option<Whom>, String> {
    let [(key, node)] = members else {
        return Err("an entry has exactly one of certname, extensions, rbac".into());
    };
    match key.as_str() {
        "certname" => Ok(Some(Whom::Name(text(node)?))),
        "extensions" => extensions(node).map(Some),
        "rbac" => {
            let permission = node.at(&["permission"]).unwrap_or(node).print();
            left_out.push(format!("permission {permission} (RBAC is a part of Puppet Enterprise)"));
            Ok(None)
        }
        other => Err(format!("'{other}' is none of certname, extensions, rbac")),
    }
}

fn extensions(node: &Node) -> Result<Whom, String> {
    let Value::Object(members) = &node.value else {
        return Err("extensions are an object of names and values".into());
    };
    let mut extensions = Vec::new();
    let mut alt_names = Vec::new();
    for (name, node) in members {
        if name != "subject-alt-name" && name != "2.5.29.17" {
            extensions.push((name.clone(), texts(node)?));
            continue;
        }
        for (kind, values) in pairs(node)? {
            let kind = match kind.as_str() {
                "dns-name" => AltNameKind::Dns,
                "ip" => AltNameKind::Ip,
                other => return Err(format!("alternative names of kind {other} cannot be asked for")),
            };
            alt_names.push((kind, values));
        }
    }
    Ok(match (extensions.is_empty(), alt_names.is_empty()) {
        (_, true) => Whom::Extensions(extensions),
        (true, false) => Whom::AltNames(alt_names),
        (false, false) => Whom::ExtensionsAndAltNames(extensions, alt_names),
    })
}

fn pairs(node: &Node) -> Result<Vec<(String, Vec<String>)>, String> {
    let Value::Object(members) = &node.value else { return Err(format!("'{}' is no object", node.print())) };
    members.iter().map(|(key, node)| Ok((key.clone(), texts(node)?))).collect()
}

fn texts(node: &Node) -> Result<Vec<String>, String> {
    match &node.value {
        Value::List(nodes) => nodes.iter().map(text).collect(),
        _ => Ok(vec![text(node)?]),
    }
}

fn text(node: &Node) -> Result<String, String> {
    match &node.value {
        Value::Text(text) => Ok(text.clone()),
        Value::Unread(text) => Err(format!("substitutions are not followed; write the value for '{text}'")),
        _ => Err(format!("'{}' is no text", node.print())),
    }
}
