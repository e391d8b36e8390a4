//! Names of columns, from the names people and programs gave to things.
//!
//! A column's name is made of lower-case ASCII letters, digits and `_`, so that every engine takes it without quotes and
//! two names never differ by case alone. It comes from a discriminator rather than a display name where there is one:
//! that stays the same when somebody renames the thing.

use deunicode::deunicode_char;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
};

/// The longest name: what PostgreSQL takes, the strictest of the usual readers.
pub const NAME_BYTES_MAX: usize = 63;

/// A name where nothing is left of the original.
const NAMELESS: &str = "unnamed";

/// What stands before the name proper in a discriminator: `com.apsis1.attributes.` and the like.
const KINDS: [&str; 5] = [".sections.", ".attributes.", ".tags.", ".events.", ".segments."];

/// What users create has a discriminator that starts so, and ends with `-` and a random part of [`RANDOM_CHARS`].
const USER_CREATED: &str = "usercreated.";
const RANDOM_CHARS: usize = 10;

/// A thing that is to have a name no other has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// What it is called: the discriminator, or else the display name, or the name of a field.
    pub name: &'a str,
    /// Its discriminator; empty if there is none.
    pub discriminator: &'a str,
    /// Its id, or the lowest of its versions' ids; empty if there is none.
    pub id: &'a str,
}

/// The name of the column for a thing with this discriminator or name.
///
/// ```
/// use apsides_definitions::column_name;
///
/// assert_eq!(column_name("usercreated.attributes.antal_köp-2025-zzzzg4zdme"), "antal_kop_2025");
/// assert_eq!(column_name("com.apsis1.attributes.consent.email"), "consent_email");
/// assert_eq!(column_name("Visits, last 30 days"), "visits_last_30_days");
/// assert_eq!(column_name("productId"), "product_id");
/// ```
pub fn column_name(name: &str) -> String {
    let proper = split(name).0;
    let mut column = String::new();
    let mut word = true;
    let characters: Vec<char> = proper.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        if starts_word(&characters, at) {
            word = true;
        }
        // What is written with several letters in ASCII may be words of its own: 会員 is `Hui Yuan `.
        let letters = if character.is_control() { None } else { deunicode_char(character) };
        for letter in letters.unwrap_or(" ").chars() {
            if letter.is_ascii_alphanumeric() {
                if word && !column.is_empty() {
                    column.push('_');
                }
                column.push(letter.to_ascii_lowercase());
                word = false;
            } else if letter != '\'' {
                word = true;
            }
        }
    }
    if column.is_empty() {
        column.push_str(NAMELESS);
    }
    if column.starts_with(|first: char| first.is_ascii_digit()) {
        column.insert(0, '_');
    }
    cut(&column, NAME_BYTES_MAX).to_owned()
}

/// Names for all of `things`, in their order: different from each other and from those `reserved`.
///
/// The oldest thing of several with the same name, which has the lowest id, keeps it, so that no newcomer ever renames a
/// column that is there. The others get the random part of their discriminator behind it, else their id, else a number.
/// The names depend on which things there are, never on their order.
///
/// ```
/// use apsides_definitions::{Named, unique_names};
///
/// let [old, new] = ["usercreated.tags.vip-nsipzz5fk2", "usercreated.tags.vip-0y3nrd8jva"];
/// let names = unique_names(
///     &[Named { name: new, discriminator: new, id: "40301" }, Named { name: old, discriminator: old, id: "40227" }],
///     &["export_key"],
/// );
/// assert_eq!(names, ["vip_0y3nrd8jva", "vip"]);
/// ```
pub fn unique_names(things: &[Named<'_>], reserved: &[&str]) -> Vec<String> {
    let wanted: Vec<String> = things.iter().map(|thing| column_name(thing.name)).collect();
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (thing, name) in wanted.iter().enumerate() {
        by_name.entry(name).or_default().push(thing);
    }
    let mut taken: HashSet<String> = reserved.iter().map(|name| (*name).to_owned()).collect();
    let mut names = wanted.clone();
    let mut others = Vec::new();
    for (name, mut namesakes) in by_name {
        namesakes.sort_by(|&a, &b| age(&things[a], &things[b], name));
        let keeps = usize::from(taken.insert(name.to_owned()));
        others.extend_from_slice(&namesakes[keeps..]);
    }
    // Only now, when every name that is somebody's own is taken.
    for thing in others {
        names[thing] = endings(&things[thing])
            .map(|ending| with_ending(&wanted[thing], &ending))
            .find(|name| taken.insert(name.clone()))
            .expect("there are endless numbers");
    }
    names
}

/// The name proper in a discriminator, and its random part; of any other text, the text itself.
fn split(name: &str) -> (&str, Option<&str>) {
    if name.contains(char::is_whitespace) {
        return (name, None);
    }
    let proper = KINDS.iter().find_map(|kind| name.split_once(kind)).map_or(name, |(_, proper)| proper);
    let is_random = |part: &str| {
        part.len() == RANDOM_CHARS && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    match proper.rsplit_once('-') {
        Some((before, random)) if name.starts_with(USER_CREATED) && is_random(random) && !before.is_empty() => {
            (before, Some(random))
        }
        _ if proper.is_empty() => (name, None),
        _ => (proper, None),
    }
}

/// Whether a new word begins inside of a run of letters and digits: `productId`, `CRMSystem`, but not `B2B`.
fn starts_word(characters: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| characters[before]) else { return false };
    let next_is_lowercase = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
    characters[at].is_uppercase() && (before.is_lowercase() || next_is_lowercase && before.is_alphanumeric())
}

/// The older first. Ids count up, so that the longer number is the later one. Without ids, whoever is called exactly as
/// the column comes first.
fn age(a: &Named<'_>, b: &Named<'_>, name: &str) -> Ordering {
    let key = |thing: &Named<'_>| (thing.id.is_empty(), thing.id.len(), thing.name != name);
    let rest = |thing: &Named<'_>| [thing.id, thing.discriminator, thing.name].map(str::to_owned);
    key(a).cmp(&key(b)).then_with(|| rest(a).cmp(&rest(b)))
}

/// What tells a thing from its namesakes, the best first, and without an end.
fn endings(thing: &Named<'_>) -> impl Iterator<Item = String> {
    let random = split(thing.discriminator).1.map(str::to_owned);
    let id = (!thing.id.is_empty()).then(|| column_name(thing.id).trim_start_matches('_').to_owned());
    random.into_iter().chain(id).chain((2_u64..).map(|number| number.to_string()))
}

fn with_ending(name: &str, ending: &str) -> String {
    let ending = cut(ending, NAME_BYTES_MAX / 2);
    format!("{}_{ending}", cut(name, NAME_BYTES_MAX - 1 - ending.len()))
}

/// No longer than `bytes`, and not ending with a `_`. The name is ASCII.
fn cut(name: &str, bytes: usize) -> &str {
    name[..name.len().min(bytes)].trim_end_matches('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns() {
        let long = "x".repeat(100);
        for (name, column) in [
            ("email", "email"),
            ("First name", "first_name"),
            ("Consent: e-mail", "consent_e_mail"),
            ("Loyalty & Rewards", "loyalty_rewards"),
            ("  spaces\tand\u{a0}more  ", "spaces_and_more"),
            ("don't", "dont"),
            ("__private__", "private"),
            // Discriminators.
            ("com.apsis1.attributes.email", "email"),
            ("com.apsis1.attributes.crm.id", "crm_id"),
            ("com.apsis1.events.email.opened", "email_opened"),
            ("usercreated.attributes.favourite_product-odzdoc9is0", "favourite_product"),
            ("usercreated.attributes.channel.preferred-kkibj3j4wj", "channel_preferred"),
            ("usercreated.tags.testgrupp.a-b-4mvn4a4wfh", "testgrupp_a_b"),
            ("usercreated.events.wish_-_önskelista-b1x6t9zrm4", "wish_onskelista"),
            ("usercreated.attributes.最近_購入-ym4l1vfz3z", "zui_jin_gou_ru"),
            // Nothing but what looks like a random part, and a part that is none.
            ("usercreated.tags.newsletters", "newsletters"),
            ("usercreated.tags.-nsipzz5fk2", "nsipzz5fk2"),
            ("com.apsis1.tags.email-newsletter", "email_newsletter"),
            ("com.apsis1.tags.", "com_apsis1_tags"),
            ("Mr. attributes. and tags.", "mr_attributes_and_tags"),
            // Letters beyond ASCII.
            ("Återköp", "aterkop"),
            ("a\u{30a}ngstro\u{308}m", "angstrom"),
            ("Straße, Łódź, Ærø, Þór", "strasse_lodz_aero_thor"),
            ("ПРИВЕТ мир", "privet_mir"),
            ("会員", "hui_yuan"),
            // Words.
            ("firstName", "first_name"),
            ("productID", "product_id"),
            ("CRMSystemName", "crm_system_name"),
            ("B2B", "b2b"),
            ("line1Address", "line1_address"),
            ("antalÅr", "antal_ar"),
            // Never empty, no digit in front, not too long.
            ("", "unnamed"),
            ("???", "unnamed"),
            ("\u{e000}", "unnamed"),
            ("2026 sales", "_2026_sales"),
            ("1", "_1"),
            (&long, &long[..63]),
            (&format!("{} {long}", "a".repeat(62)), &"a".repeat(62)),
            // An attempt at SQL.
            ("x\"; DROP TABLE y; --", "x_drop_table_y"),
            ("a\0b\nc", "a_b_c"),
        ] {
            assert_eq!(column_name(name), column, "{name:?}");
        }
    }

    #[test]
    fn every_name_can_be_used() {
        // Every character of the first planes alone, and between letters.
        for character in ('\0'..='\u{2ffff}').step_by(7) {
            for name in [character.to_string(), format!("a{character}B{character}1")] {
                let column = column_name(&name);
                let mut bytes = column.bytes();
                let first = bytes.next().unwrap();
                assert!(first.is_ascii_lowercase() || first == b'_', "{name:?} {column}");
                assert!(bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
                assert!(column.len() <= NAME_BYTES_MAX);
            }
        }
    }

    #[test]
    fn collisions() {
        let thing = |name, discriminator, id| Named { name, discriminator, id };
        let user = |discriminator, id| thing(discriminator, discriminator, id);
        let long = ["x".repeat(70), "x".repeat(71)];
        for (things, reserved, names) in [
            (vec![], &[][..], vec![]),
            (vec![user("a", "1"), user("b", "2")], &[], vec!["a", "b"]),
            // The lowest id keeps the name, as a number and not as a text.
            (vec![user("a", "10"), user("A", "9")], &[], vec!["a_10", "a"]),
            (vec![thing("a", "", "")], &["a"], vec!["a_2"]),
            (vec![thing("a", "", ""), thing("A", "", ""), thing("a ", "", "")], &[], vec!["a", "a_2", "a_3"]),
            // Somebody's own name is not given to another.
            (vec![user("a", "1"), user("A", "2"), user("a_2", "3")], &[], vec!["a", "a_3", "a_2"]),
            (
                vec![user("usercreated.tags.vip-nsipzz5fk2", "7"), user("usercreated.tags.VIP-0y3nrd8jva", "8")],
                &[],
                vec!["vip", "vip_0y3nrd8jva"],
            ),
            (
                vec![user("usercreated.tags.vip-nsipzz5fk2", "7"), user("com.apsis1.tags.vip", "8")],
                &["vip"],
                vec!["vip_nsipzz5fk2", "vip_8"],
            ),
            (
                vec![user(&long[0], "1"), user(&long[1], "2")],
                &[],
                vec![&long[0][..63], "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx_2"],
            ),
        ] {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            assert_eq!(unique_names(&things, reserved), names);
            let backwards: Vec<_> = things.iter().rev().copied().collect();
            assert!(unique_names(&backwards, reserved).iter().rev().eq(&names), "the order plays a part: {names:?}");
        }
    }
}
