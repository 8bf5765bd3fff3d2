//! Colour and width, only where a person reads.

use std::io::{IsTerminal, Write};

/// Prints to stdout. A reader that has seen enough (`| head`) ends the program, as it ends every other one.
pub fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(fault) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        let closed = fault.kind() == std::io::ErrorKind::BrokenPipe;
        if !closed {
            eprintln!("{} could not write to stdout: {fault}", error_label());
        }
        // 141 is what a shell reports for a program that SIGPIPE ended.
        std::process::exit(if closed { 141 } else { 1 });
    }
}

/// `println!` through [`print`].
macro_rules! outln {
    ($($argument:tt)*) => { $crate::console::print(&format!("{}\n", format_args!($($argument)*))) };
}
pub(crate) use outln;

/// `Error:`, red on a terminal.
pub fn error_label() -> String {
    paint(std::io::stderr().is_terminal(), "31", "Error:")
}

/// `text` in the SGR colour `code` when stdout is a terminal and `NO_COLOR` is not set.
pub fn out(code: &str, text: &str) -> String {
    paint(std::io::stdout().is_terminal(), code, text)
}

fn paint(terminal: bool, code: &str, text: &str) -> String {
    if terminal && std::env::var_os("NO_COLOR").is_none() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

/// Lines `rows` up in columns, the first row being the heading.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().enumerate().map(|(c, cell)| format!("{cell:<w$}", w = widths[c])).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["role".into(), "pid".into()], vec!["front end".into(), "1".into()]];
        assert_eq!(super::table(&rows), "role       pid\nfront end  1\n");
    }
}
