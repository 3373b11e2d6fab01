"""Schedulers for `ceas_gym`: the reference policy, baselines, and what judges them."""

from ceas_agents.contestants import load as load
from ceas_agents.policies import POLICIES as POLICIES
from ceas_agents.policies import Policy as Policy
