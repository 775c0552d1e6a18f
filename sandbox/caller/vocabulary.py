"""Makes and services by the words that speak of them, in normalised text."""

from __future__ import annotations

MAKES = frozenset(
    "acura audi bmw buick cadillac chevrolet chevy chrysler dodge fiat ford gmc honda hyundai "
    "infiniti jaguar jeep kia lexus lincoln mazda mercedes mini mitsubishi nissan pontiac porsche "
    "ram saturn subaru tesla toyota volkswagen volvo vw".split()
)
SERVICES: dict[str, str] = {
    "oil_change": r"oil( and filter)? change|change (of )?(the |your )?oil",
    "tire_rotation": r"ti[ry]e rotation|rotat(e|ing|ion)\b.*\bti[ry]es?",
    "brake_inspection": r"brake (inspection|check)|brakes (checked|inspected|looked at)",
    "brake_pads": r"brake pads?( replacement)?",
    "wheel_alignment": r"alignment",
    "battery": r"battery",
    "state_inspection": r"(state|emissions?|safety) (and emissions? )?inspection",
    "diagnostic": r"diagnos\w+|check engine",
    "ac_service": r"air condition\w+|\ba ?c service",
    "major_service": r"(60 (1000|thousand)|60000|major) ?(mile )?service",
}
"""By the service's code: how it is spoken of, in normalised words."""
