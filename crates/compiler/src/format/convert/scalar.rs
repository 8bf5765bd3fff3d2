//! Single values after a format.

use super::bad_letter;
use super::spec::Spec;
use crate::format::sprintf::sprintf;
use crate::format::{base64, capitalize, display, double_quote, quote};
use crate::value::Value;

pub(super) fn print(spec: &Spec, value: &Value) -> Result<String, String> {
    let letter = spec.letter;
    match value {
        Value::Undef => undef(spec),
        Value::Default => match letter {
            'd' | 's' | 'p' => Ok(spec.apply(if spec.alternative { "\"default\"" } else { "default" })),
            'D' => Ok(spec.apply(if spec.alternative { "\"Default\"" } else { "Default" })),
            _ => Err(bad_letter("Default", letter, "dDsp")),
        },
        Value::Bool(value) => boolean(spec, *value),
        Value::Int(n) => integer(spec, *n),
        Value::Float(x) => float(spec, *x),
        Value::String(text) => string(spec, text),
        Value::Regex(regex) => match letter {
            'p' => ruby(spec, 'p', 's', &regex.inspect()),
            's' => {
                let text = regex.text();
                ruby(spec, 's', 's', &if spec.alternative { quote(&text) } else { text })
            }
            _ => Err(bad_letter("Regexp", letter, "sp")),
        },
        Value::Type(of) => match letter {
            's' if spec.alternative => ruby(spec, 's', 's', &format!("\"{of}\"")),
            's' | 'p' => ruby(spec, letter, 's', &of.to_string()),
            _ => Err(bad_letter("Type", letter, "sp")),
        },
        Value::Binary(octets) => binary(spec, octets),
        Value::Timestamp(_) | Value::Timespan(_) | Value::SemVer(_) | Value::SemVerRange(_) => {
            // These have no rules of their own: Ruby formats them. `%p` shows an address there; refuse it.
            match letter {
                's' => ruby(spec, 's', 's', &display(value)),
                'p' => Ok(spec.apply(&crate::format::inspect(value))),
                'd' | 'f' if matches!(value, Value::Timestamp(_) | Value::Timespan(_)) => {
                    sprintf(&spec.text, std::slice::from_ref(value))
                }
                _ => Err(format!("malformed format string - {}", spec.text)),
            }
        }
        other => match letter {
            's' => ruby(spec, 's', 's', &display(other)),
            'p' => ruby(spec, 'p', 's', &crate::format::ruby::inspect(other)),
            _ => Err(format!("malformed format string - {}", spec.text)),
        },
    }
}

/// Lets Ruby's formatting do it, the letter `from` replaced.
fn ruby(spec: &Spec, from: char, to: char, text: &str) -> Result<String, String> {
    let format = if from == to { spec.text.clone() } else { spec.text.replace(from, &to.to_string()) };
    sprintf(&format, &[text.into()])
}

fn undef(spec: &Spec) -> Result<String, String> {
    let alternative = |plain: &'static str, alternative: &'static str| {
        if spec.alternative { alternative } else { plain }
    };
    let text = match spec.letter {
        'n' => alternative("nil", "null"),
        'u' => alternative("undef", "undefined"),
        'd' | 'x' | 'X' | 'o' | 'b' | 'B' | 'e' | 'E' | 'f' | 'g' | 'G' | 'a' | 'A' => "NaN",
        'v' => "n/a",
        'V' => "N/A",
        's' => alternative("", "\"\""),
        'p' => alternative("undef", "\"undef\""),
        letter => return Err(bad_letter("Undef", letter, "nudxXobBeEfgGaAvVsp")),
    };
    Ok(spec.apply(text))
}

fn boolean(spec: &Spec, value: bool) -> Result<String, String> {
    let text = match spec.letter {
        't' => {
            if value {
                "true"
            } else {
                "false"
            }
        }
        'T' => {
            if value {
                "True"
            } else {
                "False"
            }
        }
        'y' => {
            if value {
                "yes"
            } else {
                "no"
            }
        }
        'Y' => {
            if value {
                "Yes"
            } else {
                "No"
            }
        }
        'd' | 'x' | 'X' | 'o' | 'b' | 'B' => return integer(spec, i64::from(value)),
        'e' | 'E' | 'f' | 'g' | 'G' | 'a' | 'A' => return float(spec, f64::from(u8::from(value))),
        's' | 'p' => return Ok(spec.apply(if value { "true" } else { "false" })),
        letter => return Err(bad_letter("Boolean", letter, "tTyYdxXobBeEfgGaAsp")),
    };
    Ok(spec.apply(if spec.alternative { &text[..1] } else { text }))
}

fn integer(spec: &Spec, n: i64) -> Result<String, String> {
    match spec.letter {
        'd' | 'x' | 'X' | 'o' | 'b' | 'B' | 'p' => sprintf(&spec.text, &[n.into()]),
        'e' | 'E' | 'f' | 'g' | 'G' | 'a' | 'A' => sprintf(&spec.text, &[(n as f64).into()]),
        'c' => {
            let c = u32::try_from(n).ok().and_then(char::from_u32).ok_or("pack(U): value out of range")?;
            ruby(spec, 'c', 's', &if spec.alternative { format!("\"{c}\"") } else { c.to_string() })
        }
        's' => ruby(spec, 's', if spec.alternative { 'p' } else { 's' }, &n.to_string()),
        letter => Err(bad_letter("Integer", letter, "dxXobBeEfgGaAspc")),
    }
}

fn float(spec: &Spec, x: f64) -> Result<String, String> {
    match spec.letter {
        'd' | 'x' | 'X' | 'o' | 'b' | 'B' => sprintf(&spec.text, &[(x.trunc() as i64).into()]),
        'e' | 'E' | 'f' | 'g' | 'G' | 'a' | 'A' | 'p' => sprintf(&spec.text, &[x.into()]),
        's' => {
            let text = crate::format::float(x);
            ruby(spec, 's', 's', &if spec.alternative { format!("\"{text}\"") } else { text })
        }
        letter => Err(bad_letter("Float", letter, "dxXobBeEfgGaAsp")),
    }
}

fn string(spec: &Spec, text: &str) -> Result<String, String> {
    let changed = match spec.letter {
        's' => return sprintf(&spec.text, &[text.into()]),
        'p' => return Ok(spec.apply(&if spec.alternative { double_quote(text) } else { quote(text) })),
        'c' => capitalize(text),
        'C' => text.split("::").map(capitalize).collect::<Vec<_>>().join("::"),
        'u' => text.to_uppercase(),
        'd' => text.to_lowercase(),
        't' => text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0' || c == '\x0B').to_owned(),
        letter => return Err(bad_letter("String", letter, "cCudspt")),
    };
    if spec.alternative {
        return Ok(spec.apply(&quote(&changed)));
    }
    ruby(spec, spec.letter, 's', &changed)
}

fn binary(spec: &Spec, octets: &[u8]) -> Result<String, String> {
    let to = if spec.alternative { 'p' } else { 's' };
    match spec.letter {
        's' => match std::str::from_utf8(octets) {
            Ok(text) => ruby(spec, 's', to, text),
            Err(_) => Err("\"\\xNN\" from ASCII-8BIT to UTF-8".to_owned()),
        },
        'p' => Ok(format!("Binary(\"{}\")", ruby(spec, 'p', 's', &base64(octets))?)),
        'b' => {
            let coded = base64(octets);
            let mut lines = String::new();
            for (i, c) in coded.chars().enumerate() {
                if i > 0 && i % 60 == 0 {
                    lines.push('\n');
                }
                lines.push(c);
            }
            if !coded.is_empty() {
                lines.push('\n');
            }
            ruby(spec, 'b', to, &lines)
        }
        'B' => ruby(spec, 'B', to, &base64(octets)),
        'u' => ruby(spec, 'u', to, &base64(octets).replace('+', "-").replace('/', "_")),
        't' => ruby(spec, 't', to, "Binary"),
        'T' => ruby(spec, 'T', to, "BINARY"),
        letter => Err(bad_letter("Binary", letter, "bButTsp")),
    }
}
