"""The vocabulary of the demo world: names, places, trades. All companies are invented, all domains end in .example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from iam_dashboard.demo.generators.records import Channel

# First and last names that go together, by language.
NAMES: Final[tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        ("Amelia", "Oliver", "Harriet", "George", "Imogen", "Callum", "Freya", "Rory", "Nell", "Theo"),
        ("Ashworth", "Pembury", "Calloway", "Thorne", "Whitlock", "Marsden", "Fairley", "Holt", "Dunmore", "Sutter"),
    ),
    (
        ("Chidi", "Amara", "Ngozi", "Emeka", "Ifeoma", "Obinna", "Zainab", "Tunde", "Yetunde", "Femi"),
        ("Okafor", "Adeyemi", "Eze", "Balogun", "Nwosu", "Ibrahim", "Okonkwo", "Afolabi", "Danjuma", "Olawale"),
    ),
    (
        ("Priya", "Arjun", "Kavya", "Rohan", "Ananya", "Vikram", "Meera", "Sanjay", "Ishita", "Nikhil"),
        ("Raman", "Deshpande", "Iyer", "Chatterjee", "Kulkarni", "Bhatia", "Menon", "Joshi", "Sethi", "Rao"),
    ),
    (
        ("Yuki", "Haruto", "Sakura", "Kenji", "Aoi", "Daichi", "Mei", "Takumi", "Hana", "Ren"),
        ("Tanaka", "Mori", "Fujita", "Okada", "Hayashi", "Ishikawa", "Nakano", "Sakamoto", "Ueda", "Kudo"),
    ),
    (
        ("María", "Javier", "Lucía", "Álvaro", "Inés", "Mateo", "Carmen", "Diego", "Paula", "Andrés"),
        ("Ibáñez", "Navarro", "Cordero", "Peña", "Salgado", "Muñoz", "Rivas", "Cárdenas", "Otero", "Quiroga"),
    ),
    (
        ("Lukas", "Johanna", "Jörg", "Annika", "Matthias", "Greta", "Tobias", "Frieda", "Jonas", "Käthe"),
        ("Brandt", "Köhler", "Vogel", "Schäfer", "Lindner", "Böhm", "Ritter", "Engel", "Hartwig", "Seidel"),
    ),
    (
        ("Camille", "Étienne", "Margaux", "Hugo", "Élodie", "Bastien", "Noémie", "Léon", "Solène", "Rémi"),
        ("Lefèvre", "Marchand", "Dubreuil", "Perrin", "Garnier", "Chauvet", "Renaud", "Delorme", "Bonnet", "Aubry"),
    ),
    (
        ("Leila", "Omar", "Nadia", "Karim", "Yasmin", "Tariq", "Salma", "Hassan", "Rania", "Bilal"),
        ("Haddad", "Mansour", "El-Sayed", "Khoury", "Nasser", "Farouk", "Aziz", "Saleh", "Darwish", "Rahal"),
    ),
    (
        ("Astrid", "Søren", "Ingrid", "Magnus", "Signe", "Lars", "Maja", "Henrik", "Tuva", "Emil"),
        ("Solberg", "Lindqvist", "Nygård", "Østergaard", "Dahl", "Bergström", "Holm", "Aasen", "Lund", "Ekström"),
    ),
    (
        ("Zofia", "Tomasz", "Katarzyna", "Piotr", "Wanda", "Łukasz", "Jadwiga", "Marek", "Hanna", "Stanisław"),
        ("Kowalczyk", "Zieliński", "Wójcik", "Mazur", "Szymański", "Dąbrowska", "Król", "Pawlak", "Sikora", "Wrona"),
    ),
    (
        ("Ana", "Thiago", "Beatriz", "Rafael", "Larissa", "João", "Fernanda", "Caio", "Débora", "Vinícius"),
        ("Ferreira", "Monteiro", "Araújo", "Cavalcanti", "Lopes", "Gonçalves", "Teixeira", "Prado", "Brandão", "Neves"),
    ),
    (
        ("Min-jun", "Seo-yeon", "Ji-woo", "Hae-won", "Dong-hyun", "Soo-ah", "Tae-yang", "Eun-ji", "Hyun-woo", "Na-ri"),
        ("Kim", "Park", "Choi", "Jung", "Kang", "Yoon", "Shin", "Han", "Seo", "Baek"),
    ),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A city with the forms of its postal codes (# a digit, @ a letter) and telephone numbers."""

    city: str
    region: str
    country: str
    postal: str
    phone: str
    currency: str
    streets: tuple[str, ...]
    number_first: bool


_BRITISH: Final = ("Canal Street", "Mill Lane", "Victoria Road", "Foundry Row", "Chapel Walk", "Orchard Close")
_AMERICAN: Final = ("Cedar Avenue", "Franklin Street", "Lakeview Drive", "Union Street", "Juniper Road", "Depot Street")
_GERMAN: Final = ("Lindenstraße", "Am Speicher", "Gartenweg", "Werkstraße", "Rosengasse", "Hafenallee")
_FRENCH: Final = ("rue des Tanneurs", "quai des Moulins", "rue du Four", "avenue des Tilleuls", "rue Neuve")
_SPANISH: Final = ("Calle Mayor", "Calle del Olmo", "Paseo del Río", "Calle Nueva", "Avenida del Puerto")
_SWEDISH: Final = ("Hamngatan", "Skolgatan", "Bryggaregatan", "Storgatan", "Fjärdvägen")

PLACES: Final = (
    Place("Manchester", "Greater Manchester", "United Kingdom", "M# #@@", "+44 161 555 ####", "GBP", _BRITISH, True),
    Place("Bristol", "Avon", "United Kingdom", "BS# #@@", "+44 117 555 ####", "GBP", _BRITISH, True),
    Place("Leeds", "West Yorkshire", "United Kingdom", "LS# #@@", "+44 113 555 ####", "GBP", _BRITISH, True),
    Place("Edinburgh", "Scotland", "United Kingdom", "EH# #@@", "+44 131 555 ####", "GBP", _BRITISH, True),
    Place("Austin", "Texas", "United States", "787##", "+1 512 555 01##", "USD", _AMERICAN, True),
    Place("Portland", "Oregon", "United States", "972##", "+1 503 555 01##", "USD", _AMERICAN, True),
    Place("Chicago", "Illinois", "United States", "606##", "+1 312 555 01##", "USD", _AMERICAN, True),
    Place("Atlanta", "Georgia", "United States", "303##", "+1 404 555 01##", "USD", _AMERICAN, True),
    Place("Toronto", "Ontario", "Canada", "M#@ #@#", "+1 416 555 01##", "CAD", _AMERICAN, True),
    Place("Hamburg", "Hamburg", "Germany", "20###", "+49 40 5550 ####", "EUR", _GERMAN, False),
    Place("Köln", "Nordrhein-Westfalen", "Germany", "50###", "+49 221 5550 ####", "EUR", _GERMAN, False),
    Place("Leipzig", "Sachsen", "Germany", "04###", "+49 341 5550 ####", "EUR", _GERMAN, False),
    Place("Wien", "Wien", "Austria", "1##0", "+43 1 5550 ####", "EUR", _GERMAN, False),
    Place("Lyon", "Auvergne-Rhône-Alpes", "France", "6900#", "+33 4 55 50 ## ##", "EUR", _FRENCH, True),
    Place("Nantes", "Pays de la Loire", "France", "4400#", "+33 2 55 50 ## ##", "EUR", _FRENCH, True),
    Place("Madrid", "Comunidad de Madrid", "Spain", "280##", "+34 91 555 ## ##", "EUR", _SPANISH, False),
    Place("Valencia", "Comunitat Valenciana", "Spain", "460##", "+34 96 555 ## ##", "EUR", _SPANISH, False),
    Place("Göteborg", "Västra Götaland", "Sweden", "411 ##", "+46 31 555 ## ##", "SEK", _SWEDISH, False),
    Place(
        "Porto", "Porto", "Portugal", "4###-###", "+351 22 555 ####", "EUR", ("Rua das Flores", "Rua do Moinho"), False
    ),
    Place("Kraków", "Małopolskie", "Poland", "30-###", "+48 12 555 ## ##", "PLN", ("ul. Lipowa", "ul. Młyńska"), False),
    Place("Osaka", "Osaka", "Japan", "53#-00##", "+81 6 5550 ####", "JPY", ("Kitahama", "Tenmabashi"), True),
    Place("Melbourne", "Victoria", "Australia", "30##", "+61 3 5550 ####", "AUD", _BRITISH, True),
    Place(
        "Curitiba", "Paraná", "Brazil", "80###-###", "+55 41 5550 ####", "BRL", ("Rua da Serra", "Rua do Sol"), False
    ),
    Place("Zürich", "Zürich", "Switzerland", "80##", "+41 44 555 ## ##", "CHF", _GERMAN, False),
)


@dataclass(frozen=True, slots=True)
class Trade:
    """An industry: the words its companies are called by, and what they do."""

    industry: str
    words: tuple[str, ...]
    does: tuple[str, ...]


TRADES: Final = (
    Trade(
        "Food and drink",
        ("Bakery", "Roasters", "Kitchens", "Orchards", "Creamery"),
        ("bakes for cafés and hotels", "supplies markets and small shops"),
    ),
    Trade(
        "Software",
        ("Systems", "Software", "Cloudworks", "Analytics"),
        ("makes planning software for small firms", "helps workshops plan their week"),
    ),
    Trade(
        "Manufacturing",
        ("Tools", "Castings", "Engineering", "Works"),
        ("makes parts to order in small series", "builds and repairs machines for other makers"),
    ),
    Trade(
        "Retail",
        ("Outfitters", "Homeware", "Supply", "Books", "Cycles"),
        ("sells in two shops and online", "sells by catalogue to regular customers"),
    ),
    Trade(
        "Health care",
        ("Clinics", "Dental", "Opticians", "Physio"),
        ("runs practices in the region", "treats patients at home and on site"),
    ),
    Trade(
        "Hospitality",
        ("Hotels", "Lodges", "Tavern", "Guesthouse"),
        ("receives guests all the year round", "hosts weddings and company days"),
    ),
    Trade(
        "Construction",
        ("Builders", "Joinery", "Roofing", "Interiors"),
        ("builds and restores houses", "fits out shops and offices"),
    ),
    Trade(
        "Logistics",
        ("Freight", "Couriers", "Storage", "Shipping"),
        ("moves and stores goods for makers", "delivers within a day in the region"),
    ),
    Trade(
        "Education",
        ("Academy", "Language School", "Tutors"),
        ("teaches adults in the evening and online", "trains the staff of local firms"),
    ),
    Trade(
        "Energy",
        ("Solar", "Heat Pumps", "Energy"),
        ("plans and installs renewable heating", "supplies power to housing co-operatives"),
    ),
    Trade(
        "Finance",
        ("Accounting", "Insurance Brokers", "Advisory"),
        ("looks after the books of family businesses", "advises founders on money and risk"),
    ),
    Trade(
        "Arts and culture",
        ("Gallery", "Theatre", "Festival", "Records"),
        ("brings new work to a wide public", "works with schools and young artists"),
    ),
    Trade(
        "Non-profit",
        ("Trust", "Foundation", "Alliance"),
        ("works with volunteers for its neighbourhood", "raises money for local projects"),
    ),
    Trade(
        "Agriculture",
        ("Farms", "Nurseries", "Vineyards", "Seeds"),
        ("grows for markets and restaurants", "sells by subscription from the field"),
    ),
)

FIRST_WORDS: Final = (
    "Alder", "Amberley", "Birchwood", "Blackthorn", "Bluebell", "Brackenridge", "Brightwater", "Canary",
    "Cedarfold", "Clearbrook", "Copperfield", "Coralline", "Driftwood", "Dunlin", "Eastgate", "Elmhurst",
    "Fernhill", "Fieldstone", "Foxglove", "Gablestone", "Goldcrest", "Greyfriars", "Hawkmoor", "Hazelnut",
    "Highmead", "Hollybank", "Inkwell", "Ironbridge", "Juniper", "Kestrel", "Kingfisher", "Lanternfish",
    "Larchfield", "Lighthouse", "Lindenhof", "Maplecroft", "Marigold", "Meadowlark", "Millrace", "Moonstone",
    "Nightingale", "Northgate", "Oakhollow", "Osprey", "Pebblebrook", "Pinecrest", "Plumtree", "Quarrybank",
    "Redstart", "Riverbend", "Rowanberry", "Saltmarsh", "Sandpiper", "Silverbirch", "Skylark", "Slatehill",
    "Starling", "Stonecrop", "Sunfield", "Swallowtail", "Tamarind", "Thistledown", "Timberline", "Tollgate",
    "Umbergate", "Velvetleaf", "Wayfarer", "Westering", "Whitecap", "Willowherb", "Windrush", "Yarrow",
)  # fmt: skip

TITLES: Final = (
    "Managing Director", "Head of Marketing", "Marketing Manager", "Founder", "Finance Director", "Brand Manager",
    "Office Manager", "Head of Sales", "E-commerce Lead", "Communications Officer", "Operations Manager",
)  # fmt: skip

_ANY: Final = (Channel.SEARCH, Channel.SOCIAL, Channel.DISPLAY, Channel.VIDEO)

# What campaigns are called, and the channels that suit each.
CAMPAIGNS: Final = (
    ("Product launch", _ANY),
    ("Seasonal offers", (*_ANY, Channel.EMAIL)),
    ("New collection", _ANY),
    ("New customers", _ANY),
    ("Brand refresh", (Channel.DISPLAY, Channel.VIDEO, Channel.SOCIAL)),
    ("Trade fair", (Channel.EVENTS,)),
    ("Trade fair follow-up", (Channel.EMAIL,)),
    ("Welcome series", (Channel.EMAIL,)),
    ("Local search", (Channel.SEARCH,)),
    ("Product film", (Channel.VIDEO,)),
    ("Open day", (Channel.EVENTS, Channel.SOCIAL)),
    ("Win back", (Channel.EMAIL, Channel.DISPLAY)),
)

TASKS: Final = (
    ("Prepare the monthly report", "Figures of the last month against the plan, two pages, with one recommendation."),
    ("Review the landing page", "Check copy, forms and load time on a phone; list what to change."),
    ("Agree next quarter's budget", "Propose a split by channel and get the client's approval in writing."),
    ("Update the audience lists", "Take out customers of the last 30 days; add the visitors of the price page."),
    ("Collect new product photos", "Ask for at least twelve, landscape, without text on them."),
    ("Renew the ad account access", "The connection ends soon; ask the client to confirm it again."),
    ("Write the case study", "Interview the main contact, then one page with numbers the client has approved."),
    ("Fix the conversion tracking", "Purchases are counted twice on the thank-you page."),
    ("Plan the workshop", "Half a day on positioning; send the agenda a week before."),
    ("Chase the signed contract", "Sent twice; call the finance director."),
)

NOTES: Final = (
    "Prefers calls in the morning; e-mail gets lost.",
    "Budget year ends in March. New projects are decided in January.",
    "Approved the new tone of voice. Keep sentences short and avoid superlatives.",
    "Asked twice about a dashboard of their own. Worth a proposal.",
    "The shop moves to another system in summer; no changes to tracking before that.",
    "Invoices go to the finance director, with the purchase order number.",
    "Very happy with the last campaign and ready to be a reference.",
    "Competitor started a price campaign. Watch search terms weekly.",
    "New head of marketing from next month; arrange a first meeting.",
    "No photographs of staff without written consent.",
)
