//! Reading Rust: where tests and functions are, which paths and tokens a file names.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Whether an item is compiled for tests only.
fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let words = || list.tokens.clone().into_iter().flat_map(flatten);
        let names = |wanted: &str| words().any(|token| token.to_string() == wanted);
        list.path.is_ident("cfg") && names("test") && !names("not")
    })
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// First and last line of something.
pub type Lines = (usize, usize);

fn lines_of(thing: &impl Spanned) -> Lines {
    let span = thing.span();
    (span.start().line, span.end().line)
}

/// The lines of items that are compiled for tests only.
pub fn test_items(file: &syn::File) -> Vec<Lines> {
    struct Finder(Vec<Lines>);
    impl<'ast> Visit<'ast> for Finder {
        fn visit_item(&mut self, item: &'ast syn::Item) {
            if is_test_only(attributes_of(item)) {
                self.0.push(lines_of(item));
            } else {
                visit::visit_item(self, item);
            }
        }
    }
    let mut finder = Finder(Vec::new());
    finder.visit_file(file);
    finder.0
}

/// Every function with a body: its name and its lines, from `fn` to the closing brace.
pub fn functions(file: &syn::File) -> Vec<(String, Lines)> {
    struct Finder(Vec<(String, Lines)>);
    impl Finder {
        fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
            let first = signature.fn_token.span.start().line;
            self.0.push((signature.ident.to_string(), (first, lines_of(body).1)));
        }
    }
    impl<'ast> Visit<'ast> for Finder {
        fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
            self.add(&function.sig, &function.block);
            visit::visit_item_fn(self, function);
        }
        fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
            self.add(&function.sig, &function.block);
            visit::visit_impl_item_fn(self, function);
        }
        fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
            if let Some(body) = &function.default {
                self.add(&function.sig, body);
            }
            visit::visit_trait_item_fn(self, function);
        }
    }
    let mut finder = Finder(Vec::new());
    finder.visit_file(file);
    finder.0
}

/// A path that a file names (`std::time::Instant`), with its line. Grouped imports are taken
/// apart; a glob ends in `*`.
pub type Named = (Vec<String>, usize);

/// The paths that a file names outside of its tests.
pub fn paths(file: &syn::File) -> Vec<Named> {
    struct Finder(Vec<Named>);
    impl<'ast> Visit<'ast> for Finder {
        fn visit_item(&mut self, item: &'ast syn::Item) {
            if !is_test_only(attributes_of(item)) {
                visit::visit_item(self, item);
            }
        }
        fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
            take_apart(&item.tree, &mut Vec::new(), &mut self.0);
        }
        fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
            // `pub(super)` names nothing.
        }
        fn visit_path(&mut self, path: &'ast syn::Path) {
            let parts = path.segments.iter().map(|segment| segment.ident.to_string());
            self.0.push((parts.collect(), lines_of(path).0));
            visit::visit_path(self, path);
        }
        fn visit_macro(&mut self, call: &'ast syn::Macro) {
            visit::visit_macro(self, call);
            self.0.extend(paths_in_tokens(&call.tokens));
        }
    }
    let mut finder = Finder(Vec::new());
    finder.visit_file(file);
    finder.0
}

fn take_apart(tree: &syn::UseTree, before: &mut Vec<String>, found: &mut Vec<Named>) {
    let mut add = |before: &[String], last: String, line| {
        found.push((before.iter().cloned().chain([last]).collect(), line));
    };
    match tree {
        syn::UseTree::Path(path) => {
            before.push(path.ident.to_string());
            take_apart(&path.tree, before, found);
            before.pop();
        }
        syn::UseTree::Name(name) => {
            add(before, name.ident.to_string(), name.ident.span().start().line);
        }
        syn::UseTree::Rename(name) => {
            add(before, name.ident.to_string(), name.ident.span().start().line);
        }
        syn::UseTree::Glob(glob) => add(before, "*".to_owned(), lines_of(glob).0),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                take_apart(tree, before, found);
            }
        }
    }
}

/// The paths in the arguments of a macro, which are not parsed.
fn paths_in_tokens(tokens: &TokenStream) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    let mut colons = 0;
    for token in tokens.clone().into_iter().flat_map(flatten) {
        match &token {
            TokenTree::Ident(ident) => {
                match found.last_mut().filter(|_| colons == 2) {
                    Some((parts, _)) => parts.push(ident.to_string()),
                    None => found.push((vec![ident.to_string()], ident.span().start().line)),
                }
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            _ => colons = 0,
        }
    }
    found
}

/// The lines with a floating-point literal outside of tests.
pub fn float_literals(file: &syn::File) -> Vec<usize> {
    struct Finder(Vec<usize>);
    impl<'ast> Visit<'ast> for Finder {
        fn visit_item(&mut self, item: &'ast syn::Item) {
            if !is_test_only(attributes_of(item)) {
                visit::visit_item(self, item);
            }
        }
        fn visit_lit_float(&mut self, literal: &'ast syn::LitFloat) {
            self.0.push(literal.span().start().line);
        }
        fn visit_macro(&mut self, call: &'ast syn::Macro) {
            for token in call.tokens.clone().into_iter().flat_map(flatten) {
                let TokenTree::Literal(literal) = token else { continue };
                if let syn::Lit::Float(float) = syn::Lit::new(literal) {
                    self.visit_lit_float(&float);
                }
            }
        }
    }
    let mut finder = Finder(Vec::new());
    finder.visit_file(file);
    finder.0
}

/// A token and, if it is a group, everything inside.
fn flatten(token: TokenTree) -> Vec<TokenTree> {
    match token {
        TokenTree::Group(group) => group.stream().into_iter().flat_map(flatten).collect(),
        token => vec![token],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "
use std::{sync::Arc, time};
use crate::state::{self, Task as T};
pub(super) fn first() -> f64 {
    debug_assert!(std::env::var(\"X\") == 1.5);
    0.5
}
#[cfg(test)]
mod tests {
    use std::fs;
    fn second() {}
}
#[cfg(not(test))]
fn third() {}
";

    #[test]
    fn tests_and_functions_are_found() {
        let file = syn::parse_file(SAMPLE).unwrap();
        assert_eq!(test_items(&file), [(8, 12)]);
        let functions = functions(&file);
        let names: Vec<_> = functions.iter().map(|(name, lines)| (&**name, *lines)).collect();
        assert_eq!(names, [("first", (4, 7)), ("second", (11, 11)), ("third", (14, 14))]);
    }

    #[test]
    fn paths_are_found_in_imports_types_and_macros() {
        let file = syn::parse_file(SAMPLE).unwrap();
        let found: Vec<_> =
            paths(&file).into_iter().map(|(p, line)| (p.join("::"), line)).collect();
        let has = |path: &str, line| found.contains(&(path.to_owned(), line));
        assert!(has("std::sync::Arc", 2) && has("std::time", 2), "{found:?}");
        assert!(has("crate::state::self", 3) && has("crate::state::Task", 3), "{found:?}");
        assert!(has("f64", 4) && has("std::env::var", 5), "{found:?}");
        assert!(!found.iter().any(|(path, _)| path == "std::fs" || path == "super"), "{found:?}");
        assert_eq!(float_literals(&file), [5, 6]);
    }
}
