//! Where values without a column stand, without saying whose they are.

use super::names::is_id;

/// The kind of place that a pointer tells: ids are `*`, and names that may be personal data are `…`.
pub(super) fn pattern(pointer: &str, is_in_profile: bool) -> String {
    let mut names = pointer.split('/').skip(1);
    let mut pattern = String::new();
    let mut push = |name: &str| {
        pattern.push('/');
        pattern.push_str(name);
    };
    if !is_in_profile {
        // Any other name at the top may be an export key.
        match names.next() {
            Some(name @ ("profiles" | "metadata")) => push(name),
            _ => push("*"),
        }
        return pattern;
    }
    let mut next = names.next();
    if next == Some("sections") {
        push("sections");
        if names.next().is_some() {
            push("*");
        }
        next = names.next();
        if let Some(list @ ("attributes" | "events")) = next {
            push(list);
            if names.next().is_some() {
                push("*");
            }
            next = names.next();
        }
    }
    for name in next.into_iter().chain(names) {
        push(shown(name));
    }
    if pattern.is_empty() { "/*".to_owned() } else { format!("/*{pattern}") }
}

/// A member's name, if it is one that a maker of programs gave.
fn shown(name: &str) -> &str {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    match name {
        _ if !is_id(name) => "…",
        _ if is_number => "*",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_say_what_and_not_whose() {
        for (pointer, is_in_profile, expected) in [
            ("/metadata", false, "/metadata"),
            ("/profiles", false, "/profiles"),
            ("/anna@example.org", false, "/*"),
            ("/key-1", false, "/*"),
            ("", true, "/*"),
            ("/topics", true, "/*/topics"),
            ("/anna@example.org", true, "/*/…"),
            ("/sections", true, "/*/sections"),
            ("/sections/1203", true, "/*/sections/*"),
            ("/sections/~0~1", true, "/*/sections/*"),
            ("/sections/1203/consents", true, "/*/sections/*/consents"),
            ("/sections/1203/attributes", true, "/*/sections/*/attributes"),
            ("/sections/1203/attributes/sections", true, "/*/sections/*/attributes/*"),
            ("/sections/1203/attributes/7/history", true, "/*/sections/*/attributes/*/history"),
            ("/sections/1203/events", true, "/*/sections/*/events"),
            ("/sections/1203/events/17", true, "/*/sections/*/events/*"),
            ("/sections/1203/events/17/typeId", true, "/*/sections/*/events/*/typeId"),
            ("/sections/1203/events/17/46768813079", true, "/*/sections/*/events/*/*"),
            ("/sections/1203/", true, "/*/sections/*/…"),
        ] {
            assert_eq!(pattern(pointer, is_in_profile), expected, "{pointer}");
        }
    }
}
