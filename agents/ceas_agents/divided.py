"""Commands whose work is divided into jobs: `tune`, `sweep`, `train`, `leaderboard`, and more."""

from pathlib import Path
from typing import Annotated

import typer

from ceas_agents.arguments import Cores, Jobs, On, Overrides, Overwrite, keep_results


def tune(
    scenario: Annotated[str, typer.Argument(help="shipped name or path of a YAML file")],
    policy: Annotated[
        list[str] | None, typer.Option(help="contestant; repeat for several; by default all")
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="training seeds of each trial")] = 12,
    out: Annotated[
        Path | None, typer.Option(help="folder for the results; by default runs/tune/ and the name")
    ] = None,
    on: On = "processes",
    jobs: Jobs = 1,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the learning rate and the cadence that suit each policy, with the same effort for all.

    Of as many trials on the same seeds for every policy, the one with the best accuracy on the
    validation split wins. To make evaluate use the result on a scenario NAME, copy tuned.yaml, or
    the lines of one policy, to agents/ceas_agents/evaluation/tuned/NAME.yaml.

    If it is stopped, run it again: it continues where it was.

    Example: ceas-gym tune metro --jobs 2
    """
    from ceas_agents.evaluation import contestants
    from ceas_agents.executors.run import checked
    from ceas_agents.tuning import run as tuning
    from ceas_agents.tuning import search
    from ceas_gym import config

    settings = config.load(scenario, dict(config.parse_override(text) for text in overrides or []))
    names = policy or search.everyone(settings.episode.decision)
    chosen = [contestants.get(name) for name in dict.fromkeys(names)]
    folder = out or Path("runs/tune") / Path(scenario.strip()).stem
    keep_results(folder / tuning.FOUND, overwrite=overwrite)
    with config.naming(scenario):
        plan = search.plan(settings, chosen, episodes)
    command = tuning.command(scenario, policy or [], overrides or [], episodes)
    tuning.tune(plan, folder, checked(on, jobs), command, overwrite=overwrite)


def sweep(
    file: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the sweep")],
    out: Annotated[
        Path | None, typer.Option(help="folder for the results; by default runs/ and the name")
    ] = None,
    on: On = "processes",
    jobs: Jobs = 1,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Play every combination of what a file varies; print a table in per cent, write the rows.

    If it is stopped, run it again: it continues where it was.

    Example: ceas-gym sweep configs/worst-case.yaml --jobs 2
    """
    from ceas_agents.executors.run import checked
    from ceas_agents.sweeps import plan as sweep_plan
    from ceas_agents.sweeps import run as sweeping
    from ceas_gym import config

    changes = dict(config.parse_override(text) for text in overrides or [])
    plan = sweep_plan.load(file, changes)
    folder = out or Path("runs") / file.stem
    sweeping.sweep(plan, folder, checked(on, jobs), overwrite=overwrite)


def train(
    file: Annotated[Path, typer.Argument(metavar="CONFIG", help="YAML file of the training")],
    out: Annotated[
        Path | None, typer.Option(help="folder for the agent; by default runs/train/ and the name")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="in place of the file's seed")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="trainings, each with a seed of its own")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="in place of the file's steps")] = None,
    on: On = "processes",
    jobs: Jobs = 1,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Train a scheduler, validated against CEAS as it learns.

    With Stable-Baselines3 (learner: sb3.ppo and others), or in one program (jax.ppo, jax.dqn).

    If it is stopped, run it again: it continues where it was. The agent plays as any other policy
    does: evaluate paper --policy ceas --policy runs/train/NAME/best.npz

    Example: ceas-gym train configs/agents/ppo-residual.yaml
    """
    from ceas_agents.executors.run import checked
    from ceas_agents.training import plan as plans
    from ceas_agents.training import seeds as training
    from ceas_gym import config

    changes = dict(config.parse_override(text) for text in overrides or [])
    plan = plans.load(file, changes, seed=seed, seeds=seeds, steps=steps)
    folder = out or Path("runs/train") / file.stem
    training.train_all(plan, folder, checked(on, jobs), overwrite=overwrite)


def leaderboard(
    policy: Annotated[str, typer.Argument(help="contestant, agent, .npz or module:function")],
    track: Annotated[
        list[str] | None,
        typer.Option(help="windows or partitions; repeat for several; by default all"),
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(min=1, help="seeds of each cell; by default all of the suite")
    ] = None,
    salt: Annotated[
        Path | None, typer.Option(help="file of the secret salt, for the rows that are held back")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder; by default runs/leaderboard/ and the name")
    ] = None,
    on: On = "processes",
    jobs: Jobs = 1,
    overrides: Overrides = None,
    overwrite: Overwrite = False,
) -> None:
    """Play a fixed suite with one policy, and write a row for docs/leaderboard.md.

    Shipped contestants play at their tuned settings. A policy of your own plays at the learning
    rates of the scenarios, or at one that you give with --set learning.learning_rate=RATE. Nothing
    else can be set. If it is stopped, run it again: it continues where it was.

    Example: ceas-gym leaderboard my_module:my_policy --set learning.learning_rate=0.4 --jobs 2
    """
    from ceas_agents.executors.run import checked
    from ceas_agents.leaderboard import entry, row, suite
    from ceas_agents.leaderboard import run as board
    from ceas_gym import config

    engine = checked(on, jobs)
    who = entry.entry(policy, dict(config.parse_override(text) for text in overrides or []))
    folder = out or Path("runs/leaderboard") / entry.folder_name(policy)
    keep_results(folder / board.ROW, overwrite=overwrite)
    playing = suite.salted(suite.SUITE, salt) if salt else suite.SUITE
    plan = row.plan(who, playing, episodes, track or [])
    board.play(plan, folder, engine, overwrite=overwrite)


def reproduce(
    out: Annotated[Path, typer.Option(help="folder for report and data")] = Path("runs/reproduce"),
    quick: Annotated[
        bool, typer.Option("--quick", help="few seeds and settings, to see that it works")
    ] = False,
    on: On = "processes",
    jobs: Cores = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure the paper's claims; write a report that opens in a browser, and all data behind it.

    The whole takes about three quarters of an hour on two cores, and a quick run about ten minutes,
    most of them compilation. If it is stopped, run it again: it continues where it was.

    Example: ceas-gym reproduce --quick --out runs/quick
    """
    from ceas_agents.executors.run import checked
    from ceas_agents.reproduction import run as reproduction
    from ceas_gym.jax_utils import parallel

    engine = checked(on, jobs or parallel.usable_cores())
    reproduction.reproduce(out, engine, quick=quick, overwrite=overwrite)
