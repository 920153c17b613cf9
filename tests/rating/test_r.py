# SPDX-License-Identifier: Apache-2.0
"""The statistics beside R's own packages, on the packages' own data. `make test-r` runs these."""

import json
import os
from pathlib import Path
import subprocess

import numpy as np
import pytest

pytest.importorskip("scipy")

from dancepose.rating.outputs.question_analysis import AnalysisOptions
from dancepose.rating.outputs.rating_analysis import analyse_rating
from dancepose.rating.outputs.writing import write_analysis
from dancepose.rating.statistics.cumulative_link import fit_cumulative_link
from dancepose.rating.statistics.davidson import DavidsonLink
from dancepose.rating.statistics.mixed_model import OrderedFamily, fit_mixed, indicator
from dancepose.rating.statistics.pair_estimates import estimate_pairs
from dancepose.rating.statistics.pair_tables import PairVotes
from tests.rating.test_analysis import rated

pytestmark = [
    pytest.mark.skipif(os.environ.get("DANCEPOSE_R") != "1", reason="needs R: make test-r"),
    pytest.mark.timeout(900),
]


def r_values(script: str, folder: Path) -> dict:
    """Run a script that leaves its results in a list ``out`` of named numeric vectors."""
    code = (
        script
        + """
for (n in names(out)) cat("{\\"name\\":", dQuote(n, FALSE), ", \\"values\\":[",
  paste(format(as.numeric(out[[n]]), digits = 12), collapse = ","), "]}\\n", sep = "")
"""
    )
    file = folder / "script.R"
    file.write_text(code)
    done = subprocess.run(["Rscript", file], capture_output=True, text=True, timeout=600, cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {line["name"]: np.array(line["values"]) for line in lines}


def test_davidson_on_cems(tmp_path: Path) -> None:
    found = r_values(
        """
suppressMessages({library(BradleyTerry2); library(psychotools)})
data(CEMS); d <- CEMS$preferences
pairs <- unique(d[, c("school1", "school2")])
schools <- c("Barcelona", "London", "Milano", "Paris", "St.Gallen", "Stockholm")
pc <- matrix(NA, length(unique(d$student)), 15); k <- 0; names <- character(0)
for (j in 2:6) for (i in 1:(j - 1)) {
  k <- k + 1; a <- schools[i]; b <- schools[j]
  f <- subset(d, (school1 == a & school2 == b) | (school1 == b & school2 == a))
  v <- ifelse(f$tied == 1, 0, ifelse((f$win1 == 1) == (f$school1 == a), 1, -1))
  pc[match(f$student, unique(d$student)), k] <- v
}
m <- btmodel(paircomp(pc, labels = schools), undecided = TRUE, ref = "Stockholm")
f <- subset(d, !is.na(win1)); f <- subset(f, !is.na(tied))
out <- list(coef = coef(m), loglik = logLik(m), first = match(f$school1, schools), second = match(f$school2, schools),
            answer = ifelse(f$tied == 1, 1, ifelse(f$win1 == 1, 0, 2)), rater = f$student)
""",
        tmp_path,
    )
    first, second, outcome, rater = (found[name].astype(int) for name in ("first", "second", "answer", "rater"))
    votes = PairVotes(tuple("bcmpst"), first - 1, second - 1, outcome, rater, np.arange(len(rater)))
    fitted = estimate_pairs(votes, DavidsonLink(has_ties=True), reference=5, has_side=False)
    np.testing.assert_allclose(fitted.theta, found["coef"], atol=1e-5)
    assert fitted.log_likelihood == pytest.approx(found["loglik"][0], abs=1e-3)


def test_rater_bootstrap_on_sound_quality(tmp_path: Path) -> None:
    found = r_values(
        """
library(psychotools); data(SoundQuality); set.seed(1)
m <- btmodel(SoundQuality$preference, ref = "Original"); pc <- as.matrix(SoundQuality$preference)
rows <- split(seq_len(nrow(pc)), SoundQuality$id)
boot <- replicate(400, { r <- unlist(rows[sample(length(rows), replace = TRUE)])
  coef(btmodel(SoundQuality$preference[r], ref = "Original")) })
out <- list(coef = coef(m), se = apply(boot, 1, sd), pc = t(pc), id = as.integer(SoundQuality$id),
            song = as.integer(SoundQuality$progmat))
""",
        tmp_path,
    )
    answers = found["pc"].reshape(783, 28)
    pairs = np.array([(i, j) for j in range(8) for i in range(j)])
    first, second = np.tile(pairs, (783, 1)).T
    rater, song = (np.repeat(found[name].astype(int), 28) for name in ("id", "song"))
    votes = PairVotes(tuple("MPSWX12O"), first, second, (answers.reshape(-1) < 0).astype(int), rater, song)
    fitted = estimate_pairs(votes, DavidsonLink(has_ties=False), reference=7, has_side=False)
    np.testing.assert_allclose(fitted.theta, found["coef"], atol=1e-5)
    errors = np.sqrt(np.diag(fitted.covariance.rater))
    np.testing.assert_allclose(errors, found["se"], rtol=0.15)
    assert found["se"][0] == pytest.approx(0.22, abs=0.025)
    assert found["se"][2] == pytest.approx(0.071, abs=0.01)


@pytest.mark.parametrize("points", [1, 10])
def test_mixed_model_of_wine(tmp_path: Path, points: int) -> None:
    found = r_values(
        f"""
suppressMessages(library(ordinal))
m <- clmm(rating ~ temp + contact + (1 | judge), data = wine, nAGQ = {points})
out <- list(beta = coef(m)[5:6], se = sqrt(diag(vcov(m)))[5:6], sd = sqrt(VarCorr(m)[[1]][1]), loglik = logLik(m),
            y = as.integer(wine$rating), temp = wine$temp == "warm", contact = wine$contact == "yes",
            judge = as.integer(wine$judge))
""",
        tmp_path,
    )
    outcome, columns = found["y"].astype(int) - 1, np.stack([found["temp"], found["contact"]], axis=1)
    plain = fit_cumulative_link(outcome, columns, 5)
    start = np.concatenate([plain.thresholds[:1], np.log(np.diff(plain.thresholds)), plain.beta])
    terms = [indicator(found["judge"].astype(int) - 1)]
    fitted = fit_mixed(OrderedFamily(outcome, 4), columns, terms, start, points=points)
    np.testing.assert_allclose(fitted.beta, found["beta"], atol=2e-4)
    np.testing.assert_allclose(fitted.errors, found["se"], rtol=0.01)
    assert fitted.sds[0] == pytest.approx(found["sd"][0], abs=2e-4)
    assert fitted.log_likelihood == pytest.approx(found["loglik"][0], abs=1e-5)
    if points == 10:
        np.testing.assert_allclose(fitted.beta, [3.061891, 1.833433], atol=2e-4)
        assert fitted.log_likelihood == pytest.approx(-81.532461, abs=1e-5)


@pytest.mark.parametrize(
    ("design", "points", "votes"), [("pair", 5, 9), ("pair", 3, 9), ("pair", 2, 9), ("acr", 5, 12), ("mismatch", 5, 12)]
)
def test_model_r_reproduces_the_numbers(tmp_path: Path, design: str, points: int, votes: int) -> None:
    paths = rated(tmp_path, design, points=points, votes=votes)
    analysed = analyse_rating(paths, AnalysisOptions(resamples=0, has_mixed_model=False))
    write_analysis(analysed, paths, paths.results)
    done = subprocess.run(["Rscript", "model.R"], capture_output=True, text=True, timeout=300, cwd=paths.results)
    assert done.returncode == 0, done.stderr
    shown = {line.split()[1]: [float(value) for value in line.split()[2:]] for line in done.stdout.splitlines()}
    entry = analysed.result.results[0]
    expected = {row.system: [row.value, row.error] for row in entry.systems if row.system != entry.reference}
    assert set(shown) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(shown[name], values, atol=2e-5)
