//! Operators between two values, and `-x`.

use std::sync::Arc;

use syntax::Span;
use syntax::ast::{BinaryOp, Expr};

use crate::eval::Evaluator;
use crate::eval::compare::{order, range_includes};
use crate::eval::expression::pairs;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::label;
use crate::regex::Regex;
use crate::types::{assignable, equivalent, instance_of};
use crate::value::{Hash, Value};

impl Evaluator<'_> {
    pub(crate) fn eval_binary(
        &mut self,
        op: BinaryOp,
        left_expr: &Expr,
        right_expr: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let left = self.eval(left_expr, scope)?;
        let right = self.eval(right_expr, scope)?;
        match op {
            BinaryOp::Equal => Ok(Value::Bool(equal(&left, &right))),
            BinaryOp::NotEqual => Ok(Value::Bool(!equal(&left, &right))),
            BinaryOp::Less | BinaryOp::LessOrEqual | BinaryOp::Greater | BinaryOp::GreaterOrEqual => {
                compare(op, &left, &right).map(Value::Bool)
            }
            BinaryOp::In => self.contains(&right, &left, scope).map(Value::Bool),
            BinaryOp::Match | BinaryOp::NoMatch => {
                let matched = self.eval_match(left, &right, left_expr, right_expr, scope)?;
                Ok(Value::Bool(matched == (op == BinaryOp::Match)))
            }
            _ => self.calculate(op, left, right, left_expr, right_expr, span),
        }
    }

    fn eval_match(
        &mut self,
        left: Value,
        pattern: &Value,
        left_expr: &Expr,
        right_expr: &Expr,
        scope: ScopeId,
    ) -> Result<bool, Failure> {
        let regex = match pattern {
            Value::Type(expected) => return Ok(instance_of(expected, &left)),
            Value::SemVerRange(range) => return Ok(range_includes(range, &left)),
            Value::Regex(regex) => regex.clone(),
            Value::String(source) => {
                let compiled = Regex::new(source).map_err(|error| self.not_a_regex(right_expr, &error))?;
                Arc::new(compiled)
            }
            other => {
                let class = match other {
                    Value::Undef => "nil".to_owned(),
                    Value::Bool(value) => value.to_string(),
                    Value::Default => "Symbol".to_owned(),
                    other => label::value(other),
                };
                let detail = format!("no implicit conversion of {class} into String");
                return Err(self.not_a_regex(right_expr, &detail));
            }
        };
        let Value::String(text) = &left else {
            let got = label::with_article(&label::value(&left));
            let text = format!("Left match operand must result in a String value. Got {got}.");
            return Err(self.blame(left_expr.span, text));
        };
        let found = regex.captures(text).map_err(Failure::raised)?;
        let matched = found.is_some();
        self.set_match(scope, found);
        Ok(matched)
    }

    fn not_a_regex(&self, expr: &Expr, detail: &str) -> Failure {
        self.blame(
            expr.span,
            format_args!(
                "Can not convert right match operand to a regular expression. Caused by '{detail}'."
            ),
        )
    }

    pub(crate) fn eval_minus(
        &mut self,
        operand: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let value = self.eval(operand, scope)?;
        match self.numeric(value, span)? {
            Value::Int(value) => Ok(Value::Int(value.wrapping_neg())),
            Value::Float(value) => Ok(Value::Float(-value)),
            Value::Timespan(value) => Ok(Value::Timespan(-value)),
            other => Err(not_applicable("-", &other)),
        }
    }

    fn calculate(
        &mut self,
        op: BinaryOp,
        left: Value,
        right: Value,
        left_expr: &Expr,
        right_expr: &Expr,
        span: Span,
    ) -> Result<Value, Failure> {
        match (&left, op) {
            (Value::Array(_) | Value::Hash(_) | Value::Binary(_), BinaryOp::Add) => {
                return concatenate(&left, &right);
            }
            (Value::Array(_) | Value::Hash(_), BinaryOp::Subtract) => return Ok(delete(&left, &right)),
            (Value::Array(items), BinaryOp::ShiftLeft) => {
                let mut items = items.to_vec();
                items.push(right);
                return Ok(Value::array(items));
            }
            (Value::Hash(_), BinaryOp::ShiftLeft) => {
                return Err(self.blame(left_expr.span, not_applicable(op.symbol(), &left)));
            }
            _ => {}
        }
        let left = self.numeric(left, left_expr.span)?;
        let right = self.numeric(right, right_expr.span)?;
        let refused = |this: &Self| this.blame(left_expr.span, not_applicable(op.symbol(), &left));
        let refused_with = |this: &Self| {
            let text = format!(
                "Operator '{}' is not applicable to {} when right side is {}.",
                op.symbol(),
                label::with_article(&label::value(&left)),
                label::with_article(&label::value(&right))
            );
            this.blame(left_expr.span, text)
        };
        match (&left, &right) {
            (Value::Int(a), Value::Int(b)) => match integers(op, *a, *b) {
                Ok(result) => {
                    i64::try_from(result).map(Value::Int).map_err(|_| self.overflow(op, result, span))
                }
                Err(Impossible::ByZero) => Err(self.blame(right_expr.span, "Division by 0")),
                Err(Impossible::TooLarge(places)) => {
                    // Too large for any integer here, but its digits are easily told.
                    let digits = format!("{:x}", i128::from(a.unsigned_abs()) << (places % 4));
                    let zeros = "0".repeat(usize::try_from(places / 4).unwrap_or(0));
                    let (end, sign) = if *a > 0 { ("max", '+') } else { ("min", '-') };
                    Err(self.out_of_range(op, end, &format!("{sign}0x{digits}{zeros}"), span))
                }
            },
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
                let result = match floats(op, number(&left), number(&right)) {
                    Some(result) => result,
                    None if op == BinaryOp::Modulo && !matches!(left, Value::Float(_)) => {
                        return Err(refused_with(self));
                    }
                    None if matches!(left, Value::Int(_)) => {
                        // Ruby tries to make an integer of the right side of a shift.
                        return integers(op, number(&left) as i64, number(&right) as i64)
                            .ok()
                            .and_then(|result| i64::try_from(result).ok())
                            .map(Value::Int)
                            .ok_or_else(|| refused(self));
                    }
                    None => return Err(refused(self)),
                };
                if result.is_infinite() {
                    let text = format!("The result of the {} expression is Infinity", op.symbol());
                    return Err(self.blame(left_expr.span, text));
                }
                Ok(Value::Float(result))
            }
            _ => time(op, &left, &right).ok_or_else(|| refused_with(self)),
        }
    }

    fn overflow(&self, op: BinaryOp, result: i128, span: Span) -> Failure {
        let (end, sign) = if result > 0 { ("max", '+') } else { ("min", '-') };
        self.out_of_range(op, end, &format!("{sign}{:#x}", result.unsigned_abs()), span)
    }

    fn out_of_range(&self, op: BinaryOp, end: &str, shown: &str, span: Span) -> Failure {
        let symbol = op.symbol();
        let text = format!(
            "A '{symbol}' expression resulted in a value outside of Puppet Integer {end} range, got '{shown}'"
        );
        self.blame(span, text)
    }
}

fn not_applicable(symbol: &str, left: &Value) -> Failure {
    let left = label::with_article(&label::value(left));
    Failure::issue(format!("Operator '{symbol}' is not applicable to {left}."))
}

/// The `==` operator: types are equal when each is assignable to the other, however they are written.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Type(left), Value::Type(right)) => equivalent(left, right),
        _ => left.equals(right),
    }
}

fn compare(op: BinaryOp, left: &Value, right: &Value) -> Result<bool, Failure> {
    if let Value::Type(left) = left {
        let Value::Type(right) = right else { return Ok(false) };
        return Ok(match op {
            BinaryOp::Less => assignable(right, left) && !equivalent(left, right),
            BinaryOp::LessOrEqual => assignable(right, left),
            BinaryOp::Greater => assignable(left, right) && !equivalent(left, right),
            _ => assignable(left, right),
        });
    }
    let order = order(left, right).map_err(|detail| {
        Failure::issue(format!(
            "Comparison of: {} {} {}, is not possible. Caused by '{detail}'.",
            label::value(left),
            op.symbol(),
            label::value(right)
        ))
    })?;
    Ok(match op {
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessOrEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => f64::NAN,
    }
}

enum Impossible {
    ByZero,
    /// A shift to the left by that many places.
    TooLarge(u32),
}

/// Division rounds down and the remainder has the sign of the divisor, as in Ruby.
fn integers(op: BinaryOp, a: i64, b: i64) -> Result<i128, Impossible> {
    let (wide_a, wide_b) = (i128::from(a), i128::from(b));
    let floor = |a: i128, b: i128| {
        let quotient = a / b;
        if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient }
    };
    match op {
        BinaryOp::Add => Ok(wide_a + wide_b),
        BinaryOp::Subtract => Ok(wide_a - wide_b),
        BinaryOp::Multiply => Ok(wide_a * wide_b),
        BinaryOp::Divide | BinaryOp::Modulo if b == 0 => Err(Impossible::ByZero),
        BinaryOp::Divide => Ok(floor(wide_a, wide_b)),
        BinaryOp::Modulo => Ok(wide_a - floor(wide_a, wide_b) * wide_b),
        BinaryOp::ShiftLeft => shift(wide_a, b),
        _ => shift(wide_a, b.saturating_neg()),
    }
}

/// To the left; a negative count shifts to the right.
fn shift(value: i128, count: i64) -> Result<i128, Impossible> {
    if count < 0 {
        return Ok(value >> count.unsigned_abs().min(127));
    }
    if value == 0 {
        return Ok(0);
    }
    if count > 62 {
        // Ruby gives up on more than this, too.
        return Err(Impossible::TooLarge(u32::try_from(count).unwrap_or(u32::MAX).min(1 << 20)));
    }
    Ok(value << count)
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    match op {
        BinaryOp::Add => Some(a + b),
        BinaryOp::Subtract => Some(a - b),
        BinaryOp::Multiply => Some(a * b),
        BinaryOp::Divide => Some(a / b),
        _ => None,
    }
}

/// Arithmetic of times and durations, both in nanoseconds; plain numbers beside them are seconds.
fn time(op: BinaryOp, left: &Value, right: &Value) -> Option<Value> {
    let seconds = |value: &Value| match value {
        Value::Int(value) => Some(i128::from(*value) * 1_000_000_000),
        Value::Float(value) => Some((value * 1e9) as i128),
        _ => None,
    };
    Some(match (op, left, right) {
        (BinaryOp::Add, Value::Timespan(a), Value::Timespan(b)) => Value::Timespan(a + b),
        (BinaryOp::Add, Value::Timestamp(a), Value::Timespan(b))
        | (BinaryOp::Add, Value::Timespan(b), Value::Timestamp(a)) => Value::Timestamp(a + b),
        (BinaryOp::Subtract, Value::Timespan(a), Value::Timespan(b))
        | (BinaryOp::Subtract, Value::Timestamp(a), Value::Timestamp(b)) => Value::Timespan(a - b),
        (BinaryOp::Subtract, Value::Timestamp(a), Value::Timespan(b)) => Value::Timestamp(a - b),
        (BinaryOp::Add, Value::Timespan(a), other) | (BinaryOp::Add, other, Value::Timespan(a)) => {
            Value::Timespan(a + seconds(other)?)
        }
        (BinaryOp::Add, Value::Timestamp(a), other) | (BinaryOp::Add, other, Value::Timestamp(a)) => {
            Value::Timestamp(a + seconds(other)?)
        }
        (BinaryOp::Subtract, Value::Timespan(a), other) => Value::Timespan(a - seconds(other)?),
        (BinaryOp::Subtract, Value::Timestamp(a), other) => Value::Timestamp(a - seconds(other)?),
        (BinaryOp::Subtract, other, Value::Timespan(b)) => Value::Timespan(seconds(other)? - b),
        (BinaryOp::Multiply, Value::Timespan(a), Value::Int(b))
        | (BinaryOp::Multiply, Value::Int(b), Value::Timespan(a)) => Value::Timespan(a * i128::from(*b)),
        (BinaryOp::Multiply, Value::Timespan(a), Value::Float(b))
        | (BinaryOp::Multiply, Value::Float(b), Value::Timespan(a)) => {
            Value::Timespan((*a as f64 * b) as i128)
        }
        (BinaryOp::Divide, Value::Timespan(a), Value::Timespan(b)) if *b != 0 => {
            Value::Float(*a as f64 / *b as f64)
        }
        (BinaryOp::Divide, Value::Timespan(a), Value::Int(b)) if *b != 0 => {
            Value::Timespan(a.div_euclid(i128::from(*b)))
        }
        (BinaryOp::Divide, Value::Timespan(a), Value::Float(b)) if *b != 0.0 => {
            Value::Timespan((*a as f64 / b) as i128)
        }
        _ => return None,
    })
}

/// `+` on collections.
fn concatenate(left: &Value, right: &Value) -> Result<Value, Failure> {
    match (left, right) {
        (Value::Array(items), _) => {
            let mut joined = items.to_vec();
            match right {
                Value::Array(more) => joined.extend(more.iter().cloned()),
                Value::Hash(hash) => joined.extend(pairs(hash)),
                other => joined.push(other.clone()),
            }
            Ok(Value::array(joined))
        }
        (Value::Hash(hash), Value::Hash(more)) => {
            let mut merged = (**hash).clone();
            merged.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            Ok(Value::Hash(Arc::new(merged)))
        }
        (Value::Hash(hash), Value::Array(items)) => {
            let mut merged: Hash = (**hash).clone();
            for (key, value) in entries(items)? {
                merged.insert(key, value);
            }
            Ok(Value::Hash(Arc::new(merged)))
        }
        (Value::Hash(_), _) => Err(Failure::raised("Can only append Array or Hash to a Hash")),
        (Value::Binary(a), Value::Binary(b)) => Ok(Value::Binary([&a[..], &b[..]].concat().into())),
        _ => Err(Failure::raised("Can only append Binary to a Binary")),
    }
}

/// An array as hash entries: pairs, or keys and values in turn.
fn entries(items: &[Value]) -> Result<Vec<(Value, Value)>, Failure> {
    if !items.is_empty() && items.iter().all(|item| matches!(item, Value::Array(_))) {
        return items
            .iter()
            .map(|item| match item.as_array() {
                Some([key]) => Ok((key.clone(), Value::Undef)),
                Some([key, value]) => Ok((key.clone(), value.clone())),
                other => Err(Failure::raised(format!(
                    "invalid number of elements ({} for 1..2)",
                    other.map_or(0, <[Value]>::len)
                ))),
            })
            .collect();
    }
    if items.len() % 2 == 1 {
        return Err(Failure::raised("odd number of arguments for Hash"));
    }
    Ok(items.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
}

/// `-` on collections.
fn delete(left: &Value, right: &Value) -> Value {
    match left {
        Value::Array(items) => {
            let gone = match right {
                Value::Array(gone) => gone.to_vec(),
                Value::Hash(hash) => pairs(hash),
                other => vec![other.clone()],
            };
            let kept = items.iter().filter(|item| !gone.iter().any(|other| same(item, other)));
            Value::array(kept.cloned().collect())
        }
        Value::Hash(hash) => {
            let gone: Vec<&Value> = match right {
                Value::Array(gone) => gone.iter().collect(),
                Value::Hash(gone) => gone.keys().collect(),
                other => vec![other],
            };
            let kept = hash.iter().filter(|(key, _)| !gone.contains(key));
            Value::hash(kept.map(|(key, value)| (key.clone(), value.clone())))
        }
        other => other.clone(),
    }
}

/// Ruby's `==`: numbers across integer and float, strings by octet.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => a.equals(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_division_rounds_down() {
        assert!(matches!(integers(BinaryOp::Divide, -7, 2), Ok(-4)));
        assert!(matches!(integers(BinaryOp::Modulo, -7, 2), Ok(1)));
        assert!(matches!(integers(BinaryOp::ShiftRight, 8, 2), Ok(2)));
        assert!(integers(BinaryOp::Divide, 1, 0).is_err());
    }

    #[test]
    fn collections_concatenate_and_delete() {
        let array = |items: &[i64]| Value::array(items.iter().map(|item| Value::Int(*item)).collect());
        assert_eq!(delete(&array(&[1, 2, 1]), &Value::Float(1.0)), array(&[2]));
        let hash = Value::hash([("a".into(), Value::Int(1))]);
        let merged = concatenate(&hash, &Value::array(vec!["b".into(), Value::Int(2)]));
        assert_eq!(merged.ok().and_then(|merged| merged.as_hash().map(Hash::len)), Some(2));
    }
}
