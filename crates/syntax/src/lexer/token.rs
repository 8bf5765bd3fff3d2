//! Tokens.

use crate::span::Span;
use std::sync::Arc;

/// What the lexer hands to the parser.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// Which one.
    pub kind: TokenKind,
    /// For tokens whose text isn't fixed: names, numbers, string contents with escapes replaced.
    pub text: Option<Arc<str>>,
    /// Where.
    pub span: Span,
    /// Whether it is the first on its line; the parser resumes at such places after an error.
    pub first_on_line: bool,
}

impl Token {
    /// The text as an error message shows it.
    pub fn shown(&self) -> String {
        match (&self.text, self.kind) {
            (Some(text), TokenKind::Regex) => format!("(?-mix:{})", text.replace('/', "\\/")),
            (Some(text), _) => text.to_string(),
            (None, kind) => kind.symbol().to_string(),
        }
    }

    /// The text of a name-like token; a keyword's is the keyword.
    pub fn name(&self) -> Arc<str> {
        match &self.text {
            Some(text) => Arc::clone(text),
            None => Arc::from(self.kind.symbol()),
        }
    }
}

macro_rules! token_kinds {
    ($($kind:ident $symbol:literal),* $(,)?) => {
        /// The kinds of tokens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum TokenKind { $($kind),* }

        impl TokenKind {
            /// The fixed text; empty for kinds that have none.
            pub fn symbol(self) -> &'static str {
                match self { $(TokenKind::$kind => $symbol),* }
            }
        }
    };
}

token_kinds! {
    String "", Word "", DqPre "", DqMid "", DqPost "",
    LBrack "[", ListStart "[", RBrack "]", LBrace "{", SelBrace "{", RBrace "}",
    LParen "(", WsLParen "(", RParen ")",
    Equals "=", Appends "+=", Deletes "-=",
    IsEqual "==", NotEqual "!=", Match "=~", NoMatch "!~",
    GreaterEqual ">=", GreaterThan ">", LessEqual "<=", LessThan "<",
    FArrow "=>", PArrow "+>",
    LShift "<<", LlCollect "<<|", LCollect "<|", RShift ">>", RrCollect "|>>", RCollect "|>",
    Plus "+", Minus "-", Div "/", Times "*", Modulo "%",
    Not "!", Dot ".", Pipe "|", At "@", AtAt "@@", Colon ":", Comma ",", Semic ";", QMark "?", Tilde "~",
    InEdge "->", InEdgeSub "~>", OutEdge "<-", OutEdgeSub "<~",
    Number "", Variable "", Name "", ClassRef "", Regex "", Heredoc "",
    EppStart "", EppEnd "%>", EppEndTrim "-%>", RenderString "", RenderExpr "",
    Case "case", Class "class", Default "default", Define "define", If "if", Elsif "elsif", Else "else",
    Inherits "inherits", Node "node", And "and", Or "or", Undef "undef", False "false", True "true", In "in",
    Unless "unless", Function "function", Type "type", Attr "attr", Private "private",
    Plan "plan", Apply "apply",
    // Anything that begins no token. Puppet's message shows nothing for it.
    Other "",
    // What the lexer couldn't make sense of; its text is an index into the lexer's faults.
    Fault "",
    End "",
}

impl TokenKind {
    /// The keyword of this text.
    pub fn keyword(text: &str, tasks: bool) -> Option<TokenKind> {
        Some(match text {
            "case" => TokenKind::Case,
            "class" => TokenKind::Class,
            "default" => TokenKind::Default,
            "define" => TokenKind::Define,
            "if" => TokenKind::If,
            "elsif" => TokenKind::Elsif,
            "else" => TokenKind::Else,
            "inherits" => TokenKind::Inherits,
            "node" => TokenKind::Node,
            "and" => TokenKind::And,
            "or" => TokenKind::Or,
            "undef" => TokenKind::Undef,
            "false" => TokenKind::False,
            "true" => TokenKind::True,
            "in" => TokenKind::In,
            "unless" => TokenKind::Unless,
            "function" => TokenKind::Function,
            "type" => TokenKind::Type,
            "attr" => TokenKind::Attr,
            "private" => TokenKind::Private,
            "plan" if tasks => TokenKind::Plan,
            "apply" if tasks => TokenKind::Apply,
            _ => return None,
        })
    }

    /// Whether it is a keyword or a boolean: in `${…}` such a word means the variable of that name.
    pub fn is_word(self) -> bool {
        self.is_attribute_keyword() || matches!(self, TokenKind::True | TokenKind::False)
    }

    /// Whether it is a keyword that may name an attribute of a resource.
    pub fn is_attribute_keyword(self) -> bool {
        matches!(
            self,
            TokenKind::Case
                | TokenKind::Class
                | TokenKind::Default
                | TokenKind::Define
                | TokenKind::If
                | TokenKind::Elsif
                | TokenKind::Else
                | TokenKind::Inherits
                | TokenKind::Node
                | TokenKind::And
                | TokenKind::Or
                | TokenKind::Undef
                | TokenKind::In
                | TokenKind::Unless
                | TokenKind::Function
                | TokenKind::Type
                | TokenKind::Attr
                | TokenKind::Private
                | TokenKind::Plan
                | TokenKind::Apply
        )
    }

    /// Whether a `/` after this token begins a regular expression instead of dividing.
    pub fn allows_regex(self) -> bool {
        !matches!(
            self,
            TokenKind::RParen
                | TokenKind::RBrack
                | TokenKind::RrCollect
                | TokenKind::RCollect
                | TokenKind::Name
                | TokenKind::ClassRef
                | TokenKind::Number
                | TokenKind::String
                | TokenKind::True
                | TokenKind::False
                | TokenKind::DqPre
                | TokenKind::DqMid
                | TokenKind::DqPost
                | TokenKind::Heredoc
                | TokenKind::Regex
                | TokenKind::Variable
                | TokenKind::Word
        )
    }
}
