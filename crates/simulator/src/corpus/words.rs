//! The words that texts are made of.

/// A place with its country, as an address has them.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) city: &'static str,
    pub(super) country: &'static str,
    pub(super) dialling_code: u32,
}

const fn place(city: &'static str, country: &'static str, dialling_code: u32) -> Place {
    Place { city, country, dialling_code }
}

#[rustfmt::skip]
pub(super) const FIRST_NAMES: &[&str] = &[
    "Anna", "Erik", "Maria", "Lars", "Karin", "Anders", "Kristina", "Johan", "Åsa", "Björn", "Göran", "Örjan", "Astrid",
    "Søren", "Mette", "Jørgen", "Kåre", "Ingrid", "Aino", "Väinö", "Päivi", "Jürgen", "Käthe", "Hans-Peter", "Zoë",
    "François", "Chloé", "Amélie", "José", "Íñigo", "Łukasz", "Małgorzata", "Jiří", "Šárka", "Zsófia", "Ștefan",
    "İbrahim", "Ayşe", "Siobhán", "D'Arcy", "Emma", "Liam", "Olivia", "Noah", "Mia", "Lucas", "Ella", "Hugo", "Alice",
    "Oscar", "Maja", "Elias", "Elsa", "William", "Ольга", "Дмитро", "太郎", "さくら", "伟", "민준", "محمد", "فاطمة", "Νίκος",
    "דוד",
];

#[rustfmt::skip]
pub(super) const LAST_NAMES: &[&str] = &[
    "Andersson", "Johansson", "Karlsson", "Nilsson", "Eriksson", "Larsson", "Bergström", "Sjöberg", "Åkerlund", "Öberg",
    "Hansen", "Nørgaard", "Sørensen", "Ødegård", "Virtanen", "Mäkelä", "Korhonen", "Müller", "Schröder", "Groß",
    "von der Heide", "Dubois", "Lefèvre", "O'Brien", "McAllister", "Smith-Jones", "García Márquez", "Gonçalves",
    "Kowalski", "Wójcik", "Novák", "Dvořák", "Nagy", "Yılmaz", "de Vries", "van den Berg", "Jansen", "Rossi",
    "D’Angelo", "Meyer", "Fischer", "Weber", "Schmidt", "Olsen", "Шевченко", "Иванова", "田中", "佐藤", "王", "김", "العلي",
    "Παπαδόπουλος", "כהן",
];

#[rustfmt::skip]
pub(super) const STREETS: &[&str] = &[
    "Storgatan", "Drottninggatan", "Kungsgatan", "Ågatan", "Östra Hamngatan", "Norrebrogade", "Vesterbrogade",
    "Karl Johans gate", "Mannerheimintie", "Königsallee", "Lindenstraße", "Hauptstraße", "Rue de l'Église",
    "Boulevard Saint-Michel", "Calle Mayor", "Via Roma", "Keizersgracht", "Long Acre", "St. John's Road",
    "ul. Piotrkowska", "вулиця Хрещатик", "中央通り", "شارع النيل",
];

pub(super) const PLACES: &[Place] = &[
    place("Stockholm", "Sweden", 46),
    place("Göteborg", "Sweden", 46),
    place("Malmö", "Sweden", 46),
    place("Umeå", "Sweden", 46),
    place("København", "Denmark", 45),
    place("Århus", "Denmark", 45),
    place("Tromsø", "Norway", 47),
    place("Oslo", "Norway", 47),
    place("Jyväskylä", "Finland", 358),
    place("Helsinki", "Finland", 358),
    place("München", "Germany", 49),
    place("Köln", "Germany", 49),
    place("Berlin", "Germany", 49),
    place("Besançon", "France", 33),
    place("Den Haag", "Netherlands", 31),
    place("Łódź", "Poland", 48),
    place("Київ", "Ukraine", 380),
    place("東京", "Japan", 81),
    place("القاهرة", "Egypt", 20),
    place("St. John’s", "Canada", 1),
];

pub(super) const MAIL_DOMAINS: &[&str] =
    &["example.com", "example.org", "mail.example.com", "post.example.org", "kunden.example.com"];

pub(super) const COMPANIES: &[&str] = &[
    "Nordljus AB",
    "Bäcklund & Söner",
    "Fjord/Trade A/S",
    "Kaffe \"Måne\" ApS",
    "Hütte GmbH & Co. KG",
    "Crème Société",
    "ООО Ромашка",
    "株式会社あおぞら",
    "Tall Oak Ltd.",
    "Blå Himmel Oy",
    "Quatre Vents SARL",
    "Żubr sp. z o.o.",
];

#[rustfmt::skip]
pub(super) const PRODUCTS: &[&str] = &[
    "Wool sweater \"Fjäll\"", "Trail shoes 42/43", "Coffee beans, 1 kg", "Rain jacket – men", "Téa pot 1½ l",
    "LED lamp 5W/2700K", "Skärgård towel 70×140", "Notebook A5", "Кружка «Утро»", "抹茶セット", "Headphones X-200",
    "Gift card 500:-", "Backpack 25L 🎒", "Board game: Älgjakt", "Candle, vanilla", "USB-C cable 2 m",
];

pub(super) const PATHS: &[&str] = &[
    "/",
    "/sale",
    "/women/shoes",
    "/men/jackets?color=bl%C3%A5",
    "/blog/2026/01/nyår",
    "/checkout/step-2",
    "/search?q=gl%C3%B6gg&page=2",
    "/product/10482-wool-sweater",
    "/om-oss",
    "/help#returns",
];

pub(super) const SUBJECTS: &[&str] = &[
    "Januarirea: upp till 50 %!",
    "Your order is on its way",
    "We miss you 😢",
    "Nyhetsbrev v. 3",
    "Välkommen, vän!",
    "\"Last chance\" – only today",
    "新着情報",
    "Спеціальна пропозиція",
    "Reminder: your points expire soon",
    "🎉 Happy birthday!",
];

pub(super) const MAILING_LISTS: &[&str] =
    &["Newsletter – weekly", "Nyhetsbrev Norden", "VIP & friends", "Order \"confirmations\"", "再入荷のお知らせ"];

pub(super) const USER_AGENTS: &[&str] = &[
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
    "Outlook/16.0",
    "GoogleImageProxy",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
];

pub(super) const BOUNCES: &[&str] = &[
    "550 5.1.1 <unknown>: Recipient address rejected",
    "452 4.2.2 Mailbox full",
    "421 4.7.0 Try again later\r\n(deferred)",
    "554 5.7.1 \"spam\" content",
];

/// Parts of notes, put together with spaces.
pub(super) const NOTES: &[&str] = &[
    "Called about the delivery.",
    "Wants the invoice by e-mail;",
    "prefers \"morning\" calls.",
    "Återkommer nästa vecka.",
    "OK!",
    "Size: 42/44.",
    "Path C:\\Export\\2026",
    "See https://example.com/a/b?c=d&e=f.",
    "First line\nsecond line.",
    "Col A\tCol B.",
    "Très satisfait 👍",
    "Sehr unzufrieden 😡, bitte zurückrufen!",
    "Передзвонити завтра.",
    "後で電話してください。",
    "تم الاتصال بالعميل.",
    "<b>VIP</b>",
    "100 % sure…",
    "Δ price ≈ 3 €.",
    "No answer.",
    "Moved to a new address",
];

/// Texts that break careless readers.
pub(super) const ODD_TEXTS: &[&str] = &[
    "",
    " ",
    "\"",
    "\\",
    "\\\\\"\\\"",
    "\\u0041",
    "/",
    "</script>",
    "a/b//c",
    "null",
    "true",
    "0",
    "-1.5e3",
    "{\"json\":[\"in\",\"text\"]}",
    "[]",
    "line\r\nbreak",
    "\ttab",
    "\u{0}",
    "\u{1}\u{1f}",
    "\u{7f}\u{85}",
    "\u{8}\u{c}",
    "\u{feff}",
    "\u{2028}\u{2029}",
    "e\u{301}",
    "é",
    "日本語テキスト",
    "Привет, мир",
    "ΑΒΓ",
    "مرحبا",
    "שלום",
    "😀",
    "😀😃🙏",
    "👩‍👩‍👧‍👦",
    "🇸🇪",
    "𠮷野家",
    "𝒳",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{fffd}",
    "ж😀\"\\/\n",
    "' OR 1=1 --",
    "=SUM(A1)",
    "%s%n",
    "..",
    "𝓉\u{200b}",
];

/// Whole numbers at and beyond the edges of what fits a 64-bit integer or a double.
pub(super) const ODD_INTEGERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "9007199254740993",
    "-9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1e3",
    "1E+2",
    "12.0",
];

/// Decimal numbers in unusual forms and sizes, all near a finite double.
pub(super) const ODD_DECIMALS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "0.10",
    "1e300",
    "-1.5E-300",
    "1.7976931348623157e308",
    "5e-324",
    "1e-400",
    "0.1000000000000000055511151231257827",
    "123456789.123456789123456789",
    "3.141592653589793238462643383279",
    "-273.15",
];
