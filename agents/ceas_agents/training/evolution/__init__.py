"""Evolution: a search for the few weights of a steering network, over whole episodes, in JAX.

`search` is the method, `episodes` what a candidate is judged by, and `trainer` puts them together.
One decision hardly changes an episode, and what it changes shows only after many barriers. So whole
episodes are compared, and all candidates play the same ones.
"""
