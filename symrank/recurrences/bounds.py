"""How far lambda_max can lie above the largest Ritz value (`symrank.margins`)."""

from symrank.margins import FAILURE, lambda_max_margin

__all__ = ["FAILURE", "lambda_max_margin"]
