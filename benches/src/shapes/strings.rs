//! Messages of people who write in several scripts.
//!
//! Programs differ in how they write text beyond ASCII, some as UTF-8 and some as `\uXXXX` (in pairs where UTF-16 has
//! surrogates); so one message of four is written in the second way.

use super::random::Random;
use std::fmt::Write as _;

/// Appends a message.
pub(super) fn message(place: u64, out: &mut String) {
    let mut random = Random::of(place);
    let (language, words) = random.pick(&LANGUAGES);
    let escape = if random.percent(25) { all } else { necessary };
    _ = write!(out, r#"{{"id":"{:016x}","language":"{language}","author":""#, random.next());
    append(&format!("{} {}", random.pick(words), random.pick(words)), escape, out);
    out.push_str(r#"","text":""#);
    for word in 0..6 + random.below(60) {
        if word > 0 {
            // In most messages of some length there are line breaks, quotes, paths.
            let between = match random.below(100) {
                0..3 => "\n",
                3..5 => "\"",
                5 => " \\ ",
                6 => "\t",
                7 => "\r\n",
                8..14 => ", ",
                _ => " ",
            };
            append(between, escape, out);
        }
        append(random.pick(words), escape, out);
        if random.percent(4) {
            append(random.pick(&EMOJI), escape, out);
        }
    }
    out.push_str(r#"","tags":["#);
    for tag in 0..random.below(4) {
        out.push_str(if tag == 0 { "\"" } else { ",\"" });
        append(random.pick(words), escape, out);
        out.push('"');
    }
    out.push(']');
    if random.percent(20) {
        _ = write!(out, r#","link":"https:\/\/example.com\/threads\/{:x}""#, random.below(1 << 30));
    }
    out.push('}');
}

/// Appends text as it stands inside quotes.
fn append(text: &str, escape: fn(char) -> bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if escape(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    _ = write!(out, "\\u{unit:04x}");
                }
            }
            _ => out.push(character),
        }
    }
}

fn all(character: char) -> bool {
    !character.is_ascii()
}

fn necessary(_: char) -> bool {
    false
}

const EMOJI: [&str; 8] = ["😀", "🎉", "👍🏽", "🚀", "❤️", "👩‍💻", "🇫🇷", "🔥"];

#[rustfmt::skip]
const LANGUAGES: [(&str, &[&str]); 7] = [
    ("en", &["the", "quick", "release", "notes", "were", "published", "yesterday", "and", "nobody", "read", "them"]),
    ("fr", &["l’été", "dernier", "nous", "avons", "déjà", "préparé", "une", "réponse", "à", "cette", "enquête"]),
    ("zh", &["我们", "昨天", "发布了", "新版本", "但是没有人", "阅读", "说明文档", "请", "大家", "尽快", "升级系统"]),
    ("ru", &["мы", "вчера", "опубликовали", "новую", "версию", "но", "никто", "не", "прочитал", "описание", "изменений"]),
    ("ar", &["نشرنا", "أمس", "الإصدار", "الجديد", "لكن", "لم", "يقرأ", "أحد", "ملاحظات", "التحديث", "بعد"]),
    ("ja", &["昨日", "新しい", "バージョンを", "公開しました", "しかし", "誰も", "リリースノートを", "読んでいません"]),
    ("hi", &["हमने", "कल", "नया", "संस्करण", "जारी", "किया", "लेकिन", "किसी", "ने", "विवरण", "नहीं", "पढ़ा"]),
];
