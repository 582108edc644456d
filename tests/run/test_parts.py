"""Long tasks are kept in the middle, and their bits do not depend on where."""

import pytest

from symrank.run.checkpoint import remembered
from tests.run.problems import Log, as_text, ask
from tests.run.test_resume import Stopped, stopping


@pytest.mark.parametrize("name", ["a loss", "langevin", "lanczos"])
def test_tasks_in_parts_give_the_same_bits(name, tmp_path, monkeypatch):
    whole = ask(name)
    monkeypatch.setattr(remembered, "EVERY", 2e-3)  # seconds, where a task takes some of them
    log = Log(monkeypatch)
    assert as_text(ask(name, checkpoint=tmp_path / "kept")) == as_text(whole)
    assert any(task.is_part for _, _, task in log.begun)


def test_a_part_is_gone_on_with(tmp_path, monkeypatch):
    """What is begun after the kill are the steps that were left."""
    whole = ask("a loss")
    monkeypatch.setattr(remembered, "EVERY", 1e-3)
    with pytest.raises(Stopped):
        ask("a loss", checkpoint=tmp_path / "kept", progress=stopping(whole.num_matvecs - 30))
    (part,) = (tmp_path / "kept" / "tasks").glob("*.part")
    log = Log(monkeypatch)
    monkeypatch.setattr(remembered, "EVERY", 1e9)
    assert as_text(ask("a loss", checkpoint=tmp_path / "kept")) == as_text(whole)
    (_, _, task) = log.begun[0]
    done = whole.num_matvecs - 30
    assert task.num_steps * task.num_vectors < done / 2
    assert not part.exists()
