//! From text to nodes, with a position for what is wrong.

use super::test::{Operand, Order, Test};
use super::{BYTES_MAX, DEPTH_MAX, Kind, Node, Problem, TERMS_MAX, TESTS_MAX};

/// Reads a text. Keys are as they stand there, without quotes. A text without a term is a problem, too.
pub fn parse(text: &str) -> Result<Node<String>, Problem> {
    if text.len() > BYTES_MAX {
        return Err(Problem::at(text, BYTES_MAX, format!("a filter has at most {BYTES_MAX} bytes")));
    }
    let mut parser = Parser { text, at: 0, depth: 0, terms: 0, tests: 0 };
    let node = parser.any()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.problem("this bracket closes nothing")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    terms: usize,
    tests: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Node<String>, Problem> {
        let first = self.all()?;
        let mut nodes = vec![first];
        while self.takes_word("or") {
            nodes.push(self.all()?);
        }
        Ok(joined(nodes, Kind::Any))
    }

    fn all(&mut self) -> Result<Node<String>, Problem> {
        let first = self.not()?;
        let mut nodes = vec![first];
        loop {
            self.skip_space();
            let must_follow = self.takes_word("and");
            self.skip_space();
            if !must_follow && (matches!(self.peek(), None | Some(')')) || self.is_word("or")) {
                return Ok(joined(nodes, Kind::All));
            }
            nodes.push(self.not()?);
        }
    }

    fn not(&mut self) -> Result<Node<String>, Problem> {
        self.skip_space();
        let start = self.at;
        if self.takes_word("not") || self.takes('-') {
            let node = self.deeper(start, Parser::not)?;
            return Ok(Node { span: start..node.span.end, kind: Kind::Not(Box::new(node)) });
        }
        if !self.takes('(') {
            return self.term();
        }
        let mut node = self.deeper(start, Parser::any)?;
        self.skip_space();
        if !self.takes(')') {
            return Err(Problem::at(self.text, start, "this bracket is not closed"));
        }
        node.span = start..self.at;
        Ok(node)
    }

    fn deeper(
        &mut self,
        start: usize,
        inner: fn(&mut Self) -> Result<Node<String>, Problem>,
    ) -> Result<Node<String>, Problem> {
        if self.depth == DEPTH_MAX {
            let why = format!("at most {DEPTH_MAX} brackets and negations go inside each other");
            return Err(Problem::at(self.text, start, why));
        }
        self.depth += 1;
        let node = inner(self);
        self.depth -= 1;
        node
    }

    fn term(&mut self) -> Result<Node<String>, Problem> {
        let start = self.at;
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(self.problem(format!("a filter has at most {TERMS_MAX} terms")));
        }
        let key = match self.quoted()? {
            Some(key) => key,
            None => self.bare(|character| character == ':').to_owned(),
        };
        if key.is_empty() {
            return Err(Problem::at(self.text, start, "expected a term such as data.Total:>100"));
        }
        let kind = if self.takes(':') { Kind::Term { key, tests: self.tests()? } } else { Kind::Free(key) };
        Ok(Node { span: start..self.at, kind })
    }

    fn tests(&mut self) -> Result<Vec<Test>, Problem> {
        let mut tests = Vec::new();
        loop {
            self.tests += 1;
            if self.tests > TESTS_MAX {
                return Err(self.problem(format!("a filter has at most {TESTS_MAX} values")));
            }
            tests.push(self.test()?);
            if !self.takes(',') {
                return Ok(tests);
            }
        }
    }

    fn test(&mut self) -> Result<Test, Problem> {
        let order = match () {
            () if self.takes_text(">=") => Some(Order::AtLeast),
            () if self.takes('>') => Some(Order::More),
            () if self.takes_text("<=") => Some(Order::AtMost),
            () if self.takes('<') => Some(Order::Less),
            () => None,
        };
        if let Some(order) = order {
            return Ok(Test::Compares(order, self.operand()?));
        }
        let from = if self.is_text("..") { None } else { Some(self.value()?) };
        if self.takes_text("..") {
            return self.range(from);
        }
        match from {
            None => Err(self.problem("a value is missing")),
            Some(Value::Begins(prefix)) if prefix.is_empty() => Ok(Test::There),
            Some(Value::Begins(prefix)) => Ok(Test::Prefix(prefix)),
            Some(Value::Whole(operand)) => Ok(Test::Equals(operand)),
        }
    }

    /// What follows the two dots.
    fn range(&mut self, from: Option<Value>) -> Result<Test, Problem> {
        let whole = |value| match value {
            Value::Whole(operand) => Ok(operand),
            Value::Begins(_) => Err("a range goes from a value to a value; leave the * out"),
        };
        let from = from.map(whole).transpose().map_err(|why| self.problem(why))?;
        let ends = matches!(self.peek(), None | Some(',' | ')')) || self.peek().is_some_and(char::is_whitespace);
        let to = if ends { None } else { Some(self.operand()?) };
        if from.is_none() && to.is_none() {
            return Err(self.problem("a range has at least one end, such as 100.. or ..200"));
        }
        Ok(Test::Within(from, to))
    }

    fn operand(&mut self) -> Result<Operand, Problem> {
        match self.value()? {
            Value::Whole(operand) => Ok(operand),
            Value::Begins(_) => Err(self.problem("a beginning cannot be compared; leave the * out")),
        }
    }

    fn value(&mut self) -> Result<Value, Problem> {
        if let Some(text) = self.quoted()? {
            return Ok(if self.takes('*') { Value::Begins(text) } else { Value::Whole(Operand::new(text, true)) });
        }
        let start = self.at;
        let text = self.bare(|_| false);
        let (text, begins) = match text.strip_suffix('*') {
            Some(prefix) => (prefix.to_owned(), true),
            None => (text.to_owned(), false),
        };
        if text.is_empty() && !begins {
            return Err(self.problem("a value is missing"));
        }
        if let Some(star) = text.find('*') {
            return Err(Problem::at(self.text, start + star, "a * stands at the end of a beginning; else quote it"));
        }
        Ok(if begins { Value::Begins(text) } else { Value::Whole(Operand::new(text, false)) })
    }

    /// A text in quotes, if one starts here.
    fn quoted(&mut self) -> Result<Option<String>, Problem> {
        let start = self.at;
        if !self.takes('"') {
            return Ok(None);
        }
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(Problem::at(self.text, start, "this quote is not closed")),
                Some('"') => return Ok(Some(text)),
                Some('\\') => match self.next() {
                    Some(escaped @ ('"' | '\\')) => text.push(escaped),
                    _ => return Err(self.problem("in quotes, a backslash stands before a quote or a backslash")),
                },
                Some(other) => text.push(other),
            }
        }
    }

    /// A run of characters without space, comma, bracket, quote or two dots, up to one that `ends` it.
    fn bare(&mut self, ends: impl Fn(char) -> bool) -> &str {
        let start = self.at;
        while let Some(character) = self.peek() {
            let stops = character.is_whitespace() || matches!(character, ',' | '(' | ')' | '"');
            if stops || ends(character) || self.is_text("..") {
                break;
            }
            self.at += character.len_utf8();
        }
        &self.text[start..self.at]
    }

    /// A word of the language stands here: it ends at a space or a bracket, and is no key.
    fn is_word(&self, word: &str) -> bool {
        let rest = &self.text[self.at..];
        let Some((head, behind)) = rest.split_at_checked(word.len()) else { return false };
        let ends = behind.chars().next().is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')'));
        ends && head.eq_ignore_ascii_case(word)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let found = self.is_word(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn is_text(&self, text: &str) -> bool {
        self.text[self.at..].starts_with(text)
    }

    fn takes_text(&mut self, text: &str) -> bool {
        let found = self.is_text(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn takes(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        if found {
            self.at += character.len_utf8();
        }
        found
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.next();
        }
    }

    fn problem(&self, why: impl Into<String>) -> Problem {
        Problem::at(self.text, self.at, why)
    }
}

enum Value {
    Whole(Operand),
    Begins(String),
}

fn joined(mut nodes: Vec<Node<String>>, kind: fn(Vec<Node<String>>) -> Kind<String>) -> Node<String> {
    let ends = nodes.first().zip(nodes.last()).map(|(first, last)| first.span.start..last.span.end);
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => {
            nodes.extend(last);
            Node { span: ends.unwrap_or_default(), kind: kind(nodes) }
        }
    }
}
