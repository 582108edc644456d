"""What several questions are asked with."""

import pytest

from symrank.methods.pivots import ldl_far


@pytest.fixture
def wrong_factors(monkeypatch):
    """Let every factorisation end without a factor that proves anything."""

    class Wrong:
        def __init__(self, style):
            self.style = style

        def factorise(self, matrix):
            return None

    monkeypatch.setattr(ldl_far, "Solver", Wrong)
