"""`ceas-gym leaderboard`: any policy on one fixed suite, as a row that others can play again."""
