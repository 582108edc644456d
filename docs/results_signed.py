"""Tables of the signed spectrum: bands of the staircase, and a density of states."""

from collections.abc import Iterable

from tables import Record, table

__all__ = ["draw_hofstadter", "draw_simultaneous"]


def draw_simultaneous(record: Record) -> Iterable[str]:
    """In how many runs a band holds everywhere, and how much wider it is."""
    yield (
        f"n = {record['n']}, {record['probes']} probes, {record['confidence']:.0%}; "
        f"{record['steps']} steps where Lanczos runs."
    )
    yield ""
    yield from table(
        ("masses", "spectra", "runs", "hold everywhere", "points held by the pointwise band",
         "width over pointwise"),
        [
            (
                "known exactly" if row["road"] == "law" else "bounded by Lanczos",
                row.get("family", "all").replace("_", " "),
                row["runs"],
                row["hold_everywhere"],
                f"{row['pointwise_share']:.1%}",
                f"{row['width_ratio']:.2f}",
            )
            for row in (*record["roads"], *record["families"])
        ],
    )  # fmt: skip


def draw_hofstadter(record: Record) -> Iterable[str]:
    """What one staircase takes and gives, beside one eigsh."""
    eigsh, flux = record["eigsh"], "/".join(map(str, record["flux"]))
    limit = "more than " if eigsh["is_ended"] else ""
    yield from table(
        ("figure", "value"),
        [
            ("n, complex; flux through a cell", f"{record['n']}; {flux}"),
            ("products", record["products"]),
            ("probes; steps", f"{record['probes']}; {record['steps']}"),
            ("seconds (CPU seconds)", f"{record['seconds']:.0f} ({record['cpu_seconds']:.0f})"),
            ("energies where the band holds", f"{record['held']} of {record['energies']}"),
            ("mean width of the band over n", f"{record['mean_width_share']:.2%}"),
            ("largest error of the estimate over n", f"{record['largest_error_share']:.2%}"),
            ("one eigsh(k=200, which='SA'), seconds", f"{limit}{eigsh['seconds']:.0f}"),
        ],
    )  # fmt: skip
