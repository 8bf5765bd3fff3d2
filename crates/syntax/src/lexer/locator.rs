//! Positions in a heredoc's text, whose margin has been cut, and what they are in the file.

/// Maps offsets of the text being lexed to offsets in the file.
#[derive(Clone)]
pub(super) struct Locator<'a> {
    inner: Option<Inner<'a>>,
}

#[derive(Clone)]
struct Inner<'a> {
    parent: &'a Locator<'a>,
    /// Where the text starts in the parent's text.
    leading: usize,
    /// Where each line starts in the text.
    line_starts: Vec<usize>,
    /// For each line, how many bytes were cut before it and at its start.
    cut: Vec<usize>,
}

impl<'a> Locator<'a> {
    /// For the file itself.
    pub fn root() -> Locator<'static> {
        Locator { inner: None }
    }

    /// For a heredoc's text at `leading` of the parent's text, with `margins` bytes cut from its lines.
    pub fn heredoc(parent: &'a Locator<'a>, text: &str, leading: usize, margins: &[usize]) -> Locator<'a> {
        let mut line_starts = vec![0];
        line_starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1));
        let mut total = 0;
        let cut = margins
            .iter()
            .map(|margin| {
                total += margin;
                total
            })
            .collect();
        Locator { inner: Some(Inner { parent, leading, line_starts, cut }) }
    }

    /// The offset in the file.
    pub fn global(&self, offset: usize) -> usize {
        let Some(inner) = &self.inner else { return offset };
        let line = inner.line_starts.partition_point(|&start| start <= offset) - 1;
        let cut =
            if offset == 0 { 0 } else { inner.cut.get(line).or(inner.cut.last()).copied().unwrap_or(0) };
        inner.parent.global(inner.leading + offset + cut)
    }
}
