//! From nodes back to text: what is read from it are the same nodes.

use super::test::{Operand, Order, Test};
use super::{Kind, Node};

/// The text of a node, as short as it can be written. Only places in the text are lost.
pub fn write(node: &Node<String>) -> String {
    let mut text = String::new();
    node_text(node, &mut text);
    text
}

fn node_text(node: &Node<String>, text: &mut String) {
    match &node.kind {
        Kind::All(nodes) => joined(nodes, " ", |node| matches!(node.kind, Kind::All(_) | Kind::Any(_)), text),
        Kind::Any(nodes) => joined(nodes, " or ", |node| matches!(node.kind, Kind::Any(_)), text),
        Kind::Not(inner) => {
            text.push('-');
            within(inner, matches!(inner.kind, Kind::All(_) | Kind::Any(_)), text);
        }
        Kind::Term { key, tests } => {
            word(key, text);
            for (at, test) in tests.iter().enumerate() {
                text.push(if at == 0 { ':' } else { ',' });
                test_text(test, text);
            }
        }
        Kind::Free(free) => word(free, text),
    }
}

fn joined(nodes: &[Node<String>], between: &str, in_brackets: impl Fn(&Node<String>) -> bool, text: &mut String) {
    for (at, node) in nodes.iter().enumerate() {
        if at > 0 {
            text.push_str(between);
        }
        within(node, in_brackets(node), text);
    }
}

fn within(node: &Node<String>, in_brackets: bool, text: &mut String) {
    if in_brackets {
        text.push('(');
    }
    node_text(node, text);
    if in_brackets {
        text.push(')');
    }
}

fn test_text(test: &Test, text: &mut String) {
    match test {
        Test::There => text.push('*'),
        Test::Equals(operand) => operand_text(operand, text),
        Test::Prefix(prefix) => {
            value(prefix, !is_plain(prefix, ""), text);
            text.push('*');
        }
        Test::Compares(order, operand) => {
            text.push_str(match order {
                Order::Less => "<",
                Order::AtMost => "<=",
                Order::More => ">",
                Order::AtLeast => ">=",
            });
            operand_text(operand, text);
        }
        Test::Within(from, to) => {
            from.iter().for_each(|from| operand_text(from, text));
            text.push_str("..");
            to.iter().for_each(|to| operand_text(to, text));
        }
    }
}

fn operand_text(operand: &Operand, text: &mut String) {
    value(operand.text(), operand.is_quoted(), text);
}

/// A key or a free text.
fn word(found: &str, text: &mut String) {
    let is_word_of_ours = ["and", "or", "not"].iter().any(|word| found.eq_ignore_ascii_case(word));
    let is_bare = is_plain(found, ":") && !found.starts_with('-') && !is_word_of_ours;
    value(found, !is_bare, text);
}

fn value(found: &str, quoted: bool, text: &mut String) {
    if !quoted {
        return text.push_str(found);
    }
    text.push('"');
    for character in found.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// Whether a text can stand without quotes.
fn is_plain(found: &str, besides: &str) -> bool {
    let is_special = |character: char| {
        character.is_whitespace() || matches!(character, ',' | '(' | ')' | '"' | '*') || besides.contains(character)
    };
    let is_operator = found.starts_with(['>', '<']);
    !found.is_empty() && !is_operator && !found.contains("..") && !found.contains(is_special)
}
