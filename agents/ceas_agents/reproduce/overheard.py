"""What a round delivered, of which the record of a round says nothing."""

from dataclasses import replace

from jaxtyping import Array

from ceas_gym.types import Consensus, Delivery, Params, Received, Workers


def listening(params: Params) -> tuple[Params, list[Delivery]]:
    """Returns the same scenario, and a list that every traced step puts its delivery in.

    The step keeps its delivery to itself, but tells it to the function for lapses.

    Args:
        params: Any scenario; what comes out of its rounds does not change.
    """
    heard: list[Delivery] = []

    def lapse(
        consensus: Consensus, workers: Workers, delivery: Delivery, measured: Array
    ) -> Received:
        heard.append(delivery)
        return params.consensus.lapse(consensus, workers, delivery, measured)

    return replace(params, consensus=replace(params.consensus, lapse=lapse)), heard
