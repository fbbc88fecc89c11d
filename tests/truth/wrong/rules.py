"""Wrong by one of the four rules."""

from __future__ import annotations

from planner.inventory.models import Before, NotAtOnce, Separate, Together
from planner.plan.models import Request
from tests.truth.handmade import changed_vm, make_move, make_plan, with_rules
from tests.truth.wrong import APP, DB, INVENTORY, WEB, Wrong, no
from tests.truth.wrong.resources import swap


@no("separate")
def joins_one_that_stays() -> Wrong:
    inventory = with_rules(INVENTORY, Separate(separate=("db", "old")))
    return inventory, make_plan(inventory)


@no("separate")
def two_that_move_meet() -> Wrong:
    inventory = with_rules(INVENTORY, Separate(separate=("peer", "db")), Separate(separate=("old", "web", "cache")))
    inventory = changed_vm(inventory, "cache", host="hv4")
    request = Request(evacuate=("hv1", "hv4"), deadline_s=600.0)
    cache = make_move(inventory, "cache", "hv3", path=("hv4", "leaf2", "hv3"), start_s=100.0)
    return inventory, make_plan(inventory, [DB, WEB, APP, cache], request=request)


@no("separate", "target")
def arrives_where_one_is_still_on_its_way_out() -> Wrong:
    inventory, plan = swap()
    return with_rules(inventory, Separate(separate=("tenant", "web"))), plan


@no("separate")
def two_are_on_one_host_from_the_start() -> Wrong:
    inventory = with_rules(INVENTORY, Separate(separate=("db", "web")))
    return inventory, make_plan(inventory)


@no("together")
def those_that_move_part() -> Wrong:
    inventory = with_rules(INVENTORY, Together(together=("db", "web")))
    return inventory, make_plan(inventory)


@no("together")
def leaves_one_that_stays_alone() -> Wrong:
    inventory = with_rules(INVENTORY, Together(together=("web", "old")))
    return inventory, make_plan(inventory)


@no("together")
def those_that_move_part_though_each_joins_one_that_stays() -> Wrong:
    inventory = with_rules(INVENTORY, Together(together=("db", "old", "peer", "web")))
    return inventory, make_plan(inventory)


@no("not-at-once")
def two_migrate_at_once() -> Wrong:
    inventory = with_rules(INVENTORY, NotAtOnce(not_at_once=("old", "db", "web")))
    return inventory, make_plan(inventory)


@no("before")
def starts_before_the_other_has_landed() -> Wrong:
    inventory = with_rules(INVENTORY, Before(before=("db", "web")))
    return inventory, make_plan(inventory)


@no("before")
def starts_in_the_wrong_order() -> Wrong:
    inventory = with_rules(INVENTORY, Before(before=("app", "db")))
    return inventory, make_plan(inventory)


@no("before")
def starts_before_the_first_has_landed_with_one_between_that_stays() -> Wrong:
    inventory = with_rules(INVENTORY, Before(before=("db", "old", "web")))
    return inventory, make_plan(inventory)
