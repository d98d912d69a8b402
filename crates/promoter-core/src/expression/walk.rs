//! Walks a parsed expression: what it names, calls, selects and loops over.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

/// What is in an expression.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Names that no loop binds.
    pub(super) variables: Vec<&'a str>,
    /// Functions and methods, without operators.
    pub(super) functions: Vec<&'a str>,
    /// Fields that are selected by name, variable first.
    pub(super) paths: Vec<Vec<&'a str>>,
    /// How many loops.
    pub(super) comprehensions: usize,
    /// How deep it is.
    pub(super) depth: usize,
    level: usize,
    bound: Vec<&'a str>,
}

/// Walks it. As deep as the parser lets expressions be.
pub(super) fn found(expression: &IdedExpr) -> Found<'_> {
    let mut found = Found::default();
    found.walk(expression);
    found
}

impl<'a> Found<'a> {
    fn walk(&mut self, expression: &'a IdedExpr) {
        self.level += 1;
        self.depth = self.depth.max(self.level);
        self.parts(expression);
        self.level -= 1;
    }

    fn parts(&mut self, expression: &'a IdedExpr) {
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                // Names that loops are made of begin with `@`.
                if !name.starts_with('@') && !self.bound.contains(&name.as_str()) {
                    self.variables.push(name);
                }
            }
            Expr::Call(call) => {
                if call.func_name.starts_with(|it: char| it.is_ascii_alphabetic()) {
                    self.functions.push(&call.func_name);
                }
                call.target.iter().for_each(|it| self.walk(it));
                call.args.iter().for_each(|it| self.walk(it));
            }
            Expr::Select(select) => {
                if let Some(path) = self.path(expression) {
                    self.paths.push(path);
                }
                self.walk(&select.operand);
            }
            Expr::List(list) => list.elements.iter().for_each(|it| self.walk(it)),
            Expr::Map(map) => map.entries.iter().for_each(|it| self.entry(&it.expr)),
            Expr::Struct(fields) => fields.entries.iter().for_each(|it| self.entry(&it.expr)),
            Expr::Comprehension(it) => {
                self.comprehensions += 1;
                self.walk(&it.iter_range);
                self.walk(&it.accu_init);
                let outside = self.bound.len();
                self.bound.extend([it.iter_var.as_str(), it.accu_var.as_str()]);
                self.bound.extend(it.iter_var2.as_deref());
                self.walk(&it.loop_cond);
                self.walk(&it.loop_step);
                self.walk(&it.result);
                self.bound.truncate(outside);
            }
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr) {
        match entry {
            EntryExpr::StructField(it) => self.walk(&it.value),
            EntryExpr::MapEntry(it) => {
                self.walk(&it.key);
                self.walk(&it.value);
            }
        }
    }

    /// The names from a variable to the field that is selected; `None` for a field of something else, and for `has(…)`,
    /// which asks whether there is such a field.
    fn path(&self, expression: &'a IdedExpr) -> Option<Vec<&'a str>> {
        match &expression.expr {
            Expr::Ident(name) => (!self.bound.contains(&name.as_str())).then(|| vec![name.as_str()]),
            Expr::Select(select) if !select.test => {
                let mut path = self.path(&select.operand)?;
                path.push(&select.field);
                Some(path)
            }
            _ => None,
        }
    }
}
