"""``evac import prometheus``: measured rates of the VMs of an inventory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from planner.cli.options import help_text, keep_input, output_option, quiet_option, read_duration

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from planner.importers.prometheus import Measured
    from planner.importers.prometheus_ask import Said, Span
    from planner.importers.prometheus_profiles import Role

EXPORTERS = ("kubevirt", "libvirt", "libvirtd", "pve", "ceilometer", "other")
STEPS_S = (60, 120, 300, 600, 900, 1800, 3600)
"""Steps that are chosen from [s]."""
MOST_STEPS = 2100
"""Samples of each VM that are asked for at most, where the step is not given [count]."""
LONGEST_S = 400 * 86400
SHOWN = 10
"""VMs in the table of those that write most [count]."""

HELP = help_text(
    """
    Renew the rates of an inventory's VMs by what Prometheus has measured.

    Asks the HTTP API of Prometheus, or reads saved answers of /api/v1/query_range (--saved). Each
    --exporter has a profile of metrics and labels; --query takes another query for one of
    write-rate, read-rate (bytes/s) and nonzero-memory (bytes). What an exporter does not tell is
    left as it is, and said. The token comes from the environment: EVAC_PROMETHEUS_TOKEN, or
    EVAC_PROMETHEUS_USER and EVAC_PROMETHEUS_PASSWORD. Redirects are not followed.

    The new inventory goes to stdout, to a file with -o, or with --update into the old one, whose
    comments and all other fields stay.
    """,
    "evac import prometheus inv.yaml --exporter kubevirt --url https://prometheus.example -o new.yaml",
    "evac import prometheus --update inv.yaml --exporter pve --url http://localhost:9090 --from 14d",
    "evac import prometheus inv.yaml --exporter kubevirt --saved dirty.json --saved resident.json -o new.yaml",
)


@click.command(name="prometheus", help=HELP)
@click.argument("inventory", metavar="[INVENTORY]", type=click.Path(), required=False)
@click.option("--exporter", type=click.Choice(EXPORTERS), required=True, help="Whose metrics are read.")
@click.option("--url", metavar="URL", help="Address of Prometheus, with the path that it lives under.")
@click.option(
    "--saved",
    multiple=True,
    metavar="[ROLE=]FILE",
    help="A saved answer in place of --url; with a role where its series have lost their names.",
)
@click.option("--from", "start", metavar="TIME", help="2026-11-23T00:00 or a time ago such as 7d; 7d if absent.")
@click.option("--to", "end", metavar="TIME", help="Likewise; now if absent.")
@click.option(
    "--step", callback=read_duration, metavar="DURATION", help="Time between samples; by the times if absent."
)
@click.option(
    "--window",
    callback=read_duration,
    default="15 min",
    show_default=True,
    metavar="DURATION",
    help="Rates are means over windows of this length; shorter bursts even out, as they do within a migration.",
)
@click.option(
    "--rate",
    "statistic",
    type=click.Choice(["median", "mean", "p95"]),
    default="median",
    show_default=True,
    help="What of the windows becomes the rate.",
)
@click.option("--timezone", metavar="ZONE", help="Of times and hours, such as Europe/Berlin; this machine's if absent.")
@click.option("--query", "queries", multiple=True, metavar="ROLE=PROMQL", help="A query of your own for a role.")
@click.option("--vm-label", metavar="LABEL", help="Label that names the VM, in place of the exporter's.")
@click.option("--match", metavar="MATCHERS", default="", help="Matchers for all metrics, such as 'cluster=\"a\"'.")
@click.option("--io-floor", is_flag=True, help="Raise rates that are below what disks and NICs alone write and read.")
@click.option(
    "--timeout",
    callback=read_duration,
    default="60 s",
    show_default=True,
    metavar="DURATION",
    help="Longest time for one answer.",
)
@click.option("--ca-file", metavar="FILE", help="Certificates that the server's one is checked against.")
@click.option("--insecure-no-tls-check", is_flag=True, help="Do not check the server's certificate.")
@click.option("--insecure-send-in-clear", is_flag=True, help="Send the token without TLS, too.")
@click.option(
    "--update",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Renew the rates in this inventory; shows the difference.",
)
@output_option("the inventory")
@quiet_option
def command(
    *,
    inventory: str | None,
    exporter: str,
    url: str | None,
    saved: tuple[str, ...],
    start: str | None,
    end: str | None,
    step: float | None,
    window: float,
    statistic: Literal["median", "mean", "p95"],
    timezone: str | None,
    queries: tuple[str, ...],
    vm_label: str | None,
    match: str,
    io_floor: bool,
    timeout: float,
    ca_file: str | None,
    insecure_no_tls_check: bool,
    insecure_send_in_clear: bool,
    update: Path | None,
    output: Path | None,
    quiet: bool,
) -> None:
    """Run the command."""
    from dataclasses import replace

    from planner.cli import screen
    from planner.files import read_text
    from planner.importers.prometheus import Wishes, measure
    from planner.importers.prometheus_ask import ask, read_saved
    from planner.importers.prometheus_http import Access, Server
    from planner.importers.prometheus_profiles import PROFILES
    from planner.importers.prometheus_report import measured_lines
    from planner.importers.update import renew_fields, summary
    from planner.inventory.load import parse_inventory

    path = _inventory(inventory, update, output)
    if (url is None) == (not saved):
        raise click.UsageError("Give --url for a Prometheus, or --saved for answers that were saved: one of them.")
    keep_input(output, path)
    profile = PROFILES[exporter]
    if vm_label is not None:
        profile = replace(profile, identity=(vm_label,))
    asked = _by_role(queries, "--query")
    if saved and asked:
        raise click.UsageError("--query is for --url; say what a saved answer holds by --saved ROLE=FILE.")
    if exporter == "other" and not asked and not saved:
        raise click.UsageError("--exporter other has no metrics of its own; give them by --query ROLE=PROMQL.")
    zone = _zone(timezone)
    text = read_text(path)
    known = parse_inventory(text, path)
    said: Said
    if url is not None:
        span = _span(start, end, step, zone)
        access = Access(url, timeout, not insecure_no_tls_check, ca_file, insecure_send_in_clear)
        server = Server(access)
        screen.notice(f"Asking {server.name} ...", quiet=quiet)
        said = ask(server, profile, span, asked, match=match, floors=io_floor)
    else:
        from_s, to_s = (None if one is None else _moment(one, zone).timestamp() for one in (start, end))
        files = [_role_of(one) for one in saved]
        for _, file in files:
            keep_input(output, file)
        said = read_saved(files, profile, from_s, to_s)
    wishes = Wishes(statistic, max(window, said.span.step_s), zone, io_floor)
    measured = measure(known, said, profile, wishes)
    fields = {name: tuple(values) for name, values in measured.fields.items()}
    renewed = renew_fields(text, measured.inventory(known), fields, path)
    if update is not None:
        if renewed.diff:
            screen.show_text(renewed.diff)
            screen.write(update, renewed.text, "the inventory", quiet=quiet)
    elif output is not None:
        screen.write(output, renewed.text, "the inventory", quiet=quiet)
    else:
        screen.show_text(renewed.text)
    for line in measured_lines(measured, known, said, profile, wishes):
        screen.notice(line, quiet=quiet)
    _show_busiest(measured, quiet=quiet)
    screen.notice(summary(renewed), quiet=quiet)


def _inventory(inventory: str | None, update: Path | None, output: Path | None) -> str:
    """Return the file with the inventory."""
    if update is not None and output is not None:
        raise click.UsageError("--update writes to the file that it renews; leave --output out.")
    if (inventory is None) == (update is None):
        raise click.UsageError("Give one inventory: INVENTORY, or --update FILE to renew it in place.")
    path = str(update) if inventory is None else inventory
    if output is not None and (output.suffix.lower() == ".json") != path.lower().endswith(".json"):
        raise click.UsageError(
            f"--output {output} would not be read as what {path} is; let both end in .json, or none."
        )
    return path


def _role_of(text: str) -> tuple[Role | None, str]:
    from planner.importers.prometheus_profiles import ASKED

    role, sign, path = text.partition("=")
    found = next((one for one in ASKED if one == role), None)
    return (found, path) if sign and found is not None else (None, text)


def _by_role(given: Sequence[str], option: str) -> Mapping[Role, str]:
    from planner.importers.prometheus_profiles import ASKED

    found: dict[Role, str] = {}
    for text in given:
        role, query = _role_of(text)
        if role is None or not query.strip():
            raise click.UsageError(
                f"{option} {text!r} names no role; write ROLE=PROMQL, ROLE one of {', '.join(ASKED)}."
            )
        if role in found:
            raise click.UsageError(f"{option} has two queries for {role}; give one.")
        found[role] = query
    return found


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.UsageError(f"--timezone {name!r} is not known; write it as Europe/Berlin or UTC.") from None


def _moment(text: str, zone: tzinfo | None) -> datetime:
    """Return a point in time, from a date or from a time ago."""
    from datetime import UTC, datetime, timedelta

    from planner.units import UnitError, parse_duration

    now = datetime.now(UTC)
    given = text.strip()
    if given == "now":
        return now
    if re.match(r"\d{4}-\d", given):
        try:
            found = datetime.fromisoformat(given)
            return found if found.tzinfo is not None else found.replace(tzinfo=zone).astimezone(zone)
        except (ValueError, OverflowError, OSError):
            pass
    elif re.search(r"[a-z]", given):
        try:
            return now - timedelta(seconds=parse_duration(given))
        except UnitError:
            pass
    raise click.UsageError(f"{text!r} is no time; write 2026-11-23T00:00, or a time ago such as 7d or 12h.")


def _span(start: str | None, end: str | None, step_s: float | None, zone: tzinfo | None) -> Span:
    from planner.importers.prometheus_ask import Span

    from_s, to_s = (_moment(one, zone).timestamp() for one in (start or "7d", end or "now"))
    if to_s <= from_s:
        raise click.UsageError("--from is not before --to.")
    if to_s - from_s > LONGEST_S:
        raise click.UsageError("More than 400 days are asked for; give a shorter time.")
    if step_s is None:
        step_s = next((one for one in STEPS_S if (to_s - from_s) / one <= MOST_STEPS), STEPS_S[-1])
    elif step_s < 1:
        raise click.UsageError("--step is less than a second.")
    elif (to_s - from_s) / step_s > 1_000_000:
        raise click.UsageError("--step is too short for so long a time; give a longer one.")
    # On the grid of the steps, so that the same question has the same answer a moment later.
    return Span(from_s // step_s * step_s, to_s // step_s * step_s, step_s)


def _show_busiest(measured: Measured, *, quiet: bool) -> None:
    """Show the VMs that write most, on stderr."""
    from planner.cli import screen
    from planner.importers.prometheus import busiest

    rows = list(busiest(measured, SHOWN))
    if not rows:
        return
    width = max(2, *(len(name) for name, _, _ in rows))
    screen.notice("Writing most [MB/s]:", quiet=quiet)
    screen.notice(f"  {'VM':<{width}}  {'median':>8}  {'mean':>8}  {'p95':>8}  busiest hour", quiet=quiet)
    for name, figures, hour in rows:
        cells = "  ".join(f"{figures[key] / 1e6:8.1f}" for key in ("median", "mean", "p95"))
        when = "-" if hour is None else f"{hour:02d}:00"
        screen.notice(f"  {name:<{width}}  {cells}  {when}", quiet=quiet)
