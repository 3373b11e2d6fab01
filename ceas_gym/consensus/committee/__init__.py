"""Consensus that trusts no single hub: a committee of c members, b of whom may be Byzantine.

It is executed message by message in plain Python, with a true tag on every message and key of which
no bit is used twice. `round.execute` is the round on one page. The compiled round does not use it
yet: there, one honest hub decides.

    settings         how many members, how many bad ones, how long the tags
    round            the page: corrections, updates, agreement, fetch, models -> `Outcome`
    agreement        on the value of one node, as a pure state machine: Turpin-Coan, phase king
    broadcast        the other agreement, with signatures: Dolev-Strong
    signatures       ideal signatures that others accept too, and what they cost
    members          what an honest member holds, says and hears
    network          messages, deadlines, and what bad parties see
    behaviours       what bad parties do, by name
    messages         bytes, and digests
    keys             every link's own key
    counts           how many tags and bits a round takes
    authentication   Wegman-Carter tags, one-time pads
    galois           the fields GF(2^t)

Source:
    Lamport, Shostak and Pease, ACM TOPLAS 4, 382 (1982): with tags alone c >= 3 b + 1 is necessary.
"""
