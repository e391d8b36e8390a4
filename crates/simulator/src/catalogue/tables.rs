//! The account's tables. Ids and discriminators look like the product's: numeric version ids, reverse-domain names for
//! what the product brings along, and names with a random ending for what a user created, some of them with dots and
//! Unicode.

use super::{Attribute, Content, DataType, Event, EventKind, Section, Segment, Tag};

const LANGUAGES: &[&str] = &["sv", "en", "da", "nb", "fi", "de", "fr", "nl", "ja", "uk", "ar"];
const GENDERS: &[&str] = &["female", "male", "other", "unknown"];
const TIERS: &[&str] = &["Bronze", "Silver", "Gold", "Platinum"];
const STORES: &[&str] =
    &["Göteborg Nordstan", "Malmö Triangeln", "Oslo City", "København K", "Online", "Łódź Manufaktura"];
const CHANNELS: &[&str] = &["email", "sms", "LINE", "微信", "phone", "print/post"];
const INDUSTRIES: &[&str] = &["Retail & Wholesale", "Travel", "Media", "Finance / Insurance", "Énergie", "Other"];

const fn attribute(id: &'static str, discriminator: &'static str, name: &'static str, content: Content) -> Attribute {
    let data_type = content.data_type();
    Attribute { id, deprecated_id: None, discriminator, name, data_type, former_type: None, retired: false, content }
}

const fn tag(id: &'static str, discriminator: &'static str, name: &'static str) -> Tag {
    Tag { id, discriminator, name }
}

const fn event(
    id: &'static str,
    discriminator: &'static str,
    name: &'static str,
    kind: EventKind,
    weight: u32,
) -> Event {
    Event { id, deprecated_id: None, discriminator, name, kind, weight }
}

impl Attribute {
    const fn replacing(self, id: &'static str) -> Attribute {
        Attribute { deprecated_id: Some(id), ..self }
    }

    const fn once(self, former_type: DataType) -> Attribute {
        Attribute { former_type: Some(former_type), ..self }
    }

    const fn retired(self) -> Attribute {
        Attribute { retired: true, ..self }
    }
}

impl Event {
    const fn replacing(self, id: &'static str) -> Event {
        Event { deprecated_id: Some(id), ..self }
    }
}

/// The attributes that exist in every section.
pub static STANDARD_ATTRIBUTES: [Attribute; 24] = [
    attribute("40103", "com.apsis1.attributes.email", "Email", Content::Email),
    attribute("40105", "com.apsis1.attributes.firstname", "First name", Content::FirstName),
    attribute("40112", "com.apsis1.attributes.lastname", "Last name", Content::LastName),
    attribute("40113", "com.apsis1.attributes.mobile", "Mobile", Content::Mobile).replacing("20113"),
    attribute("40114", "com.apsis1.attributes.birthdate", "Birthdate", Content::Day(1940, 2008)),
    attribute("40125", "com.apsis1.attributes.address", "Address", Content::Street),
    attribute("40126", "com.apsis1.attributes.postalcode", "Postal code", Content::PostalCode),
    attribute("40129", "com.apsis1.attributes.city", "City", Content::City),
    attribute("40140", "com.apsis1.attributes.country", "Country", Content::Country),
    attribute("40141", "com.apsis1.attributes.language", "Language", Content::Choice(LANGUAGES)),
    attribute("40152", "com.apsis1.attributes.gender", "Gender", Content::Choice(GENDERS)),
    attribute("40154", "com.apsis1.attributes.company", "Company", Content::Company),
    attribute("40155", "com.apsis1.attributes.crm.id", "CRM id", Content::Code),
    attribute("40156", "com.apsis1.attributes.consent.email", "Consent: e-mail", Content::Flag),
    attribute("40163", "com.apsis1.attributes.consent.sms", "Consent: SMS", Content::Flag),
    attribute("40170", "com.apsis1.attributes.created", "Profile created", Content::Moment),
    attribute("40171", "com.apsis1.attributes.updated", "Profile updated", Content::Moment),
    attribute("40173", "com.apsis1.attributes.customersince", "Customer since", Content::Day(2015, 2026)),
    attribute("40174", "com.apsis1.attributes.loyalty.points", "Loyalty points", Content::Count(5_000))
        .replacing("20174"),
    attribute("40185", "com.apsis1.attributes.loyalty.tier", "Loyalty tier", Content::Choice(TIERS)),
    attribute("40192", "com.apsis1.attributes.lifetimevalue", "Lifetime value", Content::Amount(90_000)),
    attribute("40193", "com.apsis1.attributes.engagementscore", "Engagement score", Content::Score),
    attribute("40204", "com.apsis1.attributes.landingpage", "Landing page", Content::Url),
    attribute("40205", "com.apsis1.attributes.note", "Note", Content::Note),
];

/// The account's sections.
pub static SECTIONS: [Section; 6] = [
    Section {
        id: "1203",
        discriminator: "usercreated.sections.europe-r6tz73a27t",
        name: "Europe",
        attributes: &[
            attribute(
                "40207",
                "usercreated.attributes.favourite_product-odzdoc9is0",
                "Favourite product",
                Content::Product,
            ),
            attribute(
                "40208",
                "usercreated.attributes.visits_last_30_days-8ht9lgmxg9",
                "Visits, last 30 days",
                Content::Count(120),
            )
            .replacing("20208"),
            attribute(
                "40210",
                "usercreated.attributes.average_basket-dn581u33xt",
                "Average basket",
                Content::Amount(4_000),
            ),
            attribute("40211", "usercreated.attributes.last_visit-lpft75v2se", "Last visit", Content::Day(2019, 2026)),
            attribute("40222", "usercreated.attributes.club_member-60kvj50ce9", "Club member", Content::Flag),
            attribute("40223", "usercreated.attributes.home_store-uvw53efr4e", "Home store", Content::Choice(STORES)),
        ],
        tags: &[
            tag("40226", "usercreated.tags.newsletter-2sywb3wkh5", "Newsletter"),
            tag("40227", "usercreated.tags.vip-nsipzz5fk2", "VIP"),
            tag("40234", "usercreated.tags.spring_campaign-9ri19r0wyo", "Spring campaign"),
            tag("40236", "usercreated.tags.churn_risk-fljooa5lqs", "Churn risk"),
        ],
    },
    Section {
        id: "1207",
        discriminator: "usercreated.sections.nordics-k2m9x41vqe",
        name: "Nordics",
        attributes: &[
            attribute("40247", "usercreated.attributes.butik-aj08xui6d3", "Butik", Content::Choice(STORES)),
            attribute(
                "40249",
                "usercreated.attributes.antal_köp-2025-zzzzg4zdme",
                "Antal köp 2025",
                Content::Count(60),
            ),
            attribute("40252", "usercreated.attributes.snittköp-2khvdgaj8g", "Snittköp", Content::Amount(2_500)),
            attribute("40253", "usercreated.attributes.prenumerant-benyjqwx4h", "Prenumerant", Content::Flag),
            attribute(
                "40260",
                "usercreated.attributes.anteckning-5344tfjgvq",
                "Anteckning från kundtjänst",
                Content::Note,
            ),
            attribute("40263", "usercreated.attributes.senast_inloggad-k7bn7xj8b7", "Senast inloggad", Content::Moment),
        ],
        tags: &[
            tag("40264", "usercreated.tags.nyhetsbrev-q7xkwo886v", "Nyhetsbrev"),
            tag("40266", "usercreated.tags.återkommande-mpzom75wbb", "Återkommande kund"),
            tag("40269", "usercreated.tags.black_friday-4qmw2wxfog", "Black Friday"),
            tag("40271", "usercreated.tags.testgrupp.a-b-4mvn4a4wfh", "Testgrupp A/B"),
        ],
    },
    Section {
        id: "1311",
        discriminator: "usercreated.sections.asia.pacific-08hvd3nfzy",
        name: "Asia Pacific (アジア)",
        attributes: &[
            attribute("40272", "usercreated.attributes.最近_購入-ym4l1vfz3z", "最近の購入", Content::Product),
            attribute(
                "40283",
                "usercreated.attributes.channel.preferred-kkibj3j4wj",
                "Preferred channel",
                Content::Choice(CHANNELS),
            )
            .replacing("20283"),
            attribute(
                "40284",
                "usercreated.attributes.points_balance-9ibag7i1mn",
                "Points balance",
                Content::Count(900),
            ),
            attribute(
                "40285",
                "usercreated.attributes.shipping_total-qns6puq80i",
                "Shipping total",
                Content::Amount(700),
            ),
            attribute("40286", "usercreated.attributes.会員-w3706i8j76", "会員", Content::Flag),
            attribute("40289", "usercreated.attributes.joined-2lajlj4h9d", "Joined", Content::Day(2020, 2026)),
        ],
        tags: &[
            tag("40300", "usercreated.tags.限定-794g9dpmrc", "限定オファー"),
            tag("40301", "usercreated.tags.line_friend-629be2u66m", "LINE friend"),
            tag("40304", "usercreated.tags.gift_buyer-26846p7q9m", "Gift buyer"),
            tag("40311", "usercreated.tags.abandoned_cart-i0hz2uep1e", "Abandoned cart"),
        ],
    },
    Section {
        id: "1420",
        discriminator: "usercreated.sections.b2b_-_partners-w5jq0slc8u",
        name: "B2B – Partners",
        attributes: &[
            attribute("40312", "usercreated.attributes.legal_name-nthjxjqi3o", "Legal name", Content::Company),
            attribute("40314", "usercreated.attributes.vat.number-z5kok16zv0", "VAT number", Content::Code),
            attribute("40321", "usercreated.attributes.employees-wufxbv932b", "Employees", Content::Count(25_000)),
            attribute(
                "40324",
                "usercreated.attributes.credit_limit-v7s6ehogfq",
                "Credit limit",
                Content::Amount(99_999),
            ),
            attribute("40335", "usercreated.attributes.industry-clri1qzj86", "Industry", Content::Choice(INDUSTRIES)),
            attribute(
                "40336",
                "usercreated.attributes.account_manager_-_remarks-5ufrdl1erb",
                "Account manager – remarks",
                Content::Note,
            ),
        ],
        tags: &[
            tag("40339", "usercreated.tags.lead-foeqh3av90", "Lead"),
            tag("40342", "usercreated.tags.partner.gold-ic7phkqdlm", "Partner: Gold"),
            tag("40345", "usercreated.tags.webinar_2026-t7ns26lrwb", "Webinar 2026"),
            tag("40348", "usercreated.tags.do_not_call-cab69m64p2", "Do not call"),
        ],
    },
    Section {
        id: "1533",
        discriminator: "usercreated.sections.loyalty-77bd2rpo1m",
        name: "Loyalty & Rewards",
        attributes: &[
            attribute(
                "40350",
                "usercreated.attributes.points_spent-g158z6tnov",
                "Points spent",
                Content::Count(10_000),
            ),
            attribute("40351", "usercreated.attributes.vouchers-izwdiaeq1k", "Vouchers, value", Content::Amount(500))
                .replacing("20351"),
            attribute("40354", "usercreated.attributes.expires-fy6spsc3lk", "Points expire", Content::Day(2026, 2029)),
            attribute("40356", "usercreated.attributes.last_reward-2aqxv9upct", "Last reward", Content::Product),
            attribute("40358", "usercreated.attributes.family_account-wlavyf4r6m", "Family account", Content::Flag),
            attribute("40361", "usercreated.attributes.propensity-6afqfjzczb", "Propensity to buy", Content::Score),
        ],
        tags: &[
            tag("40364", "usercreated.tags.birthday_mail-of7jyu5jsj", "Birthday mail"),
            tag("40365", "usercreated.tags.gold-616i76bofb", "Gold"),
            tag("40366", "usercreated.tags.silver-ixgy29db8p", "Silver"),
            tag("40373", "usercreated.tags.reactivated-qa3e68f7e4", "Reactivated"),
        ],
    },
    Section {
        id: "2048",
        discriminator: "usercreated.sections.press_-_actualités-omm8pihlcr",
        name: "Presse \"actualités\"",
        attributes: &[
            attribute("40380", "usercreated.attributes.media-qeqpno35ye", "Média", Content::Choice(CHANNELS)),
            attribute("40387", "usercreated.attributes.profile.page-scmejvqtia", "Page", Content::Url),
            attribute("40394", "usercreated.attributes.remarques-d5rgn5s7s3", "Remarques", Content::Note),
            attribute("40395", "usercreated.attributes.accredited-3h9mtf4bs3", "Accréditation", Content::Moment),
            attribute("40398", "usercreated.attributes.newsletter-62rynnefj7", "Newsletter", Content::Flag),
            attribute("40399", "usercreated.attributes.articles-xi6rhxo55z", "Articles", Content::Count(300)),
        ],
        tags: &[
            tag("40401", "usercreated.tags.accrédité-a52ztj0wyu", "Accrédité"),
            tag("40402", "usercreated.tags.photo-vauvzhmasq", "Photographe"),
            tag("40405", "usercreated.tags.radio-ezyex1rdrg", "Radio"),
            tag("40406", "usercreated.tags.événement.2026-sjpr16umx1", "Événement 2026"),
        ],
    },
];

/// The section that oddities belong to.
pub const ODD_SECTION: &str = "1207";

/// Attributes that are hard to deal with, for accounts that ask for them: two with one name, one that was renamed since,
/// one whose type changed with its version, one that is no longer in use, and one with a long discriminator.
pub static ODD_ATTRIBUTES: [Attribute; 6] = [
    attribute("40420", "usercreated.attributes.city-c5t0m1k8wz", "City", Content::City),
    attribute("40421", "usercreated.attributes.hobby-h2x8d4n6qa", "Fritidsintresse", Content::Product),
    attribute("40422", "usercreated.attributes.hobby-p9r3w7f1ke", "Hobby", Content::Product),
    attribute("40423", "usercreated.attributes.skostorlek-s4n2v6b8jt", "Skostorlek", Content::Count(50))
        .replacing("20423")
        .once(DataType::Text),
    attribute("40424", "usercreated.attributes.faxnummer-f7g1l5x3my", "Faxnummer", Content::Mobile).retired(),
    attribute("40425", "usercreated.attributes.kund.önskemål.av.extra.för-q3z8u0c2dn", "Kundönskemål", Content::Note),
];

/// A tag with the name of one in another section.
pub static ODD_TAGS: [Tag; 1] = [tag("40430", "usercreated.tags.vip-v6k4b2e9hs", "VIP")];

/// The event types, the same in every section.
pub static EVENTS: [Event; 8] = [
    event("90201", "com.apsis1.events.email.sent", "Email sent", EventKind::EmailSent, 35),
    event("90208", "com.apsis1.events.email.opened", "Email opened", EventKind::EmailOpened, 22),
    event("90219", "com.apsis1.events.email.clicked", "Email clicked", EventKind::EmailClicked, 9).replacing("80219"),
    event("90230", "com.apsis1.events.email.bounced", "Email bounced", EventKind::EmailBounced, 2),
    event("90232", "com.apsis1.events.web.pageview", "Page viewed", EventKind::PageView, 17).replacing("80232"),
    event("90233", "usercreated.events.order_placed-3s8yqv0k2d", "Order placed", EventKind::OrderPlaced, 6),
    event("90234", "com.apsis1.events.forms.submitted", "Form submitted", EventKind::FormSubmitted, 4),
    event(
        "90241",
        "usercreated.events.wish_-_önskelista-b1x6t9zrm4",
        "Wish list (önskelista) changed",
        EventKind::Custom,
        5,
    ),
];

/// The account's segments.
pub static SEGMENTS: [Segment; 3] = [
    Segment { discriminator: "usercreated.segments.active_customers-2h7c0wq9xk", name: "Active customers" },
    Segment { discriminator: "usercreated.segments.swedish.newsletter-p94mzt5e1b", name: "Newsletter, svenska" },
    Segment { discriminator: "usercreated.segments.vip_-_東京-0y3nrd8jva", name: "VIP 東京" },
];
