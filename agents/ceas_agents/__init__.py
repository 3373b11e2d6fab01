"""Schedulers for `ceas_gym`: the reference policy, baselines, and their evaluation."""

from ceas_agents.evaluation.contestants import load as load
from ceas_agents.policies.base import Policy as Policy
from ceas_agents.policies.registry import POLICIES as POLICIES
