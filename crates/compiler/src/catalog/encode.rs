//! The catalog as JSON: as `puppet catalog compile` prints it, or with rich data as agents ask for it.

use serde_json::{Map, Value as Json, json};

use crate::catalog::finish::reference_text;
use crate::catalog::relationship::reference_parts;
use crate::catalog::{Catalog, Resource};
use crate::format::display;
use crate::label::with_article;
use crate::value::Value;

/// How values without a counterpart in JSON are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As text, with a warning each: `application/json`.
    Plain,
    /// As objects with `__ptype`: `application/vnd.puppet.rich+json`.
    Rich,
}

/// A catalog as JSON, and what had to be said about it.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub json: Json,
    /// Values that were turned into text, in Puppet's words.
    pub warnings: Vec<String>,
}

/// A value that can't be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reference} holds {kind}, which Bunraku can't write as rich data yet")]
pub struct EncodeFault {
    pub reference: String,
    pub kind: String,
}

/// The catalog in the plain form.
pub fn encode(catalog: &Catalog) -> Json {
    // Only rich data has values that can't be written.
    encode_as(catalog, Form::Plain).map(|encoded| encoded.json).unwrap_or_default()
}

/// The catalog in the form asked for.
///
/// # Errors
/// [`Form::Rich`] only: types as values can't be written yet.
pub fn encode_as(catalog: &Catalog, form: Form) -> Result<Encoded, EncodeFault> {
    let mut warnings = Vec::new();
    let mut resources = Vec::with_capacity(catalog.resources.len());
    for resource in &catalog.resources {
        let mut encoder = Encoder { form, resource, path: Vec::new(), warnings: &mut warnings };
        resources.push(encoder.resource()?);
    }
    let edges: Vec<Json> = catalog
        .edges
        .iter()
        .map(|(source, target)| {
            json!({
                "source": catalog.resources[*source].reference(),
                "target": catalog.resources[*target].reference(),
            })
        })
        .collect();
    let json = json!({
        "tags": catalog.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(),
        "name": &*catalog.name,
        "version": catalog.version,
        "code_id": catalog.code_id,
        "catalog_uuid": catalog.catalog_uuid,
        "catalog_format": 2,
        "environment": &*catalog.environment,
        "resources": resources,
        "edges": edges,
        "classes": catalog.classes.iter().map(|class| &**class).collect::<Vec<_>>(),
    });
    Ok(Encoded { json, warnings })
}

struct Encoder<'a> {
    form: Form,
    resource: &'a Resource,
    /// Keys from the parameter to the value at hand, as they are written in the warning.
    path: Vec<String>,
    warnings: &'a mut Vec<String>,
}

impl Encoder<'_> {
    fn resource(&mut self) -> Result<Json, EncodeFault> {
        let resource = self.resource;
        let mut json = Map::new();
        json.insert("type".to_owned(), Json::from(&*resource.type_name));
        json.insert("title".to_owned(), Json::from(&*resource.title));
        json.insert("tags".to_owned(), resource.tags.iter().map(|tag| &**tag).collect::<Vec<_>>().into());
        if let Some(file) = &resource.file {
            json.insert("file".to_owned(), Json::from(&**file));
        }
        if let Some(line) = resource.line {
            json.insert("line".to_owned(), Json::from(line));
        }
        json.insert("exported".to_owned(), Json::from(resource.exported));
        json.insert("kind".to_owned(), Json::from(resource.kind.as_str()));
        if !resource.parameters.is_empty() {
            let mut parameters = Map::with_capacity(resource.parameters.len());
            for (name, value) in &resource.parameters {
                let value = self.below(format!("'{name}'"), value)?;
                parameters.insert(name.to_string(), value);
            }
            json.insert("parameters".to_owned(), Json::Object(parameters));
        }
        if !resource.sensitive_parameters.is_empty() {
            let names: Vec<&str> = resource.sensitive_parameters.iter().map(|name| &**name).collect();
            json.insert("sensitive_parameters".to_owned(), names.into());
        }
        Ok(Json::Object(json))
    }

    fn below(&mut self, key: String, value: &Value) -> Result<Json, EncodeFault> {
        self.path.push(key);
        let json = self.value(value);
        self.path.pop();
        json
    }

    fn value(&mut self, value: &Value) -> Result<Json, EncodeFault> {
        Ok(match value {
            Value::Undef => Json::Null,
            Value::Bool(value) => Json::from(*value),
            Value::Int(value) => Json::from(*value),
            Value::Float(value) => Json::from(*value),
            Value::String(text) => Json::from(&**text),
            Value::Default if self.form == Form::Rich => json!({"__ptype": "Default"}),
            Value::Default => {
                self.warn("the special value default", "default");
                Json::from("default")
            }
            Value::Array(items) => {
                let mut array = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    array.push(self.below(index.to_string(), item)?);
                }
                Json::Array(array)
            }
            Value::Hash(hash) => self.hash(hash)?,
            Value::Type(of) if reference_parts(of).is_some() => Json::from(reference_text(value)),
            Value::Sensitive(inner) => json!({"__ptype": "Sensitive", "__pvalue": self.value(inner)?}),
            other => self.other(other)?,
        })
    }

    fn hash(&mut self, hash: &crate::value::Hash) -> Result<Json, EncodeFault> {
        let key_text = |key: &Value| match key {
            Value::String(text) => Some(text.to_string()),
            Value::Type(of) if reference_parts(of).is_some() => Some(reference_text(key)),
            _ => None,
        };
        let plain = hash.keys().all(|key| key_text(key).is_some_and(|text| text != "__ptype"));
        if !plain && self.form == Form::Rich {
            let mut pairs = Vec::with_capacity(hash.len() * 2);
            for (key, value) in hash {
                pairs.push(self.value(key)?);
                pairs.push(self.below(display(key), value)?);
            }
            return Ok(json!({"__ptype": "Hash", "__pvalue": pairs}));
        }
        let mut object = Map::with_capacity(hash.len());
        for (key, value) in hash {
            let key = match (key_text(key), key) {
                (Some(text), _) => text,
                (None, Value::Default) => "default".to_owned(),
                (None, other) => {
                    let text = match other {
                        Value::Regex(_) => display(other),
                        _ => crate::format::ruby::to_s(other),
                    };
                    let what = format!("a hash with {} key", with_article(&kind(other)));
                    self.warn(&what, &text);
                    text
                }
            };
            let value = self.below(format!("'{key}'"), value)?;
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }

    /// Values that JSON doesn't have.
    fn other(&mut self, value: &Value) -> Result<Json, EncodeFault> {
        if self.form == Form::Plain {
            let text = display(value);
            self.warn(&format!("{} value", with_article(&kind(value))), &text);
            return Ok(Json::from(text));
        }
        let (name, text) = match value {
            Value::Regex(regex) => ("Regexp", regex.source().to_owned()),
            Value::SemVer(_) => ("SemVer", display(value)),
            Value::SemVerRange(_) => ("SemVerRange", display(value)),
            Value::Timespan(_) => ("Timespan", display(value)),
            Value::Timestamp(_) => ("Timestamp", display(value)),
            Value::Binary(_) => ("Binary", display(value)),
            other => {
                let reference = self.resource.reference();
                return Err(EncodeFault { reference, kind: with_article(&kind(other)) });
            }
        };
        Ok(json!({"__ptype": name, "__pvalue": text}))
    }

    fn warn(&mut self, what: &str, text: &str) {
        let path: String = self.path.iter().map(|key| format!("[{key}]")).collect();
        let place = crate::catalog::draft::place(self.resource.file.as_deref(), self.resource.line);
        let warning = format!(
            "{}{path} contains {what}. It will be converted to the String '{text}' {place}",
            self.resource.reference()
        );
        self.warnings.push(warning.trim_end().to_owned());
    }
}

/// Puppet's name for the kind of a value.
fn kind(value: &Value) -> String {
    let fixed = match value {
        Value::Type(of) => return format!("{}-Type", crate::types::simple_name(of)),
        Value::Int(_) => "Integer",
        Value::Float(_) => "Float",
        Value::Bool(true) => "TrueClass",
        Value::Bool(false) => "FalseClass",
        Value::Undef => "NilClass",
        Value::Array(_) => "Array",
        Value::Hash(_) => "Hash",
        Value::Regex(_) => "Regexp",
        Value::SemVer(_) => "SemanticPuppet::Version",
        Value::SemVerRange(_) => "SemanticPuppet::VersionRange",
        Value::Timespan(_) => "Puppet::Pops::Time::Timespan",
        Value::Timestamp(_) => "Puppet::Pops::Time::Timestamp",
        Value::Binary(_) => "Puppet::Pops::Types::PBinaryType::Binary",
        _ => "Object",
    };
    fixed.to_owned()
}
