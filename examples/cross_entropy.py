"""Trains a linear policy by the cross-entropy method, as a single compiled function."""

import jax
import jax.numpy as jnp

import ceas_gym

ROUNDS, EPISODES, POPULATION, ELITE, GENERATIONS, FEATURES = 6, 4, 16, 4, 5, 17
params = ceas_gym.make_params("tiny", {"episode.rounds": ROUNDS, "episode.reward": "information"})


def episode_return(weights, key):
    """Returns the return of an episode whose shares are a softmax of weighted node features."""

    def one_round(carry, key):
        observation, state = carry
        share = jax.nn.softmax(observation.nodes @ weights)
        action = jnp.broadcast_to(2 * share - 1, (params.network.windows, share.size))
        observation, state, reward, *_ = ceas_gym.step(key, state, action, params)
        return (observation, state), reward

    keys = jax.random.split(key, ROUNDS + 1)
    return jax.lax.scan(one_round, ceas_gym.reset(keys[0], params), keys[1:])[1].sum()


def generation(search, key):
    """Returns the mean and spread of the best of some random policies, and their mean return."""
    mean, spread = search
    weights_key, episodes_key = jax.random.split(key)
    weights = mean + spread * jax.random.normal(weights_key, (POPULATION, FEATURES))
    play_all = jax.vmap(jax.vmap(episode_return, (None, 0)), (0, None))
    returns = play_all(weights, jax.random.split(episodes_key, EPISODES)).mean(axis=1)
    best = weights[jnp.argsort(-returns)[:ELITE]]
    return (best.mean(axis=0), best.std(axis=0) + 0.1), returns.mean()


start = (jnp.zeros(FEATURES), jnp.full(FEATURES, 3.0))
keys = jax.random.split(jax.random.key(0), GENERATIONS)
_, returns = jax.jit(lambda start, keys: jax.lax.scan(generation, start, keys))(start, keys)
print("mean return by generation:", *(f"{value:.4f}" for value in returns))
