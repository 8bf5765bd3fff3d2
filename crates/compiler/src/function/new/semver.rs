//! Versions and ranges of versions.

use std::sync::Arc;

use crate::failure::Failure;
use crate::function::dispatch::{Table, table_with};
use crate::value::{Key, SemVer, SemVerRange, Value};

static VERSION: Table = table_with(
    "new_Version",
    &[
        ("PositiveInteger", "Integer[0,default]"),
        ("SemVerQualifier", r"Pattern[/\A[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*\Z/]"),
        (
            "SemVerPattern",
            r"Pattern[/\A(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?\Z/]",
        ),
        (
            "SemVerHash",
            "Struct[{major => PositiveInteger, minor => PositiveInteger, patch => PositiveInteger, \
             Optional[prerelease] => SemVerQualifier, Optional[build] => SemVerQualifier}]",
        ),
    ],
    &[
        "SemVerPattern str",
        "PositiveInteger major, PositiveInteger minor, PositiveInteger patch, SemVerQualifier prerelease?, \
         SemVerQualifier build?",
        "SemVerHash hash_args",
    ],
);
static RANGE: Table = table_with(
    "new_VersionRange",
    &[
        ("SemVerRangeString", "String[1]"),
        (
            "SemVerRangeHash",
            "Struct[{min => Variant[Default,SemVer], Optional[max] => Variant[Default,SemVer], \
             Optional[exclude_max] => Boolean}]",
        ),
    ],
    &[
        "SemVerRangeString str",
        "Variant[Default,SemVer] min, Variant[Default,SemVer] max, Boolean exclude_max?",
        "SemVerRangeHash hash_args",
    ],
);

pub(super) fn version(args: &[Value]) -> Result<Value, Failure> {
    let Some(signature) = VERSION.position(args) else {
        return Err(match args {
            [Value::String(text)] => {
                Failure::raised(format!("'new_Version' The string '{text}' cannot be converted to a SemVer"))
            }
            _ => return VERSION.choose(args).map(|_| Value::Undef),
        });
    };
    let parts: Vec<Value> = match (signature, &args[0]) {
        (0, text) => {
            let text = text.as_str().unwrap_or_default();
            return SemVer::parse(text)
                .map(|version| Value::SemVer(Arc::new(version)))
                .map_err(Failure::raised);
        }
        (2, Value::Hash(named)) => ["major", "minor", "patch", "prerelease", "build"]
            .iter()
            .map(|name| named.get(&Key(name)).cloned().unwrap_or(Value::Undef))
            .collect(),
        _ => args.to_vec(),
    };
    let number = |i: usize| match parts.get(i) {
        Some(Value::Int(n)) => u64::try_from(*n).unwrap_or_default(),
        _ => 0,
    };
    let text = |i: usize| parts.get(i).and_then(Value::as_str).map(str::to_owned);
    Ok(Value::SemVer(Arc::new(SemVer {
        major: number(0),
        minor: number(1),
        patch: number(2),
        prerelease: text(3),
        build: text(4),
    })))
}

pub(super) fn range(args: &[Value]) -> Result<Value, Failure> {
    let signature = RANGE.choose(args)?;
    let (min, max, exclude) = match (signature, &args[0]) {
        (0, text) => {
            let text = text.as_str().unwrap_or_default();
            return SemVerRange::parse(text)
                .map(|range| Value::SemVerRange(Arc::new(range)))
                .map_err(Failure::raised);
        }
        (2, Value::Hash(named)) => {
            (named.get(&Key("min")), named.get(&Key("max")), named.get(&Key("exclude_max")))
        }
        _ => (args.first(), args.get(1), args.get(2)),
    };
    let end = |value: Option<&Value>| match value {
        Some(Value::SemVer(version)) => Some((**version).clone()),
        _ => None,
    };
    let range = SemVerRange::between(end(min), end(max), exclude == Some(&Value::Bool(true)));
    Ok(Value::SemVerRange(Arc::new(range)))
}
