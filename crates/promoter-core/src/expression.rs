//! Expressions in CEL that people write into promoter.yaml: what they may hold, and what they say of a value.
//!
//! Every expression of promoter is read here, so that one place bounds what evaluating one may cost. Which variables there
//! are is decided by who asks.

mod walk;

use crate::fields::is_slip;
use cel::{Context, Env, ExecutionError, Program};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The longest expression; together with [`COMPREHENSIONS_MAX`] it bounds the cost of evaluating one.
const BYTES_MAX: usize = 1_000;
/// How many `map`, `filter`, `all`, `exists` an expression may hold: the cost grows with the product of their lists.
const COMPREHENSIONS_MAX: usize = 2;
/// How deep brackets may nest, and how deep the parsed expression: reading and evaluating one takes stack for each level.
const DEPTH_MAX: usize = 24;
/// The stack on which expressions are read: the parser takes up to a few hundred kilobytes for each bracket.
const STACK_BYTES: usize = 16 << 20;
/// The functions that an expression may call, besides operators.
const FUNCTIONS: [&str; 13] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "dyn",
    "type",
    "semver",
];

/// A condition over variables. Prints as it was written.
#[derive(Clone)]
pub struct Expression {
    text: String,
    program: Arc<Program>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// A whole number, which compares with the numbers that people write.
    Int(i64),
    /// A number that may be none of JSON's, such as infinity.
    Float(f64),
    /// Several of them.
    Floats(Vec<f64>),
    /// Anything else. Its whole numbers are unsigned when they are not negative, which CEL compares with others too.
    Json(Value),
}

/// Why a text is no expression that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}")]
pub struct ExpressionError {
    /// Its beginning.
    pub text: String,
    /// The cause, which goes on after the text.
    pub why: String,
    /// The word that was probably meant.
    pub near: Option<String>,
}

impl Expression {
    /// Reads an expression over some variables.
    ///
    /// Errors: a text that does not parse, is too long or loops too often, a variable or function that is unknown.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, ExpressionError> {
        let refuse = |why: &str, near: Option<String>| ExpressionError {
            text: text.chars().take(80).collect(),
            why: why.to_owned(),
            near,
        };
        if text.len() > BYTES_MAX {
            return Err(refuse("is longer than 1,000 bytes", None));
        }
        if brackets(text) > DEPTH_MAX {
            return Err(refuse("nests more than 24 brackets", None));
        }
        let program = compile(text).map_err(|why| refuse(&format!("cannot be read: {why}"), None))?;
        let found = walk::found(program.expression());
        if found.depth > DEPTH_MAX {
            return Err(refuse("is nested more than 24 deep", None));
        }
        if found.comprehensions > COMPREHENSIONS_MAX {
            return Err(refuse("holds more than two of map, filter, all and exists", None));
        }
        let near =
            |word: &str, known: &[&str]| known.iter().find(|it| is_slip(word, it)).map(|&it| it.to_owned());
        if let Some(name) = found.variables.iter().find(|it| !variables.contains(it)) {
            return Err(refuse(&format!("names `{name}`, which is unknown"), near(name, variables)));
        }
        if let Some(name) = found.functions.iter().find(|it| !FUNCTIONS.contains(it)) {
            return Err(refuse(&format!("calls `{name}`, which is unknown"), near(name, &FUNCTIONS)));
        }
        Ok(Self { text: text.to_owned(), program: Arc::new(program) })
    }

    /// True when it names a variable.
    pub fn names(&self, variable: &str) -> bool {
        walk::found(self.program.expression()).variables.contains(&variable)
    }

    /// Fields that it selects by name of a variable, and of those: `artifacts.web.tag` is `["artifacts", "web", "tag"]`.
    pub fn paths(&self) -> Vec<Vec<&str>> {
        walk::found(self.program.expression()).paths
    }

    /// Evaluates it. `Err` goes on after the text: it gives no boolean, or why it cannot be evaluated.
    pub fn judge<'a>(&self, given: impl IntoIterator<Item = (&'a str, Given)>) -> Result<bool, String> {
        static LIBRARY: OnceLock<Arc<Env>> = OnceLock::new();
        let mut context = Context::with_env(LIBRARY.get_or_init(|| Arc::new(Env::stdlib())).clone());
        for (name, value) in given {
            match value {
                Given::Int(value) => context.add_variable_from_value(name, value),
                Given::Float(value) => context.add_variable_from_value(name, value),
                Given::Floats(values) => context.add_variable_from_value(name, values),
                Given::Json(value) => context
                    .add_variable(name, value)
                    .map_err(|_| format!("cannot be evaluated: `{name}` has values that it cannot hold"))?,
            }
        }
        context.add_function("semver", semver).map_err(|it| format!("cannot be evaluated: {it:?}"))?;
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(answer)) => Ok(answer),
            Ok(_) => Err("gives no boolean".into()),
            Err(error) => Err(format!("cannot be evaluated: {}", crate::one_line(&error.to_string()))),
        }
    }
}

/// How deep brackets nest at most, those inside texts too.
fn brackets(text: &str) -> usize {
    let step = |(depth, most): (usize, usize), letter: char| match letter {
        '(' | '[' | '{' => (depth + 1, most.max(depth + 1)),
        ')' | ']' | '}' => (depth.saturating_sub(1), most),
        _ => (depth, most),
    };
    text.chars().fold((0, 0), step).1
}

/// Parses a text on a stack that is large enough, wherever it is called.
fn compile(text: &str) -> Result<Program, String> {
    let read = || {
        Program::compile(text).map_err(|error| {
            let why = error.errors.first().map_or("it is no CEL", |it| it.msg.as_str());
            crate::one_line(why)
        })
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, read);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(program)) => program,
            Ok(Err(_)) => Err("the parser failed".into()),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// The parts of a version by SemVer, which may begin with `v`: `major`, `minor`, `patch`, `prerelease`, `build`.
#[expect(clippy::needless_pass_by_value, reason = "functions of CEL own their arguments")]
fn semver(text: Arc<String>) -> Result<cel::Value, ExecutionError> {
    let version = semver::Version::parse(text.strip_prefix('v').unwrap_or(&text))
        .map_err(|_| ExecutionError::function_error("semver", format!("`{text}` is no version")))?;
    let number = |it: u64| cel::Value::Int(i64::try_from(it).unwrap_or(i64::MAX));
    Ok(HashMap::from([
        ("major", number(version.major)),
        ("minor", number(version.minor)),
        ("patch", number(version.patch)),
        ("prerelease", version.pre.as_str().into()),
        ("build", version.build.as_str().into()),
    ])
    .into())
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}

impl PartialEq for Expression {
    /// The text says all.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn judge(text: &str) -> Result<bool, String> {
        let web = json!({ "tag": "v1.2.0-rc.1", "ports": [80, 443] });
        let given = [("web", Given::Json(web)), ("status", Given::Int(200))];
        Expression::parse(text, &["web", "status"]).map_err(|it| it.to_string())?.judge(given)
    }

    #[test]
    fn conditions_are_judged() {
        assert_eq!(judge("status == 200 && web.tag.contains('-')"), Ok(true));
        assert_eq!(judge("web.ports.all(it, it < 100)"), Ok(false));
        assert_eq!(judge("has(web.tag) && !has(web.other)"), Ok(true));
        assert_eq!(judge("semver(web.tag).prerelease == 'rc.1' && semver(web.tag).minor >= 2"), Ok(true));
        let said = |text: &str| judge(text).unwrap_err();
        assert_eq!(said("status"), "gives no boolean");
        assert_eq!(said("web.other == 1"), "cannot be evaluated: No such key: other");
        assert!(said("semver('main').major == 1").contains("`main` is no version"));
    }

    #[test]
    fn what_costs_or_is_unknown_is_refused() {
        let said = |text: &str| Expression::parse(text, &["web", "status"]).unwrap_err();
        assert_eq!(said("state == 1").why, "names `state`, which is unknown");
        assert_eq!(said("statsu == 1").near.as_deref(), Some("status"));
        assert_eq!(said("web.tag.startswith('v')").near.as_deref(), Some("startsWith"));
        assert_eq!(said("web.ports.all(it, i > 1)").why, "names `i`, which is unknown");
        assert!(said("web.tag.matches('(a+)+')").why.contains("`matches`"));
        assert!(said("status ==").why.starts_with("cannot be read: "));
        assert!(said(&"1+".repeat(600)).why.contains("1,000"));
        // Blanks hide no loop from the count.
        assert!(said("web.a . map (x, web.b\n.map(y, web.c.map(z, z)))").why.contains("more than two"));
    }

    #[test]
    fn depth_is_bounded() {
        let said = |text: &str| Expression::parse(text, &["web"]).map_err(|it| it.why);
        let nested =
            |open: &str, close: &str, depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let shapes = [("(", ")"), ("[", "]"), ("{1:", "}"), ("int(", ")")];
        for (open, close) in shapes {
            assert_eq!(said(&nested(open, close, 100)), Err("nests more than 24 brackets".into()), "{open}");
            // Deep, and still read and evaluated on the stack of a test.
            let deep = said(&nested(open, close, DEPTH_MAX - 1)).unwrap();
            assert_eq!(deep.judge([]), Err("gives no boolean".into()), "{open}");
        }
        for long in [format!("1{}", "+1".repeat(400)), format!("web{}", "[1]".repeat(300))] {
            assert_eq!(said(&long), Err("is nested more than 24 deep".into()));
        }
        assert!(said(&format!("{}true", "true?true:".repeat(99))).is_err());
        assert_eq!(said(&format!("{}true", "!".repeat(900))).unwrap().judge([]), Ok(true));
    }
}
