//! Conditions of templates: a part of the language `expr`, read strictly and put into CEL.
//!
//! In both languages what is left after the refusals means the same: comparison, boolean operators, fields, items, and
//! a few functions. Arithmetic is refused, since CEL mixes no kinds of number in it, and so is what one of them lacks.

use super::super::checks::word_hint;
use crate::expression::{Expression, Given};
use std::fmt;

/// How deep brackets, negations and closures may nest.
const DEPTH_MAX: usize = 12;
/// The longest condition.
const BYTES_MAX: usize = 500;
/// What may be called.
const FUNCTIONS: [&str; 8] = ["len", "default", "isNaN", "isNil", "asInt", "asFloat", "all", "any"];

/// A condition over `result`. Prints as the template has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    text: String,
    cel: Expression,
}

impl Condition {
    /// Reads one. `Err` says what is not understood, and the next thing to do.
    pub(super) fn read(text: &str) -> Result<Self, (String, String)> {
        if text.len() > BYTES_MAX {
            let hint = "compare less, or let the query do it";
            return Err(("it is longer than 500 bytes".into(), hint.into()));
        }
        let mut reader = Reader { tokens: tokens(text)?, next: 0, depth: 0, closures: 0 };
        let cel = reader.any_of()?;
        if let Some(token) = reader.peek() {
            return Err(odd(token));
        }
        let cel =
            Expression::parse(&cel, &["result"]).map_err(|error| (error.to_string(), KNOWN.to_owned()))?;
        Ok(Self { text: text.trim().to_owned(), cel })
    }

    /// Whether it holds for a result; `Err` goes on after its text.
    pub(super) fn holds(&self, result: &Given) -> Result<bool, String> {
        self.cel.judge([("result", result.clone())])
    }

    /// As the template has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is evaluated.
    pub fn cel(&self) -> &Expression {
        &self.cel
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const KNOWN: &str = "there are `result`, comparisons, `in`, `&&`, `||`, `!`, `len`, `default(result, …)`, `isNaN`, `isNil`, `asInt`, `asFloat`, `all` and `any`";

type Wrong = (String, String);

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(String),
    Text(String),
    Word(String),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 20] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "-", "(", ")", "[", "]", "{", "}", ",", ".", "#", "?",
];

fn wrong(what: impl Into<String>) -> Wrong {
    (what.into(), KNOWN.to_owned())
}

fn odd(token: &Token) -> Wrong {
    match token {
        Token::Number(it) | Token::Word(it) => wrong(format!("`{it}` is not understood there")),
        Token::Text(it) => wrong(format!("the text `{it}` is not understood there")),
        Token::Sign(it) => wrong(format!("`{it}` is not understood there")),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = |is: fn(char) -> bool| rest.find(|it| !is(it)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() {
            let length = taken(|it| it.is_ascii_alphanumeric() || it == '.');
            let number = &rest[..length];
            if number.parse::<f64>().is_err() || number.ends_with('.') {
                return Err(wrong(format!("`{number}` is no number that is understood")));
            }
            tokens.push(Token::Number(number.to_owned()));
            length
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = taken(|it| it.is_ascii_alphanumeric() || it == '_');
            tokens.push(Token::Word(rest[..length].to_owned()));
            length
        } else if matches!(first, '"' | '\'') {
            let inner = rest[1..].split_once(first).map(|(inner, _)| inner);
            let inner = inner.ok_or_else(|| wrong("a text does not end"))?;
            if inner.contains(['\\', '\n']) {
                return Err(wrong(format!("the text `{inner}` holds `\\` or a line end")));
            }
            tokens.push(Token::Text(inner.to_owned()));
            inner.len() + 2
        } else {
            let sign = SIGNS.iter().find(|it| rest.starts_with(**it));
            let sign = sign.ok_or_else(|| wrong(format!("`{first}` is not understood")))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Reads by recursive descent, and writes CEL as it goes.
struct Reader {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    closures: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Result<Token, Wrong> {
        let token = self.peek().cloned().ok_or_else(|| wrong("it ends too early"))?;
        self.next += 1;
        Ok(token)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_there = matches!(self.peek(), Some(Token::Sign(it)) if *it == sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), Some(Token::Word(it)) if it == word);
        self.next += usize::from(is_there);
        is_there
    }

    fn wants(&mut self, sign: &'static str) -> Result<(), Wrong> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(self.peek().map_or_else(|| wrong(format!("`{sign}` is missing at its end")), odd))
    }

    fn any_of(&mut self) -> Result<String, Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(wrong("it is nested more than 12 deep"));
        }
        let mut parts = vec![self.all_of()?];
        while self.takes("||") || self.takes_word("or") {
            parts.push(self.all_of()?);
        }
        self.depth -= 1;
        Ok(joined(parts, " || "))
    }

    fn all_of(&mut self) -> Result<String, Wrong> {
        let mut parts = vec![self.comparison()?];
        while self.takes("&&") || self.takes_word("and") {
            parts.push(self.comparison()?);
        }
        Ok(joined(parts, " && "))
    }

    fn comparison(&mut self) -> Result<String, Wrong> {
        let left = self.negation()?;
        let Some(operator) = self.operator() else {
            return Ok(left);
        };
        let right = self.negation()?;
        match self.operator() {
            Some(second) => Err(wrong(format!("`{operator}` and `{second}` stand in a row"))),
            None => Ok(format!("({left} {operator} {right})")),
        }
    }

    fn operator(&mut self) -> Option<&'static str> {
        let found = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|it| self.takes(it));
        found.or_else(|| self.takes_word("in").then_some("in"))
    }

    fn negation(&mut self) -> Result<String, Wrong> {
        let mut negations = 0;
        while self.takes("!") || self.takes_word("not") {
            negations += 1;
        }
        let value = self.value()?;
        Ok(if negations % 2 == 1 { format!("!{value}") } else { value })
    }

    /// Something with its fields and items.
    fn value(&mut self) -> Result<String, Wrong> {
        let mut value = self.start()?;
        loop {
            if self.takes(".") {
                match self.take()? {
                    Token::Word(field) => value = format!("{value}.{field}"),
                    token => return Err(odd(&token)),
                }
            } else if self.takes("[") {
                value = match self.take()? {
                    Token::Number(index) if index.bytes().all(|it| it.is_ascii_digit()) => {
                        format!("{value}[{index}]")
                    }
                    Token::Text(key) => format!("{value}[{}]", quoted(&key)),
                    token => return Err(odd(&token)),
                };
                self.wants("]")?;
            } else {
                return Ok(value);
            }
        }
    }

    fn start(&mut self) -> Result<String, Wrong> {
        match self.take()? {
            Token::Number(number) => Ok(number),
            Token::Text(text) => Ok(quoted(&text)),
            Token::Word(word) if matches!(self.peek(), Some(Token::Sign("("))) => self.call(&word),
            Token::Word(word) if matches!(&*word, "result" | "true" | "false") => Ok(word),
            Token::Sign("#") if self.closures > 0 => Ok(item(self.closures)),
            Token::Sign(".") if self.closures > 0 => {
                self.next -= 1;
                Ok(item(self.closures))
            }
            Token::Sign("(") => {
                let inner = self.any_of()?;
                self.wants(")")?;
                Ok(format!("({inner})"))
            }
            Token::Sign("[") => {
                let mut items = Vec::new();
                while !self.takes("]") {
                    items.push(self.any_of()?);
                    if !self.takes(",") {
                        self.wants("]")?;
                        break;
                    }
                }
                Ok(format!("[{}]", items.join(", ")))
            }
            Token::Sign("-") => match self.take()? {
                Token::Number(number) => Ok(format!("-{number}")),
                token => Err(odd(&token)),
            },
            Token::Word(word) => {
                Err((format!("`{word}` is not understood"), word_hint(&word, &FUNCTIONS, KNOWN)))
            }
            token @ Token::Sign(_) => Err(odd(&token)),
        }
    }

    fn call(&mut self, function: &str) -> Result<String, Wrong> {
        if !FUNCTIONS.contains(&function) {
            let hint = word_hint(function, &FUNCTIONS, KNOWN);
            return Err((format!("`{function}` is not understood"), hint));
        }
        self.wants("(")?;
        let of = self.any_of()?;
        let cel = match function {
            "len" => format!("size({of})"),
            // Only it is unlike itself.
            "isNaN" => format!("({of} != {of})"),
            "asInt" => format!("int({of})"),
            "asFloat" => format!("double({of})"),
            // Rollouts looks at the whole result, whatever is named.
            "default" | "isNil" if of != "result" => {
                return Err(wrong(format!("`{function}` asks only for the whole `result`")));
            }
            "isNil" => "(result == null)".to_owned(),
            "default" => {
                self.wants(",")?;
                format!("(result == null ? {} : result)", self.any_of()?)
            }
            _ => {
                self.wants(",")?;
                self.wants("{")?;
                self.closures += 1;
                let holds = self.any_of()?;
                let item = item(self.closures);
                self.closures -= 1;
                self.wants("}")?;
                let loops = if function == "all" { "all" } else { "exists" };
                format!("{of}.{loops}({item}, {holds})")
            }
        };
        self.wants(")")?;
        Ok(cel)
    }
}

/// The variable of a closure, by how deep it stands.
fn item(depth: usize) -> String {
    if depth == 1 { "it".to_owned() } else { format!("it{depth}") }
}

fn joined(mut parts: Vec<String>, operator: &str) -> String {
    if parts.len() == 1 { parts.remove(0) } else { format!("({})", parts.join(operator)) }
}

/// A text of CEL. It holds no backslash and no line end.
fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(text: &str, result: &Given) -> Result<bool, String> {
        Condition::read(text).map_err(|(what, _)| what)?.holds(result)
    }

    #[test]
    fn conditions_mean_in_cel_what_they_mean_in_rollouts() {
        let floats = |values: &[f64]| Given::Floats(values.to_vec());
        let json = |value| Given::Json(value);
        let cases = [
            ("result[0] >= 0.95", floats(&[0.95]), true),
            ("result[0] >= 1", floats(&[0.95]), false),
            ("result[0] == 1", floats(&[1.0]), true),
            ("result[0] in [1, 2.5]", floats(&[1.0]), true),
            ("result[0] in [2, 2.5]", floats(&[1.0]), false),
            ("isNaN(result[0]) || result[0] > 0.9", floats(&[f64::NAN]), true),
            ("isNaN(result[0])", floats(&[0.5]), false),
            ("result[0] > 0.9 || isNaN(result[0])", floats(&[f64::NAN]), true),
            ("len(result) == 0 or result[0] < 5", floats(&[]), true),
            ("all(result, {# > 0.9})", floats(&[0.95, 1.0]), true),
            ("all(result, { # > 0.9 && # < 1 })", floats(&[0.95, 1.0]), false),
            ("any(result, {# > 0.9})", floats(&[0.1, 0.95]), true),
            ("default(result, 0) < 0.05", json(json!(null)), true),
            ("default(result, 0) < 0.05", json(json!(0.5)), false),
            ("isNil(result)", floats(&[]), false),
            ("result >= -1.5", Given::Float(-1.0), true),
            (
                "result.ok && result.successPercent >= 0.90",
                json(json!({ "ok": true, "successPercent": 1 })),
                true,
            ),
            ("result == 'ok' and not (result in [\"a\", \"b\"])", json(json!("ok")), true),
            ("asInt(result) > 3", json(json!("4")), true),
            ("asFloat(result) > 3", json(json!("2.5")), false),
            (
                "all(result.items, {.up && all(.parts, {# > 0})})",
                json(json!({ "items": [{ "up": true, "parts": [1] }] })),
                true,
            ),
            ("result['a-b'] == true", json(json!({ "a-b": true })), true),
            ("result == 1 || result == 2 && false", json(json!(1)), true),
        ];
        for (text, result, expected) in cases {
            assert_eq!(holds(text, &result), Ok(expected), "{text}");
        }
        assert!(holds("result[0] > 1", &floats(&[])).is_err());
        // No number is neither more nor less: nobody could tell.
        assert!(holds("result[0] > 1", &floats(&[f64::NAN])).is_err());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let said = |text: &str| Condition::read(text).map(drop).unwrap_err().0;
        assert_eq!(said("result[0] * 100 > 5"), "`*` is not understood");
        assert_eq!(said("result matches '^a'"), "`matches` is not understood there");
        assert_eq!(said("result contains 'a'"), "`contains` is not understood there");
        assert_eq!(said("result == nil"), "`nil` is not understood");
        assert_eq!(said("lenn(result) > 1"), "`lenn` is not understood");
        assert_eq!(Condition::read("lenn(result) > 1").unwrap_err().1, "did you mean `len`");
        assert_eq!(said("result.a ? 1 : 2"), "`:` is not understood");
        assert_eq!(said("1 < result < 3"), "`<` and `<` stand in a row");
        assert_eq!(said("result not in [1]"), "`not` is not understood there");
        assert_eq!(said("# > 1"), "`#` is not understood there");
        assert_eq!(said("default(result.a, 1) > 0"), "`default` asks only for the whole `result`");
        assert_eq!(said("filter(result, {# > 1})"), "`filter` is not understood");
        assert_eq!(said("result =="), "it ends too early");
        assert_eq!(said("(result == 1"), "`)` is missing at its end");
        assert_eq!(said(""), "it ends too early");
        assert_eq!(said("'a"), "a text does not end");
        assert_eq!(
            said(&format!("{}result{}", "(".repeat(99), ")".repeat(99))),
            "it is nested more than 12 deep"
        );
        assert!(said(&"!".repeat(900)).contains("500 bytes"));
    }
}
