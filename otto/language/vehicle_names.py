"""Makes and models of cars on American roads, as owners call them.

The list helps to hear them right ("see our vee", "F one fifty", "Chevy"); a make or model that is
not in it is taken as it was said.
"""

from __future__ import annotations

from typing import Final

MODELS: Final[dict[str, str]] = {
    "Acura": "ILX, Integra, MDX, RDX, RLX, TL, TLX, TSX, ZDX",
    "Alfa Romeo": "Giulia, Stelvio, Tonale",
    "Audi": "A3, A4, A5, A6, A7, A8, Q3, Q4, Q5, Q7, Q8, S4, S5, TT, e-tron",
    "BMW": (
        "2 Series, 3 Series, 4 Series, 5 Series, 7 Series, 328i, 330i, i3, i4, M3, "
        "X1, X2, X3, X4, X5, X6, X7, Z4"
    ),
    "Buick": "Enclave, Encore, Envision, LaCrosse, LeSabre, Regal, Verano",
    "Cadillac": "ATS, CT4, CT5, CTS, DeVille, Escalade, SRX, XT4, XT5, XT6, XTS",
    "Chevrolet": (
        "Avalanche, Blazer, Bolt, Camaro, Colorado, Corvette, Cruze, Equinox, "
        "Express, Impala, Malibu, S-10, Silverado, Sonic, Spark, Suburban, Tahoe, "
        "Trailblazer, Traverse, Trax, Volt"
    ),
    "Chrysler": "200, 300, Pacifica, PT Cruiser, Sebring, Town and Country, Voyager",
    "Dodge": (
        "Avenger, Caravan, Challenger, Charger, Dakota, Dart, Durango, Grand "
        "Caravan, Hornet, Journey, Magnum, Nitro"
    ),
    "Fiat": "124 Spider, 500",
    "Ford": (
        "Bronco, Bronco Sport, C-Max, Crown Victoria, E-350, EcoSport, Edge, "
        "Escape, Excursion, Expedition, Explorer, F-150, F-250, F-350, Fiesta, "
        "Flex, Focus, Fusion, Maverick, Mustang, Mustang Mach-E, Ranger, Taurus, "
        "Transit"
    ),
    "Genesis": "G70, G80, G90, GV70, GV80",
    "GMC": "Acadia, Canyon, Envoy, Jimmy, Savana, Sierra, Terrain, Yukon",
    "Honda": (
        "Accord, Accord Crosstour, Civic, Clarity, CR-V, CR-Z, Element, Fit, HR-V, "
        "Insight, Odyssey, Passport, Pilot, Prologue, Ridgeline"
    ),
    "Hyundai": (
        "Accent, Azera, Elantra, Ioniq, Kona, Palisade, Santa Cruz, Santa Fe, "
        "Sonata, Tucson, Veloster, Venue"
    ),
    "Infiniti": "EX35, FX35, G35, G37, Q50, Q60, QX50, QX56, QX60, QX80",
    "Jaguar": "E-Pace, F-Pace, F-Type, XE, XF, XJ",
    "Jeep": (
        "Cherokee, Commander, Compass, Gladiator, Grand Cherokee, Liberty, Patriot, "
        "Renegade, Wagoneer, Wrangler"
    ),
    "Kia": (
        "Carnival, EV6, EV9, Forte, K5, Niro, Optima, Rio, Sedona, Seltos, Sorento, "
        "Soul, Sportage, Stinger, Telluride"
    ),
    "Land Rover": ("Defender, Discovery, LR4, Range Rover, Range Rover Evoque, Range Rover Sport"),
    "Lexus": (
        "CT 200h, ES 300, ES 350, GS 350, GX 460, IS 250, IS 350, LS 460, LX 570, "
        "NX 200t, NX 300, RX 300, RX 330, RX 350, UX 250h, ES, GX, IS, NX, RX, UX"
    ),
    "Lincoln": ("Aviator, Continental, Corsair, MKC, MKX, MKZ, Nautilus, Navigator, Town Car"),
    "Mazda": (
        "CX-3, CX-30, CX-5, CX-50, CX-7, CX-9, CX-90, Mazda3, Mazda5, Mazda6, MX-5, Miata, Tribute"
    ),
    "Mercedes-Benz": (
        "A-Class, C-Class, C300, CLA, E-Class, E350, G-Class, GLA, GLB, GLC, GLE, "
        "GLK, GLS, ML350, S-Class, Sprinter"
    ),
    "Mini": "Clubman, Cooper, Countryman",
    "Mitsubishi": "Eclipse, Eclipse Cross, Galant, Lancer, Mirage, Outlander",
    "Nissan": (
        "350Z, 370Z, Altima, Armada, Ariya, Cube, Frontier, Juke, Kicks, Leaf, "
        "Maxima, Murano, Pathfinder, Quest, Rogue, Rogue Sport, Sentra, Titan, "
        "Versa, Xterra"
    ),
    "Pontiac": "G6, Grand Am, Grand Prix, Vibe",
    "Porsche": "718, 911, Boxster, Cayenne, Cayman, Macan, Panamera, Taycan",
    "Ram": "1500, 2500, 3500, ProMaster",
    "Rivian": "R1S, R1T",
    "Saturn": "Aura, Ion, Outlook, Vue",
    "Scion": "FR-S, tC, xB, xD",
    "Subaru": "Ascent, BRZ, Crosstrek, Forester, Impreza, Legacy, Outback, Solterra, WRX",
    "Suzuki": "Grand Vitara, SX4",
    "Tesla": "Cybertruck, Model 3, Model S, Model X, Model Y",
    "Toyota": (
        "4Runner, 86, Avalon, bZ4X, C-HR, Camry, Celica, Corolla, Corolla Cross, "
        "Crown, FJ Cruiser, Grand Highlander, Highlander, Land Cruiser, Matrix, "
        "Prius, RAV4, Sequoia, Sienna, Supra, Tacoma, Tundra, Venza, Yaris"
    ),
    "Volkswagen": "Atlas, Beetle, CC, Golf, GTI, ID.4, Jetta, Passat, Taos, Tiguan, Touareg",
    "Volvo": "C30, S40, S60, S80, S90, V60, XC40, XC60, XC70, XC90",
}
"""Make → its models."""

NICKNAMES: Final[dict[str, str]] = {
    "chevy": "Chevrolet", "chev": "Chevrolet", "vw": "Volkswagen", "v w": "Volkswagen",
    "volks wagon": "Volkswagen", "volkswagon": "Volkswagen", "mercedes": "Mercedes-Benz",
    "benz": "Mercedes-Benz", "beamer": "BMW", "bimmer": "BMW", "b m w": "BMW", "g m c": "GMC",
    "caddy": "Cadillac", "range rover": "Land Rover", "dodge ram": "Ram", "toyoda": "Toyota",
    "hondo": "Honda", "hyundae": "Hyundai", "hun die": "Hyundai", "sub a roo": "Subaru",
    "infinity": "Infiniti", "mini cooper": "Mini", "kiya": "Kia", "porsh": "Porsche",
    "lexis": "Lexus", "accura": "Acura", "asura": "Acura", "alfa": "Alfa Romeo",
}  # fmt: skip
"""How owners and recognisers write some makes."""

MODEL_SOUNDS: Final[dict[str, str]] = {
    "see our vee": "CR-V", "c r b": "CR-V", "cr b": "CR-V", "sierra v": "CR-V", "h r v": "HR-V",
    "rav for": "RAV4", "rav four": "RAV4",
    "rav 4": "RAV4", "rab 4": "RAV4", "rough four": "RAV4", "f one fifty": "F-150",
    "f 1 50": "F-150", "eff one fifty": "F-150", "f two fifty": "F-250", "forerunner": "4Runner",
    "for runner": "4Runner", "four runner": "4Runner", "mazda three": "Mazda3",
    "mazda six": "Mazda6", "c x 5": "CX-5", "cx five": "CX-5", "silver auto": "Silverado",
    "tuscan": "Tucson", "elentra": "Elantra", "core olla": "Corolla", "corola": "Corolla",
    "camery": "Camry", "cam ree": "Camry", "sore ento": "Sorento", "key osk": "Kicks",
    "town & country": "Town and Country", "pt cruiser": "PT Cruiser",
}  # fmt: skip
"""How recognisers write some models."""
