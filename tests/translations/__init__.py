"""The catalogs of deliveries/locale: what is to be translated, and what is.

`make translations` brings the .po files up to date and compiles them; tests/translations/test_catalogs.py fails while a
sentence has no translation. docs/portal.md says how to add a sentence or a language.
"""
