"""Rounds: plan, run, summarise, until a method has nothing left to do; and to go on from there."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from symrank import kernels
from symrank.answer.result import RankResult
from symrank.errors import OptionError
from symrank.methods import Goal, Method, Summary, Task, costs
from symrank.methods.eigenvalues import dense
from symrank.methods.proved import inside
from symrank.operators.facts import Facts
from symrank.run.budget import Budget, TimeUp, located
from symrank.run.crew import Common
from symrank.run.job import Job
from symrank.run.options import Options
from symrank.run.room import lacking, refuse_without_room
from symrank.spectrum import threshold
from symrank.spectrum.outcome import Progress, Status
from symrank.support import foreign
from symrank.support.options import check_progress

__all__ = ["MAX_MATVECS", "Rounds", "budget_of", "run", "start"]

MAX_MATVECS = 20_000  # the budget by default
UNSEEN = (
    "the budget held no product to see whether the operator is still what it was at the first: "
    "raise max_matvecs by one."
)
NO_ROOM = (
    "a further round was left out, as it would have taken {}: a machine with more memory, or a "
    "larger precision, tells more."
)
EXTRA_SECONDS = 10.0  # predicted: what resolution may take where no precision was asked for


@dataclass
class Rounds:
    """The segments of a method so far, and what they say.

    Once a segment was stopped half-way its state is lost, and there is nothing to go on from:
    `is_whole` is false.
    """

    method: Method
    reason: str
    job: Job
    goal: Goal
    states: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    history: list[tuple[int, int, int]] = field(default_factory=list)
    summary: Summary | None = None
    is_whole: bool = True
    limit: int = 0  # products of the run that the budget allows
    is_unseen: bool = False  # a round ended without a look at the witness
    number: int = 0  # within the call
    lacking: str = ""  # memory for a round that was left out

    def advance(self, budget: Budget, *, is_resumed: bool = False) -> None:
        """Run rounds until nothing is left to do; see `guarded`.

        With `is_resumed`, on what another method has left of the budget.
        """
        if is_resumed and self.summary is not None:
            most = self.summary.num_products + self.goal.products_in(budget.left)
            self.goal = dataclasses.replace(self.goal, max_matvecs=most)
        with self.guarded(budget):
            for _ in self.each(budget):
                pass

    @contextmanager
    def guarded(self, budget: Budget) -> Iterator[None]:
        """End with what the finished rounds say where time, a key or an error ends `each`.

        Raises
        ------
        KeyboardInterrupt
            Where not even the first round was finished.
        OptionError
            Where the method plans no work at all.
        SymrankError, Exception
            Where the operator cannot be used any longer, or raises an error of its own; with the
            result of the round before as `result`.
        """
        self.is_whole = False
        try:
            with located(budget, lambda: self.known(budget)):
                yield
            self.is_whole = True
        except TimeUp:
            summary = self.summary
            if summary and summary.status is Status.NO_GAP_FOUND and not summary.notes:
                self._end(Status.BUDGET_SPENT)  # more time could tell
        except KeyboardInterrupt:
            if self.summary is None:
                raise
            self._end(Status.INTERRUPTED)
        if self.summary is None and self.is_whole:
            msg = f"method={self.method.name!r} planned no work for n={self.goal.n}."
            raise OptionError(msg)

    def each(self, budget: Budget) -> Iterator[Summary]:
        """Yield what is known after every round, the only place where anything is decided.

        It may be left at any round, and asked again. Run it within `guarded`.
        """
        if self.goal.n == 0:
            self.summary = dense.nothing(self.goal)
            return
        facts = self.job.operator.facts
        while tasks := self.method.next_tasks(self.goal, len(self.history), self.summary):
            if self.summary is None:
                refuse_without_room(self.method, facts, self.goal, tasks)
            elif said := lacking(self.method, facts, self.goal, tasks, self.states):
                self.lacking = NO_ROOM.format(said)
                return
            self.summary = self._after(tasks, budget)
            budget.interval = self.summary.evidence(self.goal.confidence)
            self.history.append((budget.num_matvecs, *budget.interval))
            yield self.summary

    def _after(self, tasks: Sequence[Task], budget: Budget) -> Summary:
        """Run a round, look whether the operator is the same, and say what all segments say."""
        operator, witness = self.job.operator, self.job.witness

        def tick(products: int) -> None:
            budget.tick(products * operator.matvecs_per_product)

        try:
            deadline = math.inf if budget.interval is None else budget.deadline
            done = len(self.history)
            common = Common(self.method, operator, self.goal, done, self.number, deadline)
            for task, state in self.job.crew.each(common, tasks, self.states, tick):
                self.states[task.key] = state
            # by num_steps of a method, for example, it may have gone beyond its budget
            is_affordable = budget.left >= operator.matvecs_per_product
            if witness is not None and (is_affordable or budget.num_matvecs > self.limit):
                budget.spend(witness.look())
                most = self.goal.max_matvecs - self.goal.look  # the next look is set aside
                self.goal = dataclasses.replace(self.goal, max_matvecs=most)
            elif witness is not None:
                self.is_unseen = True
            return inside(self.goal, self.method.summarise(self.goal, self.states, self.summary))
        except Exception as error:
            if witness is not None and not isinstance(error, TimeUp):
                spent = witness.explain(error)
                if spent:
                    budget.spend(spent)
            raise

    def known(self, budget: Budget) -> RankResult | None:
        """Return what the finished rounds say, for an error that ends the run."""
        if self.summary is None:
            return None
        result = dataclasses.replace(self.result(budget), status=Status.INTERRUPTED, resume=None)
        return self.job.as_asked(result)

    @property
    def is_squared_away(self) -> bool:
        """Whether an exact count of squared singular values is none of the singular values.

        The noise floor of A^H A is a floor for squares: what A still holds below its root is lost.
        So the count is exact for A as well only where nothing lies below the cut, or where the
        singular values themselves were computed. A cut of the caller asks for the squares.
        """
        job, summary = self.job, self.summary
        shape = job.operator.facts.squared_shape
        if summary is None or summary.status is not Status.EXACT or shape is None:
            return False
        goal = self.goal
        asks_for_zero = 0.0 in goal.between if goal.between else not goal.has_cut
        if not asks_for_zero or self.method.is_free_of_squares(job.operator.facts):
            return False
        return goal.between is not None or summary.rank < min(*shape, goal.n)

    @property
    def num_left_out(self) -> int:
        """Dimensions of the caller's operator that the method does not see."""
        return self.job.num_deflated + self.job.num_zeros

    def _end(self, status: Status) -> None:
        assert self.summary is not None
        self.summary = dataclasses.replace(self.summary, status=status)

    def result(self, budget: Budget) -> RankResult:
        """Put the last summary as a result."""
        job = self.job
        assert self.summary is not None
        fields = {f.name: getattr(self.summary, f.name) for f in dataclasses.fields(Summary)}
        for name in ("memo", "is_final", "given_up"):
            fields.pop(name)
        if fields["inertia"] is not None:
            plus, zero, minus = fields["inertia"]
            fields["inertia"] = plus, zero + self.num_left_out, minus
        if fields["measure"] is not None:
            fields["measure"] = dataclasses.replace(fields["measure"], num_zeros=self.num_left_out)
        if self.is_squared_away:
            fields["status"] = Status.CONVERGED
            fields["notes"] = (*fields["notes"], _squares_note(self.goal))
        if self.goal.atol and fields["threshold"] > self.goal.atol * self.goal.scale * (1.0 + 1e-9):
            fields["notes"] = (*fields["notes"], _floor_note(self.goal, fields["threshold"]))
        if self.lacking:
            fields["notes"] = (*fields["notes"], self.lacking)
        if self.is_unseen:
            fields["notes"] = (*fields["notes"], UNSEEN)
        if job.operator.kernel is not None and not self.method.runs_on_kernels:
            fields["notes"] = (*fields["notes"], _host_note(self.method, job.operator.facts))
        goes_on = self.is_whole and self.method.refines
        return RankResult(
            **fields,
            n=self.goal.n + self.num_left_out,
            dtype=str(self.goal.dtype),
            method=self.method.name,
            kernel=_kernel_name(self.method, job.operator.kernel),
            between=job.between,
            preconditioner="" if job.preconditioner is None else job.preconditioner.name,
            num_deflated=job.num_deflated,
            structural_rank=job.structural_rank,
            confidence=self.goal.confidence,
            num_matvecs=budget.num_matvecs,
            seconds=budget.seconds,
            reason=self.reason,
            seed=self.goal.seed,
            history=list(self.history),
            resume=_resume(self, budget) if goes_on else None,
        )


def budget_of(options: Options, progress: Callable[[Progress], None] | None) -> Budget:
    """Return the budget of a run with the budgets of its options."""
    check_progress(progress)
    limit = MAX_MATVECS if options.max_matvecs is None else int(options.max_matvecs)
    return Budget(limit, options.max_seconds, progress)


def start(job: Job, method: Method, reason: str, budget: Budget) -> Rounds:
    """Return the rounds of a method on what is left of the budget.

    Raises
    ------
    OptionError
        Where the kernel asked for runs elsewhere than the products of the operator.
    """
    if method.runs_on_kernels:
        kernels.check_fit(method.kernel, job.operator.kernel)
    a_product = costs.product_seconds(job.operator.facts.work)
    goal = dataclasses.replace(
        job.goal,
        max_matvecs=job.goal.products_in(budget.left),
        deadline=budget.deadline,
        extra_products=int(EXTRA_SECONDS / max(a_product, 1e-9)),
    )
    limit = budget.num_matvecs + goal.max_matvecs * goal.weight
    limit = max(limit, budget.max_matvecs)
    number = job.crew.opened()
    return Rounds(method=method, reason=reason, job=job, goal=goal, limit=limit, number=number)


def run(job: Job, method: Method, reason: str, budget: Budget) -> Rounds:
    """Run a method on what is left of the budget."""
    rounds = start(job, method, reason, budget)
    rounds.advance(budget)
    return rounds


def _floor_note(goal: Goal, floor: float) -> str:
    """Say that a cut was asked for that products cannot make."""
    return (
        f"atol={(goal.atol or 0.0) * goal.scale:.3g} lies below the noise floor of the products: "
        f"eigenvalues above {floor:.3g} were counted, and no others can be told from zero."
    )


def _host_note(method: Method, facts: Facts) -> str:
    """Say what went through the host, of an operator that lives on a device."""
    what = "its products went through the host, block by block"
    if facts.is_explicit and method.is_free(facts):
        what = "its entries were copied to the host once"
    return (
        f"A lives on a device, and method={method.name!r} works on the host: {what}. "
        "method='lanczos' stays on the device; A.get() is a copy on the host."
    )


def _squares_note(goal: Goal) -> str:
    """Say what squaring has hidden."""
    level = math.sqrt(threshold.FLOOR * goal.eps)
    return (
        f"gram squares the spectrum: singular values below {level:.2g} of the largest are not told "
        "from zero; symrank.augmented(A) keeps them, and method='dense' computes them."
    )


def _resume(rounds: Rounds, before: Budget) -> Callable[..., RankResult]:
    """Return what `RankResult.refine` calls; vectors in memory go on once."""
    num_rounds, spent = len(rounds.history), (before.num_matvecs, before.seconds)

    def resume(
        precision: float,
        max_matvecs: int | None,
        max_seconds: float | None,
        progress: Callable[[Progress], None] | None,
    ) -> RankResult:
        if len(rounds.history) > num_rounds or not rounds.is_whole:
            raise OptionError(
                "this result was refined already, and its vectors went into that run: refine the "
                "newer result."
            )
        more = MAX_MATVECS if max_matvecs is None else max_matvecs
        budget = Budget(more, max_seconds, progress, before=spent)
        rounds.limit = budget.max_matvecs
        summary = rounds.summary
        assert summary is not None
        old, n = rounds.goal, rounds.goal.n + rounds.num_left_out
        rounds.goal = dataclasses.replace(
            old,
            half_width=precision if precision >= 1.0 else precision * n,
            open_ended=False,
            max_matvecs=summary.num_products + rounds.goal.products_in(more),
            spent_looks=getattr(summary.evidence, "num_looks", 1),
        )
        with foreign.own_arithmetic(), rounds.job.crew.at_work():
            again = rounds.method.summarise(rounds.goal, rounds.states, summary)
            rounds.summary = inside(rounds.goal, again)
            rounds.advance(budget)
            return rounds.result(budget)

    return resume


def _kernel_name(method: Method, place: str | None) -> str:
    """Return the name of the kernel file that `method` runs on; empty if it runs on none."""
    if not method.runs_on_kernels:
        return ""
    return kernels.load(method.kernel or place).__name__.rpartition(".")[2]
