"""The adversary: every door of the package times every spectrum that could fool it.

Three tables, one row each, make the grid: `doors.DOORS` (how the package is asked),
`spectra.SPECTRA` (what the eigenvalues are) and `forms.FORMS` (what the operator is made of). A
cell is one row of each and an order n. The exact count of a cell is an interval
(`problems.Problem`), and `law.judge` says what of the answer breaks the law. The sample in
`test_adversary` is fixed; ``python -m bench.hostile.adversary`` runs the whole grid.
"""
