"""Which constraints of the assignment program contradict each other, when no cheap certificate says it.

Rows are dropped one after the other, in blocks first; what can be dropped while the rest stays without solution
is no part of the conflict. What is left is a conflicting set; it is minimal when the time sufficed.
"""

from __future__ import annotations

import numpy as np

from planner.inventory.models import RULE_KINDS, Inventory, rule_name
from planner.optimize.backend import Outcome, Session, solve
from planner.optimize.classes import Classes, split
from planner.optimize.clock import Clock
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import Columns, build_columns, build_tables
from planner.optimize.problem import Bools, Problem
from planner.optimize.program import Program
from planner.optimize.spread import Spreader
from planner.plan.models import Reason, ReasonKind


def conflicting(
    inventory: Inventory, problem: Problem, classes: Classes, columns: Columns, clock: Clock, seed: int
) -> Reason:
    """Return a reason that names the conflicting constraints of a program without solution."""
    classes, program = _without_solution(problem, classes, columns, clock, seed)
    dropped = _shrink(program, clock, seed)
    return _reason(inventory, problem, classes, program, ~dropped)


def _without_solution(
    problem: Problem, classes: Classes, columns: Columns, clock: Clock, seed: int
) -> tuple[Classes, Program]:
    """Return the program that has no solution, with the classes it speaks of.

    Pooled hosts may have room that none of them has by itself. Where that hides the contradiction, classes are split
    as they are in the search.
    """
    while True:
        model = AssignmentModel(problem, classes, columns)
        program = model.program(Aim(problem.deadline_s))
        solution = solve(program, seed=seed, time_limit_s=clock.left_s)
        if solution.values is None:
            return classes, program
        spreader = Spreader(problem, classes, columns, seed)
        _, failed = spreader.spread(model.choices(solution.values), clock.left_s)
        pooled = {c for c in failed if len(classes.members[c]) > 1}
        if not pooled:
            return classes, program
        classes = split(problem, classes, pooled)
        columns = build_columns(problem, classes, build_tables(problem, classes))


def _shrink(program: Program, clock: Clock, seed: int) -> Bools:
    """Return which rows can be dropped together while the rest has no solution."""
    dropped = np.ones(program.row_count, dtype=np.bool_)
    # Without presolve: the solver then says by which ray there is no solution, and starts from where it was.
    session = Session(program, seed=seed, linear=True, presolve=False)
    if not _infeasible(session, program, ~dropped, clock):
        return _shrink_within(Session(program, seed=seed), program, clock)
    ray = session.ray()
    if ray is not None:
        part = program.part(ray)
        few = Session(part, seed=seed, linear=True, presolve=False)
        # A ray is numbers: believe it only when what it names has no solution by itself.
        if _infeasible(few, part, np.zeros(len(ray), dtype=np.bool_), clock):
            dropped[ray] = _shrink_within(few, part, clock)
            return dropped
    return _shrink_within(session, program, clock)


def _shrink_within(session: Session, program: Program, clock: Clock) -> Bools:
    dropped = np.zeros(program.row_count, dtype=np.bool_)
    families = np.array(program.families)
    blocks = [np.flatnonzero(families == name) for name in dict.fromkeys(program.families)]
    blocks.sort(key=len)
    while blocks and not clock.expired:
        block = blocks.pop()
        trial = dropped.copy()
        trial[block] = True
        if _infeasible(session, program, trial, clock):
            dropped = trial
        elif len(block) > 1:
            half = len(block) // 2
            blocks += [block[:half], block[half:]]
    return dropped


def _infeasible(session: Session, program: Program, dropped: Bools, clock: Clock) -> bool:
    solution = session.solve(
        lower=np.where(dropped, -np.inf, program.lower),
        upper=np.where(dropped, np.inf, program.upper),
        cost=np.zeros(len(program.cost)),
        gap=1.0,
        time_limit_s=clock.left_s,
    )
    return solution.outcome is Outcome.INFEASIBLE


def _reason(inventory: Inventory, problem: Problem, classes: Classes, program: Program, kept: Bools) -> Reason:
    """Put the rows that are left into names."""
    vms: set[str] = set()
    hosts: set[str] = set()
    rules: set[str] = set()
    links: list[tuple[str, str]] = []
    kinds: set[ReasonKind] = set()
    for row in np.flatnonzero(kept).tolist():
        family, key = program.families[row], program.keys[row]
        match family, key:
            case "choice", int(v):
                vms.add(problem.movers[v].name)
            case "link", ("trunk", int(link)):
                links.append(problem.network.directed[link])
                kinds.add(ReasonKind.LINK)
            case ("patterns", int(link)) | ("side-by-side", (int(link), _)):
                links.append(problem.network.directed[link])
                kinds.add(ReasonKind.LINK)
            case "link", ("tail", (int(c), _)):
                hosts |= _names(problem, classes, c)
                kinds.add(ReasonKind.LINK)
            case "link", ("tails", _):
                kinds.add(ReasonKind.LINK)
            case "incoming", int(c):
                hosts |= _names(problem, classes, c)
                kinds.add(ReasonKind.INCOMING)
            case "memory" | "vcpus", int(c):
                hosts |= _names(problem, classes, c)
                kinds.add(ReasonKind.MEMORY if family == "memory" else ReasonKind.VCPUS)
            case "outgoing", int(s):
                hosts.add(problem.sources[s].name)
                kinds.add(ReasonKind.OUTGOING)
            case (("separate" | "together" | "not_at_once"), int(g)):
                members = {problem.movers[v].name for v in getattr(problem, family)[g]}
                rules |= _rules(inventory, family, members)
                # Who must go where another goes needs no choice of its own to be in the way.
                vms |= members if family == "together" else set()
                kinds.add(
                    {
                        "separate": ReasonKind.SEPARATE,
                        "together": ReasonKind.TOGETHER,
                        "not_at_once": ReasonKind.NOT_AT_ONCE,
                    }[family]
                )
            case "before", (int(a), int(b)):
                rules |= _rules(inventory, family, {problem.movers[a].name, problem.movers[b].name})
                kinds.add(ReasonKind.BEFORE)
            case _:
                continue
    links = list(dict.fromkeys(links))
    single = len(kinds) == 1 and len(links) <= 1
    return Reason(
        kind=next(iter(kinds)) if single else ReasonKind.COMBINATION,
        vms=tuple(sorted(vms)),
        hosts=tuple(sorted(hosts)),
        link=links[0] if links else None,
        rule="; ".join(sorted(rules)) or None,
    )


def _names(problem: Problem, classes: Classes, c: int) -> set[str]:
    return {problem.targets[h].name for h in classes.members[c]}


def _rules(inventory: Inventory, kind: str, members: set[str]) -> set[str]:
    return {
        rule_name(rule)
        for rule in inventory.rules
        if isinstance(rule, RULE_KINDS[kind]) and len(members & set(rule.members)) >= 2
    }
