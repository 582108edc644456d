"""Matrix files as the world sends them: good ones, mutations of them, and a second reader.

`plain_reader` reads every format in plain Python, from its description and without NumPy or SciPy;
`seeds` writes small good files; `mutations` damages them; `law` says what may come of it.
"""
