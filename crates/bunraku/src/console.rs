//! Colour and width, only where a person reads.

use std::io::IsTerminal;

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
