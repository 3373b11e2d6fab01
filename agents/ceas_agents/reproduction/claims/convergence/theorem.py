"""Theorem 1: its terms, and the constants of the neural network that it needs.

Let the loss be L-smooth, the step size eta <= 1/L, and theta <- theta - eta (grad + e) in every
committed round. Then loss_t+1 <= loss_t - (eta/2) |grad|^2 + (eta/2) |e|^2. If the loss also
satisfies the Polyak-Lojasiewicz (PL) condition with mu, for example because it is mu-strongly
convex, then for any Delta_t^2 >= E |e|^2

    E loss_t+1 - loss* <= (1 - eta mu) (E loss_t - loss*) + (eta/2) Delta_t^2,

and E loss_T - loss* <= (1 - eta mu)^T (loss_0 - loss*) + Delta^2 / (2 mu), where Delta is the
largest Delta_t. A trimmed mean removes the weight beta at each end. Whatever the Byzantine nodes of
weight W <= beta < 1/2 send, it satisfies

    Delta = sqrt(kappa V) + sqrt(S) + |b|,        kappa = (2 beta - W) / (1 - 2 beta),
    V = sum_i w_i ((1 - w_i) s_i^2 + |b_i - b|^2),   S = sum_i w_i^2 s_i^2,   b = sum_i w_i b_i,

with sums over the honest nodes i, whose weights w_i are normalised to sum to one, and whose updates
have the biases b_i and the variances s_i^2. The term kappa V bounds the squared shift of the honest
mean by trimming and coalition (from quantiles, in each coordinate), S is the variance of that mean,
and Minkowski's inequality adds the three terms.

Source:
    The descent inequality and the PL condition: Karimi, Nutini and Schmidt, ECML PKDD 2016,
    arXiv:1608.04636. The bound Delta of the trimmed mean is derived here.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ceas_gym.learning import learners, pullback
from ceas_gym.types import Delivery, Learning, Pulled

MODELS, INERT = 8, 1e-5
"""Number of random models that show which angles have an influence, and the largest slope that
counts as a rounding error."""


def kappa(beta: Array | float, byzantine: Array | float) -> Float[Array, ""]:
    """Returns (2 beta - W) / (1 - 2 beta), or infinity unless W <= beta < 1/2.

    Args:
        beta: Weight that is trimmed at each end, in [0, 1].
        byzantine: Weight W of the Byzantine nodes, in [0, 1].

    Source:
        Derived for Theorem 1 (see the module).

    Example:
        >>> round(float(kappa(0.2, 0.2)), 4), float(kappa(0.2, 0.3))
        (0.3333, inf)
    """
    trimmed, weight = jnp.asarray(beta), jnp.asarray(byzantine)
    holds = (weight <= trimmed) & (trimmed < 0.5)
    return jnp.where(holds, (2 * trimmed - weight) / jnp.where(holds, 1 - 2 * trimmed, 1), jnp.inf)


def squared_error(
    weight: Float[Array, " nodes"],
    honest: Bool[Array, " nodes"],
    beta: Array | float,
    variances: Float[Array, " nodes"],
    biases: Float[Array, "nodes parameters"],
) -> Float[Array, ""]:
    """Returns Delta^2, the bound on the expected squared error of a weighted trimmed mean.

    Args:
        weight: In [0, 1]; they sum to one, and are zero where a node is not counted.
        honest: Which nodes are not Byzantine.
        beta: Weight that is trimmed at each end, in [0, 1].
        variances: Variances of the updates, summed over the parameters; finite.
        biases: Expected update minus the gradient; finite.

    Returns:
        At least 0; infinite unless the Byzantine weight is at most beta and beta < 1/2.

    Source:
        Derived for Theorem 1 (see the module).
    """
    share = jnp.where(honest, weight, 0)
    share = share / jnp.maximum(share.sum(), 1e-30)
    bias = share @ biases
    spread = share @ ((1 - share) * variances + ((biases - bias) ** 2).sum(axis=1))
    factor = kappa(beta, jnp.where(honest, 0, weight).sum())
    noise = share**2 @ variances
    return (jnp.sqrt(factor * spread) + jnp.sqrt(noise) + jnp.linalg.norm(bias)) ** 2


def smoothness(learning: Learning) -> float:
    """Returns an L for which the training loss is L-smooth, for all weights of the model.

    A score z_c is the logit scale a times the expectation value of a Pauli word, up to its sign,
    and an angle enters by exp(-i angle/2 P). By the parameter-shift rule, its first and second
    derivatives are means of such scores with signs, so they are at most a. With K angles that have
    an influence, the gradient of z_c has a length of at most a sqrt(K), and its Hessian a norm of
    at most a K. In the Hessian of a sample's cross-entropy, with probabilities p and
    q = 1 - p_label,

        sum_c (p_c - [c = label]) Hessian(z_c) + Cov_p(grad z),

    the first term is at most 2 q a K. The second is at most a^2 K, and for two classes, whose
    scores are opposite, at most 4 q (1 - q) a^2 K. L is the maximum of their sum over q; the mean
    over samples does not exceed it. If a weight enters several angles, L is multiplied by the
    squared norm of the derivatives of the angles. An angle without influence has no slope anywhere;
    one with influence has a slope at random models with probability one.

    Args:
        learning: Circuit, readout and logit scale.

    Returns:
        L of the loss in nats, above 0.

    Source:
        Mitarai et al., PRA 98, 032309 (2018); Schuld et al., PRA 99, 032331 (2019).
    """
    program, scale, two = learning.program, float(learning.logit_scale), len(learning.readout) == 2
    models = np.pi * jax.random.normal(jax.random.key(0), (MODELS, program.parameters))
    slopes = jax.lax.map(lambda model: pullback.pull(program, model).derivatives, models)
    active = np.asarray(jnp.abs(slopes).max(axis=(0, 1, 2)) > INERT)
    per_weight = np.linalg.norm(program.jacobian[active], 2) ** 2
    wrong = min(1.0, 0.5 + 1 / (4 * scale)) if two else 1.0
    spread = 4 * wrong * (1 - wrong) if two else 1.0
    return float(active.sum() * per_weight * (2 * scale * wrong + scale**2 * spread))


def loss(learning: Learning, weights: Float[Array, " parameters"]) -> Float[Array, ""]:
    """Returns the noiseless cross-entropy of the training split, in nats.

    Args:
        learning: Data, circuit and loss.
        weights: Parameters of the model.
    """
    observables = pullback.observables(learning.program, weights)
    scores = learners.logits(learning, learning.training.paulis, observables)
    return learners.cross_entropy(scores, learning.training.labels)


def moments(
    learning: Learning, pulled: Pulled, delivery: Delivery
) -> tuple[Float[Array, "nodes parameters"], Float[Array, " nodes"]]:
    """Returns the mean of the draws of `learners.gradients`, and their variance over parameters.

    With B samples of gradient g in a batch, S shots, K angles, Q observables and the derivatives J
    of the angles by the weights,

        variance = v + (K Q E |dl/df|^2 |J|^2 - |E g|^2 - v) / S,    v = (E |g|^2 - |E g|^2) / B,

    where E is the mean over the node's samples. For a node without shots, both are meaningless.

    Args:
        learning: Data, circuit and loss.
        pulled: Observables and derivatives at the parameters of the global model.
        delivery: Shots, at least 0, and contractions, in [0, 1], of each node.

    Source:
        Law of total variance, for the doubly stochastic estimator of Sweke et al., Quantum 4, 314
        (2020), arXiv:1910.01155.
    """
    training, jacobian = learning.training, jnp.asarray(learning.program.jacobian)
    kept = (delivery.contraction @ learning.type_of_pauli)[:, None]
    expected = jnp.einsum("sp,nop->nso", training.paulis, kept * pulled.observables)
    scores = learning.logit_scale * expected @ learning.readout.T
    wrong = jax.nn.softmax(scores) - jax.nn.one_hot(training.labels, scores.shape[-1])
    slope = learning.logit_scale * wrong @ learning.readout
    lost = (kept[..., None] * pulled.derivatives) @ jacobian
    gradient = jnp.einsum("nso,sp,nopk->nsk", slope, training.paulis, lost)

    row, place = jnp.indices(learning.shards.shape)
    sizes = learning.shard_sizes[:, None]
    chance = jnp.where(place < sizes, 1 / sizes, 0)
    chance = jnp.zeros(gradient.shape[:2]).at[row, learning.shards].add(chance)
    mean = jnp.einsum("ns,nsk->nk", chance, gradient)
    square = (mean**2).sum(axis=1)
    of_batch = ((chance * (gradient**2).sum(axis=2)).sum(axis=1) - square) / learning.batch_size
    second = (chance * (slope**2).sum(axis=2)).sum(axis=1) * jacobian.shape[0] * slope.shape[2]
    of_shot = second * (jacobian**2).sum() - square - of_batch
    return mean, of_batch + of_shot / jnp.maximum(delivery.shots, 1)
