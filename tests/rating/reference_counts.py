# SPDX-License-Identifier: Apache-2.0
"""Published counts of paired comparisons and ratings, summed over people, and what R's packages estimate from them.

CEMS: preferences for business schools, R. Dittrich, R. Hatzinger and W. Katzenbeisser, Applied Statistics 47 (1998).
Baseball: American League 1987, A. Agresti, Categorical Data Analysis. Sound quality: S. Choisel and F. Wickelmaier,
Journal of the Acoustical Society of America 121 (2007). Wine: J. H. Randall, Biometrical Journal 31 (1989). Counts were
summed from the R packages BradleyTerry2, psychotools and ordinal.
"""

CEMS = {
    ("London", "Paris"): (186, 26, 91),
    ("London", "Milano"): (221, 26, 56),
    ("London", "St.Gallen"): (208, 22, 73),
    ("Paris", "St.Gallen"): (165, 19, 119),
    ("Milano", "St.Gallen"): (135, 28, 140),
    ("London", "Barcelona"): (217, 19, 67),
    ("Paris", "Barcelona"): (157, 37, 109),
    ("Milano", "Barcelona"): (104, 67, 132),
    ("St.Gallen", "Barcelona"): (144, 25, 134),
    ("London", "Stockholm"): (250, 19, 34),
    ("Paris", "Stockholm"): (203, 30, 70),
    ("Milano", "Stockholm"): (157, 46, 100),
    ("St.Gallen", "Stockholm"): (155, 50, 98),
    ("Barcelona", "Stockholm"): (172, 41, 90),
    ("Paris", "Milano"): (121, 32, 59),
}
"""First better, tie, second better."""

BASEBALL = {
    ("Baltimore", "Boston"): (1, 12),
    ("Baltimore", "Cleveland"): (7, 6),
    ("Baltimore", "Detroit"): (4, 9),
    ("Baltimore", "Milwaukee"): (2, 11),
    ("Baltimore", "New York"): (3, 10),
    ("Baltimore", "Toronto"): (1, 12),
    ("Boston", "Cleveland"): (7, 6),
    ("Boston", "Detroit"): (2, 11),
    ("Boston", "Milwaukee"): (6, 7),
    ("Boston", "New York"): (7, 6),
    ("Boston", "Toronto"): (6, 7),
    ("Cleveland", "Detroit"): (4, 9),
    ("Cleveland", "Milwaukee"): (4, 9),
    ("Cleveland", "New York"): (6, 7),
    ("Cleveland", "Toronto"): (5, 8),
    ("Detroit", "Milwaukee"): (6, 7),
    ("Detroit", "New York"): (5, 8),
    ("Detroit", "Toronto"): (7, 6),
    ("Milwaukee", "New York"): (7, 6),
    ("Milwaukee", "Toronto"): (9, 4),
    ("New York", "Toronto"): (6, 7),
}

SOUNDS = ("Mono", "PhantomMono", "Stereo", "WideStereo", "Matrix", "Upmix1", "Upmix2", "Original")
_WINS = (
    268, 46, 85, 94, 126, 468, 65, 99, 391, 358, 65, 104, 443, 394, 411, 81, 142, 504, 436, 458, 432, 61, 101, 399, 369,
    381, 373, 333,
)  # fmt: skip
SOUND_QUALITY = {
    (SOUNDS[i], SOUNDS[j]): (wins, 783 - wins)
    for (i, j), wins in zip(((i, j) for j in range(8) for i in range(j)), _WINS, strict=True)
}

WINE = {
    (0, 0): (4, 9, 5, 0, 0),
    (1, 0): (0, 5, 8, 3, 2),
    (0, 1): (1, 7, 8, 2, 0),
    (1, 1): (0, 1, 5, 7, 5),
}
"""Bitterness from 1 to 5 by (warm, contact)."""

SIMULATED_ACR = (
    "214442115215231121434241213534242232244151341241341321123432153434332142313151334253121143143241433221143223454421"
    "133141323134355434155424224445325324232235224252142252134132242131244154225133152154145242345232242144"
)
"""Scores of 12 raters x 6 songs x 3 systems, simulated for this test."""
