"""Sabotage of messages to the hub: false claims of information, and forged updates."""

from dataclasses import replace

import jax
import jax.numpy as jnp

from ceas_gym.consensus import attacks
from ceas_gym.types import Coalition, Delivery, Params, Received, Sabotage


def over_claim(
    params: Params, coalition: Coalition, received: Received, delivery: Delivery
) -> Received:
    """Returns the received updates when acting nodes overstate their information (`over_claiming`).

    They claim `claim_factor` times the information that they have, in shots of perfect signal. It
    has an effect only where weights rest on claims.
    """
    del delivery
    if not params.consensus.trusts_claims:
        return received
    claimed = (
        jnp.where(coalition.acting_teams, params.adversary.claim_factor, 1.0) * received.information
    )
    return replace(received, information=claimed)


def forge(params: Params, coalition: Coalition, received: Received, delivery: Delivery) -> Received:
    """Returns the received updates when the coalition forges messages of honest nodes (`forgery`).

    A forged message of an authenticated node passes with the greatest probability that the security
    of the tag allows, 2^-security_bits. With a committee it must pass at several honest members
    (`setup.build`). If it passes, the coalition chooses the update; if not, the node's own update
    counts. No message of a node without key passes, because the hub has no key to check it with.

    Source:
        Wegman and Carter, JCSS 22, 265 (1981), for the probability of a forgery.
    """
    # A uniform number of 32 bits is too coarse for so rare an event, so it is made of two events.
    guesses = jax.random.uniform(coalition.key, (2, *coalition.acting_teams.shape))
    luck = (guesses < jnp.sqrt(params.consensus.forgery_probability)).all(axis=0)
    forges = attacks.replaces(params.adversary, coalition)
    open_to_it = forges & ~coalition.teams & delivery.authenticated
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
