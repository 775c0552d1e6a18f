"""The fixed sentences in Spanish, for callers who speak it (`OTTO_CALL_SPANISH`)."""

from __future__ import annotations

from otto.dialogue.desk_words import SPANISH_DESK

CONNECTING = f"{SPANISH_DESK.connecting}. Por favor, no cuelgue."
ANYTHING_ELSE = "¿Puedo ayudarle en algo más?"


def spanish_phrases(dealership: str, notice: str, towing_number: str | None) -> dict[str, str]:
    """Each of `Phrases`' sentences by its name. `notice`: what is said of the transcript, as it
    stands in the settings, is not translated."""
    tow = f"Si necesita una grúa, llame al {towing_number}. " if towing_number else ""
    return {
        "greeting": (
            f"Gracias por llamar al departamento de servicio de {dealership}. "
            f"Soy Otto, el asistente automático. {notice} ¿En qué puedo ayudarle?"
        ).replace("  ", " "),
        "no_transcript": "De acuerdo. Lo que digamos no se guardará después de esta llamada.",
        "cut_off": "Disculpe, se cortó la llamada un momento.",
        "taken_over": "Disculpe, se cortó la llamada un momento. Sigo aquí. Continúe, por favor.",
        "taken_over_again": "Sigo aquí. Continúe, por favor.",
        "one_moment": "Un momento, por favor.",
        "still_working": "Sigo en ello. Gracias por esperar.",
        "not_long": "Sigo aquí. Está tardando un poco más de lo normal.",
        "bear_with_me": "Tenga un poco de paciencia, por favor, no me he olvidado de usted.",
        "still_there": "¿Sigue usted ahí?",
        "silent_goodbye": "No le oigo, así que voy a colgar. Vuelva a llamar, por favor. Adiós.",
        "trouble": f"Disculpe, tengo un problema de mi lado. {CONNECTING}",
        "cannot_hear": f"Disculpe, no le oigo bien. {CONNECTING}",
        "keypad_only": (
            "Disculpe, ya no le oigo. Puede contestar con las teclas de su teléfono. "
            "¿Quiere que le comunique con el departamento de servicio? Oprima 1 para decir que sí."
        ),
        "say_again": "Disculpe, ¿puede repetirlo, por favor?",
        "transferring": CONNECTING,
        "time_is_short": "Le aviso que nos queda más o menos un minuto en esta llamada.",
        "time_is_up": f"Disculpe, esta llamada ha llegado a su límite. {CONNECTING}",
        "danger": (
            "Eso no suena seguro. Por favor, no maneje el carro, y si alguien está en peligro, "
            f"cuelgue y llame al 911. {tow}{CONNECTING}"
        ),
        "other_language": f"Disculpe, solo hablo inglés y español. {CONNECTING}",
        "go_on_in": "Claro, sigamos en español. ¿En qué puedo ayudarle?",
        "complaint": f"Lamento mucho oír eso. {CONNECTING}",
        "nobody_free": (
            f"Disculpe, ahora no hay nadie libre. {SPANISH_DESK.offered} lo antes posible?"
        ),
        "desk_hung_up": f"El departamento de servicio ha colgado. {ANYTHING_ELSE}",
        "will_be_called": f"De acuerdo. Alguien le llamará lo antes posible. {ANYTHING_ELSE}",
        "not_noted": "Disculpe, no pude anotarlo. Por favor, vuelva a llamar en un rato.",
        "robot": (
            "Soy Otto, un asistente automático, no una persona. Puedo comunicarle con una persona "
            "cuando quiera. ¿Seguimos?"
        ),
        "opted_out": (
            "De acuerdo, ya no llamaremos ni enviaremos mensajes a este número. "
            "¿Puedo ayudarle en algo más?"
        ),
        "not_sure": (
            "Disculpe, no estoy seguro de eso y prefiero no decirlo. "
            "¿Quiere que le comunique con el departamento de servicio?"
        ),
        "key_it": "También puede marcarlo en su teléfono y terminar con la tecla de número.",
        "spell_it": "También puede deletrearlo, letra por letra.",
        "or_a_person": "O puedo comunicarle con el departamento de servicio, solo dígalo.",
        "offer_person": (
            "Disculpe, todavía no lo entendí. "
            "¿Quiere que le comunique con el departamento de servicio?"
        ),
        "not_understood": f"Disculpe, no pude entenderlo. {CONNECTING}",
        "goodbye": "Gracias por llamar. Adiós.",
    }
