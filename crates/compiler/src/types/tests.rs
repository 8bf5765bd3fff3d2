//! What the rest of the compiler relies on, without Puppet at hand; tests/expressions.rs compares with it.

use super::signature::{Signature, describe_call};
use super::*;

fn of(text: &str) -> Type {
    parse_type(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

#[test]
fn types_print_as_they_are_written() {
    for text in [
        "Integer[1, 2]",
        "Integer[default, 5]",
        "String[1]",
        "Enum['a', 'b']",
        "Array[Integer, 1, 5]",
        "Hash[String, Integer]",
        "Tuple[String, Integer, 1, 5]",
        "Struct[{'a' => String, Optional['b'] => Integer}]",
        "Variant[String, Integer]",
        "Optional['x']",
        "Callable[[String], Integer]",
        "Callable[String, Callable[Integer]]",
        "Pattern[/a\\/b/]",
        "File['/a']",
        "Class[a::b]",
        "Data",
    ] {
        assert_eq!(of(text).to_string(), text);
    }
}

#[test]
fn assignability() {
    for (sup, sub, expected) in [
        ("Numeric", "Integer[1, 2]", true),
        ("Integer[1, 2]", "Integer", false),
        ("Data", "Array[Hash[String, Data]]", true),
        ("Data", "Array[Regexp]", false),
        ("RichData", "Data", true),
        ("Data", "RichData", false),
        ("Optional[String]", "Undef", true),
        ("NotUndef", "Optional[String]", false),
        ("Hash[String, Integer]", "Struct[{a => Integer}]", true),
        ("Struct[{a => Integer}]", "Hash[String, Integer, 1, 1]", true),
        ("Array[Integer]", "Tuple[Integer, String]", false),
        ("Callable[Integer]", "Callable[Numeric]", true),
        ("Callable[Numeric]", "Callable[Integer]", false),
        ("Iterable[Integer]", "Array[Integer[1, 2]]", true),
        ("Variant[Integer, String]", "Variant[String, Integer[1, 1]]", true),
    ] {
        assert_eq!(assignable(&of(sup), &of(sub)), expected, "{sub} to {sup}");
    }
}

#[test]
fn recursive_aliases_end() {
    let tree = Arc::new(Alias { name: "Tree".into(), target: std::sync::OnceLock::new() });
    let inner = Type::variant([of("Integer"), Type::array_of(Type::Alias(tree.clone()), None)]);
    assert!(tree.target.set(inner).is_ok());
    let tree = Type::Alias(tree);
    let value = Value::array(vec![1.into(), Value::array(vec![2.into()])]);
    assert!(instance_of(&tree, &value));
    assert!(!instance_of(&tree, &Value::array(vec!["a".into()])));
    assert!(assignable(&tree, &tree));
    assert_eq!(tree.to_string(), "Tree = Variant[Integer, Array[Tree]]");
}

#[test]
fn inference_keeps_or_joins() {
    let value = Value::array(vec![1.into(), "a".into()]);
    assert_eq!(infer_set(&value).to_string(), "Tuple[Integer[1, 1], String]");
    assert_eq!(infer(&value).to_string(), "Array[ScalarData, 2, 2]");
    assert_eq!(generalize(&infer(&value)).to_string(), "Array[ScalarData]");
    assert_eq!(infer(&Value::array(Vec::new())).to_string(), "Array[0, 0]");
}

#[test]
fn parameters_are_checked_together() {
    let (integer, text) = (of("Integer"), of("Optional[String]"));
    let parameters = [
        Parameter { name: "a", expected: &integer, optional: false },
        Parameter { name: "b", expected: &text, optional: true },
    ];
    let (one, bad) = (Value::Int(1), Value::from("x"));
    assert_eq!(validate_parameters("Class[Foo]", &parameters, &[("a", &one)], false), Ok(()));
    assert_eq!(
        validate_parameters("Class[Foo]", &parameters, &[("x", &one), ("b", &one)], false).unwrap_err(),
        "Class[Foo]:\n  has no parameter named 'x'\n  expects a value for parameter 'a'\n  parameter 'b' expects a \
         value of type Undef or String, got Integer"
    );
    assert_eq!(
        validate_parameters("Class[Foo]", &parameters, &[("a", &bad)], false).unwrap_err(),
        "Class[Foo]: parameter 'a' expects an Integer value, got String"
    );
}

#[test]
fn calls_are_explained() {
    let signature = Signature::parse("Integer a, String b?, &Callable[1,1] block?", &|_| None).unwrap();
    assert!(signature.accepts(&[1.into()], None));
    assert!(!signature.accepts(&[], None));
    assert_eq!(signature.text(), "Integer a, String b?, Callable[1, 1] block?");
    assert_eq!(
        describe_call("f", &[&signature], &[], None),
        "'f' expects between 1 and 2 arguments, got none"
    );
    assert_eq!(
        describe_call("f", &[&signature], &["x".into()], None),
        "'f' parameter 'a' expects an Integer value, got String"
    );
}
