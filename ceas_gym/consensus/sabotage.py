"""What the coalition does with the hub's mail: it boasts, and writes in the name of others."""

from dataclasses import replace

import jax
import jax.numpy as jnp

from ceas_gym.consensus import attacks
from ceas_gym.types import Coalition, Delivery, Params, Received, Sabotage


def over_claim(
    params: Params, coalition: Coalition, received: Received, delivery: Delivery
) -> Received:
    """Returns what the hub holds when the acting nodes claim more information (`over_claiming`).

    They claim `claim_factor` times what they have; it counts where weights are made of claims.
    """
    del delivery
    if not params.consensus.trusts_claims:
        return received
    claimed = jnp.where(coalition.acting, params.adversary.claim_factor, 1.0) * received.information
    return replace(received, information=claimed)


def forge(params: Params, coalition: Coalition, received: Received, delivery: Delivery) -> Received:
    """Returns what the hub holds when the coalition writes in the honest nodes' names (`forgery`).

    A message in the name of an authenticated node passes with the probability that the tag's
    security allows at most; if it does, the coalition decides what it says, if not, the node's own
    one counts. In the name of a node without key nothing passes, since the hub has no key either to
    check it with.
    """
    # One number of 32 bits is too coarse for so rare an event; two in a row are not.
    guesses = jax.random.uniform(coalition.key, (2, *coalition.acting.shape))
    luck = (guesses < jnp.sqrt(params.consensus.forgery_probability)).all(axis=0)
    forges = attacks.replaces(params.adversary, coalition)
    open_to_it = forges & ~coalition.members & delivery.authenticated
    return replace(received, forged=received.forged | (luck & open_to_it))


SABOTAGE: dict[str, Sabotage] = {
    "over_claiming": Sabotage(
        about="Claim `claim_factor` times the information, if weights are `claimed`.",
        received=over_claim,
    ),
    "forgery": Sabotage(
        about="Beside every honest update, send one in its node's name with a forged tag.",
        received=forge,
    ),
}
