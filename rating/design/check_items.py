# SPDX-License-Identifier: Apache-2.0
"""Texts of attention checks."""

from typing import Final

PROMPTS: Final = {
    "en": "Attention check: please enter the number {number} instead of an answer.",
    "zh": "注意力检查：请不要回答问题，而是输入数字 {number}。",
    "ja": "注意力チェック：回答の代わりに数字 {number} を入力してください。",
    "de": "Aufmerksamkeitsprüfung: Bitte geben Sie statt einer Antwort die Zahl {number} ein.",
    "fr": "Contrôle d’attention : veuillez saisir le nombre {number} au lieu d’une réponse.",
    "es": "Control de atención: introduzca el número {number} en lugar de una respuesta.",
}


def check_prompt(language: str, number: int) -> str:
    """Return the prompt in a language, in English where there is none."""
    return PROMPTS.get(language.partition("-")[0], PROMPTS["en"]).format(number=number)
