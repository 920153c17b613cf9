# SPDX-License-Identifier: Apache-2.0
"""model.R: the primary analysis in base R, from votes.csv, as an independent check of the numbers."""

from ..records import RatingPlan
from .results import AnalysisResult

HEAD = """\
# Reproduces the estimates and standard errors of results.json from votes.csv, in base R.
# Run in the folder of votes.csv: Rscript model.R
votes <- read.csv("votes.csv", colClasses = c(answer = "character"))
votes <- votes[votes$kind == "main" & votes$used == 1, ]

# Cameron, Gelbach and Miller (2011): raters + songs - raters and songs, each times n / (n - 1).
meat <- function(scores, cluster) {
  sums <- rowsum(scores, cluster)
  crossprod(sums) * nrow(sums) / (nrow(sums) - 1)
}
precision <- function(contrast, scores, bread, rater, song) {
  variance <- function(m) drop(t(contrast) %*% bread %*% m %*% bread %*% contrast)
  by_rater <- variance(meat(scores, rater))
  by_song <- variance(meat(scores, song))
  both <- by_rater + by_song - variance(meat(scores, paste(rater, song)))
  if (both <= 0 || both < min(by_rater, by_song)) both <- max(by_rater, by_song)
  independent <- drop(t(contrast) %*% bread %*% contrast)
  freedom <- max(1, min(length(unique(rater)), length(unique(song))) - 1)
  level <- 1 - alpha / 2
  # The error of the wider interval: t for dependent votes, the normal distribution for independent ones.
  if (qnorm(level) * sqrt(independent) > qt(level, freedom) * sqrt(both)) sqrt(independent) else sqrt(both)
}
"""
PAIR = """
analyse <- function(d, systems, reference, points) {
  first <- match(d$first, systems); second <- match(d$second, systems)
  answer <- as.integer(d$answer)
  free <- setdiff(seq_along(systems), match(reference, systems))
  shapes <- c("2" = 0, "3" = 1, "5" = 2)[[as.character(points)]]
  size <- length(free) + 1 + shapes                     # worths, side, shape
  log_p <- function(theta) {                            # of every vote
    worth <- numeric(length(systems)); worth[free] <- theta[seq_along(free)]
    eta <- worth[first] - worth[second] + theta[length(free) + 1]
    if (points == 5) {                                  # thresholds symmetric about 0
      step <- theta[length(free) + 2:3]
      tau <- c(-Inf, -step[2], -step[1], step[1], step[2], Inf)
      k <- answer + 3
      return(log(plogis(tau[k + 1] + eta) - plogis(tau[k] + eta)))
    }
    utility <- cbind(eta / 2, if (points == 3) theta[size], -eta / 2)
    k <- if (points == 3) answer + 2 else (answer + 3) / 2
    utility[cbind(seq_along(k), k)] - log(rowSums(exp(utility)))
  }
  start <- c(numeric(length(free) + 1), if (points == 5) c(.5, 1.5), if (points == 3) -1)
  minus <- function(theta) { v <- -sum(suppressWarnings(log_p(theta))); if (is.finite(v)) v else 1e10 }
  gradient <- function(theta) colSums(scores_at(theta)) * -1
  scores_at <- function(theta) sapply(seq_len(size), function(p) {
    h <- replace(numeric(size), p, 1e-5); (log_p(theta + h) - log_p(theta - h)) / 2e-5 })
  fit <- optim(start, minus, gradient, method = "BFGS", control = list(reltol = 1e-14, maxit = 1000))
  bread <- solve(optimHess(fit$par, minus, gradient))
  scores <- scores_at(fit$par)
  for (n in seq_along(free)) {
    contrast <- replace(numeric(size), n, 1)
    cat(sprintf("%s %s %.6f %.6f\\n", d$question[1], systems[free[n]], fit$par[n],
                precision(contrast, scores, bread, d$rater, d$song)))
  }
}
"""
SCORE = """
analyse <- function(d, systems) {
  x <- 1 * outer(d$item, systems, "==")
  mean <- drop(crossprod(x, d$score)) / colSums(x)
  rest <- d$score - drop(x %*% mean)
  variance <- sum(rest^2) / (length(rest) - length(systems))
  bread <- diag(variance / colSums(x), length(systems))
  for (n in seq_along(systems)) {
    contrast <- replace(numeric(length(systems)), n, 1)
    cat(sprintf("%s %s %.6f %.6f\\n", d$question[1], systems[n], mean[n],
                precision(contrast, x * rest / variance, bread, d$rater, d$song)))
  }
}
"""
ACR_MIXED = """
# The mixed model, with the package ordinal:
# library(ordinal)
# clmm(factor(score) ~ item + (1 | rater) + (1 | song) + (1 | rater:item) + (1 | song:item), data = d)
"""


def r_model(plan: RatingPlan, result: AnalysisResult) -> str:
    """Return the script."""
    calls = []
    for entry in result.results:
        if entry.details.get("is_penalised"):
            calls.append(
                f'cat("{entry.question}: separated votes; the penalised estimates are not reproduced here\\n")'
            )
            continue
        systems = "c(" + ", ".join(f'"{row.system}"' for row in entry.systems) + ")"
        rows = f'votes[votes$question == "{entry.question}", ]'
        if plan.design == "pair":
            inside = f"d$first %in% {systems} & d$second %in% {systems}"
            calls.append(f'd <- {rows}; d <- d[{inside}, ]\nanalyse(d, {systems}, "{entry.reference}", {plan.points})')
        elif plan.design == "acr":
            calls.append(f"d <- {rows}; d$item <- d$shown; d$score <- as.numeric(d$answer)\nanalyse(d, {systems})")
        elif plan.design == "mismatch":
            calls.append(
                f'd <- {rows}; d <- d[d$answer != "0", ]; d$item <- sub(";.*", "", d$shown)\n'
                'd$score <- as.numeric((as.numeric(d$answer) < 0) == (d$first == "right"))\n'
                f"analyse(d, {systems})"
            )
        else:
            calls.append('cat("This design is not reproduced in R; see results.json.\\n")')
    body = PAIR if plan.design == "pair" else SCORE
    tail = ACR_MIXED if plan.design == "acr" else ""
    return HEAD + f"alpha <- {plan.analysis.alpha!r}\n" + body + "\n" + "\n".join(calls) + "\n" + tail
