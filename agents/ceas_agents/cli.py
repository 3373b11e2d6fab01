"""The command line `ceas-gym`."""

import io
import os
import platform
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from ceas_agents.arguments import Overrides, Overwrite, keep_results
from ceas_agents.divided import leaderboard, reproduce, sweep, train, tune

DEFAULT_POLICIES = {
    "round": ("ceas", "oblivious-fair", "oblivious-naive"),
    "window": ("ceas", "ceas-open", "subset-hold", "static-subset", "oblivious-fair"),
}
INTERRUPTED = 130
"""Exit code after an interrupt, as shells have it."""
BOUNDED_POLICIES = ("ceas", "proportional_fair", "freshest_first", "max_weight", "uniform")
# Typer gives the base class of its exceptions no public name.
UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        versions = (f"ceas-gym {version('ceas-gym')}", f"JAX {version('jax')}")
        typer.echo(", ".join([*versions, f"Python {platform.python_version()}"]))
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="print versions, and exit"
        ),
    ] = False,
    cache: Annotated[
        bool, typer.Option(help="keep compiled programs in the user's cache folder")
    ] = True,
) -> None:
    """Play, train and compare schedulers of Bell pairs."""
    from ceas_agents import compiled

    if cache:
        compiled.keep()
    else:
        compiled.keep_nothing()


@app.command()
def evaluate(
    scenario: Annotated[str, typer.Argument(help="shipped name or path of a YAML file")],
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="contestant; repeat for several: the others are compared with the first; by "
            f"default {', '.join(DEFAULT_POLICIES['round'])}, or those that suit windows"
        ),
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="seeds to play")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="first seed")] = 0,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("runs/evaluate"),
    untuned: Annotated[
        bool, typer.Option("--untuned", help="play all at the scenario's own learning rate")
    ] = False,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Play episodes with each policy; print a table in per cent, write rows and plots.

    On the scenarios for which tuned settings are shipped, each policy plays at the learning rate
    and the cadence that `ceas-gym tune` found for it, unless --set gives others. A policy of your
    own plays at the scenario's; `ceas-gym tune` finds a better one for it.

    Some contestants bring a protocol of their own: oblivious-fair has equal weights, and
    oblivious-naive also the rule mean, no cut-off, and no need of tags. In the table, nodes are
    those counted at a barrier, and rounds those committed, on average.

    Example: ceas-gym evaluate paper --policy ceas --policy uniform --set attack.name=alie
    """
    from ceas_agents.evaluation import contestants, play, tuned
    from ceas_agents.evaluation import run as evaluation
    from ceas_gym import config

    changes = dict(config.parse_override(text) for text in overrides or [])
    settings = config.load(scenario, changes)
    decision = settings.episode.decision
    chosen = [contestants.get(name) for name in dict.fromkeys(policy or DEFAULT_POLICIES[decision])]
    if not untuned:
        given = config.stripped(changes)
        chosen = [tuned.contestant(scenario, one, given, decision) for one in chosen]
    keep_results(out / "episodes.csv", overwrite=overwrite)
    with config.naming(scenario):
        params = play.prepare(settings, chosen)
    evaluation.evaluate(settings, chosen, params, range(seed, seed + episodes), out)


for divided in (tune, sweep, train, leaderboard):
    app.command()(divided)


@app.command()
def bench(
    scenario: Annotated[str, typer.Argument(help="shipped name or path of a YAML file")] = "paper",
    overrides: Overrides = None,
    repeats: Annotated[int, typer.Option(min=3, help="turns that each contender takes")] = 7,
    out: Annotated[Path, typer.Option(help="folder for bench.json")] = Path("runs/bench"),
    grow: Annotated[
        bool, typer.Option("--growth", help="also: time against nodes, qubits, samples, rows")
    ] = False,
    learn: Annotated[
        bool, typer.Option("--learners", help="also: learning in JAX and by Stable-Baselines3")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Time rounds, compare them with PennyLane alone, and show where the time goes.

    There is no attack unless one is set. It takes five to ten minutes, and as long again for the
    growth or for the learners. In bench.json, times are in s.

    Example: ceas-gym bench paper --growth
    """
    from ceas_agents.bench import run
    from ceas_gym import config

    changes = dict(config.parse_override(text) for text in overrides or [])
    keep_results(out / "bench.json", overwrite=overwrite)
    run.bench(
        config.load(scenario, {"attack.name": "none"} | changes),
        repeats,
        out,
        grow=grow,
        learn=learn,
    )


@app.command()
def bound(
    scenario: Annotated[str, typer.Argument(help="shipped name or path of a YAML file")] = "micro",
    policy: Annotated[list[str] | None, typer.Option(help="contestant; repeat for several")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="seeds to play")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="first seed")] = 0,
    out: Annotated[Path, typer.Option(help="folder for bound.json")] = Path("runs/bound"),
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Compare the information that policies deliver with what no scheduler can exceed, in per cent.

    The bound is that of an oracle that knows all link conditions in advance; where the scenario is
    small enough, as `micro` is, the exact optimum stands beside it.

    Example: ceas-gym bound paper-drift --policy ceas --policy proportional_fair --episodes 5
    """
    from ceas_agents.evaluation import bound as bounding
    from ceas_agents.evaluation import contestants
    from ceas_gym import config

    settings = config.load(scenario, dict(config.parse_override(text) for text in overrides or []))
    chosen = [contestants.get(name) for name in dict.fromkeys(policy or BOUNDED_POLICIES)]
    keep_results(out / "bound.json", overwrite=overwrite)
    with config.naming(scenario):
        bounding.compare(settings, chosen, range(seed, seed + episodes), out)


@app.command()
def replay(
    run: Annotated[Path, typer.Argument(help="folder of a run of ceas-gym evaluate")],
    policy: Annotated[
        list[str] | None,
        typer.Option(help="contestant of the run; repeat for two; by default its first two"),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="which episode; by default the run's first")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="file to write; by default replay.html in the folder")
    ] = None,
) -> None:
    """Show an episode of a run window by window, in a page that opens without a network.

    The page has the network on a map, with pairs as they are born, age and are spent, and key,
    barriers, votes and accuracy, for up to two policies side by side on the same seed. The episodes
    are played once more, and checked against the rows of the run.

    Example: ceas-gym replay runs/evaluate --seed 3
    """
    from ceas_agents.replay import run as replaying

    replaying.replay(run, policy or [], seed, out)


app.command()(reproduce)


@app.command()
def links(
    scenario: Annotated[str, typer.Argument(help="shipped name or path of a YAML file")],
    overrides: Overrides = None,
) -> None:
    """Show what each link can do: its pairs, their fidelity and lifetime, and the time for tags.

    So it shows in seconds what becomes of a map, and whether hardware is good enough to learn with.

    Example: ceas-gym links scarce --set hardware.node_coherence_s=20
    """
    from ceas_agents.console import output, show_next
    from ceas_agents.evaluation import links as figures
    from ceas_gym import config

    settings = config.load(scenario, dict(config.parse_override(text) for text in overrides or []))
    with config.naming(scenario):
        table, lines = figures.show(settings)
    screen = output()
    screen.print(table)
    for line in lines:
        screen.print(line, soft_wrap=True)
    sets = [word for text in overrides or [] for word in ("--set", text)]
    show_next("evaluate", scenario, *sets)


@app.command("list")
def list_names(
    kind: Annotated[
        str | None, typer.Argument(help="one kind only, such as rules or hardware")
    ] = None,
) -> None:
    """Show what can be named: scenarios, policies, hardware presets, attacks, rules and more.

    For hardware alone, it shows the figures of every preset and their sources; for scenarios alone,
    it shows how scarce channel-time is in each, in windows.
    """
    from ceas_agents import catalogue

    typer.echo(catalogue.text(kind), file=sys.stdout)


def main() -> None:
    """Runs the command line: bad input gives one line and exit code 2, an interrupt gives 130."""
    # The user's own policies, attacks and circuits, `module:function`, are in the current folder.
    sys.path.insert(0, "")
    _print_anything()
    # Whoever ends it politely is heard as one who presses Ctrl-C: what is finished is kept.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except UsageError as error:
        code = _fail(error.format_message())
    except (ValueError, OSError) as error:
        code = _fail(" ".join(str(error).split()))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    sys.exit(code)


def program() -> None:
    """Runs the command line as a program of its own: after an interrupt, it ends at once.

    What was finished is written by then. Threads of XLA may still compute, and would crash while
    Python takes itself apart.
    """
    try:
        main()
    except SystemExit as ended:
        if ended.code != INTERRUPTED:
            raise
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(INTERRUPTED)


def _print_anything() -> None:
    # Characters that a stream's encoding lacks are escaped, so that a name does not end a command.
    # Typer would print UTF-8 where it is told to print ASCII, unless it is given the stream.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _fail(message: str) -> int:
    typer.echo(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    program()
