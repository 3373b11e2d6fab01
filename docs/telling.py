"""How well two kinds of episodes can be told apart by what was validated, for `trust.py`."""

import numpy as np
from numpy.typing import NDArray
from show import Values

GUESS = np.log(3)
"""Loss of a model that finds all three classes equally likely, in nats."""
FOLDS = 8
ACCURACY, LOSS, LOWEST = 0, 7, 11
"""Places of what a gate watches in `features`; both losses have the sign of a gain."""
Validated = list[tuple[float, float, float]]
"""Time in s, validation accuracy and loss at the start and after each barrier."""


def features(history: Validated, time: float) -> list[float]:
    """Returns what can be said of an episode until a time.

    Args:
        history: Of the episode.
        time: In s.

    Returns:
        Of the accuracy and of the loss: the last one, the first, the one before the last, the mean,
        the best, the mean of the last three, and how often it improved. The accuracy comes first.
    """
    past = np.array([row for row in history if row[0] <= time])
    # The loss of an untrained model is not kept. Until there is another, a guess stands for it.
    losses = past[1:, 2] if len(past) > 1 else [GUESS]
    accuracy, loss = past[:, 1], np.clip(np.nan_to_num(losses, nan=4.0), 0, 4)
    return [*_said(accuracy), *_said(-loss)]


def _said(values: Values) -> list[float]:
    last, before = values[-1], values[-2:][0]
    better = float((np.diff(values) > 0).mean()) if len(values) > 1 else 0.0
    return [last, values[0], before, values.mean(), values.max(), values[-3:].mean(), better]


def judged(seen: Values, is_random: NDArray[np.bool_]) -> Values:
    """Returns the log odds that attackers are at random, of a model that has not seen the episode.

    Logistic regression on standardised features, trained on the other folds. The two episodes of a
    seed begin with the same model, so they are in the same fold.

    Args:
        seen: Features, shape (episodes, features); first of all seeds at random, then of the same
            seeds on the best links.
        is_random: Where the attackers were.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression())
    seeds = np.tile(np.arange(len(seen) // 2), 2)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=0)
    return cross_val_predict(
        model, seen, is_random, groups=seeds, cv=folds, method="decision_function"
    )


def separation(score: Values, is_random: NDArray[np.bool_]) -> float:
    """Returns the area under the ROC curve: the chance that an episode at random scores higher.

    Args:
        score: Of each episode.
        is_random: Where the attackers were.

    Example:
        >>> separation(np.array([1.0, 0.5, 0.5, 0.0]), np.array([True, True, False, False]))
        0.875
    """
    above = np.sign(score[is_random][:, None] - score[~is_random])
    return float((above.mean() + 1) / 2)
