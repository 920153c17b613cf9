# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks and figures of the body, and names of its betas, as the panel offers them."""

BODY_LOOKS = (
    ("casual", "Casual", "Clothes, hair and face, or the materials of a body file"),
    ("mannequin", "Mannequin", "One light grey, without clothes"),
    ("plain", "Plain", "The blue-grey of papers"),
)
BODY_FIGURES = (
    ("neutral", "Neutral", "Between the female and the male figure"),
    ("female", "Female", "Female figure"),
    ("male", "Male", "Male figure"),
)
BETA_NAMES = (
    "1 Height", "2 Chest", "3 Trunk Length", "4 Waist", "5 Weight", "6 Hips", "7 Arms", "8 Limbs", "9 Thighs",
    "10 Belly",
)  # fmt: skip
"""What each beta of the default body changes most at the same height."""
