//! Label selectors in the syntax of `kubectl get -l`: `app=web,tier in (a, b),!old,weight>3`.

use promoter_yaml::Map;

/// A selector over labels or annotations; all of its requirements have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads a selector; an empty text selects everything.
    ///
    /// Errors: one line that says what was found and what was expected.
    /// Source: Kubernetes, "Labels and Selectors", API; keys and values are checked as Kubernetes checks them.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens { rest: text };
        let mut requirements = Vec::new();
        if tokens.peek() == Token::End {
            return Ok(Self { requirements });
        }
        loop {
            requirements.push(requirement(&mut tokens)?);
            match tokens.next() {
                Token::End => return Ok(Self { requirements }),
                Token::Symbol(",") => {}
                other => return Err(format!("found {other}, expected `,` or the end")),
            }
        }
    }

    /// True when the labels satisfy the selector. Labels that are no text count as the text they were written with.
    pub(crate) fn matches(&self, labels: Option<&Map>) -> bool {
        let value = |key: &str| {
            labels.and_then(|it| it.get(key)).map(|it| it.as_scalar().map_or("", |scalar| &scalar.text))
        };
        self.requirements.iter().all(|it| it.test.holds(value(&it.key)))
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|it| it.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
            Self::In(values) => value.is_some_and(|it| values.iter().any(|one| one == it)),
            Self::NotIn(values) => value.is_none_or(|it| values.iter().all(|one| one != it)),
            Self::Greater(than) => number().is_some_and(|it| it > *than),
            Self::Less(than) => number().is_some_and(|it| it < *than),
        }
    }
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<Requirement, String> {
    let missing = tokens.peek() == Token::Symbol("!");
    if missing {
        tokens.next();
    }
    let key = match tokens.next() {
        Token::Word(key) => qualified_name(key)?,
        other => return Err(format!("found {other}, expected a key")),
    };
    if missing {
        return Ok(Requirement { key, test: Test::Missing });
    }
    if matches!(tokens.peek(), Token::End | Token::Symbol(",")) {
        return Ok(Requirement { key, test: Test::Exists });
    }
    let test = match tokens.next() {
        Token::Symbol("=" | "==") => Test::In(vec![value(tokens)?]),
        Token::Symbol("!=") => Test::NotIn(vec![value(tokens)?]),
        Token::Symbol(">") => Test::Greater(integer(tokens)?),
        Token::Symbol("<") => Test::Less(integer(tokens)?),
        Token::Word("in") => Test::In(values(tokens)?),
        Token::Word("notin") => Test::NotIn(values(tokens)?),
        other => {
            return Err(format!("found {other}, expected one of `=`, `==`, `!=`, `in`, `notin`, `>`, `<`"));
        }
    };
    Ok(Requirement { key, test })
}

fn value(tokens: &mut Tokens<'_>) -> Result<String, String> {
    if matches!(tokens.peek(), Token::End | Token::Symbol(",")) {
        return Ok(String::new());
    }
    match tokens.next() {
        Token::Word(text) => label_value(text),
        other => Err(format!("found {other}, expected a value")),
    }
}

fn integer(tokens: &mut Tokens<'_>) -> Result<i64, String> {
    let text = value(tokens)?;
    text.parse().map_err(|_| format!("`{text}` is no integer, and `<` and `>` compare integers"))
}

fn values(tokens: &mut Tokens<'_>) -> Result<Vec<String>, String> {
    if tokens.next() != Token::Symbol("(") {
        return Err("a list of values has to begin with `(`".to_owned());
    }
    let mut found = Vec::new();
    loop {
        // An empty place, as in `(,a)`, is the empty value.
        if matches!(tokens.peek(), Token::Symbol("," | ")")) {
            found.push(String::new());
        } else {
            found.push(match tokens.next() {
                Token::Word(text) => label_value(text)?,
                other => return Err(format!("found {other}, expected a value")),
            });
        }
        match tokens.next() {
            Token::Symbol(")") => return Ok(found),
            Token::Symbol(",") => {}
            other => return Err(format!("found {other}, expected `,` or `)`")),
        }
    }
}

/// Checks a key: an optional DNS name and `/`, then at most 63 letters, digits, `-`, `_`, `.`.
fn qualified_name(key: &str) -> Result<String, String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let dns_part = |part: &str| {
        let inner = part.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
        inner && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
    };
    if prefix.is_some_and(|it| it.len() > 253 || !it.split('.').all(dns_part)) {
        return Err(format!("the part of the key `{key}` before `/` is no lower-case DNS name"));
    }
    if name.is_empty() || !is_name(name) {
        return Err(format!("the key `{key}` is not made of up to 63 letters, digits, `-`, `_` and `.`"));
    }
    Ok(key.to_owned())
}

fn label_value(text: &str) -> Result<String, String> {
    if !is_name(text) {
        return Err(format!("the value `{text}` is not made of up to 63 letters, digits, `-`, `_` and `.`"));
    }
    Ok(text.to_owned())
}

fn is_name(text: &str) -> bool {
    let edge = |it: u8| it.is_ascii_alphanumeric();
    let inner = |it: u8| edge(it) || matches!(it, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|it| inner(*it))
        && bytes.first().is_none_or(|it| edge(*it))
        && bytes.last().is_none_or(|it| edge(*it))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'static str),
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(text) => write!(out, "`{text}`"),
            Token::Symbol(text) => write!(out, "`{text}`"),
            Token::End => write!(out, "the end"),
        }
    }
}

struct Tokens<'a> {
    rest: &'a str,
}

/// Longer symbols first.
const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

impl<'a> Tokens<'a> {
    fn peek(&self) -> Token<'a> {
        Self { rest: self.rest }.next()
    }

    fn next(&mut self) -> Token<'a> {
        let text = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if text.is_empty() {
            self.rest = text;
            return Token::End;
        }
        if let Some(symbol) = SYMBOLS.into_iter().find(|it| text.starts_with(it)) {
            self.rest = &text[symbol.len()..];
            return Token::Symbol(symbol);
        }
        let end = text.find([' ', '\t', '\r', '\n', '=', '!', '(', ')', ',', '>', '<']).unwrap_or(text.len());
        self.rest = &text[end..];
        Token::Word(&text[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_yaml::Node;

    fn labels(pairs: &[(&str, &str)]) -> Map {
        pairs.iter().map(|(key, value)| (Box::from(*key), Node::str(*value))).collect()
    }

    #[test]
    fn requirements_and_what_they_select() {
        let web = labels(&[("app", "web"), ("weight", "5"), ("in", "x"), ("empty", "")]);
        let yes = [
            "",
            "  ",
            "app",
            "app=web",
            "app == web",
            "app!=api",
            "other!=x",
            "!other",
            "app in (api, web)",
            "app notin (api)",
            "other notin (x)",
            "weight>4",
            "weight<6",
            "in=x",
            "in in (x)",
            "empty=",
            "empty in ()",
            "empty in (,x)",
            "app=web,weight,!old",
        ];
        for text in yes {
            assert!(LabelSelector::parse(text).unwrap().matches(Some(&web)), "{text}");
        }
        let no = [
            "!app",
            "app=api",
            "app!=web",
            "other",
            "other=x",
            "other in (x)",
            "weight>5",
            "app>1",
            "app,old",
        ];
        for text in no {
            assert!(!LabelSelector::parse(text).unwrap().matches(Some(&web)), "{text}");
        }
        assert!(LabelSelector::parse("!app").unwrap().matches(None));
    }

    #[test]
    fn what_is_no_selector() {
        let bad = [
            ("app=web,", "found the end, expected a key"),
            ("=web", "found `=`, expected a key"),
            ("app web", "found `web`, expected one of `=`, `==`, `!=`, `in`, `notin`, `>`, `<`"),
            ("!app=web", "found `=`, expected `,` or the end"),
            ("app in web", "a list of values has to begin with `(`"),
            ("app in (a b)", "found `b`, expected `,` or `)`"),
            ("weight>x", "`x` is no integer, and `<` and `>` compare integers"),
            ("App.io/x/y", "the part of the key `App.io/x/y` before `/` is no lower-case DNS name"),
            ("app=-web", "the value `-web` is not made of up to 63 letters, digits, `-`, `_` and `.`"),
        ];
        for (text, reason) in bad {
            assert_eq!(LabelSelector::parse(text).unwrap_err(), reason, "{text}");
        }
    }
}
