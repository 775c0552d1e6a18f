"""The raw material of the believable dealership: invented people, and cars people drive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Person:
    """A customer who is always there, for demonstrations and tests, with their vehicles as
    (year, make, model)."""

    first_name: str
    last_name: str
    phone: str
    born: date
    vehicles: tuple[tuple[int, str, str], ...]


REGULARS = (
    Person("Maria", "Alvarez", "+13125550142", date(1984, 3, 12), ((2019, "Honda", "Civic"),)),
    Person(
        "James",
        "Okafor",
        "+13125550117",
        date(1979, 11, 2),
        ((2021, "Ford", "F-150"), (2016, "Toyota", "Camry")),
    ),
    Person("Susan", "Whitfield", "+13125550163", date(1990, 7, 25), ((2020, "Subaru", "Outback"),)),
    Person("Robert", "Turner", "+13125550128", date(1971, 9, 8), ((2018, "Chevrolet", "Equinox"),)),
    Person("Nora", "Page", "+13125550138", date(1993, 12, 1), ((2014, "Volkswagen", "Jetta"),)),
    Person("Grace", "Bell", "+13125550171", date(1988, 5, 14), ((2022, "Hyundai", "Tucson"),)),
    Person("Victor", "Hill", "+13125550154", date(1966, 2, 17), ((2015, "Jeep", "Wrangler"),)),
)

EXPECTED = (5, 6)
"""The regulars who have an appointment ahead, by their places above. The others' book is empty, so
that what they say on the telephone is simple."""

AREA_CODES = ("217", "219", "262", "309", "414", "574", "608", "618")
"""A day's drive around Chicago. 555-0100 to 555-0199 are set aside for fiction in every area code;
Chicago's own codes are left to the regulars and to callers who are no customers yet."""

FIRST_NAMES = tuple(
    "Aaron Abigail Adrian Aisha Alan Alice Amir Amy Andre Angela Anita Anthony Ayana Barbara "
    "Benjamin Beth Brandon Brian Camila Carl Carmen Caroline Cesar Chloe Chris Cynthia Daniel "
    "Danielle Darnell David Deborah Diego Donna Dylan Edith Elena Eli Emma Eric Esther Ethan "
    "Fatima Felix Frank Gabriel Gloria Grace Greg Hana Harold Heather Hector Helen Ian Imani "
    "Irene Isaac Ivan Jada Jamal Janet Jason Jenna Jerome Joan Joel Jorge Joyce Julia Kareem "
    "Karen Keisha Kenji Kevin Laila Lamar Laura Leo Linda Lucas Luis Lydia Malik Marcus Margaret "
    "Martin Maya Mei Michael Miguel Monica Nadia Naomi Nathan Nina Noah Olivia Omar Oscar Pamela "
    "Patrick Paula Peter Priya Rachel Rafael Raj Rebecca Renee Robert Rosa Ruth Sam Sandra Sara "
    "Sean Sofia Stephen Tamika Teresa Theo Thomas Tina Tyrone Valerie Vera Victor Wanda Wei "
    "William Yolanda Yusuf Zachary Zoe".split()
)

LAST_NAMES = tuple(
    "Abbott Adler Aguilar Ahmed Andersen Baker Banks Barnes Becker Bennett Bishop Blake Booker "
    "Brennan Brooks Burke Cabrera Calloway Carver Castillo Chandra Chen Cohen Coleman Cortez "
    "Costa Crawford Daley Dawson Delgado Diaz Dixon Donovan Douglas Dubois Duffy Dvorak Ellis "
    "Eriksen Espinoza Farrell Ferrari Fields Fischer Flores Foster Franklin Freeman Fuentes "
    "Gallagher Garza Gibson Goldberg Gordon Grant Greene Gupta Haddad Hale Hansen Harper Hayes "
    "Herrera Higgins Hoffman Holloway Hughes Ibrahim Ingram Jablonski Jackson Jensen Jimenez "
    "Joyner Kaminski Kaplan Keller Khan Kim Klein Kowalski Kramer Lambert Larsen Lee Lindgren "
    "Lopez Lowe Lynch Maddox Malone Marsh Mbeki McCoy Medina Mercer Meyer Moreno Morris Murphy "
    "Nakamura Navarro Nguyen Nolan Novak Obrien Olsen Ortega Osborne Park Patel Pearson Perez "
    "Petrov Pierce Quinn Ramirez Reyes Rhodes Rivera Robbins Romano Rosen Russo Salazar Sanders "
    "Schmidt Schultz Shah Silva Sloan Stein Sullivan Takahashi Torres Tran Tucker Underwood "
    "Valdez Vargas Vaughn Volkov Wagner Walsh Washington Weber Whitaker Wu Yang York Zamora".split()
)

CARS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Honda", "1HG", ("Civic", "Accord", "CR-V", "Pilot")),
    ("Toyota", "4T1", ("Camry", "Corolla", "RAV4", "Highlander")),
    ("Ford", "1FT", ("F-150", "Escape", "Explorer", "Ranger")),
    ("Chevrolet", "1GC", ("Silverado", "Equinox", "Malibu", "Tahoe")),
    ("Subaru", "4S4", ("Outback", "Forester", "Crosstrek")),
    ("Nissan", "1N4", ("Altima", "Rogue", "Sentra")),
    ("Hyundai", "5NP", ("Elantra", "Sonata", "Tucson")),
    ("Kia", "5XX", ("Optima", "Sorento", "Sportage")),
    ("Jeep", "1C4", ("Wrangler", "Grand Cherokee", "Cherokee")),
    ("Volkswagen", "3VW", ("Jetta", "Passat", "Tiguan")),
)
"""Make, the maker's VIN prefix, models."""
