"""The rows of Table 1 by width, and which of them are as wanted."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.paper.setup import PAPER, rms
from bench.resumable import Rows

Z = 3.0  # standard errors


def chain_summary(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Set the mean and the root mean square of the errors against the closed forms."""
    error, bias, spread = (np.array([t[k] for t in trials]) for k in ("error", "bias", "spread"))
    mean_square = bias**2 + spread**2
    # of the sum of squared errors, Gaussian with the predicted mean and spread
    scatter = np.sqrt((2.0 * spread**4 + 4.0 * bias**2 * spread**2).sum()) / error.size
    return {
        "rms_percent": rms(error),
        "predicted_rms_percent": rms(np.sqrt(mean_square)),
        "z_rms": float((np.mean(error**2) - mean_square.mean()) / scatter),
        "mean_percent": float(error.mean()),
        "predicted_mean_percent": float(bias.mean()),
        "z_mean": float((error - bias).sum() / np.sqrt((spread**2).sum())),
        "std_percent": float(error.std()),
        "predicted_spread_percent": rms(spread),
        "bias_of_time_percent": float(np.mean([t["bias_of_time"] for t in trials])),
        "bias_of_step_percent": float(np.mean([t["bias_of_step"] for t in trials])),
        "condition_median": float(np.median([t["condition"] for t in trials])),
        "eta_lambda_max": float(np.mean([t["eta_lambda_max"] for t in trials])),
        "seconds_a_trial": float(np.median([t["seconds"] for t in trials])),
        "cpu_seconds_a_trial": float(np.median([t["cpu_seconds"] for t in trials])),
    }


def others_summary(trials: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Errors and costs of runs of `rank`."""
    found = {
        "rms_percent": rms([t["error"] for t in trials]),
        "covers": sum(t["covers"] for t in trials),
        "products_at_most": max(t["products"] for t in trials),
        "seconds_median": float(np.median([t["seconds"] for t in trials])),
    }
    if "method" in trials[0]:
        found["exact"] = sum(t["error"] == 0.0 for t in trials)
        for key in ("method", "status"):
            found[key] = sorted({t[key] for t in trials})
    return found


def summarise(rows: Rows) -> list[dict[str, Any]]:
    """One record a width: `PAPER`, and every part that has trials."""
    summary = []
    for d, (ours, theirs) in PAPER.items():
        line: dict[str, Any] = {"d": d, "paper_percent": ours, "paper_ubaru_saad_percent": theirs}
        if trials := rows.of(d, "chain"):
            line["chain"] = {"trials": len(trials), **chain_summary(trials)}
        for part in ("langevin", "rank", "rank_products"):
            if trials := rows.of(d, part):
                line[part] = {"trials": len(trials), **others_summary(trials)}
        if trials := rows.of(d, "ubaru_saad"):
            for variant in ("published", "repaired"):
                some = [t[variant] for t in trials]
                mean = float(np.mean([t["error"] for t in some]))
                std = float(np.std([t["error"] for t in some]))
                line[f"ubaru_saad_{variant}"] = {
                    "trials": len(some), "mean_percent": mean, "std_percent": std,
                    **others_summary(some),
                }  # fmt: skip
        summary.append(line)
    return summary


def judge(summary: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Say which figures are as wanted, by width; a part without trials is left out."""
    chains = [s for s in summary if "chain" in s and s["d"] <= 64]
    ranks = {str(s["d"]): s["rank"] for s in summary if "rank" in s}
    return {
        "chain_within_scatter": {
            str(s["d"]): abs(s["chain"]["z_mean"]) <= Z and abs(s["chain"]["z_rms"]) <= Z
            for s in chains
        },
        "rank_exact": {d: r["exact"] == r["trials"] for d, r in ranks.items()},
        "rank_within_half_a_percent": {d: r["rms_percent"] <= 0.5 for d, r in ranks.items()},
        "rank_below_15000_products": {d: r["products_at_most"] < 15_000 for d, r in ranks.items()},
    }
