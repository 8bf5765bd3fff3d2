//! Numbers as Ruby prints them.

use crate::ast::Radix;

/// An integer in the radix it was written in.
pub(super) fn integer(value: i64, radix: Radix) -> String {
    match radix {
        Radix::Decimal => value.to_string(),
        Radix::Octal => format!("0{value:o}"),
        Radix::Hexadecimal => format!("0x{value:X}"),
    }
}

/// A floating point number: always with a fraction, with an exponent when large or small.
pub(super) fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || (-4..16).contains(&exponent) {
        let plain = value.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let fraction = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}{fraction}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_rubys() {
        assert_eq!(float(100000.0), "100000.0");
        assert_eq!(float(0.0015), "0.0015");
        assert_eq!(float(1e20), "1.0e+20");
        assert_eq!(float(1.5e-7), "1.5e-07");
        assert_eq!(float(1e15), "1000000000000000.0");
        assert_eq!(float(1e16), "1.0e+16");
        assert_eq!(float(0.0), "0.0");
    }
}
