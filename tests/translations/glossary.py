"""The words of the catalogs: one word for one thing, as docs/glossary.md has them in English.

What lives here: what stands at the top of each catalog. The reader is addressed formally: Sie, vous, usted.
"""

from __future__ import annotations

WORDS = (
    ("webhook", "Webhook", "webhook", "webhook"),
    ("endpoint", "Endpoint", "point de terminaison", "endpoint"),
    ("event, event type", "Ereignis, Ereignistyp", "événement, type d'événement", "evento, tipo de evento"),
    ("delivery, to deliver", "Zustellung, zustellen", "livraison, livrer", "entrega, entregar"),
    ("attempt, try", "Versuch", "tentative", "intento"),
    ("to redeliver", "erneut zustellen", "relivrer", "volver a entregar"),
    ("receiver", "Empfänger", "récepteur", "receptor"),
    ("customer", "Kunde", "client", "cliente"),
    ("member", "Mitglied", "membre", "miembro"),
    ("staff, support", "Mitarbeiter, Support", "équipe, assistance", "personal, soporte"),
    ("given up", "aufgegeben", "abandonnée", "abandonada"),
    ("held", "zurückgehalten", "retenue", "retenida"),
    ("backlog", "Rückstau", "arriéré", "cola pendiente"),
    ("paused, disabled", "pausiert, deaktiviert", "en pause, désactivé", "en pausa, desactivado"),
    ("secret", "Geheimnis", "secret", "secreto"),
    ("signature", "Signatur", "signature", "firma"),
    ("payload", "Payload", "charge utile", "carga útil"),
    ("log-in, to log in", "Anmeldung, sich anmelden", "connexion, se connecter", "inicio de sesión, iniciar sesión"),
    ("second factor", "zweiter Faktor", "second facteur", "segundo factor"),
    ("job", "Auftrag", "tâche", "tarea"),
    ("audit trail", "Audit-Protokoll", "journal d'audit", "registro de auditoría"),
    ("catalogue", "Katalog", "catalogue", "catálogo"),
    ("inbox", "Testeingang", "boîte de test", "buzón de pruebas"),
    ("failure", "Fehler", "échec", "fallo"),
)
GLOSSARY = {
    language: tuple(f"{words[0]}: {words[place]}" for words in WORDS)
    for place, language in enumerate(("de", "fr", "es"), start=1)
}
# A word beside the one above, for the same thing: it is found in no translation. Code and placeholders keep theirs.
UNWANTED = {
    "de": r"\bEndpunkt\w*",
    "fr": r"(?<![.{_])\bendpoints?\b(?![._])|\u2019",
    "es": r"\b[Rr]eentreg\w*|\b[Pp]etici(?:ón|ones)\b",
}
